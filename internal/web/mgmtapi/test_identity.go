package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// listTestIdentities is GET /api/doorcode/v1/test-identities, in the order of
// creation. "from" is the "next" of the answer before.
func (a *API) listTestIdentities(w http.ResponseWriter, r *request) error {
	p, err := a.readCheckpoint(r, maxPage)
	if err != nil {
		return err
	}
	list, err := a.Manage.ListTestIdentities(r.Context(), p.window)
	if err != nil {
		return err
	}
	out := listing{name: "test_identities", next: list.Next}
	for _, t := range list.Items {
		out.items = append(out.items, a.testIdentityReply(r, t))
	}
	return p.write(w, out)
}

// readTestIdentity is GET /api/doorcode/v1/test-identities/{id}.
func (a *API) readTestIdentity(w http.ResponseWriter, r *request) error {
	t, err := a.Manage.TestIdentity(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, a.testIdentityReply(r, t))
}

// createTestIdentity is POST /api/doorcode/v1/test-identities. The answer is
// the only one that has the code.
func (a *API) createTestIdentity(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	made, err := a.Manage.CreateTestIdentity(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	o := a.testIdentityReply(r, made.TestIdentity)
	o.Set("user_id", string(made.User))
	o.Set("code", made.Code)
	return web.WriteJSON(w, http.StatusCreated, o)
}

// deleteTestIdentity is DELETE /api/doorcode/v1/test-identities/{id}.
func (a *API) deleteTestIdentity(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteTestIdentity(r.Context(), r.actor, r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// testIdentityReply is a test identity as our API shows one: whole, because it
// is nobody's number, but without its code, which is not known any more.
func (a *API) testIdentityReply(r *request, t *tenant.TestIdentity) *settings.Object {
	o := &settings.Object{}
	o.Set("id", t.ID)
	o.Set("connection", a.connectionName(r.Context(), t.Connection))
	o.Set("channel", string(t.Channel))
	name := "phone_number"
	if t.Channel == tenant.Email {
		name = "email"
	}
	o.Set(name, t.Identifier)
	o.Set("clients", t.Clients)
	o.Set("note", t.Note)
	o.Set("managed_by_file", t.Managed)
	o.Set("active", t.Active(a.Now()))
	o.Set("created_at", t.CreatedAt.UTC().Format(stampUTC))
	o.Set("expires_at", t.Expires.UTC().Format(stampUTC))
	return o
}
