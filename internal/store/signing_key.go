package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

const keyColumns = `kid, alg, state, private, cert, created_at, active_at, revoked_at`

// SigningKeys returns all signing keys, revoked ones too.
func (s *Store) SigningKeys(ctx context.Context) ([]tenant.SigningKey, error) {
	rows, err := s.read.query(ctx, `SELECT `+keyColumns+` FROM signing_keys ORDER BY created_at, kid`)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", err)
	}
	defer rows.Close()
	var keys []tenant.SigningKey
	for rows.Next() {
		var k tenant.SigningKey
		if err := rows.Scan(&k.ID, &k.Alg, &k.State, &k.Private, &k.Cert,
			millis{&k.CreatedAt}, millis{&k.ActiveAt}, millis{&k.RevokedAt}); err != nil {
			return nil, fmt.Errorf("read signing keys: %w", err)
		}
		keys = append(keys, k)
	}
	return keys, rows.Err()
}

// AddSigningKeys stores the keys of algorithms that have none yet. The unique
// indexes on current and next keys make the first of two processes the one
// whose keys are kept.
func (s *Store) AddSigningKeys(ctx context.Context, keys []tenant.SigningKey) error {
	return s.change(ctx, func(tx querier) error {
		for i := range keys {
			if err := insertKey(ctx, tx, &keys[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func insertKey(ctx context.Context, tx querier, k *tenant.SigningKey) error {
	_, err := tx.exec(ctx, `INSERT INTO signing_keys (`+keyColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING`,
		k.ID, k.Alg, k.State, k.Private, k.Cert, toMillis(k.CreatedAt), toMillis(k.ActiveAt), toMillis(k.RevokedAt))
	if err != nil {
		return fmt.Errorf("store signing key: %w", err)
	}
	return nil
}

// RotateSigningKeys makes the current key of alg previous, its next key
// current and next the next one. The fault is Conflict when the current key is
// not expected.
func (s *Store) RotateSigningKeys(ctx context.Context, alg, expected string, next tenant.SigningKey, now time.Time) error {
	return s.change(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `UPDATE signing_keys SET state = 'previous' WHERE alg = $1 AND kid = $2 AND state = 'current'`,
			alg, expected)
		if err != nil {
			return fmt.Errorf("rotate signing keys: %w", err)
		}
		if n == 0 {
			return fault.New(fault.Conflict, "key_conflict", "The keys were rotated by somebody else meanwhile.")
		}
		if _, err := tx.exec(ctx, `UPDATE signing_keys SET state = 'current', active_at = $2 WHERE alg = $1 AND state = 'next'`,
			alg, toMillis(now)); err != nil {
			return fmt.Errorf("rotate signing keys: %w", err)
		}
		return insertKey(ctx, tx, &next)
	})
}

// RevokeSigningKey ends a key: nothing it signed verifies any more. The fault
// is NotFound when there is no such key.
func (s *Store) RevokeSigningKey(ctx context.Context, kid string, now time.Time) error {
	return s.change(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `UPDATE signing_keys SET state = 'revoked', revoked_at = $2 WHERE kid = $1 AND state <> 'revoked'`,
			kid, toMillis(now))
		if err != nil {
			return fmt.Errorf("revoke signing key: %w", err)
		}
		if n == 0 {
			return notFound
		}
		return nil
	})
}
