package dashboard

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// signInRoutes are the pages for whoever is not signed in.
func (d *Dashboard) signInRoutes(mux *http.ServeMux) {
	for pattern, fn := range map[string]web.HandlerFunc{
		"GET " + pathLogin: d.login, "POST " + pathLogin: d.askForCode,
		"GET " + pathCode: d.enterCode, "POST " + pathCode: d.takeCode,
		"GET " + pathSetup: d.setup, "POST " + pathSetup: d.takeLink,
		"POST " + pathLogin + "/dev": d.enterDev, "POST " + pathLogout: d.logout,
	} {
		mux.Handle(pattern, d.handle(fn))
	}
}

var errRepeated = fault.New(fault.Invalid, "invalid_request", "A field of the form came twice.")

// signInPage is what the pages of a sign-in show.
type signInPage struct {
	Next    string
	Again   bool // somebody who is signed in shows it once more
	Dev     bool // the developer's button is there
	Email   string
	Problem string
	Digits  int
	Secret  string
}

// demandSignIn sends whoever is not signed in to the page for that. A link on
// another site comes without the cookie, which is for our own pages alone; asked
// once more by this one, the browser sends it.
func (d *Dashboard) demandSignIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		w.Header().Set("Refresh", "0")
		return d.write(w, http.StatusOK, "moment", view{Title: "One moment"})
	}
	to := pathHome
	if r.Method == http.MethodGet {
		to = r.URL.RequestURI()
	}
	return leave(w, r, loginAddress(to, false))
}

// demandProof asks somebody who is signed in to show once more who they are.
func (d *Dashboard) demandProof(w http.ResponseWriter, q *request, back string) error {
	return leave(w, q.Request, loginAddress(back, true))
}

func loginAddress(to string, again bool) string {
	query := url.Values{}
	if to != pathHome {
		query.Set("next", to)
	}
	if again {
		query.Set("again", "1")
	}
	if len(query) == 0 {
		return pathLogin
	}
	return pathLogin + "?" + query.Encode()
}

// login is the page that asks for an address.
func (d *Dashboard) login(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	p := signInPage{Next: next(query.Get("next")), Again: query.Get("again") != ""}
	q, err := d.request(r)
	switch {
	case err == nil && !p.Again:
		return leave(w, r, p.Next)
	case err == nil:
		p.Email = q.Who.Email
	case !fault.Has(err, fault.NotFound):
		return err
	}
	return d.showLogin(w, r, p)
}

func (d *Dashboard) showLogin(w http.ResponseWriter, r *http.Request, p signInPage) error {
	p.Dev = d.onThisMachine(r)
	if p.Email == admin.Developer {
		p.Email = ""
	}
	title := "Sign in to the Dashboard"
	if p.Again {
		title = "Confirm that it is you"
	}
	return d.write(w, statusOf(view{Failed: p.Problem != ""}), "login",
		view{Title: title, Script: "routes.js", Failed: p.Problem != "", Body: p})
}

// askForCode sends a code.
func (d *Dashboard) askForCode(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	p := signInPage{Next: next(f.Get("next")), Email: f.line("email"), Again: f.Has("again")}
	pending, err := d.Admins.Start(r.Context(), d.caller(r), p.Email)
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		web.SetRetryAfter(w, told.RetryAfter)
		p.Problem = told.Message
		return d.showLogin(w, r, p)
	}
	if err != nil {
		return err
	}
	d.setCookie(w, codeCookie, packPending(pending), int(tenant.AdministratorCodeLife/time.Second))
	return leave(w, r, pathCode+"?"+url.Values{"next": {p.Next}}.Encode())
}

// packPending writes what a browser keeps while a code is awaited.
func packPending(p admin.Pending) string {
	return p.Cookie + "." + base64.RawURLEncoding.EncodeToString([]byte(p.Email))
}

func (d *Dashboard) pending(r *http.Request) (admin.Pending, bool) {
	cookie, rest, ok := strings.Cut(d.cookie(r, codeCookie), ".")
	email, err := base64.RawURLEncoding.DecodeString(rest)
	return admin.Pending{Cookie: cookie, Email: string(email)}, ok && err == nil && cookie != "" && len(email) > 0
}

// enterCode is the page that asks for the code.
func (d *Dashboard) enterCode(w http.ResponseWriter, r *http.Request) error {
	p, ok := d.pending(r)
	if !ok {
		return leave(w, r, pathLogin)
	}
	return d.showCode(w, signInPage{Next: next(r.URL.Query().Get("next")), Email: p.Email})
}

func (d *Dashboard) showCode(w http.ResponseWriter, p signInPage) error {
	p.Digits = admin.Digits
	v := view{Title: "Check your e-mail", Failed: p.Problem != "", Body: p}
	return d.write(w, statusOf(v), "code", v)
}

// takeCode signs in.
func (d *Dashboard) takeCode(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	p, ok := d.pending(r)
	if !ok {
		return leave(w, r, pathLogin)
	}
	to := next(f.Get("next"))
	cookie, err := d.Admins.Finish(r.Context(), d.caller(r), p, f.Get("code"))
	if errors.Is(err, tenant.ErrAdministratorCode) || errors.Is(err, tenant.ErrAdministratorDead) {
		return d.showCode(w, signInPage{Next: to, Email: p.Email, Problem: fault.Of(err).Message})
	}
	if err != nil {
		return err
	}
	d.setCookie(w, codeCookie, "", -1)
	return d.signedIn(w, r, cookie, to)
}

func (d *Dashboard) signedIn(w http.ResponseWriter, r *http.Request, cookie, to string) error {
	d.setCookie(w, sessionCookie, cookie, int(tenant.AdministratorSessionLife/time.Second))
	return leave(w, r, to)
}

// setup is the page of a link. Its secret is in the fragment, which the page
// alone sees; it may be typed as well.
func (d *Dashboard) setup(w http.ResponseWriter, _ *http.Request) error {
	return d.showSetup(w, signInPage{})
}

func (d *Dashboard) showSetup(w http.ResponseWriter, p signInPage) error {
	v := view{Title: "Set up your access", Script: "setup.js", Failed: p.Problem != "", Body: p}
	return d.write(w, statusOf(v), "setup", v)
}

// takeLink signs in by a link.
func (d *Dashboard) takeLink(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	cookie, err := d.Admins.UseLink(r.Context(), d.caller(r), f.line("secret"), f.line("email"))
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		return d.showSetup(w, signInPage{Email: f.line("email"), Secret: f.line("secret"), Problem: told.Message})
	}
	if err != nil {
		return err
	}
	return d.signedIn(w, r, cookie, pathHome)
}

// enterDev lets the developer in who is on the machine of a development server.
func (d *Dashboard) enterDev(w http.ResponseWriter, r *http.Request) error {
	if !d.onThisMachine(r) {
		return errNoPage
	}
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	cookie, err := d.Admins.EnterDev(r.Context(), d.caller(r))
	if err != nil {
		return err
	}
	return d.signedIn(w, r, cookie, next(f.Get("next")))
}

// logout ends the session.
func (d *Dashboard) logout(w http.ResponseWriter, r *http.Request) error {
	if err := d.Admins.SignOut(r.Context(), d.cookie(r, sessionCookie)); err != nil {
		return err
	}
	d.setCookie(w, sessionCookie, "", -1)
	return leave(w, r, pathLogin)
}
