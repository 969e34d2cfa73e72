package goauth0

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/auth0/go-auth0"
	"github.com/auth0/go-auth0/authentication"
	"github.com/auth0/go-auth0/authentication/oauth"
	"github.com/auth0/go-auth0/authentication/passwordless"
	"github.com/auth0/go-auth0/management"
)

// An application that proves itself by a key signs somebody in and
// refreshes without a secret. (To revoke, the SDK sends no assertion.)
func TestClientAssertion(t *testing.T) {
	s := connect(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	private := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})
	client := &management.Client{
		Name: auth0.String("proves itself by a key"), AppType: auth0.String("regular_web"), OIDCConformant: auth0.Bool(true),
		GrantTypes: &[]string{"http://auth0.com/oauth/grant-type/passwordless/otp", "refresh_token"},
		ClientAuthenticationMethods: &management.ClientAuthenticationMethods{PrivateKeyJWT: &management.PrivateKeyJWT{
			Credentials: &[]management.Credential{{
				Name: auth0.String("first"), CredentialType: auth0.String("public_key"), Algorithm: auth0.String("RS256"),
				PEM: auth0.String(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))),
			}},
		}},
	}
	if err := s.manage(t).Client.Create(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	a, err := authentication.New(t.Context(), s.Domain, authentication.WithClientID(client.GetClientID()),
		authentication.WithClientAssertion(string(private), "RS256"), authentication.WithClient(s.http))
	if err != nil {
		t.Fatal(err)
	}
	number := phone()
	if _, err := a.Passwordless.SendSMS(t.Context(), passwordless.SendSMSRequest{PhoneNumber: number}); err != nil {
		t.Fatal(err)
	}
	tokens, err := a.Passwordless.LoginWithSMS(t.Context(), passwordless.LoginWithSMSRequest{
		PhoneNumber: number, Code: s.code(t, number), Scope: "openid offline_access",
	}, verify)
	if err != nil {
		t.Fatal(err)
	}
	again, err := a.OAuth.RefreshToken(t.Context(), oauth.RefreshTokenRequest{RefreshToken: tokens.RefreshToken}, verify)
	if err != nil {
		t.Fatal(err)
	}
	if again.IDToken == "" || again.AccessToken == tokens.AccessToken {
		t.Errorf("RefreshToken left something out: scope %q, type %q", again.Scope, again.TokenType)
	}
}

// A request that was pushed ahead is found by the address it is answered with.
func TestPushedRequest(t *testing.T) {
	s := connect(t)
	pushed, err := s.auth(t).OAuth.PushedAuthorization(t.Context(), oauth.PushedAuthorizationRequest{
		ResponseType: "code", RedirectURI: "http://localhost:3000/callback", Scope: "openid",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(pushed.RequestURI, "urn:ietf:params:oauth:request_uri:") || pushed.ExpiresIn <= 0 {
		t.Errorf("PushedAuthorization = %+v", pushed)
	}
	browser := *s.http
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := browser.Get("https://" + s.Domain + "/authorize?client_id=" + s.ClientID + "&request_uri=" + pushed.RequestURI)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if to := res.Header.Get("Location"); res.StatusCode/100 != 3 || !strings.Contains(to, "/u/login/") {
		t.Errorf("the pushed request led to %d %q", res.StatusCode, to)
	}
}
