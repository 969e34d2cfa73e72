package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.TestIdentities = (*Store)(nil)

// testKey is what a sign-in knows of a test identity.
type testKey struct {
	connection tenant.ConnectionID
	identifier string
}

// TestIdentity returns the test identity that an identifier is on a
// connection, or nil. All of them are in memory, so that sign-ins, most of
// which are nobody's test, cost no query.
func (s *Store) TestIdentity(ctx context.Context, c tenant.ConnectionID, identifier string) (*tenant.TestIdentity, error) {
	all, err := cached(&s.cache,
		func() (map[testKey]*tenant.TestIdentity, bool) { return s.cache.tests, s.cache.tests != nil },
		func() (map[testKey]*tenant.TestIdentity, error) {
			list, err := readTestIdentities(ctx, s.read)
			all := make(map[testKey]*tenant.TestIdentity, len(list))
			for _, t := range list {
				all[testKey{t.Connection, t.Identifier}] = t
			}
			return all, err
		},
		func(all map[testKey]*tenant.TestIdentity) { s.cache.tests = all })
	if err != nil {
		return nil, err
	}
	return all[testKey{c, identifier}], nil
}

// AllTestIdentities implements manage.TestIdentities.
func (s *Store) AllTestIdentities(ctx context.Context) ([]*tenant.TestIdentity, error) {
	return readTestIdentities(ctx, s.read)
}

func readTestIdentities(ctx context.Context, q querier) ([]*tenant.TestIdentity, error) {
	rows, err := q.query(ctx, `SELECT id, connection_id, identifier, channel, clients, digest, digits, note, managed,
		created_at, expires_at FROM test_identities ORDER BY created_at, id`)
	if err != nil {
		return nil, fmt.Errorf("read test identities: %w", err)
	}
	defer rows.Close()
	var list []*tenant.TestIdentity
	for rows.Next() {
		t, clients := &tenant.TestIdentity{}, ""
		if err := rows.Scan(&t.ID, &t.Connection, &t.Identifier, &t.Channel, &clients, &t.Digest, &t.Digits, &t.Note,
			&t.Managed, millis{&t.CreatedAt}, millis{&t.Expires}); err != nil {
			return nil, fmt.Errorf("read test identities: %w", err)
		}
		for id := range strings.FieldsSeq(clients) {
			t.Clients = append(t.Clients, tenant.ClientID(id))
		}
		list = append(list, t)
	}
	return list, rows.Err()
}

// CreateTestIdentity implements manage.TestIdentities.
func (s *Store) CreateTestIdentity(ctx context.Context, t tenant.TestIdentity, e tenant.LogEvent) (user tenant.UserID, err error) {
	err = s.edit(ctx, func(tx querier) error {
		var known bool
		err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM test_identities WHERE connection_id = $1 AND identifier = $2)`,
			t.Connection, t.Identifier).Scan(&known)
		if err != nil {
			return fmt.Errorf("store test identity: %w", err)
		}
		if known {
			return manage.ErrTestExists
		}
		if user, err = s.putTestIdentity(ctx, tx, &t); err != nil {
			return err
		}
		e.User = user
		return insertLogs(ctx, tx, e)
	})
	return user, err
}

// putTestIdentity stores a test identity with its user. One that has its place
// already is replaced. The primary key of identities decides between it and
// somebody who signs up with the identifier at the same moment.
func (s *Store) putTestIdentity(ctx context.Context, tx querier, t *tenant.TestIdentity) (tenant.UserID, error) {
	clients := make([]string, len(t.Clients))
	for i, id := range t.Clients {
		clients[i] = string(id)
		var known bool
		if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM clients WHERE id = $1)`, id).Scan(&known); err != nil {
			return "", fmt.Errorf("store test identity: %w", err)
		}
		if !known {
			return "", manage.ErrTestClient
		}
	}
	name := ""
	if err := tx.row(ctx, `SELECT name FROM connections WHERE id = $1`, t.Connection).Scan(&name); err != nil {
		return "", fmt.Errorf("store test identity: %w", absent(err))
	}
	if _, err := tx.exec(ctx, `
		INSERT INTO test_identities (id, connection_id, identifier, channel, clients, digest, digits, note, managed, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
		ON CONFLICT (connection_id, identifier) DO UPDATE SET clients = excluded.clients, digest = excluded.digest,
			digits = excluded.digits, note = excluded.note, managed = excluded.managed, expires_at = excluded.expires_at`,
		t.ID, t.Connection, t.Identifier, t.Channel, strings.Join(clients, " "), t.Digest, t.Digits, t.Note, t.Managed,
		toMillis(t.CreatedAt), toMillis(t.Expires)); err != nil {
		return "", fmt.Errorf("store test identity: %w", err)
	}
	var many int
	if err := tx.row(ctx, `SELECT COUNT(*) FROM test_identities`).Scan(&many); err != nil {
		return "", fmt.Errorf("count test identities: %w", err)
	}
	if many > tenant.MaxTestIdentities {
		return "", manage.ErrTooManyTests
	}
	// What was asked for before is of no use any more: a person's code must not
	// open a test identity, nor the other way round.
	if _, err := tx.exec(ctx, `DELETE FROM codes WHERE connection_id = $1 AND identifier = $2`, t.Connection, t.Identifier); err != nil {
		return "", fmt.Errorf("end codes: %w", err)
	}
	return s.testUser(ctx, tx, t, name)
}

