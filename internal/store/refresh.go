package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ grant.Ledger = (*Store)(nil)

func insertRefresh(ctx context.Context, tx querier, r *tenant.RefreshToken) error {
	_, err := tx.exec(ctx, `
		INSERT INTO refresh_tokens (digest, grant_id, generation, rotating,
			issued_at, last_used_at, expires_at, idle_span, idle_ends_at, replaced_at, jkt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10)`,
		r.Digest, r.Grant, r.Generation, r.Rotating, toMillis(r.IssuedAt), toMillis(r.LastUsed),
		toMillis(r.Expires), r.IdleSpan.Milliseconds(), toMillis(r.IdleEnds), r.Key)
	if err != nil {
		return fmt.Errorf("store refresh token: %w", err)
	}
	return nil
}

// trimRefreshText ends the oldest grants with a refresh token that a user and an
// application have beside a new one, when there are too many. Two transactions at
// once may each leave one too many; the next one ends them. The subquery is one
// that both databases answer from the index for it, whatever else there is.
const trimRefreshText = `
	UPDATE grants SET revoked_at = $4 WHERE id IN (
		SELECT o.id FROM grants o
		WHERE o.user_id = $1 AND o.client_id = $2 AND o.offline AND o.revoked_at = 0 AND o.id <> $3
		ORDER BY o.created_at DESC, o.id LIMIT 1000 OFFSET $5)`

// addRefresh stores the first refresh token of a grant that had none.
func addRefresh(ctx context.Context, tx querier, g *tenant.Grant, r *tenant.RefreshToken) error {
	if err := insertRefresh(ctx, tx, r); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `UPDATE grants SET offline = TRUE WHERE id = $1`, g.ID); err != nil {
		return fmt.Errorf("count refresh tokens: %w", err)
	}
	return trimRefresh(ctx, tx, g, r)
}

func trimRefresh(ctx context.Context, tx querier, g *tenant.Grant, r *tenant.RefreshToken) error {
	if _, err := tx.exec(ctx, trimRefreshText, g.User, g.Client, g.ID, toMillis(r.IssuedAt), tenant.MaxRefreshTokens-1); err != nil {
		return fmt.Errorf("end old grants: %w", err)
	}
	return nil
}

// useRefreshText uses a token that is still good, and replaces it when $4
// says so. Of many calls at once only one finds it unreplaced. A token that is
// bound to a key is good with that key only.
const useRefreshText = `
	UPDATE refresh_tokens SET
		last_used_at = $3,
		idle_ends_at = CASE WHEN idle_span > 0 THEN $3 + idle_span ELSE 0 END,
		replaced_at  = CASE WHEN $4 THEN $3 ELSE 0 END
	WHERE (digest = $1 OR digest = $2) AND replaced_at = 0 AND (jkt = '' OR jkt = $6)
		AND (expires_at = 0 OR expires_at > $3) AND (idle_ends_at = 0 OR idle_ends_at > $3)
		AND EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
			WHERE g.id = refresh_tokens.grant_id AND g.client_id = $5 AND g.revoked_at = 0 AND NOT u.blocked
				AND (CAST($7 AS TEXT) IS NULL OR g.audience = $7) AND COALESCE(NULLIF(g.pipeline, ''), 'oidc') <> $8)
	RETURNING grant_id, generation, expires_at, idle_span, jkt`

