// Package kills ends a server with SIGKILL at random moments while it works,
// starts it again on the same database, and compares what it had promised with
// what is there.
//
// DOORCODE_TEST_KILLS says how often in all, half of it on each database.
package kills

import (
	"context"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/test/internal/database"
)

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

// callers is how many people sign in at the same time.
const callers = 6

// CRA-01, CRA-03: whatever a server has answered holds after it was killed.
// Every acknowledged start ends handed over, failed or expired; a code that
// arrived is good, once; a refresh token that was handed out works; and the
// database is whole.
func TestKilledServerKeepsItsWord(t *testing.T) {
	if testing.Short() {
		t.Skip("not with -short: leases run for half a minute")
	}
	kills := max(1, binary.Count(t, "DOORCODE_TEST_KILLS", 40)/2)
	database.Each(t, func(t *testing.T, db *database.Database) {
		t.Parallel()
		began := time.Now()
		k := newKiller(t, db)
		for range kills {
			k.load(time.Duration(30+rand.IntN(370)) * time.Millisecond)
			k.server.Kill()
			db.Check(t)
			k.restart()
			k.compare()
			if t.Failed() {
				break
			}
		}
		states := k.settle()
		k.useLateCodes()
		k.server.Stop()
		db.Check(t)
		t.Logf("measured: %d kills, %s: %d acknowledged starts ended %v, %d codes used of which none twice, %d refreshes kept, slowest restart %d ms, %.0f s in all",
			kills, db.Name, k.journal.acknowledged(), states, k.journal.used(), k.refreshes, k.slowest.Milliseconds(), time.Since(began).Seconds())
	})
}

// A killer is a server under load, and the journal of what it has answered.
type killer struct {
	*testing.T
	run     *binary.Run
	server  *binary.Server
	inbox   *binary.Inbox
	app     *binary.App // its refresh tokens are replaced by each use
	journal *journal

	slowest   time.Duration // restart
	refreshes int           // refresh tokens tried after restarts
}

func newKiller(t *testing.T, db *database.Database) *killer {
	run := binary.New(t)
	k := &killer{T: t, run: run, journal: &journal{}}
	k.server = run.Start(db.Flags...)
	k.inbox = run.Inbox(k.server)
	manager := k.server.Manage(t.Context())
	k.app = manager.NewApp(t.Context(), "kills", manager.Connection(t.Context(), "sms"), map[string]any{
		"refresh_token": map[string]any{
			"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 0,
			"token_lifetime": 86400, "infinite_token_lifetime": false,
			"idle_token_lifetime": 3600, "infinite_idle_token_lifetime": false,
		},
	})
	return k
}

// load has people sign in for a while. It returns in the middle of it: what is
// under way goes on until the server is gone.
func (k *killer) load(d time.Duration) {
	ctx, cancel := context.WithCancel(k.Context())
	ended := k.server.Ended()
	go func() {
		<-ended // the process goes first, then those who talk to it
		cancel()
	}()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for ctx.Err() == nil && k.signIn(ctx) {
				time.Sleep(time.Duration(rand.IntN(10)) * time.Millisecond)
			}
		})
	}
	k.journal.underWay = &wg
	time.Sleep(d)
}

// signIn is one person: a start, the code, tokens, and then new tokens. It
// reports false when the server is gone.
func (k *killer) signIn(ctx context.Context) bool {
	l := k.journal.add(k.run.Phone())
	a := k.app.Start(ctx, binary.Start{To: l.to, Language: l.tag})
	if a.Err != nil {
		return false
	}
	if !a.OK() {
		k.Errorf("start: %v", a)
		return false
	}
	l.set(func() { l.acknowledged = true })
	arrive, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m, err := k.inbox.Wait(arrive, l.to, 0)
	if err != nil {
		return ctx.Err() == nil
	}
	l.set(func() { l.code = m.Code })
	if rand.IntN(4) == 0 {
		return true // they type it later
	}
	if !k.use(ctx, l) {
		return false
	}
	for range rand.IntN(3) {
		if !k.refresh(ctx, l) {
			return false
		}
	}
	return true
}

// use exchanges the code. A code that has arrived is good.
func (k *killer) use(ctx context.Context, l *login) bool {
	l.set(func() { l.use = unknown })
	a := k.app.Token(ctx, binary.Code{To: l.to, Code: l.code})
	if a.Err != nil {
		return false
	}
	if !a.OK() {
		k.Errorf("a code that had arrived was refused: %v", a)
		return false
	}
	l.set(func() { l.use, l.refresh, l.refreshed = answered, a.RefreshToken, answered })
	return true
}

// refresh exchanges the refresh token for the next.
func (k *killer) refresh(ctx context.Context, l *login) bool {
	token := l.refresh
	l.set(func() { l.refreshed = unknown })
	a := k.app.Refresh(ctx, token)
	if a.Err != nil {
		return false
	}
	if !a.OK() || a.RefreshToken == "" {
		k.Errorf("a refresh token that had been handed out was refused: %v", a)
		return false
	}
	l.set(func() { l.refresh, l.refreshed = a.RefreshToken, answered })
	return true
}

func (k *killer) restart() {
	k.journal.underWay.Wait()
	k.server.Restart()
	k.slowest = max(k.slowest, k.server.ReadyAfter)
	limit := 2 * time.Second
	if binary.Race() {
		limit *= 5
	}
	if k.server.ReadyAfter > limit {
		k.Errorf("the server was ready %v after it was killed and started again, want at most %v", k.server.ReadyAfter, limit)
	}
	k.inbox.Follow(k.server)
}

// compare tries what was answered since the last kill: used codes are used,
// those whose answer was lost are good at most once more, and refresh tokens
// work.
func (k *killer) compare() {
	refreshes := 0
	for _, l := range k.journal.takeNew() {
		switch l.use {
		case answered:
			k.mustBeUsed(l)
		case unknown:
			// The request may have got through or not. Only one of two does.
			k.app.Token(k.Context(), binary.Code{To: l.to, Code: l.code, Scope: "-"})
			k.mustBeUsed(l)
		case not:
		}
		if l.use == answered && l.refreshed == answered && refreshes < 20 {
			refreshes++
			k.refresh(k.Context(), l)
		}
	}
	k.refreshes += refreshes
}

func (k *killer) mustBeUsed(l *login) {
	a := k.app.Token(k.Context(), binary.Code{To: l.to, Code: l.code, Scope: "-"})
	if a.OK() {
		k.Errorf("a code was accepted twice; it was used before the server was killed")
	} else if !a.Wrong() {
		k.Errorf("a used code gave %v", a)
	}
}
