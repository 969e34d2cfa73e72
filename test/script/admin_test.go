package script

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A visitor is a browser at the Dashboard of a server. Every name leads to that
// server, as behind a proxy.
type visitor struct {
	t *testing.T
	*textbrowser.Browser
	base string
}

func visit(t *testing.T, s *binary.Server, base string) *visitor {
	t.Helper()
	_, address, _ := strings.Cut(s.URL, "://")
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, "127.0.0.1:"+port)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &visitor{t, textbrowser.New(transport, nil), base}
}

func (v *visitor) get(address string) *textbrowser.Page {
	v.t.Helper()
	p, err := v.Get(v.t.Context(), address)
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

func (v *visitor) submit(f *textbrowser.Form) *textbrowser.Page {
	v.t.Helper()
	if f == nil {
		v.t.Fatal("there is no such form")
	}
	p, err := v.Submit(v.t.Context(), f)
	if err != nil {
		v.t.Fatal(err)
	}
	return p
}

// setUp uses a link that lets an administrator in.
func (v *visitor) setUp(link, email string) *textbrowser.Page {
	v.t.Helper()
	at, secret, ok := strings.Cut(strings.TrimSpace(link), "#")
	if !ok || at != v.base+"/dashboard/setup" {
		v.t.Fatalf("the link is %q, want one at %s", link, v.base)
	}
	return v.submit(v.get(at).Form("secret", "email").Set("secret", secret).Set("email", email))
}

// in reports whether the browser is signed in.
func (v *visitor) in() bool {
	v.t.Helper()
	p := v.get(v.base + "/dashboard")
	return p.URL.Path == "/dashboard" && p.Status == http.StatusOK
}

// said is what a server has printed.
func said(t *testing.T, s *binary.Server, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Dir(), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// setupLink is a link for an administrator.
var setupLink = regexp.MustCompile(`http://\S+/dashboard/setup#\S+`)

// ADM-05: there is no administrator to begin with. The first start prints one
// link, to standard error and nowhere else; it works once, nothing else lets
// anybody in, and once there is an administrator none is printed.
func TestADM05FirstStart(t *testing.T) {
	run := binary.New(t)
	s := run.Serve("--key-file", filepath.Join(run.Dir(), "key"))
	var links []string
	for range 500 {
		if links = setupLink.FindAllString(said(t, s, "stderr.log"), -1); len(links) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if len(links) != 1 {
		t.Fatalf("%d links were printed:\n%s", len(links), said(t, s, "stderr.log"))
	}
	_, secret, _ := strings.Cut(links[0], "#")
	for _, name := range []string{"stdout.log", "ready.json", "doorcode.db"} {
		if strings.Contains(said(t, s, name), secret) {
			t.Errorf("the link is in %s too", name)
		}
	}
	if out, _, status := admin(t, s, run, "list"); status != 0 || strings.Count(out, "\n") != 1 {
		t.Errorf("the list is %d\n%s", status, out)
	}

	stranger := visit(t, s, s.URL)
	for path, form := range map[string]url.Values{
		"/dashboard/login":      {"email": {"admin@localhost"}},
		"/dashboard/login/dev":  {},
		"/dashboard/login/code": {"code": {"00000000"}},
		"/dashboard/login/link": {"secret": {""}},
		"/dashboard/setup":      {"email": {"admin@mail.example"}, "secret": {""}},
	} {
		req := request(http.MethodPost, s.URL+path, form.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if a := s.Do(req); a.OK() || a.Header.Get("Location") == "/dashboard" || strings.Contains(a.Header.Get("Set-Cookie"), "dc_admin=") {
			t.Errorf("POST %s: %v %v", path, a, a.Header)
		}
	}
	if stranger.in() {
		t.Error("somebody is in")
	}
	first := visit(t, s, s.URL)
	if p := first.setUp(links[0], "ada@mail.example"); p.URL.Path != "/dashboard" || !strings.Contains(p.Text(), "ada@mail.example") {
		t.Fatalf("the link leads to %s (%d)\n%s", p.URL, p.Status, p.Text())
	}
	if p := stranger.setUp(links[0], "bo@mail.example"); p.Status != http.StatusUnprocessableEntity || stranger.in() {
		t.Errorf("the link works twice: %d", p.Status)
	}
	s.Stop()
	s.Restart()
	if !first.in() {
		t.Error("the session is lost")
	}
	if n := len(setupLink.FindAllString(said(t, s, "stderr.log"), -1)); n != 1 {
		t.Errorf("%d links were printed in all", n)
	}
	s.Stop()
}

// admin runs "doorcode admin" beside a server.
func admin(t *testing.T, s *binary.Server, run *binary.Run, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	args = append([]string{"admin", args[0], "--key-file", filepath.Join(run.Dir(), "key")}, args[1:]...)
	return command(t, s.Dir(), args...)
}

// doorcode admin makes links, lists and removes, beside a server that knows of it
// at once.
func TestAdmin(t *testing.T) {
	run := binary.New(t)
	s := run.Serve("--key-file", filepath.Join(run.Dir(), "key"))
	link := func(args ...string) string {
		t.Helper()
		out, errs, status := admin(t, s, run, append([]string{"link"}, args...)...)
		if status != 0 || errs != "" || strings.Count(out, "\n") != 1 {
			t.Fatalf("admin link %v: %d\n%s%s", args, status, out, errs)
		}
		return out
	}
	owner, editor := visit(t, s, s.URL), visit(t, s, s.URL)
	owner.setUp(link(), "Owner@mail.example")
	named := link("--email", "editor@mail.example", "--role", "editor")
	if p := editor.setUp(named, "other@mail.example"); p.Status != http.StatusUnprocessableEntity || editor.in() {
		t.Errorf("somebody else's link gives %d", p.Status)
	}
	editor.setUp(named, "editor@mail.example")
	if !owner.in() || !editor.in() {
		t.Fatal("the links do not let in")
	}
	list, _, status := admin(t, s, run, "list")
	if status != 0 || !regexp.MustCompile(`(?s)^ADDRESS +ROLE +SINCE +LAST SIGNED IN\neditor@mail\.example +editor +20\S+ +20\S+\nowner@mail\.example +owner +20\S+ +20\S+\n$`).MatchString(list) {
		t.Errorf("the list is\n%s", list)
	}
	waiting := link("--email", "editor@mail.example", "--role", "owner")
	if out, _, status := admin(t, s, run, "remove", "Editor@mail.example"); status != 0 || !strings.Contains(out, "no administrator any more") {
		t.Errorf("removing gives %d\n%s", status, out)
	}
	if editor.in() {
		t.Error("who was removed is still in")
	}
	if p := editor.setUp(waiting, "editor@mail.example"); p.Status != http.StatusUnprocessableEntity || editor.in() {
		t.Errorf("a link that waited for who was removed gives %d", p.Status)
	}
	if out, _, status := admin(t, s, run, "remove", "owner@mail.example"); status != 0 || owner.in() {
		t.Errorf("removing the last owner gives %d\n%s", status, out)
	}
	owner.setUp(link(), "owner@mail.example")
	if !owner.in() {
		t.Error("a link does not let the owner back in")
	}

	for _, tt := range []struct {
		args   []string
		status int
		says   string
	}{
		{[]string{"link", "--public-url", "https://other.example.com/"}, 0, `^https://other\.example\.com/dashboard/setup#\S{43}\n$`},
		{[]string{"link", "--dashboard-url", "https://dashboard.example.com"}, 0, `^https://dashboard\.example\.com/dashboard/setup#\S{43}\n$`},
		{[]string{"link", "--role", "emperor"}, 2, `doorcode: .*owner.*editor.*viewer`},
		{[]string{"link", "--email", "nobody"}, 1, `doorcode: .*not an e-mail address`},
		{[]string{"remove", "nobody@mail.example"}, 1, `doorcode: There is no such administrator`},
		{[]string{"remove"}, 2, `doorcode: .*email`},
		{[]string{"list", "--database", "sqlite:none.db"}, 1, `doorcode: there is no database at none\.db`},
	} {
		out, errs, status := admin(t, s, run, tt.args...)
		if status != tt.status || !regexp.MustCompile(tt.says).MatchString(out+errs) || status != 0 && out != "" {
			t.Errorf("admin %v: %d\n%s%s", tt.args, status, out, errs)
		}
	}
	s.Stop()
}

// --dashboard-url: administrators sign in under the Dashboard's own host, by the
// link that "admin link" prints, a code and the link beside it; the public host
// leads there and their session is nothing to it.
func TestDashboardURL(t *testing.T) {
	const base, email = "http://dashboard.localhost", "ada@mail.example"
	run := binary.New(t)
	s := run.Start("--dashboard-url", base)
	link, errs, status := command(t, s.Dir(), "admin", "link", "--email", email)
	if status != 0 {
		t.Fatal(errs)
	}
	v := visit(t, s, base)
	p := v.setUp(link, email)
	if p.URL.String() != base+"/dashboard" || !strings.Contains(p.Text(), email) {
		t.Fatalf("the link leads to %s (%d)", p.URL, p.Status)
	}
	public := s.URL + "/dashboard"
	cookies := v.Cookies(p.URL)
	if len(cookies) != 1 || len(v.Cookies(&url.URL{Scheme: "http", Host: s.Domain, Path: "/dashboard"})) != 0 {
		t.Errorf("the cookies are %v", cookies)
	}
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		req := request(method, public+"/administrators", "")
		req.AddCookie(cookies[0])
		a := s.Do(req)
		if method == http.MethodGet && (a.Status != http.StatusFound || a.Header.Get("Location") != base+"/dashboard/administrators") ||
			method == http.MethodPost && a.Status != http.StatusNotFound || strings.Contains(string(a.Body), email) {
			t.Errorf("%s at the public host with the cookie: %v, %s", method, a, a.Header.Get("Location"))
		}
	}
	if a := s.Do(request(http.MethodGet, s.URL+"/.well-known/openid-configuration", "")); a.Status != http.StatusOK || !strings.Contains(string(a.Body), `"issuer":"`+s.URL+`/"`) {
		t.Errorf("the public host answers %v", a)
	}

	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	inbox := run.Inbox(s)
	for n, by := range []string{"code", "link"} {
		b := visit(t, s, base)
		// From the public host, as an old bookmark has it.
		p := b.get(public)
		if p.URL.String() != base+"/dashboard/login" {
			t.Fatalf("%s leads to %s", public, p.URL)
		}
		p = b.submit(p.Form("email").Set("email", email))
		m, err := inbox.Wait(ctx, email, n)
		if err != nil {
			t.Fatal(err)
		}
		at, secret, _ := strings.Cut(m.Link, "#")
		if at != base+"/dashboard/login/link" {
			t.Fatalf("the link of the e-mail is %s", at)
		}
		run.Note(m.Code, secret)
		if by == "code" {
			p = b.submit(p.Form("code").Set("code", m.Code))
		} else {
			p = b.submit(b.get(at).Form("secret").Set("secret", secret))
		}
		if p.URL.String() != base+"/dashboard" || !b.in() {
			t.Errorf("the %s leads to %s (%d)", by, p.URL, p.Status)
		}
	}
	s.Stop()
}

// The certificate that dev makes is for both hosts.
func TestDashboardURLWithTLS(t *testing.T) {
	run := binary.New(t)
	s := run.Start("--tls", "--ephemeral", "--dashboard-url", "https://dashboard.localhost")
	text, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	for host, ok := range map[string]bool{"dashboard.localhost": true, "localhost": true, "other.localhost": false} {
		d := tls.Dialer{Config: &tls.Config{RootCAs: pool, ServerName: host}}
		conn, err := d.DialContext(t.Context(), "tcp", s.Domain)
		if (err == nil) != ok {
			t.Errorf("https://%s: %v", host, err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	s.Stop()
}
