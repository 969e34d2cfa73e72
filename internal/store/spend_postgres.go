package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// spendPostgresText is spendText and wrongTryText as one statement. A wrong
// guess whose identifier lost its last try to another code meanwhile costs
// its own code a try as well, and is not called wrong: nothing is learnt.
const spendPostgresText = `
	WITH guess AS (
		UPDATE codes SET
			redeemed_at = CASE WHEN digest = $5 OR digest = $6 THEN $7 ELSE 0 END,
			attempts    = CASE WHEN digest = $5 OR digest = $6 THEN attempts ELSE attempts + 1 END
		WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
			AND redeemed_at = 0 AND attempts < $8 AND expires_at > $7
			AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.identifier = $9
				AND (substr(t.wrong_at, 1, 13) > $10 OR t.streak >= $11))
		RETURNING redeemed_at > 0 AS redeemed, attempts
	), wrong AS (
		INSERT INTO tries (identifier, wrong_at, streak)
		SELECT $9, $12, 1 FROM guess WHERE NOT redeemed
		ON CONFLICT (identifier) DO UPDATE
			SET wrong_at = substr(tries.wrong_at, 14) || $13::text, streak = tries.streak + 1
			WHERE substr(tries.wrong_at, 1, 13) <= $10 AND tries.streak < $11
		RETURNING streak
	), entry AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc)
		SELECT $14, $7, $15, $3, $1, '', CASE WHEN attempts >= $8 THEN $17 ELSE $16 END
		FROM guess WHERE NOT redeemed
	)
	SELECT redeemed, attempts, EXISTS (SELECT 1 FROM wrong) FROM guess`

// spendPostgres judges a guess in one round trip. It reports false when there
// was nothing to judge.
func (s *Store) spendPostgres(ctx context.Context, sp passwordless.Spend) (out passwordless.Spent, judged bool, err error) {
	wrong, dead := sp.Wrong, described(sp.Wrong, passwordless.Dead)
	wrongDoc, err := encodeLog(&wrong)
	if err != nil {
		return out, false, err
	}
	deadDoc, err := encodeLog(&dead)
	if err != nil {
		return out, false, err
	}
	stamp := attack.Stamp(sp.Now)
	var right, counted bool
	var attempts int
	args := []any{
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
		sp.Digest, sp.Previous, toMillis(sp.Now), tenant.MaxAttempts, sp.Identifier,
		attack.Stamp(sp.Now.Add(-attack.TriesWindow)), attack.MaxWrongStreak,
		string(attack.NoTimes[13:]) + stamp, stamp, wrong.ID, wrong.Type, wrongDoc, deadDoc,
	}
	err = s.hot(ctx, statement{spendPostgresText, args, func(row scanner) error {
		return row.Scan(&right, &attempts, &counted)
	}})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return out, false, nil
	case err != nil:
		return out, false, fmt.Errorf("spend try: %w", err)
	case right:
		out.Outcome = passwordless.Redeemed
	case !counted:
		out, err = s.noTries(ctx, sp)
	case attempts >= tenant.MaxAttempts:
		out.Outcome = passwordless.Dead
	}
	return out, true, err
}
