package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
)

// guessParts are the parts of a statement that are spendText, wrongTryText and
// the log event. A wrong guess whose identifier lost its last try to another code
// meanwhile costs its own code a try as well, and is not called wrong: nothing is
// learnt. So is one whose address failed for the last time meanwhile.
var guessParts = `
	guess AS (
		UPDATE codes SET
			redeemed_at = CASE WHEN digest = $5 OR digest = $6 THEN $7 ELSE 0 END,
			attempts    = CASE WHEN digest = $5 OR digest = $6 THEN attempts ELSE attempts + 1 END
		WHERE connection_id = $1 AND identifier = $2 AND client_id = $3 AND transaction_id = $4
			AND redeemed_at = 0 AND attempts < $8 AND expires_at > $7` + mayTry + `
		RETURNING redeemed_at > 0 AS redeemed, attempts, spare
	), device AS (
		UPDATE devices SET wrong_at = substr(devices.wrong_at, 14) || $17::text, streak = devices.streak + 1
		FROM guess WHERE NOT redeemed AND device = $12 AND identifier = $9 AND ` + budget("devices", "$13", "$10", "$11") + `
		RETURNING streak
	), wrong AS (
		INSERT INTO tries (identifier, wrong_at, streak)
		SELECT $9, $16, 1 FROM guess WHERE NOT redeemed
			AND NOT EXISTS (SELECT 1 FROM devices WHERE device = $12 AND identifier = $9)
		ON CONFLICT (identifier) DO UPDATE
			SET wrong_at = substr(tries.wrong_at, 14) || $17::text, streak = tries.streak + 1
			WHERE ` + budget("tries", "$13", "$10", "$11") + `
		RETURNING streak
	), failure AS (
		INSERT INTO rates (name, tat)
		SELECT $14, $7::bigint + $18::bigint FROM guess WHERE NOT redeemed AND $14 <> ''
		ON CONFLICT (name) DO UPDATE
			SET tat = GREATEST(rates.tat, $7::bigint) + $18::bigint WHERE rates.tat <= $15
		RETURNING tat
	), entry AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc, identifier)
		SELECT $19, $7, $20, $3, $1, '', CASE WHEN attempts >= $8 THEN $22 ELSE $21 END, $2
		FROM guess WHERE NOT redeemed
	)`

// guessArgs is how many arguments guessParts take.
const guessArgs = 22

// judgement is what became of a guess.
const judgement = `redeemed, attempts, spare OR EXISTS (SELECT 1 FROM wrong) OR EXISTS (SELECT 1 FROM device), $14 = '' OR EXISTS (SELECT 1 FROM failure)`

// spendPostgresText is Spend as one statement.
var spendPostgresText = `WITH ` + guessParts + ` SELECT ` + judgement + ` FROM guess`

// A judged guess is what the columns of judgement say.
type judged struct {
	right    bool
	attempts int
	counted  bool // against the identifier or the device
	failed   bool // as one of the failures that the address had left
}

// spendPostgres judges a guess in one round trip. It reports false when there
// was nothing to judge.
func (s *Store) spendPostgres(ctx context.Context, sp passwordless.Spend) (passwordless.Spent, bool, error) {
	args, err := guessPartArgs(sp)
	if err != nil {
		return passwordless.Spent{}, false, err
	}
	var j judged
	err = s.hot(ctx, statement{spendPostgresText, args, func(row scanner) error {
		return row.Scan(&j.right, &j.attempts, &j.counted, &j.failed)
	}})
	if errors.Is(err, sql.ErrNoRows) {
		return passwordless.Spent{}, false, nil
	}
	if err != nil {
		return passwordless.Spent{}, false, fmt.Errorf("spend try: %w", err)
	}
	out, err := s.spent(ctx, sp, j)
	return out, true, err
}

// guessPartArgs are the arguments of guessParts.
func guessPartArgs(sp passwordless.Spend) ([]any, error) {
	wrong, dead := sp.Wrong, described(sp.Wrong, passwordless.Dead)
	wrongDoc, err := encodeLog(&wrong)
	if err != nil {
		return nil, err
	}
	deadDoc, err := encodeLog(&dead)
	if err != nil {
		return nil, err
	}
	stamp := attack.Stamp(sp.Now)
	return append(spendArgs(sp), string(attack.NoTimes[13:])+stamp, stamp, sp.Failures.Every.Milliseconds(),
		wrong.ID, wrong.Type, wrongDoc, deadDoc), nil
}

// spent says what a judged guess comes to.
func (s *Store) spent(ctx context.Context, sp passwordless.Spend, j judged) (passwordless.Spent, error) {
	switch {
	case j.right:
		return passwordless.Spent{Outcome: passwordless.Redeemed}, nil
	case !j.counted:
		return s.noTries(ctx, sp)
	case !j.failed:
		return s.noFailures(ctx, sp)
	}
	return afterWrong(j.attempts), nil
}
