package store

import (
	"context"
	"fmt"
	"time"
)

// keepDevice is how long after its end a device's request is kept: whoever asks
// for it then is told that it has expired, not that there is none.
const keepDevice = time.Hour

// keepTallies is how long what is counted by the clock is kept: the longest span
// is a day.
const keepTallies = 25 * time.Hour

// keepCells is how long what is known of a cell is kept after it was last asked for.
const keepCells = 30 * 24 * time.Hour

// keepUsedCodes is how long an authorization code is known after its end, so that
// one that is used again revokes what it gave.
const keepUsedCodes = 24 * time.Hour

// keepReplaced is how long a refresh token is known after it was replaced, so that
// one that is used again ends its grant. Later it is refused like any that was
// never given.
const keepReplaced = 90 * 24 * time.Hour

// expiring says which rows of a table are of no use any more.
type expiring struct {
	find, remove string
	before       time.Time
}

// administratorRows are those of administrators.
func administratorRows(now time.Time) []expiring {
	return []expiring{
		{
			`SELECT EXISTS (SELECT 1 FROM administrator_sessions WHERE expires_at < $1)`,
			`DELETE FROM administrator_sessions WHERE digest IN (SELECT digest FROM administrator_sessions WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM administrator_codes WHERE expires_at < $1)`,
			`DELETE FROM administrator_codes WHERE browser IN (SELECT browser FROM administrator_codes WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM administrator_links WHERE expires_at < $1)`,
			`DELETE FROM administrator_links WHERE digest IN (SELECT digest FROM administrator_links WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
	}
}

// sweepExpired deletes rows that have a time at which they end, a bounded number
// of each. It reports whether there was more.
func (s *Store) sweepExpired(ctx context.Context, now time.Time) (more bool, err error) {
	for _, d := range append([]expiring{
		{
			`SELECT EXISTS (SELECT 1 FROM used_once WHERE expires_at < $1)`,
			`DELETE FROM used_once WHERE name IN (SELECT name FROM used_once WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM tallies WHERE since < $1)`,
			`DELETE FROM tallies WHERE (name, since) IN (SELECT name, since FROM tallies WHERE since < $1 LIMIT $2)`,
			now.Add(-keepTallies),
		},
		{
			`SELECT EXISTS (SELECT 1 FROM cells WHERE touched_at < $1)`,
			`DELETE FROM cells WHERE name IN (SELECT name FROM cells WHERE touched_at < $1 LIMIT $2)`,
			now.Add(-keepCells),
		},
		{
			`SELECT EXISTS (SELECT 1 FROM cell_sends WHERE sent_at < $1)`,
			`DELETE FROM cell_sends WHERE (connection_id, identifier) IN
				(SELECT connection_id, identifier FROM cell_sends WHERE sent_at < $1 LIMIT $2)`,
			now.Add(-time.Hour),
		},
		{
			`SELECT EXISTS (SELECT 1 FROM pushed_requests WHERE expires_at < $1)`,
			`DELETE FROM pushed_requests WHERE digest IN (SELECT digest FROM pushed_requests WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM login_tickets WHERE expires_at < $1)`,
			`DELETE FROM login_tickets WHERE digest IN (SELECT digest FROM login_tickets WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM device_codes WHERE expires_at < $1)`,
			`DELETE FROM device_codes WHERE digest IN (SELECT digest FROM device_codes WHERE expires_at < $1 LIMIT $2)`,
			now.Add(-keepDevice),
		},
		{
			`SELECT EXISTS (SELECT 1 FROM transactions WHERE expires_at < $1)`,
			`DELETE FROM transactions WHERE id IN (SELECT id FROM transactions WHERE expires_at < $1 LIMIT $2)`,
			now,
		},
		{
			`SELECT EXISTS (SELECT 1 FROM authorization_codes WHERE expires_at < $1)`,
			`DELETE FROM authorization_codes WHERE digest IN
				(SELECT digest FROM authorization_codes WHERE expires_at < $1 LIMIT $2)`,
			now.Add(-keepUsedCodes),
		},
		{
			`SELECT EXISTS (SELECT 1 FROM refresh_tokens WHERE replaced_at > 0 AND replaced_at < $1)`,
			`DELETE FROM refresh_tokens WHERE digest IN
				(SELECT digest FROM refresh_tokens WHERE replaced_at > 0 AND replaced_at < $1 LIMIT $2)`,
			now.Add(-keepReplaced),
		},
	}, administratorRows(now)...) {
		var some bool
		if err := s.read.row(ctx, d.find, toMillis(d.before)).Scan(&some); err != nil {
			return false, fmt.Errorf("sweep: %w", err)
		}
		if !some {
			continue
		}
		var n int64
		err := s.write(ctx, func(tx querier) (err error) {
			n, err = tx.exec(ctx, d.remove, toMillis(d.before), sweepRows)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("sweep: %w", err)
		}
		more = more || n == sweepRows
	}
	return more, nil
}
