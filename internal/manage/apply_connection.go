package manage

import (
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// connections plans the connections of the file.
func (p *planner) connections() error {
	for _, d := range p.file.Connections {
		c, err := p.connection(d)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(p.plan.Connections, func(o tenant.Connection) bool { return o.Name == c.Name }) {
			return p.bad(d, "name", "the connection %q is there twice", c.Name)
		}
		c.Managed = true
		p.plan.Connections = append(p.plan.Connections, c)
	}
	return nil
}

func (p *planner) connection(d config.Document) (tenant.Connection, error) {
	body, err := p.read(d)
	if err != nil {
		return tenant.Connection{}, err
	}
	names, clients, err := p.enabledClients(d, body)
	if err != nil {
		return tenant.Connection{}, err
	}
	body.Remove("enabled_clients")
	change, before, err := p.connectionChange(d, body)
	if err != nil {
		return tenant.Connection{}, err
	}
	c := change.Connection
	// In the order of the file: login pages begin with the one made first.
	c.CreatedAt, c.UpdatedAt = p.now.Add(time.Duration(len(p.plan.Connections))*time.Millisecond), p.now
	c.SecretsAt = secretsAt(c.Secrets, before, p.now)
	if before != nil {
		c.CreatedAt, c.Clients = before.CreatedAt, slices.Clone(before.Clients)
	}
	switch {
	case names:
		c.Clients, c.ClientsManaged = clients, true
	case p.settings.Flags.ClientConnections:
		for _, id := range p.fresh {
			if !c.Admits(id) {
				c.Clients = append(c.Clients, id)
			}
		}
	}
	return c, nil
}

// connectionChange is what a document makes of the connection by its name, or
// a new one.
func (p *planner) connectionChange(d config.Document, body *settings.Object) (settings.ConnectionChange, *tenant.Connection, error) {
	name, strategy := body.Text("name"), body.Text("strategy")
	at := slices.IndexFunc(p.all.Connections, func(o *tenant.Connection) bool { return o.Name == name })
	if at < 0 {
		change, err := settings.NewConnection(NewConnectionID(), body)
		return change, nil, p.at(d, err)
	}
	before := p.all.Connections[at]
	if strategy != "" && strategy != string(before.Channel) {
		return settings.ConnectionChange{}, nil, p.bad(d, "strategy",
			"the connection %q has the strategy %q, which cannot be changed", name, before.Channel)
	}
	body.Remove("name")
	body.Remove("strategy")
	if body.Len() == 0 {
		// Named only to be managed, or for its applications.
		body.Set("realms", before.Realms)
	}
	change, err := settings.ChangeConnection(before, body, settings.Replace)
	return change, before, p.at(d, err)
}

// enabledClients reads the applications a connection is for, which may be
// named or given by their ids.
func (p *planner) enabledClients(d config.Document, body *settings.Object) (named bool, ids []tenant.ClientID, err error) {
	if !body.Has("enabled_clients") || body.Null("enabled_clients") {
		return false, nil, nil
	}
	list, ok := settings.TextList(body.Raw("enabled_clients"))
	if !ok {
		return false, nil, p.bad(d, "enabled_clients", "enabled_clients must be a list of names of applications")
	}
	for _, name := range list {
		id, err := p.clientNamed(d, "enabled_clients", name)
		if err != nil {
			return false, nil, err
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return true, ids, nil
}

// everywhere lets applications that the file makes use the connections it does
// not name, as applications made any other way may.
func (p *planner) everywhere() {
	if !p.settings.Flags.ClientConnections || len(p.fresh) == 0 {
		return
	}
	for _, c := range p.all.Connections {
		if slices.ContainsFunc(p.plan.Connections, func(o tenant.Connection) bool { return o.ID == c.ID }) {
			continue
		}
		after := *c
		after.Managed, after.ClientsManaged, after.UpdatedAt = false, false, p.now
		after.Clients = append(slices.Clone(c.Clients), p.fresh...)
		p.plan.Connections = append(p.plan.Connections, after)
	}
}
