package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Nothing is shown to whoever is not signed in: every page leads to the page for
// that, and back.
func TestSignInFirst(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{home, administrators, passwordless, passwordless + "/con_x/applications"} {
		p := w.get(w.browser, path)
		w.at(p, "/dashboard/login")
		if path != home && p.URL.Query().Get("next") != path {
			t.Errorf("%s leads to %s", path, p.URL)
		}
	}
	p := w.get(w.browser, administrators)
	p = w.submit(w.browser, p.FormTo(w.URL+"/dashboard/login/dev"))
	w.at(p, administrators)
	w.says(p, "developer@localhost.example")
}

// A page never leads away from the Dashboard, whatever next says.
func TestNextStaysHere(t *testing.T) {
	w := newWorld(t)
	for _, evil := range []string{
		"https://evil.example/dashboard", "//evil.example/dashboard", "/\\evil.example", "/dashboard/../evil", "javascript:alert(1)",
		"/dashboard//evil.example", "/authorize?client_id=x", "/dashboardevil", "/dashboard/login?next=/dashboard",
	} {
		b := w.newBrowser()
		p := w.get(b, "/dashboard/login?"+url.Values{"next": {evil}}.Encode())
		if p = w.submit(b, p.FormTo(w.URL+"/dashboard/login/dev")); p.Left != nil || p.URL.Path != home {
			t.Errorf("%s leads to %s", evil, p.URL)
		}
	}
}

// An administrator signs in by a code, which works once; whoever is none gets
// the same pages and no message.
func TestSignInByCode(t *testing.T) {
	w := newWorld(t)
	w.developer()
	b := w.administrator("editor@mail.example", "editor")
	w.says(w.get(b, home), "Ways to sign in")

	other := w.newBrowser()
	p, sent := w.ask(other, home, "Editor@Mail.Example")
	first := sent.Code
	stranger := w.newBrowser()
	q := w.submit(stranger, w.get(stranger, home).Form("email").Set("email", "stranger@mail.example"))
	same := strings.ReplaceAll(q.Text(), "stranger@mail.example", "editor@mail.example")
	if q.Status != p.Status || same != p.Text() {
		t.Errorf("a stranger sees\n%s\nan administrator\n%s", q.Text(), p.Text())
	}
	if q = w.submit(stranger, q.Form("code").Set("code", "12345678")); q.Status != http.StatusUnprocessableEntity {
		t.Errorf("a stranger's code gives %d", q.Status)
	}
	if len(w.Outbox.Messages(outbox.Filter{To: "stranger@mail.example"})) != 0 {
		t.Error("a stranger was sent a code")
	}
	// The code belongs to the browser that asked.
	if q = w.submit(stranger, q.Form("code").Set("code", first)); q.Status == http.StatusOK {
		t.Error("another browser's code let a stranger in")
	}
}

// Three wrong tries end a code; one of another length is none.
func TestCodeTries(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.administrator("viewer@mail.example", "viewer")
	b := w.newBrowser()
	p, sent := w.ask(b, home, "viewer@mail.example")
	code := sent.Code
	wrong := "00000000"
	if code == wrong {
		wrong = "11111111"
	}
	for range 5 {
		p = w.submit(b, p.Form("code").Set("code", "123"))
		w.says(p, "not right")
	}
	for range 3 {
		p = w.submit(b, p.Form("code").Set("code", wrong))
		w.says(p, "not right")
	}
	p = w.submit(b, p.Form("code").Set("code", code))
	w.says(p, "cannot be used any more")
}

