package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// signInParts are the parts of a statement that are Complete for most people:
// for those who are known and not blocked (signInText), and for those whom nobody
// has ever been known as (admit); forgive, give and insertLogs follow. Nothing
// happens unless GATE holds. The row of whoever is signed in is "who"; there is
// none for those about whom only completeStepwise can tell more.
var signInParts = `
	u AS (
		UPDATE users SET last_ip = $3, last_login = $4, logins_count = logins_count + 1,
			phone_verified = phone_verified OR phone = $2,
			email_verified = email_verified OR email = $2
		WHERE GATE AND id = (SELECT user_id FROM identities WHERE connection_id = $1 AND identifier = $2)
			AND NOT blocked AND NOT test
		RETURNING ` + userColumns + `
	), fresh AS MATERIALIZED (
		SELECT 1 WHERE GATE AND $32::boolean
			AND NOT EXISTS (SELECT 1 FROM identities WHERE connection_id = $1 AND identifier = $2)
			AND NOT EXISTS (SELECT 1 FROM test_identities WHERE connection_id = $1 AND identifier = $2)
			AND NOT EXISTS (SELECT 1 FROM deleted_users WHERE connection_id = $1 AND identifier = $5)
			AND NOT EXISTS (SELECT 1 FROM users WHERE id = $38)
	), taken AS (
		INSERT INTO rates (name, tat) SELECT $35, $4::bigint + $36::bigint FROM fresh WHERE $35 <> ''
		ON CONFLICT (name) DO UPDATE
			SET tat = GREATEST(rates.tat, $4::bigint) + $36::bigint WHERE rates.tat <= $37
		RETURNING tat
	), named AS (
		INSERT INTO identities (connection_id, identifier, user_id, channel, external_id)
		SELECT $1, $2, $38, $33, $34 FROM fresh WHERE $35 = '' OR EXISTS (SELECT 1 FROM taken)
		ON CONFLICT (connection_id, identifier) DO NOTHING
		RETURNING user_id
	), made AS (
		INSERT INTO users (` + userColumns + `)
		SELECT ` + placeholders(38, userColumns) + ` FROM named
		RETURNING ` + userColumns + `
	), who AS (
		SELECT FALSE AS is_new, u.* FROM u UNION ALL SELECT TRUE, made.* FROM made
	), forgiven AS (
		UPDATE tries SET streak = 0 WHERE identifier = $5 AND streak > 0 AND EXISTS (SELECT 1 FROM who)
	), cooled AS (
		UPDATE sends SET cleared_at = $4
		WHERE $6::boolean AND identifier IN ($5, substr($25::text, 1, 32) || substr($5, 1, 32)) AND client_id = $7 AND EXISTS (SELECT 1 FROM who)
	), remembered AS (
		INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at)
		SELECT $25::text, $5, $26, 0, $4::bigint, $4::bigint FROM who WHERE $25::text <> ''
		ON CONFLICT (device, identifier) DO UPDATE SET streak = 0, seen_at = excluded.seen_at
	), g AS (
		INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline)
		SELECT $8, who.id, $7, $9, $10, $11, $12::bigint, $13::bigint, 0, $14::bytea IS NOT NULL FROM who
	), r AS (
		INSERT INTO refresh_tokens (digest, grant_id, generation, rotating,
			issued_at, last_used_at, expires_at, idle_span, idle_ends_at, replaced_at, jkt)
		SELECT $14::bytea, $8, 1, $15::boolean, $4::bigint, $4::bigint, $16::bigint, $17::bigint, $18::bigint, 0, $27
		FROM who WHERE $14::bytea IS NOT NULL
	), trimmed AS (
		UPDATE grants SET revoked_at = $4 WHERE $14::bytea IS NOT NULL AND id = ANY (ARRAY(
			SELECT o.id FROM grants o
			WHERE o.user_id = (SELECT id FROM who) AND o.client_id = $7 AND o.offline AND o.revoked_at = 0
			ORDER BY o.created_at DESC, o.id LIMIT 1000 OFFSET $28))
	), entries AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc)
		SELECT e.id, $4::bigint, e.type, $7, $1, who.id, e.doc
		FROM who JOIN (VALUES ($19::text, $20::text, $21::text, FALSE), ($22, $23, $24, FALSE), ($29, $30, $31, TRUE))
			AS e (id, type, doc, once) ON who.is_new OR NOT e.once
	)`

// placeholders are the parameters for columns, the first of which is $from.
func placeholders(from int, columns string) string {
	list := make([]string, strings.Count(columns, ",")+1)
	for i := range list {
		list[i] = fmt.Sprintf("$%d", from+i)
	}
	return strings.Join(list, ", ")
}

// completePostgresText is Complete as one statement.
var completePostgresText = `WITH ` + strings.ReplaceAll(signInParts, "GATE", "TRUE") + `
	SELECT is_new, ` + userColumns + ` FROM who`

