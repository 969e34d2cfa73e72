package manage

import (
	"context"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// CreateUser makes the user that a body asks for. They sign in with a code like
// anybody; the connection may be one that takes no sign-ups.
func (s *Service) CreateUser(ctx context.Context, by Actor, body *settings.Object) (*tenant.User, error) {
	wanted, err := settings.NewUser(body)
	if err != nil {
		return nil, err
	}
	c, err := s.connectionNamed(ctx, wanted.Connection)
	if err != nil {
		return nil, err
	}
	identifier, err := newIdentifier(c, &wanted)
	if err != nil {
		return nil, err
	}
	if identifier == "" {
		return nil, settings.Invalid("", "Missing required property: %s", identifierName(c.Channel))
	}
	to := tenant.Recipient{Connection: c.ID, Channel: c.Channel, Identifier: identifier}
	u := account.New(to, c.Name, wanted.ExternalID, s.Now())
	u.PhoneVerified, u.EmailVerified = false, false
	if err := verify(c.Channel, &wanted, &u); err != nil {
		return nil, err
	}
	if err := wanted.Apply(&u); err != nil {
		return nil, err
	}
	made, err := s.Users.CreateUser(ctx, NewUser{User: u, Named: wanted.ExternalID != "", Event: func(u *tenant.User) tenant.LogEvent {
		e := s.record(by, outcome{what: "Create a User", status: http.StatusCreated, body: map[string]any{"user_id": u.ID, "connection": c.Name}})
		event.About(&e, c, nil)
		e.User = u.ID
		return e
	}})
	return made, as(err, noTestConnection)
}

// identifierName is what the Management API calls the identifiers of a channel.
func identifierName(c tenant.Channel) string {
	if c == tenant.Email {
		return "email"
	}
	return "phone_number"
}

// newIdentifier returns the number or address that a body gives a user of a
// connection, as it is stored, or "" if it gives none.
func newIdentifier(c *tenant.Connection, wanted *settings.UserBody) (string, error) {
	name, sent, other := identifierName(c.Channel), wanted.Phone, wanted.Email
	if c.Channel == tenant.Email {
		sent, other = other, sent
	}
	switch {
	case c.Channel != tenant.SMS && c.Channel != tenant.Email:
		return "", settings.Invalid("connection", "The connection %s is not passwordless", c.Name)
	case other != nil:
		wrong := "email"
		if name == wrong {
			wrong = "phone_number"
		}
		return "", settings.Invalid(wrong, "The users of the connection %s have none", c.Name)
	case sent == nil:
		return "", nil
	}
	if c.Channel == tenant.Email {
		to, err := address.Email(*sent)
		if err != nil {
			return "", settings.Invalid(name, "Object didn't pass validation for format email: %s", *sent)
		}
		return to, nil
	}
	to, err := address.Phone(*sent)
	if err == nil {
		err = address.CheckPhone(to, c.Numbers)
	}
	if err != nil {
		return "", settings.Invalid(name, "%s", err.Error())
	}
	return to, nil
}

// verify sets what a body says of the identifier in a profile.
func verify(c tenant.Channel, wanted *settings.UserBody, u *tenant.User) error {
	set, to, other, wrong := wanted.PhoneVerified, &u.PhoneVerified, wanted.EmailVerified, "email_verified"
	if c == tenant.Email {
		set, to, other, wrong = wanted.EmailVerified, &u.EmailVerified, wanted.PhoneVerified, "phone_verified"
	}
	if other != nil {
		return settings.Invalid(wrong, "The users of %s connections have no such property", c)
	}
	if set != nil {
		*to = *set
	}
	return nil
}

// ChangeUser changes a user as a body asks. The fault is ErrUser if there is
// none.
func (s *Service) ChangeUser(ctx context.Context, by Actor, id tenant.UserID, wanted settings.UserBody) (*tenant.User, error) {
	var c *tenant.Connection
	if wanted.Connection != "" {
		var err error
		if c, err = s.connectionNamed(ctx, wanted.Connection); err != nil {
			return nil, err
		}
	}
	if id == "" || len(id) > maxUserID {
		return nil, ErrUser
	}
	all, err := s.Connections.AllConnections(ctx)
	if err != nil {
		return nil, err
	}
	p := userPatch{s: s, by: by, wanted: wanted, connection: c, all: all}
	ends := wanted.Phone != nil || wanted.Email != nil || wanted.Blocked != nil && *wanted.Blocked
	u, err := s.Users.ChangeUser(ctx, UserChange{ID: id, Now: s.Now(), Ends: ends, Change: p.apply})
	return u, as(err, ErrUser)
}

// A userPatch is a change of a user, whom it does not know yet.
type userPatch struct {
	s          *Service
	by         Actor
	wanted     settings.UserBody
	connection *tenant.Connection // nil: the one that the user's id is of
	all        []*tenant.Connection
}

// apply is a ChangeUser.
func (p *userPatch) apply(u *tenant.User) (*Move, []tenant.LogEvent, error) {
	w, o := &p.wanted, outcome{what: "Update a User", status: http.StatusOK, body: map[string]any{"user_id": u.ID}}
	if w.Blocked != nil {
		o.before, o.after = map[string]any{"blocked": u.Blocked}, map[string]any{"blocked": *w.Blocked}
	}
	e := p.s.record(p.by, o)
	e.User, e.Test = u.ID, u.Test
	events := []tenant.LogEvent{e}
	var move *Move
	if w.Phone != nil || w.Email != nil || w.PhoneVerified != nil || w.EmailVerified != nil {
		i, c, err := p.identity(u)
		if err != nil {
			return nil, nil, err
		}
		if move, err = p.move(u, c, u.Identities[i]); err != nil {
			return nil, nil, err
		}
		if move != nil {
			u.Identities[i].Identifier = move.To
			typ := event.PhoneChanged
			if c.Channel == tenant.Email {
				typ = event.EmailChanged
			}
			changed := event.New(typ, e.At)
			event.About(&changed, c, nil)
			changed.Client, changed.IP, changed.User = p.by.Client, p.by.IP, u.ID
			events = append(events, changed)
		}
		if w.PhoneVerified != nil || w.EmailVerified != nil {
			if u.Identities[i].Identifier != u.Phone && u.Identities[i].Identifier != u.Email {
				return nil, nil, settings.Invalid("connection", "The profile has the identifier of another connection")
			}
			if err := verify(c.Channel, w, u); err != nil {
				return nil, nil, err
			}
		}
	}
	u.UpdatedAt = p.s.Now()
	return move, events, w.Apply(u)
}

// identity finds the identity that the body is about.
func (p *userPatch) identity(u *tenant.User) (int, *tenant.Connection, error) {
	for i, id := range u.Identities {
		if p.connection == nil || p.connection.ID == id.Connection {
			for _, c := range p.all {
				if c.ID == id.Connection {
					return i, c, nil
				}
			}
		}
	}
	return 0, nil, settings.Invalid("connection", "The user has no identity of that connection")
}

// move decides whether the body gives the identity another identifier. What the
// profile has only because of the old one follows.
func (p *userPatch) move(u *tenant.User, c *tenant.Connection, id tenant.Identity) (*Move, error) {
	to, err := newIdentifier(c, &p.wanted)
	if err != nil || to == "" || to == id.Identifier {
		return nil, err
	}
	if u.Test {
		return nil, settings.Invalid(identifierName(c.Channel), "The user is a test identity's")
	}
	if u.Name == id.Identifier {
		u.Name = to
	}
	if u.Phone == id.Identifier {
		u.Phone, u.PhoneVerified = to, false
	}
	if u.Email == id.Identifier {
		if local, _, _ := strings.Cut(id.Identifier, "@"); u.Nickname == local {
			u.Nickname, _, _ = strings.Cut(to, "@")
		}
		if u.Picture == account.Picture(id.Identifier) {
			u.Picture = account.Picture(to)
		}
		u.Email, u.EmailVerified = to, false
	}
	return &Move{Identity: id, To: to}, nil
}

// DeleteUser deletes a user, if there is one.
func (s *Service) DeleteUser(ctx context.Context, by Actor, id tenant.UserID) error {
	if id == "" || len(id) > maxUserID {
		return nil
	}
	e := s.record(by, outcome{what: "Delete a User", status: http.StatusNoContent})
	e.User = id
	deleted := event.New(event.UserDeleted, e.At)
	deleted.Client, deleted.IP, deleted.User = by.Client, by.IP, id
	return s.Users.DeleteUser(ctx, DeleteUser{ID: id, Now: e.At, Event: e, Deleted: deleted})
}
