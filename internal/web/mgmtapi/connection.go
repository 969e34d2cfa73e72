package mgmtapi

import (
	"net/http"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// connectionsSize is how many connections a page has by default.
const connectionsSize = 100

func connectionID(r *request) tenant.ConnectionID { return tenant.ConnectionID(r.PathValue("id")) }

// listConnections is GET /api/v2/connections.
func (a *API) listConnections(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	return a.writeConnections(w, r, connectionsSize, manage.ConnectionQuery{Name: q.Get("name"), Strategies: q["strategy"]})
}

// clientConnections is GET /api/v2/clients/{id}/connections.
func (a *API) clientConnections(w http.ResponseWriter, r *request) error {
	if scopes := []string{"read:clients", "read:client_summary"}; !r.caller.May(scopes...) {
		return insufficient(scopes)
	}
	c, err := a.Manage.Client(r.Context(), tenant.ClientID(r.PathValue("id")))
	if err != nil {
		return err
	}
	q := r.URL.Query()
	if !q.Has("take") {
		q.Set("take", "50") // this list has checkpoints only
		r.URL.RawQuery = q.Encode()
	}
	return a.writeConnections(w, r, pageSize, manage.ConnectionQuery{Client: c.ID, Strategies: q["strategy"]})
}

func (a *API) writeConnections(w http.ResponseWriter, r *request, size int, q manage.ConnectionQuery) error {
	p, err := a.readPaging(r, size)
	if err != nil {
		return err
	}
	f, err := readFields(r.URL.Query(), "id", "is_domain_connection")
	if err != nil {
		return err
	}
	list, err := a.Manage.ListConnections(r.Context(), q, p.window)
	if err != nil {
		return err
	}
	out := listing{name: "connections", total: list.Total, next: list.Next}
	secrets := false
	for _, c := range list.Items {
		o, shown, err := a.connectionReply(r, c)
		if err != nil {
			return err
		}
		o = f.of(o)
		secrets = secrets || shown && o.Has("options")
		out.items = append(out.items, o)
	}
	if secrets {
		if err := a.Manage.ReadSecrets(r.Context(), r.actor, "Get connections"); err != nil {
			return err
		}
	}
	return p.write(w, out)
}

// connectionReply is a connection as the caller may see it, and whether secrets
// are in it.
func (a *API) connectionReply(r *request, c *tenant.Connection) (o *settings.Object, secrets bool, err error) {
	may := r.caller.May(tenant.SecretsScope)
	if len(c.Secrets) > 0 && !may {
		a.hint.Do(func() {
			a.Log.InfoContext(r.Context(), "stored secrets are left out of answers; a token with the scope "+
				tenant.SecretsScope+" gets them, for tools that compare", "connection", c.Name)
		})
	}
	o, err = settings.ConnectionAnswer(c, may)
	return o, may && len(c.Secrets) > 0, err
}

// readConnection is GET /api/v2/connections/{id}.
func (a *API) readConnection(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query(), "id", "is_domain_connection")
	if err != nil {
		return err
	}
	c, err := a.Manage.Connection(r.Context(), connectionID(r))
	if err != nil {
		return err
	}
	o, secrets, err := a.connectionReply(r, c)
	if err != nil {
		return err
	}
	o = f.of(o)
	if secrets && o.Has("options") {
		if err := a.Manage.ReadSecrets(r.Context(), r.actor, "Get a connection"); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, o)
}

// createConnection is POST /api/v2/connections.
func (a *API) createConnection(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	c, err := a.Manage.CreateConnection(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return a.writeConnection(w, r, http.StatusCreated, c)
}

// changeConnection is PATCH /api/v2/connections/{id}. "?options=" says whether
// options are replaced or merged; without it the body does.
func (a *API) changeConnection(w http.ResponseWriter, r *request) error {
	how := settings.Merge(r.URL.Query().Get("options"))
	switch how {
	case settings.Auto, settings.Replace, settings.Keep:
	default:
		return badQuery("options", "No enum match for: options is replace or merge")
	}
	body, err := r.object()
	if err != nil {
		return err
	}
	c, err := a.Manage.ChangeConnection(r.Context(), r.actor, connectionID(r), manage.ConnectionPatch{Body: body, Merge: how})
	if err != nil {
		return err
	}
	return a.writeConnection(w, r, http.StatusOK, c)
}

func (a *API) writeConnection(w http.ResponseWriter, r *request, status int, c *tenant.Connection) error {
	o, _, err := a.connectionReply(r, c)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, o)
}

// deleteConnection is DELETE /api/v2/connections/{id}: 202 the first time, 204
// when it is gone.
func (a *API) deleteConnection(w http.ResponseWriter, r *request) error {
	at, err := a.Manage.DeleteConnection(r.Context(), r.actor, connectionID(r))
	if fault.Has(err, fault.NotFound) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusAccepted, map[string]string{"deleted_at": stamp(at)})
}

// stamp writes a time as the API does.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// maxConnectionClients is how many applications of a connection one answer has
// at most.
const maxConnectionClients = 1000

// connectionClients is GET /api/v2/connections/{id}/clients.
func (a *API) connectionClients(w http.ResponseWriter, r *request) error {
	p, err := a.readCheckpoint(r, maxConnectionClients)
	if err != nil {
		return err
	}
	list, err := a.Manage.ConnectionClients(r.Context(), connectionID(r), p.window)
	if err != nil {
		return err
	}
	out := listing{name: "clients", next: list.Next}
	for _, id := range list.Items {
		o := &settings.Object{}
		o.Set("client_id", string(id))
		out.items = append(out.items, o)
	}
	return p.write(w, out)
}

// enableClients is PATCH /api/v2/connections/{id}/clients.
func (a *API) enableClients(w http.ResponseWriter, r *request) error {
	body, err := r.body()
	if err != nil {
		return err
	}
	if err := a.Manage.EnableClients(r.Context(), r.actor, connectionID(r), body); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
