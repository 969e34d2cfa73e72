package hosted_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// ID tokens are signed as the application is set up, in both pipelines, but
// those of applications that have no secret: for them HS256 is RS256.
func TestIDTokenAlgorithmOfBothPipelines(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	verifier := "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B
	for _, conformant := range []bool{false, true} {
		for method, want := range map[string]string{"client_secret_post": "HS256", "none": "RS256"} {
			id, secret := w.application(map[string]any{
				"oidc_conformant": conformant, "token_endpoint_auth_method": method, "jwt_configuration": map[string]any{"alg": "HS256"},
			})
			if method == "none" {
				secret = ""
			}
			answer := w.silent("client_id", id, "scope", "openid", "nonce", "",
				"code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method", "S256")
			status, tokens := w.redeem(answer.Get("code"), "client_id", id, "client_secret", secret, "code_verifier", verifier)
			if status != http.StatusOK {
				t.Errorf("conformant %v, %s: %v gave %d %v", conformant, method, answer, status, tokens)
				continue
			}
			if alg := headerOf(t, tokens["id_token"].(string))["alg"]; alg != want {
				t.Errorf("conformant %v, %s: the ID token is signed with %v, want %s", conformant, method, alg, want)
			}
		}
	}
}

// A request for an API is conformant, whoever sends it: there is a refresh token
// where the API allows offline access, with a device or without, and nowhere
// else; and so an application asks for a token of its own, which the older
// pipeline, without an audience, did not have.
func TestRequestsForAnAPIInBothPipelines(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	for api, offline := range map[string]bool{"https://offline.example": true, "https://online.example": false} {
		w.api(api, map[string]any{"allow_offline_access": offline, "skip_consent_for_verifiable_first_party_clients": true})
	}
	for _, conformant := range []bool{false, true} {
		id, secret := w.application(map[string]any{
			"oidc_conformant": conformant, "grant_types": []string{"authorization_code", "refresh_token", "client_credentials"},
		})
		for api, offline := range map[string]bool{"https://offline.example": true, "https://online.example": false} {
			answer := w.allowed(w.browser, w.query("client_id", id, "scope", "openid offline_access", "audience", api, "device", "my-device-name"))
			status, tokens := w.redeem(answer.Get("code"), "client_id", id, "client_secret", secret)
			scope, _ := tokens["scope"].(string)
			if _, has := tokens["refresh_token"]; status != http.StatusOK || has != offline || strings.Contains(scope, "offline_access") && !offline {
				t.Errorf("conformant %v, %s: %d %v", conformant, api, status, tokens)
			}
		}
		w.admin(http.MethodPost, "/client-grants", map[string]any{"client_id": id, "audience": "https://online.example", "scope": []string{"read:a"}})
		own := map[string]string{"grant_type": "client_credentials", "client_id": id, "client_secret": secret}
		if status, answer := w.post("/oauth/token", own); status != http.StatusBadRequest || answer["error"] != "invalid_request" {
			t.Errorf("conformant %v, its own token for nothing: %d %v", conformant, status, answer)
		}
		own["audience"] = "https://online.example"
		if status, answer := w.post("/oauth/token", own); status != http.StatusOK || !isFor(answer["access_token"], own["audience"]) {
			t.Errorf("conformant %v, its own token: %d %v", conformant, status, answer)
		}
	}
	if types, _ := w.events(); slices.Contains(types, "depnote") {
		t.Errorf("deprecations of conformant requests: %v", types)
	}
}

// What an application says of itself stands against the tenant's flag (R9). A
// default audience is the switch for all of them: with it every request names
// one.
func TestTheLegacyPipelineIsClosedByADefaultAudience(t *testing.T) {
	w, dress := legacyWorld(t)
	w.signIn(w.browser, w.query(), person)
	dress()
	older := func() (string, map[string]any) {
		t.Helper()
		status, tokens := w.redeem(w.silent("scope", "openid favorite_color offline_access", "nonce", "").Get("code"))
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, tokens)
		}
		return fmt.Sprint(claims(t, tokens["id_token"])["favorite_color"]), tokens
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"enable_legacy_pipeline":false}}`)
	if color, tokens := older(); color != "blue" || tokens["refresh_token"] != nil {
		t.Errorf("with the flag off: %s %v", color, tokens)
	}
	w.admin(http.MethodPatch, "/tenants/settings", map[string]any{"default_audience": w.Ready.Issuer + "userinfo"})
	_, before := w.events()
	color, tokens := older()
	if color == "blue" || tokens["refresh_token"] == nil || tokens["scope"] != "openid offline_access" {
		t.Errorf("with a default audience: %s %v", color, tokens)
	}
	if status, _ := w.redeemRefresh(tokens["refresh_token"]); status != http.StatusOK {
		t.Errorf("its refresh token: %d", status)
	}
	if _, after := w.events(); len(after) != len(before) {
		t.Errorf("deprecations of conformant requests: %v", after)
	}
	if answer := w.silent("response_type", "id_token", "nonce", ""); answer.Get("error") == "" {
		t.Errorf("without a nonce: %v", answer)
	}
}
