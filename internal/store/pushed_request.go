package store

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

func pushedPlace(digest []byte) string {
	return "pushed_requests/" + hex.EncodeToString(digest) + "/params"
}

// AddPushed implements grant.Ledger. The parameters may have a person's address
// in them and are sealed.
func (s *Store) AddPushed(ctx context.Context, digest []byte, client tenant.ClientID, params []byte, expires time.Time) error {
	sealed := s.secrets.Seal(secret.AtRest, params, pushedPlace(digest))
	return s.write(ctx, func(tx querier) error {
		_, err := tx.exec(ctx, `INSERT INTO pushed_requests (digest, client_id, params, expires_at) VALUES ($1, $2, $3, $4)`,
			digest, string(client), sealed, toMillis(expires))
		return err
	})
}

// TakePushed implements grant.Ledger: of many calls at once one gets the row.
func (s *Store) TakePushed(ctx context.Context, digests [][]byte, client tenant.ClientID, now time.Time) ([]byte, error) {
	var digest, sealed []byte
	first, last := ends(digests)
	err := s.write(ctx, func(tx querier) error {
		return tx.row(ctx, `DELETE FROM pushed_requests
			WHERE (digest = $1 OR digest = $2) AND client_id = $3 AND expires_at > $4
			RETURNING digest, params`, first, last, string(client), toMillis(now)).Scan(&digest, &sealed)
	})
	if err != nil {
		return nil, fmt.Errorf("read pushed request: %w", absent(err))
	}
	plain, err := s.secrets.Open(secret.AtRest, sealed, pushedPlace(digest))
	if err != nil {
		return nil, fmt.Errorf("read pushed request: %w", err)
	}
	return plain, nil
}
