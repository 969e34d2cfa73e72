package mgmtapi

import (
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The types of device credentials. Of the first there are none here.
const (
	publicKey       = "public_key"
	refreshToken    = "refresh_token"
	rotatingRefresh = "rotating_refresh_token"
)

// The ids of grants, and those that they go by here.
const (
	grantPrefix  = "grt_"
	devicePrefix = "dcr_"
)

// listDevices is GET /api/v2/device-credentials.
func (a *API) listDevices(w http.ResponseWriter, r *request) error {
	query := r.URL.Query()
	p, err := a.readPaging(r, pageSize)
	if err != nil {
		return err
	}
	f, err := readFields(query)
	if err != nil {
		return err
	}
	q := manage.DeviceQuery{User: tenant.UserID(query.Get("user_id")), Client: tenant.ClientID(query.Get("client_id"))}
	out := listing{name: "device_credentials"}
	switch kind := query.Get("type"); kind {
	case "":
	case publicKey:
		return p.write(w, out)
	case refreshToken, rotatingRefresh:
		rotating := kind == rotatingRefresh
		q.Rotating = &rotating
	default:
		return badQuery("type", "No enum match for: %s", kind)
	}
	list, err := a.Manage.DeviceCredentials(r.Context(), q, p.window)
	if err != nil {
		return err
	}
	out.total, out.next = list.Total, list.Next
	for i := range list.Items {
		out.items = append(out.items, f.of(deviceReply(&list.Items[i])))
	}
	return p.write(w, out)
}

// deleteDevice is DELETE /api/v2/device-credentials/{id}.
func (a *API) deleteDevice(w http.ResponseWriter, r *request) error {
	id, ok := strings.CutPrefix(r.PathValue("id"), devicePrefix)
	if ok {
		if err := a.Manage.RevokeDevice(r.Context(), r.actor, grantPrefix+id); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// deviceReply is a device credential as the API shows one.
func deviceReply(d *tenant.DeviceCredential) *settings.Object {
	kind := refreshToken
	if d.Rotating {
		kind = rotatingRefresh
	}
	o := &settings.Object{}
	o.Set("id", devicePrefix+strings.TrimPrefix(d.ID, grantPrefix))
	o.Set("device_name", d.Device)
	o.Set("type", kind)
	o.Set("user_id", string(d.User))
	o.Set("client_id", string(d.Client))
	o.Set("last_used", stamp(d.LastUsed))
	return o
}
