package hosted

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/web"
)

// linkPage is what the pages about e-mailed links show.
type linkPage struct {
	Title, Lang, Dir string
	App, Email, Code string
	Token            string
	Pairs            []oauth.Pair // what a form sends along
	Again            string       // where the sign-in goes on in this browser, if it does
}

// showLink shows what a link is for. Programs that look at e-mail come here as
// people do, and change nothing.
func (p *Pages) showLink(w http.ResponseWriter, r *http.Request) error {
	query, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	v, step, err := p.Authorize.ShowLink(r.Context(), query.Get("token"), p.browser(r))
	if err != nil {
		return err
	}
	web.RecordOf(r.Context()).ClientID = string(v.Client.ID)
	if step.Response != nil {
		return p.respond(w, step.Response)
	}
	return p.renderLink(w, &v, query.Get("token"))
}

// followLink signs in with a link. The form is of our own page (SES-07): nobody
// is signed in by what another site has them send.
func (p *Pages) followLink(w http.ResponseWriter, r *http.Request) error {
	form, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if len(repeated) > 0 {
		return errForm
	}
	token, b := form.Get("token"), p.browser(r)
	step, err := p.Authorize.FollowLink(r.Context(), token, b)
	if err == nil {
		web.RecordOf(r.Context()).ClientID = string(step.Transaction.Request.Client)
		return p.next(w, r, step)
	}
	p.give(w, r, step)
	if fault.Has(err, fault.Internal) || !errors.Is(err, authorize.ErrStep) && !fault.Has(err, fault.Denied) {
		return err
	}
	v, again, err := p.Authorize.ShowLink(r.Context(), token, b)
	switch {
	case err != nil:
		return err
	case again.Response != nil:
		return p.respond(w, again.Response)
	}
	return p.renderLink(w, &v, token)
}

func (p *Pages) renderLink(w http.ResponseWriter, v *authorize.LinkView, token string) error {
	d := linkPage{
		Title: "This link was used or has expired", Lang: "en", Dir: "ltr",
		App: v.Client.Name, Email: v.Email, Code: v.Code, Token: token,
	}
	name, status := "linkover", http.StatusGone
	switch v.Page {
	case authorize.LinkConfirm:
		d.Title, name, status = "Sign in to "+d.App+"?", "link", http.StatusOK
	case authorize.LinkCode:
		d.Title, name, status = "Finish where you began", "linkcode", http.StatusOK
	case authorize.LinkOver:
	}
	if v.Transaction != nil {
		d.Again = pathEmail + "?state=" + url.QueryEscape(v.Transaction.ID)
	}
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return p.write(w, status, name, d)
}
