package dashboard_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// apart gives the Dashboard a host of its own.
func apart(c *config.Config) { c.DashboardURL = "https://Dashboard.example.com/" }

// With a URL of its own the Dashboard, and nothing else, is served under its
// host; the public host leads there, with no use for its cookie; other names are
// refused as ever.
func TestHostOfItsOwn(t *testing.T) {
	const login, own, elsewhere = "login.example.com", "dashboard.example.com", "https://dashboard.example.com"
	w := newWorld(t, serve(t), apart)
	w.Server.URL = "http://" + w.Addr()
	if w.Ready.DashboardURL != elsewhere+home || w.Ready.URL != "https://"+login {
		t.Errorf("the ready file says %s and %s", w.Ready.DashboardURL, w.Ready.URL)
	}
	link, err := w.SetupURL(t.Context())
	at, secret, _ := strings.Cut(link, "#")
	if err != nil || at != elsewhere+"/dashboard/setup" {
		t.Fatalf("the link is %s, %v", link, err)
	}
	form := url.Values{"secret": {secret}, "email": {"owner@mail.example"}}
	for _, header := range [][]string{
		{"Host", own, "Origin", "https://" + login},
		{"Host", own, "Origin", "https://" + login, "Sec-Fetch-Site", "same-site"},
	} {
		if status, _, _ := w.once(http.MethodPost, "/dashboard/setup", form, header...); status != http.StatusForbidden {
			t.Errorf("a form of the public host's gives %d", status)
		}
	}
	status, header, _ := w.once(http.MethodPost, "/dashboard/setup", form, "Host", own, "Origin", elsewhere, "Sec-Fetch-Site", "same-origin")
	cookie, _, _ := strings.Cut(header.Get("Set-Cookie"), ";")
	if status != http.StatusSeeOther || !strings.HasPrefix(cookie, "__Host-dc_admin=") {
		t.Fatalf("the link gives %d %v", status, header)
	}
	for _, tt := range []struct {
		method, host, path string
		status             int
		to                 string
	}{
		{"GET", own, "/", http.StatusFound, home},
		{"GET", own, home, http.StatusOK, ""},
		{"GET", own + ":443", administrators, http.StatusOK, ""},
		{"GET", own, "/dashboard/assets/dashboard.css", http.StatusOK, ""},
		{"GET", own, "/health", http.StatusOK, ""},
		{"POST", own, "/health", http.StatusMethodNotAllowed, ""},
		{"GET", own, "/.well-known/openid-configuration", http.StatusNotFound, ""},
		{"GET", own, "/authorize?client_id=x", http.StatusNotFound, ""},
		{"GET", own, "/u/login", http.StatusNotFound, ""},
		{"GET", own, "/activate", http.StatusNotFound, ""},
		{"GET", own, "/api/v2/clients", http.StatusNotFound, ""},
		{"POST", own, "/oauth/token", http.StatusNotFound, ""},
		{"POST", own, "/hooks/twilio/con_x/msg_x", http.StatusNotFound, ""},

		{"GET", login, home, http.StatusFound, elsewhere + home},
		{"GET", login, "/dashboard/users?q=%2B44&page=2", http.StatusFound, elsewhere + "/dashboard/users?q=%2B44&page=2"},
		{"GET", login, "/dashboard/assets/dashboard.css", http.StatusFound, elsewhere + "/dashboard/assets/dashboard.css"},
		{"GET", login, "/dashboard/%2F/evil.example", http.StatusFound, elsewhere + "/dashboard/%2F/evil.example"},
		{"HEAD", login, "/dashboard/setup", http.StatusFound, elsewhere + "/dashboard/setup"},
		{"GET", "127.0.0.1", home, http.StatusFound, elsewhere + home},
		{"POST", login, administrators, http.StatusNotFound, ""},
		{"POST", login, "/dashboard/logout", http.StatusNotFound, ""},
		{"GET", login, "/.well-known/openid-configuration", http.StatusOK, ""},
		{"GET", login, "/health", http.StatusOK, ""},

		{"GET", "other.example.com", home, http.StatusMisdirectedRequest, ""},
		{"GET", "x." + own, home, http.StatusMisdirectedRequest, ""},
		{"GET", own + ".evil.example", home, http.StatusMisdirectedRequest, ""},
	} {
		status, header, body := w.once(tt.method, tt.path, nil, "Host", tt.host, "Cookie", cookie)
		to := header.Get("Location")
		if status != tt.status || to != tt.to {
			t.Errorf("%s %s%s: %d to %q, want %d to %q", tt.method, tt.host, tt.path, status, header.Get("Location"), tt.status, tt.to)
		}
		if tt.host != own && tt.host != own+":443" && strings.Contains(body, "owner@mail.example") {
			t.Errorf("%s%s shows who is signed in", tt.host, tt.path)
		}
		if strings.Contains(header.Get("Set-Cookie"), "dc_admin") {
			t.Errorf("%s %s%s sets %s", tt.method, tt.host, tt.path, header.Get("Set-Cookie"))
		}
	}
}

