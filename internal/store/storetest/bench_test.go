package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

func benchEach(b *testing.B, fn func(b *testing.B, s *store.Store)) {
	b.Run("SQLite", func(b *testing.B) { fn(b, storetest.Open(b, storetest.SQLite(b))) })
	b.Run("PostgreSQL", func(b *testing.B) { fn(b, storetest.Open(b, storetest.Postgres(b))) })
}

// BenchmarkBegin is the one durable write of a start, without limits and with
// those of an app where they are strict.
func BenchmarkBegin(b *testing.B) {
	benchEach(b, func(b *testing.B, s *store.Store) {
		n := 0
		for _, limits := range []string{"off", "strict"} {
			b.Run(limits, func(b *testing.B) {
				for b.Loop() {
					p := someone{fmt.Sprintf("+4477%08d", n), "app"}
					begin := p.begin(time.Now(), "x")
					if limits == "strict" {
						begin = p.limited(time.Now(), fmt.Sprintf("192.0.2.%d", n))
					}
					if begun, err := s.Begin(b.Context(), begin); err != nil || begun.Outcome != passwordless.Due {
						b.Fatal(begun.Outcome, err)
					}
					n++
				}
			})
		}
	})
}

// BenchmarkSignIn is a start and a right answer: of people who are known, and of
// people who become users by it.
func BenchmarkSignIn(b *testing.B) {
	const known = 1000
	benchEach(b, func(b *testing.B, s *store.Store) {
		n := 0 // counts on from one part to the next
		for _, part := range []struct {
			name string
			who  func(n int) string
		}{
			{"known", func(n int) string { return fmt.Sprintf("+4477%08d", n%known) }},
			{"new", func(n int) string { return fmt.Sprintf("+4478%08d", n) }},
		} {
			for ; n < known; n++ {
				signIn(b, s, fmt.Sprintf("+4477%08d", n), n)
			}
			b.Run(part.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					signIn(b, s, part.who(n), n)
					n++
				}
			})
		}
	})
}

// signIn starts and finishes the nth sign-in.
func signIn(b *testing.B, s *store.Store, number string, n int) {
	b.Helper()
	now := start.Add(time.Duration(n) * time.Second)
	p, id := someone{number, "app"}, fmt.Sprint(n)
	if _, err := s.Begin(b.Context(), p.begin(now, "x")); err != nil {
		b.Fatal(err)
	}
	spent, done, err := s.Redeem(b.Context(), p.spend(now, "x"), p.completion(now, id, id))
	if err != nil || spent.Outcome != passwordless.Redeemed || done.Outcome != passwordless.SignedIn {
		b.Fatal(spent, done, err)
	}
}
