package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func benchEach(b *testing.B, fn func(b *testing.B, s *store.Store)) {
	b.Run("SQLite", func(b *testing.B) { fn(b, storetest.Open(b, storetest.SQLite(b))) })
	b.Run("PostgreSQL", func(b *testing.B) { fn(b, storetest.Open(b, storetest.Postgres(b))) })
}

// BenchmarkBegin is the one durable write of a start.
func BenchmarkBegin(b *testing.B) {
	benchEach(b, func(b *testing.B, s *store.Store) {
		n := 0
		for b.Loop() {
			p := someone{fmt.Sprintf("+4477%08d", n), "app"}
			if _, err := s.Begin(b.Context(), p.begin(time.Now(), "x")); err != nil {
				b.Fatal(err)
			}
			n++
		}
	})
}

// BenchmarkSignIn is a start, a right answer and a completed sign-in of
// somebody who is known.
func BenchmarkSignIn(b *testing.B) {
	benchEach(b, func(b *testing.B, s *store.Store) {
		p := someone{"+447700900123", "app"}
		to := p.begin(start, "x").To
		n := 0
		for b.Loop() {
			now := start.Add(time.Duration(n) * time.Second)
			n++
			if _, err := s.Begin(b.Context(), p.begin(now, "x")); err != nil {
				b.Fatal(err)
			}
			spent, err := s.Spend(b.Context(), p.spend(now, "x"))
			if err != nil || spent.Outcome != passwordless.Redeemed {
				b.Fatal(spent, err)
			}
			_, err = s.Complete(b.Context(), passwordless.Complete{
				Now: now, To: to, Identifier: "key of " + p.number, IP: "192.0.2.1",
				NewUser: func(int64) tenant.User { return account.New(to, "sms", "0123456789abcdef01234567", now) },
				Grant:   tenant.Grant{ID: event.NewID(now), Client: "app", SessionID: "sid", AuthTime: now, CreatedAt: now},
				Events:  []tenant.LogEvent{event.New(event.Login, now), event.New(event.ExchangePasswordless, now)},
				SignUp:  event.New(event.SignUp, now), Refused: event.New(event.ExchangeOTPFailed, now),
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