// UseRefresh implements grant.Ledger.
func (s *Store) UseRefresh(ctx context.Context, r grant.Refresh) (grant.Refreshed, error) {
	if s.dialect == postgres {
		if out, good, err := s.refreshPostgres(ctx, r); good || err != nil {
			return out, err
		}
	}
	var out grant.Refreshed
	err := s.write(ctx, func(tx querier) error {
		out = grant.Refreshed{}
		old := tenant.RefreshToken{}
		first, last := ends(r.Digests)
		err := tx.row(ctx, useRefreshText, first, last, toMillis(r.Now), r.Policy.Rotating, r.Client, r.Key, r.Audience, r.Barred).
			Scan(&old.Grant, &old.Generation, millis{&old.Expires}, span{&old.IdleSpan}, &old.Key)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			if out.Outcome, err = refuseRefresh(ctx, tx, r, &old); err != nil {
				return err
			}
		case err != nil:
			return fmt.Errorf("use refresh token: %w", err)
		default:
			out.Outcome = grant.Renewed
		}
		switch out.Outcome {
		case grant.UnknownToken, grant.OtherAudience:
			return insertLogs(ctx, tx, r.Failed)
		case grant.ReusedToken:
			return insertLogs(ctx, tx, r.Reused)
		case grant.Renewed:
		}
		if out.Grant, out.User, err = readGrantUser(ctx, tx, old.Grant); err != nil {
			return err
		}
		if r.Policy.Rotating {
			if err := insertRefresh(ctx, tx, successor(&old, r)); err != nil {
				return err
			}
		}
		r.Used.User, r.Used.Test = out.User.ID, out.User.Test
		return insertLogs(ctx, tx, r.Used)
	})
	return out, err
}

// successor is the token that replaces old. It ends when the first of the
// chain would have.
func successor(old *tenant.RefreshToken, r grant.Refresh) *tenant.RefreshToken {
	next := &tenant.RefreshToken{
		Digest: r.Next, Grant: old.Grant, Generation: old.Generation + 1, Rotating: true,
		IssuedAt: r.Now, LastUsed: r.Now, Expires: old.Expires, IdleSpan: old.IdleSpan, Key: old.Key,
	}
	if next.IdleSpan > 0 {
		next.IdleEnds = r.Now.Add(next.IdleSpan)
	}
	return next
}

// refuseRefresh finds out why a token could not be used, and acts on reuse. It
// returns Renewed, with the token in old, when the token was replaced only
// just now and by its direct successor: an answer may have been lost.
func refuseRefresh(ctx context.Context, tx querier, r grant.Refresh, old *tenant.RefreshToken) (grant.RefreshOutcome, error) {
	first, last := ends(r.Digests)
	// Takes the lock of the grant, so that two reuses are judged in turn.
	n, err := tx.exec(ctx, `
		UPDATE grants SET revoked_at = revoked_at
		WHERE id = (SELECT grant_id FROM refresh_tokens WHERE digest = $1 OR digest = $2)
			AND client_id = $3 AND revoked_at = 0
			AND EXISTS (SELECT 1 FROM users u WHERE u.id = grants.user_id AND NOT u.blocked)`, first, last, r.Client)
	if err != nil {
		return grant.UnknownToken, fmt.Errorf("lock grant: %w", err)
	}
	if n == 0 {
		return grant.UnknownToken, nil
	}
	var replaced time.Time
	var newest int64
	var audience string
	err = tx.row(ctx, `
		SELECT grant_id, generation, expires_at, idle_span, jkt, replaced_at,
			(SELECT g.audience FROM grants g WHERE g.id = refresh_tokens.grant_id),
			(SELECT MAX(n.generation) FROM refresh_tokens n WHERE n.grant_id = refresh_tokens.grant_id)
		FROM refresh_tokens WHERE digest = $1 OR digest = $2`, first, last).
		Scan(&old.Grant, &old.Generation, millis{&old.Expires}, span{&old.IdleSpan}, &old.Key, millis{&replaced}, &audience, &newest)
	if err != nil {
		return grant.UnknownToken, fmt.Errorf("read refresh token: %w", err)
	}
	switch {
	case replaced.IsZero() && old.Key != "" && old.Key != r.Key:
		return grant.UnknownToken, nil // somebody who has not the key
	case replaced.IsZero() && !r.For(audience):
		return grant.OtherAudience, nil
	case replaced.IsZero():
		return grant.UnknownToken, nil // expired
	// Clocks of processes differ a little: without a leeway nothing is forgiven,
	// even what seems to come before the token was replaced.
	case (old.Key == "" || old.Key == r.Key) &&
		r.Policy.Rotating && r.Policy.Leeway > 0 && newest == old.Generation+1 &&
		(old.Expires.IsZero() || r.Now.Before(old.Expires)) && r.Now.Before(replaced.Add(r.Policy.Leeway)):
		if !r.For(audience) {
			return grant.OtherAudience, nil
		}
		return grant.Renewed, nil
	}
	if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE id = $1`, old.Grant, toMillis(r.Now)); err != nil {
		return grant.UnknownToken, fmt.Errorf("revoke grant: %w", err)
	}
	return grant.ReusedToken, nil
}

// RevokeTokens implements grant.Ledger.
func (s *Store) RevokeTokens(ctx context.Context, r grant.Revoke) (tenant.UserID, error) {
	var user tenant.UserID
	err := s.write(ctx, func(tx querier) error {
		user = ""
		var audience string
		err := revokeOne(ctx, tx, r).Scan(&user, &audience)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("revoke grant: %w", err)
		}
		if r.All {
			if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $4
				WHERE user_id = $1 AND client_id = $2 AND audience = $3 AND revoked_at = 0`,
				user, r.Client, audience, toMillis(r.Now)); err != nil {
				return fmt.Errorf("revoke grants: %w", err)
			}
		}
		r.Event.User = user
		return insertLogs(ctx, tx, r.Event)
	})
	return user, err
}

