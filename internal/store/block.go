package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Blocks = (*Store)(nil)

// WrongTries implements manage.Blocks.
func (s *Store) WrongTries(ctx context.Context, identifier string) (manage.WrongTries, error) {
	out := manage.WrongTries{Times: attack.NoTimes}
	err := s.read.row(ctx, `SELECT wrong_at, streak FROM tries WHERE identifier = $1`, identifier).Scan(&out.Times, &out.Streak)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return out, fmt.Errorf("read tries: %w", err)
	}
	rows, err := s.read.query(ctx, `SELECT address, wrong_at FROM address_tries WHERE identifier = $1 ORDER BY address LIMIT $2`,
		identifier, maxAddresses)
	if err != nil {
		return out, fmt.Errorf("read tries of addresses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var a manage.AddressTries
		if err := rows.Scan(&a.Address, &a.Times); err != nil {
			return out, fmt.Errorf("read tries of addresses: %w", err)
		}
		out.Addresses = append(out.Addresses, a)
	}
	return out, rows.Err()
}

// maxAddresses bounds how many addresses of an identifier are read. Ten wrong
// tries a day leave ten, which are kept for two days.
const maxAddresses = 100

// Unblock implements manage.Blocks.
func (s *Store) Unblock(ctx context.Context, identifiers []string, done, released tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		var counted int64
		for _, id := range identifiers {
			for _, text := range []string{
				`DELETE FROM tries WHERE identifier = $1`,
				`DELETE FROM address_tries WHERE identifier = $1`,
			} {
				n, err := tx.exec(ctx, text, id)
				if err != nil {
					return fmt.Errorf("unblock: %w", err)
				}
				counted += n
			}
			n, err := tx.exec(ctx, `UPDATE devices SET wrong_at = $2, streak = 0 WHERE identifier = $1 AND wrong_at <> $2`,
				id, string(attack.NoTimes))
			if err != nil {
				return fmt.Errorf("unblock: %w", err)
			}
			counted += n
		}
		if counted == 0 {
			return insertLogs(ctx, tx, done)
		}
		return insertLogs(ctx, tx, done, released)
	})
}

// Blocked implements manage.Blocks.
func (s *Store) Blocked(ctx context.Context, buckets []attack.Bucket, now time.Time) (bool, error) {
	for _, b := range buckets {
		if b.Name == "" {
			continue
		}
		var full bool
		if err := s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM rates WHERE name = $1 AND tat > $2)`, b.Name, latest(b, now)).Scan(&full); err != nil {
			return false, fmt.Errorf("read rate: %w", err)
		}
		if full {
			return true, nil
		}
	}
	return false, nil
}

// Refill implements manage.Blocks.
func (s *Store) Refill(ctx context.Context, names []string, done tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		for _, name := range names {
			if _, err := tx.exec(ctx, `DELETE FROM rates WHERE name = $1`, name); err != nil {
				return fmt.Errorf("unblock address: %w", err)
			}
		}
		return insertLogs(ctx, tx, done)
	})
}
