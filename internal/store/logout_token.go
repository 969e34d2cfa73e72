package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ logout.Queue = (*Store)(nil)

// ClaimLogouts implements logout.Queue. SQLite has one writer, and PostgreSQL
// skips rows that another claim has locked.
func (s *Store) ClaimLogouts(ctx context.Context, now, until time.Time, limit int) ([]tenant.LogoutNotice, error) {
	var some bool
	if err := s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM logout_tokens WHERE next_at <= $1 AND lease_until <= $1)`,
		toMillis(now)).Scan(&some); err != nil || !some {
		return nil, wrapped("find logout tokens", err)
	}
	lock := ""
	if s.dialect == postgres {
		lock = " FOR UPDATE SKIP LOCKED"
	}
	var due []tenant.LogoutNotice
	err := s.write(ctx, func(tx querier) error {
		due = nil
		rows, err := tx.query(ctx, `
			UPDATE logout_tokens SET lease_until = $2, attempts = attempts + 1
			WHERE (session_id, client_id) IN (SELECT session_id, client_id FROM logout_tokens
				WHERE next_at <= $1 AND lease_until <= $1 ORDER BY next_at LIMIT $3`+lock+`)
			RETURNING session_id, client_id, user_id, initiator, attempts`, toMillis(now), toMillis(until), limit)
		if err != nil {
			return fmt.Errorf("claim logout tokens: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			n := tenant.LogoutNotice{Lease: toMillis(until)}
			if err := rows.Scan(&n.Session, &n.Client, &n.User, &n.Initiator, &n.Attempts); err != nil {
				return fmt.Errorf("claim logout tokens: %w", err)
			}
			n.Attempts-- // this one
			due = append(due, n)
		}
		return rows.Err()
	})
	return due, err
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// SettleLogout implements logout.Queue.
func (s *Store) SettleLogout(ctx context.Context, d tenant.LogoutNotice, next time.Time, e *tenant.LogEvent) error {
	const ours = ` WHERE session_id = $1 AND client_id = $2 AND lease_until = $3`
	return s.write(ctx, func(tx querier) error {
		var n int64
		var err error
		if next.IsZero() {
			n, err = tx.exec(ctx, `DELETE FROM logout_tokens`+ours, d.Session, d.Client, d.Lease)
		} else {
			n, err = tx.exec(ctx, `UPDATE logout_tokens SET lease_until = 0, next_at = $4`+ours, d.Session, d.Client, d.Lease, toMillis(next))
		}
		if err != nil || n == 0 || e == nil {
			return wrapped("settle logout token", err)
		}
		return insertLogs(ctx, tx, *e)
	})
}
