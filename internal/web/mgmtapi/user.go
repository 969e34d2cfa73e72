package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// listUsers is GET /api/v2/users.
func (a *API) listUsers(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	f, err := readFields(q)
	if err != nil {
		return err
	}
	list, err := a.Manage.ListUsers(r.Context(), manage.UserRequest{Query: q.Get("q"), Sort: q.Get("sort")}, p.window)
	if err != nil {
		return err
	}
	out := listing{name: "users", total: list.Total, next: list.Next, length: true}
	for _, u := range list.Items {
		out.items = append(out.items, f.of(settings.UserDocument(u)))
	}
	return p.write(w, out)
}

// usersByEmail is GET /api/v2/users-by-email.
func (a *API) usersByEmail(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query())
	if err != nil {
		return err
	}
	users, err := a.Manage.UsersByEmail(r.Context(), r.URL.Query().Get("email"))
	if err != nil {
		return err
	}
	out := listing{}
	for _, u := range users {
		out.items = append(out.items, f.of(settings.UserDocument(u)))
	}
	return paging{}.write(w, out)
}

// readUser is GET /api/v2/users/{id}.
func (a *API) readUser(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query())
	if err != nil {
		return err
	}
	u, err := a.Manage.User(r.Context(), tenant.UserID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, f.of(settings.UserDocument(u)))
}

// createUser is POST /api/v2/users.
func (a *API) createUser(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	u, err := a.Manage.CreateUser(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, settings.UserDocument(u))
}

// changeUser is PATCH /api/v2/users/{id}. With update:users_app_metadata alone,
// that is all that can be changed.
func (a *API) changeUser(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	change, err := settings.ChangeUser(body)
	if err != nil {
		return err
	}
	if !r.caller.May("update:users") && !change.Only("app_metadata") {
		return insufficient([]string{"update:users"})
	}
	u, err := a.Manage.ChangeUser(r.Context(), r.actor, tenant.UserID(r.PathValue("id")), change)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.UserDocument(u))
}

// deleteUser is DELETE /api/v2/users/{id}, which does not say whether there was
// one (Auth0).
func (a *API) deleteUser(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteUser(r.Context(), r.actor, tenant.UserID(r.PathValue("id"))); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
