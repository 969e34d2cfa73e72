// Package standin is what stand-ins for providers with an HTTP API have in
// common: they remember what they were asked, and do on request what providers
// do at bad times: wait, break off, refuse.
//
// What a provider answers is the business of each stand-in, which is a Server
// with an Answer. Like those it imports nothing of ours.
package standin

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// maxBody bounds what is read of a request.
const maxBody = 1 << 20

// A Message is what a request asked to have sent.
type Message struct {
	To, From string
	Text     string

	// Of an e-mail.
	Subject string
	HTML    string
	Headers map[string]string // the additional ones, by name
}

// A Request is one that was received.
type Request struct {
	At     time.Time
	Method string
	Host   string
	URI    string
	Header http.Header
	Body   string

	Message Message
	ID      string // of the message, if it was taken
	Status  int    // of the answer; 0 if none was given
}

// A Reply is an answer.
type Reply struct {
	Status int
	Header map[string]string
	Body   string
}

// A Fault is something that happens to a request instead of an answer, or
// before it.
type Fault struct {
	Delay time.Duration // wait first, or until the client is gone
	// Drop closes the connection: before the message is taken, or after it with
	// Take.
	Drop bool
	Take bool
	// Reply is the answer, if it has a status.
	Reply Reply
}

// Server is a stand-in.
type Server struct {
	URL string

	// Answer judges a request that no fault is for: it fills in Message, and
	// ID if the message is taken. One request is judged at a time.
	Answer func(*Request) Reply

	mu       sync.Mutex
	faults   []Fault
	always   *Fault
	requests []Request
	changed  chan struct{} // closed and replaced when a request was answered
}

// Start starts a server that stops with the test.
func Start(t testing.TB, answer func(*Request) Reply) *Server {
	t.Helper()
	s := &Server{Answer: answer, changed: make(chan struct{})}
	hs := httptest.NewServer(s)
	s.URL = hs.URL
	t.Cleanup(hs.Close)
	return s
}

// Script has the next requests meet the faults, one each, in order. A zero
// Fault stands for a request that is answered as usual.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Always has every request that no script is left for meet the fault; nil ends
// that.
func (s *Server) Always(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// Requests returns what was received so far, also what was refused or dropped.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Taken returns the requests whose message was taken, oldest first, whether
// they were answered or not.
func (s *Server) Taken() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.ID == "" })
}

// Wait returns the newest message for the address once there is one.
func (s *Server) Wait(ctx context.Context, to string) (Request, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		for _, r := range slices.Backward(s.Taken()) {
			if r.Message.To == to {
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
	got := read(r)
	f := s.meet()
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			s.record(got)
			return
		}
	}
	if f.Reply.Status != 0 {
		got.Status = f.Reply.Status
		s.record(got)
		f.Reply.write(w)
		return
	}
	if f.Drop && !f.Take {
		s.record(got)
		panic(http.ErrAbortHandler)
	}
	reply := s.judge(&got)
	if !f.Drop {
		got.Status = reply.Status
	}
	s.record(got)
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	reply.write(w)
}

func read(r *http.Request) Request {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		raw = nil // a request that broke off asks for nothing
	}
	return Request{
		At: time.Now(), Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header.Clone(), Body: string(raw),
	}
}

// meet takes the next fault.
func (s *Server) meet() Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.faults) > 0 {
		f := s.faults[0]
		s.faults = s.faults[1:]
		return f
	}
	if s.always != nil {
		return *s.always
	}
	return Fault{}
}

func (s *Server) judge(r *Request) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Answer(r)
}

func (s *Server) record(r Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, r)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (r *Reply) write(w http.ResponseWriter) {
	for name, value := range r.Header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, r.Body)
}

// Number reports whether s is 7 to 15 digits, none of them a leading zero: what
// a complete number is without its plus (ITU-T E.164).
func Number(s string) bool {
	return len(s) >= 7 && len(s) <= 15 && s[0] != '0' && strings.Trim(s, "0123456789") == ""
}
