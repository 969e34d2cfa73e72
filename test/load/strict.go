package load

import (
	"fmt"
	"slices"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

// strictStarts measures starts with strict limits and adds them to the report (P1):
// of a server, for which sends are counted, and of apps, for which requests are
// too, each at an address of its own. A code is sent to nobody twice: nothing is
// refused.
func strictStarts(t testing.TB, db *database.Database, size sizes, r *report) {
	t.Helper()
	run := binary.New(t)
	server := run.Start(append(slices.Clone(db.Flags), "--limits", "strict", "--trusted-proxies", "127.0.0.0/8,::1/128")...)
	b := &bench{t: t, run: run, db: db, server: server, sizes: size}
	b.meter = meter{server.PID, postgres{db.Postmaster(t), db.ServerName()}, size.quiet}
	for _, from := range []struct {
		who string
		app *binary.App
	}{{"a server", server.App()}, {"apps", server.Native()}} {
		people := make([]string, size.many)
		for i := range people {
			people[i] = run.Phone()
		}
		starts := b.must("start with strict limits", loop(b.meter, size.callers, size.many, func(i int) binary.Answer {
			return from.app.Start(t.Context(), binary.Start{To: people[i], From: fmt.Sprintf("198.18.%d.%d", i/250, i%250)})
		}))
		r.loop("start, strict, of "+from.who, size.callers, starts)
		r.atMost("P1", "start with strict limits, new people, of "+from.who, starts.each(), startLimit(db), "µs")
	}
	server.Stop()
}

// startLimit is the target for a start, in microseconds.
func startLimit(db *database.Database) float64 {
	if db.Name != "SQLite" {
		return 350
	}
	return 250
}
