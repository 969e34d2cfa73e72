package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ logout.Ledger = (*Store)(nil)

// An ending is why sessions end: one, or all of a user.
type ending struct {
	session string
	user    tenant.UserID
	now     time.Time
	why     tenant.Initiator
}

// endSessions ends one session, or all of a user, notes which applications are
// to be told, and returns how many there were. Whoever blocks or deletes users
// calls it in the transaction that does. A session that had run out before needs
// no telling.
func endSessions(ctx context.Context, tx querier, e ending) (int64, error) {
	n, err := tx.exec(ctx, `UPDATE sessions SET ended_at = $3, updated_at = $3
		WHERE (($1 <> '' AND id = $1) OR ($2 <> '' AND user_id = $2)) AND ended_at = 0`, e.session, e.user, toMillis(e.now))
	if err != nil || n == 0 {
		return n, wrapped("end session", err)
	}
	_, err = tx.exec(ctx, `
		INSERT INTO logout_tokens (session_id, client_id, user_id, initiator, attempts, next_at, lease_until, created_at)
		SELECT s.id, sc.client_id, s.user_id, $4, 0, $3, 0, $3
		FROM sessions s JOIN session_clients sc ON sc.session_id = s.id JOIN clients c ON c.id = sc.client_id
		WHERE (($1 <> '' AND s.id = $1) OR ($2 <> '' AND s.user_id = $2)) AND s.ended_at = $3 AND s.expires_at > $3 AND c.backchannel
		ON CONFLICT (session_id, client_id) DO NOTHING`,
		e.session, e.user, toMillis(e.now), e.why)
	return n, wrapped("note whom to tell", err)
}

// endSessionsOf is endSessions for all users that a query finds, whose only
// parameter is $1.
func endSessionsOf(ctx context.Context, tx querier, query string, param any, e ending) error {
	rows, err := tx.query(ctx, `SELECT DISTINCT s.user_id FROM sessions s WHERE s.ended_at = 0 AND s.user_id IN (`+query+`)`, param)
	if err != nil {
		return fmt.Errorf("find sessions: %w", err)
	}
	var users []tenant.UserID
	for rows.Next() {
		var id tenant.UserID
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return fmt.Errorf("find sessions: %w", err)
		}
		users = append(users, id)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return fmt.Errorf("find sessions: %w", err)
	}
	for _, id := range users {
		e.user = id
		if _, err := endSessions(ctx, tx, e); err != nil {
			return err
		}
	}
	return nil
}

// EndSession implements logout.Ledger.
func (s *Store) EndSession(ctx context.Context, e logout.Ending) (ended bool, err error) {
	err = s.write(ctx, func(tx querier) error {
		n, err := endSessions(ctx, tx, ending{session: e.Session, now: e.Now, why: e.Initiator})
		ended = n > 0
		if err != nil || !ended {
			return err
		}
		return insertLogs(ctx, tx, e.Event)
	})
	return ended, err
}

// UsesSession implements logout.Ledger and authorize.Ledger.
func (s *Store) UsesSession(ctx context.Context, session string, client tenant.ClientID) (bool, error) {
	var uses bool
	err := s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM session_clients WHERE session_id = $1 AND client_id = $2)`,
		session, client).Scan(&uses)
	if err != nil {
		return false, fmt.Errorf("read applications of session: %w", err)
	}
	return uses, nil
}
