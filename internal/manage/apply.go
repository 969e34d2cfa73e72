package manage

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ApplyFile makes what the configuration file says so, in one transaction. It
// finds things by their names, makes those that are not there, deletes
// nothing, and leaves alone what the file does not name. From then on what it
// names can be changed only there. A nil file names nothing, so what an
// earlier one managed is free again.
//
// Every error names the file and the line.
func (s *Service) ApplyFile(ctx context.Context, f *config.File) error {
	if f == nil {
		f = &config.File{}
	}
	return s.Files.Apply(ctx, func(all Everything) (Plan, error) {
		p := &planner{s: s, file: f, all: all, now: s.Now()}
		for _, step := range []func() error{p.tenant, p.clients, p.apis, p.connections, p.grants, p.emailProvider, p.protection, p.testIdentities} {
			if err := step(); err != nil {
				return Plan{}, err
			}
		}
		p.everywhere()
		if f.Path != "" {
			p.plan.Events = append(p.plan.Events, p.event())
		}
		return p.plan, nil
	})
}

// A planner works out what a file changes. It changes none of what there is.
type planner struct {
	s    *Service
	file *config.File
	all  Everything
	now  time.Time
	plan Plan

	settings *tenant.Settings // as they will be
	fresh    []tenant.ClientID
}

func (p *planner) event() tenant.LogEvent {
	e := event.New(event.ManagementWrite, p.now)
	e.StrategyType, e.Description = "", "Apply the configuration file"
	e.Details = map[string]any{
		"file": filepath.Base(p.file.Path), "clients": len(p.plan.Clients), "connections": len(p.plan.Connections),
		"resourceServers": len(p.plan.APIs), "clientGrants": len(p.plan.Grants),
	}
	return e
}

// at gives an error the line of the property it is about.
func (p *planner) at(d config.Document, err error) error {
	if err == nil {
		return nil
	}
	var where *settings.At
	property := ""
	if errors.As(err, &where) {
		property = where.Property
	}
	return fmt.Errorf("%s:%d: %s", p.file.Path, d.LineOf(property), fault.Of(err).Message)
}

func (p *planner) bad(d config.Document, property, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", p.file.Path, d.LineOf(property), fmt.Sprintf(format, args...))
}

// read takes the members that are ours out of a document.
func (p *planner) read(d config.Document) (*settings.Object, error) {
	o, err := settings.ParseObject(d.JSON)
	if err != nil {
		return nil, p.bad(d, "", "this cannot be read")
	}
	return o, nil
}

func (p *planner) tenant() error {
	p.settings = p.all.Settings
	if p.file.Tenant == nil {
		return nil
	}
	body, err := p.read(*p.file.Tenant)
	if err != nil {
		return err
	}
	doc, err := settings.ChangeTenant(p.all.Settings.Doc, body)
	if err != nil {
		return p.at(*p.file.Tenant, err)
	}
	set, err := settings.Tenant(doc)
	if err != nil {
		return p.at(*p.file.Tenant, err)
	}
	p.settings, p.plan.Tenant = &set, doc
	return nil
}

func (p *planner) clients() error {
	for _, d := range p.file.Clients {
		c, err := p.client(d)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.plan.Clients, func(o tenant.Client) bool { return o.ID == c.ID }) {
			return p.bad(d, "name", "the application %q is there twice", c.Name)
		}
		p.plan.Clients = append(p.plan.Clients, c)
	}
	return nil
}

func (p *planner) client(d config.Document) (tenant.Client, error) {
	body, err := p.read(d)
	if err != nil {
		return tenant.Client{}, err
	}
	if err := settings.CheckClientID(body); err != nil {
		return tenant.Client{}, p.at(d, err)
	}
	id := tenant.ClientID(body.Text("client_id"))
	body.Remove("client_id")
	before, err := p.findClient(d, id, body.Text("name"))
	if err != nil {
		return tenant.Client{}, err
	}
	var change settings.ClientChange
	if before == nil {
		if id == "" {
			id = NewClientID()
		}
		change, err = settings.NewClient(id, body)
		p.fresh = append(p.fresh, id)
	} else {
		change, err = settings.ChangeClient(before, body)
	}
	if err != nil {
		return tenant.Client{}, p.at(d, err)
	}
	c := change.Client
	c.CreatedAt, c.UpdatedAt, c.Secret = p.now, p.now, change.Secret
	if before != nil {
		c.CreatedAt, c.Credentials = before.CreatedAt, before.Credentials
		if c.Secret == "" {
			c.Secret = before.Secret
		}
	}
	if c.Secret == "" {
		c.Secret = NewClientSecret()
	}
	c, err = adoptKeys(c, p.now)
	return c, p.at(d, err)
}