// revokeOne ends the grant that is named, or that of the refresh token.
func revokeOne(ctx context.Context, tx querier, r grant.Revoke) scanner {
	const end = ` AND client_id = $1 AND revoked_at = 0 RETURNING user_id, audience`
	if r.Grant != "" {
		return tx.row(ctx, `UPDATE grants SET revoked_at = $2 WHERE id = $3`+end, r.Client, toMillis(r.Now), r.Grant)
	}
	first, last := ends(r.Digests)
	return tx.row(ctx, `UPDATE grants SET revoked_at = $2
		WHERE id = (SELECT grant_id FROM refresh_tokens WHERE digest = $3 OR digest = $4)`+end,
		r.Client, toMillis(r.Now), first, last)
}

// readGrantUser reads a grant that holds with its user.
func readGrantUser(ctx context.Context, q querier, id string) (tenant.Grant, tenant.User, error) {
	g := tenant.Grant{ID: id}
	var u tenant.User
	row := q.row(ctx, grantUserText, id)
	err := scanUser(prefixed{row, []any{
		&g.Client, &g.SessionID, &g.Audience, &g.Scope,
		millis{&g.AuthTime},
		millis{&g.CreatedAt},
		&g.Pipeline, &g.Device, &g.Claims,
	}}, &u)
	if err != nil {
		return g, u, fmt.Errorf("read grant: %w", absent(err))
	}
	g.User = u.ID
	return g, u, nil
}

var grantUserText = `
	SELECT g.client_id, g.sid, g.audience, g.scope, g.auth_time, g.granted_at, g.pipeline, g.device, g.claims, u.*
	FROM (SELECT client_id, sid, audience, scope, auth_time, created_at AS granted_at, pipeline, device, claims, user_id
		FROM grants WHERE id = $1 AND revoked_at = 0) g
	JOIN (SELECT ` + userColumns + ` FROM users WHERE NOT blocked) u ON u.id = g.user_id`

// prefixed scans some columns before those its caller knows of.
type prefixed struct {
	row   scanner
	first []any
}

func (p prefixed) Scan(dest ...any) error { return p.row.Scan(append(p.first, dest...)...) }

// millis scans a stored time.
type millis struct{ t *time.Time }

// Scan implements sql.Scanner.
func (m millis) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a time is stored as %T", v)
	}
	*m.t = fromMillis(ms)
	return nil
}

// span scans a stored duration.
type span struct{ d *time.Duration }

// Scan implements sql.Scanner.
func (s span) Scan(v any) error {
	ms, ok := v.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", v)
	}
	*s.d = time.Duration(ms) * time.Millisecond
	return nil
}

// ends returns the first and the last of a token's digests: the one under the
// current key and, while keys are being changed, the one before.
func ends(digests [][]byte) (first, last []byte) {
	return digests[0], digests[len(digests)-1]
}
