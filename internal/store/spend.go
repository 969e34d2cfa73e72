package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// errNoTries rolls a judged guess back: another code of the identifier took
// its last try meanwhile.
var errNoTries = errors.New("the identifier has no tries left")

// spendText judges a guess: a right one redeems the code, a wrong one costs
// it a try. The comparison is of keyed digests, so how long it takes tells
// nothing about the code.
const spendText = `
	UPDATE codes SET
		redeemed_at = CASE WHEN digest = $5 OR digest = $6 THEN $7 ELSE 0 END,
		attempts    = CASE WHEN digest = $5 OR digest = $6 THEN attempts ELSE attempts + 1 END
	WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
		AND redeemed_at = 0 AND attempts < $8 AND expires_at > $7
		AND NOT EXISTS (SELECT 1 FROM tries t WHERE t.identifier = $9
			AND (substr(t.wrong_at, 1, 13) > $10 OR t.streak >= $11))
	RETURNING redeemed_at > 0, attempts`

// wrongTryText counts a wrong try of the identifier unless none is left.
const wrongTryText = `
	INSERT INTO tries (identifier, wrong_at, streak) VALUES ($1, $2, 1)
	ON CONFLICT (identifier) DO UPDATE
		SET wrong_at = substr(tries.wrong_at, 14) || $3, streak = tries.streak + 1
		WHERE substr(tries.wrong_at, 1, 13) <= $4 AND tries.streak < $5
	RETURNING streak`

// Spend is the first half of Redeem: it judges a guess.
func (s *Store) Spend(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
	if s.dialect == postgres {
		if out, judged, err := s.spendPostgres(ctx, sp); judged || err != nil {
			return out, err
		}
	}
	var out passwordless.Spent
	err := s.write(ctx, func(tx querier) error {
		var err error
		out, err = judge(ctx, tx, sp)
		return err
	})
	if errors.Is(err, errNoTries) {
		return s.noTries(ctx, sp)
	}
	return out, err
}

// Redeem implements passwordless.Ledger. On SQLite both halves are one
// transaction; on PostgreSQL each is one statement.
func (s *Store) Redeem(ctx context.Context, sp passwordless.Spend, c passwordless.Complete) (passwordless.Spent, passwordless.Completed, error) {
	var done passwordless.Completed
	if s.dialect == postgres {
		spent, err := s.Spend(ctx, sp)
		if err == nil && spent.Outcome == passwordless.Redeemed {
			done, err = s.Complete(ctx, c)
		}
		return spent, done, err
	}
	var spent passwordless.Spent
	err := s.write(ctx, func(tx querier) error {
		var err error
		if spent, err = judge(ctx, tx, sp); err != nil || spent.Outcome != passwordless.Redeemed {
			return err
		}
		done, err = complete(ctx, tx, c)
		return err
	})
	if errors.Is(err, errNoTries) {
		spent, err = s.noTries(ctx, sp)
	}
	return spent, done, err
}

// judge is Spend in a transaction.
func judge(ctx context.Context, tx querier, sp passwordless.Spend) (out passwordless.Spent, err error) {
	dayAgo := attack.Stamp(sp.Now.Add(-attack.TriesWindow))
	var right bool
	var attempts int
	err = tx.row(ctx, spendText,
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
		sp.Digest, sp.Previous, toMillis(sp.Now), tenant.MaxAttempts,
		sp.Identifier, dayAgo, attack.MaxWrongStreak,
	).Scan(&right, &attempts)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		if out, err = whyNot(ctx, tx, sp); err != nil {
			return out, err
		}
	case err != nil:
		return out, fmt.Errorf("spend try: %w", err)
	case right:
		out.Outcome = passwordless.Redeemed
		return out, nil
	default:
		if err := countWrong(ctx, tx, sp, dayAgo); err != nil {
			return out, err
		}
		if attempts >= tenant.MaxAttempts {
			out.Outcome = passwordless.Dead
		}
	}
	return out, insertLogs(ctx, tx, described(sp.Wrong, out.Outcome))
}

func countWrong(ctx context.Context, tx querier, sp passwordless.Spend, dayAgo string) error {
	stamp := attack.Stamp(sp.Now)
	var streak int
	err := tx.row(ctx, wrongTryText, sp.Identifier, string(attack.NoTimes[13:])+stamp, stamp,
		dayAgo, attack.MaxWrongStreak).Scan(&streak)
	if errors.Is(err, sql.ErrNoRows) {
		return errNoTries
	}
	if err != nil {
		return fmt.Errorf("count wrong try: %w", err)
	}
	return nil
}

const whyNotText = `
	SELECT COALESCE((SELECT wrong_at FROM tries WHERE identifier = $1), $2),
		COALESCE((SELECT streak FROM tries WHERE identifier = $1), 0),
		COALESCE((SELECT CASE
			WHEN redeemed_at > 0 THEN 0
			WHEN expires_at > $9 AND attempts >= $10 THEN 1
			WHEN expires_at <= $9 AND attempts < $10 AND (digest = $7 OR digest = $8) THEN 2
			ELSE 0 END
			FROM codes WHERE connection_id = $3 AND identifier = $4 AND client_id = $5 AND transaction_id = $6), 0)`

// whyNot finds out why a guess was not judged. Only who brings the right code
// late learns that it has expired; everybody else cannot tell an expired, a
// used and an unknown code apart.
func whyNot(ctx context.Context, tx querier, sp passwordless.Spend) (passwordless.Spent, error) {
	var wrong attack.Times
	var streak, reason int
	err := tx.row(ctx, whyNotText, sp.Identifier, string(attack.NoTimes),
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
		sp.Digest, sp.Previous, toMillis(sp.Now), tenant.MaxAttempts,
	).Scan(&wrong, &streak, &reason)
	if err != nil {
		return passwordless.Spent{}, fmt.Errorf("read code: %w", err)
	}
	if wait := attack.TriesWait(wrong, streak, sp.Now); wait > 0 {
		return passwordless.Spent{Outcome: passwordless.NoTries, Wait: wait}, nil
	}
	switch reason {
	case 1:
		return passwordless.Spent{Outcome: passwordless.Dead}, nil
	case 2:
		return passwordless.Spent{Outcome: passwordless.Late}, nil
	}
	return passwordless.Spent{Outcome: passwordless.Wrong}, nil
}

func (s *Store) noTries(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
	var wrong attack.Times
	var streak int
	if err := s.read.row(ctx, `SELECT wrong_at, streak FROM tries WHERE identifier = $1`, sp.Identifier).
		Scan(&wrong, &streak); err != nil {
		return passwordless.Spent{}, fmt.Errorf("read tries: %w", err)
	}
	wait := max(time.Second, attack.TriesWait(wrong, streak, sp.Now))
	return passwordless.Spent{Outcome: passwordless.NoTries, Wait: wait}, nil
}

// described adds to the log event what the caller is not told.
func described(e tenant.LogEvent, o passwordless.SpendOutcome) tenant.LogEvent {
	switch o {
	case passwordless.Late:
		e.Description = "The verification code had expired"
	case passwordless.Dead:
		e.Description = "Three wrong tries: the verification code is void"
	case passwordless.NoTries:
		e.Type = "limit_wc"
		e.Description = "Too many wrong verification codes for this user today"
	}
	return e
}
