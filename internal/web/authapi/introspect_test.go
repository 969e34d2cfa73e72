package authapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// OAU-15: tokens are told about, and ended, to their own application alone, or
// to that of the API they are for.
func TestOAU15IntrospectionAndRevocation(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"scopes": scopes("read"), "allow_offline_access": true})
	app, stranger := w.person(map[string]any{}), w.person(map[string]any{})
	native := w.person(map[string]any{"app_type": "native"})
	server := w.person(map[string]any{"app_type": "resource_server", "resource_server_identifier": testAPI, "grant_types": []string{}})
	ask := func(who map[string]string, token string) map[string]any {
		t.Helper()
		return w.form("/oauth/introspect", and(who, map[string]string{"token": token})).want(t, 200)
	}
	got := w.signIn(app, number, map[string]string{"audience": testAPI, "scope": "openid offline_access read"}).want(t, 200)
	access, refresh, id := got["access_token"].(string), got["refresh_token"].(string), got["id_token"].(string)
	opaque := w.signIn(app, number, nil).want(t, 200)["access_token"].(string)
	sub := claimsOf(t, id)["sub"]

	if a := ask(app, access); a["active"] != true || a["sub"] != sub || a["client_id"] != app["client_id"] || a["token_type"] != "Bearer" ||
		a["scope"] != "openid offline_access read" || a["iss"] != w.Ready.Issuer || a["exp"] == nil {
		t.Errorf("own access token: %v", a)
	}
	if a := ask(server, access); a["active"] != true {
		t.Errorf("the API's application is told %v", a)
	}
	if a := ask(app, opaque); a["active"] != true || a["sub"] != sub {
		t.Errorf("own opaque token: %v", a)
	}
	if a := ask(app, refresh); a["active"] != true || a["sub"] != sub || a["token_type"] != nil {
		t.Errorf("own refresh token: %v", a)
	}
	none := func(who map[string]string, what, token string) {
		t.Helper()
		if a := ask(who, token); len(a) != 1 || a["active"] != false {
			t.Errorf("%s: %v", what, a)
		}
	}
	none(stranger, "another's access token", access)
	none(stranger, "another's refresh token", refresh)
	none(stranger, "another's opaque token", opaque)
	none(server, "a refresh token, for the API's application", refresh)
	none(server, "a token for another API", opaque)
	none(app, "an ID token", id)
	none(app, "nothing of ours", "x")
	if got := w.form("/oauth/introspect", and(native, map[string]string{"token": access})); got.status != 401 {
		t.Errorf("a public application: %d %s", got.status, got.body)
	}
	w.form("/oauth/introspect", app).want(t, 400)
	w.form("/oauth/introspect", map[string]string{"client_id": app["client_id"], "client_secret": "x", "token": access}).want(t, 401)
	// TOK-06: every part of an opaque token and every longer one is refused.
	for n := 1; n < len(opaque); n++ {
		if a := ask(app, opaque[:n]); a["active"] != false {
			t.Fatalf("TOK-06: %d of %d characters are taken", n, len(opaque))
		}
	}
	none(app, "TOK-06 longer", opaque+"A")

	w.form("/oauth/revoke", and(stranger, map[string]string{"token": refresh})).want(t, 200)
	if a := ask(app, refresh); a["active"] != true {
		t.Error("a stranger has ended a refresh token")
	}
	for range 2 { // RFC 7009 §2.2: the second time too
		w.form("/oauth/revoke", and(app, map[string]string{"token": refresh, "token_type_hint": "refresh_token"})).want(t, 200)
	}
	none(app, "a refresh token that was revoked", refresh)
	none(app, "the access token of the same grant, a JWT", access)
	w.Clock.Advance(25 * time.Hour)
	none(app, "an access token that is over", access)
	none(app, "an opaque token that is over", opaque)
}

// OAU-15: an access token that is given back ends with all that its grant gave,
// and what cannot be ended is not said to be.
func TestOAU15AccessTokensRevoked(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"scopes": scopes("read"), "allow_offline_access": true})
	app, stranger := w.person(map[string]any{}), w.person(map[string]any{})
	native := w.person(map[string]any{"app_type": "native", "token_endpoint_auth_method": "none"})
	userinfo := func(token string) int {
		status, _, _ := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+token)
		return status
	}
	revoke := func(who map[string]string, token string) reply {
		t.Helper()
		return w.form("/oauth/revoke", and(who, map[string]string{"token": token, "token_type_hint": "access_token"}))
	}
	for name, params := range map[string]map[string]string{
		"opaque": nil,
		"a JWT":  {"audience": testAPI, "scope": "openid offline_access read"},
	} {
		for who, client := range map[string]map[string]string{"confidential": app, "public": native} {
			got := w.signIn(client, number, params).want(t, 200)
			access, refresh := got["access_token"].(string), got["refresh_token"].(string)
			renewed := w.refresh(client, refresh, nil).want(t, 200)["access_token"].(string)
			other := w.signIn(client, number, params).want(t, 200)["access_token"].(string)
			revoke(stranger, access).want(t, 200)
			if userinfo(access) != 200 {
				t.Errorf("%s, %s: a stranger has ended it", name, who)
			}
			for range 2 {
				revoke(client, access).want(t, 200)
			}
			for what, token := range map[string]string{"it": access, "another of its grant": renewed} {
				if status := userinfo(token); status != 401 {
					t.Errorf("%s, %s: %s gives %d at userinfo", name, who, what, status)
				}
			}
			w.refresh(client, refresh, nil).want(t, 403)
			if userinfo(other) != 200 {
				t.Errorf("%s, %s: a token of another sign-in has ended too", name, who)
			}
		}
	}
	id, secret := w.machine(testAPI, map[string]any{}, "read")
	machine := map[string]string{"client_id": id, "client_secret": secret}
	own := w.token(and(machine, map[string]string{"grant_type": "client_credentials", "audience": testAPI})).want(t, 200)["access_token"].(string)
	if got := revoke(machine, own); got.status != 400 || got.code() != "unsupported_token_type" {
		t.Errorf("an application's own token: %d %s", got.status, got.body)
	}
	revoke(stranger, own).want(t, 200)
	logged := w.manage("GET", "/logs?q=type:srrt&per_page=100", nil)
	if n := strings.Count(logged.body, "An access token was given back"); n != 4 {
		t.Errorf("%d revocations are logged, want 4", n)
	}
}

// OAU-15: a store that fails is 503 and never an answer.
func TestOAU15StoreFails(t *testing.T) {
	database := storetest.SQLite(t)
	key := t.TempDir() + "/key"
	w := newWorld(t, func(c *config.Config) { c.Database, c.KeyFile, c.Ephemeral = database, key, false })
	app := w.person(map[string]any{})
	storetest.Exec(t, storetest.SQL(t, database), `ALTER TABLE refresh_tokens RENAME TO gone`)
	for _, path := range []string{"/oauth/revoke", "/oauth/introspect"} {
		if got := w.form(path, and(app, map[string]string{"token": "x"})); got.status != 503 {
			t.Errorf("%s: %d %s, want 503", path, got.status, got.body)
		}
	}
}

// The documented error of what there is not.
func TestTokenExchangeIsRefused(t *testing.T) {
	w := newWorld(t)
	for _, grant := range []string{"urn:ietf:params:oauth:grant-type:token-exchange", "password", "implicit"} {
		if got := w.token(and(w.app(), map[string]string{"grant_type": grant})); got.status != 403 || got.code() != "unsupported_grant_type" {
			t.Errorf("%s: %d %s", grant, got.status, got.body)
		}
	}
}
