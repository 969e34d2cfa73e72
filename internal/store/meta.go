package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Meta returns a fact about the database, or "" if it is not set.
func (s *Store) Meta(ctx context.Context, name string) (string, error) {
	return readMeta(ctx, s.read, name)
}

func readMeta(ctx context.Context, q querier, name string) (string, error) {
	var value string
	err := q.row(ctx, `SELECT value FROM meta WHERE name = $1`, name).Scan(&value)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read meta: %w", err)
	}
	return value, nil
}

// SetMetaOnce sets a fact that is not set yet, and returns what is set.
func (s *Store) SetMetaOnce(ctx context.Context, name, value string) (string, error) {
	err := s.write(ctx, func(tx querier) error {
		_, err := tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, name, value)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("write meta: %w", err)
	}
	return s.Meta(ctx, name)
}

// How long what is of no use any more is kept.
const (
	keepCodes = 24 * time.Hour
	keepSends = 48 * time.Hour
	// sweepRows bounds one statement of a sweep, so that nobody waits long
	// for the writer.
	sweepRows = 1000
)

// Sweep deletes codes, rates and counters that no rule looks at any more. It
// deletes a bounded number of each and reports whether there was more.
func (s *Store) Sweep(ctx context.Context, now time.Time) (more bool, err error) {
	for _, d := range []struct {
		text   string
		before any
	}{
		{`DELETE FROM codes WHERE (connection_id, identifier, client_id, transaction_id) IN (
			SELECT connection_id, identifier, client_id, transaction_id FROM codes WHERE expires_at < $1 LIMIT $2)`,
			toMillis(now.Add(-keepCodes))},
		{`DELETE FROM rates WHERE name IN (SELECT name FROM rates WHERE tat < $1 LIMIT $2)`, toMillis(now)},
		{`DELETE FROM sends WHERE (identifier, client_id) IN (
			SELECT identifier, client_id FROM sends WHERE substr(sent_at, 118, 13) < $1 LIMIT $2)`,
			fmt.Sprintf("%013d", toMillis(now.Add(-keepSends)))},
		{`DELETE FROM tries WHERE identifier IN (
			SELECT identifier FROM tries WHERE streak = 0 AND substr(wrong_at, 118, 13) < $1 LIMIT $2)`,
			fmt.Sprintf("%013d", toMillis(now.Add(-keepSends)))},
	} {
		var n int64
		err := s.write(ctx, func(tx querier) error {
			var err error
			n, err = tx.exec(ctx, d.text, d.before, sweepRows)
			return err
		})
		if err != nil {
			return false, fmt.Errorf("sweep: %w", err)
		}
		more = more || n == sweepRows
	}
	return more, nil
}
