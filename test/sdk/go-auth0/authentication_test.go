package goauth0

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/auth0/go-auth0/authentication"
	"github.com/auth0/go-auth0/authentication/oauth"
	"github.com/auth0/go-auth0/authentication/passwordless"
)

// The SDK verifies each ID token it gets: signature, issuer, audience, times
// and what these options ask for.
var verify = oauth.IDTokenValidationOptions{MaxAge: time.Minute}

func TestSignInBySMS(t *testing.T) {
	s := connect(t)
	auth, ctx, number := s.auth(t), t.Context(), phone()
	started, err := auth.Passwordless.SendSMS(ctx, passwordless.SendSMSRequest{PhoneNumber: number})
	if err != nil {
		t.Fatal(err)
	}
	if started.ID == "" || started.PhoneNumber != number || !started.PhoneVerified {
		t.Errorf("SendSMS = %+v", started)
	}
	tokens, err := auth.Passwordless.LoginWithSMS(ctx, passwordless.LoginWithSMSRequest{
		PhoneNumber: number, Code: s.code(t, number), Scope: "openid profile phone offline_access",
	}, verify)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.IDToken == "" || tokens.AccessToken == "" || tokens.RefreshToken == "" || tokens.TokenType != "Bearer" {
		t.Errorf("LoginWithSMS left something out: scope %q, type %q", tokens.Scope, tokens.TokenType)
	}
	user, err := auth.UserInfo(ctx, tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	// The id of the start is that of the user it made.
	if user.Sub != "sms|"+started.ID || user.PhoneNumber != number || !user.PhoneNumberVerified {
		t.Errorf("UserInfo = %+v, want sub sms|%s", user, started.ID)
	}
}

func TestSignInByEmail(t *testing.T) {
	s := connect(t)
	auth, ctx, address := s.auth(t), t.Context(), email()
	started, err := auth.Passwordless.SendEmail(ctx, passwordless.SendEmailRequest{Email: address, Send: "code"})
	if err != nil {
		t.Fatal(err)
	}
	if started.ID == "" || started.Email != address || !started.EmailVerified {
		t.Errorf("SendEmail = %+v", started)
	}
	tokens, err := auth.Passwordless.LoginWithEmail(ctx, passwordless.LoginWithEmailRequest{
		Email: address, Code: s.code(t, address), Scope: "openid email",
	}, verify)
	if err != nil {
		t.Fatal(err)
	}
	if tokens.IDToken == "" || tokens.RefreshToken != "" {
		t.Errorf("LoginWithEmail gave ID token %t and refresh token %t, want true and false", tokens.IDToken != "", tokens.RefreshToken != "")
	}
	user, err := auth.UserInfo(ctx, tokens.AccessToken)
	if err != nil {
		t.Fatal(err)
	}
	if user.Sub != "email|"+started.ID || user.Email != address || !user.EmailVerified {
		t.Errorf("UserInfo = %+v, want sub email|%s", user, started.ID)
	}
}

func TestRefreshAndRevoke(t *testing.T) {
	s := connect(t)
	auth, ctx, number := s.auth(t), t.Context(), phone()
	if _, err := auth.Passwordless.SendSMS(ctx, passwordless.SendSMSRequest{PhoneNumber: number}); err != nil {
		t.Fatal(err)
	}
	first, err := auth.Passwordless.LoginWithSMS(ctx, passwordless.LoginWithSMSRequest{
		PhoneNumber: number, Code: s.code(t, number), Scope: "openid offline_access",
	}, verify)
	if err != nil {
		t.Fatal(err)
	}
	second, err := auth.OAuth.RefreshToken(ctx, oauth.RefreshTokenRequest{RefreshToken: first.RefreshToken}, verify)
	if err != nil {
		t.Fatal(err)
	}
	token := second.RefreshToken
	if token == "" {
		token = first.RefreshToken // it is not replaced
	}
	if second.IDToken == "" || second.AccessToken == "" {
		t.Error("RefreshToken left something out")
	}
	if err := auth.OAuth.RevokeRefreshToken(ctx, oauth.RevokeRefreshTokenRequest{Token: token}); err != nil {
		t.Fatal(err)
	}
	_, err = auth.OAuth.RefreshToken(ctx, oauth.RefreshTokenRequest{RefreshToken: token}, verify)
	var refused *authentication.Error
	if !errors.As(err, &refused) || refused.StatusCode != http.StatusForbidden || refused.Err != "invalid_grant" {
		t.Errorf("a revoked refresh token gave %v", err)
	}
}

func TestWrongCode(t *testing.T) {
	s := connect(t)
	auth, ctx, number := s.auth(t), t.Context(), phone()
	if _, err := auth.Passwordless.SendSMS(ctx, passwordless.SendSMSRequest{PhoneNumber: number}); err != nil {
		t.Fatal(err)
	}
	code := s.code(t, number)
	wrong := strings.Map(func(r rune) rune { return '0' + (r-'0'+1)%10 }, code)
	_, err := auth.Passwordless.LoginWithSMS(ctx, passwordless.LoginWithSMSRequest{PhoneNumber: number, Code: wrong}, verify)
	var refused *authentication.Error
	if !errors.As(err, &refused) {
		t.Fatalf("a wrong code gave %v", err)
	}
	if refused.StatusCode != http.StatusForbidden || refused.Err != "invalid_grant" ||
		refused.Message != "Wrong phone number or verification code." {
		t.Errorf("a wrong code gave %d %s: %s", refused.StatusCode, refused.Err, refused.Message)
	}
}

func TestClientCredentials(t *testing.T) {
	s := connect(t)
	tokens, err := s.auth(t).OAuth.LoginWithClientCredentials(t.Context(), oauth.LoginWithClientCredentialsRequest{
		ClientAuthentication: oauth.ClientAuthentication{ClientID: s.ManagementID, ClientSecret: s.ManagementSecret},
		Audience:             "https://" + s.Domain + "/api/v2/",
	}, oauth.IDTokenValidationOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if tokens.AccessToken == "" || !strings.Contains(tokens.Scope, "read:clients") || tokens.RefreshToken != "" {
		t.Errorf("client credentials gave scope %q and refresh token %t", tokens.Scope, tokens.RefreshToken != "")
	}
}
