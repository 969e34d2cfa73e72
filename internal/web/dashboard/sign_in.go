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
		"GET " + pathEmailed: d.emailed, "POST " + pathEmailed: d.takeEmailed,
		"GET " + pathSetup: d.setup, "POST " + pathSetup: d.takeLink,
		"POST " + pathLogin + "/dev": d.enterDev, "POST " + pathLogout: d.logout,
	} {
		d.route(mux, pattern, fn)
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
// once more by this one, the browser sends it. Browsers do not load again what
// has a fragment: where that is a page, a script of ours goes there.
func (d *Dashboard) demandSignIn(w http.ResponseWriter, r *http.Request) error {
	if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		w.Header().Set("Refresh", "0")
		return d.write(w, http.StatusOK, "moment", view{Title: "One moment", Script: "routes.js"})
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
	d.setCookie(w, codeCookie, packPending(pending, p.Next), int(tenant.AdministratorCodeLife/time.Second))
	return leave(w, r, pathCode)
}

// maxNext bounds the address that a cookie keeps: browsers take 4096 bytes.
const maxNext = 2048

// packPending writes what a browser keeps while a code is awaited, with where
// the sign-in leads.
func packPending(p admin.Pending, to string) string {
	if len(to) > maxNext {
		to = pathHome
	}
	pack := base64.RawURLEncoding.EncodeToString
	return p.Cookie + "." + pack([]byte(p.Email)) + "." + pack([]byte(to))
}

// pending is the sign-in that the browser waits for the code of.
func (d *Dashboard) pending(r *http.Request) (p admin.Pending, to string, ok bool) {
	parts := strings.Split(d.cookie(r, codeCookie), ".")
	if len(parts) != 3 {
		return p, pathHome, false
	}
	email, err := base64.RawURLEncoding.DecodeString(parts[1])
	address, aerr := base64.RawURLEncoding.DecodeString(parts[2])
	p = admin.Pending{Cookie: parts[0], Email: string(email)}
	return p, next(string(address)), err == nil && aerr == nil && p.Cookie != "" && p.Email != ""
}

// enterCode is the page that asks for the code.
func (d *Dashboard) enterCode(w http.ResponseWriter, r *http.Request) error {
	p, to, ok := d.pending(r)
	if !ok {
		return leave(w, r, pathLogin)
	}
	return d.showCode(w, signInPage{Next: to, Email: p.Email})
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
	p, to, ok := d.pending(r)
	if !ok {
		return leave(w, r, pathLogin)
	}
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

// emailed is the page of the link beside a code. The browser may not say yet
// whether it is the one that asked: its cookie does not come with a link on
// another site.
func (d *Dashboard) emailed(w http.ResponseWriter, _ *http.Request) error {
	return d.showEmailed(w, signInPage{})
}

func (d *Dashboard) showEmailed(w http.ResponseWriter, p signInPage) error {
	v := view{Title: "Sign in to the Dashboard", Failed: p.Problem != "", Body: p}
	if !v.Failed {
		v.Script = "setup.js"
	}
	return d.write(w, statusOf(v), "emailed", v)
}

// takeEmailed signs in by the link beside a code.
func (d *Dashboard) takeEmailed(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(w, r)
	if err != nil {
		return err
	}
	p, to, _ := d.pending(r) // none: no link is right
	cookie, err := d.Admins.FinishByLink(r.Context(), d.caller(r), p, f.line("secret"))
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		return d.showEmailed(w, signInPage{Problem: told.Message})
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
	if err := d.Admins.SignOut(r.Context(), d.caller(r)); err != nil {
		return err
	}
	d.setCookie(w, sessionCookie, "", -1)
	d.setCookie(w, codeCookie, "", -1)
	// Not cookies: those of every host under the same domain would go too.
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return leave(w, r, pathLogin)
}
