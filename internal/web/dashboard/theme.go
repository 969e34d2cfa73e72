package dashboard

import (
	"net/http"
	"net/url"
	"time"
)

// themeCookie keeps what an administrator has picked in the browser that they
// picked it in. It is no secret, and what it says is only ever a theme.
const themeCookie = "dc_theme"

// themeKept is how long: browsers keep no cookie for much longer.
const themeKept = 365 * 24 * time.Hour

// A theme is the colours of the pages. That without a value is the one that the
// browser asks for.
type theme struct{ Value, Name string }

func themes() []theme { return []theme{{"", "As the system"}, {"light", "Light"}, {"dark", "Dark"}} }

func isTheme(value string) bool { return value == "light" || value == "dark" }

// theme is the one that was picked.
func (d *Dashboard) theme(r *http.Request) string {
	if value := d.cookie(r, themeCookie); isTheme(value) {
		return value
	}
	return ""
}

// pickTheme keeps the theme, and goes back to where it was picked.
func (d *Dashboard) pickTheme(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	if value := f.Get("theme"); isTheme(value) {
		d.setCookie(w, themeCookie, value, int(themeKept.Seconds()))
	} else {
		d.setCookie(w, themeCookie, "", -1)
	}
	// Our own pages say where they are: they are sent with Referrer-Policy
	// same-origin.
	from, err := url.Parse(q.Referer())
	if err != nil {
		from = &url.URL{}
	}
	return leave(w, q.Request, next(from.RequestURI()))
}
