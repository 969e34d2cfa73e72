package dashboard

import "net/http"

// messageRoutes are the pages of the message log.
func (d *Dashboard) messageRoutes(_ *http.ServeMux) {}
