package web

import (
	"errors"
	"net/http"
	"time"
)

// Server returns a server with limits that no honest client notices and that
// slow ones run into. Handlers that wait or stream need Extend.
func Server(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       120 * time.Second,
		MaxHeaderBytes:    12 << 10, // net/http reads 4 KiB more before it refuses: 16 in all
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: 100},
	}
}

// Extend gives a response d from now, whatever the server's timeouts, or all
// the time there is if d is 0. The read deadline is lifted with it: when it
// passes while a handler is still waiting, net/http takes that for a lost
// client and cancels the request. The body must have been read before.
func Extend(w http.ResponseWriter, d time.Duration) error {
	var until time.Time
	if d > 0 {
		until = time.Now().Add(d)
	}
	c := http.NewResponseController(w)
	err := errors.Join(c.SetWriteDeadline(until), c.SetReadDeadline(until))
	if errors.Is(err, http.ErrNotSupported) {
		return nil // no connection to speak of, as in tests
	}
	return err
}
