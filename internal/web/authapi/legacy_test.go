package authapi_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
)

const delegationGrant = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// newLegacyWorld is a world whose ready-made application says that it is not
// OIDC-conformant.
func newLegacyWorld(t *testing.T, change ...func(*config.Config)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.manage("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"oidc_conformant": false, "grant_types": []string{
		"authorization_code", "refresh_token", otp,
		"http://auth0.com/oauth/legacy/grant-type/ro", "http://auth0.com/oauth/legacy/grant-type/delegation/refresh_token",
	}}).want(t, 200)
	return w
}

// owner exchanges a code at /oauth/ro.
func (w *world) owner(code string, more map[string]string) reply {
	w.t.Helper()
	return w.form("/oauth/ro", and(and(w.app(), map[string]string{
		"grant_type": "password", "connection": "sms", "username": number, "password": code, "scope": "openid offline_access", "device": "phone",
	}), more))
}

// ownerTokens are what a right code gives there.
func (w *world) ownerTokens(more map[string]string) (id, refresh string) {
	w.t.Helper()
	got := w.owner(w.code(w.app(), number), more).want(w.t, 200)
	id, _ = got["id_token"].(string)
	return id, got["refresh_token"].(string)
}

func (w *world) delegate(refresh string, more map[string]string) reply {
	w.t.Helper()
	return w.form("/delegation", and(and(w.app(), map[string]string{"grant_type": delegationGrant, "refresh_token": refresh, "scope": "openid"}), more))
}

// logged counts the tenant's log events by type, and deprecations by feature.
func (w *world) logged() map[string]int {
	w.t.Helper()
	var list []struct {
		Type    string
		Details struct{ Feature struct{ ID string } }
	}
	got := w.manage("GET", "/logs?per_page=100", nil)
	if err := json.Unmarshal([]byte(got.body), &list); err != nil {
		w.t.Fatalf("%d %s", got.status, got.body)
	}
	n := map[string]int{}
	for _, e := range list {
		n[e.Type]++
		if e.Type == "depnote" {
			n[e.Details.Feature.ID]++
		}
	}
	return n
}

// Ten exchanges at once from an address about a user, then ten a minute, and
// what is over the limit has not been done.
func TestDelegationLimit(t *testing.T) {
	w := newLegacyWorld(t, func(c *config.Config) { c.Limits = "auth0" })
	_, refresh := w.ownerTokens(nil)
	before := w.logged()
	for n := range 14 {
		got := w.delegate(refresh, nil)
		want, left := http.StatusOK, strconv.Itoa(max(0, 9-n))
		if n >= 10 {
			want = http.StatusTooManyRequests
		}
		if h := got.header; got.status != want || h.Get("X-RateLimit-Limit") != "10" || h.Get("X-RateLimit-Remaining") != left || h.Get("X-RateLimit-Reset") == "" {
			t.Fatalf("exchange %d gave %d %s %v", n+1, got.status, got.body, h)
		}
		if wait, err := strconv.Atoi(got.header.Get("Retry-After")); want != 200 && (err != nil || wait < 1 || wait > 6) {
			t.Errorf("exchange %d is to wait %q", n+1, got.header.Get("Retry-After"))
		}
	}
	after := w.logged()
	for event, want := range map[string]int{"sertft": 10, "fertft": 0, "legacy_delegation": 10} {
		if n := after[event] - before[event]; n != want {
			t.Errorf("%d events %s, want %d", n, event, want)
		}
	}
	w.Clock.Advance(6 * time.Second)
	if got := w.delegate(refresh, nil); got.status != 200 {
		t.Errorf("an exchange a while later gave %d %s", got.status, got.body)
	}
	// A token of nobody is in nobody's way.
	for range 12 {
		if got := w.delegate("nothing", nil); got.status != http.StatusForbidden || got.header.Get("X-RateLimit-Limit") != "10" || got.header.Get("X-RateLimit-Remaining") != "10" {
			t.Fatalf("a token of nobody: %d %s %v", got.status, got.body, got.header)
		}
	}
}

