package grant

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// ManagementGrant is the audience that client grants for the Management API
// are kept under, whatever the public URL is.
const ManagementGrant = "urn:doorcode:management-api"

// clientCredentials gives an application a token of its own (RFC 6749 §4.4). A
// public application has no secret to prove itself with and gets none.
func (s *Service) clientCredentials(ctx context.Context, w *work) (Answer, error) {
	if w.client.Public() {
		return Answer{}, oauth.GrantNotAllowed(w.GrantType)
	}
	if w.Audience == "" {
		return Answer{}, oauth.MissingParameter("audience")
	}
	api, err := s.clientAPI(ctx, w.Audience)
	if err != nil {
		return Answer{}, err
	}
	audience := api.Identifier
	if s.isManagement(audience) {
		if w.key != "" {
			return Answer{}, oauth.InvalidRequest("Tokens for the Management API are not bound to keys")
		}
		audience = ManagementGrant
	}
	if err := needsKey(w, api); err != nil {
		return Answer{}, err
	}
	allowed, err := s.Settings.ClientGrant(ctx, w.client.ID, audience)
	if fault.Has(err, fault.NotFound) {
		return Answer{}, oauth.AudienceNotGranted(w.Audience)
	}
	if err != nil {
		return Answer{}, err
	}
	if w.granted, err = oauth.ClientScopes(w.Scope, api, *allowed); err != nil {
		return Answer{}, err
	}
	t, err := s.Tokens.Issue(ctx, token.Request{
		Client: w.client, API: api, Scope: w.granted.String(), AskedScope: w.Scope.String(), GrantType: w.GrantType,
		Permissions: w.granted, Key: w.key,
	})
	if err != nil {
		return Answer{}, err
	}
	e := event.New(event.ExchangeClient, s.Now())
	event.About(&e, nil, w.client)
	e.IP, e.UserAgent, e.Audience, e.Scope, e.StrategyType = w.IP, w.UserAgent, w.Audience, w.granted.String(), ""
	if err := s.Ledger.AddLogs(ctx, e); err != nil {
		return Answer{}, fmt.Errorf("log client credentials: %w", err)
	}
	return Answer{AccessToken: t.AccessToken, Scope: t.Scope, ExpiresIn: t.ExpiresIn, TokenType: w.tokenType(), Event: e.Type}, nil
}

// clientAPI finds an API, the Management API too. The latter's tokens carry the
// audience that was asked for, since tools compare it with their own.
func (s *Service) clientAPI(ctx context.Context, audience string) (*tenant.API, error) {
	if !s.isManagement(audience) {
		return s.api(ctx, audience)
	}
	return &tenant.API{
		Identifier: audience, Name: "Management API", SigningAlg: "RS256",
		Scopes:        append(tenant.ManagementScopes(), tenant.SecretsScope),
		TokenLifetime: token.AccessLifetime,
	}, nil
}
