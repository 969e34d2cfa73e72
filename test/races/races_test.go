// Package races attacks running servers with many requests at the same moment:
// two processes that share a PostgreSQL database, and one process on SQLite.
// What has to happen once must happen once, whoever asks and however often.
//
// DOORCODE_TEST_ROUNDS says how many rounds each test has.
package races

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// rounds is how many rounds a test has.
func rounds(t *testing.T) int { return binary.Count(t, "DOORCODE_TEST_ROUNDS", 20) }

// A field is where a test takes place: the servers of one database.
type field struct {
	*testing.T
	*binary.Run
	name    string // of the database and its servers, for figures
	db      *database.Database
	servers []*binary.Server
	inbox   *binary.Inbox
}

// each runs a test on SQLite with one process and on PostgreSQL with two.
func each(t *testing.T, fn func(f *field)) {
	database.Each(t, func(t *testing.T, db *database.Database) {
		f := &field{T: t, Run: binary.New(t), db: db, name: db.Name}
		f.servers = append(f.servers, f.Start(db.Flags...))
		if db.Name != "SQLite" {
			f.servers = append(f.servers, f.Start(db.Flags...))
			f.name += ", 2 processes"
		}
		f.inbox = f.Inbox(f.servers...)
		fn(f)
	})
}

// at returns the nth server, over and over.
func (f *field) at(n int) *binary.Server { return f.servers[n%len(f.servers)] }

// app returns the ready-made confidential application at the nth server.
func (f *field) app(n int) *binary.App { return f.at(n).App() }

// ctx ends a request that hangs.
func (f *field) ctx() context.Context {
	ctx, cancel := context.WithTimeout(f.Context(), time.Minute)
	f.Cleanup(cancel)
	return ctx
}

// code asks for a code and returns it. Number n is how many messages the
// person has got before.
func (f *field) code(app *binary.App, to string, n int) string {
	f.Helper()
	if a := app.Start(f.ctx(), binary.Start{To: to}); !a.OK() {
		f.Fatalf("start: %v", a)
	}
	m, err := f.inbox.Wait(f.ctx(), to, n)
	if err != nil {
		f.Fatal(err)
	}
	return m.Code
}

// wrong returns a code that is not the right one.
func wrong(right string) string {
	digits := []byte(right)
	digits[len(digits)-1] = '0' + (digits[len(digits)-1]-'0'+1)%10
	return string(digits)
}

// together calls fn n times at the same moment and returns the answers.
func together(n int, fn func(i int) binary.Answer) []binary.Answer {
	answers := make([]binary.Answer, n)
	ready := make(chan struct{})
	var wg, waiting sync.WaitGroup
	waiting.Add(n)
	for i := range n {
		wg.Go(func() {
			waiting.Done()
			<-ready
			answers[i] = fn(i)
		})
	}
	waiting.Wait()
	close(ready)
	wg.Wait()
	return answers
}

// tally counts answers by what they say.
type tally map[string]int

func (f *field) tally(answers []binary.Answer) tally {
	got := tally{}
	for _, a := range answers {
		switch {
		case a.OK():
			got["ok"]++
		case a.Wrong():
			got["wrong"]++
		case a.Dead():
			got["dead"]++
		case a.NoTries():
			got["no tries"]++
		default:
			got[a.String()]++
		}
	}
	return got
}

// is compares what was counted with what has to be.
func (got tally) is(want tally) bool { return fmt.Sprint(got) == fmt.Sprint(want) }
