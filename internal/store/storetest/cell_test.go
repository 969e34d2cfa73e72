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
			challenge       *passwordless.Challenge
			verdict         attack.Verdict
			want            passwordless.BeginOutcome
		}{
			{"+447700900011", "GB", nil, attack.Challenged, passwordless.Held},
			{"+447700900012", "GB", &passwordless.Challenge{}, attack.Challenged, passwordless.Unproven},
			{"+447700900012", "GB", proof("one"), attack.Challenged, passwordless.Due},
			{"+447700900013", "GB", proof("one"), attack.Challenged, passwordless.Unproven},
			{"+447700900013", "GB", proof("two"), attack.Challenged, passwordless.Due},
			{"+15555550101", "US", nil, attack.Closed, passwordless.Held},
			{"+15555550102", "US", proof("three"), attack.Closed, passwordless.Held},
			{"+33612345678", "FR", &passwordless.Challenge{}, attack.Open, passwordless.Due},
		} {
			b := someone{test.number, "app"}.begin(start, "x")
			b.Cells, b.Challenge = attack.Scopes("con_sms", test.number, test.country), test.challenge
			b.Sends = true
			cells, err := s.ReadCells(t.Context(), b.Cells, start)
			if err != nil {
				t.Fatal(err)
			}
			if got := attack.Judge(cells); got != test.verdict {
				t.Errorf("%s: %v, want %v", test.number, got, test.verdict)
			}
			if got := mustBegin(t, s, b).Outcome; got != test.want {
				t.Errorf("%s, challenge %+v: %v, want %v", test.number, test.challenge, got, test.want)
			}
		}
	})
}

func proof(name string) *passwordless.Challenge {
	return &passwordless.Challenge{Proof: []byte(name), Until: start.Add(time.Hour)}
}

// SMS-06: of many starts at once a proof is good for one, and in a cell that
// challenges nobody is sent to without one, though all found room when they
// asked.
func TestSMS06ProofsAtOnce(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO cells (name, state, touched_at) VALUES ($1, $2, $3)`,
			"con_sms/country/GB", `{"Window":5,"Conversions":60}`, start.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		cells := func(b *passwordless.Begin) { b.Cells = attack.Scopes("con_sms", b.To.Identifier, "GB") }
		got := atOnce(t, s, 100, func(b *passwordless.Begin) { cells(b); b.Challenge = &passwordless.Challenge{} })
		if got[passwordless.Due] != 3 || got[passwordless.Unproven] != 97 {
			t.Errorf("without a proof, with room for three in the block: %v", got)
		}
		got = atOnce(t, s, 100, func(b *passwordless.Begin) { cells(b); b.Challenge = proof("one") })
		if got[passwordless.Due] != 1 || got[passwordless.Unproven] != 99 {
			t.Errorf("with one proof: %v", got)
		}
		// What was refused has left nothing behind.
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM messages`); n != "4" {
			t.Errorf("%s messages, want 4", n)
		}
	})
}

// SMS-06: who is blocked, or has signed in lately, is challenged as others are,
// so that the answer tells nothing; a browser that is known is not.
func TestSMS06NobodyIsToldApart(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO cells (name, state, touched_at) VALUES ($1, $2, $3)`,
			"con_sms/country/GB", `{"Window":0.3,"Conversions":60,"Pending":[{"At":"`+start.UTC().Format(time.RFC3339)+`","N":9}]}`, start.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		ask := func(number, device string, noSignUp bool) passwordless.BeginOutcome {
			b := someone{number, "app"}.begin(start, "x")
			b.Cells, b.Challenge = attack.Scopes("con_sms", number, "GB"), &passwordless.Challenge{}
			b.Device, b.NoSignUp = device, noSignUp
			return mustBegin(t, s, b).Outcome
		}
		b := someone{"+447700900021", "app"}.begin(start, "x")
		if _, err := db.ExecContext(t.Context(), `INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at) VALUES ($1, $2, $3, 0, $4, $4)`,
			"known", b.Identifier, string(attack.NoTimes), start.UnixMilli()); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			number, device string
			noSignUp       bool
			want           passwordless.BeginOutcome
		}{
			{"+447700900020", "", false, passwordless.Unproven},
			{"+447700900020", "", true, passwordless.Unproven}, // nothing would be sent
			{"+447700900021", "", false, passwordless.Unproven},
			{"+447700900020", "known", false, passwordless.Unproven}, // by another number
			{"+447700900021", "known", false, passwordless.Due},
		} {
			if got := ask(test.number, test.device, test.noSignUp); got != test.want {
				t.Errorf("%+v: %v", test, got)
			}
		}
		if known, err := s.KnownDevice(t.Context(), "known", b.Identifier); err != nil || !known {
			t.Errorf("known: %v, %v", known, err)
		}
		if known, err := s.KnownDevice(t.Context(), "other", b.Identifier); err != nil || known {
			t.Errorf("another browser: %v, %v", known, err)
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
