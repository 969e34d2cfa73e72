package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ passwordless.Links = (*Store)(nil)

// LinkMessage implements passwordless.Links. A code that was made anew after the
// message has another salt.
func (s *Store) LinkMessage(ctx context.Context, now time.Time, id string) (m tenant.Message, open bool, err error) {
	row := s.read.row(ctx, `SELECT EXISTS (SELECT 1 FROM codes c
			WHERE c.connection_id = messages.connection_id AND c.identifier = messages.recipient AND c.client_id = messages.client_id
				AND c.transaction_id = messages.transaction_id AND c.salt = messages.salt AND c.redeemed_at = 0 AND c.expires_at > $2),
			`+messageColumns+` FROM messages WHERE id = $1 AND send = 'link' AND state <> 'suppressed'`, id, toMillis(now))
	if err := scanMessage(first{row, &open}, &m); err != nil {
		return m, false, fmt.Errorf("read message of link: %w", absent(err))
	}
	return m, open, nil
}

// first is a row that has one column before those that a scan function reads.
type first struct {
	scanner
	column any
}

// Scan reads them all.
func (f first) Scan(dest ...any) error { return f.scanner.Scan(append([]any{f.column}, dest...)...) }
