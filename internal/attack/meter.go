package attack

import (
	"sync"
	"time"
)

// The limits on requests that a process counts by itself (Auth0: rate limits).
// They keep one application or person from taking all of a server; nobody's
// account depends on them, so they cost the database nothing.
var (
	// ManagementRate is for each application's requests to the Management API.
	ManagementRate = Rate{Burst: 50, Every: time.Second / 16}
	// UserinfoRate is for requests about each user to /userinfo.
	UserinfoRate = Rate{Burst: 10, Every: time.Minute / 5}
	// DelegationRate is for exchanges at /delegation, from each address and
	// about each user.
	DelegationRate = Rate{Burst: 10, Every: time.Minute / 10}
	// TokenInfoRate is for requests of each address to /tokeninfo.
	TokenInfoRate = Rate{Burst: 800, Every: time.Minute / 800}
)

// A Meter keeps token buckets in memory. The zero value with a Rate is ready
// for use by many goroutines. A nil Meter limits nothing.
type Meter struct {
	Rate Rate

	mu   sync.Mutex
	tats map[string]time.Time // the theoretical arrival times
	full int                  // how many buckets make it look for full ones
}

// minBuckets is how many buckets are kept without asking who still needs them.
const minBuckets = 1024

// Take takes a request out of the bucket of that name. It returns how many are
// left, and how long to wait if there was none.
func (m *Meter) Take(name string, now time.Time) (left int, wait time.Duration) {
	if m == nil {
		return 0, 0
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.tats == nil {
		m.tats, m.full = map[string]time.Time{}, minBuckets
	}
	tat := m.tats[name]
	if wait := m.Rate.Wait(tat, now); wait > 0 {
		return 0, wait
	}
	if tat.Before(now) {
		tat = now
	}
	tat = tat.Add(m.Rate.Every)
	m.tats[name] = tat
	if len(m.tats) > m.full {
		for name, tat := range m.tats {
			if !tat.After(now) {
				delete(m.tats, name)
			}
		}
		m.full = max(minBuckets, 2*len(m.tats))
	}
	return m.Rate.Left(tat, now), 0
}
