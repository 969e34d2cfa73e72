// Package testkit starts the whole server inside a test: real HTTP, a real
// database, the dev outbox, and a clock that the test moves.
package testkit

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Clock shows the time that a test has set. It goes on by itself as the real
// one does, so that what waits for moments to pass still does.
type Clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

// Advance moves the clock on.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// A Server is a running server.
type Server struct {
	*app.App
	URL   string
	Clock *Clock
	Log   *Lines

	stop  context.CancelFunc
	ended chan error
}

// Lines collects what is written to it. It is safe for use by many goroutines.
type Lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write keeps what is written.
func (l *Lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns what was written so far.
func (l *Lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Start starts a development server on a free port with a temporary database,
// unless change says otherwise, and stops it at the end of the test.
func Start(t testing.TB, change ...func(*config.Config)) *Server {
	t.Helper()
	cfg := config.Config{Mode: config.Dev, Addr: "127.0.0.1:0", Ephemeral: true, NoOpen: true}
	for _, fn := range change {
		fn(&cfg)
	}
	if cfg.Mode == config.Dev && cfg.Key == "" && cfg.KeyFile == "" && cfg.Database != "" {
		// Else it would be kept beside the test, for all that come after.
		cfg.KeyFile = filepath.Join(t.TempDir(), config.DefaultKeyFile)
	}
	s := &Server{Clock: &Clock{}, Log: &Lines{}, ended: make(chan error, 1)}
	a, err := app.Open(t.Context(), cfg, app.Options{Now: s.Clock.Now, Log: s.Log})
	if err != nil {
		t.Fatal(err)
	}
	s.App, s.URL = a, a.Ready.URL
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	ready := make(chan struct{})
	go func() { s.ended <- a.Run(ctx, func() { close(ready) }) }()
	t.Cleanup(func() { s.Stop(t) })
	select {
	case <-ready:
	case err := <-s.ended:
		t.Fatalf("the server did not start: %v", err)
	}
	return s
}

// Stop ends the server and waits for it. It may be called more than once.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	s.stop()
	if err, ok := <-s.ended; ok {
		close(s.ended)
		if err != nil {
			t.Errorf("the server stopped with: %v", err)
		}
	}
}

// Newest waits until no message to somebody is on its way to the outbox, and
// returns the one that was asked for last. The test ends if there is none.
func (s *Server) Newest(t testing.TB, to string) outbox.Message {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if got := s.Arrived(t, to); len(got) > 0 {
			return got[0]
		}
	}
	t.Fatalf("nothing was sent to %s", to)
	return outbox.Message{}
}

// Arrived waits until no message to somebody is on its way to the outbox, and
// returns those that it has of theirs, the newest first. There may be none.
func (s *Server) Arrived(t testing.TB, to string) []outbox.Message {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Recipients: []string{to}, Limit: 20})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(found.Items, func(m tenant.Message) bool { return !m.State.Over() }) {
			return s.Outbox.Messages(outbox.Filter{To: to})
		}
	}
	t.Fatalf("a message to %s stays on its way", to)
	return nil
}

// Post sends a body and returns the status and the answer.
func (s *Server) Post(t testing.TB, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	return s.Do(t, http.MethodPost, path, body, header...)
}

// Do sends a request, with pairs of header names and values.
func (s *Server) Do(t testing.TB, method, path, body string, header ...string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}