// ADM-05: there is no administrator to begin with, and none without the link
// that was printed. It works once and for thirty minutes, by POST alone.
func TestADM05FirstAdministrator(t *testing.T) {
	w := newWorld(t, serve(t))
	w.Server.URL = "http://" + w.Addr()
	get := func(path string) (int, string) {
		status, _, body := w.once(http.MethodGet, path, nil)
		return status, body
	}
	post := func(path string, form url.Values) (int, http.Header, string) {
		return w.once(http.MethodPost, path, form)
	}
	link, err := w.SetupURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at, secret, _ := strings.Cut(link, "#")
	if at != "https://login.example.com/dashboard/setup" || len(secret) < 40 {
		t.Fatalf("the link is %s", link)
	}
	if status, _, _ := post("/dashboard/login/dev", nil); status != http.StatusNotFound {
		t.Errorf("the developer's way in gives %d", status)
	}
	if status, body := get("/dashboard/setup?secret=" + secret); status != http.StatusOK || strings.Contains(body, secret) {
		t.Errorf("the page of the link: %d", status)
	}
	if status, _, body := post("/dashboard/setup", url.Values{"secret": {"no" + secret}, "email": {"a@mail.example"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "used already") {
		t.Errorf("another secret gives %d", status)
	}
	if status, _, _ := post("/dashboard/setup", url.Values{"secret": {secret}, "email": {"no address"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("no address gives %d", status)
	}
	status, header, _ := post("/dashboard/setup", url.Values{"secret": {secret}, "email": {"Owner@mail.example"}})
	cookie := header.Get("Set-Cookie")
	if status != http.StatusSeeOther || !strings.HasPrefix(cookie, "__Host-dc_admin=") {
		t.Fatalf("the link gives %d %v", status, header)
	}
	for _, want := range []string{"Path=/", "Max-Age=43200", "HttpOnly", "Secure", "SameSite=Strict"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the cookie %q has no %s", cookie, want)
		}
	}
	if status, _, _ := post("/dashboard/setup", url.Values{"secret": {secret}, "email": {"b@mail.example"}}); status != http.StatusUnprocessableEntity {
		t.Errorf("the link works twice: %d", status)
	}
	if link, err := w.SetupURL(t.Context()); err != nil || link != "" {
		t.Errorf("with an administrator there is another link: %q %v", link, err)
	}
	pair, _, _ := strings.Cut(cookie, ";")
	status, _, body := w.once(http.MethodGet, administrators, nil, "Cookie", pair)
	if status != http.StatusOK || !strings.Contains(body, "owner@mail.example") {
		t.Errorf("the administrator sees %d", status)
	}
	// There is nothing to send e-mail through: the page says what to do.
	if status, _, body := post("/dashboard/login", url.Values{"email": {"owner@mail.example"}}); status != http.StatusUnprocessableEntity || !strings.Contains(body, "doorcode admin link") {
		t.Errorf("without an e-mail provider: %d", status)
	}
	if strings.Contains(w.Log.String(), secret) || strings.Contains(w.Log.String(), "owner@mail.example") {
		t.Error("the log has the secret or the address in it")
	}
	w.Clock.Advance(tenant.AdministratorSessionLife)
	if status, _, _ := w.once(http.MethodGet, administrators, nil, "Cookie", pair); status == http.StatusOK {
		t.Error("the session goes on for more than twelve hours")
	}
}

// ADM-05: a link is good for thirty minutes.
func TestADM05LinkEnds(t *testing.T) {
	w := newWorld(t, serve(t))
	w.Server.URL = "http://" + w.Addr()
	link, err := w.SetupURL(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(link, "#")
	w.Clock.Advance(30 * time.Minute)
	status, _, _ := w.once(http.MethodPost, "/dashboard/setup", url.Values{"secret": {secret}, "email": {"a@mail.example"}})
	if status != http.StatusUnprocessableEntity {
		t.Errorf("after 30 minutes the link gives %d", status)
	}
}

// The developer's way in is for the machine of a development server, under its
// own name, through no proxy.
func TestDeveloperIsHere(t *testing.T) {
	w := newWorld(t)
	enter := func(header ...string) int {
		status, _, _ := w.once(http.MethodPost, "/dashboard/login/dev", url.Values{}, header...)
		return status
	}
	for _, tt := range []struct {
		name   string
		header []string
		want   int
	}{
		{"on the machine", nil, http.StatusSeeOther},
		{"under another name", []string{"Host", "evil.example"}, http.StatusMisdirectedRequest},
		{"through a proxy", []string{"X-Forwarded-For", "203.0.113.7"}, http.StatusNotFound},
		{"by a form of another site", []string{"Origin", "https://evil.example"}, http.StatusForbidden},
		{"by a form of another site, as browsers say", []string{"Sec-Fetch-Site", "cross-site"}, http.StatusForbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := enter(tt.header...); got != tt.want {
				t.Errorf("%d, want %d", got, tt.want)
			}
		})
	}
}

// Signing out ends the session, also for whoever kept the cookie.
func TestSignOut(t *testing.T) {
	w := newWorld(t)
	p := w.developer()
	kept := w.newBrowser()
	kept.SetCookies(p.URL, w.browser.Cookies(p.URL))
	w.at(w.get(kept, home), home)
	p = w.submit(w.browser, p.FormTo(w.URL+"/dashboard/logout"))
	w.at(p, "/dashboard/login")
	w.at(w.get(kept, home), "/dashboard/login")
}

// A link on another site finds nobody signed in, since the cookie is for our own
// pages: the page asks the browser once more.
func TestArrivingFromElsewhere(t *testing.T) {
	w := newWorld(t)
	status, header, _ := w.Do(t, http.MethodGet, administrators, "", "Sec-Fetch-Site", "cross-site")
	if status != http.StatusOK || header.Get("Refresh") != "0" {
		t.Errorf("%d %v", status, header)
	}
}

// Every page has the headers that keep others' scripts, frames and caches out.
func TestHeaders(t *testing.T) {
	w := newWorld(t, func(*config.Config) {})
	w.developer()
	for _, path := range []string{home, administrators, passwordless, "/dashboard/login?again=1", "/dashboard/setup", "/dashboard/nothing"} {
		h := w.get(w.browser, path).Header
		csp := h.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("%s: the policy %q has no %s", path, csp, want)
			}
		}
		if h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cross-Origin-Opener-Policy") != "same-origin" {
			t.Errorf("%s: %v", path, h)
		}
	}
}
