package token

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/doorcode/doorcode/internal/tenant"
)

// An application's own library takes our ID tokens with nothing but the
// published keys, and refuses those that are not for it.
func TestGoOIDC(t *testing.T) {
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(keyRing().JWKS())
	}))
	defer keys.Close()
	set := oidc.NewRemoteKeySet(t.Context(), keys.URL)
	verifier := func(client tenant.ClientID) *oidc.IDTokenVerifier {
		return oidc.NewVerifier(testIssuer, set, &oidc.Config{
			ClientID: string(client), SupportedSigningAlgs: []string{"RS256", "ES256"}, Now: func() time.Time { return testNow },
		})
	}
	for _, alg := range []string{"RS256", "ES256"} {
		t.Run(alg, func(t *testing.T) {
			req := person("openid profile email")
			req.Client.IDTokenAlg, req.Nonce, req.FrontChannel = alg, "n-0S6", true
			tokens := mustIssue(t, newIssuer(), req)
			id, err := verifier(req.Client.ID).Verify(t.Context(), tokens.IDToken)
			if err != nil {
				t.Fatal(err)
			}
			if id.Subject != string(testUser().ID) || id.Nonce != "n-0S6" || !id.Expiry.Equal(testNow.Add(10*time.Hour)) {
				t.Errorf("go-oidc read %+v", id)
			}
			if err := id.VerifyAccessToken(tokens.AccessToken); err != nil {
				t.Errorf("at_hash: %v", err)
			}
			var profile struct {
				Email    string `json:"email"`
				Verified bool   `json:"email_verified"`
			}
			if err := id.Claims(&profile); err != nil || profile.Email != "jo@example.com" || !profile.Verified {
				t.Errorf("claims are %+v, %v", profile, err)
			}
			if _, err := verifier("another").Verify(t.Context(), tokens.IDToken); err == nil {
				t.Error("another application took the token")
			}
		})
	}
}
