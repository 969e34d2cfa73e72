package manage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A ConnectionQuery picks connections. Empty fields pick all.
type ConnectionQuery struct {
	Name       string
	Strategies []string
	Client     tenant.ClientID // enabled for it
}

func (q ConnectionQuery) matches(c *tenant.Connection) bool {
	return (q.Name == "" || c.Name == q.Name) &&
		(len(q.Strategies) == 0 || slices.Contains(q.Strategies, string(c.Channel))) &&
		(q.Client == "" || c.Admits(q.Client))
}

// ListConnections returns connections in the order of creation.
func (s *Service) ListConnections(ctx context.Context, q ConnectionQuery, w Window) (List[*tenant.Connection], error) {
	all, err := s.Connections.AllConnections(ctx)
	if err != nil {
		return List[*tenant.Connection]{}, err
	}
	picked := make([]*tenant.Connection, 0, len(all))
	for _, c := range all {
		if q.matches(c) {
			picked = append(picked, c)
		}
	}
	return cut(picked, w, connectionPlace), nil
}

// Connection returns a connection. The fault is ErrConnection if there is none.
func (s *Service) Connection(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error) {
	c, err := s.Connections.ConnectionByID(ctx, id)
	return c, as(err, ErrConnection)
}

// NewConnectionID returns an id for a connection.
func NewConnectionID() tenant.ConnectionID {
	return tenant.ConnectionID("con_" + secret.Alphanumeric(16))
}

// CreateConnection creates the connection that a body describes.
func (s *Service) CreateConnection(ctx context.Context, by Actor, body *settings.Object) (*tenant.Connection, error) {
	change, err := settings.NewConnection(NewConnectionID(), body)
	if err != nil {
		return nil, err
	}
	c := change.Connection
	c.Clients, c.CreatedAt = change.Clients, s.Now()
	c.SecretsAt = secretsAt(c.Secrets, nil, s.Now())
	c.UpdatedAt = c.CreatedAt
	e, err := s.recordConnection(by, outcome{what: "Create a connection", status: http.StatusCreated}, &c)
	if err != nil {
		return nil, err
	}
	if err := s.Connections.CreateConnection(ctx, c, e); err != nil {
		return nil, err
	}
	return &c, nil
}

// recordConnection is record for a change of a connection, which is also the
// answer.
func (s *Service) recordConnection(by Actor, o outcome, c *tenant.Connection) (tenant.LogEvent, error) {
	body, err := settings.ConnectionAnswer(c, false)
	if err != nil {
		return tenant.LogEvent{}, err
	}
	o.body = body
	e := s.record(by, o)
	event.About(&e, c, nil)
	return e, nil
}

// A ConnectionPatch is what a connection is to become, and how options are to
// be read.
type ConnectionPatch struct {
	Body  *settings.Object
	Merge settings.Merge
	// Version is that of the connection which was looked at; 0 if it does not
	// matter. The fault is ErrStale if the connection has changed since.
	Version int64
}

// ChangeConnection changes a connection as a body asks.
func (s *Service) ChangeConnection(ctx context.Context, by Actor, id tenant.ConnectionID, p ConnectionPatch) (*tenant.Connection, error) {
	var after tenant.Connection
	err := s.Connections.ChangeConnection(ctx, id, func(c *tenant.Connection) (tenant.LogEvent, error) {
		if c.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		if p.Version != 0 && p.Version != c.Version {
			return tenant.LogEvent{}, ErrStale
		}
		before, err := settings.ConnectionAnswer(c, false)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		change, err := settings.ChangeConnection(c, p.Body, p.Merge)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		s.replace(c, change)
		after = *c
		return s.recordConnection(by, outcome{what: "Update a connection", status: http.StatusOK, before: before}, c)
	})
	if err != nil {
		return nil, as(err, ErrConnection)
	}
	return &after, nil
}

// replace puts what a change made of a connection in its place.
func (s *Service) replace(c *tenant.Connection, change settings.ConnectionChange) {
	before := *c
	*c = change.Connection
	c.ID, c.Version, c.Managed, c.Clients, c.CreatedAt = before.ID, before.Version, before.Managed, before.Clients, before.CreatedAt
	c.UpdatedAt = s.Now()
	c.SecretsAt = secretsAt(c.Secrets, &before, c.UpdatedAt)
	if change.NameClients {
		c.Clients = change.Clients
	}
}

