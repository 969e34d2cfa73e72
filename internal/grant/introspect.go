package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// Introspection is what may be told about a token (RFC 7662 §2.2). The zero
// value says that it is good for nothing, whatever the reason.
type Introspection struct {
	Active   bool
	Type     string // "Bearer" or "DPoP"; empty for refresh tokens
	Client   tenant.ClientID
	Subject  string
	Scope    string
	Audience []string
	ID       string
	Key      string
	IssuedAt time.Time
	Expires  time.Time // zero: it does not
}

// Introspect tells an application about a token: its own, or one for the API
// that it stands for (Auth0: resource_server_identifier). It looks at the grant
// and the user too. Anybody else's token is not told from one that is made up.
func (s *Service) Introspect(ctx context.Context, client *tenant.Client, text string) (Introspection, error) {
	if client.Public() {
		return Introspection{}, oauth.InvalidClient()
	}
	if text == "" {
		return Introspection{}, oauth.MissingParameter("token")
	}
	access, err := s.readAccess(ctx, text)
	switch {
	case err == nil:
		return s.tellAccess(ctx, client, access)
	case !errors.Is(err, signing.ErrToken):
		return Introspection{}, fmt.Errorf("introspect: %w", err)
	}
	r, g, err := s.Ledger.RefreshGrant(ctx, s.Tokens.RefreshDigests(text), client.ID, s.Now())
	if fault.Has(err, fault.NotFound) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, fmt.Errorf("introspect: %w", err)
	}
	out := Introspection{
		Active: true, Client: client.ID, Subject: string(g.User), Scope: g.Scope, Key: r.Key, IssuedAt: r.IssuedAt, Expires: r.Expires,
	}
	if g.Audience != "" {
		out.Audience = []string{g.Audience}
	}
	if !r.IdleEnds.IsZero() && (out.Expires.IsZero() || r.IdleEnds.Before(out.Expires)) {
		out.Expires = r.IdleEnds
	}
	return out, nil
}

// readAccess reads an access token for whatever audience. The fault is
// signing.ErrToken for anything else.
func (s *Service) readAccess(ctx context.Context, text string) (token.Access, error) {
	if !strings.Contains(text, ".") {
		return s.Tokens.OpenAccess(text)
	}
	claimed, err := signing.Unverified(text)
	if err != nil {
		return token.Access{}, err
	}
	return s.Tokens.VerifyAccess(ctx, text, claimed.Texts("aud")...)
}

func (s *Service) tellAccess(ctx context.Context, client *tenant.Client, a token.Access) (Introspection, error) {
	if a.Client != client.ID && (client.ResourceServer == "" || !slices.Contains(a.Audience, client.ResourceServer)) {
		return Introspection{}, nil
	}
	if a.User != "" {
		if _, _, err := s.holder(ctx, a); errors.Is(err, ErrToken) {
			return Introspection{}, nil
		} else if err != nil {
			return Introspection{}, fmt.Errorf("introspect: %w", err)
		}
	}
	kind := oauth.Bearer
	if a.Key != "" {
		kind = oauth.DPoP
	}
	return Introspection{
		Active: true, Type: kind, Client: a.Client, Subject: a.Subject, Scope: a.Scopes.String(), Audience: a.Audience,
		ID: a.ID, Key: a.Key, IssuedAt: a.IssuedAt, Expires: a.Expires,
	}, nil
}
