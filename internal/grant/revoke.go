package grant

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// errUnrevocable refuses to revoke what names no grant, as an application's own
// access token (RFC 7009 §2.2.1). To say that it is revoked would be wrong.
var errUnrevocable = fault.New(fault.Invalid, "unsupported_token_type",
	"This access token stands for no grant and cannot be revoked: it ends by itself.")

// Revoke ends the grant of a token (RFC 7009 §2.1), be it a refresh token or an
// access token: both are good for nothing afterwards, nor are the others of that
// grant. A token that is unknown or belongs to another application is none of
// the caller's business and no error.
func (s *Service) Revoke(ctx context.Context, client *tenant.Client, text string) error {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return err
	}
	now := s.Now()
	e := event.New(event.RefreshRevoked, now)
	event.About(&e, nil, client)
	r := Revoke{Now: now, Client: client.ID, All: set.Flags.RevokeDeletesGrant, Event: e}
	access, err := s.readAccess(ctx, text)
	switch {
	case errors.Is(err, signing.ErrToken):
		r.Digests = s.Tokens.RefreshDigests(text)
	case err != nil:
		return fmt.Errorf("revoke token: %w", err)
	case access.Client != client.ID:
		return nil
	case access.Grant == "":
		return errUnrevocable
	default:
		r.Grant, r.Event.Description = access.Grant, "An access token was given back: its grant is revoked."
	}
	if _, err := s.Ledger.RevokeTokens(ctx, r); err != nil {
		return fmt.Errorf("revoke grant: %w", err)
	}
	return nil
}