// Of an address so many requests for profiles are taken, good ones or not.
func TestTokenInfoLimit(t *testing.T) {
	w := newLegacyWorld(t, func(c *config.Config) { c.Limits, c.TrustedProxies = "auth0", []string{"127.0.0.0/8", "::1/128"} })
	good, _ := w.ownerTokens(nil)
	from := func(ip string) string {
		return w.form("/tokeninfo", map[string]string{"id_token": "nothing"}, "X-Forwarded-For", ip).header.Get("X-RateLimit-Remaining")
	}
	if a, b, c := from("2001:db8:1:1::1"), from("2001:db8:1:1::2"), from("2001:db8:1:2::1"); a != "799" || b != "798" || c != "799" {
		t.Errorf("two addresses of one network and one of another leave %s, %s and %s", a, b, c)
	}
	for n := range 2000 { // more are let in while they come
		token, want := "nothing", http.StatusUnauthorized
		if n == 0 {
			token, want = good, http.StatusOK
		}
		got := w.form("/tokeninfo", map[string]string{"id_token": token})
		left, err := strconv.Atoi(got.header.Get("X-RateLimit-Remaining"))
		if h := got.header; h.Get("X-RateLimit-Limit") != "800" || h.Get("X-RateLimit-Reset") == "" || err != nil || left < 799-n || left > 799 {
			t.Fatalf("request %d gave %v", n+1, h)
		}
		if n >= 800 && got.status == http.StatusTooManyRequests {
			if left != 0 || got.header.Get("Retry-After") != "1" {
				t.Errorf("one too many gave %s %v", got.body, got.header)
			}
			return
		}
		if got.status != want {
			t.Fatalf("request %d gave %d %s", n+1, got.status, got.body)
		}
	}
	t.Error("nothing was refused")
}

// A refresh token that would give no ID token is not used.
func TestDelegationNeedsOpenID(t *testing.T) {
	w := newLegacyWorld(t)
	_, refresh := w.ownerTokens(map[string]string{"scope": "offline_access"})
	before := w.logged()["sertft"]
	if got := w.delegate(refresh, nil); got.status != http.StatusBadRequest || got.code() != "invalid_request" {
		t.Errorf("%d %s", got.status, got.body)
	}
	_, refresh = w.ownerTokens(nil)
	if got := w.delegate(refresh, map[string]string{"scope": "email"}); got.status != http.StatusBadRequest || got.code() != "invalid_request" {
		t.Errorf("without openid: %d %s", got.status, got.body)
	}
	if n := w.logged()["sertft"] - before; n != 0 {
		t.Errorf("%d exchanges were logged as done", n)
	}
	// One of OpenID Connect is for /oauth/token.
	oidc := w.signIn(w.app(), number, nil).want(t, 200)["refresh_token"].(string)
	if got := w.delegate(oidc, nil); got.status != http.StatusForbidden || got.code() != "invalid_grant" {
		t.Errorf("a refresh token of OpenID Connect: %d %s", got.status, got.body)
	}
}

// A use that is refused is a use: whoever looks for applications that still need
// the older endpoints finds it. What is refused without a trace leaves none here.
func TestRefusedLegacyUsesAreLogged(t *testing.T) {
	w := newLegacyWorld(t)
	id, _ := w.ownerTokens(nil)
	code := w.code(w.app(), number)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	verify := func(code string) reply {
		return w.form("/passwordless/verify", and(w.app(), map[string]string{"connection": "sms", "phone_number": number, "verification_code": code}))
	}
	block := func(blocked bool) {
		w.manage("PATCH", "/users/"+claimsOf(t, id)["sub"].(string), map[string]any{"blocked": blocked}).want(t, 200)
	}
	for _, c := range []struct {
		name, feature string
		status, notes int
		ask           func() reply
	}{
		{"a wrong code", "legacy_ro", 401, 1, func() reply { return w.owner(wrong, nil) }},
		{"no code at all", "legacy_ro", 401, 0, func() reply { return w.owner("words", nil) }},
		{"another connection", "legacy_ro", 400, 0, func() reply { return w.owner(wrong, map[string]string{"connection": "pigeon"}) }},
		{"a wrong code to be checked", "legacy_passwordless_verify", 401, 1, func() reply { return verify(wrong) }},
		{"a right code to be checked", "legacy_passwordless_verify", 200, 1, func() reply { return verify(code) }},
		{"a refresh token of nobody", "legacy_delegation", 403, 1, func() reply { return w.delegate("nothing", nil) }},
		{"a forged ID token", "legacy_tokeninfo", 401, 0, func() reply { return w.form("/tokeninfo", map[string]string{"id_token": id + "x"}) }},
		{"the ID token of somebody who is blocked", "legacy_tokeninfo", 401, 1, func() reply {
			block(true)
			defer block(false)
			return w.form("/tokeninfo", map[string]string{"id_token": id})
		}},
	} {
		before := w.logged()
		got := c.ask()
		if n := w.logged()[c.feature] - before[c.feature]; got.status != c.status || n != c.notes {
			t.Errorf("%s: %d %s and %d notes, want %d and %d", c.name, got.status, got.body, n, c.status, c.notes)
		}
	}
	// What a limit refuses costs nobody a try, and so leaves no note.
	for w.form("/passwordless/start", and(w.app(), map[string]string{"connection": "sms", "phone_number": number})).status == http.StatusOK {
		w.owner(wrong, nil)
		w.Clock.Advance(time.Minute)
	}
	before := w.logged()["legacy_ro"]
	if got := w.owner(wrong, nil); got.status != http.StatusTooManyRequests || w.logged()["legacy_ro"] != before {
		t.Errorf("over the limit: %d %s, %d notes", got.status, got.body, w.logged()["legacy_ro"]-before)
	}
}

