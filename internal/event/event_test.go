package event

import (
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

var now = time.Date(2026, 3, 29, 1, 59, 0, 123_000_000, time.UTC)

// Ids have the look of Auth0's: 56 digits, of which the first are the time.
func TestNewID(t *testing.T) {
	id := NewID(now)
	if !regexp.MustCompile(`^90020260329015900123[0-9]{36}$`).MatchString(id) {
		t.Errorf("NewID(%v) = %q, want 900, the time, and 36 digits", now, id)
	}
	elsewhere := now.In(time.FixedZone("", 5*3600))
	if got := NewID(elsewhere); got[:20] != id[:20] {
		t.Errorf("NewID(%v) = %q: the same moment in another zone begins otherwise", elsewhere, got)
	}
}

// Ids of later moments sort after those of earlier ones, as text, wherever the
// boundary lies.
func TestIDsSortByTime(t *testing.T) {
	at := time.Date(1999, 12, 31, 23, 59, 59, 999_000_000, time.UTC)
	last := NewID(at)
	for _, step := range []time.Duration{
		time.Millisecond, time.Millisecond, 997 * time.Millisecond, time.Second, time.Minute, time.Hour,
		24 * time.Hour, 31 * 24 * time.Hour, 366 * 24 * time.Hour, 50 * 366 * 24 * time.Hour,
	} {
		at = at.Add(step)
		id := NewID(at)
		if id <= last {
			t.Errorf("NewID(%v) = %q does not sort after %q", at, id, last)
		}
		last = id
	}
}

func TestIDsAreUnique(t *testing.T) {
	const makers, each = 8, 5000
	var mu sync.Mutex
	seen := map[string]bool{}
	var wg sync.WaitGroup
	for range makers {
		wg.Go(func() {
			mine := make([]string, each)
			for i := range mine {
				mine[i] = NewID(now)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range mine {
				if len(id) != 56 || strings.Trim(id, "0123456789") != "" {
					t.Errorf("NewID = %q, want 56 digits", id)
				}
				seen[id] = true
			}
		})
	}
	wg.Wait()
	if len(seen) != makers*each {
		t.Errorf("%d different ids of %d made", len(seen), makers*each)
	}
}

func TestAbout(t *testing.T) {
	e := New(CodeSent, now)
	if e.Type != "cs" || !e.At.Equal(now) || len(e.ID) != 56 || e.StrategyType != "passwordless" {
		t.Errorf("New = %+v", e)
	}
	bare := e
	About(&e, nil, nil)
	if e.Connection != bare.Connection || e.Client != bare.Client {
		t.Errorf("About nothing has filled in %+v", e)
	}
	About(&e, &tenant.Connection{ID: "con_sms", Name: "my-phones", Channel: tenant.SMS}, &tenant.Client{ID: "app", Name: "App"})
	if e.Connection != "my-phones" || e.ConnectionID != "con_sms" || e.Strategy != tenant.SMS || e.Client != "app" || e.ClientName != "App" {
		t.Errorf("About has filled in %+v", e)
	}
}

func BenchmarkNewID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		NewID(now)
	}
}
