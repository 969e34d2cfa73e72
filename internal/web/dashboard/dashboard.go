// Package dashboard serves the Dashboard. So far it is one page that says what
// the server can be managed with today.
package dashboard

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
)

//go:embed assets
var files embed.FS

// A Dashboard is what its page shows.
type Dashboard struct {
	URL    string // the public URL, without a slash at its end
	Outbox string // address of the dev outbox; empty in serve
	Dev    bool
}

// policy lets the page load our own style sheet and nothing else.
const policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page at /dashboard and its style sheet below. It fails
// only if the embedded template is broken.
func (d *Dashboard) Handler() (http.Handler, error) {
	t, err := template.ParseFS(files, "assets/page.html")
	if err != nil {
		return nil, fmt.Errorf("parse dashboard page: %w", err)
	}
	var page bytes.Buffer
	if err := t.Execute(&page, d); err != nil {
		return nil, fmt.Errorf("render dashboard page: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /dashboard", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", policy)
		_, _ = w.Write(page.Bytes())
	})
	mux.HandleFunc("GET /dashboard/dashboard.css", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=300")
		http.ServeFileFS(w, r, files, "assets/dashboard.css")
	})
	return mux, nil
}
