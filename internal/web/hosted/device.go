package hosted

import (
	"errors"
	"net/http"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// activation is what the page shows that asks for the code of a device.
type activation struct {
	Title, Lang, Dir string
	Logo             string // empty: whose device it is, nobody knows yet
	Problem, Field   string
	Typed            string
}

// What is wrong with the code of a device.
const (
	textNoUserCode  = "Enter the code that the device shows."
	textBadUserCode = "No device is waiting for this code. Check it, or get a new code on the device."
)

// maxUserCode bounds what is taken for the code of a device, with whatever
// people type between its characters.
const maxUserCode = 60

// showActivation serves GET /activate (RFC 8628 §3.3). A link may fill the code
// in; nothing is looked up or begun before it is sent.
func (p *Pages) showActivation(w http.ResponseWriter, r *http.Request) error {
	query, err := web.ReadQuery(r)
	if err != nil {
		return err
	}
	return p.askUserCode(w, query.Get("user_code"), problem{})
}

func (p *Pages) askUserCode(w http.ResponseWriter, typed string, why problem) error {
	d := activation{Title: "Connect a device", Lang: "en", Dir: "ltr", Problem: why.text}
	if why.field {
		d.Problem, d.Field = "", why.text
	}
	if len(typed) <= maxUserCode {
		d.Typed = typed
	}
	web.SetRetryAfter(w, why.wait)
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return p.write(w, statusOf(why), "activate", d)
}

// activate takes the code of a device.
func (p *Pages) activate(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	typed := f.Get("user_code")
	switch {
	case tenant.PlainUserCode(typed) == "":
		return p.askUserCode(w, "", problem{field: true, text: textNoUserCode})
	case len(typed) > maxUserCode:
		return p.askUserCode(w, "", problem{field: true, text: textBadUserCode})
	}
	step, err := p.Authorize.Activate(r.Context(), typed, p.browser(r))
	if err != nil {
		web.RecordOf(r.Context()).Event = step.Event
		return p.refuseUserCode(w, typed, err)
	}
	web.RecordOf(r.Context()).ClientID = string(step.Transaction.Request.Client)
	return p.next(w, r, step)
}

// refuseUserCode shows why the code of a device is not taken.
func (p *Pages) refuseUserCode(w http.ResponseWriter, typed string, err error) error {
	f := fault.Of(err)
	switch {
	case errors.Is(f, authorize.ErrUserCode):
		return p.askUserCode(w, typed, problem{field: true, text: textBadUserCode})
	case f.Kind == fault.TooMany:
		return p.askUserCode(w, typed, problem{text: "Too many codes were tried. Try again in " + span(f.RetryAfter) + ".", wait: f.RetryAfter})
	}
	return err
}

// confirmDevice takes the answer of somebody who was asked whether to let a
// device in.
func (p *Pages) confirmDevice(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	if f.action != "confirm" && f.action != "cancel" {
		return errForm
	}
	step, err := p.Authorize.ConfirmDevice(r.Context(), f.state, f.action == "confirm", p.browser(r))
	if errors.Is(err, authorize.ErrUserCode) {
		return p.refuseUserCode(w, "", err)
	}
	return p.after(w, r, f, step, err)
}

// showAnswered says what became of a device. It is the answer to the form, and
// no address: nothing but the answer leads here.
func (p *Pages) showAnswered(w http.ResponseWriter, step authorize.Step) error {
	d := farewell{
		Title: "The device is connected", Lang: "en", Dir: "ltr",
		Text: "You can close this page and go on with the device.",
	}
	if step.Page == authorize.PageDenied {
		d.Title, d.Text = "The device is not connected", "Nobody was signed in on the device. You can close this page."
	}
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return p.write(w, http.StatusOK, "left", d)
}
