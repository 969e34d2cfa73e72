package dashboard

import "net/http"

// applicationRoutes are the pages of applications.
func (d *Dashboard) applicationRoutes(_ *http.ServeMux) {}
