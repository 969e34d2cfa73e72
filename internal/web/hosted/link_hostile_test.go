package hosted_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// beside are addresses that differ from the callback in what comes after it.
func beside() []string {
	var list []string
	for _, end := range []string{
		"/", "/more", "more", "?", "?x=1", "?code=x", "?redirect_uri=https://evil.example", "#", "#f", ";x", "&code=x", "/..", "/../evil", "/..;/evil", "/%2e%2e/evil",
		"%2f..%2fevil", "%00", "%0a", "%20", "%", "\t", "\n", " ", "\\", "*", "\u200b", "\ufeff", ",https://evil.example/", " https://evil.example/", "\"", "<", "|",
	} {
		list = append(list, callback+end)
	}
	return list
}

// ML-05: where a link of the API leads is checked when it is asked for, and
// again when it is used, whatever is stored with it.
func TestML05RedirectIsCheckedTwice(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		w := linkHost(t, func(c *config.Config) { c.Database, c.KeyFile = address, t.TempDir()+"/key" })
		w.allowImplicit()
		db := storetest.SQL(t, address)
		const to = "ml05@mail.example"
		path := w.link(to, map[string]any{"redirect_uri": callback})
		lead := func(uri string) {
			t.Helper()
			params, err := json.Marshal(map[string]string{"redirect_uri": uri, "response_type": "code"})
			if err != nil {
				t.Fatal(err)
			}
			if n := storetest.Exec(t, db, `UPDATE messages SET auth_params = $1 WHERE recipient = $2`, string(params), to); n != 1 {
				t.Fatalf("%d messages", n)
			}
		}
		all := append(elsewhere(), beside()...)
		if len(all) < 60 {
			t.Errorf("%d addresses", len(all))
		}
		for _, uri := range all {
			// A zero is refused before anything else in the body is read.
			status, answer := w.askLink(to, map[string]any{"redirect_uri": uri})
			if status != http.StatusBadRequest || !strings.Contains(answer, "bad.authParams") && !strings.Contains(uri, "\x00") {
				t.Errorf("%q at the start: %d %s", uri, status, answer)
			}
			lead(uri)
			if p := w.get(w.browser, path); p.Status != http.StatusBadRequest || p.Left != nil || len(p.Forms()) > 0 {
				t.Errorf("%q shown: %d, left %v", uri, p.Status, p.Left)
			}
			if res := w.force(w.browser, path); res.StatusCode != http.StatusBadRequest || res.Header.Get("Location") != "" || len(res.Cookies()) > 0 {
				t.Errorf("%q used: %d to %s", uri, res.StatusCode, res.Header.Get("Location"))
			}
		}
		lead(callback)
		if got := w.left(w.tap(w.browser, path)); got.Get("code") == "" {
			t.Errorf("the callback itself: %v", got)
		}
	})
}

// ML-05: what else a link cannot be asked for with, and a callback that is taken
// from the application between the page and the tap.
func TestML05Parameters(t *testing.T) {
	w := linkHost(t)
	w.allowImplicit()
	for name, params := range map[string]map[string]any{
		"an organization": {"organization": "org_1"}, "an invitation": {"invitation": "i"}, "a request object": {"request": "eyJ"},
		"a request by reference": {"request_uri": "https://localhost/r"}, "an answer by message": {"response_mode": "web_message"},
		"no such response type": {"response_type": "cookie"}, "a number as state": {"state": 1}, "an object": {"scope": map[string]any{"a": 1}},
		"id_token without nonce": {"response_type": "id_token", "scope": "openid"}, "long state": {"state": strings.Repeat("x", 9000)},
	} {
		if status, answer := w.askLink("ml05@mail.example", params); status != http.StatusBadRequest || !strings.Contains(answer, "bad.authParams") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	// Whoever has to push requests has to be known by more than an id.
	public, _ := w.application(map[string]any{"app_type": "native", "token_endpoint_auth_method": "none"})
	for _, pushed := range []bool{false, true} {
		w.admin("PATCH", "/clients/"+public, map[string]any{"require_pushed_authorization_requests": pushed})
		w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"require_pushed_authorization_requests": pushed})
		status, _, answer := w.Post(t, "/passwordless/start", `{"client_id":"`+public+`","connection":"email","email":"ml05@mail.example","send":"link",
			"authParams":{"code_challenge":"`+strings.Repeat("x", 43)+`","code_challenge_method":"S256"}}`)
		if pushed != (status == http.StatusBadRequest && strings.Contains(answer, "push its requests")) {
			t.Errorf("a public application, has to push %v: %d %s", pushed, status, answer)
		}
		if status, answer := w.askLink("ml05@mail.example", nil); status != http.StatusOK {
			t.Errorf("one with a secret, has to push %v: %d %s", pushed, status, answer)
		}
	}
	path := w.link("ml05@mail.example", map[string]any{"redirect_uri": callback})
	open := w.get(w.browser, path).Form("token")
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"callbacks": []string{"https://other.example/callback"}})
	if p := w.get(w.browser, path); p.Left != nil || p.Status != http.StatusBadRequest {
		t.Errorf("shown: %d, left %v", p.Status, p.Left)
	}
	if p := w.submit(w.browser, open); p.Left != nil || p.Status != http.StatusBadRequest {
		t.Errorf("used: %d, left %v", p.Status, p.Left)
	}
}

