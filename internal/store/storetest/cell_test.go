package storetest_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// SMS-03: of many starts at once no more are sent than the window has room for;
// a code that is used makes room, and whoever used it is not counted again.
func TestSMS03CellsAtOnce(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		adaptive := func(b *passwordless.Begin) {
			b.Cells = attack.Scopes("con_sms", b.To.Identifier, "GB")
		}
		got := atOnce(t, s, 60, adaptive)
		if got[passwordless.Due] != 3 || got[passwordless.Held] != 57 {
			t.Fatalf("of 60 starts: %v", got)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = $1`, event.PhoneLimit); n != "57" {
			t.Errorf("%s are in the log", n)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM messages WHERE state = 'suppressed'`); n != "57" {
			t.Errorf("%s messages are suppressed", n)
		}
		number := storetest.Value(t, db, `SELECT recipient FROM messages WHERE state <> 'suppressed' ORDER BY recipient LIMIT 1`)
		p := someone{number, "app"}
		c := p.completion(start, "grant", "refresh")
		c.Identifier, c.Cells = "key of "+number, attack.Scopes("con_sms", number, "GB")
		spent, done, err := s.Redeem(t.Context(), p.spend(start, "x"), c)
		if err != nil || spent.Outcome != passwordless.Redeemed || done.Outcome != passwordless.SignedIn {
			t.Fatalf("%v, %v, %v", spent, done, err)
		}
		for i, want := range []passwordless.BeginOutcome{passwordless.Due, passwordless.Due, passwordless.Held} {
			b := someone{fmt.Sprintf("+4477009990%02d", i), "app"}.begin(start, "x")
			adaptive(&b)
			if got := mustBegin(t, s, b).Outcome; got != want {
				t.Errorf("after a code was used, start %d: %v, want %v", i+1, got, want)
			}
		}
		for range 3 {
			b := p.begin(start.Add(time.Second), "x")
			adaptive(&b)
			if got := mustBegin(t, s, b).Outcome; got != passwordless.Due {
				t.Errorf("somebody who has signed in: %v", got)
			}
		}
	})
}
