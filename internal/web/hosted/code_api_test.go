package hosted_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"
)

const (
	reuseAPI      = "https://reuse.example"
	reuseCallback = reuseAPI + "/cb"
)

// newAPIWorld is a world with an API that nobody is asked about, and somebody
// who is signed in.
func newAPIWorld(t *testing.T, more string) *world {
	t.Helper()
	w := newWorld(t)
	w.manage(http.MethodPost, "/api/v2/resource-servers", `{"identifier":"`+reuseAPI+`","name":"Reuse","allow_offline_access":true,
		"skip_consent_for_verifiable_first_party_clients":true`+more+`}`)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"callbacks":["`+callback+`","`+reuseCallback+`"]}`)
	w.allowImplicit()
	w.signIn(w.browser, w.query(), person)
	return w
}

// forAPI is what the browser's session gives for the API.
func (w *world) forAPI(kind string) url.Values {
	w.t.Helper()
	p := w.get(w.browser, "/authorize?"+w.query("prompt", "none", "audience", reuseAPI, "redirect_uri", reuseCallback,
		"scope", "openid offline_access", "response_type", kind))
	if p.Left == nil {
		w.t.Fatalf("%d %s", p.Status, p.Text())
	}
	answer, err := url.ParseQuery(p.Left.URL.RawQuery + p.Left.URL.Fragment)
	if err != nil || answer.Has("error") {
		w.t.Fatalf("%s: %v, %v", kind, answer, err)
	}
	return answer
}

// userinfo is the status of userinfo for a token.
func (w *world) userinfo(token any) int {
	w.t.Helper()
	text, _ := token.(string)
	status, _, _ := w.Do(w.t, http.MethodGet, "/userinfo", "", "Authorization", "Bearer "+text)
	return status
}

// active reports whether introspection calls a token good.
func (w *world) active(token any) bool {
	w.t.Helper()
	text, _ := token.(string)
	form := url.Values{"client_id": {w.Ready.ClientID}, "client_secret": {w.Ready.ClientSecret}, "token": {text}}
	status, _, body := w.Post(w.t, "/oauth/introspect", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	if status != http.StatusOK {
		w.t.Fatalf("introspection: %d %s", status, body)
	}
	return body != `{"active":false}`
}

// OAU-06: the second time a code is used ends the access tokens for an API too,
// also the one that came with the code through the browser.
func TestOAU06CodeReuseForAPI(t *testing.T) {
	w := newAPIWorld(t, "")
	other := w.forAPI("token").Get("access_token")
	for _, later := range []time.Duration{0, time.Second, 30 * time.Second} {
		answer := w.forAPI("code token")
		code := answer.Get("code")
		status, tokens := w.redeem(code, "redirect_uri", reuseCallback)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, tokens)
		}
		given := map[string]any{"the exchange": tokens["access_token"], "the browser": answer.Get("access_token")}
		for from, token := range given {
			claims(t, token) // a JWT
			if got := w.userinfo(token); got != http.StatusOK || !w.active(token) {
				t.Fatalf("before it the token from %s gives %d", from, got)
			}
		}
		w.Clock.Advance(later)
		if status, answer := w.redeem(code, "redirect_uri", reuseCallback); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("after %v again: %d %v", later, status, answer)
		}
		for from, token := range given {
			if got := w.userinfo(token); got != http.StatusUnauthorized {
				t.Errorf("after %v the token from %s gives %d at userinfo", later, from, got)
			}
			if w.active(token) {
				t.Errorf("after %v introspection calls the token from %s good", later, from)
			}
		}
		if status, _ := w.redeem("", "grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string)); status != http.StatusForbidden {
			t.Errorf("after %v the refresh token gives %d", later, status)
		}
	}
	if got := w.userinfo(other); got != http.StatusOK || !w.active(other) {
		t.Errorf("a token of another sign-in gives %d", got)
	}
}

// What goes through the browser lives as long as the API says for that
// (token_lifetime_for_web), what is exchanged for a code as long as others.
func TestLifetimeForWeb(t *testing.T) {
	w := newAPIWorld(t, `,"token_lifetime":3600,"token_lifetime_for_web":600`)
	life := func(token any) float64 {
		c := claims(t, token)
		return c["exp"].(float64) - c["iat"].(float64)
	}
	for _, kind := range []string{"token", "code token", "id_token token"} {
		answer := w.forAPI(kind)
		if got := life(answer.Get("access_token")); got != 600 || answer.Get("expires_in") != "600" {
			t.Errorf("%s: %v s, expires_in %s, want 600", kind, got, answer.Get("expires_in"))
		}
		if !answer.Has("code") {
			continue
		}
		_, tokens := w.redeem(answer.Get("code"), "redirect_uri", reuseCallback)
		if got := life(tokens["access_token"]); got != 3600 || tokens["expires_in"] != 3600.0 {
			t.Errorf("for the code: %v s, expires_in %v, want 3600", got, tokens["expires_in"])
		}
	}
}
