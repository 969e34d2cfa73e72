package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// newUserPage makes a user.
type newUserPage struct {
	Connections []*tenant.Connection
	Connection  string // by name
	Identifier  string
	Name        string
	Verified    bool
	Wrong       map[string]string
	Problem     string
	Existing    string // address of whoever has the number already
}

func (d *Dashboard) newUser(w http.ResponseWriter, q *request) error {
	return d.showNewUser(w, q, newUserPage{Connection: q.URL.Query().Get("connection")})
}

func (d *Dashboard) showNewUser(w http.ResponseWriter, q *request, p newUserPage) error {
	list, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{}, everything())
	if err != nil {
		return err
	}
	for _, c := range list.Items {
		if c.Channel == tenant.SMS || c.Channel == tenant.Email {
			p.Connections = append(p.Connections, c)
		}
	}
	return d.show(w, q, "user-new", view{Title: "Create user", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p})
}

// createUser makes the user that was typed.
func (d *Dashboard) createUser(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := newUserPage{Connection: f.Get("connection"), Identifier: f.line("identifier"), Name: f.line("name"), Verified: f.on("verified")}
	channel, err := d.channelOf(q, p.Connection)
	if err != nil {
		return err
	}
	if channel == "" {
		p.Wrong = map[string]string{"connection": "Choose how the person will sign in."}
		return d.showNewUser(w, q, p)
	}
	raw, problem := p.body(channel)
	if problem != "" {
		p.Wrong = map[string]string{"identifier": problem}
		return d.showNewUser(w, q, p)
	}
	body, err := settings.ParseObject(raw)
	if err != nil {
		return fmt.Errorf("write user: %w", err)
	}
	u, err := d.Manage.CreateUser(q.Context(), q.actor(raw), body)
	told := fault.Of(err)
	switch {
	case errors.Is(err, manage.ErrUserExists):
		p.Wrong = map[string]string{"identifier": "There is a user with it already."}
		found, err := d.Manage.FindUsers(q.Context(), manage.UserFind{Text: p.Identifier, Regions: q.regions(), Limit: 1})
		if err != nil {
			return err
		}
		if len(found.Items) == 1 {
			p.Existing = userAddress(found.Items[0].ID, "")
		}
		return d.showNewUser(w, q, p)
	case err != nil && told.Kind == fault.Invalid:
		p.Problem = told.Message
		return d.showNewUser(w, q, p)
	case err != nil:
		return err
	}
	return leave(w, q.Request, userAddress(u.ID, "")+"?done=created")
}

// channelOf is what a connection sends by, or "" if there is no such.
func (d *Dashboard) channelOf(q *request, name string) (tenant.Channel, error) {
	if name == "" {
		return "", nil
	}
	list, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{Name: name}, manage.Window{Limit: 1})
	if err != nil || len(list.Items) == 0 {
		return "", err
	}
	return list.Items[0].Channel, nil
}

// body is the user as the Management API would be asked for it, or what is wrong
// with what was typed.
func (p *newUserPage) body(channel tenant.Channel) (raw []byte, problem string) {
	body := map[string]any{"connection": p.Connection}
	if p.Name != "" {
		body["name"] = p.Name
	}
	if channel == tenant.Email {
		to, err := address.Email(p.Identifier)
		if err != nil {
			return nil, "Enter an e-mail address, such as ada@mail.example."
		}
		body["email"], body["email_verified"] = to, p.Verified
	} else {
		to, err := address.TypedPhone(p.Identifier)
		if err != nil {
			return nil, "Enter a phone number with its country code, such as +44 7700 900123."
		}
		body["phone_number"], body["phone_verified"] = to, p.Verified
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, "This cannot be stored."
	}
	return raw, ""
}
