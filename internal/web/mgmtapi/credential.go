package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/web"
)

// listCredentials is GET /api/v2/clients/{id}/credentials.
func (a *API) listCredentials(w http.ResponseWriter, r *request) error {
	list, err := a.Manage.Credentials(r.Context(), clientID(r))
	if err != nil {
		return err
	}
	out := make([]*settings.Object, len(list))
	for i := range list {
		out[i] = settings.CredentialAnswer(&list[i])
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// readCredential is GET /api/v2/clients/{id}/credentials/{credential}.
func (a *API) readCredential(w http.ResponseWriter, r *request) error {
	k, err := a.Manage.Credential(r.Context(), clientID(r), r.PathValue("credential"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, settings.CredentialAnswer(k))
}

// createCredential is POST /api/v2/clients/{id}/credentials.
func (a *API) createCredential(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	k, err := a.Manage.CreateCredential(r.Context(), r.actor, clientID(r), body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, settings.CredentialAnswer(k))
}

// changeCredential is PATCH /api/v2/clients/{id}/credentials/{credential}
// (Auth0 documents 201 for it).
func (a *API) changeCredential(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	k, err := a.Manage.ChangeCredential(r.Context(), r.actor, clientID(r), r.PathValue("credential"), body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, settings.CredentialAnswer(k))
}

// deleteCredential is DELETE /api/v2/clients/{id}/credentials/{credential}.
func (a *API) deleteCredential(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteCredential(r.Context(), r.actor, clientID(r), r.PathValue("credential")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
