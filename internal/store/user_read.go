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

var _ manage.Users = (*Store)(nil)

// User implements manage.Users.
func (s *Store) User(ctx context.Context, id tenant.UserID) (*tenant.User, error) {
	var u tenant.User
	if err := scanUser(s.read.row(ctx, `SELECT `+userColumns+` FROM users WHERE id = $1`, id), &u); err != nil {
		return nil, fmt.Errorf("read user: %w", absent(err))
	}
	if err := addIdentities(ctx, s.read, &u); err != nil {
		return nil, err
	}
	return &u, nil
}

// addIdentities reads the identities of a user, the one their id is made from
// first.
func addIdentities(ctx context.Context, q querier, u *tenant.User) error {
	rows, err := q.query(ctx, `
		SELECT i.connection_id, c.name, i.channel, i.external_id, i.identifier
		FROM identities i LEFT JOIN connections c ON c.id = i.connection_id WHERE i.user_id = $1`, u.ID)
	if err != nil {
		return fmt.Errorf("read identities: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var i tenant.Identity
		var name sql.NullString
		if err := rows.Scan(&i.Connection, &name, &i.Channel, &i.UserID, &i.Identifier); err != nil {
			return fmt.Errorf("read identities: %w", err)
		}
		i.Name = name.String
		u.Identities = append(u.Identities, i)
	}
	sortIdentities(u)
	return rows.Err()
}

// sortIdentities puts the identity first that a user's id is made from.
func sortIdentities(u *tenant.User) {
	own := func(i tenant.Identity) int {
		if string(i.Channel)+"|"+i.UserID == string(u.ID) {
			return 0
		}
		return 1
	}
	slices.SortFunc(u.Identities, func(a, b tenant.Identity) int {
		return cmp.Or(cmp.Compare(own(a), own(b)), cmp.Compare(a.Connection, b.Connection), cmp.Compare(a.Identifier, b.Identifier))
	})
}

// usersWhere picks users. One text serves every query: what is not asked for
// is empty, so the number of statements does not depend on what callers send.
const usersWhere = ` FROM users WHERE ($1 = '' OR id = $1) AND ($2 = '' OR lower(email) = $2)
	AND ($3 = '' OR phone = $3) AND ($4 = '' OR name = $4) AND ($5 = '' OR nickname = $5)
	AND ($6 = '' OR EXISTS (SELECT 1 FROM identities i WHERE i.user_id = users.id AND i.connection_id = $6))
	AND ($7 = '' OR ($7 = 'true' AND blocked) OR ($7 = 'false' AND NOT blocked))`

// ListUsers implements manage.Users.
func (s *Store) ListUsers(ctx context.Context, q manage.UserQuery, w manage.Window) (manage.List[*tenant.User], error) {
	list := manage.List[*tenant.User]{Items: []*tenant.User{}}
	blocked := ""
	if q.Blocked != nil {
		blocked = fmt.Sprint(*q.Blocked)
	}
	args := []any{string(q.ID), strings.ToLower(q.Email), q.Phone, q.Name, q.Nickname, string(q.Connection), blocked}
	if w.Count {
		if err := s.read.row(ctx, `SELECT COUNT(*)`+usersWhere, args...).Scan(&list.Total); err != nil {
			return list, fmt.Errorf("count users: %w", err)
		}
	}
	text, offset := `SELECT `+userColumns+usersWhere+`
		AND (created_at > $8 OR (created_at = $8 AND id > $9)) ORDER BY created_at, id LIMIT $10 OFFSET $11`, w.Offset
	at, id := start(w)
	if q.Descending {
		text = `SELECT ` + userColumns + usersWhere + `
		AND (created_at < $8 OR (created_at = $8 AND id < $9)) ORDER BY created_at DESC, id DESC LIMIT $10 OFFSET $11`
		if w.After == nil {
			at = 1 << 60
		}
	}
	if w.After != nil {
		offset = 0
	}
	rows, err := s.read.query(ctx, text, append(args, at, id, w.Limit+1, offset)...)
	if err != nil {
		return list, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		u := &tenant.User{}
		if err := scanUser(rows, u); err != nil {
			return list, fmt.Errorf("read users: %w", err)
		}
		list.Items = append(list.Items, u)
	}
	if err := rows.Err(); err != nil {
		return list, fmt.Errorf("read users: %w", err)
	}
	if len(list.Items) > w.Limit {
		list.Items = list.Items[:w.Limit]
		if w.Limit > 0 {
			last := list.Items[w.Limit-1]
			list.Next = &manage.Place{At: last.CreatedAt, ID: string(last.ID)}
		}
	}
	for _, u := range list.Items {
		if err := addIdentities(ctx, s.read, u); err != nil {
			return list, err
		}
	}
	return list, nil
}
