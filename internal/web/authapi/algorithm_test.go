package authapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/tenant"
)

// algorithms are those of RFC 7518 §3.1, good ones and others: what may be set
// has to work, and what would not work may not be set.
func algorithms() []string {
	return []string{
		"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512", "none", "",
	}
}

// TOK-01: every algorithm that an application may be set to signs people in, with
// ID tokens that somebody else's library takes by the keys that are served.
func TestTOK01IDTokenAlgorithms(t *testing.T) {
	w := newWorld(t)
	app := w.person(map[string]any{"grant_types": []string{otp, "refresh_token"}})
	served := oidc.NewRemoteKeySet(t.Context(), w.URL+"/.well-known/jwks.json")
	for _, alg := range algorithms() {
		t.Run("TOK-01 "+alg, func(t *testing.T) {
			set := w.manage("PATCH", "/clients/"+app["client_id"], map[string]any{"jwt_configuration": map[string]any{"alg": alg}})
			if !slices.Contains(tenant.IDTokenAlgs(), alg) {
				set.want(t, 400)
				return
			}
			set.want(t, 200)
			w.Clock.Advance(time.Minute)
			token := w.signIn(app, number, nil).want(t, 200)["id_token"].(string)
			var keys oidc.KeySet = served
			if alg == "HS256" {
				keys = ownSecret{app["client_secret"]}
			}
			verifier := oidc.NewVerifier(w.Ready.Issuer, keys, &oidc.Config{
				ClientID: app["client_id"], SupportedSigningAlgs: []string{alg}, Now: w.Clock.Now,
			})
			if _, err := verifier.Verify(t.Context(), token); err != nil {
				t.Errorf("go-oidc: %v", err)
			}
			w.checkPublished(t, token, alg)
		})
	}
	var meta struct {
		Algs []string `json:"id_token_signing_alg_values_supported"`
	}
	if _, _, body := w.Do(t, "GET", "/.well-known/openid-configuration", ""); json.Unmarshal([]byte(body), &meta) != nil ||
		!slices.Equal(meta.Algs, tenant.IDTokenAlgs()) {
		t.Errorf("the metadata names %v", meta.Algs)
	}
}

// TOK-01: the same for an API and its access tokens, which userinfo and
// introspection take too.
func TestTOK01AccessTokenAlgorithms(t *testing.T) {
	w := newWorld(t)
	app := w.person(map[string]any{})
	id := w.api(testAPI, map[string]any{"scopes": scopes("read")})
	served := oidc.NewRemoteKeySet(t.Context(), w.URL+"/.well-known/jwks.json")
	for _, alg := range algorithms() {
		t.Run("TOK-01 "+alg, func(t *testing.T) {
			set := w.manage("PATCH", "/resource-servers/"+id, map[string]any{"signing_alg": alg})
			if !slices.Contains(tenant.AccessTokenAlgs(), alg) {
				set.want(t, 400)
				return
			}
			set.want(t, 200)
			w.Clock.Advance(time.Minute)
			token := w.signIn(app, number, map[string]string{"audience": testAPI, "scope": "openid read"}).want(t, 200)["access_token"].(string)
			if _, err := served.VerifySignature(t.Context(), token); err != nil {
				t.Errorf("go-oidc: %v", err)
			}
			w.checkPublished(t, token, alg)
			if status, _, body := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+token); status != 200 {
				t.Errorf("userinfo: %d %s", status, body)
			}
			if a := w.form("/oauth/introspect", and(app, map[string]string{"token": token})).want(t, 200); a["active"] != true {
				t.Errorf("introspection: %v", a)
			}
		})
	}
}

// ownSecret are the keys of an application whose ID tokens are signed with its
// secret.
type ownSecret struct{ secret string }

func (s ownSecret) VerifySignature(_ context.Context, token string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return nil, err
	}
	return jws.Verify([]byte(s.secret))
}

// checkPublished checks that a token is signed by the algorithm, and that the key
// it names is published for that one: libraries pass over a key that is for
// another (RFC 7517 §4.4).
func (w *world) checkPublished(t *testing.T, token, alg string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		t.Fatal(err)
	}
	if alg == "HS256" {
		return
	}
	var set jose.JSONWebKeySet
	if _, _, body := w.Do(t, "GET", "/.well-known/jwks.json", ""); json.Unmarshal([]byte(body), &set) != nil {
		t.Fatal("the JWKS document cannot be read")
	}
	keys := set.Key(jws.Signatures[0].Header.KeyID)
	if len(keys) != 1 || keys[0].Algorithm != alg {
		t.Errorf("the token's key is published as %s", fmt.Sprint(keys))
	}
}
