package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// SignOutUser implements manage.Users. Sessions come before grants, as in
// endAccess.
func (s *Store) SignOutUser(ctx context.Context, o manage.SignOutUser) (manage.Holdings, error) {
	var out manage.Holdings
	err := s.write(ctx, func(tx querier) error {
		out = manage.Holdings{}
		var u tenant.User
		if err := lockedUser(ctx, tx, o.ID, &u); err != nil {
			return err
		}
		var err error
		if out.Sessions, err = endSessions(ctx, tx, ending{user: o.ID, now: o.Now, why: tenant.SessionRevoked}); err != nil {
			return err
		}
		if out.Tokens, err = tx.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at = 0`, o.ID, toMillis(o.Now)); err != nil {
			return fmt.Errorf("revoke grants: %w", err)
		}
		if _, err := tx.exec(ctx, `DELETE FROM login_tickets WHERE user_id = $1`, o.ID); err != nil {
			return fmt.Errorf("end login tickets: %w", err)
		}
		return insertLogs(ctx, tx, o.Event(out))
	})
	return out, err
}
