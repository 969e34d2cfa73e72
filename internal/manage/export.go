package manage

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Export returns the configuration as a configuration file would have it, as
// JSON: tenant, applications, APIs, connections and client grants, without their
// secrets. That it was read is in the tenant's log.
func (s *Service) Export(ctx context.Context, by Actor) (*settings.Object, error) {
	out := &settings.Object{}
	set, err := s.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if whole, err := settings.ParseObject(set.Doc); err == nil && whole.Len() > 0 {
		out.SetRaw("tenant", whole.Bytes())
	}
	clients, err := s.ListClients(ctx, ClientQuery{}, Window{Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	names := map[tenant.ClientID]string{}
	var list []*settings.Object
	for _, c := range clients.Items {
		names[c.ID] = c.Name
		doc, err := settings.ClientAnswer(c, "", "")
		if err != nil {
			return nil, err
		}
		list = append(list, without(doc, "tenant", "global", "callback_url_template", "signing_keys"))
	}
	out.Set("clients", list)
	if list, err = s.exportedAPIs(ctx); err != nil {
		return nil, err
	}
	out.Set("resourceServers", list)
	if list, err = s.exportedConnections(ctx, names); err != nil {
		return nil, err
	}
	out.Set("connections", list)
	grants, err := s.ListClientGrants(ctx, GrantQuery{}, Window{Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	list = nil
	for i := range grants.Items {
		g := &grants.Items[i]
		doc := without(settings.GrantAnswer(g, s.ShownAudience(g.Audience)), "id")
		doc.Set("client_id", names[g.Client])
		list = append(list, doc)
	}
	out.Set("clientGrants", list)
	return out, s.ReadSecrets(ctx, by, "Export the configuration")
}

func (s *Service) exportedAPIs(ctx context.Context) ([]*settings.Object, error) {
	all, err := s.ListAPIs(ctx, nil, Window{Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	var list []*settings.Object
	for _, a := range all.Items {
		doc, err := settings.ParseObject(a.Doc)
		if err != nil {
			return nil, err
		}
		list = append(list, without(doc, "id", "is_system"))
	}
	return list, nil
}

func (s *Service) exportedConnections(ctx context.Context, names map[tenant.ClientID]string) ([]*settings.Object, error) {
	all, err := s.ListConnections(ctx, ConnectionQuery{}, Window{Limit: 1 << 20})
	if err != nil {
		return nil, err
	}
	var list []*settings.Object
	for _, c := range all.Items {
		doc, err := settings.ConnectionAnswer(c, false)
		if err != nil {
			return nil, err
		}
		doc = without(doc, "id", "enabled_clients")
		enabled := []string{}
		for _, id := range c.Clients {
			enabled = append(enabled, names[id])
		}
		doc.Set("enabled_clients", enabled)
		list = append(list, doc)
	}
	return list, nil
}

func without(o *settings.Object, names ...string) *settings.Object {
	return o.Keep(func(name string) bool { return !slices.Contains(names, name) })
}
