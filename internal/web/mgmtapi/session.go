package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// sessionRoutes are those of sessions.
func (a *API) sessionRoutes(on func(pattern string, fn handler, scopes ...string)) {
	on("GET /api/v2/sessions/{id}", a.readSession, "read:sessions")
	on("DELETE /api/v2/sessions/{id}", a.deleteSession, "delete:sessions")
	on("POST /api/v2/sessions/{id}/revoke", a.revokeSession, "delete:sessions", "delete:refresh_tokens")
	on("GET /api/v2/users/{id}/sessions", a.listUserSessions, "read:sessions")
	on("DELETE /api/v2/users/{id}/sessions", a.deleteUserSessions, "delete:sessions")
}

// readSession is GET /api/v2/sessions/{id}.
func (a *API) readSession(w http.ResponseWriter, r *request) error {
	s, err := a.Manage.Session(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, sessionReply(s))
}

// deleteSession is DELETE /api/v2/sessions/{id}.
func (a *API) deleteSession(w http.ResponseWriter, r *request) error {
	return accepted(w, a.Manage.EndSession(r.Context(), r.actor, r.PathValue("id")))
}

// revokeSession is POST /api/v2/sessions/{id}/revoke.
func (a *API) revokeSession(w http.ResponseWriter, r *request) error {
	return accepted(w, a.Manage.RevokeSession(r.Context(), r.actor, r.PathValue("id")))
}

// deleteUserSessions is DELETE /api/v2/users/{id}/sessions.
func (a *API) deleteUserSessions(w http.ResponseWriter, r *request) error {
	return accepted(w, a.Manage.EndUserSessions(r.Context(), r.actor, tenant.UserID(r.PathValue("id"))))
}

// accepted answers as Auth0 does, which ends sessions some time later. Here they
// have ended when it is answered.
func accepted(w http.ResponseWriter, err error) error {
	if err == nil {
		w.WriteHeader(http.StatusAccepted)
	}
	return err
}

// listUserSessions is GET /api/v2/users/{id}/sessions.
func (a *API) listUserSessions(w http.ResponseWriter, r *request) error {
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	list, err := a.Manage.UserSessions(r.Context(), tenant.UserID(r.PathValue("id")), p.window)
	if err != nil {
		return err
	}
	out := listing{name: "sessions", total: list.Total, next: list.Next}
	for _, s := range list.Items {
		out.items = append(out.items, sessionReply(s))
	}
	return p.write(w, out)
}

// sessionReply is a session as the API shows one.
func sessionReply(s *tenant.Session) *settings.Object {
	clients := make([]map[string]string, len(s.Clients))
	for i, id := range s.Clients {
		clients[i] = map[string]string{"client_id": string(id)}
	}
	mode := "persistent"
	if !s.Persistent {
		mode = "non-persistent"
	}
	device := &settings.Object{}
	device.Set("initial_user_agent", s.FirstAgent)
	device.Set("initial_ip", s.FirstIP)
	device.Set("last_user_agent", s.LastAgent)
	device.Set("last_ip", s.LastIP)
	o := &settings.Object{}
	o.Set("id", s.ID)
	o.Set("user_id", string(s.User))
	o.Set("created_at", stamp(s.CreatedAt))
	o.Set("updated_at", stamp(s.UpdatedAt))
	o.Set("authenticated_at", stamp(s.AuthTime))
	o.Set("idle_expires_at", stamp(s.IdleEnds))
	o.Set("expires_at", stamp(s.Expires))
	o.Set("last_interacted_at", stamp(s.LastUsed))
	o.Set("device", device)
	o.Set("clients", clients)
	o.Set("authentication", map[string]any{"methods": []map[string]string{
		{"name": string(s.Channel), "timestamp": stamp(s.AuthTime)},
	}})
	o.Set("cookie", map[string]string{"mode": mode})
	return o
}
