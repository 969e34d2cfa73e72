package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// userColumns are the columns of users in the order scanUser reads them.
const userColumns = `id, email, email_verified, phone, phone_verified, name, nickname, picture,
	given_name, family_name, blocked, user_metadata, app_metadata,
	last_ip, last_login, logins_count, created_at, updated_at, test`

// noUser are the same columns of nobody.
const noUser = `'', '', FALSE, '', FALSE, '', '', '', '', '', FALSE, '{}', '{}', '', 0, 0, 0, 0, FALSE`

// signInText counts a sign-in of the user known by an identifier, and proves
// the identifier where it is the one in the user's profile. A person and a test
// identity never sign in as each other, whatever happened between the start of
// a sign-in and its end.
var signInText = `
	UPDATE users SET last_ip = $3, last_login = $4, logins_count = logins_count + 1,
		phone_verified = phone_verified OR phone = $2,
		email_verified = email_verified OR email = $2
	WHERE id = (SELECT user_id FROM identities WHERE connection_id = $1 AND identifier = $2)
		AND NOT blocked AND test = $5
	RETURNING ` + userColumns

// Complete is the second half of Redeem: it records a sign-in.
func (s *Store) Complete(ctx context.Context, c passwordless.Complete) (passwordless.Completed, error) {
	if s.dialect == postgres && plainCompletion(&c) {
		if out, done, err := s.completePostgres(ctx, c); done || err != nil {
			return out, err
		}
	}
	return s.completeStepwise(ctx, c)
}

// completeStepwise is Complete in a transaction of its own.
func (s *Store) completeStepwise(ctx context.Context, c passwordless.Complete) (passwordless.Completed, error) {
	var out passwordless.Completed
	err := s.write(ctx, func(tx querier) error {
		var err error
		if out, err = complete(ctx, tx, c); err != nil {
			return err
		}
		return verifyCells(ctx, tx, c)
	})
	return out, err
}

// complete is Complete in a transaction.
func complete(ctx context.Context, tx querier, c passwordless.Complete) (out passwordless.Completed, err error) {
	err = signIn(ctx, tx, c, &out)
	if errors.Is(err, sql.ErrNoRows) {
		// Nobody is known by the identifier, or they are blocked.
		err = admit(ctx, tx, c, &out)
	}
	if err != nil {
		return out, fmt.Errorf("sign in: %w", err)
	}
	if out.Outcome == passwordless.TooManySignUps {
		return out, noteLimit(ctx, tx, note{event.TooManyFailures, c.SignUps.Name, "Too many people have signed up from this address"}, c.Limited, c.Now)
	}
	if out.Outcome != passwordless.SignedIn {
		refused := c.Refused
		refused.Description = "user is blocked"
		if out.Outcome == passwordless.SignUpDisabled {
			refused.Description = "Public signup is disabled"
		}
		return out, insertLogs(ctx, tx, refused)
	}
	if err := forgive(ctx, tx, c); err != nil {
		return out, err
	}
	if err := give(ctx, tx, c, &out); err != nil {
		return out, err
	}
	events := c.Events
	if out.First {
		events = append(events[:len(events):len(events)], c.SignUp)
	}
	for i := range events {
		events[i].User = out.User.ID
	}
	return out, insertLogs(ctx, tx, events...)
}

// give stores what a sign-in is for: a session on our pages, a ticket for one, or
// else a grant.
func give(ctx context.Context, tx querier, c passwordless.Complete, out *passwordless.Completed) error {
	if c.Session != nil {
		return openSession(ctx, tx, c, out)
	}
	if c.Ticket != nil {
		return insertTicket(ctx, tx, c.Ticket, out.User.ID)
	}
	g := c.Grant
	g.User = out.User.ID
	if err := insertGrant(ctx, tx, &g, c.Refresh != nil); err != nil {
		return err
	}
	if c.Refresh == nil {
		return nil
	}
	if err := insertRefresh(ctx, tx, c.Refresh); err != nil {
		return err
	}
	return trimRefresh(ctx, tx, &g, c.Refresh)
}

func signIn(ctx context.Context, tx querier, c passwordless.Complete, out *passwordless.Completed) error {
	return scanUser(tx.row(ctx, signInText, c.To.Connection, c.To.Identifier, c.IP, toMillis(c.Now), c.Test), &out.User)
}

// forgive ends the streak of wrong tries and the cooldown: the person is there.
func forgive(ctx context.Context, tx querier, c passwordless.Complete) error {
	if _, err := tx.exec(ctx, `UPDATE tries SET streak = 0 WHERE identifier = $1 AND streak > 0`, c.Identifier); err != nil {
		return fmt.Errorf("end streak: %w", err)
	}
	if err := rememberDevice(ctx, tx, c); err != nil {
		return err
	}
	if !c.Sends {
		return nil
	}
	if _, err := tx.exec(ctx, `UPDATE sends SET cleared_at = $3 WHERE identifier IN ($1, $4) AND client_id = $2`,
		c.Identifier, c.Grant.Client, toMillis(c.Now), deviceSends(c.Device, c.Identifier)); err != nil {
		return fmt.Errorf("end cooldown: %w", err)
	}
	return nil
}

