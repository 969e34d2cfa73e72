package attack

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMeter(t *testing.T) {
	m := &Meter{Rate: Rate{Burst: 3, Every: 10 * time.Second}}
	steps := []struct {
		after time.Duration
		name  string
		left  int
		wait  time.Duration
	}{
		{0, "a", 2, 0},
		{0, "a", 1, 0},
		{0, "b", 2, 0},
		{time.Second, "a", 0, 0},
		{0, "a", 0, 9 * time.Second},
		{9*time.Second - 1, "a", 0, 1},
		{1, "a", 0, 0},
		{time.Hour, "a", 2, 0},
	}
	at := now
	for n, st := range steps {
		at = at.Add(st.after)
		if left, wait := m.Take(st.name, at); left != st.left || wait != st.wait {
			t.Errorf("step %d: Take(%s) = %d, %v, want %d, %v", n, st.name, left, wait, st.left, st.wait)
		}
	}
	var none *Meter
	if left, wait := none.Take("a", now); left != 0 || wait != 0 {
		t.Errorf("a nil meter: %d, %v", left, wait)
	}
}

// However many ask at once, as many get through as the bucket holds.
func TestMeterAtOnce(t *testing.T) {
	m := &Meter{Rate: ManagementRate}
	var taken atomic.Int32
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			if _, wait := m.Take("a", now); wait == 0 {
				taken.Add(1)
			}
		})
	}
	wg.Wait()
	if n := taken.Load(); n != 50 {
		t.Errorf("%d requests got through, want 50", n)
	}
}

// Buckets that are full again are forgotten.
func TestMeterForgets(t *testing.T) {
	m := &Meter{Rate: Rate{Burst: 1, Every: time.Second}}
	for n := range 100 * minBuckets {
		m.Take(fmt.Sprint(n), now.Add(time.Duration(n)*time.Millisecond))
	}
	if n := len(m.tats); n > 4*minBuckets {
		t.Errorf("%d buckets are kept", n)
	}
}
