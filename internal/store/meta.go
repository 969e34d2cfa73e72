package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
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

// Sweep deletes codes, rates, counters, sessions and grants that no rule looks at
// any more. It
// looks for them beside the writer, deletes a bounded number of each, and
// reports whether there was more.
func (s *Store) Sweep(ctx context.Context, now time.Time) (more bool, err error) {
	sends := fmt.Sprintf("%013d", toMillis(now.Add(-keepSends)))
	for _, d := range []struct {
		find, remove string
		before       any
	}{
		{
			`SELECT connection_id, identifier, client_id, transaction_id FROM codes WHERE expires_at < $1 LIMIT $2`,
			`DELETE FROM codes WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
				AND expires_at < $5`,
			toMillis(now.Add(-keepCodes)),
		},
		{
			`SELECT name FROM rates WHERE tat < $1 LIMIT $2`,
			`DELETE FROM rates WHERE name = $1 AND tat < $2`,
			toMillis(now),
		},
		{
			`SELECT identifier, client_id FROM sends WHERE substr(sent_at, 118, 13) < $1 LIMIT $2`,
			`DELETE FROM sends WHERE identifier = $1 AND client_id = $2 AND substr(sent_at, 118, 13) < $3`,
			sends,
		},
		{
			`SELECT identifier FROM tries WHERE streak = 0 AND substr(wrong_at, 118, 13) < $1 LIMIT $2`,
			`DELETE FROM tries WHERE identifier = $1 AND streak = 0 AND substr(wrong_at, 118, 13) < $2`,
			sends,
		},
		{
			`SELECT identifier, address FROM address_tries WHERE substr(wrong_at, 118, 13) < $1 LIMIT $2`,
			`DELETE FROM address_tries WHERE identifier = $1 AND address = $2 AND substr(wrong_at, 118, 13) < $3`,
			sends,
		},
		{
			`SELECT device, identifier FROM devices WHERE seen_at < $1 LIMIT $2`,
			`DELETE FROM devices WHERE device = $1 AND identifier = $2 AND seen_at < $3`,
			toMillis(now.Add(-attack.KeepDevice)),
		},
	} {
		full, err := s.sweepOne(ctx, d.find, d.before, d.remove)
		if err != nil {
			return false, fmt.Errorf("sweep: %w", err)
		}
		more = more || full
	}
	expired, err := s.sweepExpired(ctx, now)
	if err != nil {
		return false, err
	}
	ended, err := s.sweepGranted(ctx, now)
	return more || expired || ended, err
}

// sweepOne finds rows and deletes each, with the statements in remove. Those are
// given its key and the moment, and look again: it may be in use by now.
func (s *Store) sweepOne(ctx context.Context, find string, before any, remove ...string) (full bool, err error) {
	keys, err := s.keys(ctx, find, before, sweepRows)
	if err != nil || len(keys) == 0 {
		return false, err
	}
	err = s.write(ctx, func(tx querier) error {
		for _, key := range keys {
			for _, text := range remove {
				if _, err := tx.exec(ctx, text, append(key, before)...); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return len(keys) == sweepRows, err
}

// keys reads rows of text columns.
func (s *Store) keys(ctx context.Context, text string, args ...any) ([][]any, error) {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var keys [][]any
	for rows.Next() {
		values, into := make([]string, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		key := make([]any, len(values), len(values)+1)
		for i, v := range values {
			key[i] = v
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// SetMeta sets a fact, whatever it was before.
func (s *Store) SetMeta(ctx context.Context, name, value string) error {
	if old, err := s.Meta(ctx, name); err != nil || old == value {
		return err
	}
	err := s.write(ctx, func(tx querier) error {
		_, err := tx.exec(ctx, `INSERT INTO meta (name, value) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET value = excluded.value`, name, value)
		return err
	})
	if err != nil {
		return fmt.Errorf("write meta: %w", err)
	}
	return nil
}