// findClient finds the application a document is about: by its id if that is
// given, else by its name, which must then be one application's alone.
func (p *planner) findClient(d config.Document, id tenant.ClientID, name string) (*tenant.Client, error) {
	var found *tenant.Client
	for _, c := range p.all.Clients {
		switch {
		case id != "" && c.ID == id:
			return c, nil
		case id != "" || c.Name != name:
		case found != nil:
			return nil, p.bad(d, "name", "several applications are named %q: say which with client_id", name)
		default:
			found = c
		}
	}
	return found, nil
}

// clientNamed resolves the name or id of an application, of the file or stored.
func (p *planner) clientNamed(d config.Document, property, name string) (tenant.ClientID, error) {
	var named []tenant.ClientID
	consider := func(c *tenant.Client) bool {
		if string(c.ID) == name {
			named = []tenant.ClientID{c.ID}
			return true
		}
		if c.Name == name && !slices.Contains(named, c.ID) {
			named = append(named, c.ID)
		}
		return false
	}
	for i := range p.plan.Clients {
		if consider(&p.plan.Clients[i]) {
			return named[0], nil
		}
	}
	inFile := len(named)
	for _, c := range p.all.Clients {
		if consider(c) {
			return named[0], nil
		}
	}
	switch {
	case len(named) == 0:
		return "", p.bad(d, property, "there is no application %q", name)
	case len(named) > 1 && inFile != 1:
		return "", p.bad(d, property, "several applications are named %q: say which by client_id", name)
	}
	return named[0], nil
}

func (p *planner) apis() error {
	for _, d := range p.file.APIs {
		body, err := p.read(d)
		if err != nil {
			return err
		}
		identifier := body.Text("identifier")
		if p.s.isManagement(identifier) {
			return p.bad(d, "identifier", "the Management API is always there and cannot be changed")
		}
		var a tenant.API
		at := slices.IndexFunc(p.all.APIs, func(o *tenant.API) bool { return o.Identifier == identifier })
		if at < 0 {
			a, err = settings.NewAPI(secret.Hex(12), body)
			a.CreatedAt = p.now
		} else {
			body.Remove("identifier")
			a, err = settings.ChangeAPI(p.all.APIs[at], body)
			a.CreatedAt = p.all.APIs[at].CreatedAt
		}
		if err != nil {
			return p.at(d, err)
		}
		if slices.ContainsFunc(p.plan.APIs, func(o tenant.API) bool { return o.Identifier == a.Identifier }) {
			return p.bad(d, "identifier", "the API %q is there twice", a.Identifier)
		}
		a.UpdatedAt = p.now
		p.plan.APIs = append(p.plan.APIs, a)
	}
	return nil
}

func (p *planner) grants() error {
	for _, d := range p.file.ClientGrants {
		body, err := p.read(d)
		if err != nil {
			return err
		}
		g, err := settings.NewGrant(body)
		if err != nil {
			return p.at(d, err)
		}
		if g.Client, err = p.clientNamed(d, "client_id", string(g.Client)); err != nil {
			return err
		}
		if !p.knowsAudience(g.Audience) {
			return p.bad(d, "audience", "there is no API with the identifier %q", g.Audience)
		}
		g.Audience, g.ID = p.s.stored(g.Audience), NewGrantID()
		same := func(o tenant.ClientGrant) bool { return o.Client == g.Client && o.Audience == g.Audience }
		if slices.ContainsFunc(p.plan.Grants, same) {
			return p.bad(d, "client_id", "the application has a grant for %q in this file already", g.Audience)
		}
		if at := slices.IndexFunc(p.all.Grants, same); at >= 0 {
			g.ID = p.all.Grants[at].ID
		}
		p.plan.Grants = append(p.plan.Grants, g)
	}
	return nil
}

func (p *planner) knowsAudience(audience string) bool {
	return p.s.isManagement(audience) ||
		slices.ContainsFunc(p.plan.APIs, func(a tenant.API) bool { return a.Identifier == audience }) ||
		slices.ContainsFunc(p.all.APIs, func(a *tenant.API) bool { return a.Identifier == audience })
}