// testUser makes the user of a test identity unless there is one. The fault is
// ErrTestTaken if the identifier is a person's.
func (s *Store) testUser(ctx context.Context, tx querier, t *tenant.TestIdentity, connection string) (tenant.UserID, error) {
	to := tenant.Recipient{Connection: t.Connection, Channel: t.Channel, Identifier: t.Identifier}
	var deleted int64
	if err := tx.row(ctx, `SELECT COALESCE((SELECT times FROM deleted_users WHERE connection_id = $1 AND identifier = $2), 0)`,
		t.Connection, account.Key(s.secrets, t.Channel, t.Identifier)).Scan(&deleted); err != nil {
		return "", fmt.Errorf("make test user: %w", err)
	}
	made := func(deleted int64) tenant.User {
		u := account.New(to, connection, account.ExternalID(s.secrets, to, deleted), t.CreatedAt)
		u.Test = true
		return u
	}
	if _, _, err := insertNewUser(ctx, tx, made, deleted); err != nil {
		return "", fmt.Errorf("make test user: %w", err)
	}
	var user tenant.UserID
	var test bool
	err := tx.row(ctx, `SELECT u.id, u.test FROM identities i JOIN users u ON u.id = i.user_id
		WHERE i.connection_id = $1 AND i.identifier = $2`, t.Connection, t.Identifier).Scan(&user, &test)
	if err != nil {
		return "", fmt.Errorf("make test user: %w", err)
	}
	if !test {
		return "", manage.ErrTestTaken
	}
	return user, nil
}

// DeleteTestIdentity implements manage.TestIdentities. The user goes first: a
// sign-in under way at the same moment then finds nobody to sign in.
func (s *Store) DeleteTestIdentity(ctx context.Context, id string, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		var t tenant.TestIdentity
		if err := tx.row(ctx, `SELECT connection_id, identifier, channel, managed FROM test_identities WHERE id = $1`, id).
			Scan(&t.Connection, &t.Identifier, &t.Channel, &t.Managed); err != nil {
			return fmt.Errorf("delete test identity: %w", absent(err))
		}
		if t.Managed {
			return manage.ErrManaged
		}
		user := tenant.UserID("")
		if err := tx.row(ctx, `SELECT COALESCE((SELECT i.user_id FROM identities i JOIN users u ON u.id = i.user_id
			WHERE i.connection_id = $1 AND i.identifier = $2 AND u.test), '')`, t.Connection, t.Identifier).Scan(&user); err != nil {
			return fmt.Errorf("delete test identity: %w", err)
		}
		if user != "" {
			var u tenant.User
			if err := lockedUser(ctx, tx, user, &u); err != nil {
				return err
			}
			if err := s.eraseUser(ctx, tx, &u, e.At); err != nil {
				return err
			}
		}
		for _, text := range []string{
			`DELETE FROM test_identities WHERE connection_id = $1 AND identifier = $2`,
			`DELETE FROM codes WHERE connection_id = $1 AND identifier = $2`,
		} {
			if _, err := tx.exec(ctx, text, t.Connection, t.Identifier); err != nil {
				return fmt.Errorf("delete test identity: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}
