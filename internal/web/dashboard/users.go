package dashboard

import "net/http"

// userRoutes are the pages of users.
func (d *Dashboard) userRoutes(_ *http.ServeMux) {}
