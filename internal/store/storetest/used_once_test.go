package storetest_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

func TestUseOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		now := time.Now()
		use := func(at time.Time, name ...string) bool {
			t.Helper()
			first, err := s.UseOnce(t.Context(), at, at.Add(time.Minute), name...)
			if err != nil {
				t.Fatal(err)
			}
			return first
		}
		if !use(now, "a", "bc") || use(now, "a", "bc") || use(now.Add(59*time.Second), "a", "bc") {
			t.Error("a name is not used once")
		}
		if !use(now, "ab", "c") {
			t.Error("two names are taken for one")
		}
		if !use(now.Add(time.Minute), "a", "bc") {
			t.Error("a name cannot be used again after it has expired")
		}
		var won atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				first, err := s.UseOnce(t.Context(), now, now.Add(time.Minute), "race")
				if err != nil {
					t.Error(err)
				}
				if first {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if _, err := s.Sweep(t.Context(), now.Add(30*time.Second)); err != nil {
			t.Fatal(err)
		}
		if use(now, "race") {
			t.Error("sweeping forgets names that have not expired")
		}
		if more, err := s.Sweep(t.Context(), now.Add(time.Hour)); more || err != nil {
			t.Fatal(more, err)
		}
		if !use(now, "race") {
			t.Error("sweeping leaves names that have expired")
		}
		if won.Load() != 1 {
			t.Errorf("%d of 100 were first", won.Load())
		}
	})
}
