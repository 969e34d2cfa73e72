package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// P1: a start is one statement on PostgreSQL and one transaction on SQLite, and
// so is a right answer, a wrong one too; for somebody nobody has heard of as for
// everybody else.
func TestRoundTrips(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s := storetest.Open(t, address)
		s.StopUses() // nobody waits for that
		statements, transactions := s.Count()
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		to := tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: "+447700900123"}
		key := tenant.CodeKey{Connection: to.Connection, Identifier: to.Identifier, Client: "app"}
		begin := func(n int) error {
			_, err := s.Begin(t.Context(), passwordless.Begin{
				Now: now, To: to, Identifier: "key",
				Code:    tenant.Code{Key: key, Salt: []byte("salt"), Digest: []byte("right"), Digits: 6, FirstSent: now, Expires: now.Add(time.Minute)},
				Message: tenant.Message{ID: fmt.Sprint("msg_", n), Channel: tenant.SMS, To: to.Identifier, Connection: to.Connection, Client: "app"},
				Event:   event.New(event.CodeSent, now), Refused: event.New(event.LoginFailed, now),
			})
			return err
		}
		redeem := func(n int, guess string, want passwordless.SpendOutcome, first bool) error {
			spent, done, err := s.Redeem(t.Context(), passwordless.Spend{
				Now: now, Key: key, Identifier: "key", Digest: []byte(guess), Previous: []byte(guess),
				Wrong: event.New(event.ExchangeOTPFailed, now),
			}, passwordless.Complete{
				Now: now, To: to, Identifier: "key",
				NewUser: func(int64) tenant.User { return account.New(to, "sms", "abc", now) },
				Grant:   tenant.Grant{ID: fmt.Sprint("g", n), Client: "app", AuthTime: now, CreatedAt: now},
				Events:  []tenant.LogEvent{event.New(event.Login, now), event.New(event.ExchangePasswordless, now)},
				SignUp:  event.New(event.SignUp, now), Refused: event.New(event.ExchangeOTPFailed, now),
			})
			if err == nil && (spent.Outcome != want || done.First != first) {
				t.Errorf("%q gave %v, a new user %v; want %v, %v", guess, spent.Outcome, done.First, want, first)
			}
			return err
		}
		for n, step := range []struct {
			name string
			do   func(n int) error
		}{
			{"the first start", begin},
			{"a wrong answer", func(n int) error { return redeem(n, "wrong", passwordless.Wrong, false) }},
			{"the first right answer", func(n int) error { return redeem(n, "right", passwordless.Redeemed, true) }},
			{"another start", begin},
			{"another right answer", func(n int) error { return redeem(n, "right", passwordless.Redeemed, false) }},
		} {
			before := statements.Load() + transactions.Load()
			if err := step.do(n); err != nil {
				t.Fatalf("%s: %v", step.name, err)
			}
			if all := statements.Load() + transactions.Load() - before; all != 1 {
				t.Errorf("%s took %d statements or transactions, want one", step.name, all)
			}
		}
	})
}
