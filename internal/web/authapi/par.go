package authapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/web"
)

// pushReply is the answer to a pushed request (RFC 9126 §2.2).
type pushReply struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// push keeps an authorization request: POST /oauth/par (RFC 9126).
func (a *API) push(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	cred, err := a.credentials(r, p)
	if err != nil {
		return err
	}
	share(w, r, a.remember(r, cred.ID, ""))
	proof, err := a.proof(w, r)
	if err != nil {
		return err
	}
	client, err := a.Grants.Authenticate(r.Context(), cred)
	if err != nil {
		return err
	}
	params := grant.Parameters{}
	for _, name := range p.Names() {
		switch name {
		case "client_secret", "client_assertion", "client_assertion_type":
			continue // they prove who pushes and are no part of the request
		}
		if !p.IsText(name) {
			return oauth.InvalidRequest("Parameter " + printable(name) + " must be a string")
		}
		params[name] = p.Get(name)
	}
	params["client_id"] = string(client.ID)
	uri, life, err := a.Authorize.Push(r.Context(), authorize.Push{Client: client, Params: params, Proof: proof})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, pushReply{uri, int64(life.Seconds())})
}

// introspectReply is what is told of a token (RFC 7662 §2.2).
type introspectReply struct {
	Active    bool              `json:"active"`
	TokenType string            `json:"token_type,omitempty"`
	ClientID  string            `json:"client_id,omitempty"`
	Subject   string            `json:"sub,omitempty"`
	Scope     string            `json:"scope,omitempty"`
	Audience  []string          `json:"aud,omitempty"`
	Issuer    string            `json:"iss,omitempty"`
	ID        string            `json:"jti,omitempty"`
	IssuedAt  int64             `json:"iat,omitempty"`
	Expires   int64             `json:"exp,omitempty"`
	Confirmed map[string]string `json:"cnf,omitempty"`
}

// introspect tells about a token: POST /oauth/introspect (RFC 7662).
func (a *API) introspect(w http.ResponseWriter, r *http.Request) error {
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
	a.remember(r, cred.ID, "")
	client, err := a.Grants.Authenticate(r.Context(), cred)
	if err != nil {
		return err
	}
	t, err := a.Grants.Introspect(r.Context(), client, p.Get("token"))
	if err != nil {
		return a.unavailable(r, err)
	}
	if !t.Active {
		return web.WriteJSON(w, http.StatusOK, introspectReply{})
	}
	out := introspectReply{
		Active: true, TokenType: t.Type, ClientID: string(t.Client), Subject: t.Subject, Scope: t.Scope,
		Audience: t.Audience, Issuer: a.Issuer, ID: t.ID, IssuedAt: t.IssuedAt.Unix(),
	}
	if !t.Expires.IsZero() {
		out.Expires = t.Expires.Unix()
	}
	if t.Key != "" {
		out.Confirmed = map[string]string{"jkt": t.Key}
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// unavailable turns a failure of ours into 503: who asks whether a token is good,
// or to end one, must not take a failure for an answer (RFC 7009 §2.2.1).
func (a *API) unavailable(r *http.Request, err error) error {
	if fault.Of(err).Kind != fault.Internal {
		return err
	}
	a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	return fault.New(fault.Unavailable, oauth.CodeUnavailable, "Try again later.").Because(err)
}