// Which application and which connection, in the words that these endpoints
// had.
func TestLegacyRefusals(t *testing.T) {
	w := newLegacyWorld(t)
	body := and(w.app(), map[string]string{"grant_type": "password", "username": number, "password": "123456", "connection": "sms"})
	check := and(w.app(), map[string]string{"phone_number": number, "verification_code": "123456", "connection": "sms"})
	id, _ := w.client(map[string]any{
		"app_type": "native", "token_endpoint_auth_method": "none", "oidc_conformant": false,
		"grant_types": []string{"http://auth0.com/oauth/legacy/grant-type/ro"},
	})
	var connections []struct{ ID, Name string }
	if err := json.Unmarshal([]byte(w.manage("GET", "/connections", nil).body), &connections); err != nil {
		t.Fatal(err)
	}
	for _, c := range connections {
		w.manage("PATCH", "/connections/"+c.ID+"/clients", []map[string]any{{"client_id": id, "status": false}}).want(t, 204)
	}
	outsider := func(m map[string]string) map[string]string {
		m = and(m, map[string]string{"client_id": id})
		delete(m, "client_secret")
		return m
	}
	for _, c := range []struct {
		name, path        string
		params            map[string]string
		status            int
		code, description string
	}{
		{"an unknown application", "/oauth/ro", and(body, map[string]string{"client_id": "nobody"}), 403, "unauthorized_client", "invalid client"},
		{"a wrong secret", "/oauth/ro", and(body, map[string]string{"client_secret": "wrong"}), 403, "unauthorized_client", "invalid client"},
		{"an unknown application", "/passwordless/verify", and(check, map[string]string{"client_id": "nobody"}), 403, "unauthorized_client", "invalid client"},
		{"a wrong secret", "/passwordless/verify", and(check, map[string]string{"client_secret": "wrong"}), 403, "unauthorized_client", "invalid client"},
		{"an unknown connection", "/oauth/ro", and(body, map[string]string{"connection": "pigeon"}), 400, "invalid_request", "the connection was not found"},
		{"an unknown connection", "/passwordless/verify", and(check, map[string]string{"connection": "pigeon"}), 400, "invalid_request", "the connection was not found"},
		{"a connection of others", "/oauth/ro", outsider(body), 400, "invalid_request", "the connection was disabled"},
		{"a connection of others", "/passwordless/verify", outsider(body), 400, "invalid_request", "the connection was disabled"},
		{"a connection of others", "/passwordless/verify", outsider(check), 400, "invalid_request", "the connection was disabled"},
		{"an ID token of nobody", "/tokeninfo", map[string]string{"id_token": "x"}, 401, "invalid_token", "The ID token is not valid."},
	} {
		got := w.form(c.path, c.params)
		var e struct {
			Error       string
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal([]byte(got.body), &e); err != nil || got.status != c.status || e.Error != c.code || e.Description != c.description {
			t.Errorf("%s, %s: %d %s", c.path, c.name, got.status, got.body)
		}
	}
}
