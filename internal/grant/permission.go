package grant

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Permitted returns those of the granted scopes that a person may have, and the
// permissions that they hold of an API (Auth0: role-based access control). An
// API without policies leaves the scopes as they are, and nothing is read for
// it. What is held is looked up for every token, so that taking a permission
// away shows in the next one.
func (s *Service) Permitted(ctx context.Context, user tenant.UserID, api *tenant.API, granted oauth.Scopes) (oauth.Scopes, []string, error) {
	if api == nil || !api.Policies {
		return granted, nil, nil
	}
	held, err := s.Ledger.Permissions(ctx, user, api.Identifier)
	if err != nil {
		return nil, nil, fmt.Errorf("read permissions: %w", err)
	}
	// A permission is worth what the API still has of it.
	permissions := oauth.Scopes(held).Intersect(api.Scopes)
	if permissions == nil {
		permissions = oauth.Scopes{}
	}
	return append(granted.OIDC(), granted.Intersect(permissions)...), permissions, nil
}