// admit makes the user who has just proved an identifier that nobody was
// known by. When another transaction is first, its user is the one.
func admit(ctx context.Context, tx querier, c passwordless.Complete, out *passwordless.Completed) error {
	var known bool
	var deleted int64
	err := tx.row(ctx, `SELECT
		EXISTS (SELECT 1 FROM identities WHERE connection_id = $1 AND identifier = $2),
		COALESCE((SELECT times FROM deleted_users WHERE connection_id = $1 AND identifier = $3), 0)`,
		c.To.Connection, c.To.Identifier, c.Identifier).Scan(&known, &deleted)
	switch {
	case err != nil:
		return err
	case !known && c.NoSignUp:
		out.Outcome = passwordless.SignUpDisabled
		return nil
	case !known:
		if c.SignUps.Name != "" {
			tat, ok, err := takeRequest(ctx, tx, c.SignUps, c.Now)
			if err != nil {
				return err
			}
			if !ok {
				out.Outcome, out.Wait = passwordless.TooManySignUps, c.SignUps.Wait(tat, c.Now)
				return nil
			}
		}
		signedIn := func(deleted int64) tenant.User { return newUser(&c, deleted) }
		if out.User, out.First, err = insertNewUser(ctx, tx, signedIn, deleted); err != nil || out.First {
			return err
		}
	}
	// Whoever is known now may have become so since signIn looked.
	err = signIn(ctx, tx, c, out)
	if errors.Is(err, sql.ErrNoRows) {
		out.First, out.Outcome = false, passwordless.UserBlocked
		return nil
	}
	return err
}

// maxInherited bounds how many users are looked at that an identifier had
// before and that have another now.
const maxInherited = 100

// newUser is whoever has just proved an identifier that nobody was known by, as
// the first sign-in leaves them.
func newUser(c *passwordless.Complete, deleted int64) tenant.User {
	u := c.NewUser(deleted)
	u.Test = c.Test
	u.LastIP, u.LoginsCount = c.IP, 1
	for _, t := range []*time.Time{&u.CreatedAt, &u.UpdatedAt, &u.LastLogin} {
		*t = fromMillis(toMillis(c.Now)) // as it will be read
	}
	return u
}

// insertNewUser stores an identity and the user that is made for it. It reports
// false if another transaction has stored the identity, or if only a test identity
// may have it, or only a person. A user who has the id that is made from the
// identifier, but not the identifier, is somebody else, to whom it belonged once:
// nobody inherits them.
func insertNewUser(ctx context.Context, tx querier, made func(deleted int64) tenant.User, deleted int64) (tenant.User, bool, error) {
	u := made(deleted)
	id := u.Identities[0]
	n, err := tx.exec(ctx, `
		INSERT INTO identities (connection_id, identifier, user_id, channel, external_id)
		SELECT $1, $2, $3, $4, $5
		WHERE EXISTS (SELECT 1 FROM test_identities WHERE connection_id = $1 AND identifier = $2) = $6
		ON CONFLICT (connection_id, identifier) DO NOTHING`,
		id.Connection, id.Identifier, u.ID, id.Channel, id.UserID, u.Test)
	if err != nil || n == 0 {
		return tenant.User{}, false, err
	}
	for try := range maxInherited {
		n, err := tx.exec(ctx, insertUserText, userArgs(&u)...)
		if err != nil {
			return u, false, err
		}
		if n == 1 {
			if try > 0 {
				_, err = tx.exec(ctx, `UPDATE identities SET user_id = $3, external_id = $4
					WHERE connection_id = $1 AND identifier = $2`,
					id.Connection, id.Identifier, u.ID, u.Identities[0].UserID)
			}
			u.Identities = nil // as scanUser leaves them
			return u, true, err
		}
		deleted++
		u = made(deleted)
	}
	return u, false, errInherited
}

var errInherited = errors.New("too many users had the identifier before")

// insertUserText stores a new user. One with the same id stays as it is.
const insertUserText = `INSERT INTO users (` + userColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
	ON CONFLICT (id) DO NOTHING`

// userArgs are the values of userColumns.
func userArgs(u *tenant.User) []any {
	return []any{
		u.ID, u.Email, u.EmailVerified, u.Phone, u.PhoneVerified, u.Name, u.Nickname, u.Picture,
		u.GivenName, u.FamilyName, u.Blocked, encodeMetadata(u.UserMetadata), encodeMetadata(u.AppMetadata),
		u.LastIP, toMillis(u.LastLogin), u.LoginsCount, toMillis(u.CreatedAt), toMillis(u.UpdatedAt), u.Test,
	}
}

// insertGrant stores a grant. One with a refresh token is offline.
func insertGrant(ctx context.Context, tx querier, g *tenant.Grant, offline bool) error {
	_, err := tx.exec(ctx, `
		INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline, device, pipeline, claims)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $10, $11, $12)`,
		g.ID, g.User, g.Client, g.SessionID, g.Audience, g.Scope, toMillis(g.AuthTime), toMillis(g.CreatedAt), offline,
		g.Device, g.Pipeline, g.Claims)
	if err != nil {
		return fmt.Errorf("store grant: %w", err)
	}
	return nil
}
