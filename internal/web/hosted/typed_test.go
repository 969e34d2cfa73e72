package hosted_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// start asks the API for a code, as an application's page does.
func (w *world) start(number string) string {
	w.t.Helper()
	w.Outbox.Clear()
	if status, answer := w.post("/passwordless/start", map[string]string{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "phone_number": number,
	}); status != http.StatusOK {
		w.t.Fatalf("%d %v", status, answer)
	}
	return w.code(number)
}

// redirected is the address that a page leads to with a code.
func (w *world) redirected(number, code string, pairs ...string) string {
	return "/passwordless/verify_redirect?" + w.query(append([]string{
		"connection", "sms", "phone_number", number, "verification_code", code,
	}, pairs...)...)
}

// agree taps the button of the page that asks.
func (w *world) agree(b *textbrowser.Browser, path string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(b, path)
	f := p.Form("verification_code")
	if f == nil || !strings.Contains(p.Text(), "You will be signed in as") {
		w.t.Fatalf("%d %v: %s", p.Status, p.Left, p.Text())
	}
	return w.submit(b, f)
}

// A code that was typed into a page of the application signs in once the person
// has agreed, and its sign-in is one like any other.
func TestVerifyRedirect(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900521"
	code := w.start(number)
	path := w.redirected(number, code)
	for range 3 { // looking costs nothing and does nothing
		if p := w.get(w.newBrowser(), path); p.Status != http.StatusOK || len(w.cookies(w.browser)) != 0 {
			t.Fatalf("%d", p.Status)
		}
	}
	answer := w.left(w.agree(w.browser, strings.Replace(path, "verify_redirect", "verify-redirect", 1)))
	status, tokens := w.redeem(answer.Get("code"))
	if status != http.StatusOK || answer.Get("state") != "af0ifjsldkj" || claims(t, tokens["id_token"])["phone_number"] != number || !w.signedIn(w.browser) {
		t.Fatalf("%v: %d %v", answer, status, tokens)
	}
	// A code is good once, and a wrong one is told in Auth0's words.
	answer = w.left(w.agree(w.newBrowser(), path))
	if answer.Get("error") != "unauthorized" || answer.Get("state") != "af0ifjsldkj" || answer.Get("error_description") != "Wrong phone number or verification code." {
		t.Errorf("again: %v", answer)
	}
	// Tokens are for applications with the implicit grant.
	path = w.redirected(number, w.start(number), "response_type", "token")
	if got := fragment(w.get(w.newBrowser(), path)); got.Get("error") != "unauthorized_client" {
		t.Errorf("token: %v", got)
	}
	w.allowImplicit()
	if got := fragment(w.agree(w.newBrowser(), path)); got.Get("access_token") == "" {
		t.Errorf("token: %v", got)
	}
	// Three wrong ones end a code here as anywhere.
	code = w.start(number)
	for range 3 {
		w.agree(w.newBrowser(), w.redirected(number, "000000"))
	}
	if got := w.left(w.agree(w.newBrowser(), w.redirected(number, code))); !strings.Contains(got.Get("error_description"), "maximum number of attempts") {
		t.Errorf("after three wrong codes: %v", got)
	}
	if _, features := w.events(); !slices.Contains(features, "legacy_passwordless_verify_redirect") {
		t.Errorf("deprecations %v", features)
	}
}

// What is refused: on our page where it cannot go to the application, and there
// otherwise.
func TestVerifyRedirectRefuses(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900522"
	code := w.start(number)
	for _, c := range []struct {
		pairs []string
		want  string // of the application; empty: our own page
	}{
		{[]string{"client_id", "nobody"}, ""},
		{[]string{"redirect_uri", "https://evil.example/"}, ""},
		{[]string{"verification_code", ""}, "invalid_request"},
		{[]string{"connection", ""}, "invalid_request"},
		{[]string{"connection", "nothing"}, "invalid_request"},
		{[]string{"response_type", "x"}, "unsupported_response_type"},
		{[]string{"phone_number", "nobody"}, "unauthorized"},
		{[]string{"connection", "email"}, "unauthorized"}, // of which there is no address
		{[]string{"prompt", "none"}, "login_required"},
	} {
		p := w.get(w.newBrowser(), w.redirected(number, code, c.pairs...))
		if c.want == "" {
			if p.Left != nil || p.Status < 400 {
				t.Errorf("%v: %d %v", c.pairs, p.Status, p.Left)
			}
			continue
		}
		if got := w.left(p); got.Get("error") != c.want {
			t.Errorf("%v: %v, want %s", c.pairs, got, c.want)
		}
	}
	// A form of another site signs nobody in, whosever code it brings.
	to, form, _ := strings.Cut(w.redirected(number, code), "?")
	values, err := url.ParseQuery(form)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(w.URL + to)
	if err != nil {
		t.Fatal(err)
	}
	if status := w.foreign(w.browser, target, values); status != http.StatusForbidden || w.signedIn(w.browser) {
		t.Errorf("a form of another site: %d", status)
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"allow_passwordless_verify":false}}`)
	if p := w.get(w.newBrowser(), w.redirected(number, code)); p.Status != http.StatusNotFound {
		t.Errorf("switched off: %d", p.Status)
	}
	if status, answer := w.post("/passwordless/verify", map[string]string{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "phone_number": number, "verification_code": code,
	}); status != http.StatusNotFound || answer["error"] != "endpoint_disabled" {
		t.Errorf("switched off: %d %v", status, answer)
	}
}

// OTP-06: the code of a sign-in on our pages is good in that sign-in alone.
func TestOTP06CodeOfASignInAtVerifyRedirect(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900523"
	p := w.get(w.browser, "/authorize?"+w.query())
	p = w.submit(w.browser, p.Form("username").Set("username", number))
	code := w.code(number)
	if got := w.left(w.agree(w.newBrowser(), w.redirected(number, code))); got.Get("error") != "unauthorized" {
		t.Fatalf("%v", got)
	}
	if got := w.left(w.submit(w.browser, p.Form("code").Set("code", code).Press("default"))); got.Get("code") == "" {
		t.Errorf("in its own sign-in: %v", got)
	}
}
