package races

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// An operation is one request of a history: a start that made or repeated a
// code, or an attempt to use one.
type operation struct {
	kind       string // "start" or "use"
	code       string
	ok         bool
	from, till time.Time
}

// before reports whether one operation was over before the other began.
func (o operation) before(other operation) bool { return o.till.Before(other.from) }

// RAC-09: fifty starts and fifty attempts, mixed. At any time at most one code
// is good: none is taken twice, and none is taken after another one took its
// place.
func TestRAC09StartsAndAttemptsInOneOrder(t *testing.T) {
	each(t, func(f *field) {
		n, began, used := rounds(t), time.Now(), 0
		manager := f.at(0).Manage(f.ctx())
		manager.Must(f.ctx(), http.MethodPost, "/api/v2/connections", map[string]any{
			"name": "sms-new", "strategy": "sms", "enabled_clients": []string{f.at(0).ClientID},
			"options": map[string]any{
				"name": "sms-new", "syntax": "md_with_macros", "template": "@@password@@ is your code",
				"totp":     map[string]any{"length": 6, "time_step": 180},
				"doorcode": map[string]any{"resend": "new"},
			},
		}, nil)
		time.Sleep(time.Second) // the other process has seen it by then
		for round := range n {
			// By default a code is repeated while it is good; with the other
			// connection each start makes a new one.
			connection := []string{"sms", "sms-new"}[round%2]
			history := f.mix(round, connection)
			used += check(f.T, round, history, connection == "sms-new")
		}
		f.Logf("measured: 50 starts and 50 attempts mixed, %s: %d rounds, %d codes taken, none twice, in %.1f s",
			f.name, n, used, time.Since(began).Seconds())
	})
}

// spread is over how long the requests of a round are spread, so that there is
// something between a message and the attempts with its code.
const spread = 150 * time.Millisecond

// mix runs starts and attempts at the same time and returns what happened. An
// attempt uses a code that has arrived; a start is found in the outbox by the
// language it asked for.
func (f *field) mix(round int, connection string) []operation {
	to := f.Phone()
	var mu sync.Mutex
	var history []operation
	add := func(o operation) {
		mu.Lock()
		defer mu.Unlock()
		history = append(history, o)
	}
	starts := map[string]operation{}
	together(100, func(i int) binary.Answer {
		time.Sleep(rand.N(spread))
		if i%2 == 0 {
			language := fmt.Sprintf("x-%d-%d", round, i)
			o := operation{kind: "start", from: time.Now()}
			a := f.app(i/2).Start(f.ctx(), binary.Start{To: to, Connection: connection, Language: language})
			o.till, o.ok = time.Now(), a.OK()
			if !a.OK() && !a.NoTries() {
				f.Errorf("round %d: start: %v", round, a)
			}
			mu.Lock()
			starts[language] = o
			mu.Unlock()
			return a
		}
		if _, err := f.inbox.Wait(f.ctx(), to, 0); err != nil {
			f.Error(err)
			return binary.Answer{Err: err}
		}
		arrived := f.inbox.To(to)
		o := operation{kind: "use", code: arrived[len(arrived)-1].Code, from: time.Now()}
		a := f.app(i/2).Token(f.ctx(), binary.Code{To: to, Connection: connection, Code: o.code, Scope: "-"})
		o.till, o.ok = time.Now(), a.OK()
		if !a.OK() && !a.Wrong() && !a.Dead() && !a.NoTries() {
			f.Errorf("round %d: attempt: %v", round, a)
		}
		add(o)
		return a
	})
	asked := 0
	for _, o := range starts {
		if o.ok {
			asked++
		}
	}
	if _, err := f.inbox.Wait(f.ctx(), to, asked-1); err != nil {
		f.Fatal(err)
	}
	for _, m := range f.inbox.To(to) {
		o := starts[m.Language]
		o.code = m.Code
		add(o)
	}
	return history
}

// check looks for what cannot be if requests take effect one after the other,
// each between when it was sent and when it was answered. It returns how many
// codes were taken.
func check(t *testing.T, round int, history []operation, replaces bool) int {
	t.Helper()
	taken := map[string]operation{}
	made := map[string][]operation{} // the starts of a code
	for _, o := range history {
		if o.kind == "start" {
			made[o.code] = append(made[o.code], o)
		}
	}
	for _, use := range history {
		if use.kind != "use" || !use.ok {
			continue
		}
		// A code is taken once for each time it was made, which, of six
		// random digits, is once.
		if other, twice := taken[use.code]; twice {
			t.Errorf("round %d: one code was taken twice, %v apart", round, use.from.Sub(other.from))
		}
		taken[use.code] = use
		if !replaces {
			continue
		}
		for code, starts := range made {
			for _, later := range starts {
				if code != use.code && later.before(use) && allBefore(made[use.code], later) {
					t.Errorf("round %d: a code was taken after another had taken its place", round)
				}
			}
		}
	}
	return len(taken)
}

// allBefore reports whether every operation was over before the other began.
func allBefore(list []operation, other operation) bool {
	for _, o := range list {
		if !o.before(other) {
			return false
		}
	}
	return len(list) > 0
}
