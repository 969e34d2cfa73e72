package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// listAPIs is GET /api/v2/resource-servers.
func (a *API) listAPIs(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	f, err := readFields(q)
	if err != nil {
		return err
	}
	list, err := a.Manage.ListAPIs(r.Context(), q["identifiers"], p.window)
	if err != nil {
		return err
	}
	out := listing{name: "resource_servers", total: list.Total, next: list.Next}
	for _, api := range list.Items {
		o, err := settings.ParseObject(api.Doc)
		if err != nil {
			return err
		}
		out.items = append(out.items, f.of(o))
	}
	return p.write(w, out)
}

// readAPI is GET /api/v2/resource-servers/{id}, by id or identifier.
func (a *API) readAPI(w http.ResponseWriter, r *request) error {
	api, err := a.Manage.API(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return writeAPI(w, http.StatusOK, api)
}

// createAPI is POST /api/v2/resource-servers.
func (a *API) createAPI(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	api, err := a.Manage.CreateAPI(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return writeAPI(w, http.StatusCreated, api)
}

func writeAPI(w http.ResponseWriter, status int, api *tenant.API) error {
	o, err := settings.ParseObject(api.Doc)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, o)
}

// listGrants is GET /api/v2/client-grants.
func (a *API) listGrants(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	query := manage.GrantQuery{Client: tenant.ClientID(q.Get("client_id")), Audience: q.Get("audience")}
	list, err := a.Manage.ListClientGrants(r.Context(), query, p.window)
	if err != nil {
		return err
	}
	out := listing{name: "client_grants", total: list.Total, next: list.Next}
	for i := range list.Items {
		out.items = append(out.items, a.grantReply(&list.Items[i]))
	}
	return p.write(w, out)
}

// readGrant is GET /api/v2/client-grants/{id}.
func (a *API) readGrant(w http.ResponseWriter, r *request) error {
	g, err := a.Manage.ClientGrant(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, a.grantReply(&g))
}

// createGrant is POST /api/v2/client-grants.
func (a *API) createGrant(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	g, err := a.Manage.CreateClientGrant(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, a.grantReply(g))
}

func (a *API) grantReply(g *tenant.ClientGrant) *settings.Object {
	return settings.GrantAnswer(g, a.Manage.ShownAudience(g.Audience))
}

// changeGrant is PATCH /api/v2/client-grants/{id}.
func (a *API) changeGrant(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	g, err := a.Manage.ChangeClientGrant(r.Context(), r.actor, r.PathValue("id"), body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, a.grantReply(g))
}

// deleteGrant is DELETE /api/v2/client-grants/{id}, which may be done twice.
func (a *API) deleteGrant(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteClientGrant(r.Context(), r.actor, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changeAPI is PATCH /api/v2/resource-servers/{id}, by id or identifier.
func (a *API) changeAPI(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	api, err := a.Manage.ChangeAPI(r.Context(), r.actor, r.PathValue("id"), manage.Patch{Body: body})
	if err != nil {
		return err
	}
	return writeAPI(w, http.StatusOK, api)
}

// deleteAPI is DELETE /api/v2/resource-servers/{id}, which may be done twice.
func (a *API) deleteAPI(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteAPI(r.Context(), r.actor, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// changeSettings is PATCH /api/v2/tenants/settings.
func (a *API) changeSettings(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	after, err := a.Manage.ChangeSettings(r.Context(), r.actor, body, "")
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, after)
}

// readSettings is GET /api/v2/tenants/settings.
func (a *API) readSettings(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query())
	if err != nil {
		return err
	}
	set, err := a.Manage.Settings(r.Context())
	if err != nil {
		return err
	}
	o, err := settings.TenantAnswer(set.Doc)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, f.of(o))
}
