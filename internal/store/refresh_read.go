package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// RefreshGrant implements grant.Ledger. The conditions are those of UseRefresh.
func (s *Store) RefreshGrant(ctx context.Context, digests [][]byte, client tenant.ClientID, now time.Time) (tenant.RefreshToken, tenant.Grant, error) {
	var r tenant.RefreshToken
	g := tenant.Grant{Client: client}
	first, last := ends(digests)
	err := s.read.row(ctx, `
		SELECT r.issued_at, r.expires_at, r.idle_ends_at, r.jkt, g.id, g.user_id, g.audience, g.scope, g.pipeline
		FROM refresh_tokens r JOIN grants g ON g.id = r.grant_id JOIN users u ON u.id = g.user_id
		WHERE (r.digest = $1 OR r.digest = $2) AND r.replaced_at = 0 AND g.client_id = $3 AND g.revoked_at = 0 AND NOT u.blocked
			AND (r.expires_at = 0 OR r.expires_at > $4) AND (r.idle_ends_at = 0 OR r.idle_ends_at > $4)`,
		first, last, string(client), toMillis(now)).
		Scan(millis{&r.IssuedAt}, millis{&r.Expires}, millis{&r.IdleEnds}, &r.Key, &g.ID, &g.User, &g.Audience, &g.Scope, &g.Pipeline)
	if err != nil {
		return r, g, fmt.Errorf("read refresh token: %w", absent(err))
	}
	return r, g, nil
}