// redeemPostgresText is Redeem as one statement: guessParts, and signInParts if
// the guess is right. Nobody's row stands for a sign-in that did not come about.
var redeemPostgresText = `WITH ` + guessParts + `, ` +
	shift(guessArgs, strings.ReplaceAll(signInParts, "GATE", "EXISTS (SELECT 1 FROM guess WHERE redeemed)")) + `
	SELECT ` + judgement + `, is_new, ` + userColumns + ` FROM guess, who
	UNION ALL
	SELECT ` + judgement + `, FALSE, ` + noUser + ` FROM guess WHERE NOT EXISTS (SELECT 1 FROM who)`

// shift renumbers the parameters of a text that follows one with n of them.
func shift(n int, text string) string {
	return regexp.MustCompile(`\$\d+`).ReplaceAllStringFunc(text, func(p string) string {
		i, _ := strconv.Atoi(p[1:]) // the pattern has digits only
		return fmt.Sprintf("$%d", n+i)
	})
}

// plainCompletion reports whether signInParts can record the sign-in.
func plainCompletion(c *passwordless.Complete) bool {
	return len(c.Events) == 2 && c.Session == nil && c.Ticket == nil && !c.Grant.Legacy() && !c.Test && c.Cells == nil
}

// completePostgres signs somebody in, in one round trip. It reports false for
// those whom only completeStepwise can place.
func (s *Store) completePostgres(ctx context.Context, c passwordless.Complete) (out passwordless.Completed, done bool, err error) {
	args, err := signInArgs(&c)
	if err != nil {
		return out, false, err
	}
	err = s.hot(ctx, statement{completePostgresText, args, func(row scanner) error {
		return scanUser(prefixed{row, []any{&out.First}}, &out.User)
	}})
	if errors.Is(err, sql.ErrNoRows) {
		return out, false, nil
	}
	if err != nil {
		return out, false, fmt.Errorf("sign in: %w", err)
	}
	return out, true, nil
}

// redeemPostgres judges a guess and signs in, in one round trip. Where there
// was nothing to judge, and where somebody is blocked, unknown while sign-ups are
// closed, or deleted before, the steps that tell why follow.
func (s *Store) redeemPostgres(ctx context.Context, sp passwordless.Spend, c passwordless.Complete) (spent passwordless.Spent, done passwordless.Completed, err error) {
	args, err := guessPartArgs(sp)
	if err != nil {
		return spent, done, err
	}
	more, err := signInArgs(&c)
	if err != nil {
		return spent, done, err
	}
	var j judged
	err = s.hot(ctx, statement{redeemPostgresText, append(args, more...), func(row scanner) error {
		return scanUser(prefixed{row, []any{&j.right, &j.attempts, &j.counted, &j.failed, &done.First}}, &done.User)
	}})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		// Between the two another start may have stored a code that is right.
		if spent, err = s.spendStepwise(ctx, sp); err == nil && spent.Outcome == passwordless.Redeemed {
			done, err = s.completeStepwise(ctx, c)
		}
		return spent, done, err
	case err != nil:
		return spent, done, fmt.Errorf("redeem code: %w", err)
	}
	if spent, err = s.spent(ctx, sp, j); err != nil || spent.Outcome != passwordless.Redeemed {
		return spent, passwordless.Completed{}, err
	}
	if done.User.ID == "" {
		done, err = s.completeStepwise(ctx, c)
	}
	return spent, done, err
}

// signInArgs are the arguments of signInParts.
func signInArgs(c *passwordless.Complete) ([]any, error) {
	g, now, r := &c.Grant, toMillis(c.Now), c.Refresh
	if r == nil {
		r = &tenant.RefreshToken{}
	}
	args := []any{
		c.To.Connection, c.To.Identifier, c.IP, now, c.Identifier, c.Sends, g.Client,
		g.ID, g.SessionID, g.Audience, g.Scope, toMillis(g.AuthTime), toMillis(g.CreatedAt),
		r.Digest, r.Rotating, toMillis(r.Expires), r.IdleSpan.Milliseconds(), toMillis(r.IdleEnds),
	}
	var err error
	if args, err = logArgs(args, &c.Events[0], &c.Events[1]); err != nil {
		return nil, err
	}
	// The grant that the statement stores is not seen by it: it is one more.
	args = append(args, c.Device, string(attack.NoTimes), r.Key, tenant.MaxRefreshTokens-1)
	if args, err = logArgs(args, &c.SignUp); err != nil {
		return nil, err
	}
	u := newUser(c, 0)
	id := &u.Identities[0]
	args = append(args, !c.NoSignUp, id.Channel, id.UserID,
		c.SignUps.Name, c.SignUps.Every.Milliseconds(), latest(c.SignUps, c.Now))
	return append(args, userArgs(&u)...), nil
}

// logArgs appends what the log keeps of events.
func logArgs(args []any, events ...*tenant.LogEvent) ([]any, error) {
	for _, e := range events {
		doc, err := encodeLog(e)
		if err != nil {
			return nil, err
		}
		args = append(args, e.ID, e.Type, doc)
	}
	return args, nil
}
