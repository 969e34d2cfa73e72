package manage

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A ClientQuery picks applications. Empty fields pick all.
type ClientQuery struct {
	AppTypes   []string
	FirstParty *bool
	// Global asks for the application that stands for all, which there is not.
	Global bool
}

func (q ClientQuery) keep() func(*tenant.Client) bool {
	if len(q.AppTypes) == 0 && q.FirstParty == nil && !q.Global {
		return nil
	}
	return func(c *tenant.Client) bool {
		return !q.Global && (len(q.AppTypes) == 0 || slices.Contains(q.AppTypes, c.AppType)) &&
			(q.FirstParty == nil || c.FirstParty == *q.FirstParty)
	}
}

// ListClients returns applications in the order of creation.
func (s *Service) ListClients(ctx context.Context, q ClientQuery, w Window) (List[*tenant.Client], error) {
	return s.Clients.ListClients(ctx, w, q.keep())
}

// Client returns an application. The fault is ErrClient if there is none.
func (s *Service) Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error) {
	c, err := s.Clients.Client(ctx, id)
	return c, as(err, ErrClient)
}

// NewClientID returns an id for an application, NewClientSecret a secret.
func NewClientID() tenant.ClientID { return tenant.ClientID(secret.Alphanumeric(32)) }

// NewClientSecret returns a secret for an application.
func NewClientSecret() string { return secret.Alphanumeric(64) }

// CreateClient creates the application that a body describes. It may use every
// connection from the start, unless the tenant says otherwise or the
// configuration file says whom a connection is for.
func (s *Service) CreateClient(ctx context.Context, by Actor, body *settings.Object) (*tenant.Client, error) {
	change, err := settings.NewClient(NewClientID(), body)
	if err != nil {
		return nil, err
	}
	set, err := s.Clients.Settings(ctx)
	if err != nil {
		return nil, err
	}
	c := change.Client
	c.Secret, c.CreatedAt = change.Secret, s.Now()
	if c.Secret == "" {
		c.Secret = NewClientSecret()
	}
	c.UpdatedAt = c.CreatedAt
	if c, err = adoptKeys(c, c.CreatedAt); err != nil {
		return nil, err
	}
	e, err := s.recordClient(by, outcome{what: "Create a client", status: http.StatusCreated}, &c)
	if err != nil {
		return nil, err
	}
	if err := s.Clients.CreateClient(ctx, c, set.Flags.ClientConnections, e); err != nil {
		return nil, err
	}
	return &c, nil
}

func (s *Service) recordClient(by Actor, o outcome, c *tenant.Client) (tenant.LogEvent, error) {
	body, err := settings.ClientAnswer(c, "", "")
	if err != nil {
		return tenant.LogEvent{}, err
	}
	o.body = body
	return s.record(by, o), nil
}

// A Patch is what an application or an API is to become.
type Patch struct {
	Body *settings.Object
	// Seen is the UpdatedAt of the one that was looked at; zero if it does not
	// matter. The fault is ErrStale if it has changed since.
	Seen time.Time
}

// outdated reports whether the patch was made for another state than the one
// that was last changed at the time. Times are stored in milliseconds.
func (p Patch) outdated(updated time.Time) bool {
	return !p.Seen.IsZero() && p.Seen.UnixMilli() != updated.UnixMilli()
}

// after is the time of a change: later than that of the one before, so that no
// two states have the same.
func (s *Service) after(before time.Time) time.Time {
	now := s.Now()
	if next := before.Add(time.Millisecond); next.After(now) {
		return next
	}
	return now
}

// ChangeClient changes an application as a patch asks.
func (s *Service) ChangeClient(ctx context.Context, by Actor, id tenant.ClientID, p Patch) (*tenant.Client, error) {
	return s.changeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		if p.outdated(c.UpdatedAt) {
			return tenant.LogEvent{}, ErrStale
		}
		was, err := settings.ClientAnswer(c, "", "")
		if err != nil {
			return tenant.LogEvent{}, err
		}
		change, err := settings.ChangeClient(c, p.Body)
		if err != nil {
			return tenant.LogEvent{}, err
		}
		before := *c
		*c = change.Client
		c.Secret, c.CreatedAt, c.UpdatedAt = before.Secret, before.CreatedAt, s.after(before.UpdatedAt)
		if change.Secret != "" {
			c.Secret = change.Secret
		}
		c.Credentials = before.Credentials
		if *c, err = adoptKeys(*c, c.UpdatedAt); err != nil {
			return tenant.LogEvent{}, err
		}
		return s.recordClient(by, outcome{what: "Update a client", status: http.StatusOK, before: was}, c)
	})
}

// RotateSecret gives an application a new secret. The old one is worth nothing
// from then on.
func (s *Service) RotateSecret(ctx context.Context, by Actor, id tenant.ClientID) (*tenant.Client, error) {
	fresh := NewClientSecret()
	return s.changeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		c.Secret, c.UpdatedAt = fresh, s.after(c.UpdatedAt)
		return s.recordClient(by, outcome{what: "Rotate a client secret", status: http.StatusOK}, c)
	})
}

// ShowSecret returns the secret of an application, and notes in the log that it
// was given out.
func (s *Service) ShowSecret(ctx context.Context, by Actor, id tenant.ClientID) (string, error) {
	c, err := s.Client(ctx, id)
	if err != nil {
		return "", err
	}
	if err := s.ReadSecrets(ctx, by, "Read the secret of a client"); err != nil {
		return "", err
	}
	return c.Secret, nil
}

func (s *Service) changeClient(ctx context.Context, id tenant.ClientID, change ChangeClient) (*tenant.Client, error) {
	var after tenant.Client
	err := s.Clients.ChangeClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		if c.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		e, err := change(c)
		after = *c
		return e, err
	})
	if err != nil {
		return nil, as(err, ErrClient)
	}
	return &after, nil
}

// DeleteClient deletes an application and ends what was granted to it. It is
// no fault if there is none.
func (s *Service) DeleteClient(ctx context.Context, by Actor, id tenant.ClientID) error {
	return gone(s.Clients.DeleteClient(ctx, id, func(c *tenant.Client) (tenant.LogEvent, error) {
		if c.Managed {
			return tenant.LogEvent{}, ErrManaged
		}
		was, err := settings.ClientAnswer(c, "", "")
		return s.record(by, outcome{what: "Delete a client", status: http.StatusNoContent, before: was}), err
	}))
}
