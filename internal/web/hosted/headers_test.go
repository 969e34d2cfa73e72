package hosted_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/web/hosted"
)

// ourScript is the only script in the pages of a sign-in.
const ourScript = `<script type="module" src="/u/assets/login.js"></script>`

// An observed answer is one that went over the wire.
type observed struct {
	method, path, query string
	status              int
	header              http.Header
	body                string
}

// An observer is a transport that keeps every answer of a server.
type observer struct {
	next http.RoundTripper
	host string

	mu      sync.Mutex
	answers []observed
}

// RoundTrip sends a request.
func (o *observer) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := o.next.RoundTrip(r)
	if err != nil || r.URL.Host != o.host {
		return res, err
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	res.Body = io.NopCloser(bytes.NewReader(body))
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answers = append(o.answers, observed{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, res.StatusCode, res.Header, string(body)})
	return res, err
}

// observedWorld is a world that is reached by https, and what sees each of its
// answers: all that the test asks for goes through it.
func observedWorld(t *testing.T) (*world, *observer) {
	t.Helper()
	w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.TLS = true })}
	authority, err := os.ReadFile(w.Ready.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	before := http.DefaultTransport
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}
	o := &observer{next: transport, host: strings.TrimPrefix(w.URL, "https://")}
	http.DefaultTransport = o
	t.Cleanup(func() {
		http.DefaultTransport = before
		transport.CloseIdleConnections()
	})
	w.browser = w.newBrowser()
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"allowed_logout_urls": []string{bye}})
	return w, o
}

// wrong says what is wrong with the headers of an answer.
func (a *observed) wrong() []string {
	var list []string
	want := func(name string, ok bool) {
		if values := a.header.Values(name); !ok || len(values) != 1 {
			list = append(list, fmt.Sprintf("%s %q", name, values))
		}
	}
	h := a.header.Get
	html := strings.HasPrefix(h("Content-Type"), "text/html") && a.status/100 != 3
	toApplication := strings.Contains(a.body, `src="/u/assets/send.js"`)
	csp := h("Content-Security-Policy")
	want("Content-Security-Policy", strings.HasPrefix(csp, "default-src 'none'; ") && !strings.Contains(csp, "unsafe") &&
		(strings.HasSuffix(csp, "frame-ancestors 'none'") || toApplication && strings.HasSuffix(csp, "frame-ancestors http://localhost:3000")))
	want("X-Content-Type-Options", h("X-Content-Type-Options") == "nosniff")
	want("Referrer-Policy", h("Referrer-Policy") == "no-referrer" || html && h("Referrer-Policy") == "same-origin")
	want("Strict-Transport-Security", h("Strict-Transport-Security") == "max-age=31536000")
	kept := strings.HasPrefix(a.path, "/u/assets/") && a.status == http.StatusOK
	want("Cache-Control", !kept && h("Cache-Control") == "no-store" || kept && h("Cache-Control") == "public, max-age=300")
	switch {
	case toApplication: // its window is the application's
	case html && strings.Contains(a.query, "response_mode=web_message"):
		want("Cross-Origin-Opener-Policy", h("Cross-Origin-Opener-Policy") == "unsafe-none")
	case html:
		want("Cross-Origin-Opener-Policy", h("Cross-Origin-Opener-Policy") == "same-origin")
	}
	if h("Access-Control-Allow-Origin") != "" {
		list = append(list, "others may read it")
	}
	if html && !toApplication {
		rest := strings.ReplaceAll(a.body, ourScript, "")
		if strings.Contains(rest, "<script") || strings.Contains(rest, "style=") || strings.Contains(rest, `src="http`) {
			list = append(list, "it has more in it than a form")
		}
	}
	return list
}

