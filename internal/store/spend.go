package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// errNoTries rolls a judged guess back: another code of the identifier took
// its last try meanwhile.
var errNoTries = errors.New("the identifier has no tries left")

// spendText judges a guess: a right one redeems the code, a wrong one costs
// it a try. The comparison is of keyed digests, so how long it takes tells
// nothing about the code. A device that is known has tries of its own, and a
// spare code is judged whatever was tried; while the address has failed too
// often nothing is.
var spendText = `
	UPDATE codes SET
		redeemed_at = CASE WHEN digest = $5 OR digest = $6 THEN $7 ELSE 0 END,
		attempts    = CASE WHEN digest = $5 OR digest = $6 THEN attempts ELSE attempts + 1 END
	WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
		AND redeemed_at = 0 AND attempts < $8 AND expires_at > $7` + mayTry + `
	RETURNING redeemed_at > 0, attempts, spare`

// mayTry is the condition that the guess is judged at all.
var mayTry = `
		AND (codes.spare OR COALESCE(
			(SELECT ` + budget("d", "$13", "$10", "$11") + ` FROM devices d WHERE d.device = $12 AND d.identifier = $9),
			(SELECT ` + budget("t", "$13", "$10", "$11") + ` FROM tries t WHERE t.identifier = $9), TRUE))
		AND NOT EXISTS (SELECT 1 FROM rates r WHERE r.name = $14 AND r.tat > $15)`

// wrongTryText counts a wrong try of the identifier unless none is left.
var wrongTryText = `
	INSERT INTO tries (identifier, wrong_at, streak) VALUES ($1, $2, 1)
	ON CONFLICT (identifier) DO UPDATE
		SET wrong_at = substr(tries.wrong_at, 14) || $3, streak = tries.streak + 1
		WHERE ` + budget("tries", "$6", "$4", "$5")

// wrongDeviceText is wrongTryText for a device that is known.
var wrongDeviceText = `
	UPDATE devices SET wrong_at = substr(wrong_at, 14) || $3, streak = streak + 1
	WHERE device = $1 AND identifier = $2 AND ` + budget("devices", "$6", "$4", "$5")

// wrongAddressText is wrongTryText for the tries from one address.
const wrongAddressText = `
	INSERT INTO address_tries (identifier, address, wrong_at) VALUES ($1, $2, $3)
	ON CONFLICT (identifier, address) DO UPDATE
		SET wrong_at = substr(address_tries.wrong_at, 14) || $4
		WHERE substr(address_tries.wrong_at, $6, 13) <= $5`

// Spend is the first half of Redeem: it judges a guess.
func (s *Store) Spend(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
	if s.dialect == postgres && sp.Tries.Address == "" {
		if out, judged, err := s.spendPostgres(ctx, sp); judged || err != nil {
			return out, err
		}
	}
	return s.spendStepwise(ctx, sp)
}

// spendStepwise is Spend in a transaction of its own.
func (s *Store) spendStepwise(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
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

// Redeem implements passwordless.Ledger. The message log learns of it after.
func (s *Store) Redeem(ctx context.Context, sp passwordless.Spend, c passwordless.Complete) (passwordless.Spent, passwordless.Completed, error) {
	spent, done, err := s.redeem(ctx, sp, c)
	if err == nil && spent.Outcome == passwordless.Redeemed {
		s.used(sp.Key, sp.Now)
	}
	return spent, done, err
}

// redeem is Redeem itself. On SQLite both halves are one transaction; on
// PostgreSQL they are one statement, unless the sign-in is one that needs more
// steps.
func (s *Store) redeem(ctx context.Context, sp passwordless.Spend, c passwordless.Complete) (passwordless.Spent, passwordless.Completed, error) {
	var done passwordless.Completed
	if s.dialect == postgres {
		if plainCompletion(&c) && sp.Tries.Address == "" {
			return s.redeemPostgres(ctx, sp, c)
		}
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
		if done, err = complete(ctx, tx, c); err != nil {
			return err
		}
		return verifyCells(ctx, tx, c)
	})
	if errors.Is(err, errNoTries) {
		spent, err = s.noTries(ctx, sp)
	}
	return spent, done, err
}

// Check implements passwordless.Ledger. The code is redeemed and, before anybody
// can see it, open again: so nothing is judged in two ways.
func (s *Store) Check(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
	var out passwordless.Spent
	err := s.write(ctx, func(tx querier) error {
		var err error
		if out, err = judge(ctx, tx, sp); err != nil || out.Outcome != passwordless.Redeemed {
			return err
		}
		_, err = tx.exec(ctx, `UPDATE codes SET redeemed_at = 0
			WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4`,
			sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction)
		return err
	})
	if errors.Is(err, errNoTries) {
		return s.noTries(ctx, sp)
	}
	return out, err
}

