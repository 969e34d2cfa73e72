package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
)

// useOnceText stores a name unless it is there and has not expired.
const useOnceText = `
	INSERT INTO used_once (name, expires_at) VALUES ($1, $2)
	ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at WHERE used_once.expires_at <= $3
	RETURNING expires_at`

func useOnceArgs(name []byte, expires, now time.Time) []any {
	return []any{name, toMillis(expires), toMillis(now)}
}

// useOnce is UseOnce as a part of a transaction.
func useOnce(ctx context.Context, tx querier, name []byte, expires, now time.Time) (bool, error) {
	var stored int64
	err := tx.row(ctx, useOnceText, useOnceArgs(name, expires, now)...).Scan(&stored)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("use once: %w", err)
	}
	return true, nil
}

// UseOnce implements grant.Ledger.
func (s *Store) UseOnce(ctx context.Context, now, expires time.Time, name ...string) (bool, error) {
	args := useOnceArgs(s.secrets.MAC(secret.Identifiers, name...), expires, now)
	var stored int64
	scan := func(row scanner) error { return row.Scan(&stored) }
	var err error
	if s.dialect == postgres {
		err = s.hot(ctx, statement{useOnceText, args, scan})
	} else {
		err = s.write(ctx, func(tx querier) error { return scan(tx.row(ctx, useOnceText, args...)) })
	}
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("use once: %w", err)
	}
	return true, nil
}
