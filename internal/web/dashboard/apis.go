package dashboard

import "net/http"

// apiRoutes are the pages of APIs.
func (d *Dashboard) apiRoutes(_ *http.ServeMux) {}
