package dashboard

import "net/http"

// settingsRoutes are the pages of the tenant's settings.
func (d *Dashboard) settingsRoutes(_ *http.ServeMux) {}
