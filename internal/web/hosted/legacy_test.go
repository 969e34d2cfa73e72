package hosted_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// legacyWorld is a world whose ready-made application says that it is not
// OIDC-conformant, and in which people have a favourite colour.
func legacyWorld(t *testing.T) (w *world, dress func()) {
	t.Helper()
	address := "sqlite:" + filepath.Join(t.TempDir(), "legacy.db")
	w = &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.Ephemeral, c.Database = false, address })}
	w.browser = w.newBrowser()
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"oidc_conformant":false,"grant_types":["authorization_code",
		"implicit","refresh_token","http://auth0.com/oauth/grant-type/passwordless/otp",
		"http://auth0.com/oauth/legacy/grant-type/ro","http://auth0.com/oauth/legacy/grant-type/delegation/refresh_token"]}`)
	db := storetest.SQL(t, address)
	return w, func() {
		storetest.Exec(t, db, `UPDATE users SET user_metadata = '{"favorite_color":"blue","email":"not@mine.example","email_verified":true}',
			app_metadata = '{"favorite_food":"cake","plan":"gold"}'`)
	}
}

// logTypes are the types of the tenant's events, and the features that are
// deprecated among them.
func (w *world) events() (types, features []string) {
	w.t.Helper()
	var list []struct {
		Type    string
		Details struct {
			Feature struct{ ID, Name, Description, Documentation string }
		}
	}
	if err := json.Unmarshal([]byte(w.manage(http.MethodGet, "/api/v2/logs?per_page=100", "")), &list); err != nil {
		w.t.Fatal(err)
	}
	for _, e := range list {
		types = append(types, e.Type)
		if f := e.Details.Feature; e.Type == "depnote" {
			features = append(features, f.ID)
			if f.Name == "" || f.Description == "" || f.Documentation == "" {
				w.t.Errorf("a deprecation without words: %+v", f)
			}
		}
	}
	return types, features
}

// post sends JSON and returns the status and the answer.
func (w *world) post(path string, body map[string]string, header ...string) (int, map[string]any) {
	w.t.Helper()
	doc, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	status, _, text := w.Post(w.t, path, string(doc), append(header, "Content-Type", "application/json")...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		w.t.Fatalf("%s: %d %s", path, status, text)
	}
	return status, answer
}

func (w *world) delegate(refresh string) map[string]string {
	return map[string]string{
		"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "client_id": w.Ready.ClientID,
		"client_secret": w.Ready.ClientSecret, "refresh_token": refresh, "scope": "openid favorite_color",
	}
}

// delegation exchanges a legacy refresh token as applications did.
func (w *world) delegation(refresh string, sub any) {
	w.t.Helper()
	for range 2 { // it is not replaced
		status, answer := w.post("/delegation", w.delegate(refresh))
		if status != http.StatusOK || answer["token_type"] != "Bearer" || answer["expires_in"] != 36000.0 {
			w.t.Fatalf("/delegation: %d %v", status, answer)
		}
		if id := claims(w.t, answer["id_token"]); id["sub"] != sub || id["favorite_color"] != "blue" {
			w.t.Errorf("/delegation gave %v", id)
		}
	}
	if status, answer := w.post("/delegation", w.delegate("nothing")); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
		w.t.Errorf("a refresh token of nobody: %d %v", status, answer)
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"allow_legacy_delegation_grant_types":false}}`)
	if status, answer := w.post("/delegation", w.delegate(refresh)); status != http.StatusNotFound || answer["error"] != "endpoint_disabled" {
		w.t.Errorf("switched off: %d %v", status, answer)
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"allow_legacy_delegation_grant_types":true}}`)
}

func (w *world) redeemRefresh(refresh any) (int, map[string]any) {
	w.t.Helper()
	return w.post("/oauth/token", map[string]string{
		"grant_type": "refresh_token", "client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "refresh_token": refresh.(string),
	})
}

// What the older pipeline gave through the browser, and what it needed for a
// refresh token.
func TestLegacyImplicit(t *testing.T) {
	w, dress := legacyWorld(t)
	w.signIn(w.browser, w.query(), "+447700900502")
	dress()
	at := func(pairs ...string) url.Values { return w.left(w.get(w.browser, "/authorize?"+w.query(pairs...))) }

	answer := at("response_type", "token", "nonce", "", "scope", "openid favorite_color offline_access", "device", "d")
	if answer.Get("access_token") == "" || answer.Get("id_token") == "" || answer.Get("refresh_token") == "" {
		t.Fatalf("token, with a device: %v", answer)
	}
	if id := claims(t, answer.Get("id_token")); id["favorite_color"] != "blue" {
		t.Errorf("ID token %v", id)
	}
	w.delegation(answer.Get("refresh_token"), claims(t, answer.Get("id_token"))["sub"])
	if answer = at("response_type", "token", "nonce", "", "scope", "openid offline_access"); answer.Get("refresh_token") != "" {
		t.Errorf("a refresh token without a device: %v", answer)
	}
	if answer = at("response_type", "id_token", "nonce", "", "scope", "openid"); answer.Get("id_token") == "" {
		t.Errorf("without a nonce: %v", answer)
	}
	_, tokens := w.redeem(at("scope", "openid offline_access", "device", "").Get("code"))
	if tokens["refresh_token"] != nil {
		t.Errorf("a code without a device gave %v", tokens)
	}
	// A request with an audience is conformant, whoever sends it.
	userinfo := w.Ready.Issuer + "userinfo"
	answer = at("response_type", "token", "nonce", "", "scope", "openid favorite_color offline_access", "device", "d", "audience", userinfo)
	if answer.Get("id_token") != "" || answer.Get("refresh_token") != "" || answer.Get("scope") != "openid" {
		t.Errorf("with an audience: %v", answer)
	}
	if answer = at("response_type", "id_token", "nonce", "", "scope", "openid", "audience", userinfo); answer.Get("error") != "invalid_request" {
		t.Errorf("with an audience and without a nonce: %v", answer)
	}
}

// /oauth/ro and /passwordless/verify take codes from the same ledger.
func TestLegacyResourceOwner(t *testing.T) {
	w, dress := legacyWorld(t)
	const number = "+447700900503"
	w.signIn(w.newBrowser(), w.query(), number)
	dress()
	start := func() string {
		t.Helper()
		w.Outbox.Clear()
		if status, answer := w.post("/passwordless/start", map[string]string{
			"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "phone_number": number,
		}); status != http.StatusOK {
			t.Fatalf("%d %v", status, answer)
		}
		return w.code(number)
	}
	for _, path := range []string{"/oauth/ro", "/passwordless/verify"} {
		body := func(code string, pairs ...string) map[string]string {
			m := map[string]string{
				"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "grant_type": "password",
				"username": number, "password": code, "scope": "openid favorite_color offline_access", "device": "phone",
			}
			for i := 0; i+1 < len(pairs); i += 2 {
				m[pairs[i]] = pairs[i+1]
			}
			return m
		}
		code := start()
		if status, answer := w.post(path, body("000000")); status != http.StatusUnauthorized || answer["error"] != "invalid_user_password" ||
			answer["error_description"] != "Wrong phone number or verification code." {
			t.Errorf("%s, a wrong code: %d %v", path, status, answer)
		}
		if status, answer := w.post(path, body(code, "client_secret", "")); status != http.StatusForbidden {
			t.Errorf("%s without the secret: %d %v", path, status, answer)
		}
		if status, answer := w.post(path, body(code, "grant_type", "x")); status != http.StatusBadRequest {
			t.Errorf("%s with another grant type: %d %v", path, status, answer)
		}
		if status, answer := w.post(path, body("")); status != http.StatusBadRequest || answer["error_description"] != "missing password parameter" {
			t.Errorf("%s without a code: %d %v", path, status, answer)
		}
		w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"require_proof_of_possession":true}`)
		if status, answer := w.post(path, body(code)); status != http.StatusBadRequest || answer["error"] != "invalid_dpop_proof" {
			t.Errorf("%s for an application whose tokens are bound to keys: %d %v", path, status, answer)
		}
		w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"require_proof_of_possession":false}`)
		status, answer := w.post(path, body(code))
		if status != http.StatusOK || answer["token_type"] != "bearer" || claims(t, answer["id_token"])["favorite_color"] != "blue" {
			t.Fatalf("%s: %d %v", path, status, answer)
		}
		if status, answer := w.post(path, body(code)); status != http.StatusUnauthorized {
			t.Errorf("%s, the code again: %d %v", path, status, answer)
		}
		refresh, _ := answer["refresh_token"].(string)
		if status, answer := w.redeemRefresh(refresh); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("its refresh token at /oauth/token: %d %v", status, answer)
		}
		w.delegation(refresh, claims(t, answer["id_token"])["sub"])
		w.tokenInfo(answer["id_token"].(string), number)
	}
	// A check leaves the code to be used, and counts what is wrong.
	code := start()
	check := map[string]string{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "phone_number": number, "verification_code": code,
	}
	for range 3 {
		if status, answer := w.post("/passwordless/verify", check); status != http.StatusOK || len(answer) != 0 {
			t.Errorf("a check: %d %v", status, answer)
		}
	}
	check["verification_code"] = "000000"
	for n := range 3 {
		if status, answer := w.post("/passwordless/verify", check); status != http.StatusUnauthorized {
			t.Errorf("wrong check %d: %d %v", n, status, answer)
		}
	}
	check["verification_code"] = code
	if status, answer := w.post("/passwordless/verify", check); status != http.StatusUnauthorized || !strings.Contains(answer["error_description"].(string), "maximum number of attempts") {
		t.Errorf("the right code after three wrong ones: %d %v", status, answer)
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"allow_legacy_ro_grant_types":false,"allow_legacy_tokeninfo_endpoint":false}}`)
	for path, body := range map[string]map[string]string{
		"/oauth/ro": {
			"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "grant_type": "password", "username": number, "password": "1",
		},
	} {
		if status, answer := w.post(path, body); status != http.StatusNotFound || answer["error"] != "endpoint_disabled" {
			t.Errorf("%s switched off: %d %v", path, status, answer)
		}
	}
	_, features := w.events()
	for _, f := range []string{"legacy_ro", "legacy_tokeninfo", "legacy_passwordless_verify", "legacy_delegation"} {
		if !slices.Contains(features, f) {
			t.Errorf("no deprecation %s among %v", f, features)
		}
	}
}

