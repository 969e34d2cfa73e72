package ops

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/observe"
)

func TestHandler(t *testing.T) {
	reg := observe.NewRegistry()
	reg.Counter("x_total", "X.").Inc()
	h := (&Ops{Metrics: reg}).Handler()
	for _, tt := range []struct {
		method, path string
		status       int
		contains     string
	}{
		{"GET", "/health", 200, "ok"},
		{"HEAD", "/health", 200, ""},
		{"GET", "/ready", 200, "ready"},
		{"GET", "/metrics", 200, "doorcode_x_total 1"},
		{"GET", "/debug/pprof/", 200, "goroutine"},
		{"GET", "/debug/pprof/heap?debug=1", 200, "heap profile"},
		{"GET", "/debug/pprof/profile?seconds=1", 200, ""},
		{"GET", "/debug/pprof/symbol", 200, "num_symbols"},
		{"GET", "/debug/pprof/cmdline", 404, ""}, // SEC-01
		{"POST", "/health", 405, ""},
		{"TRACE", "/metrics", 405, ""},
		{"GET", "/", 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, nil))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.contains) {
			t.Errorf("%s %s: %d %.80q", tt.method, tt.path, w.Code, w.Body)
		}
	}
}

func TestReady(t *testing.T) {
	var fail error
	var log bytes.Buffer
	o := &Ops{Log: observe.NewLogger(&log, observe.Text, slog.LevelInfo), Ready: func(ctx context.Context) error {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		return fail
	}}
	h := o.Handler()
	for _, err := range []error{nil, errors.New("dial postgres://doorcode:pw@db/x: refused"), nil} {
		fail = err
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil))
		if want := map[bool]int{true: 200, false: 503}[err == nil]; w.Code != want {
			t.Errorf("%v: %d, want %d", err, w.Code, want)
		}
		// SEC-04: the reason is for the log.
		if strings.Contains(w.Body.String(), "postgres") {
			t.Errorf("body %s", w.Body)
		}
	}
	if s := log.String(); !strings.Contains(s, "refused") || strings.Contains(s, "pw@") {
		t.Errorf("log %s", s)
	}
}

// A database that hangs makes the server unready, not the check hang.
func TestReadyGivesUp(t *testing.T) {
	o := &Ops{Ready: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	start := time.Now()
	w := httptest.NewRecorder()
	o.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/ready", nil))
	if w.Code != 503 || time.Since(start) > 2*readyWait {
		t.Errorf("%d after %v", w.Code, time.Since(start))
	}
}
