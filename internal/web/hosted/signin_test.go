package hosted_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const (
	callback = "http://localhost:3000/callback"
	verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// A world is a server and one person's browser.
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

func (w *world) newBrowser() *textbrowser.Browser {
	return textbrowser.New(http.DefaultTransport, func(u *url.URL) bool { return u.Scheme+"://"+u.Host != w.URL })
}

// query is a request to /authorize of the ready-made application, with pairs
// added or, where the value is empty, left out.
func (w *world) query(pairs ...string) string {
	q := url.Values{
		"client_id": {w.Ready.ClientID}, "redirect_uri": {callback}, "response_type": {"code"},
		"scope": {"openid profile phone email"}, "state": {"af0ifjsldkj"}, "nonce": {"n-0S6_WzA2Mj"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			q.Del(pairs[i])
		}
	}
	return q.Encode()
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

// code is the newest code that was sent to somebody.
func (w *world) code(to string) string {
	w.t.Helper()
	return w.Newest(w.t, to).Code
}

// signIn goes through the pages from an /authorize request to its answer.
func (w *world) signIn(b *textbrowser.Browser, query, number string) url.Values {
	w.t.Helper()
	p := w.get(b, "/authorize?"+query)
	if p.Left != nil {
		w.t.Fatalf("sent away at once: %s", p.Left.URL)
	}
	p = w.submit(b, p.Form("username").Set("username", number))
	p = w.submit(b, p.Form("code").Set("code", w.code(number)).Press("default"))
	return w.left(p)
}

// left is the answer by which the browser left for the application.
func (w *world) left(p *textbrowser.Page) url.Values {
	w.t.Helper()
	if p.Left == nil {
		w.t.Fatalf("still at %s (%d):\n%s", p.URL, p.Status, p.Text())
	}
	if got := p.Left.URL.Scheme + "://" + p.Left.URL.Host + p.Left.URL.Path; got != callback {
		w.t.Fatalf("left for %s, want %s", got, callback)
	}
	if p.Left.Form != nil {
		return p.Left.Form
	}
	if f := p.Left.URL.Fragment; f != "" {
		v, err := url.ParseQuery(p.Left.URL.EscapedFragment())
		if err != nil {
			w.t.Fatal(err)
		}
		return v
	}
	return p.Left.URL.Query()
}

// redeem exchanges a code, with pairs added or left out.
func (w *world) redeem(code string, pairs ...string) (int, map[string]any) {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"authorization_code"}, "client_id": {w.Ready.ClientID}, "client_secret": {w.Ready.ClientSecret},
		"code": {code}, "redirect_uri": {callback},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			form.Del(pairs[i])
		}
	}
	status, _, body := w.Post(w.t, "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		w.t.Fatalf("%d %s", status, body)
	}
	return status, answer
}

// claims are those of a token, unverified.
func claims(t *testing.T, token any) map[string]any {
	t.Helper()
	text, _ := token.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %v", token)
	}
	doc, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(doc, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestSignIn is the whole way: pages, code, tokens, and the second application
// that asks silently.
func TestSignIn(t *testing.T) {
	w := newWorld(t)
	p := w.get(w.browser, "/authorize?"+w.query())
	if p.URL.Path != "/u/login/identifier" || !strings.Contains(p.Text(), "Sign in to My app") {
		t.Fatalf("at %s:\n%s", p.URL, p.Body)
	}
	p = w.submit(w.browser, p.Form("username").Set("username", "+44 7700 900123"))
	if p.URL.Path != "/u/login/passwordless-sms-challenge" {
		t.Fatalf("at %s (%d):\n%s", p.URL, p.Status, p.Text())
	}
	wrong := w.submit(w.browser, p.Form("code").Set("code", "000000").Press("default"))
	if wrong.Status != http.StatusUnprocessableEntity || !strings.Contains(wrong.Text(), "2 tries left") {
		t.Fatalf("%d\n%s", wrong.Status, wrong.Text())
	}
	short := w.submit(w.browser, wrong.Form("code").Set("code", "123").Press("default"))
	if !strings.Contains(short.Text(), "The code has 6 digits.") {
		t.Fatalf("%d\n%s", short.Status, short.Text())
	}
	code := w.code("+447700900123")
	answer := w.left(w.submit(w.browser, short.Form("code").Set("code", code[:3]+" "+code[3:]).Press("default")))
	if answer.Get("state") != "af0ifjsldkj" || answer.Get("iss") != w.Ready.Issuer || len(answer.Get("code")) != 43 {
		t.Fatalf("answer %v", answer)
	}
	status, tokens := w.redeem(answer.Get("code"))
	if status != http.StatusOK {
		t.Fatalf("%d %v", status, tokens)
	}
	id := claims(t, tokens["id_token"])
	if id["nonce"] != "n-0S6_WzA2Mj" || id["sid"] == "" || id["auth_time"] == nil || id["phone_number"] != "+447700900123" {
		t.Errorf("ID token %v", id)
	}
	again := w.left(w.get(w.browser, "/authorize?"+w.query("prompt", "none")))
	_, tokens = w.redeem(again.Get("code"))
	second := claims(t, tokens["id_token"])
	if second["sub"] != id["sub"] || second["sid"] != id["sid"] || second["auth_time"] != id["auth_time"] {
		t.Errorf("silent ID token %v, want the same person and session as %v", second, id)
	}
}
