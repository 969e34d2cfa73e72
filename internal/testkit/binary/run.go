package binary

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// A Run is the servers of one test, and the secrets that pass through them.
type Run struct {
	t       testing.TB
	dir     string
	secrets *secrets

	mu      sync.Mutex
	servers []*Server

	prefix int // of the numbers and addresses of this run
	people atomic.Int64
}

// New returns a run. When the test ends, its servers are killed if they are
// still there, and what they have logged is searched.
func New(t testing.TB) *Run {
	t.Helper()
	r := &Run{t: t, dir: t.TempDir(), secrets: &secrets{}, prefix: 100 + rand.IntN(900)}
	t.Cleanup(r.finish)
	return r
}

func (r *Run) finish() {
	for _, s := range r.servers {
		switch {
		case s.running():
			s.Kill()
		case s.ended != nil && !s.asked:
			r.t.Errorf("the server ended by itself: %v", s.err)
		}
	}
	r.secrets.prepare()
	for _, s := range r.servers {
		s.checkLogs()
	}
	if r.t.Failed() {
		for _, s := range r.servers {
			r.t.Logf("what the server said, but for its requests:\n%s", remarks(s.stderr))
		}
	}
	r.t.Logf("looked for %d secrets in the logs of %d servers", r.secrets.size(), len(r.servers))
}

// Note remembers values that must not be in any log.
func (r *Run) Note(values ...string) { r.secrets.note(values...) }

// Phone returns a number that nobody else in this run has. No country has the
// calling code 999.
func (r *Run) Phone() string {
	phone := fmt.Sprintf("+999%d%08d", r.prefix, r.people.Add(1))
	r.Note(phone)
	return phone
}

// Email returns an address that nobody else in this run has.
func (r *Run) Email() string {
	email := fmt.Sprintf("person-%d-%d@mail.example", r.prefix, r.people.Add(1))
	r.Note(email)
	return email
}

// File writes a file that servers of this run can be given, such as a
// configuration, and returns its path.
func (r *Run) File(name, content string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// Dir is a directory of this run, which is removed when the test ends.
func (r *Run) Dir() string { return r.dir }
