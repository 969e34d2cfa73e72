// Package ops serves what is for whoever runs the server: health, readiness,
// metrics and profiles. It belongs on a listener of its own, because none of it
// asks who is there.
package ops

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"time"

	"github.com/doorcode/doorcode/internal/observe"
	"github.com/doorcode/doorcode/internal/web"
)

// readyWait is how long a server may take to find out that it is ready.
const readyWait = 2 * time.Second

// profileWait is the longest a profile or trace may run.
const profileWait = 2 * time.Minute

// Ops is the private port.
type Ops struct {
	// Ready says why the server cannot do its work, such as a database that
	// does not answer. Nil means it always can.
	Ready   func(ctx context.Context) error
	Metrics *observe.Registry
	Log     *slog.Logger
}

// Handler returns the routes. This list is the whole of it; the profile named
// cmdline is missing because a command line may hold a database's password.
func (o *Ops) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", health)
	mux.HandleFunc("GET /ready", o.ready)
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics.Handler())
	}
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
	mux.HandleFunc("GET /debug/pprof/profile", lasting(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", lasting(pprof.Trace))
	return web.Secure(mux, false)
}

// health says that the process runs, and nothing else: an outage elsewhere must
// not make a supervisor restart it.
func health(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok\n") }

// ready says whether requests should be sent here. Why not is for the log.
func (o *Ops) ready(w http.ResponseWriter, r *http.Request) {
	if o.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyWait)
		defer cancel()
		if err := o.Ready(ctx); err != nil {
			if o.Log != nil {
				o.Log.WarnContext(ctx, "not ready", "err", err)
			}
			say(w, http.StatusServiceUnavailable, "not ready\n")
			return
		}
	}
	say(w, http.StatusOK, "ready\n")
}

// lasting lets a profile take longer than responses otherwise may.
func lasting(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := web.Extend(w, profileWait); err != nil {
			say(w, http.StatusInternalServerError, "cannot wait for a profile here\n")
			return
		}
		next(w, r)
	}
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	web.NoStore(w)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}
