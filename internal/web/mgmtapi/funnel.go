package mgmtapi

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/web"
)

// The hours that one answer of the funnel has.
const (
	funnelHours    = 24
	maxFunnelHours = 168
)

// funnel is GET /api/doorcode/v1/funnel: what sign-ins came to, for each of the
// hours up to and with the present one, and for all of them.
func (a *API) funnel(w http.ResponseWriter, r *request) error {
	n, err := intParam(r.URL.Query(), "hours", 1, maxFunnelHours, funnelHours)
	if err != nil {
		return err
	}
	hours, err := a.Manage.Funnel(r.Context(), n)
	if err != nil {
		return err
	}
	var sum manage.FunnelHour
	items := make([]*settings.Object, len(hours))
	for i, h := range hours {
		items[i] = funnelReply(h)
		items[i].Set("at", h.At.UTC().Format(stampUTC))
		sum.Asked += h.Asked
		sum.Arrived += h.Arrived
		sum.Failed += h.Failed
		sum.SignedIn += h.SignedIn
	}
	out := &settings.Object{}
	out.Set("hours", items)
	out.Set("total", funnelReply(sum))
	return web.WriteJSON(w, http.StatusOK, out)
}

func funnelReply(h manage.FunnelHour) *settings.Object {
	o := &settings.Object{}
	o.Set("messages", h.Asked)
	o.Set("delivered", h.Arrived)
	o.Set("failed", h.Failed)
	o.Set("signed_in", h.SignedIn)
	return o
}
