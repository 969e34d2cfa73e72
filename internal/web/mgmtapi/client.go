package mgmtapi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// clientReaders are the scopes that open applications for reading. The last
// two show no more than what they are.
func clientReaders() []string {
	return []string{"read:clients", "read:client_keys", "read:client_credentials", "read:client_summary"}
}

// clientSummary are the members that every reader sees.
func clientSummary() []string {
	return []string{"client_id", "app_type", "name", "description", "tenant"}
}

func clientID(r *request) tenant.ClientID { return tenant.ClientID(r.PathValue("id")) }

// listClients is GET /api/v2/clients.
func (a *API) listClients(w http.ResponseWriter, r *request) error {
	query := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	f, err := readFields(query, "tenant")
	if err != nil {
		return err
	}
	q, err := readClientQuery(query)
	if err != nil {
		return err
	}
	list, err := a.Manage.ListClients(r.Context(), q, p.window)
	if err != nil {
		return err
	}
	out := listing{name: "clients", total: list.Total, next: list.Next}
	secrets := false
	for _, c := range list.Items {
		o, err := a.clientReply(r, c)
		if err != nil {
			return err
		}
		o = f.of(o)
		secrets = secrets || o.Has("client_secret")
		out.items = append(out.items, o)
	}
	if secrets {
		if err := a.Manage.ReadSecrets(r.Context(), r.actor, "Get clients"); err != nil {
			return err
		}
	}
	return p.write(w, out)
}

func readClientQuery(query url.Values) (manage.ClientQuery, error) {
	var q manage.ClientQuery
	if types := query.Get("app_type"); types != "" {
		q.AppTypes = strings.Split(types, ",")
	}
	if query.Has("is_first_party") {
		first, err := boolParam(query, "is_first_party", true)
		if err != nil {
			return q, err
		}
		q.FirstParty = &first
	}
	var err error
	q.Global, err = boolParam(query, "is_global", false)
	if query.Get("q") != "" {
		return q, badQuery("q", "Applications cannot be searched by organization: there are none")
	}
	return q, err
}

// clientReply is an application as the caller may see it.
func (a *API) clientReply(r *request, c *tenant.Client) (*settings.Object, error) {
	shown := ""
	if r.caller.May("read:client_keys") {
		shown = c.Secret
	}
	o, err := settings.ClientAnswer(c, a.Tenant, shown)
	if err != nil || r.caller.May("read:clients", "read:client_keys", "create:clients", "update:clients", "update:client_keys") {
		return o, err
	}
	return o.Keep(func(name string) bool { return slices.Contains(clientSummary(), name) }), nil
}

// readClient is GET /api/v2/clients/{id}.
func (a *API) readClient(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query())
	if err != nil {
		return err
	}
	c, err := a.Manage.Client(r.Context(), clientID(r))
	if err != nil {
		return err
	}
	o, err := a.clientReply(r, c)
	if err != nil {
		return err
	}
	o = f.of(o)
	if o.Has("client_secret") {
		if err := a.Manage.ReadSecrets(r.Context(), r.actor, "Get a client"); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, o)
}

// createClient is POST /api/v2/clients.
func (a *API) createClient(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	c, err := a.Manage.CreateClient(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return a.writeClient(w, r, http.StatusCreated, c)
}

// changeClient is PATCH /api/v2/clients/{id}. The secret is a key, and the rest
// is not: each needs its own scope.
func (a *API) changeClient(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	secret, others := body.Has("client_secret"), body.Len() > 1 || !body.Has("client_secret")
	if secret && !r.caller.May("update:client_keys") {
		return insufficient([]string{"update:client_keys"})
	}
	if others && !r.caller.May("update:clients") {
		return insufficient([]string{"update:clients"})
	}
	c, err := a.Manage.ChangeClient(r.Context(), r.actor, clientID(r), manage.Patch{Body: body})
	if err != nil {
		return err
	}
	return a.writeClient(w, r, http.StatusOK, c)
}

func (a *API) writeClient(w http.ResponseWriter, r *request, status int, c *tenant.Client) error {
	o, err := a.clientReply(r, c)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, o)
}

// deleteClient is DELETE /api/v2/clients/{id}, which may be done twice.
func (a *API) deleteClient(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteClient(r.Context(), r.actor, clientID(r)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// rotateSecret is POST /api/v2/clients/{id}/rotate-secret. Who may set a secret
// is shown the new one.
func (a *API) rotateSecret(w http.ResponseWriter, r *request) error {
	c, err := a.Manage.RotateSecret(r.Context(), r.actor, clientID(r))
	if err != nil {
		return err
	}
	o, err := settings.ClientAnswer(c, a.Tenant, c.Secret)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, o)
}