// judge is Spend in a transaction.
func judge(ctx context.Context, tx querier, sp passwordless.Spend) (out passwordless.Spent, err error) {
	if sp.Tries.Address != "" {
		// The tries of an address are few only where the tenant wants it so.
		st, err := readStandingOf(ctx, tx, sp)
		if err != nil {
			return out, err
		}
		if w := sp.Tries.WaitAddress(st.address, sp.Now); w > 0 && !st.known && !st.spare {
			out = passwordless.Spent{Outcome: passwordless.NoTries, Wait: w}
			return recordFailure(ctx, tx, sp, out)
		}
	}
	var right, spare bool
	var attempts int
	err = tx.row(ctx, spendText, spendArgs(sp)...).Scan(&right, &attempts, &spare)
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
		if err := countWrong(ctx, tx, sp, spare); err != nil {
			return out, err
		}
		out = afterWrong(attempts)
	}
	return recordFailure(ctx, tx, sp, out)
}

// spendArgs are the arguments of spendText.
func spendArgs(sp passwordless.Spend) []any {
	return []any{
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
		sp.Digest, sp.Previous, toMillis(sp.Now), maxAttempts(sp), sp.Identifier,
		attack.Stamp(sp.Now.Add(-attack.TriesWindow)), attack.MaxWrongStreak,
		sp.Device, nthFrom(sp.Tries.Day()), sp.Failures.Name, latest(sp.Failures, sp.Now),
	}
}

// maxAttempts is how many wrong tries end the code for a guess.
func maxAttempts(sp passwordless.Spend) int {
	if sp.Unguessed {
		return math.MaxInt32
	}
	return tenant.MaxAttempts
}

// recordFailure records a guess that let nobody in: it is one of the failures of
// the address, and it is logged. If the address failed for the last time
// meanwhile, nothing is said of the guess.
func recordFailure(ctx context.Context, tx querier, sp passwordless.Spend, out passwordless.Spent) (passwordless.Spent, error) {
	if sp.Failures.Name != "" && out.Outcome != passwordless.TooManyFailures {
		tat, ok, err := takeRequest(ctx, tx, sp.Failures, sp.Now)
		if err != nil {
			return out, err
		}
		if !ok {
			out = passwordless.Spent{Outcome: passwordless.TooManyFailures, Wait: sp.Failures.Wait(tat, sp.Now)}
		}
	}
	if out.Outcome == passwordless.TooManyFailures {
		return out, noteLimit(ctx, tx, note{event.TooManyFailures, sp.Failures.Name, "Too many sign-ins from this address have failed"}, sp.Wrong, sp.Now)
	}
	return out, insertLogs(ctx, tx, described(sp.Wrong, out.Outcome))
}

// afterWrong is how a wrong guess is judged that was counted.
func afterWrong(attempts int) passwordless.Spent {
	if attempts >= tenant.MaxAttempts {
		return passwordless.Spent{Outcome: passwordless.Dead}
	}
	return passwordless.Spent{Outcome: passwordless.Wrong, Left: tenant.MaxAttempts - attempts}
}

