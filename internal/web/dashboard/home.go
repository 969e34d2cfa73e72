package dashboard

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/manage"
)

// homePage is the first page.
type homePage struct {
	URL     string
	Methods []card
}

// home shows the ways to sign in, and where everything else is managed so far.
func (d *Dashboard) home(w http.ResponseWriter, q *request) error {
	cards, err := d.cards(q.Context())
	if err != nil {
		return err
	}
	return d.show(w, q, "home", view{Title: "Home", Script: "routes.js", Body: homePage{URL: d.URL, Methods: cards}})
}

// everything is a window on a whole list.
func everything() manage.Window { return manage.Window{Limit: 1 << 20} }