// ML-06: a link begins with the public URL whatever a request says of itself,
// also where it comes from a proxy that is trusted and any name is served.
func TestML06HostOfLinks(t *testing.T) {
	variants := [][]string{
		{"Host", "evil.example"},
		{"Host", "evil.example:3000"},
		{"X-Forwarded-Host", "evil.example"},
		{"X-Forwarded-Host", "localhost, evil.example:8443"},
		{"X-Forwarded-Proto", "https"},
		{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example", "X-Forwarded-Port", "443", "X-Forwarded-For", "192.0.2.1"},
		{"X-Forwarded-Scheme", "https", "X-Forwarded-Ssl", "on", "Front-End-Https", "on"},
		{"X-Forwarded-Server", "evil.example"},
		{"X-Forwarded-Port", "8443"},
		{"X-Forwarded-Prefix", "/evil"},
		{"Forwarded", "for=192.0.2.1;host=evil.example;proto=https"},
		{"Forwarded", `for="[2001:db8::1]";proto=https;host="evil.example:8443", host=evil.example`},
		{"X-Host", "evil.example"},
		{"X-Original-Host", "evil.example"},
		{"X-HTTP-Host-Override", "evil.example"},
		{"X-Original-URL", "https://evil.example/u/link", "X-Rewrite-URL", "https://evil.example/u/link"},
		{"Origin", "https://evil.example", "Referer", "https://evil.example/u/link"},
	}
	for name, c := range map[string]struct {
		change func(*config.Config)
		named  int // the answer to a request under another server's name
	}{
		"by itself":              {func(*config.Config) {}, http.StatusMisdirectedRequest},
		"behind a trusted proxy": {func(c *config.Config) { c.TrustedProxies, c.AllowRemote = []string{"127.0.0.0/8", "::1"}, true }, http.StatusOK},
	} {
		t.Run(name, func(t *testing.T) {
			w := linkHost(t, c.change)
			for i, header := range variants {
				for _, proxied := range []bool{false, true} {
					to := fmt.Sprintf("ml06-%d-%v@mail.example", i, proxied)
					want := http.StatusOK
					if header[0] == "Host" {
						want = c.named
					}
					if status, answer := w.askAs(to, proxied, header); status != want {
						t.Errorf("%v: %d %s", header, status, answer)
					} else if want == http.StatusOK {
						m := w.mailed(to, 0)
						w.path(m) // fails for a link that does not begin with the public URL
						if strings.Contains(m.Text+m.HTML+m.Subject, "evil") {
							t.Errorf("%v: the message is %s", header, m.Text)
						}
					} else if sent := w.Outbox.Messages(outbox.Filter{To: to}); len(sent) > 0 {
						t.Errorf("%v: a message was sent", header)
					}
				}
			}
		})
	}
}

// askAs asks for a link with headers, of which Host is the name that is asked
// for. As a client of a proxy it names all of the address (RFC 9112 §3.2.2).
func (w *world) askAs(to string, proxied bool, header []string) (int, string) {
	w.t.Helper()
	body, err := json.Marshal(map[string]string{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "email", "email": to, "send": "link",
	})
	if err != nil {
		w.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/passwordless/start", strings.NewReader(string(body)))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	server := *req.URL
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Header.Del("Host")
			req.Host = header[i+1]
			if proxied {
				req.URL.Host = req.Host
			}
		}
	}
	transport := &http.Transport{DisableKeepAlives: true}
	if proxied {
		transport.Proxy = func(*http.Request) (*url.URL, error) { return &url.URL{Scheme: server.Scheme, Host: server.Host}, nil }
	}
	res, err := transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(answer)
}
