package authorize

import (
	"context"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// issuing is an answer being made for somebody who is signed in.
type issuing struct {
	client      *tenant.Client
	transaction *tenant.Transaction // without an id when the session alone is enough
	browser     Browser
	consent     *tenant.Consent
	event       *tenant.LogEvent
}

// reply says how the request of a transaction is answered.
func (s *Service) reply(r *tenant.AuthorizeRequest) oauth.Reply {
	return oauth.Reply{RedirectURI: r.RedirectURI, Mode: r.ResponseMode, State: r.State, Issuer: s.Tokens.Issuer}
}

// issue stores what is granted and answers with it.
func (s *Service) issue(ctx context.Context, in issuing) (Step, error) {
	r := &in.transaction.Request
	now := s.Now()
	kind, _ := oauth.ParseResponseType(r.ResponseType)
	if err := kind.Allowed(in.client); err != nil { // which may have changed since it was asked
		return Step{}, err
	}
	api, granted, err := s.grantable(ctx, in.client, r)
	if err != nil {
		return Step{}, err
	}
	g := Granting{
		Now: now, Session: in.transaction.Session, Transaction: in.transaction.ID,
		IP: in.browser.IP, UserAgent: in.browser.UserAgent, Consent: in.consent,
		Grant: tenant.Grant{
			ID: "grt_" + secret.Alphanumeric(24), Client: in.client.ID, SessionID: in.transaction.Session,
			Scope: granted.String(), Claims: r.Claims, CreatedAt: now,
		},
	}
	if api != nil {
		g.Grant.Audience = api.Identifier
	}
	refresh := s.legacy(&g, r, in.client, granted)
	if r.Legacy && kind.Token && granted.Has(oauth.OpenID) {
		kind.IDToken = true // which it did not have to name
	}
	var code string
	if kind.Code {
		code, g.Code = s.code(r, g.Grant.ID, now)
	}
	if e := in.event; e != nil {
		event.About(e, nil, in.client)
		e.IP, e.UserAgent, e.Audience, e.Scope = in.browser.IP, in.browser.UserAgent, g.Grant.Audience, g.Grant.Scope
		g.Event = e
	}
	user, proved, err := s.Ledger.GrantAuthorization(ctx, g)
	if err != nil {
		return Step{}, err
	}
	g.Grant.User, g.Grant.AuthTime = user.ID, proved
	var pairs []oauth.Pair
	if code != "" {
		pairs = append(pairs, oauth.Pair{Name: "code", Value: code})
	}
	if kind.FrontChannel() {
		more, err := s.frontChannel(ctx, r, kind, token.Request{
			Client: in.client, API: api, User: &user, Grant: &g.Grant, Scope: g.Grant.Scope, AskedScope: r.Scope,
			Nonce: r.Nonce, ACR: r.ACR, Code: code, AuthTime: proved,
		})
		if err != nil {
			return Step{}, err
		}
		pairs = append(pairs, more...)
	}
	if refresh != "" {
		pairs = append(pairs, oauth.Pair{Name: "refresh_token", Value: refresh})
	}
	step := answer(s.reply(r).With(pairs...))
	step.Transaction = *in.transaction
	if in.event != nil {
		step.Event = in.event.Type
	}
	return step, nil
}

// legacy fills in what the legacy pipeline gives beside the rest, and returns
// the refresh token of an answer without a code.
func (s *Service) legacy(g *Granting, r *tenant.AuthorizeRequest, client *tenant.Client, granted oauth.Scopes) (refresh string) {
	if !r.Legacy {
		return ""
	}
	g.Grant.Pipeline, g.Grant.Device = tenant.PipelineLegacy, r.Device
	d := event.Deprecation(event.LegacyAuthorize, client, g.Now)
	d.IP, d.UserAgent, d.Scope = g.IP, g.UserAgent, g.Grant.Scope
	g.Deprecated = &d
	if kind, _ := oauth.ParseResponseType(r.ResponseType); !kind.Code && granted.Has(oauth.OfflineAccess) {
		refresh, g.Refresh = s.Grants.NewRefresh(client, g.Grant.ID, "")
	}
	return refresh
}

// code makes an authorization code for a request.
func (s *Service) code(r *tenant.AuthorizeRequest, grantID string, now time.Time) (string, *tenant.AuthorizationCode) {
	text, digest := s.Tokens.NewCode()
	return text, &tenant.AuthorizationCode{
		Digest: digest, Grant: grantID, Client: r.Client, RedirectURI: r.RedirectURI, RedirectGiven: r.RedirectGiven,
		Challenge: r.Challenge, AskedScope: r.Scope, Nonce: r.Nonce, ACR: r.ACR, Device: r.Device, DPoPKey: r.DPoPKey, Legacy: r.Legacy,
		CreatedAt: now, Expires: now.Add(tenant.AuthorizationCodeLifetime),
	}
}

// frontChannel makes the tokens that go through the browser (OpenID Connect
// Core 1.0 §3.2.2.5, §3.3.2.5).
func (s *Service) frontChannel(ctx context.Context, r *tenant.AuthorizeRequest, kind oauth.ResponseType, req token.Request) ([]oauth.Pair, error) {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return nil, err
	}
	req.FrontChannel, req.WithoutAccess, req.WithoutID = true, !kind.Token, !kind.IDToken
	req.Form = token.Form{Strict: set.Flags.StandardsStrict, Attributes: r.Legacy}
	granted, permissions, err := s.Grants.Permitted(ctx, req.User.ID, req.API, oauth.ParseScopes(req.Scope))
	if err != nil {
		return nil, err
	}
	req.Scope, req.Permissions = granted.String(), permissions
	t, err := s.Tokens.Issue(ctx, req)
	if err != nil {
		return nil, err
	}
	var pairs []oauth.Pair
	if kind.Token {
		pairs = append(pairs, oauth.Pair{Name: "access_token", Value: t.AccessToken},
			oauth.Pair{Name: "token_type", Value: oauth.Bearer},
			oauth.Pair{Name: "expires_in", Value: strconv.FormatInt(int64(t.ExpiresIn/time.Second), 10)})
		if t.Scope != "" {
			pairs = append(pairs, oauth.Pair{Name: "scope", Value: t.Scope})
		}
	}
	if kind.IDToken {
		pairs = append(pairs, oauth.Pair{Name: "id_token", Value: t.IDToken})
	}
	return pairs, nil
}

// grantable is the API that a request asks for, and the scopes of it that the
// person can give. What a refresh token is for cannot be given without a code,
// and no token at all for an API that takes only those bound to a key: a browser
// that is sent somewhere proves none.
func (s *Service) grantable(ctx context.Context, client *tenant.Client, r *tenant.AuthorizeRequest) (*tenant.API, oauth.Scopes, error) {
	api, err := s.Grants.PersonAPI(ctx, r.Audience)
	if err != nil {
		return nil, nil, err
	}
	kind, _ := oauth.ParseResponseType(r.ResponseType)
	if kind.Token && (client.NeedsProof || api != nil && api.NeedsProof(client)) {
		return nil, nil, oauth.Unbound()
	}
	rule := oauth.ScopeRule{Client: client, API: api, Attributes: r.Legacy}
	granted := rule.Grantable(oauth.ParseScopes(r.Scope))
	// The legacy pipeline gives refresh tokens to devices with a name, whatever
	// the response type (F12).
	if r.Legacy && r.Device == "" || !r.Legacy && !kind.Code {
		granted = granted.Without(oauth.Scopes{oauth.OfflineAccess})
	}
	return api, granted, nil
}
