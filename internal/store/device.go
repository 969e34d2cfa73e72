package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
)

// rememberDevice notes that the browser has signed the identifier in. Its wrong
// tries of the day stay counted, as the identifier's do; its streak is over.
func rememberDevice(ctx context.Context, tx querier, c passwordless.Complete) error {
	if c.Device == "" {
		return nil
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at) VALUES ($1, $2, $3, 0, $4, $4)
		ON CONFLICT (device, identifier) DO UPDATE SET streak = 0, seen_at = excluded.seen_at`,
		c.Device, c.Identifier, string(attack.NoTimes), toMillis(c.Now)); err != nil {
		return fmt.Errorf("remember device: %w", err)
	}
	return nil
}

// KnownDevice implements passwordless.Ledger.
func (s *Store) KnownDevice(ctx context.Context, device, identifier string) (known bool, err error) {
	err = s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM devices WHERE device = $1 AND identifier = $2)`, device, identifier).Scan(&known)
	if err != nil {
		return false, fmt.Errorf("find device: %w", err)
	}
	return known, nil
}

// deviceSends is the name that the sends a known browser asks for are counted
// under: nobody silences it by asking for the identifier's. It is made of two
// keyed digests, of which half is plenty.
func deviceSends(device, identifier string) string {
	return device[:min(32, len(device))] + identifier[:min(32, len(identifier))]
}
