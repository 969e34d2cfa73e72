package attack

import (
	"slices"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)

// at returns the history of events that happened so long before now.
func at(ago ...time.Duration) Times {
	h := NoTimes
	slices.Sort(ago)
	slices.Reverse(ago)
	for _, d := range ago {
		h = h[timeDigits:] + Times(Stamp(now.Add(-d)))
	}
	return h
}

// repeat returns n times the same.
func repeat(n int, d time.Duration) []time.Duration { return slices.Repeat([]time.Duration{d}, n) }

func TestStamp(t *testing.T) {
	tests := []struct {
		in   time.Time
		want string
	}{
		{time.UnixMilli(0), "0000000000000"},
		{time.UnixMilli(1), "0000000000001"},
		{time.UnixMilli(1_234_567), "0000001234567"},
		{now, "1774749540000"},
		{now.Add(999 * time.Microsecond), "1774749540000"},
		{time.Time{}, "0000000000000"},
		{time.UnixMilli(9_999_999_999_999), "9999999999999"},
	}
	for _, tt := range tests {
		if got := Stamp(tt.in); got != tt.want {
			t.Errorf("Stamp(%v) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	if len(NoTimes) != timesKept*timeDigits {
		t.Fatalf("NoTimes has %d digits, want %d", len(NoTimes), timesKept*timeDigits)
	}
	h := at(time.Minute, time.Hour, 3*time.Hour)
	never := time.UnixMilli(0)
	for n, want := range map[int]time.Time{
		1: now.Add(-time.Minute), 2: now.Add(-time.Hour), 3: now.Add(-3 * time.Hour), 4: never, 10: never,
		0: {}, -1: {}, 11: {}, 1 << 40: {},
	} {
		if got := h.Last(n); !got.Equal(want) {
			t.Errorf("Last(%d) = %v, want %v", n, got, want)
		}
	}
	for _, broken := range []Times{"", "1", h[:12], h[1:]} {
		for n := range 12 {
			if got := broken.Last(n); got.After(now) { // above all, it must not panic
				t.Errorf("%q.Last(%d) = %v", broken, n, got)
			}
		}
	}
}

// R4: ten wrong tries in a rolling day, and a hundred without a success.
func TestWait(t *testing.T) {
	tests := []struct {
		name   string
		wrong  Times
		streak int
		want   time.Duration
	}{
		{"nobody has tried", NoTimes, 0, 0},
		{"nine tries just now", at(repeat(9, 0)...), 9, 0},
		{"ten tries just now", at(repeat(10, 0)...), 10, 24 * time.Hour},
		{"ten tries, the first an hour ago", at(append(repeat(9, time.Minute), time.Hour)...), 10, 23 * time.Hour},
		{"ten tries, the first a day ago", at(append(repeat(9, time.Minute), 24*time.Hour)...), 10, 0},
		{"ten tries, the first nearly a day ago", at(append(repeat(9, time.Minute), 24*time.Hour-time.Millisecond)...), 10, time.Millisecond},
		{"ten tries long ago", at(repeat(10, 48*time.Hour)...), 10, 0},
		{"ninety-nine tries without a success", NoTimes, 99, 0},
		{"a hundred tries without a success", NoTimes, 100, 24 * time.Hour},
		{"more than a hundred", at(repeat(10, time.Hour)...), 5000, 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Tries{}).Wait(tt.wrong, tt.streak, now); got != tt.want {
				t.Errorf("Wait(%s, %d) = %v, want %v", tt.wrong, tt.streak, got, tt.want)
			}
		})
	}
}

// BRU-02, BRU-10: 30, 60, 120, then 300 seconds between sends; five in an
// hour, ten in a day.
func TestBRU02SendsWait(t *testing.T) {
	s, m, h := time.Second, time.Minute, time.Hour
	tests := []struct {
		name    string
		sent    Times
		cleared time.Time
		want    time.Duration
		cooling bool
	}{
		{"nothing was sent", NoTimes, time.Time{}, 0, false},
		{"one now", at(0), time.Time{}, 30 * s, true},
		{"one 29 s ago", at(29 * s), time.Time{}, s, true},
		{"one 30 s ago", at(30 * s), time.Time{}, 0, false},
		{"two", at(0, m), time.Time{}, 60 * s, true},
		{"three", at(0, m, 2*m), time.Time{}, 120 * s, true},
		{"four", at(0, m, 2*m, 3*m), time.Time{}, 300 * s, true},
		{"four, the last five minutes ago", at(5*m, 6*m, 7*m, 8*m), time.Time{}, 0, false},
		{"two, of which one counts no more", at(0, h), time.Time{}, 30 * s, true},
		{"one before a sign-in", at(5 * s), now.Add(-s), 0, false},
		{"one before and one after a sign-in", at(s, 5*s), now.Add(-2 * s), 29 * s, true},
		{"five in an hour", at(m, 2*m, 3*m, 4*m, 30*m), time.Time{}, 30 * m, false},
		{"five in an hour, and a sign-in", at(m, 2*m, 3*m, 4*m, 30*m), now, 30 * m, false},
		{"five, the first an hour ago", at(10*m, 20*m, 30*m, 40*m, h), time.Time{}, 0, false},
		{"ten in a day", at(2*h, 4*h, 6*h, 8*h, 10*h, 12*h, 14*h, 16*h, 18*h, 20*h), time.Time{}, 4 * h, false},
		{"ten, the first a day ago", at(2*h, 4*h, 6*h, 8*h, 10*h, 12*h, 14*h, 16*h, 18*h, 24*h), time.Time{}, 0, false},
		{"the day's are used up for longer than the hour's", at(m, 2*m, 3*m, 4*m, 5*m, 12*h, 14*h, 16*h, 18*h, 20*h), time.Time{}, 4 * h, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, cooling := SendsWait(tt.sent, tt.cleared, now)
			if got != tt.want || cooling != tt.cooling {
				t.Errorf("SendsWait = %v, %v, want %v, %v", got, cooling, tt.want, tt.cooling)
			}
		})
	}
}

// BRU-02: fifty at once and fifty an hour.
func TestBRU02Rate(t *testing.T) {
	r := StartRate
	every := 72 * time.Second
	tests := []struct {
		name string
		tat  time.Duration // from now
		wait time.Duration
		left int
	}{
		{"never used", -time.Hour, 0, 50},
		{"full again", 0, 0, 50},
		{"before there was a calendar", -1 << 62, 0, 50},
		{"one taken", every, 0, 49},
		{"part of one is back", every / 2, 0, 49},
		{"forty-nine taken", 49 * every, 0, 1},
		{"just over forty-nine", 49*every + time.Millisecond, time.Millisecond, 0},
		{"fifty taken", 50 * every, every, 0},
		{"fifty taken, half a minute ago", 50*every - 30*time.Second, 42 * time.Second, 0},
		{"another process's clock is ahead", 60 * every, 11 * every, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tat := now.Add(tt.tat)
			if w, l := r.Wait(tat, now), r.Left(tat, now); w != tt.wait || l != tt.left {
				t.Errorf("Wait = %v, Left = %d, want %v and %d", w, l, tt.wait, tt.left)
			}
		})
	}
	if r.Burst != 50 || r.Every != every {
		t.Errorf("StartRate = %+v, want 50 and one each %v", r, every)
	}
}
