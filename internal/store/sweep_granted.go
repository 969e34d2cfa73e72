package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/token"
)

// keepGrants is how long a grant is kept that can give nothing new: the access
// tokens that name it, which userinfo asks it about, have all expired then. Those
// of an API may live longer than others.
func (s *Store) keepGrants(ctx context.Context) (time.Duration, error) {
	apis, err := s.AllAPIs(ctx)
	longest := token.AccessLifetime
	for _, a := range apis {
		longest = max(longest, a.TokenLifetime)
	}
	return longest + time.Hour, err
}

// sweepGranted deletes sessions that are over and grants that can give nothing
// any more, with what belongs to them. It reports whether there was more.
//
// A silent sign-in makes a grant each time, so that there are soon far more that
// are over than that are not.
func (s *Store) sweepGranted(ctx context.Context, now time.Time) (more bool, err error) {
	keep, err := s.keepGrants(ctx)
	if err != nil {
		return false, fmt.Errorf("sweep: %w", err)
	}
	grants := toMillis(now.Add(-keep))
	for _, d := range []struct {
		find   string
		before int64
		remove []string
	}{
		{
			`SELECT id FROM sessions WHERE expires_at < $1 LIMIT $2`, toMillis(now),
			[]string{
				`DELETE FROM session_clients WHERE session_id = $1
					AND EXISTS (SELECT 1 FROM sessions WHERE id = $1 AND expires_at < $2)`,
				`DELETE FROM sessions WHERE id = $1 AND expires_at < $2`,
			},
		},
		{ // without a refresh token
			`SELECT id FROM grants WHERE NOT offline AND created_at < $1 LIMIT $2`, grants,
			[]string{`DELETE FROM grants WHERE id = $1 AND NOT offline AND created_at < $2`},
		},
		{ // revoked
			`SELECT id FROM grants WHERE revoked_at > 0 AND revoked_at < $1 LIMIT $2`, grants,
			[]string{
				`DELETE FROM refresh_tokens WHERE grant_id = $1
					AND EXISTS (SELECT 1 FROM grants WHERE id = $1 AND revoked_at > 0 AND revoked_at < $2)`,
				`DELETE FROM grants WHERE id = $1 AND revoked_at > 0 AND revoked_at < $2`,
			},
		},
		{ // with refresh tokens that have expired: those of a grant all do at once
			`SELECT DISTINCT grant_id FROM refresh_tokens WHERE expires_at > 0 AND expires_at < $1 LIMIT $2`, grants,
			[]string{
				`DELETE FROM refresh_tokens WHERE grant_id = $1 AND expires_at > 0 AND expires_at < $2`,
				`DELETE FROM grants WHERE id = $1 AND created_at < $2
					AND NOT EXISTS (SELECT 1 FROM refresh_tokens WHERE grant_id = $1)`,
			},
		},
	} {
		full, err := s.sweepOne(ctx, d.find, d.before, d.remove...)
		if err != nil {
			return false, fmt.Errorf("sweep: %w", err)
		}
		more = more || full
	}
	return more, nil
}
