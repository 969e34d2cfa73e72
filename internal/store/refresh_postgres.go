package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/grant"
)

// refreshPostgresText is UseRefresh for a token that is still good, as one
// statement: useRefreshText, grantUserText, insertRefresh and insertLogs.
var refreshPostgresText = `
	WITH used AS (
		UPDATE refresh_tokens SET
			last_used_at = $3,
			idle_ends_at = CASE WHEN idle_span > 0 THEN $3 + idle_span ELSE 0 END,
			replaced_at  = CASE WHEN $4::boolean THEN $3 ELSE 0 END
		WHERE (digest = $1 OR digest = $2) AND replaced_at = 0 AND (jkt = '' OR jkt = $10)
			AND (expires_at = 0 OR expires_at > $3) AND (idle_ends_at = 0 OR idle_ends_at > $3)
			AND EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
				WHERE g.id = refresh_tokens.grant_id AND g.client_id = $5 AND g.revoked_at = 0 AND NOT u.blocked
					AND ($11::text IS NULL OR g.audience = $11::text) AND COALESCE(NULLIF(g.pipeline, ''), 'oidc') <> $12)
		RETURNING grant_id, generation, expires_at, idle_span, jkt
	), next AS (
		INSERT INTO refresh_tokens (digest, grant_id, generation, rotating,
			issued_at, last_used_at, expires_at, idle_span, idle_ends_at, replaced_at, jkt)
		SELECT $6::bytea, grant_id, generation + 1, TRUE, $3::bigint, $3::bigint, expires_at, idle_span,
			CASE WHEN idle_span > 0 THEN $3::bigint + idle_span ELSE 0 END, 0, jkt
		FROM used WHERE $4::boolean
	), who AS (
		SELECT g.id AS grant_id, g.client_id, g.sid, g.audience, g.scope, g.auth_time, g.created_at AS granted_at, g.pipeline, g.device, g.claims, g.user_id
		FROM used JOIN grants g ON g.id = used.grant_id
	), entry AS (
		INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc)
		SELECT $7, $3::bigint, $8, $5, '', who.user_id,
			CASE WHEN (SELECT test FROM users WHERE id = who.user_id) THEN '{"test":true,' || substr($9::text, 2) ELSE $9 END
		FROM who
	)
	SELECT who.grant_id, who.client_id, who.sid, who.audience, who.scope, who.auth_time, who.granted_at, who.pipeline, who.device, who.claims, u.*
	FROM who JOIN (SELECT ` + userColumns + ` FROM users) u ON u.id = who.user_id`

// refreshPostgres uses a good token in one round trip. It reports false for
// any other.
func (s *Store) refreshPostgres(ctx context.Context, r grant.Refresh) (out grant.Refreshed, good bool, err error) {
	doc, err := encodeLog(&r.Used)
	if err != nil {
		return out, false, err
	}
	first, last := ends(r.Digests)
	g := &out.Grant
	args := []any{
		first, last, toMillis(r.Now), r.Policy.Rotating, r.Client, r.Next, r.Used.ID, r.Used.Type, doc, r.Key, r.Audience, r.Barred,
	}
	err = s.hot(ctx, statement{refreshPostgresText, args, func(row scanner) error {
		return scanUser(prefixed{row, []any{
			&g.ID, &g.Client, &g.SessionID, &g.Audience, &g.Scope, millis{&g.AuthTime}, millis{&g.CreatedAt}, &g.Pipeline, &g.Device, &g.Claims,
		}}, &out.User)
	}})
	if errors.Is(err, sql.ErrNoRows) {
		return grant.Refreshed{}, false, nil
	}
	if err != nil {
		return out, false, fmt.Errorf("use refresh token: %w", err)
	}
	g.User = out.User.ID
	out.Outcome = grant.Renewed
	return out, true, nil
}
