package mgmtapi

import (
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// protectionPart is the part of attack protection that a path names.
func protectionPart(r *request) (tenant.ProtectionPart, error) {
	part := tenant.ProtectionPart(r.PathValue("part"))
	if !slices.Contains(tenant.ProtectionParts(), part) {
		return "", errUnknown
	}
	return part, nil
}

// readProtection is GET /api/v2/attack-protection/{part}.
func (a *API) readProtection(w http.ResponseWriter, r *request) error {
	part, err := protectionPart(r)
	if err != nil {
		return err
	}
	o, err := a.Manage.Protection(r.Context(), part)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, o)
}

// changeProtection is PATCH /api/v2/attack-protection/{part}.
func (a *API) changeProtection(w http.ResponseWriter, r *request) error {
	part, err := protectionPart(r)
	if err != nil {
		return err
	}
	body, err := r.object()
	if err != nil {
		return err
	}
	o, err := a.Manage.ChangeProtection(r.Context(), r.actor, part, body)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, o)
}
