package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
)

func insertTicket(ctx context.Context, tx querier, t *tenant.LoginTicket, user tenant.UserID) error {
	_, err := tx.exec(ctx, `
		INSERT INTO login_tickets (digest, browser, client_id, user_id, connection_id, channel, proved_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		t.Digest, t.Browser, t.Client, user, t.Connection, t.Channel, toMillis(t.Proved), toMillis(t.Expires))
	if err != nil {
		return fmt.Errorf("store login ticket: %w", err)
	}
	return nil
}

// useTicketText takes a ticket that everything matches. Of many calls at once
// one finds it.
const useTicketText = `
	DELETE FROM login_tickets
	WHERE (digest = $1 OR digest = $2) AND (browser = $3 OR browser = $4) AND client_id = $5 AND expires_at > $6
		AND EXISTS (SELECT 1 FROM users u WHERE u.id = login_tickets.user_id AND NOT u.blocked)
	RETURNING user_id, connection_id, channel, proved_at`

// lockTicketUser holds on to whose ticket it is, unless they are blocked.
const lockTicketUser = `UPDATE users SET blocked = blocked
	WHERE id = (SELECT user_id FROM login_tickets WHERE digest = $1 OR digest = $2) AND NOT blocked`

// OpenTicket implements authorize.Ledger.
func (s *Store) OpenTicket(ctx context.Context, u authorize.TicketUse) (tenant.Session, error) {
	var n tenant.Session
	err := s.write(ctx, func(tx querier) error {
		n = u.Session
		first, last := ends(u.Digests)
		bfirst, blast := ends(u.Browser)
		// The person's row comes first, as where they sign in and where they are
		// blocked: no two wait for each other then, and nothing that a ticket
		// gives outlives a block that comes at the same moment.
		locked, err := tx.exec(ctx, lockTicketUser, first, last)
		if err != nil {
			return fmt.Errorf("lock user: %w", err)
		}
		if locked == 0 {
			return authorize.ErrTicket
		}
		err = tx.row(ctx, useTicketText, first, last, bfirst, blast, u.Client, toMillis(u.Now)).
			Scan(&n.User, &n.Connection, &n.Channel, millis{&n.AuthTime})
		if errors.Is(err, sql.ErrNoRows) {
			return authorize.ErrTicket
		}
		if err != nil {
			return fmt.Errorf("use login ticket: %w", err)
		}
		n.ID, err = keepSession(ctx, tx, u.Replaces, &n)
		return err
	})
	return n, err
}
