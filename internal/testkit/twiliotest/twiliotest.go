// Package twiliotest is a stand-in for Twilio: a server that answers to POST
// Messages, and to questions about the account, as Twilio documents it, and
// reports what became of messages. It is for tests that must not send anything.
//
// It is written from Twilio's documents alone and imports nothing of ours, so
// that a misreading of ours does not repeat itself here. It knows the numbers
// to which Twilio's test credentials answer with an error, and does on request
// what providers do at bad times: wait, break off, refuse.
package twiliotest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// SID, Token, From and Service belong to the account that a new server has.
const (
	SID     = "AC00000000000000000000000000000001"
	Token   = "0123456789abcdef0123456789abcdef"
	From    = "+15005550006"
	Service = "MG00000000000000000000000000000001"
)

// An Account is who may send, and from what.
type Account struct {
	SID       string
	Token     string
	Keys      map[string]string // its API keys, with their secrets
	Numbers   []string          // its From numbers and sender names
	Services  []string          // its Messaging Services
	Trial     bool              // sends to Verified numbers only
	Verified  []string
	Status    string // "suspended", "closed"; empty: "active"
	Balance   string // such as "12.34"; empty: a subaccount, which has none
	VoiceOnly []string
	// ShortCodes are its own, Pools those of its Messaging Services that have
	// not all its numbers.
	ShortCodes []string
	Pools      map[string]Pool
	Test       bool // these are test credentials
	// Countries are the prefixes it may send to, such as "+44"; nil means all.
	Countries []string
}

// A Request is one that was received.
type Request struct {
	At       time.Time
	Method   string
	Path     string
	Header   http.Header
	Form     url.Values
	Query    url.Values
	RawForm  string
	User     string // of the credentials
	Password string
	Status   int    // of the answer; 0 if none was given
	Code     int    // Twilio's error code, or 0
	SID      string // of the message that was made, if one was
}

// A Fault is something that happens to a request instead of an answer, or
// before it.
type Fault struct {
	Delay time.Duration // wait first, or until the client is gone
	// Drop closes the connection: before the message is made, or after it with
	// Make.
	Drop bool
	Make bool
	// Status answers with that status. Code and Text make up the error document;
	// with Body the answer is that instead.
	Status     int
	Code       int
	Text       string
	Body       string
	RetryAfter string
	Location   string
}

// Server is a stand-in.
type Server struct {
	URL string

	mu       sync.Mutex
	accounts map[string]Account
	invalid  map[string]int // numbers that are refused, with the code
	faults   []Fault
	always   *Fault
	requests []Request
	made     int
	changed  chan struct{} // closed and replaced when a request was answered
	now      func() time.Time
}

// Start starts a server that stops with the test. It has one account, named by
// the constants.
func Start(t testing.TB) *Server {
	t.Helper()
	s := New()
	hs := httptest.NewServer(s)
	s.URL = hs.URL
	t.Cleanup(hs.Close)
	return s
}

// New returns the handler alone, for servers of the caller's own.
func New() *Server {
	return &Server{
		accounts: map[string]Account{SID: {SID: SID, Token: Token, Numbers: []string{From}, Services: []string{Service}, Balance: "12.34"}},
		invalid:  map[string]int{}, changed: make(chan struct{}), now: time.Now,
	}
}

// SetAccount adds an account, or replaces it.
func (s *Server) SetAccount(a Account) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[a.SID] = a
}

// Refuse answers with the error code to every message for the number: 21211 for
// one that is not valid, 21610 for a person who sent STOP.
func (s *Server) Refuse(number string, code int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.invalid[number] = code
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

// Times returns n copies of a fault.
func Times(n int, f Fault) []Fault { return slices.Repeat([]Fault{f}, n) }

// Requests returns what was received so far, also what was refused or dropped.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

// Sent returns the requests that made a message, oldest first. A message was
// made even if its answer was dropped.
func (s *Server) Sent() []Request {
	return slices.DeleteFunc(s.Requests(), func(r Request) bool { return r.SID == "" })
}

// Wait returns the newest message for the number once there is one; to is empty
// for any number.
func (s *Server) Wait(ctx context.Context, to string) (Request, error) {
	for {
		s.mu.Lock()
		changed := s.changed
		s.mu.Unlock()
		for _, r := range slices.Backward(s.Sent()) {
			if to == "" || r.Form.Get("To") == to {
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
	got := record(r, s.now())
	f := s.meet()
	if f.Delay > 0 {
		select {
		case <-time.After(f.Delay):
		case <-r.Context().Done():
			s.record(got)
			return
		}
	}
	if f.Status != 0 {
		got.Status, got.Code = f.Status, f.Code
		s.record(got)
		f.write(w)
		return
	}
	if f.Drop && !f.Make {
		s.record(got)
		panic(http.ErrAbortHandler)
	}
	status, body := s.answer(&got)
	got.Status = status
	if f.Drop {
		got.Status = 0
	}
	s.record(got)
	if f.Drop {
		panic(http.ErrAbortHandler)
	}
	write(w, status, body)
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
	if f.Body != "" {
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
		return
	}
	write(w, f.Status, problem(f.Status, f.Code, cmp.Or(f.Text, title(f.Code))))
}

// write answers with the headers that Twilio's answers have.
func write(w http.ResponseWriter, status int, body map[string]any) {
	raw, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Twilio-Request-Id", "RQ"+strings.Repeat("0", 31)+"1")
	h.Set("Twilio-Request-Duration", "0.080")
	h.Set("Twilio-Concurrent-Requests", "1")
	h.Set("X-Home-Region", "us1")
	h.Set("X-Api-Domain", "api.twilio.com")
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
