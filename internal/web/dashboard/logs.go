package dashboard

import "net/http"

// logRoutes are the pages of the tenant's log.
func (d *Dashboard) logRoutes(_ *http.ServeMux) {}
