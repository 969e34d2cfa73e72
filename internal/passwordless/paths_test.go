package passwordless_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
)

// BRU-07: whatever way a guess comes, it is one of the same ten: through another
// connection of the channel, another application, a login transaction, a page
// that takes long codes, a server's address, a browser that is not known, and
// in every mode.
func TestBRU07EveryPathSharesTheTries(t *testing.T) {
	paths := []struct {
		name   string
		start  func(w *world, r *passwordless.StartRequest)
		finish func(w *world, r *passwordless.FinishRequest)
	}{
		{"the first connection", func(*world, *passwordless.StartRequest) {}, func(*world, *passwordless.FinishRequest) {}},
		{
			"an alias of it", func(_ *world, r *passwordless.StartRequest) { r.Connection = "sms2" },
			func(_ *world, r *passwordless.FinishRequest) { r.Realm = "sms2" },
		},
		{
			"another application", func(w *world, r *passwordless.StartRequest) { r.Client = w.other },
			func(w *world, r *passwordless.FinishRequest) { r.Client = w.other },
		},
		{
			"a login transaction", func(_ *world, r *passwordless.StartRequest) { r.Transaction = "tx" },
			func(_ *world, r *passwordless.FinishRequest) { r.Transaction = "tx" },
		},
		{
			"a server, with a device that is not known",
			func(w *world, r *passwordless.StartRequest) {
				r.Client, r.Transaction, r.Authenticated, r.Device = w.other, "tx2", true, "x"
			},
			func(w *world, r *passwordless.FinishRequest) {
				r.Client, r.Transaction, r.Server, r.Device, r.IP = w.other, "tx2", true, "x", "192.0.2.77"
			},
		},
	}
	each(t, func(outer *world) {
		for _, mode := range []attack.Mode{attack.Off, attack.Auth0, attack.Strict} {
			outer.t.Run(string(mode), func(t *testing.T) {
				w := newWorld(t, outer.store, outer.db)
				w.Limits = mode
				outer.pass(72 * time.Hour) // what other modes have tried counts no more
				w.now = outer.Now()
				judged := 0
				for round := range 5 {
					for _, p := range paths {
						ask := w.ask("sms", number)
						ask.IPKey = fmt.Sprint(mode, round, p.name)
						p.start(w, &ask)
						started, err := w.Start(t.Context(), ask)
						if err != nil && outcome(err) != blockedTries {
							t.Fatalf("%s: a start gave %v", p.name, err)
						}
						if err == nil && started.ID == "" {
							t.Fatalf("%s: a start without an id", p.name)
						}
						r := w.bring("sms", number, "0000")
						p.finish(w, &r)
						before := w.tried()
						switch got := w.try(r); got {
						case wrongSMS, tooMany, blockedTries:
						default:
							t.Errorf("%s: a guess gave %q", p.name, got)
						}
						if w.tried() != before {
							judged++
						}
					}
					w.pass(4 * time.Minute)
				}
				// Where sends are limited there are fewer codes to guess at.
				if judged > 10 || judged < 10 && mode != attack.Strict || judged == 0 {
					t.Errorf("of %d guesses %d were judged, want 10", 5*len(paths), judged)
				}
				outer.now = w.Now()
			})
		}
	})
}
