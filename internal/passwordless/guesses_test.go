package passwordless_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// guesses is how many guesses are made; test/long makes 10,000.
func guesses(t *testing.T) int {
	text := os.Getenv("DOORCODE_TEST_GUESSES")
	if text == "" {
		return 300
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// BRU-01, BRU-06, R4: an attacker who guesses for weeks, from another address
// each time, at two processes that are restarted each day, has ten tries a day
// and a hundred in all; nothing brings the hundred back but the owner, whose
// browser is let in on each of these days, and after them.
func TestBRU01GuessesForWeeks(t *testing.T) {
	for _, owner := range []bool{false, true} {
		t.Run(fmt.Sprintf("the owner signs in each day %v", owner), func(t *testing.T) {
			storetest.EachAt(t, func(t *testing.T, address string) {
				w := newWorld(t, storetest.Open(t, address), storetest.SQL(t, address))
				w.Limits = attack.Strict
				p, err := settings.Protection(nil)
				if err != nil {
					t.Fatal(err)
				}
				w.protection = p
				weeks(w, address, number, owner)
			})
		})
	}
}

func weeks(w *world, address, person string, owner bool) {
	own := passwordless.NewDevice()
	w.signInWith(own, person)
	processes := []*store.Store{w.store}
	if strings.HasPrefix(address, "postgres") {
		processes = append(processes, nil)
	}
	total, days := guesses(w.t), 15
	judged, made, most := 0, 0, 0
	for day := range days {
		w.pass(24*time.Hour + time.Minute)
		for i := range processes { // restarted
			s, err := store.Open(w.t.Context(), address, w.Keys)
			if err != nil {
				w.t.Fatal(err)
			}
			processes[i] = s
		}
		today := 0
		for range total / days {
			w.Ledger = processes[made%len(processes)]
			if w.guess(made, person) {
				today++
			}
			made++
			w.pass(min(2*time.Minute, 8*time.Hour*time.Duration(days)/time.Duration(total)))
		}
		judged, most = judged+today, max(most, today)
		if owner || day == days-1 {
			w.Ledger = processes[0]
			w.signInWithKnown(own, person)
		}
		for _, s := range processes {
			if err := s.Close(); err != nil {
				w.t.Error(err)
			}
		}
	}
	want := 100
	if owner {
		want = 10 * days
	}
	if judged != want || most != 10 {
		w.t.Errorf("of %d guesses in %d days %d were judged, want %d; on one day %d, want 10", made, days, judged, want, most)
	}
	w.t.Logf("measured: %d guesses in %d days at %d processes, the owner there each day %v: %d judged", made, days, len(processes), owner, judged)
}

// guess is a try of the attacker's, who has asked for a code wherever that is
// possible. It reports whether the try was judged: that the code was wrong, not
// that there is none.
func (w *world) guess(n int, person string) bool {
	ask := w.ask("sms", person)
	ask.IP = fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	ask.IPKey = ask.IP
	ask.Client = w.app
	if n%2 == 1 {
		ask.Client = w.other
	}
	_, _ = w.Start(w.t.Context(), ask) // refused for its cooldown, mostly
	before := w.tried()
	r := w.bring("sms", person, fmt.Sprintf("%06d", n))
	r.Client, r.IP = ask.Client, ask.IP
	switch got := w.try(r); got {
	case "in":
		// One guess in a million is right.
		w.t.Fatal("the attacker has guessed right: run it again")
	case wrongSMS, tooMany, blockedTries, expired:
	default:
		w.t.Errorf("guess %d gave %q", n, got)
	}
	return w.tried() != before
}

// tried is how many tries at codes were judged as wrong.
func (w *world) tried() string {
	return storetest.Value(w.t, w.db, `SELECT COALESCE(SUM(CAST(streak AS BIGINT)), 0) FROM tries`)
}

// signInWithKnown signs somebody in with a browser that is known.
func (w *world) signInWithKnown(device, person string) {
	w.t.Helper()
	ask := w.ask("sms", person)
	ask.Device = device
	code := w.send(ask)
	r := w.bring("sms", person, code)
	r.Device = device
	if got := w.try(r); got != "in" {
		w.t.Errorf("the owner's sign-in gave %q", got)
	}
}
