package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// CreateUser implements manage.Users. The primary key of identities decides
// between two who want one identifier, also if one of them is just signing up.
func (s *Store) CreateUser(ctx context.Context, n manage.NewUser) (*tenant.User, error) {
	var out tenant.User
	err := s.write(ctx, func(tx querier) error {
		id := n.User.Identities[0]
		to := tenant.Recipient{Connection: id.Connection, Channel: id.Channel, Identifier: id.Identifier}
		var deleted int64
		if err := tx.row(ctx, `SELECT COALESCE((SELECT times FROM deleted_users WHERE connection_id = c.id AND identifier = $2), 0)
			FROM connections c WHERE c.id = $1`, id.Connection, account.Key(s.secrets, id.Channel, id.Identifier)).Scan(&deleted); err != nil {
			return fmt.Errorf("create user: %w", absent(err))
		}
		made := func(deleted int64) tenant.User {
			u := n.User
			if !n.Named {
				id.UserID = account.ExternalID(s.secrets, to, deleted)
				u.ID = account.ID(id.Channel, id.UserID)
			}
			u.Identities = []tenant.Identity{id}
			return u
		}
		if n.Named {
			var known bool
			if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE id = $1)`, n.User.ID).Scan(&known); err != nil {
				return fmt.Errorf("create user: %w", err)
			}
			if known {
				return manage.ErrUserExists
			}
		}
		u, first, err := insertNewUser(ctx, tx, made, deleted)
		switch {
		case errors.Is(err, errInherited) && n.Named:
			return manage.ErrUserExists // somebody else took the id meanwhile
		case err != nil:
			return fmt.Errorf("create user: %w", err)
		case !first:
			return manage.ErrUserExists
		}
		out = u
		if err := addIdentities(ctx, tx, &out); err != nil {
			return err
		}
		return insertLogs(ctx, tx, n.Event(&out))
	})
	return &out, err
}

// endCodesText forgets the codes for all identifiers of a user. It comes before
// the user's row is locked: a sign-in takes a code first and then its user.
const endCodesText = `DELETE FROM codes WHERE (connection_id, identifier) IN
	(SELECT connection_id, identifier FROM identities WHERE user_id = $1)`

// ChangeUser implements manage.Users.
func (s *Store) ChangeUser(ctx context.Context, c manage.UserChange) (*tenant.User, error) {
	var u tenant.User
	err := s.write(ctx, func(tx querier) error {
		if c.Ends {
			if _, err := tx.exec(ctx, endCodesText, c.ID); err != nil {
				return fmt.Errorf("end codes: %w", err)
			}
		}
		u = tenant.User{}
		if err := lockedUser(ctx, tx, c.ID, &u); err != nil {
			return err
		}
		move, events, err := c.Change(&u)
		if err != nil {
			return err
		}
		if move != nil {
			if err := s.moveIdentity(ctx, tx, &u, move); err != nil {
				return err
			}
		}
		if _, err := tx.exec(ctx, `
			UPDATE users SET email = $2, email_verified = $3, phone = $4, phone_verified = $5, name = $6, nickname = $7, picture = $8,
				given_name = $9, family_name = $10, blocked = $11, user_metadata = $12, app_metadata = $13, updated_at = $14
			WHERE id = $1`,
			u.ID, u.Email, u.EmailVerified, u.Phone, u.PhoneVerified, u.Name, u.Nickname, u.Picture, u.GivenName, u.FamilyName,
			u.Blocked, encodeMetadata(u.UserMetadata), encodeMetadata(u.AppMetadata), toMillis(u.UpdatedAt)); err != nil {
			return fmt.Errorf("change user: %w", err)
		}
		if u.Blocked {
			if err := s.endAccess(ctx, tx, &u, ending{user: u.ID, now: c.Now, why: tenant.AccountDeactivated}); err != nil {
				return err
			}
		}
		return insertLogs(ctx, tx, events...)
	})
	return &u, err
}

// lockedUser reads a user with identities and holds on to them: sign-ins, which
// count themselves in the same row, come before or after.
func lockedUser(ctx context.Context, tx querier, id tenant.UserID, u *tenant.User) error {
	if _, err := tx.exec(ctx, lockUser, id); err != nil {
		return fmt.Errorf("lock user: %w", err)
	}
	if err := scanUser(tx.row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id), u); err != nil {
		return fmt.Errorf("read user: %w", absent(err))
	}
	return addIdentities(ctx, tx, u)
}

// lockActive holds on to a user who is not blocked until the transaction ends,
// and reports whether there is one. Whoever gives a user something that they do
// not sign in for at the same moment calls it first, or what is given while
// somebody is being blocked would outlive that.
func lockActive(ctx context.Context, tx querier, id tenant.UserID) (bool, error) {
	n, err := tx.exec(ctx, lockUser+` AND NOT blocked`, string(id))
	if err != nil {
		return false, fmt.Errorf("lock user: %w", err)
	}
	return n == 1, nil
}

// moveIdentity gives an identity another identifier. Whoever gets the old one
// next is somebody else, and no device that knew it is known any more.
func (s *Store) moveIdentity(ctx context.Context, tx querier, u *tenant.User, m *manage.Move) error {
	id := m.Identity
	n, err := tx.exec(ctx, `
		INSERT INTO identities (connection_id, identifier, user_id, channel, external_id)
		SELECT $1, $2, $3, $4, $5
		WHERE NOT EXISTS (SELECT 1 FROM test_identities WHERE connection_id = $1 AND identifier = $2)
		ON CONFLICT (connection_id, identifier) DO NOTHING`, id.Connection, m.To, u.ID, id.Channel, id.UserID)
	if err != nil {
		return fmt.Errorf("change identifier: %w", err)
	}
	if n == 0 {
		return manage.ErrUserExists
	}
	if _, err := tx.exec(ctx, `DELETE FROM codes WHERE connection_id = $1 AND identifier = $2`, id.Connection, m.To); err != nil {
		return fmt.Errorf("end codes: %w", err)
	}
	return s.releaseIdentity(ctx, tx, id)
}

// releaseIdentity takes an identifier from whoever had it.
func (s *Store) releaseIdentity(ctx context.Context, tx querier, id tenant.Identity) error {
	key := account.Key(s.secrets, id.Channel, id.Identifier)
	if _, err := tx.exec(ctx, `INSERT INTO deleted_users (connection_id, identifier, times) VALUES ($1, $2, 1)
		ON CONFLICT (connection_id, identifier) DO UPDATE SET times = deleted_users.times + 1`, id.Connection, key); err != nil {
		return fmt.Errorf("count deleted users: %w", err)
	}
	for _, text := range []string{
		`DELETE FROM identities WHERE connection_id = $1 AND identifier = $2`,
		`DELETE FROM codes WHERE connection_id = $1 AND identifier = $2`,
		`DELETE FROM transactions WHERE connection_id = $1 AND identifier = $2`,
	} {
		if _, err := tx.exec(ctx, text, id.Connection, id.Identifier); err != nil {
			return fmt.Errorf("release identifier: %w", err)
		}
	}
	return s.forgetDevices(ctx, tx, id)
}

func (s *Store) forgetDevices(ctx context.Context, tx querier, id tenant.Identity) error {
	if _, err := tx.exec(ctx, `DELETE FROM devices WHERE identifier = $1`, account.Key(s.secrets, id.Channel, id.Identifier)); err != nil {
		return fmt.Errorf("forget devices: %w", err)
	}
	return nil
}

// endAccess ends all that a user was given. Sessions come before grants: what a
// session is just being used for is stored under its row's lock, and is seen
// after it.
func (s *Store) endAccess(ctx context.Context, tx querier, u *tenant.User, e ending) error {
	if _, err := endSessions(ctx, tx, e); err != nil {
		return err
	}
	if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $2 WHERE user_id = $1 AND revoked_at = 0`, u.ID, toMillis(e.now)); err != nil {
		return fmt.Errorf("revoke grants: %w", err)
	}
	if _, err := tx.exec(ctx, `DELETE FROM login_tickets WHERE user_id = $1`, u.ID); err != nil {
		return fmt.Errorf("end login tickets: %w", err)
	}
	for _, id := range u.Identities {
		if err := s.forgetDevices(ctx, tx, id); err != nil {
			return err
		}
	}
	return nil
}

// DeleteUser implements manage.Users.
func (s *Store) DeleteUser(ctx context.Context, d manage.DeleteUser) error {
	return s.write(ctx, func(tx querier) error {
		for _, text := range []string{endCodesText, `DELETE FROM device_codes WHERE user_id = $1`} {
			if _, err := tx.exec(ctx, text, d.ID); err != nil {
				return fmt.Errorf("delete user: %w", err)
			}
		}
		var u tenant.User
		err := lockedUser(ctx, tx, d.ID, &u)
		if fault.Has(err, fault.NotFound) {
			return insertLogs(ctx, tx, d.Event)
		}
		if err != nil {
			return err
		}
		if err := s.eraseUser(ctx, tx, &u, d.Now); err != nil {
			return err
		}
		if err := forgetPerson(ctx, tx, &u); err != nil {
			return err
		}
		return insertLogs(ctx, tx, d.Event, d.Deleted)
	})
}

// eraseUser removes a user whose row is locked, and all that was given to them.
// Whoever gets an identifier of theirs next is somebody else.
func (s *Store) eraseUser(ctx context.Context, tx querier, u *tenant.User, now time.Time) error {
	if err := s.endAccess(ctx, tx, u, ending{user: u.ID, now: now, why: tenant.AccountDeleted}); err != nil {
		return err
	}
	for _, id := range u.Identities {
		if err := s.releaseIdentity(ctx, tx, id); err != nil {
			return err
		}
	}
	for _, text := range []string{
		`DELETE FROM users WHERE id = $1`,
		`DELETE FROM session_clients WHERE session_id IN (SELECT id FROM sessions WHERE user_id = $1)`,
		`DELETE FROM sessions WHERE user_id = $1`,
		`DELETE FROM consents WHERE user_id = $1`,
		`DELETE FROM user_roles WHERE user_id = $1`,
		`DELETE FROM user_permissions WHERE user_id = $1`,
		`DELETE FROM authorization_codes WHERE grant_id IN (SELECT id FROM grants WHERE user_id = $1)`,
		`DELETE FROM refresh_tokens WHERE grant_id IN (SELECT id FROM grants WHERE user_id = $1)`,
		`DELETE FROM grants WHERE user_id = $1`,
	} {
		if _, err := tx.exec(ctx, text, u.ID); err != nil {
			return fmt.Errorf("delete user: %w", err)
		}
	}
	return nil
}