// secretsAt is when each secret was last changed: now, unless it is the one that
// the connection had before.
func secretsAt(secrets map[string]string, before *tenant.Connection, now time.Time) map[string]time.Time {
	at := map[string]time.Time{}
	for name, value := range secrets {
		at[name] = now
		if before == nil || before.Secrets[name] != value {
			continue
		}
		delete(at, name)
		if known, ok := before.SecretsAt[name]; ok {
			at[name] = known
		}
	}
	return at
}

// DeleteConnection deletes a connection and its users.
func (s *Service) DeleteConnection(ctx context.Context, by Actor, id tenant.ConnectionID) (time.Time, error) {
	now := s.Now().UTC()
	e := s.record(by, outcome{what: "Delete a connection", status: http.StatusAccepted})
	e.ConnectionID = id
	return now, as(s.Connections.DeleteConnection(ctx, id, e), ErrConnection)
}

// ConnectionClients returns the applications a connection is enabled for.
func (s *Service) ConnectionClients(ctx context.Context, id tenant.ConnectionID, w Window) (List[tenant.ClientID], error) {
	c, err := s.Connection(ctx, id)
	if err != nil {
		return List[tenant.ClientID]{}, err
	}
	return cut(c.Clients, w, func(id tenant.ClientID) Place { return Place{ID: string(id)} }), nil
}

// maxStatuses is how many applications one change can switch (Auth0: 50).
const maxStatuses = 50

// EnableClients switches a connection on or off for applications: a list of
// objects with client_id and status.
func (s *Service) EnableClients(ctx context.Context, by Actor, id tenant.ConnectionID, body []byte) error {
	switches, err := readSwitches(body)
	if err != nil {
		return err
	}
	err = s.Connections.ChangeConnection(ctx, id, func(c *tenant.Connection) (tenant.LogEvent, error) {
		if c.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		before := map[string]any{"enabled_clients": slices.Clone(c.Clients)}
		for _, sw := range switches {
			at := slices.Index(c.Clients, sw.id)
			switch {
			case sw.on && at < 0:
				c.Clients = append(c.Clients, sw.id)
			case !sw.on && at >= 0:
				c.Clients = slices.Delete(c.Clients, at, at+1)
			}
		}
		slices.Sort(c.Clients)
		c.UpdatedAt = s.Now()
		e := s.record(by, outcome{
			what: "Update enabled clients for a connection", status: http.StatusNoContent,
			before: before, after: map[string]any{"enabled_clients": c.Clients},
		})
		event.About(&e, c, nil)
		return e, nil
	})
	return as(err, ErrConnection)
}

type clientSwitch struct {
	id tenant.ClientID
	on bool
}

func readSwitches(body []byte) ([]clientSwitch, error) {
	var list []json.RawMessage
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, settings.Invalid("", "Expected type array but found type object")
	}
	switch {
	case len(list) == 0:
		return nil, settings.Invalid("", "Array is too short (0), minimum 1")
	case len(list) > maxStatuses:
		return nil, settings.Invalid("", "Array is too long (%d), maximum %d", len(list), maxStatuses)
	}
	out := make([]clientSwitch, len(list))
	for i, raw := range list {
		o, err := settings.Switch(fmt.Sprintf("[%d]", i), raw)
		if err != nil {
			return nil, err
		}
		out[i] = clientSwitch{tenant.ClientID(o.Text("client_id")), string(o.Raw("status")) == "true"}
	}
	return out, nil
}

// Try notes in the tenant's log that an administrator tried a connection, which
// sends a message or signs its recipient in.
func (s *Service) Try(ctx context.Context, by Actor, c *tenant.Connection, what string) error {
	e := s.record(by, outcome{what: what, status: http.StatusOK})
	event.About(&e, c, nil)
	if err := s.Logs.AddLogs(ctx, e); err != nil {
		return fmt.Errorf("log the trying of a connection: %w", err)
	}
	return nil
}

// ReadSecrets notes in the tenant's log that secrets were given out (Auth0:
// mgmt_api_read).
func (s *Service) ReadSecrets(ctx context.Context, by Actor, what string) error {
	err := s.Logs.AddLogs(ctx, s.entry(event.ManagementSecret, by, outcome{what: what, status: http.StatusOK}))
	if err != nil {
		return fmt.Errorf("log the reading of secrets: %w", err)
	}
	return nil
}
