package storetest_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// crowd asks for a code for each of n people, in as many applications as there
// are people, and returns them.
func crowd(t *testing.T, s *store.Store, n int, number func(i int) string) []someone {
	t.Helper()
	people := make([]someone, n)
	for i := range people {
		people[i] = someone{number(i), tenant.ClientID(fmt.Sprintf("app%d", i))}
		mustBegin(t, s, people[i].begin(start, "right"))
	}
	return people
}

// guessAll makes two wrong guesses at each code at the same moment and counts
// the outcomes.
func guessAll(t *testing.T, s *store.Store, people []someone, limit func(sp *passwordless.Spend)) (judged, refused int32) {
	t.Helper()
	var yes, no atomic.Int32
	var wg sync.WaitGroup
	for _, p := range people {
		for range 2 {
			wg.Go(func() {
				sp := p.spend(start.Add(time.Second), "no")
				limit(&sp)
				spent, err := s.Spend(t.Context(), sp)
				if err != nil {
					t.Error(err)
				}
				switch spent.Outcome {
				case passwordless.Wrong:
					yes.Add(1)
				case passwordless.NoTries, passwordless.TooManyFailures:
					no.Add(1)
					if spent.Wait <= 0 {
						t.Errorf("a refusal asks to wait for %v", spent.Wait)
					}
				default:
					t.Errorf("a wrong guess gave %v", spent.Outcome)
				}
			})
		}
	}
	wg.Wait()
	return yes.Load(), no.Load()
}

// BRU-05 for the failures of an address: of many at once, as many are judged as
// it has left, whoever they are about.
func TestBRU05FailuresOfAnAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		people := crowd(t, s, 12, func(i int) string { return fmt.Sprintf("+4477009001%02d", i) })
		bucket := attack.Bucket{Name: "login/192.0.2.1", Rate: attack.Rate{Burst: 7, Every: time.Hour}}
		judged, refused := guessAll(t, s, people, func(sp *passwordless.Spend) { sp.Failures = bucket })
		if judged != 7 || refused != 17 {
			t.Errorf("%d failures were judged and %d refused, want 7 and 17", judged, refused)
		}
		sp := people[0].spend(start.Add(2*time.Second), "right")
		sp.Failures = bucket
		if o := mustSpend(t, s, sp); o != passwordless.TooManyFailures {
			t.Errorf("the right answer from the address gave %v", o)
		}
		sp.Failures = attack.Bucket{Name: "login/192.0.2.2", Rate: bucket.Rate}
		if o := mustSpend(t, s, sp); o != passwordless.Redeemed && o != passwordless.Dead {
			t.Errorf("the right answer from elsewhere gave %v", o)
		}
		if blocked, err := s.Blocked(t.Context(), []attack.Bucket{{}, bucket}, start.Add(2*time.Second)); err != nil || !blocked {
			t.Errorf("Blocked = %v, %v", blocked, err)
		}
		if err := s.Refill(t.Context(), []string{bucket.Name}, event.New(event.ManagementWrite, start)); err != nil {
			t.Fatal(err)
		}
		if blocked, err := s.Blocked(t.Context(), []attack.Bucket{bucket}, start.Add(2*time.Second)); err != nil || blocked {
			t.Errorf("once it is unblocked Blocked = %v, %v", blocked, err)
		}
	})
}

// BRU-05 for fewer tries: of many at once, as many are judged as the tenant
// grants, for everybody or for each address.
func TestBRU05FewerTries(t *testing.T) {
	const number = "+447700900123"
	tests := []struct {
		name  string
		tries func(i int) attack.Tries
		want  int32
	}{
		{"four for everybody", func(int) attack.Tries { return attack.Tries{Max: 4} }, 4},
		{"three for the one address", func(int) attack.Tries { return attack.Tries{Address: "192.0.2.1", MaxAddress: 3} }, 3},
		{"two for each of three addresses", func(i int) attack.Tries {
			return attack.Tries{Address: fmt.Sprintf("192.0.2.%d", i%3), MaxAddress: 2}
		}, 6},
		{"two for each of twelve addresses", func(i int) attack.Tries {
			return attack.Tries{Address: fmt.Sprintf("192.0.2.%d", i%12), MaxAddress: 2}
		}, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				people := crowd(t, s, 12, func(int) string { return number })
				var at atomic.Int32
				judged, refused := guessAll(t, s, people, func(sp *passwordless.Spend) { sp.Tries = tt.tries(int(at.Add(1))) })
				if judged != tt.want || refused != 24-tt.want {
					t.Errorf("%d tries were judged and %d refused, want %d and %d", judged, refused, tt.want, 24-tt.want)
				}
			})
		})
	}
}

// BRU-05 for sign-ups: of many new people at once as many are let in as the
// address has left.
func TestBRU05SignUpsOfAnAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var in, refused atomic.Int32
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				c := someone{fmt.Sprintf("+4477009001%02d", n), "app"}.completion(start, fmt.Sprint("grant", n), "")
				c.SignUps = attack.Bucket{Name: "signup/192.0.2.1", Rate: attack.Rate{Burst: 6, Every: time.Hour}}
				done, err := s.Complete(t.Context(), c)
				switch {
				case err != nil:
					t.Error(err)
				case done.Outcome == passwordless.SignedIn && done.First:
					in.Add(1)
				case done.Outcome == passwordless.TooManySignUps && done.Wait > 0:
					refused.Add(1)
				default:
					t.Errorf("a sign-up gave %+v", done)
				}
			})
		}
		wg.Wait()
		if in.Load() != 6 || refused.Load() != 14 {
			t.Errorf("%d signed up and %d were refused, want 6 and 14", in.Load(), refused.Load())
		}
	})
}
