package hosted

import (
	"net/http"
	"net/url"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// authorize serves GET and POST /authorize.
func (p *Pages) authorize(w http.ResponseWriter, r *http.Request) error {
	params, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	rec := web.RecordOf(r.Context())
	step, err := p.Authorize.Begin(r.Context(), authorize.Request{Values: params, Repeated: repeated}, p.browser(r))
	if err != nil {
		return p.refuse(w, r, params, err)
	}
	rec.ClientID = params.Get("client_id") // there is such an application
	return p.next(w, r, step)
}

// next shows what comes next: a page, by its address, or the answer.
func (p *Pages) next(w http.ResponseWriter, r *http.Request, step authorize.Step) error {
	if step.Event != "" {
		web.RecordOf(r.Context()).Event = step.Event
	}
	p.give(w, r, step)
	if step.Response != nil {
		return p.respond(w, step.Response)
	}
	if step.Page == authorize.PageAllowed || step.Page == authorize.PageDenied {
		return p.showAnswered(w, step)
	}
	p.redirect(w, p.address(step.Page, &step.Transaction))
	return nil
}

// redirect sends the browser on with a GET, whatever it came with: a code must
// not be posted to where it goes (RFC 9700 §4.12).
func (p *Pages) redirect(w http.ResponseWriter, location string) {
	w.Header().Set("Location", location)
	w.WriteHeader(http.StatusSeeOther)
}

// address is where a page of a sign-in is.
func (p *Pages) address(page authorize.Page, t *tenant.Transaction) string {
	path := pathIdentify
	switch page {
	case authorize.PageCode:
		path = pathSMS
		if t.Channel == tenant.Email {
			path = pathEmail
		}
	case authorize.PageConsent:
		path = pathConsent
	case authorize.PageDevice:
		path = pathDevice
	case authorize.PageIdentify, authorize.PageAllowed, authorize.PageDenied:
	}
	return path + "?state=" + url.QueryEscape(t.ID)
}

// refuse tells the person about a request that must not be answered to the
// application, on the tenant's own page if there is one (Auth0: error_page).
func (p *Pages) refuse(w http.ResponseWriter, r *http.Request, params web.Params, err error) error {
	if params.Get("response_mode") == oauth.ModeWebMessage {
		// The application has to be able to close the pop-up that it opened.
		w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none")
	}
	f := fault.Of(err)
	if f.Kind == fault.Internal {
		return err
	}
	set, serr := p.Authorize.Settings.Settings(r.Context())
	if serr != nil {
		return serr
	}
	to, perr := url.Parse(set.ErrorPage)
	if set.ErrorPage == "" || perr != nil || to.Host == "" || to.Scheme != "https" && to.Scheme != "http" {
		return err
	}
	q := to.Query()
	for name, value := range map[string]string{
		"client_id": params.Get("client_id"), "connection": params.Get("connection"), "lang": "en",
		"error": f.Code, "error_description": f.Message, "tracking": web.RecordOf(r.Context()).RequestID,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	to.RawQuery = q.Encode()
	p.redirect(w, to.String())
	return nil
}
