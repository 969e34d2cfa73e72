package hosted

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/web"
)

// showStep shows the page that a sign-in is at. Whoever asks for another one is
// sent to it.
func (p *Pages) showStep(w http.ResponseWriter, r *http.Request) error {
	query, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	v, err := p.Authorize.Show(r.Context(), query.Get("state"), query.Get("connection"), p.browser(r))
	if err != nil {
		return err
	}
	web.RecordOf(r.Context()).ClientID = string(v.Client.ID)
	if here := p.address(v.Page, &v.Transaction); r.URL.Path != pathOf(here) {
		p.redirect(w, here)
		return nil
	}
	return p.render(w, &v, problem{}, p.entry(r, web.Params{}))
}

// form is what a page sends. The id of the sign-in is in its address, so that
// the page can be loaded again.
type form struct {
	web.Params
	state  string
	action string
}

func readForm(w http.ResponseWriter, r *http.Request) (form, error) {
	query, err := web.ReadQuery(r)
	if err != nil {
		return form{}, err
	}
	body, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return form{}, err
	}
	f := form{Params: body, state: query.Get("state"), action: body.Get("action")}
	if len(repeated) > 0 {
		return f, errForm
	}
	return f, nil
}

// errCooling says that another code was asked for too soon.
var errCooling = fault.New(fault.TooMany, "too_many_requests", "A code was asked for only just now.")

var errForm = fault.New(fault.Invalid, "invalid_request", "The form cannot be read.")

// identify takes a number or an address.
func (p *Pages) identify(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	b := p.browser(r)
	v, err := p.Authorize.Show(r.Context(), f.state, f.Get("connection"), b)
	if err != nil {
		return err
	}
	web.RecordOf(r.Context()).ClientID = string(v.Client.ID)
	e := p.entry(r, f.Params)
	in := authorize.Identification{Connection: f.Get("connection"), Identifier: e.typed, Answer: f.Get("answer")}
	for _, c := range v.Connections {
		if c.Name != in.Connection {
			continue
		}
		v.Connection = c
		if v.Page == authorize.PageCode {
			v.Page = authorize.PageIdentify
		}
		if what := misspelt(&v, e, &in); what.text != "" {
			return p.render(w, &v, what, e)
		}
	}
	step, err := p.Authorize.Identify(r.Context(), f.state, in, b)
	if err == nil && step.Puzzle != nil {
		return p.challenge(w, &v, step, e)
	}
	if err == nil && takesNumbers(v.Connection) {
		p.keepCountry(w, e, in.Identifier)
	}
	return p.after(w, r, f, step, err)
}

// challenge shows the page on which the browser solves a puzzle: the one that
// asks for the number, whichever page it was asked on.
func (p *Pages) challenge(w http.ResponseWriter, v *authorize.View, step authorize.Step, e entry) error {
	v.Page = authorize.PageIdentify
	return p.render(w, v, problem{puzzle: step.Puzzle}, e)
}

// misspelt reads what was typed, and says what is wrong with it.
func misspelt(v *authorize.View, e entry, in *authorize.Identification) (what problem) {
	sms := takesNumbers(v.Connection)
	switch {
	case e.typed == "" && sms:
		return problem{field: true, text: textNoPhone}
	case e.typed == "":
		return problem{field: true, text: textNoEmail}
	case sms:
		in.Identifier, what = readPhone(v, e)
	default:
		if _, err := address.Email(e.typed); err != nil {
			return problem{field: true, text: textBadEmail}
		}
	}
	return what
}

// verify takes a code, or the wish for another, or for another number.
func (p *Pages) verify(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	b, ctx := p.browser(r), r.Context()
	var step authorize.Step
	switch f.action {
	case "default", "":
		step, err = p.Authorize.Verify(ctx, f.state, f.Get("code"), b)
	case "resend":
		if step, err = p.Authorize.Resend(ctx, f.state, b); err == nil && step.Puzzle != nil {
			v, err := p.Authorize.Show(ctx, f.state, "", b)
			if err != nil {
				return err
			}
			return p.challenge(w, &v, step, p.entry(r, web.Params{}))
		}
	case "edit":
		step, err = p.Authorize.Edit(ctx, f.state, b)
	default:
		err = errForm
	}
	return p.after(w, r, f, step, err)
}

// consent takes what somebody says to what an application asks for.
func (p *Pages) consent(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	if f.action != "accept" && f.action != "decline" {
		return errForm
	}
	step, err := p.Authorize.Consent(r.Context(), f.state, f.action == "accept", p.browser(r))
	return p.after(w, r, f, step, err)
}

// after goes on after a step, or shows what was wrong on the page that the
// sign-in is at.
func (p *Pages) after(w http.ResponseWriter, r *http.Request, f form, step authorize.Step, err error) error {
	if err == nil && (step.Cooldown == 0 || f.action != "resend") {
		return p.next(w, r, step)
	}
	if err == nil {
		// Nothing was sent, which whoever has asked twice may know.
		err = errCooling.After(step.Cooldown)
	}
	// Who was signed in stays so, whatever happened after.
	p.give(w, r, step)
	if authorize.IsTransaction(err) || fault.Has(err, fault.Internal) {
		return err
	}
	v, serr := p.Authorize.Show(r.Context(), f.state, f.Get("connection"), p.browser(r))
	if serr != nil {
		return serr
	}
	web.RecordOf(r.Context()).ClientID = string(v.Client.ID)
	if here := p.address(v.Page, &v.Transaction); r.URL.Path != pathOf(here) {
		p.redirect(w, here)
		return nil
	}
	why := explain(&v, fault.Of(err), f.Params)
	web.SetRetryAfter(w, why.wait)
	return p.render(w, &v, why, p.entry(r, f.Params))
}
