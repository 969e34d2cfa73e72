// Package outbox shows the messages that dev keeps instead of sending them: a
// page, an API for tests to read codes from, and a stream of events.
//
// Whoever can read it can sign in as anybody. It therefore answers only
// requests that come from this machine, under a name it knows, and not through
// a proxy; and it lets no other site's page read or change anything.
package outbox

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// Options say who may look.
type Options struct {
	// AllowedHosts reports whether the server is known by the name, which is in
	// lower case and without a port. Without it only the names of the loopback
	// interface are. (A foreign name that resolves to this machine would let
	// its owner's pages read the answers: DNS rebinding.)
	AllowedHosts func(host string) bool
	// AllowRemote lets other machines look, for dev in a container.
	AllowRemote bool
	// Done ends streams and waits when it is closed: a server that shuts down
	// waits for its handlers.
	Done <-chan struct{}
}

// page is the page and everything under it.
type page struct {
	box  *outbox.Outbox
	opts Options
}

// Handler returns the handler for /outbox and what is below it.
func Handler(o *outbox.Outbox, opts Options) http.Handler {
	p := &page{box: o, opts: opts}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /outbox", p.show)
	mux.HandleFunc("GET /outbox/{$}", p.show)
	mux.HandleFunc("GET /outbox/list", p.list)
	mux.HandleFunc("GET /outbox/html/{id}", p.html)
	mux.HandleFunc("POST /outbox/clear", p.clear)
	mux.HandleFunc("POST /outbox/next", p.rehearse)
	mux.HandleFunc("GET /outbox/assets/{name}", asset)
	mux.HandleFunc("GET /outbox/events", p.events)
	mux.HandleFunc("GET /outbox/api/messages", p.messages)
	mux.HandleFunc("DELETE /outbox/api/messages", p.deleteMessages)
	mux.HandleFunc("GET /outbox/api/next", p.next)
	mux.HandleFunc("PUT /outbox/api/next", p.setNext)
	// Forms of other sites can post, though they cannot read.
	return p.guard(http.NewCrossOriginProtection().Handler(mux))
}

// policy is that of everything here but the e-mails themselves. What is in a
// message runs nothing and loads nothing.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard refuses whoever may not look, and sets the headers of every answer.
func (p *page) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// With no-referrer browsers would not say, over plain http, that a form
		// comes from our own page.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if !p.knownHost(r.Host) {
			http.Error(w, "The outbox is not served under that name.", http.StatusMisdirectedRequest)
			return
		}
		if !p.opts.AllowRemote && !local(r) {
			http.Error(w, "The outbox is for requests from this machine only.", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (p *page) knownHost(hostport string) bool {
	u := url.URL{Host: hostport}
	host := strings.ToLower(u.Hostname())
	if p.opts.AllowedHosts != nil {
		return host != "" && p.opts.AllowedHosts(host)
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// local reports whether a request comes from this machine. What a proxy or a
// tunnel on this machine passes on does not.
func local(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	return r.Header.Get("X-Forwarded-For") == "" && r.Header.Get("Forwarded") == ""
}
