package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Forget deletes log events and messages from before a moment, a bounded number
// of each. It reports whether there was more.
func (s *Store) Forget(ctx context.Context, before time.Time) (more bool, err error) {
	for _, d := range []struct{ remove, first string }{
		{`DELETE FROM logs WHERE id IN (SELECT id FROM logs WHERE id < $1 ORDER BY id LIMIT $2)`, event.FirstID(before)},
		{`DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id < $1 ORDER BY id LIMIT $2)`, event.FirstMessageID(before)},
	} {
		var n int64
		err := s.write(ctx, func(tx querier) (err error) {
			n, err = tx.exec(ctx, d.remove, d.first, sweepRows)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("forget what is old: %w", err)
		}
		more = more || n == sweepRows
	}
	return more, nil
}

// forgetPerson deletes the messages to somebody and the log events about them:
// nothing says any more which number or address a deleted user had (SEC-06). That
// they were deleted, and by whom, is logged after it, under an id that says
// nothing.
func forgetPerson(ctx context.Context, tx querier, u *tenant.User) error {
	if _, err := tx.exec(ctx, `DELETE FROM logs WHERE user_id = $1 AND user_id <> ''`, u.ID); err != nil {
		return fmt.Errorf("forget log events: %w", err)
	}
	for _, id := range u.Identities {
		if _, err := tx.exec(ctx, `DELETE FROM logs WHERE identifier = $1 AND identifier <> ''`, id.Identifier); err != nil {
			return fmt.Errorf("forget log events: %w", err)
		}
		if _, err := tx.exec(ctx, `DELETE FROM messages WHERE recipient = $1`, id.Identifier); err != nil {
			return fmt.Errorf("forget messages: %w", err)
		}
	}
	return nil
}
