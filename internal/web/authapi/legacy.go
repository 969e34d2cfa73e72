package authapi

import (
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/web"
)

// The endpoints before OpenID Connect, in the forms that they had.

// jwtBearer is the grant type of /delegation.
const jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"

// ownerReply is an answer of /oauth/ro.
type ownerReply struct {
	IDToken      string `json:"id_token,omitempty"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
}

// missing is the fault of these endpoints for what was not sent.
func missing(p web.Params, names ...string) error {
	for _, n := range names {
		if p.Has(n) && !p.IsText(n) {
			return oauth.InvalidRequest(n + " parameter must be a string")
		}
		if p.Get(n) == "" {
			return oauth.InvalidRequest("missing " + n + " parameter")
		}
	}
	return nil
}

// owner exchanges a code: POST /oauth/ro.
func (a *API) owner(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	return a.ownerWith(w, r, p)
}

func (a *API) ownerWith(w http.ResponseWriter, r *http.Request, p web.Params) error {
	if err := missing(p, "client_id", "connection", "grant_type"); err != nil {
		return err
	}
	req, err := a.ownerRequest(w, r, p)
	if err != nil {
		return err
	}
	if p.Get("grant_type") != "password" {
		return oauth.InvalidRequest("specified strategy does not support requested operation")
	}
	if err := missing(p, "username", "password"); err != nil {
		return err
	}
	answer, err := a.Grants.Owner(r.Context(), req)
	web.RecordOf(r.Context()).Event = answer.Event
	if err != nil {
		return olderForm(err)
	}
	return web.WriteJSON(w, http.StatusOK, ownerReply{
		IDToken: answer.IDToken, AccessToken: answer.AccessToken, RefreshToken: answer.RefreshToken,
		TokenType: "bearer", ExpiresIn: int64(answer.ExpiresIn.Seconds()),
	})
}

// olderForm gives a refusal of /oauth/ro or /passwordless/verify the form that it
// had. Who the application is was told there as 403, in one form for an unknown
// application and for a wrong proof.
func olderForm(err error) error {
	if f := fault.Of(err); f.Code == oauth.CodeInvalidClient {
		return fault.New(f.Kind, oauth.CodeUnauthorizedClient, "invalid client").Because(err)
	}
	return badCredentials(err, "invalid_user_password")
}

// ownerRequest reads what both forms have in common.
func (a *API) ownerRequest(w http.ResponseWriter, r *http.Request, p web.Params) (grant.OwnerRequest, error) {
	if err := texts(p, "connection", "username", "password", "device"); err != nil {
		return grant.OwnerRequest{}, err
	}
	scopes, ok := p.Strings("scope")
	if !ok {
		return grant.OwnerRequest{}, oauth.InvalidRequest("scope parameter must be a string")
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return grant.OwnerRequest{}, olderForm(err)
	}
	share(w, r, a.remember(r, cred.ID, p.Get("connection")))
	return grant.OwnerRequest{
		Credentials: cred, Connection: p.Get("connection"), Username: p.Get("username"), Password: p.Get("password"),
		Scope: oauth.ParseScopes(scopes...), Device: p.Get("device"),
		IP: web.ClientIP(r, a.Proxies).String(), UserAgent: userAgent(r),
	}, nil
}

// verify is POST /passwordless/verify. With a grant type it is another
// /oauth/ro; without, it checks a code that the page then goes on with to
// /passwordless/verify_redirect.
func (a *API) verify(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if p.Has("grant_type") {
		return a.ownerWith(w, r, p)
	}
	if err := missing(p, "client_id", "connection", "verification_code"); err != nil {
		return err
	}
	if err := texts(p, "phone_number", "email"); err != nil {
		return err
	}
	req, err := a.ownerRequest(w, r, p)
	if err != nil {
		return err
	}
	req.Password, req.Username = p.Get("verification_code"), p.Get("phone_number")
	if req.Username == "" {
		req.Username = p.Get("email")
	}
	if req.Username == "" {
		return oauth.InvalidRequest("missing username parameter")
	}
	logged, err := a.Grants.Verify(r.Context(), req)
	web.RecordOf(r.Context()).Event = logged
	if err != nil {
		return olderForm(err)
	}
	return web.WriteJSON(w, http.StatusOK, struct{}{})
}

// delegation exchanges a refresh token for an ID token: POST /delegation.
func (a *API) delegation(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := missing(p, "client_id", "grant_type", "refresh_token"); err != nil {
		return err
	}
	if p.Get("grant_type") != jwtBearer {
		return oauth.InvalidRequest("grant_type must be " + jwtBearer)
	}
	if err := texts(p, "target"); err != nil {
		return err
	}
	scopes, ok := p.Strings("scope")
	if !ok {
		return oauth.InvalidRequest("scope parameter must be a string")
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	share(w, r, a.remember(r, cred.ID, ""))
	ip := web.ClientIP(r, a.Proxies)
	answer, err := a.Grants.Delegate(r.Context(), grant.DelegationRequest{
		Credentials: cred, RefreshToken: p.Get("refresh_token"), Target: p.Get("target"), Scope: oauth.ParseScopes(scopes...),
		IP: ip.String(), IPKey: web.IPKey(ip), UserAgent: userAgent(r),
	}, a.rate(w, attack.DelegationRate))
	web.RecordOf(r.Context()).Event = answer.Event
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, map[string]any{
		"id_token": answer.IDToken, "token_type": answer.TokenType, "expires_in": int64(answer.ExpiresIn.Seconds()),
	})
}

// rate returns what writes into an answer how many requests of a limit are left.
func (a *API) rate(w http.ResponseWriter, limit attack.Rate) func(left int, wait time.Duration) {
	return func(left int, wait time.Duration) {
		web.SetRate(w, web.Rate{Limit: limit.Burst, Left: left, Reset: a.Now().Add(wait)})
	}
}

// tokenInfo tells about the person of an ID token: POST /tokeninfo. Tokens in
// the address are not taken.
func (a *API) tokenInfo(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := missing(p, "id_token"); err != nil {
		return err
	}
	ip := web.ClientIP(r, a.Proxies)
	doc, client, err := a.Grants.TokenInfo(r.Context(), p.Get("id_token"), ip.String(), web.IPKey(ip), a.rate(w, attack.TokenInfoRate))
	if client != "" {
		share(w, r, a.remember(r, client, ""))
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, doc)
}
