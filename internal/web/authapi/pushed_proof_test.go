package authapi_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// OAU-23: a proof beside a pushed request binds its code to the key, as dpop_jkt
// does (RFC 9449 §10.1).
func TestOAU23PushedProof(t *testing.T) {
	w := newWorld(t)
	w.crossOrigin()
	key, other := jwttest.EC(t), jwttest.EC(t)
	prove := func(k *jwttest.Key, path string, change ...map[string]any) string {
		return w.proof(k, "POST", path, "", change...)
	}
	const at = appOrigin + "/callback"
	params := and(w.app(), map[string]string{"response_type": "code", "redirect_uri": at, "scope": "openid"})
	push := func(more map[string]string, header ...string) reply {
		return w.form("/oauth/par", and(params, more), header...)
	}
	for name, c := range map[string]struct {
		proof string
		named string // dpop_jkt
		want  string
	}{
		"for another method":     {prove(key, "/oauth/par", map[string]any{"htm": "GET"}), "", "invalid_dpop_proof"},
		"for the token endpoint": {prove(key, "/oauth/token"), "", "invalid_dpop_proof"},
		"an old one":             {prove(key, "/oauth/par", map[string]any{"iat": w.Clock.Now().Unix() - 120}), "", "invalid_dpop_proof"},
		"by another key":         {prove(key, "/oauth/par", map[string]any{"jwk": other.JWK()}), "", "invalid_dpop_proof"},
		"no proof":               {"x", "", "invalid_dpop_proof"},
		"a nonce that is not ours": {
			prove(key, "/oauth/par", map[string]any{"nonce": "x"}), "", "use_dpop_nonce",
		},
		"of another key than is named": {prove(key, "/oauth/par"), other.Thumbprint(t), "invalid_request"},
	} {
		got := push(map[string]string{"dpop_jkt": c.named}, "DPoP", c.proof)
		if got.status != 400 || got.code() != c.want || got.header.Get("DPoP-Nonce") == "" {
			t.Errorf("%s: %d %s, nonce %q", name, got.status, got.body, got.header.Get("DPoP-Nonce"))
		}
	}
	used := prove(key, "/oauth/par")
	push(nil, "DPoP", used).want(t, 201)
	if got := push(nil, "DPoP", used); got.status != 400 || got.code() != "invalid_dpop_proof" {
		t.Errorf("a proof for the second time: %d %s", got.status, got.body)
	}
	for name, c := range map[string]struct {
		named  string
		header []string
	}{
		"proved":                {"", []string{"DPoP", prove(key, "/oauth/par")}},
		"named":                 {key.Thumbprint(t), nil},
		"both":                  {key.Thumbprint(t), []string{"DPoP", prove(key, "/oauth/par")}},
		"neither, as a control": {},
	} {
		const number = "+447700900431"
		status, h, ticket := w.co(number, w.code(w.app(), number))
		if status != 200 {
			t.Fatalf("%d %v", status, ticket)
		}
		pushed := push(map[string]string{"dpop_jkt": c.named, "login_ticket": ticket["login_ticket"]}, c.header...).want(t, 201)
		to, _ := w.ticketed("", cookiePair(h), "request_uri", pushed["request_uri"].(string))
		code := to.Query().Get("code")
		if code == "" {
			t.Fatalf("%s: %s", name, to)
		}
		redeem := func(header ...string) reply {
			return w.token(and(w.app(), map[string]string{"grant_type": "authorization_code", "code": code, "redirect_uri": at}), header...)
		}
		if c.named == "" && c.header == nil {
			if got := redeem().want(t, 200); got["token_type"] != "Bearer" {
				t.Errorf("%s: %v", name, got)
			}
			continue
		}
		if got := redeem(); got.status != 403 || got.code() != "invalid_grant" {
			t.Errorf("%s, redeemed without a proof: %d %s", name, got.status, got.body)
		}
		if got := redeem("DPoP", prove(other, "/oauth/token")); got.status != 403 || got.code() != "invalid_grant" {
			t.Errorf("%s, redeemed with another key: %d %s", name, got.status, got.body)
		}
		if got := redeem("DPoP", prove(key, "/oauth/token")).want(t, 200); got["token_type"] != "DPoP" {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Browsers may push with a proof too.
	if status, h, _ := w.Do(t, "OPTIONS", "/oauth/par", "", "Origin", appOrigin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "dpop"); status/100 != 2 || h.Get("Access-Control-Allow-Origin") != appOrigin {
		t.Errorf("preflight: %d %v", status, h)
	}
}