// On a development server, too, the way in and the way from / are the
// Dashboard's own host's.
func TestDeveloperAtHostOfItsOwn(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.DashboardURL = "http://dashboard.localhost:8787" })
	for host, want := range map[string]int{"dashboard.localhost:8787": http.StatusSeeOther, "localhost": http.StatusNotFound, "127.0.0.1": http.StatusNotFound} {
		if status, _, _ := w.once(http.MethodPost, "/dashboard/login/dev", url.Values{}, "Host", host); status != want {
			t.Errorf("the way in at %s gives %d, want %d", host, status, want)
		}
	}
	if status, _, body := w.once(http.MethodGet, "/dashboard/assets/dashboard.css", nil); status != http.StatusOK || !strings.Contains(body, "{") {
		t.Errorf("the style, which the outbox uses too, gives %d", status)
	}
	status, header, _ := w.once(http.MethodGet, "/", nil)
	if status != http.StatusFound || header.Get("Location") != "http://dashboard.localhost:8787/dashboard" {
		t.Errorf("/ leads to %s (%d)", header.Get("Location"), status)
	}
	status, _, body := w.once(http.MethodGet, "/dashboard/login", nil, "Host", "dashboard.localhost")
	if status != http.StatusOK || !strings.Contains(body, "routes.js") {
		t.Errorf("the page that knows Auth0's addresses gives %d", status)
	}
}

// In a real browser a link of Auth0's documents leads from the public host to the
// page at the Dashboard's, by way of signing in: typed, and pressed on another
// site.
func TestChromiumHostOfItsOwn(t *testing.T) {
	ctx := chromium.New(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_ = l.Close()
	own := "http://dashboard.localhost:" + port // leads to this machine in every browser
	w := newWorld(t, func(c *config.Config) { c.Addr, c.DashboardURL = "127.0.0.1:"+port, own })
	page := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(rw, `<!DOCTYPE html><title>Elsewhere</title><a id="link" href="%s/#/users">Users</a>`, w.URL)
	}))
	defer page.Close()
	var first, again string
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+"/#/connections/passwordless"),
		chromedp.WaitVisible("#developer", chromedp.ByQuery),
		chromedp.Click("#developer", chromedp.ByQuery),
		chromedp.WaitVisible(".method", chromedp.ByQuery),
		chromedp.Location(&first),
		chromium.Open(page.URL),
		chromedp.Click("#link", chromedp.ByQuery),
		chromedp.WaitVisible("#q", chromedp.ByQuery),
		chromedp.Location(&again),
	); err != nil {
		t.Fatal(err)
	}
	if first != own+passwordless || again != own+users {
		t.Errorf("the links lead to %s and %s", first, again)
	}
}