// tokenInfo asks for the profile of an ID token.
func (w *world) tokenInfo(idToken, number string) {
	w.t.Helper()
	status, profile := w.post("/tokeninfo", map[string]string{"id_token": idToken})
	identities, _ := profile["identities"].([]any)
	if status != http.StatusOK || profile["phone_number"] != number || profile["clientID"] != w.Ready.ClientID || len(identities) != 1 ||
		profile["created_at"] == nil || profile["app_metadata"] != nil || profile["favorite_food"] != nil {
		w.t.Errorf("/tokeninfo: %d %v", status, profile)
	}
	if status, answer := w.post("/tokeninfo", map[string]string{"id_token": idToken[:len(idToken)-3] + "abc"}); status != http.StatusUnauthorized {
		w.t.Errorf("/tokeninfo with a forged token: %d %v", status, answer)
	}
}

// A new tenant has none of it.
func TestLegacyIsOffForNewTenants(t *testing.T) {
	w := newWorld(t)
	for path, body := range map[string]map[string]string{
		"/oauth/ro":            {"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "grant_type": "password", "username": "+447700900504", "password": "1"},
		"/passwordless/verify": {"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "grant_type": "password", "username": "+447700900504", "password": "1"},
		"/delegation":          w.delegate("x"),
	} {
		if status, answer := w.post(path, body); status != http.StatusForbidden || answer["error"] != "unauthorized_client" {
			t.Errorf("%s: %d %v", path, status, answer)
		}
	}
	w.allowImplicit()
	answer := w.signIn(w.browser, w.query("response_type", "token", "scope", "openid favorite_color"), "+447700900504")
	if answer.Get("id_token") != "" || answer.Get("scope") != "openid" {
		t.Errorf("token: %v", answer)
	}
	if types, _ := w.events(); slices.Contains(types, "depnote") {
		t.Errorf("deprecations without any: %v", types)
	}
}
