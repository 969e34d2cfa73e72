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

// completePostgresText is Complete for a person who is known and not blocked,
// as one statement: signInText, forgive, insertGrant, insertRefresh,
// trimRefresh and insertLogs.
var completePostgresText = `
	WITH u AS (
		UPDATE users SET last_ip = $3, last_login = $4, logins_count = logins_count + 1,
			phone_verified = phone_verified OR phone = $2,
			email_verified = email_verified OR email = $2
		WHERE id = (SELECT user_id FROM identities WHERE connection_id = $1 AND identifier = $2)
			AND NOT blocked AND NOT test
		RETURNING ` + userColumns + `
	), forgiven AS (
		UPDATE tries SET streak = 0 WHERE identifier = $5 AND streak > 0 AND EXISTS (SELECT 1 FROM u)
	), cooled AS (
		UPDATE sends SET cleared_at = $4
		WHERE $6::boolean AND identifier = $5 AND client_id = $7 AND EXISTS (SELECT 1 FROM u)
	), device AS (
		INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at)
		SELECT $25::text, $5, $26, 0, $4::bigint, $4::bigint FROM u WHERE $25::text <> ''
		ON CONFLICT (device, identifier) DO UPDATE SET streak = 0, seen_at = excluded.seen_at
	), g AS (
		INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline)
		SELECT $8, u.id, $7, $9, $10, $11, $12::bigint, $13::bigint, 0, $14::bytea IS NOT NULL FROM u
	), r AS (
		INSERT INTO refresh_tokens (digest, grant_id, generation, rotating,
			issued_at, last_used_at, expires_at, idle_span, idle_ends_at, replaced_at, jkt)
		SELECT $14::bytea, $8, 1, $15::boolean, $4::bigint, $4::bigint, $16::bigint, $17::bigint, $18::bigint, 0, $27
		FROM u WHERE $14::bytea IS NOT NULL
	), trimmed AS (
		UPDATE grants SET revoked_at = $4 WHERE $14::bytea IS NOT NULL AND id IN (
			SELECT o.id FROM grants o JOIN u ON o.user_id = u.id
			WHERE o.client_id = $7 AND o.offline AND o.revoked_at = 0
			ORDER BY o.created_at DESC, o.id LIMIT 1000 OFFSET $28)
	), entries AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc)
		SELECT e.id, $4::bigint, e.type, $7, $1, u.id, e.doc
		FROM u, (VALUES ($19::text, $20::text, $21::text), ($22, $23, $24)) AS e (id, type, doc)
	)
	SELECT ` + userColumns + ` FROM u`

// completePostgres signs somebody in who is known, in one round trip. It
// reports false for anybody else.
func (s *Store) completePostgres(ctx context.Context, c passwordless.Complete) (out passwordless.Completed, known bool, err error) {
	if len(c.Events) != 2 || c.Session != nil || c.Test {
		return out, false, nil
	}
	g, now := &c.Grant, toMillis(c.Now)
	args := []any{
		c.To.Connection, c.To.Identifier, c.IP, now, c.Identifier, c.Sends, g.Client,
		g.ID, g.SessionID, g.Audience, g.Scope, toMillis(g.AuthTime), toMillis(g.CreatedAt),
	}
	r := c.Refresh
	if r == nil {
		r = &tenant.RefreshToken{}
	}
	args = append(args, r.Digest, r.Rotating, toMillis(r.Expires), r.IdleSpan.Milliseconds(), toMillis(r.IdleEnds))
	for i := range c.Events {
		doc, err := encodeLog(&c.Events[i])
		if err != nil {
			return out, false, err
		}
		args = append(args, c.Events[i].ID, c.Events[i].Type, doc)
	}
	// The grant that the statement stores is not seen by it: it is one more.
	args = append(args, c.Device, string(attack.NoTimes), r.Key, tenant.MaxRefreshTokens-1)
	err = s.hot(ctx, statement{completePostgresText, args, func(row scanner) error {
		return scanUser(row, &out.User)
	}})
	if errors.Is(err, sql.ErrNoRows) {
		return out, false, nil
	}
	if err != nil {
		return out, false, fmt.Errorf("sign in: %w", err)
	}
	return out, true, nil
}
