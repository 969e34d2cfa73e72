package authapi_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
)

// scopes is a body's list of an API's scopes.
func scopes(names ...string) []map[string]string {
	var list []map[string]string
	for _, n := range names {
		list = append(list, map[string]string{"value": n})
	}
	return list
}

const otp = "http://auth0.com/oauth/grant-type/passwordless/otp"

// person makes an application that people sign in to, with the SMS connection,
// and returns what it proves itself by.
func (w *world) person(body map[string]any) map[string]string {
	w.t.Helper()
	if body["grant_types"] == nil {
		body["grant_types"] = []string{otp, "refresh_token"}
	}
	id, secret := w.client(body)
	if body["app_type"] == "native" {
		return map[string]string{"client_id": id}
	}
	return map[string]string{"client_id": id, "client_secret": secret}
}

func (w *world) refresh(client map[string]string, token string, more map[string]string) reply {
	w.t.Helper()
	return w.token(and(and(client, map[string]string{"grant_type": "refresh_token", "refresh_token": token}), more))
}

const number = "+15005550006"

// rotating are a client's members with which refresh tokens rotate and end.
func rotating(leeway int) map[string]any {
	return map[string]any{"refresh_token": map[string]any{
		"rotation_type": "rotating", "expiration_type": "expiring", "leeway": leeway,
		"token_lifetime": 3600, "idle_token_lifetime": 600,
	}}
}

// OAU-09: rotation, reuse inside and outside the leeway.
func TestOAU09RefreshRotation(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"allow_offline_access": true})
	app := w.person(rotating(30))
	for name, params := range map[string]map[string]string{
		"opaque": nil,
		"a JWT":  {"audience": testAPI, "scope": "openid offline_access"},
	} {
		t.Run("OAU-09 with access tokens that are "+name, func(t *testing.T) { rotate(t, w, app, params) })
	}
}

func rotate(t *testing.T, w *world, app, params map[string]string) {
	first := w.signIn(app, number, params).want(t, 200)["refresh_token"].(string)
	second := w.refresh(app, first, nil).want(t, 200)["refresh_token"].(string)
	if first == second {
		t.Fatal("the token did not rotate")
	}
	w.Clock.Advance(20 * time.Second)
	third := w.refresh(app, first, nil).want(t, 200)["refresh_token"].(string) // inside the leeway
	access := w.refresh(app, third, nil).want(t, 200)["access_token"].(string)
	w.Clock.Advance(31 * time.Second)
	reused := w.refresh(app, first, nil)
	if reused.want(t, 403); reused.code() != "invalid_grant" || !strings.Contains(reused.body, "Unknown or invalid refresh token.") {
		t.Errorf("reuse answers %s", reused.body)
	}
	for _, dead := range []string{second, third} {
		w.refresh(app, dead, nil).want(t, 403)
	}
	if status, _, body := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+access); status != 401 {
		t.Errorf("an access token outlives its family: %d %s", status, body)
	}
	if a := w.form("/oauth/introspect", and(app, map[string]string{"token": access})).want(t, 200); a["active"] != false {
		t.Errorf("an access token outlives its family: %v", a)
	}
}

// OAU-10: what a refresh token is bound to.
func TestOAU10RefreshTokens(t *testing.T) {
	w := newWorld(t)
	const other, third = "https://other.example.test/", "https://third.example.test/"
	w.api(testAPI, map[string]any{"scopes": scopes("read", "write"), "allow_offline_access": true})
	w.api(other, map[string]any{"scopes": scopes("see", "do", "hidden"), "allow_offline_access": true})
	w.api(third, map[string]any{"scopes": scopes("x"), "allow_offline_access": true})
	body := rotating(0)
	body["refresh_token"].(map[string]any)["policies"] = []map[string]any{{"audience": other, "scope": []string{"see", "do", "gone"}}}
	app, stranger := w.person(body), w.person(map[string]any{})
	signIn := func() string {
		t.Helper()
		more := map[string]string{"audience": testAPI, "scope": "openid offline_access read write"}
		return w.signIn(app, number, more).want(t, 200)["refresh_token"].(string)
	}
	token := signIn()
	use := func(more map[string]string) map[string]any {
		t.Helper()
		got := w.refresh(app, token, more).want(t, 200)
		token = got["refresh_token"].(string)
		return got
	}
	scope := func(got map[string]any, want string) {
		t.Helper()
		if got["scope"] != want {
			t.Errorf("scope %q, want %q", got["scope"], want)
		}
		if c := claimsOf(t, got["access_token"].(string)); c["scope"] != want {
			t.Errorf("the token's scope is %q, want %q", c["scope"], want)
		}
	}
	scope(use(nil), "openid offline_access read write")
	scope(use(map[string]string{"scope": "read"}), "read")
	scope(use(map[string]string{"scope": "read admin"}), "read") // never more than was given
	scope(use(nil), "openid offline_access read write")          // narrowing was for once
	for _, none := range []string{"admin", "admin profile"} {    // RFC 6749 §6
		if got := w.refresh(app, token, map[string]string{"scope": none}); got.status != 400 || got.code() != "invalid_scope" {
			t.Errorf("scope %s: %d %s", none, got.status, got.body)
		}
	}
	if got := w.refresh(app, token, map[string]string{"scope": "read", "audience": other}); got.status != 400 || got.code() != "invalid_scope" {
		t.Errorf("another API's scope: %d %s", got.status, got.body)
	}
	if got := w.refresh(app, token, map[string]string{"scope": "admin", "audience": third}); got.status != 403 || got.code() != "access_denied" {
		t.Errorf("an API that is not for it: %d %s", got.status, got.body)
	}
	scope(use(map[string]string{"audience": testAPI}), "openid offline_access read write")

	got := use(map[string]string{"audience": other})
	scope(got, "openid offline_access see do")
	if aud := claimsOf(t, got["access_token"].(string))["aud"].([]any); aud[0] != other {
		t.Errorf("the token is for %v", aud)
	}
	scope(use(map[string]string{"audience": other, "scope": "see hidden read"}), "see")
	for _, a := range []string{third, "https://nowhere.example.test/", w.Ready.Issuer + "api/v2/"} {
		if got := w.refresh(app, token, map[string]string{"audience": a}); got.status != 403 || got.code() != "access_denied" {
			t.Errorf("for %s: %d %s", a, got.status, got.body)
		}
	}
	scope(use(nil), "openid offline_access read write") // a refused request cost nothing

	w.refresh(stranger, token, nil).want(t, 403)
	use(nil)
	w.Clock.Advance(9 * time.Minute)
	use(nil)
	w.Clock.Advance(10 * time.Minute)
	w.refresh(app, token, nil).want(t, 403) // idle

	token = signIn()
	for range 6 {
		w.Clock.Advance(595 * time.Second)
		use(nil)
	}
	w.Clock.Advance(31 * time.Second)
	w.refresh(app, token, nil).want(t, 403) // an hour after it was first given

	token = signIn()
	w.manage("PATCH", "/clients/"+app["client_id"], map[string]any{"grant_types": []string{otp}}).want(t, 200)
	if got := w.refresh(app, token, nil); got.status != 403 || got.code() != "unauthorized_client" {
		t.Errorf("without the grant type: %d %s", got.status, got.body)
	}
}

