package store

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A beginning is found as a range of the order of bytes, in which nothing that
// begins with it comes after it and this.
const afterAll = "\U0010FFFF"

// The texts of a search, with BYTES for the order of bytes.
const (
	identityRange = `SELECT identifier, user_id FROM identities
		WHERE connection_id = $1 AND identifier BYTES >= $2 AND identifier BYTES < $3 ORDER BY identifier BYTES LIMIT $4`
	nameRange = `SELECT lower(name), id FROM users
		WHERE lower(name) BYTES >= $1 AND lower(name) BYTES < $2 AND name <> '' AND name <> phone AND name <> email
		ORDER BY lower(name) BYTES , id LIMIT $3`
)

// The texts for each database: PostgreSQL has to be asked for the order.
var (
	identityRangeText = inBytes(identityRange)
	nameRangeText     = inBytes(nameRange)
)

func inBytes(text string) map[dialect]string {
	return map[dialect]string{
		sqlite:   strings.ReplaceAll(text, " BYTES ", " "),
		postgres: strings.ReplaceAll(text, " BYTES ", ` COLLATE "C" `),
	}
}

// atOnce is how many values one statement looks for.
const atOnce = 16

// The texts that look for several values at once.
var (
	exactText      = `SELECT identifier, user_id FROM identities WHERE connection_id = $17 AND identifier IN (` + listOf(atOnce) + `)`
	idsText        = `SELECT id, id FROM users WHERE id IN (` + listOf(atOnce) + `)`
	usersText      = `SELECT ` + userColumns + ` FROM users WHERE id IN (` + listOf(atOnce) + `)`
	identitiesText = `
		SELECT i.user_id, i.connection_id, c.name, i.channel, i.external_id, i.identifier
		FROM identities i LEFT JOIN connections c ON c.id = i.connection_id WHERE i.user_id IN (` + listOf(atOnce) + `)`
)

func listOf(n int) string { return placeholders(1, strings.Repeat(",", n-1)) }

// padded makes a list of values as long as a statement wants it. No id and no
// identifier is empty.
func padded[T ~string](values []T) []any {
	args := make([]any, atOnce)
	for i := range args {
		args[i] = ""
		if i < len(values) {
			args[i] = string(values[i])
		}
	}
	return args
}

// A hit is a user who was found, and by what.
type hit struct {
	key  string
	user tenant.UserID
}

// SearchUsers implements manage.Users.
func (s *Store) SearchUsers(ctx context.Context, q manage.UserSearch) (manage.UserFound, error) {
	if q.All {
		return s.newestUsers(ctx, q)
	}
	hits, err := s.userHits(ctx, q)
	if err != nil {
		return manage.UserFound{}, fmt.Errorf("search users: %w", err)
	}
	var ids []tenant.UserID
	seen := map[tenant.UserID]bool{}
	for _, h := range hits {
		if !seen[h.user] {
			seen[h.user] = true
			ids = append(ids, h.user)
		}
	}
	ids = ids[min(q.Offset, len(ids)):]
	found := manage.UserFound{More: len(ids) > q.Limit}
	found.Items, err = s.usersByID(ctx, ids[:min(q.Limit, len(ids))])
	return found, err
}

// userHits finds users: first those by exactly what was asked for, then those by
// a beginning, in the order of what they were found by.
func (s *Store) userHits(ctx context.Context, q manage.UserSearch) ([]hit, error) {
	var exact, begun []hit
	for part := range slices.Chunk(q.IDs, atOnce) {
		if err := s.gatherHits(ctx, &exact, idsText, padded(part)...); err != nil {
			return nil, err
		}
	}
	// One more than is wanted, of each kind: some are found twice.
	limit := 2*(q.Offset+q.Limit) + 1
	for _, c := range q.Connections {
		for part := range slices.Chunk(q.Exact, atOnce) {
			if err := s.gatherHits(ctx, &exact, exactText, append(padded(part), string(c))...); err != nil {
				return nil, err
			}
		}
		for _, p := range q.Identifiers {
			if err := s.gatherHits(ctx, &begun, identityRangeText[s.dialect], string(c), p, p+afterAll, limit); err != nil {
				return nil, err
			}
		}
	}
	for _, p := range q.Names {
		if err := s.gatherHits(ctx, &begun, nameRangeText[s.dialect], p, p+afterAll, limit); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(begun, func(a, b hit) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.user, b.user)) })
	return append(exact, begun...), nil
}

