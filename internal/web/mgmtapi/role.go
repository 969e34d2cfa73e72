package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// roleRoutes are the routes of roles and of who has them.
func (a *API) roleRoutes(on func(pattern string, fn handler, scopes ...string)) {
	on("GET /api/v2/roles", a.listRoles, "read:roles")
	on("POST /api/v2/roles", a.createRole, "create:roles")
	on("GET /api/v2/roles/{id}", a.readRole, "read:roles")
	on("PATCH /api/v2/roles/{id}", a.changeRole, "update:roles")
	on("DELETE /api/v2/roles/{id}", a.deleteRole, "delete:roles")
	on("GET /api/v2/roles/{id}/permissions", a.rolePermissions, "read:roles")
	on("POST /api/v2/roles/{id}/permissions", a.changeRolePermissions(false), "update:roles")
	on("DELETE /api/v2/roles/{id}/permissions", a.changeRolePermissions(true), "update:roles")
	on("GET /api/v2/roles/{id}/users", membersOnly(a.roleUsers), "read:users", "read:roles", "read:role_members")
	on("POST /api/v2/roles/{id}/users", a.assignRole, "update:roles", "create:role_members")

	on("GET /api/v2/users/{id}/roles", membersOnly(a.userRoles), "read:users", "read:roles", "read:role_members")
	on("POST /api/v2/users/{id}/roles", a.changeUserRoles(false), "update:users", "create:role_members")
	on("DELETE /api/v2/users/{id}/roles", a.changeUserRoles(true), "update:users", "delete:role_members")
	on("GET /api/v2/users/{id}/permissions", a.userPermissions, "read:users")
	on("POST /api/v2/users/{id}/permissions", a.changeUserPermissions(false), "update:users")
	on("DELETE /api/v2/users/{id}/permissions", a.changeUserPermissions(true), "update:users")
}

// membersOnly lets in who may read both roles and users, or the one between
// them.
func membersOnly(fn handler) handler {
	return func(w http.ResponseWriter, r *request) error {
		if !r.caller.May("read:role_members") && !(r.caller.May("read:users") && r.caller.May("read:roles")) {
			return insufficient([]string{"read:users read:roles", "read:role_members"})
		}
		return fn(w, r)
	}
}

func userID(r *request) tenant.UserID { return tenant.UserID(r.PathValue("id")) }

// listRoles is GET /api/v2/roles.
func (a *API) listRoles(w http.ResponseWriter, r *request) error {
	q := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	list, err := a.Manage.ListRoles(r.Context(), q.Get("name_filter"), p.window)
	if err != nil {
		return err
	}
	return p.write(w, listing{name: "roles", total: list.Total, next: list.Next, items: roleReplies(list.Items)})
}

func roleReplies(list []tenant.Role) []*settings.Object {
	out := make([]*settings.Object, len(list))
	for i := range list {
		out[i] = settings.RoleAnswer(list[i])
	}
	return out
}

// readRole is GET /api/v2/roles/{id}.
func (a *API) readRole(w http.ResponseWriter, r *request) error {
	role, err := a.Manage.Role(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.RoleAnswer(role))
}

// createRole is POST /api/v2/roles, which is answered with 200 (Auth0).
func (a *API) createRole(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	role, err := a.Manage.CreateRole(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.RoleAnswer(role))
}

// changeRole is PATCH /api/v2/roles/{id}.
func (a *API) changeRole(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	role, err := a.Manage.ChangeRole(r.Context(), r.actor, r.PathValue("id"), body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.RoleAnswer(role))
}

// deleteRole is DELETE /api/v2/roles/{id}, which is answered with 200 (Auth0).
func (a *API) deleteRole(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteRole(r.Context(), r.actor, r.PathValue("id")); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct{}{})
}

// rolePermissions is GET /api/v2/roles/{id}/permissions.
func (a *API) rolePermissions(w http.ResponseWriter, r *request) error {
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	list, err := a.Manage.RolePermissions(r.Context(), r.PathValue("id"), p.window)
	if err != nil {
		return err
	}
	tell, err := a.permissionReplies(r)
	if err != nil {
		return err
	}
	out := listing{name: "permissions", total: list.Total}
	for _, p := range list.Items {
		out.items = append(out.items, tell(p))
	}
	return p.write(w, out)
}

