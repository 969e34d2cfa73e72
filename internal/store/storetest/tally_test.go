package storetest_test

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// atOnce begins n sign-ins of different numbers at once and counts what came of
// them.
func atOnce(t *testing.T, s *store.Store, n int, limit func(b *passwordless.Begin)) map[passwordless.BeginOutcome]int {
	t.Helper()
	var mu sync.Mutex
	out := map[passwordless.BeginOutcome]int{}
	var next atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= n; i = int(next.Add(1)) {
				b := someone{fmt.Sprintf("+4477009%05d", i), "app"}.begin(start, "x")
				b.Limited = event.New(event.LoginFailed, start)
				limit(&b)
				begun, err := s.Begin(t.Context(), b)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				out[begun.Outcome]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return out
}

// SMS-04: a budget is never overdrawn, whoever sends at the same moment, and who
// looks after the tenant is told at half, at four fifths and at its end.
func TestSMS04BudgetAtOnce(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		const starts, budget = 400, 100
		f := tenant.Budget{Day: 10 * budget, Hour: budget}
		got := atOnce(t, s, starts, func(b *passwordless.Begin) { b.Budgets = attack.Budgets(tenant.Budget{}, f, "con_sms", b.Now) })
		if got[passwordless.Due] != budget || got[passwordless.BudgetSpent] != starts-budget {
			t.Errorf("of %d starts with a budget of %d: %v", starts, budget, got)
		}
		// What was refused is not taken from the day's.
		f.Day, f.Hour = budget+1, 0
		got = atOnce(t, s, 5, func(b *passwordless.Begin) { b.Budgets = attack.Budgets(tenant.Budget{}, f, "con_sms", b.Now) })
		if got[passwordless.Due] != 1 || got[passwordless.BudgetSpent] != 4 {
			t.Errorf("with one message left in the day: %v", got)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = $1`, event.NotificationWarning); n != "4" {
			t.Errorf("%s warnings, want those of half, four fifths and all of the hour's, and of the day's end", n)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = $1`, event.PhoneLimit); n != "2" {
			t.Errorf("%s refusals are in the log, want one for each limit", n)
		}
	})
}

// SMS-04: nothing is taken for a person who is sent nothing, and they are
// refused as others are.
func TestSMS04NobodyIsToldApart(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		f := tenant.Budget{Day: 2}
		ask := func(number string, closed bool) passwordless.BeginOutcome {
			b := someone{number, "app"}.begin(start, "x")
			b.Limited = event.New(event.LoginFailed, start)
			b.NoSignUp, b.Budgets = closed, attack.Budgets(tenant.Budget{}, f, "con_sms", b.Now)
			return mustBegin(t, s, b).Outcome
		}
		for i, want := range []passwordless.BeginOutcome{passwordless.Suppressed, passwordless.Suppressed, passwordless.Suppressed} {
			if got := ask(fmt.Sprintf("+44770090012%d", i), true); got != want {
				t.Errorf("somebody unknown: %v, want %v", got, want)
			}
		}
		for i, want := range []passwordless.BeginOutcome{passwordless.Due, passwordless.Due, passwordless.BudgetSpent} {
			if got := ask(fmt.Sprintf("+44770090013%d", i), false); got != want {
				t.Errorf("message %d: %v, want %v", i, got, want)
			}
		}
		if got := ask("+447700900140", true); got != passwordless.BudgetSpent {
			t.Errorf("somebody unknown, the budget spent: %v", got)
		}
	})
}

// SMS-05: of many numbers that one address asks for at once, as many are sent to
// as it may ask for.
func TestSMS05NumbersOfAnAddressAtOnce(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		f := tenant.Fraud{NumbersAddress: 10}
		limit := func(b *passwordless.Begin) { b.Spreads = attack.Spreads(f, "192.0.2.1", "", b.Now) }
		got := atOnce(t, s, 100, limit)
		if got[passwordless.Due] != 10 || got[passwordless.TooManyNumbers] != 90 {
			t.Errorf("of 100 numbers: %v", got)
		}
		// Those it has asked for it may ask for again.
		if got = atOnce(t, s, 100, limit); got[passwordless.Due] != 10 {
			t.Errorf("the same again: %v", got)
		}
		for more := true; more; {
			var err error
			if more, err = s.Sweep(t.Context(), start.Add(26*time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM tallies`); n != "0" {
			t.Errorf("%s tallies are left after a day", n)
		}
	})
}