// SES-09: headers of every page, redirect and refusal, over https, wherever they
// come from: each route with what is due there and with what is not.
func TestSES09Headers(t *testing.T) {
	everyPost(t)
	w, o := observedWorld(t)
	patterns, err := hosted.Patterns()
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range postings() {
		b := w.newBrowser()
		f := c.form(w, b, fmt.Sprintf("+4477009006%02d", i))
		for _, values := range []url.Values{{}, {"action": {"nonsense"}}, {"state": {"x", "y"}}, {"action": {"default"}, "code": {"000000"}}, f.Values} {
			sent := *f
			sent.Values = values
			w.once(b, http.MethodPost, &sent, "Origin", w.URL, "Sec-Fetch-Site", "same-origin")
		}
		w.once(b, http.MethodPost, f, "Origin", "https://evil.example")
	}
	paths := []string{"/", "//authorize", "/./authorize", "/u", "/u/", "/u/nope", "/authorize/", "/u/assets/login.js", "/u/assets/nope", "/u/login/identifier?state=x&state=y"}
	for _, p := range patterns {
		_, path, _ := strings.Cut(p, " ")
		paths = append(paths, strings.Replace(path, "{name}", "login.css", 1))
	}
	for _, path := range append(paths, "/authorize?"+strings.Repeat("x", 9000)) {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE"} {
			w.once(w.newBrowser(), method, w.sending(path, nil), "Origin", w.URL)
		}
	}
	w.once(w.newBrowser(), http.MethodPost, w.sending("/authorize", url.Values{"x": {strings.Repeat("x", 70_000)}}))
	ask := func(pairs ...string) { w.get(w.browser, "/authorize?"+w.query(pairs...)) }
	ask("redirect_uri", "https://evil.example")
	ask("redirect_uri", "https://evil.example", "response_mode", "web_message")
	ask("prompt", "none")
	ask("prompt", "none", "response_mode", "web_message")
	w.get(w.browser, oidc("id_token_hint", w.idToken(w.browser, person), "post_logout_redirect_uri", bye))
	w.idToken(w.browser, person)
	ask()
	ask("prompt", "none", "response_mode", "web_message")
	w.get(w.browser, "/v2/logout") // and there it stays
	w.once(w.browser, http.MethodPost, w.sending("/u/logout", url.Values{"endpoint": {"v2"}, "logout": {"cancel"}}), "Origin", w.URL)
	w.hostedLinks()
	_, mail := w.mailedTo(w.newBrowser(), "late@link.example", w.query("connection", "email"))
	b, p := w.atCode(person, w.query())
	w.get(w.newBrowser(), w.path(mail)) // in another browser than asked for it
	w.Clock.Advance(24 * time.Hour)
	w.get(w.newBrowser(), w.path(mail))
	w.submit(b, p.Form("code").Set("code", "000000").Press("default"))
	o.check(t, patterns)
}

// check looks at what a server has answered, and whether that is enough.
func (o *observer) check(t *testing.T, patterns []string) {
	t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	met, statuses := map[string]bool{}, map[int]int{}
	mux := http.NewServeMux()
	for _, p := range patterns {
		mux.Handle(p, http.NotFoundHandler())
	}
	looked := 0
	for _, a := range o.answers {
		if strings.HasPrefix(a.path, "/oauth/") || strings.HasPrefix(a.path, "/api/") || a.path == "/passwordless/start" {
			continue // the test's own, by which it gets there
		}
		looked++
		statuses[a.status]++
		req, err := http.NewRequest(a.method, "https://x"+a.path, nil) //nolint:noctx // it is not sent
		if err != nil {
			t.Fatal(err)
		}
		_, pattern := mux.Handler(req)
		met[pattern] = true
		for _, wrong := range a.wrong() {
			t.Errorf("%s %s (%d): %s", a.method, a.path, a.status, wrong)
		}
	}
	for _, p := range patterns {
		if !met[p] {
			t.Errorf("nothing asked for %s", p)
		}
	}
	for _, status := range []int{200, 302, 303, 307, 400, 403, 404, 405, 410, 413, 414, 422} {
		if statuses[status] == 0 {
			t.Errorf("nothing was answered %d", status)
		}
	}
	t.Logf("measured: SES-09 %d answers by %d routes, with the statuses %v", looked, len(met), slices.Sorted(maps.Keys(statuses)))
}
