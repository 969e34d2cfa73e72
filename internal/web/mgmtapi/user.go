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
	p, err := readPaging(q, pageSize)
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
		out.items = append(out.items, f.of(userReply(u)))
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
		out.items = append(out.items, f.of(userReply(u)))
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
	return web.WriteJSON(w, http.StatusOK, f.of(userReply(u)))
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
	return web.WriteJSON(w, http.StatusCreated, userReply(u))
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
	return web.WriteJSON(w, http.StatusOK, userReply(u))
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

// userReply is a user as the API shows one. What is not known is left out.
func userReply(u *tenant.User) *settings.Object {
	o := &settings.Object{}
	texts := func(name, value string) {
		if value != "" {
			o.Set(name, value)
		}
	}
	o.Set("created_at", stamp(u.CreatedAt))
	if u.Email != "" {
		o.Set("email", u.Email)
		o.Set("email_verified", u.EmailVerified)
	}
	texts("family_name", u.FamilyName)
	texts("given_name", u.GivenName)
	o.Set("identities", identitiesReply(u))
	texts("name", u.Name)
	texts("nickname", u.Nickname)
	if u.Phone != "" {
		o.Set("phone_number", u.Phone)
		o.Set("phone_verified", u.PhoneVerified)
	}
	texts("picture", u.Picture)
	o.Set("updated_at", stamp(u.UpdatedAt))
	o.Set("user_id", string(u.ID))
	if len(u.UserMetadata) > 0 {
		o.Set("user_metadata", u.UserMetadata)
	}
	if len(u.AppMetadata) > 0 {
		o.Set("app_metadata", u.AppMetadata)
	}
	texts("last_ip", u.LastIP)
	if !u.LastLogin.IsZero() {
		o.Set("last_login", stamp(u.LastLogin))
	}
	o.Set("logins_count", u.LoginsCount)
	if u.Blocked {
		o.Set("blocked", true)
	}
	if u.Test {
		o.Set("doorcode", map[string]bool{"test": true})
	}
	return o
}

func identitiesReply(u *tenant.User) []*settings.Object {
	list := make([]*settings.Object, len(u.Identities))
	for i, id := range u.Identities {
		o := &settings.Object{}
		o.Set("connection", id.Name)
		o.Set("user_id", id.UserID)
		o.Set("provider", string(id.Channel))
		o.Set("isSocial", false)
		if i > 0 {
			// The profile is that of the first; the others bring their own.
			name := "phone_number"
			if id.Channel == tenant.Email {
				name = "email"
			}
			o.Set("profileData", map[string]string{name: id.Identifier, "name": id.Identifier})
		}
		list[i] = o
	}
	return list
}
