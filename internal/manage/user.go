package manage

import (
	"context"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// maxUserID bounds what is looked up.
const maxUserID = 512

// User returns a user with identities. The fault is ErrUser if there is none.
func (s *Service) User(ctx context.Context, id tenant.UserID) (*tenant.User, error) {
	if id == "" || len(id) > maxUserID {
		return nil, ErrUser
	}
	u, err := s.Users.User(ctx, id)
	return u, as(err, ErrUser)
}

// UsersByEmail returns the users with an address, which is compared as Auth0
// keeps it: in lower case.
func (s *Service) UsersByEmail(ctx context.Context, email string) ([]*tenant.User, error) {
	if email == "" {
		return nil, fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'Missing required property: email'.")
	}
	list, err := s.Users.ListUsers(ctx, UserQuery{Email: email}, Window{Limit: 100})
	return list.Items, err
}

// A UserRequest asks for users by a search.
type UserRequest struct {
	Query string
	Sort  string // "created_at:1" or "created_at:-1"; oldest first if empty
}

// ListUsers returns users that match a search.
func (s *Service) ListUsers(ctx context.Context, r UserRequest, w Window) (List[*tenant.User], error) {
	none := List[*tenant.User]{Items: []*tenant.User{}}
	if err := checkReach(w); err != nil {
		return none, err
	}
	q := UserQuery{}
	switch r.Sort {
	case "", "created_at:1":
	case "created_at:-1":
		q.Descending = true
	default:
		return none, fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'Users are sorted by created_at:1 or created_at:-1' on property sort.")
	}
	terms, err := parseQuery(r.Query)
	if err != nil {
		return none, err
	}
	for _, t := range terms {
		known, err := s.inUsers(ctx, t, &q)
		if err != nil || !known {
			return none, err
		}
	}
	return s.Users.ListUsers(ctx, q, w)
}

// inUsers adds a term to a search of users. It reports false when nobody can
// match.
func (s *Service) inUsers(ctx context.Context, t term, q *UserQuery) (possible bool, err error) {
	if t.ranged || t.value == "" {
		return false, badQuery("Users are searched by values")
	}
	switch t.field {
	case "user_id":
		q.ID = t.value
	case "email":
		q.Email = t.value
	case "phone_number":
		q.Phone = t.value
	case "name":
		q.Name = t.value
	case "nickname":
		q.Nickname = t.value
	case "blocked":
		if t.value != "true" && t.value != "false" {
			return false, badQuery("blocked is true or false")
		}
		blocked := t.value == "true"
		q.Blocked = &blocked
	case "identities.connection":
		list, err := s.ListConnections(ctx, ConnectionQuery{Name: t.value}, Window{Limit: 1})
		if err != nil || len(list.Items) == 0 {
			return false, err
		}
		q.Connection = list.Items[0].ID
	default:
		return false, badQuery("The field cannot be searched")
	}
	return true, nil
}
