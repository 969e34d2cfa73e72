package authapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/web"
)

// tokenReply is a token answer (RFC 6749 §5.1).
type tokenReply struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	ExpiresIn    int64  `json:"expires_in"`
	TokenType    string `json:"token_type"`
}

// token exchanges a code, a refresh token or a secret: POST /oauth/token.
func (a *API) token(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := texts(p, "grant_type", "audience", "resource", "realm", "username", "otp", "refresh_token",
		"device_code", "auth_session", "code", "code_verifier", "redirect_uri"); err != nil {
		return err
	}
	scopes, ok := p.Strings("scope")
	if !ok {
		return oauth.InvalidScope()
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	share(w, r, a.remember(r, cred.ID, p.Get("realm")))
	proof, err := a.proof(w, r)
	if err != nil {
		return err
	}
	answer, err := a.Grants.Token(r.Context(), grant.Request{
		Credentials: cred, GrantType: p.Get("grant_type"), Scope: oauth.ParseScopes(scopes...),
		Audience: p.Get("audience"), Resource: p.Get("resource"), Realm: p.Get("realm"), Username: p.Get("username"),
		OTP: p.Get("otp"), RefreshToken: p.Get("refresh_token"),
		DeviceCode: p.Get("device_code"), AuthSession: p.Get("auth_session"), Code: p.Get("code"), CodeVerifier: p.Get("code_verifier"), RedirectURI: p.Get("redirect_uri"), ForwardedFor: forwardedFor(r),
		IP: web.ClientIP(r, a.Proxies).String(), UserAgent: userAgent(r), Proof: proof,
	})
	web.RecordOf(r.Context()).Event = answer.Event
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, tokenReply{
		AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken, IDToken: answer.IDToken,
		Scope: answer.Scope, ExpiresIn: int64(answer.ExpiresIn.Seconds()), TokenType: answer.TokenType,
	})
}

// revoke ends the grant of a token: POST /oauth/revoke (RFC 7009).
func (a *API) revoke(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := texts(p, "token", "token_type_hint"); err != nil {
		return err
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	share(w, r, a.remember(r, cred.ID, ""))
	client, err := a.Grants.Authenticate(r.Context(), cred)
	if err != nil {
		return err
	}
	if !p.Has("token") {
		return oauth.MissingParameter("token")
	}
	if err := a.Grants.Revoke(r.Context(), client, p.Get("token")); err != nil {
		return a.unavailable(r, err)
	}
	w.WriteHeader(http.StatusOK)
	return nil
}
