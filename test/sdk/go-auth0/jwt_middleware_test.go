package goauth0

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/auth0/go-auth0"
	"github.com/auth0/go-auth0/authentication/oauth"
	"github.com/auth0/go-auth0/authentication/passwordless"
	"github.com/auth0/go-auth0/management"
	jwtmiddleware "github.com/auth0/go-jwt-middleware/v2"
	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"
)

// granted is what an API reads of an access token beside the registered claims.
type granted struct {
	Scope       string   `json:"scope"`
	Permissions []string `json:"permissions"`
}

// Validate implements validator.CustomClaims.
func (granted) Validate(context.Context) error { return nil }

// TOK-05: Auth0's middleware for APIs in Go takes access tokens of each dialect,
// signed by each algorithm it knows that an API may ask for, and no ID token.
func TestTOK05JWTMiddleware(t *testing.T) {
	s := connect(t)
	m := s.manage(t)
	issuer := &url.URL{Scheme: "https", Host: s.Domain, Path: "/"}
	provider := jwks.NewProvider(issuer, jwks.WithCustomClient(s.http))
	number := phone()
	for _, c := range []struct{ dialect, alg string }{
		{"access_token", "RS256"}, {"access_token_authz", "PS256"}, {"rfc9068_profile", "ES256"}, {"rfc9068_profile_authz", "RS256"},
	} {
		t.Run("TOK-05 "+c.dialect+" "+c.alg, func(t *testing.T) {
			api := "https://" + strings.ReplaceAll(c.dialect, "_", "-") + ".example/"
			policies := strings.HasSuffix(c.dialect, "_authz")
			if err := m.ResourceServer.Create(t.Context(), &management.ResourceServer{
				Identifier: &api, SigningAlgorithm: &c.alg, TokenDialect: &c.dialect, EnforcePolicies: &policies,
				Scopes: &[]management.ResourceServerScope{{Value: auth0.String("read:a")}, {Value: auth0.String("write:a")}},
			}); err != nil {
				t.Fatal(err)
			}
			scope, tokens := "openid read:a write:a", s.forAPI(t, number, api)
			if policies { // then people have what they are permitted, and it is in the token
				profile, err := s.auth(t).UserInfo(t.Context(), tokens.AccessToken)
				if err != nil {
					t.Fatal(err)
				}
				if err := m.User.AssignPermissions(t.Context(), profile.Sub, []*management.Permission{{
					Name: auth0.String("read:a"), ResourceServerIdentifier: &api,
				}}); err != nil {
					t.Fatal(err)
				}
				scope, tokens = "openid read:a", s.forAPI(t, number, api)
			}
			v, err := validator.New(provider.KeyFunc, validator.SignatureAlgorithm(c.alg), issuer.String(), []string{api},
				validator.WithCustomClaims(func() validator.CustomClaims { return &granted{} }))
			if err != nil {
				t.Fatal(err)
			}
			var seen *validator.ValidatedClaims
			handler := jwtmiddleware.New(v.ValidateToken).CheckJWT(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				seen, _ = r.Context().Value(jwtmiddleware.ContextKey{}).(*validator.ValidatedClaims)
			}))
			ask := func(token string) int {
				r, w := httptest.NewRequest(http.MethodGet, "/", nil), httptest.NewRecorder()
				r.Header.Set("Authorization", "Bearer "+token)
				handler.ServeHTTP(w, r)
				return w.Code
			}
			if got := ask(tokens.AccessToken); got != http.StatusOK || seen == nil {
				t.Fatalf("the middleware answers %d", got)
			}
			claims := seen.CustomClaims.(*granted)
			if !slices.Equal(seen.RegisteredClaims.Audience, []string{api, issuer.String() + "userinfo"}) || claims.Scope != scope ||
				policies != slices.Equal(claims.Permissions, []string{"read:a"}) {
				t.Errorf("it reads %+v, %+v", seen.RegisteredClaims, claims)
			}
			if got := ask(tokens.IDToken); got != http.StatusUnauthorized {
				t.Errorf("of an ID token it says %d", got)
			}
		})
	}
}

// forAPI signs somebody in for an API.
func (s *server) forAPI(t *testing.T, number, api string) *oauth.TokenSet {
	t.Helper()
	a := s.auth(t)
	if _, err := a.Passwordless.SendSMS(t.Context(), passwordless.SendSMSRequest{PhoneNumber: number}); err != nil {
		t.Fatal(err)
	}
	tokens, err := a.Passwordless.LoginWithSMS(t.Context(), passwordless.LoginWithSMSRequest{
		PhoneNumber: number, Code: s.code(t, number), Scope: "openid read:a write:a", Audience: api,
	}, verify)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}
