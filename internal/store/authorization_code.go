package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

func insertCode(ctx context.Context, tx querier, c *tenant.AuthorizationCode) error {
	_, err := tx.exec(ctx, `
		INSERT INTO authorization_codes (digest, grant_id, client_id, redirect_uri, redirect_given, challenge,
			asked_scope, nonce, acr, device, dpop_jkt, legacy, created_at, expires_at, redeemed_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0)`,
		c.Digest, c.Grant, c.Client, c.RedirectURI, c.RedirectGiven, c.Challenge, c.AskedScope, c.Nonce, c.ACR,
		c.Device, c.DPoPKey, c.Legacy, toMillis(c.CreatedAt), toMillis(c.Expires))
	if err != nil {
		return fmt.Errorf("store authorization code: %w", err)
	}
	return nil
}

// useCodeText redeems a code. Everything that the exchange must match is a
// condition of the statement, so that a request that does not match leaves the
// code as it was, and of those that do only one finds it unredeemed.
const useCodeText = `
	UPDATE authorization_codes SET redeemed_at = $3
	WHERE (digest = $1 OR digest = $2) AND redeemed_at = 0 AND expires_at > $3
		AND client_id = $4 AND challenge = $6 AND (dpop_jkt = '' OR dpop_jkt = $7) AND (redirect_uri = $5 OR (NOT redirect_given AND $5 = ''))
		AND EXISTS (SELECT 1 FROM grants g JOIN users u ON u.id = g.user_id
			WHERE g.id = authorization_codes.grant_id AND g.revoked_at = 0 AND NOT u.blocked
				AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = g.sid AND s.ended_at > 0))
	RETURNING grant_id, redirect_uri, redirect_given, challenge, asked_scope, nonce, acr, device, dpop_jkt, legacy,
		created_at, expires_at`

// UseCode implements grant.Ledger.
func (s *Store) UseCode(ctx context.Context, u grant.CodeUse) (grant.CodeUsed, error) {
	var out grant.CodeUsed
	err := s.write(ctx, func(tx querier) error {
		out = grant.CodeUsed{}
		c := &out.Code
		first, last := ends(u.Digests)
		err := tx.row(ctx, useCodeText, first, last, toMillis(u.Now), u.Client, u.RedirectURI, u.Challenge, u.Key).
			Scan(&c.Grant, &c.RedirectURI, &c.RedirectGiven, &c.Challenge, &c.AskedScope, &c.Nonce, &c.ACR, &c.Device,
				&c.DPoPKey, &c.Legacy, millis{&c.CreatedAt}, millis{&c.Expires})
		if errors.Is(err, sql.ErrNoRows) {
			out.Outcome, err = refuseCode(ctx, tx, u)
			return err
		}
		if err != nil {
			return fmt.Errorf("redeem authorization code: %w", err)
		}
		out.Outcome, c.Client = grant.CodeRedeemed, u.Client
		if out.Grant, out.User, err = readGrantUser(ctx, tx, c.Grant); err != nil {
			return err
		}
		if slices.Contains(u.Unproved, out.Grant.Audience) {
			return grant.ErrNoKey // takes it all back
		}
		if len(u.Targets) > 0 && !slices.Contains(u.Targets, out.Grant.Audience) {
			return oauth.TargetNotGranted() // as above
		}
		if refresh := u.Refresh(out.Grant, out.Code); refresh != nil {
			if err := addRefresh(ctx, tx, &out.Grant, refresh); err != nil {
				return err
			}
		}
		u.Used.User, u.Used.Test = out.User.ID, out.User.Test
		return insertLogs(ctx, tx, u.Used)
	})
	return out, err
}

// refuseCode finds out why a code was not redeemed. The same exchange for the
// second time revokes what the first one gave (RFC 6749 §4.1.2): somebody has
// the code who should not. One that does not match is not proof of that; if it
// were, whoever reads old addresses could sign people out.
func refuseCode(ctx context.Context, tx querier, u grant.CodeUse) (grant.CodeOutcome, error) {
	var grantID string
	var redeemed, matches, verified bool
	first, last := ends(u.Digests)
	err := tx.row(ctx, `
		SELECT grant_id, redeemed_at > 0, redirect_uri = $4 OR (NOT redirect_given AND $4 = ''), challenge = $5
		FROM authorization_codes WHERE (digest = $1 OR digest = $2) AND client_id = $3`,
		first, last, u.Client, u.RedirectURI, u.Challenge).Scan(&grantID, &redeemed, &matches, &verified)
	outcome := grant.CodeUnknown
	switch {
	case errors.Is(err, sql.ErrNoRows):
	case err != nil:
		return outcome, fmt.Errorf("read authorization code: %w", err)
	case redeemed && matches && verified:
		outcome = grant.CodeReused
		if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0`,
			grantID, toMillis(u.Now)); err != nil {
			return outcome, fmt.Errorf("revoke grant: %w", err)
		}
		return outcome, insertLogs(ctx, tx, u.Reused)
	case !redeemed && matches && !verified:
		outcome = grant.CodeUnverified
	}
	return outcome, insertLogs(ctx, tx, u.Failed)
}
