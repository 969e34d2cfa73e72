package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/doorcode/doorcode/internal/tenant"
)

// scanner is a row of either kind.
type scanner interface{ Scan(dest ...any) error }

// scanUser reads userColumns. Identities are not among them.
func scanUser(row scanner, u *tenant.User) error {
	var userMeta, appMeta string
	var lastLogin, created, updated int64
	if err := row.Scan(&u.ID, &u.Email, &u.EmailVerified, &u.Phone, &u.PhoneVerified,
		&u.Name, &u.Nickname, &u.Picture, &u.GivenName, &u.FamilyName, &u.Blocked,
		&userMeta, &appMeta, &u.LastIP, &lastLogin, &u.LoginsCount, &created, &updated, &u.Test); err != nil {
		return err
	}
	u.LastLogin, u.CreatedAt, u.UpdatedAt = fromMillis(lastLogin), fromMillis(created), fromMillis(updated)
	var err error
	if u.UserMetadata, err = decodeMetadata(userMeta); err != nil {
		return err
	}
	u.AppMetadata, err = decodeMetadata(appMeta)
	return err
}

func encodeMetadata(m map[string]any) string {
	if len(m) == 0 {
		return "{}"
	}
	// Metadata came in as JSON, so it goes out as JSON.
	b, err := json.Marshal(m)
	if err != nil {
		return "{}"
	}
	return string(b)
}

func decodeMetadata(doc string) (map[string]any, error) {
	if doc == "{}" || doc == "" {
		return nil, nil
	}
	var m map[string]any
	err := json.Unmarshal([]byte(doc), &m)
	return m, err
}

// GrantUser returns a grant with its user, for tokens that stand for it. The
// fault is NotFound when the grant is gone or revoked, or the user is gone or
// blocked.
func (s *Store) GrantUser(ctx context.Context, id string) (tenant.Grant, tenant.User, error) {
	return readGrantUser(ctx, s.read, id)
}

// ActiveUser returns a user who is not blocked, without identities.
func (s *Store) ActiveUser(ctx context.Context, id tenant.UserID) (tenant.User, error) {
	var u tenant.User
	err := scanUser(s.read.row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1 AND NOT blocked`, id), &u)
	if err != nil {
		return u, fmt.Errorf("read user: %w", absent(err))
	}
	return u, nil
}
