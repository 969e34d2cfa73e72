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
	"github.com/doorcode/doorcode/internal/tenant"
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

// SMS-06: a message without room is sent to whoever has passed a challenge where
// many codes are used, and to nobody elsewhere.
func TestSMS06Challenges(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		for country, conversions := range map[string]int{"GB": 51, "US": 50} {
			if _, err := db.ExecContext(t.Context(), `INSERT INTO cells (name, state, touched_at) VALUES ($1, $2, $3)`,
				"con_sms/country/"+country, fmt.Sprintf(`{"Window":0.3,"Conversions":%d,"Pending":[{"At":%q,"N":9}]}`, conversions, start.UTC().Format(time.RFC3339)),
				start.UnixMilli()); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			number, country string
			proven          bool
			verdict         attack.Verdict
			want            passwordless.BeginOutcome
		}{
			{"+447700900011", "GB", false, attack.Challenged, passwordless.Held},
			{"+447700900012", "GB", true, attack.Challenged, passwordless.Due},
			{"+15555550101", "US", false, attack.Closed, passwordless.Held},
			{"+15555550102", "US", true, attack.Closed, passwordless.Held},
			{"+33612345678", "FR", false, attack.Open, passwordless.Due},
		} {
			b := someone{test.number, "app"}.begin(start, "x")
			b.Cells, b.Proven = attack.Scopes("con_sms", test.number, test.country), test.proven
			cells, err := s.ReadCells(t.Context(), b.Cells, start)
			if err != nil {
				t.Fatal(err)
			}
			if got := attack.Judge(cells); got != test.verdict {
				t.Errorf("%s: %v, want %v", test.number, got, test.verdict)
			}
			if got := mustBegin(t, s, b).Outcome; got != test.want {
				t.Errorf("%s, proven %v: %v, want %v", test.number, test.proven, got, test.want)
			}
		}
	})
}

// SMS-04: the tenant's budget is one for all its connections.
func TestSMS04TenantBudget(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		got := map[passwordless.BeginOutcome]int{}
		for i := range 9 {
			id := tenant.ConnectionID(fmt.Sprintf("con_%d", i%3))
			b := someone{fmt.Sprintf("+4477009000%02d", i), "app"}.begin(start, "x")
			b.Budgets = attack.Budgets(tenant.Budget{Day: 5, Hour: 7}, tenant.Budget{Day: 5}, id, start)
			got[mustBegin(t, s, b).Outcome]++
		}
		if got[passwordless.Due] != 5 || got[passwordless.BudgetSpent] != 4 {
			t.Errorf("of 9 starts by three connections: %v, want 5 due", got)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE doc LIKE '%of the tenant''s budget of 5 messages for today is used%'`); n != "3" {
			t.Errorf("%s warnings, want three: at half, four fifths and the end", n)
		}
	})
}
