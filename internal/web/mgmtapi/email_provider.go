package mgmtapi

import (
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// readEmailProvider is GET /api/v2/emails/provider. Without "fields" it answers
// with the name and whether it is enabled (Auth0).
func (a *API) readEmailProvider(w http.ResponseWriter, r *request) error {
	f, err := readFields(r.URL.Query())
	if err != nil {
		return err
	}
	for _, name := range f.names {
		if !slices.Contains([]string{"name", "enabled", "credentials", "settings", "default_from_address"}, name) {
			return badQuery("fields", "String does not match pattern: %.80q", name)
		}
	}
	if len(f.names) == 0 {
		f = fields{names: []string{"name", "enabled"}}
	}
	p, err := a.Manage.EmailProvider(r.Context())
	if err != nil {
		return err
	}
	o, secrets, err := a.emailProviderReply(r, p)
	if err != nil {
		return err
	}
	o = f.of(o)
	if secrets && o.Has("credentials") {
		if err := a.Manage.ReadSecrets(r.Context(), r.actor, "Get email provider"); err != nil {
			return err
		}
	}
	return web.WriteJSON(w, http.StatusOK, o)
}

// emailProviderReply is the e-mail provider as the caller may see it, and
// whether secrets are in it.
func (a *API) emailProviderReply(r *request, p *tenant.EmailProvider) (o *settings.Object, secrets bool, err error) {
	may := r.caller.May(tenant.SecretsScope)
	o, err = settings.EmailProviderAnswer(p, may)
	return o, may && len(p.Secrets) > 0, err
}

// createEmailProvider is POST /api/v2/emails/provider.
func (a *API) createEmailProvider(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	p, err := a.Manage.CreateEmailProvider(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return a.writeEmailProvider(w, r, http.StatusCreated, p)
}

// changeEmailProvider is PATCH /api/v2/emails/provider.
func (a *API) changeEmailProvider(w http.ResponseWriter, r *request) error {
	body, err := r.object()
	if err != nil {
		return err
	}
	p, err := a.Manage.ChangeEmailProvider(r.Context(), r.actor, body)
	if err != nil {
		return err
	}
	return a.writeEmailProvider(w, r, http.StatusOK, p)
}

func (a *API) writeEmailProvider(w http.ResponseWriter, r *request, status int, p *tenant.EmailProvider) error {
	o, _, err := a.emailProviderReply(r, p)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, status, o)
}

// deleteEmailProvider is DELETE /api/v2/emails/provider.
func (a *API) deleteEmailProvider(w http.ResponseWriter, r *request) error {
	if err := a.Manage.DeleteEmailProvider(r.Context(), r.actor); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
