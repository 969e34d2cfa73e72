// Package gatewaytest is a stand-in for an SMS gateway of somebody's own: a
// server that takes messages as Auth0 documents that it sends them to one, for
// tests that must not send anything.
//
// It is written from that document alone and imports nothing of ours, so that a
// misreading of ours does not repeat itself here. On request it does what
// gateways do at bad times: wait, break off, refuse.
package gatewaytest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Message is the body of a request.
type Message struct {
	Recipient string `json:"recipient"`
	Body      string `json:"body"`
	Sender    string `json:"sender"`
	// Req is there if the connection forwards who asked.
	Req *struct {
		IP        string `json:"ip"`
		UserAgent string `json:"user-agent"`
	} `json:"req"`
}

// A Request is one that was received.
type Request struct {
	At      time.Time
	Method  string
	URI     string
	Header  http.Header
	Raw     string // the body as it came
	Message Message
	Token   string         // what came as bearer token
	Claims  map[string]any // of the token, if its signature is right
	Status  int            // of the answer; 0 if none was given
	Taken   bool           // the message was, whatever was answered
}

// A Fault is something that happens to a request instead of an answer, or
// before it.
type Fault struct {
	Delay time.Duration // wait first, or until the client is gone
	// Drop closes the connection: before the message is taken, or after it with
	// Take.
	Drop bool
	Take bool
	// Status answers with that status, and Body, RetryAfter and Location.
	Status     int
	Body       string
	RetryAfter string
	Location   string
	// Raw is written to the connection in place of any answer.
	Raw string
}

// Server is a stand-in. Set Key and Audience before the first request.
type Server struct {
	URL string

	// Key has a bearer token demanded that is signed with it, and Audience that
	// it is for that one. Without Key any request is taken.
	Key      []byte
	Audience string

	mu       sync.Mutex
	faults   []Fault
	requests []Request
	changed  chan struct{} // closed and replaced when a request was answered
}

// Start starts a server that stops with the test.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New()
	hs := httptest.NewServer(s)
	s.URL = hs.URL + "/sms"
	t.Cleanup(hs.Close)
	return s
}

// New returns the handler alone, for servers of the caller's own.
func New() *Server { return &Server{changed: make(chan struct{})} }

// Script has the next requests meet the faults, one each, in order. A zero
// Fault stands for a request that is answered as usual.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Requests returns what was received so far, also what was refused or dropped.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Taken returns the requests whose message was taken, oldest first.
func (s *Server) Taken() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return !r.Taken })
}

// Wait returns the newest message for the number once there is one.
func (s *Server) Wait(ctx context.Context, to string) (Request, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		for _, r := range slices.Backward(s.Taken()) {
			if r.Message.Recipient == to {
				return r, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Request{}, fmt.Errorf("no message for %q: %w", to, ctx.Err())
		}
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	got, problem := read(r)
	f := s.meet()
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			s.record(got)
			return
		}
	}
	switch {
	case f.Raw != "":
		s.record(got)
		babble(w, f.Raw)
		return
	case f.Status != 0:
		got.Status = f.Status
		s.record(got)
		f.write(w)
		return
	case f.Drop && !f.Take:
		s.record(got)
		panic(http.ErrAbortHandler)
	}
	got.Status = s.judge(&got, problem)
	got.Taken = got.Status == http.StatusOK
	if f.Drop {
		got.Status = 0
	}
	s.record(got)
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(got.Status)
	_, _ = io.WriteString(w, "thank you\n")
}

// read records a request, and says what is wrong with it.
func read(r *http.Request) (Request, error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	got := Request{At: time.Now(), Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone(), Raw: string(raw)}
	got.Token, _ = strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if err != nil {
		return got, err
	}
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return got, errors.New("not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	return got, dec.Decode(&got.Message)
}

// judge returns the status that a request is answered with.
func (s *Server) judge(got *Request, problem error) int {
	switch {
	case got.Method != http.MethodPost:
		return http.StatusMethodNotAllowed
	case s.Key != nil && !s.signed(got):
		return http.StatusUnauthorized
	case problem != nil || got.Message.Recipient == "" || got.Message.Body == "":
		return http.StatusBadRequest
	}
	return http.StatusOK
}

// signed checks the token (RFC 7515, RFC 7519) and keeps its claims.
func (s *Server) signed(got *Request) bool {
	parts := strings.Split(got.Token, ".")
	if len(parts) != 3 {
		return false
	}
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	sum, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(sum, mac.Sum(nil)) {
		return false
	}
	var header struct{ Alg, Typ string }
	var claims map[string]any
	if !part(parts[0], &header) || !part(parts[1], &claims) || header.Alg != "HS256" || header.Typ != "JWT" {
		return false
	}
	got.Claims = claims
	issued, _ := claims["iat"].(float64)
	expires, _ := claims["exp"].(float64)
	now := float64(time.Now().Unix())
	return claims["aud"] == s.Audience && issued <= now+5 && expires > now && expires > issued
}

func part(s string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	return err == nil && json.Unmarshal(raw, into) == nil
}

// meet takes the next fault.
func (s *Server) meet() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) == 0 {
		return Fault{}
	}
	f := s.faults[0]
	s.faults = s.faults[1:]
	return f
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (f *Fault) write(w http.ResponseWriter) {
	if f.RetryAfter != "" {
		w.Header().Set("Retry-After", f.RetryAfter)
	}
	if f.Location != "" {
		w.Header().Set("Location", f.Location)
	}
	w.WriteHeader(f.Status)
	_, _ = io.WriteString(w, f.Body)
}

// babble writes what is not an answer, and hangs up.
func babble(w http.ResponseWriter, raw string) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, raw)
}