// countWrong counts a wrong guess against the device if it is known, else
// against the identifier. At a spare code there may be none left to count.
func countWrong(ctx context.Context, tx querier, sp passwordless.Spend, spare bool) error {
	stamp, dayAgo := attack.Stamp(sp.Now), attack.Stamp(sp.Now.Add(-attack.TriesWindow))
	first, from := string(attack.NoTimes[13:])+stamp, nthFrom(sp.Tries.Day())
	if sp.Device != "" {
		n, err := tx.exec(ctx, wrongDeviceText, sp.Device, sp.Identifier, stamp, dayAgo, attack.MaxWrongStreak, from)
		if err != nil {
			return fmt.Errorf("count wrong try: %w", err)
		}
		if n == 1 {
			return nil
		}
		var known bool
		if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM devices WHERE device = $1 AND identifier = $2)`,
			sp.Device, sp.Identifier).Scan(&known); err != nil {
			return fmt.Errorf("count wrong try: %w", err)
		}
		if known && !spare {
			return errNoTries
		}
		if known {
			return nil
		}
	}
	n, err := tx.exec(ctx, wrongTryText, sp.Identifier, first, stamp, dayAgo, attack.MaxWrongStreak, from)
	if err == nil && n == 1 && sp.Tries.Address != "" {
		n, err = tx.exec(ctx, wrongAddressText, sp.Identifier, sp.Tries.Address, first, stamp, dayAgo, nthFrom(sp.Tries.MaxAddress))
	}
	switch {
	case err != nil:
		return fmt.Errorf("count wrong try: %w", err)
	case n == 0 && !spare:
		return errNoTries
	}
	return nil
}

const triesText = `
	SELECT COALESCE((SELECT wrong_at FROM devices WHERE device = $3 AND identifier = $1),
			(SELECT wrong_at FROM tries WHERE identifier = $1), $2),
		COALESCE((SELECT streak FROM devices WHERE device = $3 AND identifier = $1),
			(SELECT streak FROM tries WHERE identifier = $1), 0),
		COALESCE((SELECT wrong_at FROM address_tries WHERE identifier = $1 AND address = $4), $2),
		EXISTS (SELECT 1 FROM devices WHERE device = $3 AND identifier = $1),
		EXISTS (SELECT 1 FROM codes WHERE connection_id = $5 AND identifier = $6 AND client_id = $7 AND transaction_id = $8
			AND spare)`

// readStandingOf reads what the tries of a guess are measured by.
func readStandingOf(ctx context.Context, q querier, sp passwordless.Spend) (st standing, err error) {
	err = q.row(ctx, triesText, sp.Identifier, string(attack.NoTimes), sp.Device, sp.Tries.Address,
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
	).Scan(&st.wrong, &st.streak, &st.address, &st.known, &st.spare)
	if err != nil {
		return st, fmt.Errorf("read tries: %w", err)
	}
	return st, nil
}

const whyNotText = `
	SELECT COALESCE((SELECT tat FROM rates WHERE name = $9), 0),
		COALESCE((SELECT CASE
			WHEN redeemed_at > 0 THEN 0
			WHEN expires_at > $7 AND attempts >= $8 THEN 1
			WHEN expires_at <= $7 AND attempts < $8 AND (digest = $5 OR digest = $6) THEN 2
			ELSE 0 END
			FROM codes WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4), 0)`

// whyNot finds out why a guess was not judged. Only who brings the right code
// late learns that it has expired; everybody else cannot tell an expired, a
// used and an unknown code apart.
func whyNot(ctx context.Context, tx querier, sp passwordless.Spend) (passwordless.Spent, error) {
	st, err := readStandingOf(ctx, tx, sp)
	if err != nil {
		return passwordless.Spent{}, err
	}
	var tat int64
	var reason int
	if err := tx.row(ctx, whyNotText,
		sp.Key.Connection, sp.Key.Identifier, sp.Key.Client, sp.Key.Transaction,
		sp.Digest, sp.Previous, toMillis(sp.Now), tenant.MaxAttempts, sp.Failures.Name,
	).Scan(&tat, &reason); err != nil {
		return passwordless.Spent{}, fmt.Errorf("read code: %w", err)
	}
	if sp.Failures.Name != "" && tat > latest(sp.Failures, sp.Now) {
		wait := sp.Failures.Wait(fromMillis(tat), sp.Now)
		return passwordless.Spent{Outcome: passwordless.TooManyFailures, Wait: wait}, nil
	}
	if wait := sp.Tries.Wait(st.wrong, st.streak, sp.Now); wait > 0 && !st.spare {
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
	st, err := readStandingOf(ctx, s.read, sp)
	if err != nil {
		return passwordless.Spent{}, err
	}
	wait := max(time.Second, sp.Tries.Wait(st.wrong, st.streak, sp.Now))
	return passwordless.Spent{Outcome: passwordless.NoTries, Wait: wait}, nil
}

// noFailures is the answer to a guess whose address has failed too often.
func (s *Store) noFailures(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, error) {
	out := passwordless.Spent{Outcome: passwordless.TooManyFailures, Wait: time.Second}
	var tat int64
	err := s.read.row(ctx, `SELECT tat FROM rates WHERE name = $1`, sp.Failures.Name).Scan(&tat)
	if errors.Is(err, sql.ErrNoRows) { // an administrator has unblocked it just now
		return out, nil
	}
	if err != nil {
		return out, fmt.Errorf("read rate: %w", err)
	}
	out.Wait = max(out.Wait, sp.Failures.Wait(fromMillis(tat), sp.Now))
	return out, nil
}

// described adds to the log event what the caller is not told.
func described(e tenant.LogEvent, o passwordless.SpendOutcome) tenant.LogEvent {
	switch o {
	case passwordless.Late:
		e.Description = "The verification code had expired"
	case passwordless.Dead:
		e.Description = "Three wrong tries: the verification code is void"
	case passwordless.NoTries:
		e.Type = event.TooManyTries
		e.Description = "Too many wrong verification codes for this user today"
	}
	return e
}
