package authapi_test

import (
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// hostile are hostile tokens made of a good one of the server's.
func (w *world) hostile(good string) []jwttest.Hostile {
	w.t.Helper()
	_, _, served := w.Do(w.t, "GET", "/.well-known/jwks.json", "")
	list := jwttest.HostileTokens(w.t, good, nil, jwttest.PublicForms(w.t, served)...)
	if len(list) < 80 {
		w.t.Errorf("only %d hostile tokens", len(list))
	}
	return list
}

// bearing asks for something with a token in the header.
func (w *world) bearing(path, token string) (status int, body string) {
	w.t.Helper()
	status, _, body = w.Do(w.t, "GET", path, "", "Authorization", "Bearer "+header(token))
	return status, body
}

// fits reports whether a header can bring a token as it is: a space around it is
// not part of a header's value.
func fits(token, good string) bool { return strings.TrimSpace(token) != good }

// TOK-01: no hostile access token is taken at userinfo, told about, or ends what
// the good one stands for.
func TestTOK01HostileAccessTokens(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"scopes": scopes("read"), "allow_offline_access": true})
	app := w.person(map[string]any{})
	got := w.signIn(app, number, map[string]string{"audience": testAPI, "scope": "openid offline_access read"}).want(t, 200)
	access, refresh := got["access_token"].(string), got["refresh_token"].(string)
	active := func(token string) any {
		t.Helper()
		return w.form("/oauth/introspect", and(app, map[string]string{"token": token})).want(t, 200)["active"]
	}
	for _, h := range w.hostile(access) {
		if status, body := w.bearing("/userinfo", h.Token); status != 401 && fits(h.Token, access) {
			t.Errorf("userinfo, %s: %d %s", h.Name, status, body)
		}
		if got := w.form("/userinfo", map[string]string{"access_token": h.Token}); got.status != 401 {
			t.Errorf("userinfo, in a form, %s: %d %s", h.Name, got.status, got.body)
		}
		if h.Token == "" { // which is nothing to ask about
			continue
		}
		if active(h.Token) != false {
			t.Errorf("introspection, %s: it is active", h.Name)
		}
		w.form("/oauth/revoke", and(app, map[string]string{"token": h.Token})).want(t, 200)
		if active(access) != true || active(refresh) != true {
			t.Fatalf("revocation, %s: the grant has ended", h.Name)
		}
	}
	if status, body := w.bearing("/userinfo", access); status != 200 {
		t.Errorf("userinfo, the good one: %d %s", status, body)
	}
	w.form("/userinfo", map[string]string{"access_token": access}).want(t, 200)
	w.form("/oauth/revoke", and(app, map[string]string{"token": access})).want(t, 200)
	if active(access) != false || active(refresh) != false {
		t.Error("revocation, the good one: the grant has not ended")
	}
}

// TOK-01: the same for the Management API and its tokens.
func TestTOK01HostileManagementTokens(t *testing.T) {
	w := newWorld(t)
	for _, h := range w.hostile(w.admin) {
		status, body := w.bearing("/api/v2/clients", h.Token)
		if status != 401 && status != 431 && fits(h.Token, w.admin) { // some are too large for any header
			t.Errorf("%s: %d %s", h.Name, status, body)
		}
	}
	if status, body := w.bearing("/api/v2/clients", w.admin); status != 200 {
		t.Errorf("the good one: %d %s", status, body)
	}
}

// TOK-01: the same for the ID tokens that /tokeninfo takes, signed by a key of
// the server and by the application's own secret.
func TestTOK01HostileIDTokens(t *testing.T) {
	w := newWorld(t)
	for _, alg := range []string{"RS256", "HS256"} {
		app := w.person(map[string]any{"oidc_conformant": false, "jwt_configuration": map[string]any{"alg": alg}})
		good := w.signIn(app, number, nil).want(t, 200)["id_token"].(string)
		tell := func(token string) reply { return w.form("/tokeninfo", map[string]string{"id_token": token}) }
		for _, h := range w.hostile(good) {
			status := 401
			if h.Token == "" { // which is no token
				status = 400
			}
			if got := tell(h.Token); got.status != status {
				t.Errorf("%s, %s: %d %s", alg, h.Name, got.status, got.body)
			}
		}
		tell(good).want(t, 200)
	}
}