func (s *Store) gatherHits(ctx context.Context, to *[]hit, text string, args ...any) error {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var h hit
		if err := rows.Scan(&h.key, &h.user); err != nil {
			return err
		}
		*to = append(*to, h)
	}
	return rows.Err()
}

// The newest users, from a place on, as ranges of an index.
const (
	newestText        = `SELECT ` + userColumns + ` FROM users WHERE created_at <= $1 AND (created_at < $1 OR id < $2) ORDER BY created_at DESC, id DESC LIMIT $3`
	newestBlockedText = `SELECT ` + userColumns + ` FROM users WHERE blocked AND created_at <= $1 AND (created_at < $1 OR id < $2) ORDER BY created_at DESC, id DESC LIMIT $3`
)

func (s *Store) newestUsers(ctx context.Context, q manage.UserSearch) (manage.UserFound, error) {
	text := newestText
	if q.Blocked {
		text = newestBlockedText
	}
	at, id := int64(1)<<60, ""
	if q.Before != nil {
		at, id = toMillis(q.Before.At), q.Before.ID
	}
	list, err := s.readUsers(ctx, text, at, id, q.Limit+1)
	if err != nil {
		return manage.UserFound{}, err
	}
	found := manage.UserFound{Items: list}
	if len(list) > q.Limit {
		found.Items, found.More = list[:q.Limit], true
	}
	return found, s.addAllIdentities(ctx, found.Items)
}

func (s *Store) readUsers(ctx context.Context, text string, args ...any) ([]*tenant.User, error) {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close()
	list := []*tenant.User{}
	for rows.Next() {
		u := &tenant.User{}
		if err := scanUser(rows, u); err != nil {
			return nil, fmt.Errorf("read users: %w", err)
		}
		list = append(list, u)
	}
	return list, wrapped("read users", rows.Err())
}

// usersByID returns those of the users that there are, in the order of the ids.
func (s *Store) usersByID(ctx context.Context, ids []tenant.UserID) ([]*tenant.User, error) {
	byID := map[tenant.UserID]*tenant.User{}
	for part := range slices.Chunk(ids, atOnce) {
		list, err := s.readUsers(ctx, usersText, padded(part)...)
		if err != nil {
			return nil, err
		}
		for _, u := range list {
			byID[u.ID] = u
		}
	}
	list := []*tenant.User{}
	for _, id := range ids {
		if u := byID[id]; u != nil {
			list = append(list, u)
		}
	}
	return list, s.addAllIdentities(ctx, list)
}

// addAllIdentities is addIdentities for many users.
func (s *Store) addAllIdentities(ctx context.Context, users []*tenant.User) error {
	for part := range slices.Chunk(users, atOnce) {
		byID := map[tenant.UserID]*tenant.User{}
		ids := make([]tenant.UserID, len(part))
		for i, u := range part {
			byID[u.ID], ids[i] = u, u.ID
		}
		if err := s.addIdentitiesOf(ctx, byID, padded(ids)); err != nil {
			return fmt.Errorf("read identities: %w", err)
		}
		for _, u := range part {
			sortIdentities(u)
		}
	}
	return nil
}

func (s *Store) addIdentitiesOf(ctx context.Context, users map[tenant.UserID]*tenant.User, ids []any) error {
	rows, err := s.read.query(ctx, identitiesText, ids...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var user tenant.UserID
		var i tenant.Identity
		var name sql.NullString
		if err := rows.Scan(&user, &i.Connection, &name, &i.Channel, &i.UserID, &i.Identifier); err != nil {
			return err
		}
		i.Name = name.String
		if u := users[user]; u != nil {
			u.Identities = append(u.Identities, i)
		}
	}
	return rows.Err()
}
