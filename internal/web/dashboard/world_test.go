package dashboard_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const (
	home           = "/dashboard"
	administrators = "/dashboard/administrators"
	passwordless   = "/dashboard/connections/passwordless"
)

// A world is a server and the browser of its developer.
type world struct {
	t *testing.T
	*testkit.Server
	browser *textbrowser.Browser
}

func newWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, Server: testkit.Start(t, change...)}
	w.browser = w.newBrowser()
	return w
}

// newBrowser returns a browser in which nobody is signed in.
func (w *world) newBrowser() *textbrowser.Browser {
	return textbrowser.New(http.DefaultTransport, func(u *url.URL) bool { return u.Scheme+"://"+u.Host != w.URL })
}

func (w *world) get(b *textbrowser.Browser, path string) *textbrowser.Page {
	w.t.Helper()
	p, err := b.Get(w.t.Context(), w.URL+path)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) submit(b *textbrowser.Browser, f *textbrowser.Form) *textbrowser.Page {
	w.t.Helper()
	p, err := b.Submit(w.t.Context(), f)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// developer signs the developer in, as one click does.
func (w *world) developer() *textbrowser.Page {
	w.t.Helper()
	p := w.get(w.browser, home)
	p = w.submit(w.browser, p.FormTo(w.URL+"/dashboard/login/dev"))
	w.at(p, home)
	return p
}

// administrator has the developer add an administrator, and signs them in by a
// code.
func (w *world) administrator(email, role string) *textbrowser.Browser {
	w.t.Helper()
	p := w.get(w.browser, administrators)
	p = w.submit(w.browser, p.Form("email").Set("email", email).Set("role", role).Press("add"))
	if !strings.Contains(p.Text(), "Added.") {
		w.t.Fatalf("%s was not added: %s", email, p.Text())
	}
	b := w.newBrowser()
	w.at(w.signIn(b, home, email), home)
	return b
}

// signIn goes from a page through the code to where that leads.
func (w *world) signIn(b *textbrowser.Browser, path, email string) *textbrowser.Page {
	w.t.Helper()
	p, m := w.ask(b, path, email)
	return w.submit(b, p.Form("code").Set("code", m.Code))
}

// code is the newest code that was sent to somebody.
func (w *world) code(to string) string {
	w.t.Helper()
	return w.Newest(w.t, to).Code
}

// once sends one request, with pairs of header names and values, and follows
// nothing.
func (w *world) once(method, path string, form url.Values, header ...string) (int, http.Header, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// at fails unless the browser came to the path.
func (w *world) at(p *textbrowser.Page, path string) {
	w.t.Helper()
	if p.URL.Path != path || p.Status != http.StatusOK {
		w.t.Fatalf("at %s (%d), want %s:\n%s", p.URL, p.Status, path, p.Text())
	}
}

// says fails unless a page has the text.
func (w *world) says(p *textbrowser.Page, text string) {
	w.t.Helper()
	if !strings.Contains(p.Text(), text) {
		w.t.Errorf("%s (%d) does not say %q:\n%s", p.URL, p.Status, text, p.Text())
	}
}

// serve makes it a server for people, with a key and a database of its own.
func serve(t *testing.T) func(*config.Config) {
	return func(c *config.Config) {
		c.Mode, c.Ephemeral = config.Serve, false
		c.PublicURL = "https://login.example.com"
		c.Database = "sqlite:" + t.TempDir() + "/test.db"
		c.Key = base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize))
	}
}