// permissionReplies returns what makes an answer of a permission: with the name
// of its API and the description there.
func (a *API) permissionReplies(r *request) (func(tenant.Permission) *settings.Object, error) {
	descriptions, err := a.Manage.Descriptions(r.Context())
	if err != nil {
		return nil, err
	}
	return func(p tenant.Permission) *settings.Object {
		o := &settings.Object{}
		o.Set("permission_name", p.Name)
		o.Set("description", descriptions[p].Text)
		o.Set("resource_server_name", descriptions[p].API)
		o.Set("resource_server_identifier", p.Audience)
		return o
	}, nil
}

// changeRolePermissions is POST and DELETE /api/v2/roles/{id}/permissions.
func (a *API) changeRolePermissions(remove bool) handler {
	return func(w http.ResponseWriter, r *request) error {
		body, err := r.object()
		if err != nil {
			return err
		}
		if err := a.Manage.ChangeRolePermissions(r.Context(), r.actor, r.PathValue("id"), remove, body); err != nil {
			return err
		}
		status := http.StatusCreated
		if remove {
			status = http.StatusOK
		}
		return web.WriteJSON(w, status, struct{}{})
	}
}

// roleUsers is GET /api/v2/roles/{id}/users.
func (a *API) roleUsers(w http.ResponseWriter, r *request) error {
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	list, err := a.Manage.RoleUsers(r.Context(), r.PathValue("id"), p.window)
	if err != nil {
		return err
	}
	out := listing{name: "users", total: list.Total, next: list.Next}
	for _, u := range list.Items {
		o := &settings.Object{}
		o.Set("user_id", string(u.ID))
		o.Set("name", u.Name)
		o.Set("picture", u.Picture)
		if u.Email != "" {
			o.Set("email", u.Email)
		}
		out.items = append(out.items, o)
	}
	return p.write(w, out)
}

// assignRole is POST /api/v2/roles/{id}/users.
func (a *API) assignRole(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	if err := a.Manage.AssignRole(r.Context(), r.actor, r.PathValue("id"), body); err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, struct{}{})
}

// userRoles is GET /api/v2/users/{id}/roles.
func (a *API) userRoles(w http.ResponseWriter, r *request) error {
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	list, err := a.Manage.UserRoles(r.Context(), userID(r), p.window)
	if err != nil {
		return err
	}
	return p.write(w, listing{name: "roles", total: list.Total, next: list.Next, items: roleReplies(list.Items)})
}

// changeUserRoles is POST and DELETE /api/v2/users/{id}/roles.
func (a *API) changeUserRoles(remove bool) handler {
	return func(w http.ResponseWriter, r *request) error {
		body, err := r.object()
		if err != nil {
			return err
		}
		if err := a.Manage.ChangeUserRoles(r.Context(), r.actor, userID(r), remove, body); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

// userPermissions is GET /api/v2/users/{id}/permissions: each permission once,
// with every way it comes by.
func (a *API) userPermissions(w http.ResponseWriter, r *request) error {
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	held, err := a.Manage.UserPermissions(r.Context(), userID(r))
	if err != nil {
		return err
	}
	tell, err := a.permissionReplies(r)
	if err != nil {
		return err
	}
	var items []*settings.Object
	var sources []map[string]string
	for i, h := range held {
		source := map[string]string{"source_id": h.RoleID, "source_name": h.RoleName, "source_type": "ROLE"}
		if h.RoleID == "" {
			source["source_type"] = "DIRECT"
		}
		if i == 0 || held[i-1].Permission != h.Permission {
			items, sources = append(items, tell(h.Permission)), nil
		}
		sources = append(sources, source)
		items[len(items)-1].Set("sources", sources)
	}
	out := listing{name: "permissions", total: len(items)}
	start := min(p.window.Offset, len(items))
	out.items = items[start:min(start+p.window.Limit, len(items))]
	return p.write(w, out)
}

// changeUserPermissions is POST and DELETE /api/v2/users/{id}/permissions.
func (a *API) changeUserPermissions(remove bool) handler {
	return func(w http.ResponseWriter, r *request) error {
		body, err := r.object()
		if err != nil {
			return err
		}
		if err := a.Manage.ChangeUserPermissions(r.Context(), r.actor, userID(r), remove, body); err != nil {
			return err
		}
		if remove {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		return web.WriteJSON(w, http.StatusCreated, struct{}{})
	}
}
