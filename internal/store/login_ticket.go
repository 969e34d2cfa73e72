package store

import (
	"cmp"
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

// OpenTicket implements authorize.Ledger.
func (s *Store) OpenTicket(ctx context.Context, u authorize.TicketUse) (tenant.Session, error) {
	var n tenant.Session
	err := s.write(ctx, func(tx querier) error {
		n = u.Session
		first, last := ends(u.Digests)
		bfirst, blast := ends(u.Browser)
		err := tx.row(ctx, useTicketText, first, last, bfirst, blast, u.Client, toMillis(u.Now)).
			Scan(&n.User, &n.Connection, &n.Channel, millis{&n.AuthTime})
		if errors.Is(err, sql.ErrNoRows) {
			return authorize.ErrTicket
		}
		if err != nil {
			return fmt.Errorf("use login ticket: %w", err)
		}
		if active, err := lockActive(ctx, tx, n.User); err != nil || !active {
			return cmp.Or(err, error(authorize.ErrTicket))
		}
		n.ID, err = keepSession(ctx, tx, u.Replaces, &n)
		return err
	})
	return n, err
}
