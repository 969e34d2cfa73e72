package storetest_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// A check judges a code as its use does, and leaves it: however many checks
// there are beside it, a code is used once.
func TestCheckedCodeIsUsedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		mustBegin(t, s, p.begin(start, "right"))
		for range 5 {
			if got, err := s.Check(t.Context(), p.spend(start, "right")); err != nil || got.Outcome != passwordless.Redeemed {
				t.Fatalf("a check: %v, %v", got.Outcome, err)
			}
		}
		var used, checked atomic.Int64
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if got, err := s.Spend(t.Context(), p.spend(start, "right")); err != nil {
					t.Error(err)
				} else if got.Outcome == passwordless.Redeemed {
					used.Add(1)
				}
			})
			wg.Go(func() {
				if got, err := s.Check(t.Context(), p.spend(start, "right")); err != nil {
					t.Error(err)
				} else if got.Outcome == passwordless.Redeemed {
					checked.Add(1)
				}
			})
		}
		wg.Wait()
		if used.Load() != 1 {
			t.Errorf("used %d times, beside %d checks", used.Load(), checked.Load())
		}
		if got, err := s.Check(t.Context(), p.spend(start, "right")); err != nil || got.Outcome == passwordless.Redeemed {
			t.Errorf("a check of a used code: %v, %v", got.Outcome, err)
		}
	})
}

// Wrong checks end a code as wrong uses do.
func TestWrongChecksEndACode(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		mustBegin(t, s, p.begin(start, "right"))
		for n, want := range []passwordless.SpendOutcome{passwordless.Wrong, passwordless.Wrong, passwordless.Dead} {
			if got, err := s.Check(t.Context(), p.spend(start, "wrong")); err != nil || got.Outcome != want {
				t.Errorf("wrong check %d: %v, %v", n, got.Outcome, err)
			}
		}
		if got, err := s.Spend(t.Context(), p.spend(start, "right")); err != nil || got.Outcome != passwordless.Dead {
			t.Errorf("the right code after it: %v, %v", got.Outcome, err)
		}
	})
}