// OAU-10: the audience of userinfo is that of a grant without an API, however the
// person has signed in, and of no other.
func TestOAU10RefreshForUserinfo(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"scopes": scopes("read"), "allow_offline_access": true})
	userinfo := w.Ready.Issuer + "userinfo"
	app := w.person(rotating(30))
	signIn := func(more map[string]string) string {
		t.Helper()
		return w.signIn(app, number, more).want(t, 200)["refresh_token"].(string)
	}
	for _, audience := range []string{userinfo, ""} {
		first := signIn(map[string]string{"audience": audience})
		use := func(token, scope, want string) string {
			t.Helper()
			got := w.refresh(app, token, map[string]string{"audience": userinfo, "scope": scope}).want(t, 200)
			if got["scope"] != want {
				t.Errorf("signed in for %q: scope %q, want %q", audience, got["scope"], want)
			}
			if status, _, answer := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+got["access_token"].(string)); status != 200 {
				t.Errorf("signed in for %q: userinfo %d %s", audience, status, answer)
			}
			return got["refresh_token"].(string)
		}
		second := use(first, "", "openid offline_access")
		use(first, "", "openid offline_access") // within the leeway
		third := use(second, "openid", "openid")
		if got := w.refresh(app, third, map[string]string{"audience": testAPI}); got.status != 403 || got.code() != "access_denied" {
			t.Errorf("signed in for %q, used for an API: %d %s", audience, got.status, got.body)
		}
		use(third, "", "openid offline_access")
	}
	token := signIn(map[string]string{"audience": testAPI, "scope": "openid offline_access read"})
	before := w.logged()
	refused := func(what string) {
		t.Helper()
		if got := w.refresh(app, token, map[string]string{"audience": userinfo}); got.status != 403 || got.code() != "access_denied" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	refused("of an API's grant")
	next := w.refresh(app, token, nil).want(t, 200)["refresh_token"].(string) // it cost nothing
	refused("of an API's grant, replaced")
	if n := w.logged(); n["sertft"] != before["sertft"]+1 || n["fertft"] != before["fertft"]+2 {
		t.Errorf("the log has %v, before %v", n, before)
	}
	w.refresh(app, next, nil).want(t, 200)
	if got := w.refresh(app, "unknown", map[string]string{"audience": userinfo}); got.status != 403 || got.code() != "invalid_grant" {
		t.Errorf("unknown: %d %s", got.status, got.body)
	}
}

// TOK-06: a refresh token is taken whole or not at all, and is not in the database,
// from which nobody can make one.
func TestTOK06RefreshTokens(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, func(c *config.Config) {
		c.Database, c.KeyFile, c.Ephemeral = "sqlite:"+filepath.Join(dir, "x.db"), filepath.Join(dir, "x.key"), false
	})
	app := w.person(map[string]any{})
	token := w.signIn(app, number, nil).want(t, 200)["refresh_token"].(string)
	refused := func(what, text string) {
		t.Helper()
		if got := w.refresh(app, text, nil); got.status != 403 || got.code() != "invalid_grant" {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
		if a := w.form("/oauth/introspect", and(app, map[string]string{"token": text})).want(t, 200); a["active"] != false {
			t.Errorf("%s: introspection says %v", what, a)
		}
	}
	for n := 1; n < len(token); n++ {
		refused(fmt.Sprintf("the first %d characters", n), token[:n])
		refused(fmt.Sprintf("without the first %d characters", n), token[n:])
	}
	for _, more := range []string{"A", "=", "%", "\n", token} {
		refused(fmt.Sprintf("with %.5q after it", more), token+more)
		refused(fmt.Sprintf("with %.5q before it", more), more+token)
	}
	w.refresh(app, token, nil).want(t, 200)
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"x.db", "x.db-wal"} {
		stored, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(stored, []byte(token)) || bytes.Contains(stored, raw) {
			t.Errorf("the token is in %s", name)
		}
	}
}
