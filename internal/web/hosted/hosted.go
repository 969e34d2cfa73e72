// Package hosted serves what people see of a sign-in and of a logout: /authorize,
// /activate, the logout endpoints and the pages below /u. Package authorize
// decides what comes next; here it is shown.
//
// The pages are forms and links. They work without scripts and load nothing
// from elsewhere but the logo of an application that has one; a policy allows
// them no more. Each step has a path of its own,
// a POST is answered with 303, and what a form may do is decided by the step
// that the sign-in is at and not by the page it came from.
package hosted

import (
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/netip"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/web"
)

//go:embed assets
var files embed.FS

// The paths of the pages (Auth0: Universal Login).
const (
	pathIdentify = "/u/login/identifier"
	pathSMS      = "/u/login/passwordless-sms-challenge"
	pathEmail    = "/u/login/passwordless-email-challenge"
	pathConsent  = "/u/consent"
	pathDevice   = "/u/device"
	pathLogout   = "/u/logout"
)

// The addresses that bring a code from a page of an application: the one that
// Auth0's libraries have, and the one of its documentation.
const (
	pathTyped     = "/passwordless/verify_redirect"
	pathTypedDocs = "/passwordless/verify-redirect"
)

// pathActivate is the address that devices show (RFC 8628 §3.2).
const pathActivate = "/activate"

// Pages serves them.
type Pages struct {
	Authorize *authorize.Service
	Logout    *logout.Service
	// URL is the public URL without a slash at its end.
	URL     string
	HTTPS   bool // it is https
	Proxies []netip.Prefix
	Log     *slog.Logger

	pages     *template.Template
	countries map[string]option
	patterns  []string // of all routes
}

// Handler returns the routes. It fails only if an embedded template is broken.
func (p *Pages) Handler() (http.Handler, error) {
	var err error
	if p.pages, err = template.ParseFS(files, "assets/*.html"); err != nil {
		return nil, fmt.Errorf("parse login pages: %w", err)
	}
	p.countries = countryOptions()
	mux := http.NewServeMux()
	// Applications of other origins send people here by GET and by POST.
	p.route(mux, "GET /authorize", p.handle(p.authorize))
	p.route(mux, "POST /authorize", p.handle(p.authorize))
	p.route(mux, "GET /v2/logout", p.handle(p.logoutAuth0))
	p.route(mux, "GET /oidc/logout", p.handle(p.logoutOIDC))
	p.route(mux, "POST /oidc/logout", p.handle(p.logoutOIDC))
	// GET would take HEAD too: programs that look at links would begin sign-ins
	// and end sessions.
	for _, path := range []string{"/authorize", "/v2/logout", "/oidc/logout"} {
		p.route(mux, "HEAD "+path, http.HandlerFunc(refuseHead))
	}
	own, err := p.ownForms()
	if err != nil {
		return nil, err
	}
	for path, page := range map[string]struct{ show, take web.HandlerFunc }{
		pathIdentify: {p.showStep, p.identify},
		pathSMS:      {p.showStep, p.verify},
		pathEmail:    {p.showStep, p.verify},
		pathConsent:  {p.showStep, p.consent},
		pathDevice:   {p.showStep, p.confirmDevice},
		pathActivate: {p.showActivation, p.activate},

		passwordless.LinkPath: {p.showLink, p.followLink},
		pathTyped:             {p.showTyped, p.followTyped},
		pathTypedDocs:         {p.showTyped, p.followTyped},
	} {
		p.route(mux, "GET "+path, p.handle(page.show))
		p.route(mux, "POST "+path, own(p.handle(page.take)))
	}
	p.route(mux, "POST "+pathLogout, own(p.handle(p.confirmLogout)))
	p.route(mux, "GET /u/assets/{name}", p.handle(p.asset))
	return mux, nil
}

// route serves a pattern, and is how all are.
func (p *Pages) route(mux *http.ServeMux, pattern string, h http.Handler) {
	p.patterns = append(p.patterns, pattern)
	mux.Handle(pattern, h)
}

func refuseHead(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, POST")
	w.WriteHeader(http.StatusMethodNotAllowed)
}

// ownForms refuses forms of other sites. The cookie of a sign-in is not sent
// with those either.
func (p *Pages) ownForms() (func(http.Handler) http.Handler, error) {
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(p.URL); err != nil {
		return nil, fmt.Errorf("trust the public URL: %w", err)
	}
	guard.SetDenyHandler(p.handle(func(http.ResponseWriter, *http.Request) error { return errForeign }))
	return guard.Handler, nil
}

var errForeign = fault.New(fault.Denied, "access_denied", "This form came from another site.")

func (p *Pages) handle(fn web.HandlerFunc) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		web.NoStore(w)
		return fn(w, r)
	}, p.writeError)
}

// asset serves style and scripts. Browsers keep them for minutes only: they have
// the same addresses in the next version of the program.
func (p *Pages) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	switch name {
	case "login.css", "login.js", "send.js", "prove.js":
	default:
		http.NotFound(w, r)
		return nil
	}
	w.Header().Del("Pragma")
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.ServeFileFS(w, r, files, "assets/"+name)
	return nil
}
