package outbox

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

//go:embed assets
var assets embed.FS

// shown is how many messages a page has. The API returns all that are kept.
const shown = 100

// view is what the templates are given.
type view struct {
	Host     string // the server's name
	URL      string // and address, as the reader has it
	Filter   outbox.Filter
	All      int // how many messages are kept
	Found    int // and how many of them match
	Messages []outbox.Message
	More     int // of those found are not on the page
	Next     outbox.Fault
	Faults   []fault
}

// view finds what is shown. Unlike the API, which looks for one recipient, the
// page takes a part of one, with or without spaces: it looks while somebody
// types.
func (p *page) view(r *http.Request) view {
	at := url.URL{Scheme: "http", Host: r.Host}
	if r.TLS != nil {
		at.Scheme = "https"
	}
	v := view{Host: at.Hostname(), URL: at.String(), Filter: filter(r), Next: p.box.Next(), Faults: faults()}
	all := p.box.Messages(outbox.Filter{})
	v.All = len(all)
	part := bare(v.Filter.To)
	v.Messages = slices.DeleteFunc(all, func(m outbox.Message) bool {
		return v.Filter.Channel != "" && v.Filter.Channel != m.Channel || !strings.Contains(bare(m.To), part)
	})
	if v.Found = len(v.Messages); v.Found > shown {
		v.Messages, v.More = v.Messages[:shown], v.Found-shown
	}
	return v
}

// bare is a number or an address in small letters and without what people put
// between its parts.
func bare(to string) string {
	return strings.ToLower(strings.NewReplacer(" ", "", "-", "", "(", "", ")", "").Replace(to))
}

// show serves the page.
func (p *page) show(w http.ResponseWriter, r *http.Request) { render(w, "page", p.view(r)) }

// list serves the messages alone, which the page's script fetches when there
// are new ones, so that there is one template for both.
func (p *page) list(w http.ResponseWriter, r *http.Request) { render(w, "list", p.view(r)) }

// render executes a template. They are parsed for each request: this is dev,
// and a template is no state that a package should hold.
func render(w http.ResponseWriter, name string, v view) {
	t, err := template.New("").Funcs(template.FuncMap{
		// Only the first of those that a browser prefers.
		"language": func(s string) string {
			first, _, _ := strings.Cut(s, ",")
			return first
		},
	}).ParseFS(assets, "assets/page.html")
	var b bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&b, name, v)
	}
	if err != nil {
		http.Error(w, "The page could not be made.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes())
}

// html serves an e-mail as a mail program shows it, as a page of its own or in
// a frame of ours: with its own styles, in a sandbox that runs nothing and
// belongs to no origin.
func (p *page) html(w http.ResponseWriter, r *http.Request) {
	for _, m := range p.box.Messages(outbox.Filter{}) {
		if m.ID == r.PathValue("id") && m.HTML != "" {
			h := w.Header()
			h.Set("Content-Security-Policy", "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "+
				"style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
			// Browsers refuse to show what is in a sandbox and asks for a
			// group of windows of its own (HTML, "obtain a cross-origin opener
			// policy").
			h.Del("Cross-Origin-Opener-Policy")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(m.HTML))
			return
		}
	}
	http.NotFound(w, r)
}

// clear serves the page's button.
func (p *page) clear(w http.ResponseWriter, r *http.Request) {
	p.box.Clear()
	http.Redirect(w, r, "/outbox", http.StatusSeeOther)
}

// asset serves the page's style and script.
func asset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	types := map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
	contentType, ok := types[path.Ext(name)]
	raw, err := assets.ReadFile("assets/" + name)
	if !ok || err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(raw)
}
