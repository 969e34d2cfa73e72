package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// TOK-01: a hostile token is no hint, at /authorize or at a logout, for whom
// somebody is or of which application is meant.
func TestTOK01HostileHints(t *testing.T) {
	w := newLeaver(t)
	id := w.idToken(w.browser, "+447700900331")
	if got := w.hinted(id); got.Get("code") == "" {
		t.Fatalf("the good one: %v", got)
	}
	_, _, served := w.Do(t, http.MethodGet, "/.well-known/jwks.json", "")
	hostile := jwttest.HostileTokens(t, id, nil, jwttest.PublicForms(t, served)...)
	if len(hostile) < 80 {
		t.Errorf("%d tokens, want 80", len(hostile))
	}
	for _, h := range hostile {
		if h.Token == "" { // which is no hint
			continue
		}
		if got := w.hinted(h.Token); got.Get("error") != "invalid_request" || got.Has("code") {
			t.Errorf("/authorize, %s: %v", h.Name, got)
		}
		p := w.leave(h.Token)
		if p.Left != nil || p.Status/100 != 4 || p.Form("logout") != nil {
			t.Errorf("/oidc/logout, %s: %d, left %v", h.Name, p.Status, p.Left)
		}
	}
	if !w.signedIn(w.browser) {
		t.Error("one of them has signed the person out")
	}
}

// hinted asks silently with a hint. It is sent in a form: an address would be too
// short for some.
func (w *world) hinted(hint string) url.Values {
	w.t.Helper()
	form, err := url.ParseQuery(w.query("prompt", "none", "id_token_hint", hint))
	if err != nil {
		w.t.Fatal(err)
	}
	return w.left(w.postForm("/authorize", form))
}

// leave asks to be signed out, with a hint.
func (w *world) leave(hint string) *textbrowser.Page {
	w.t.Helper()
	return w.postForm("/oidc/logout", url.Values{"id_token_hint": {hint}, "post_logout_redirect_uri": {bye}})
}

func (w *world) postForm(path string, form url.Values) *textbrowser.Page {
	w.t.Helper()
	p, err := w.browser.Post(w.t.Context(), w.URL+path, form)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

// TOK-03: no other token of ours passes for an ID token that is a hint.
func TestTOK03OtherTokensAsHints(t *testing.T) {
	w := newLeaver(t)
	w.manage(http.MethodPost, "/api/v2/resource-servers",
		`{"identifier":"https://hint.example","name":"Hint","allow_offline_access":true,"skip_consent_for_verifiable_first_party_clients":true}`)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"callbacks":["`+callback+`","https://hint.example/cb"]}`)
	_, opaque := w.redeem(w.signIn(w.browser, w.query("scope", "openid offline_access"), person).Get("code"))
	p := w.get(w.browser, "/authorize?"+w.query("audience", "https://hint.example", "redirect_uri", "https://hint.example/cb", "scope", "openid"))
	if p.Left == nil {
		t.Fatalf("%d %s", p.Status, p.Text())
	}
	_, jwt := w.redeem(p.Left.URL.Query().Get("code"), "redirect_uri", "https://hint.example/cb")
	_, machine := w.redeem("", "grant_type", "client_credentials", "client_id", w.Ready.ManagementClientID,
		"client_secret", w.Ready.ManagementClientSecret, "audience", w.URL+"/api/v2/", "code", "", "redirect_uri", "")
	for name, token := range map[string]any{
		"a refresh token": opaque["refresh_token"], "an opaque access token": opaque["access_token"],
		"an access token": jwt["access_token"], "a token for the Management API": machine["access_token"],
	} {
		hint, _ := token.(string)
		if hint == "" || strings.HasPrefix(name, "an access") && strings.Count(hint, ".") != 2 {
			t.Fatalf("%s: %v", name, token)
		}
		if got := w.hinted(hint); got.Get("error") != "invalid_request" {
			t.Errorf("/authorize, %s: %v", name, got)
		}
		if p := w.leave(hint); p.Left != nil || p.Form("logout") != nil {
			t.Errorf("/oidc/logout, %s: %d, left %v", name, p.Status, p.Left)
		}
	}
	if !w.signedIn(w.browser) {
		t.Error("one of them has signed the person out")
	}
}
