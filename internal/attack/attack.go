// Package attack holds the limits that stand between an attacker and an
// account, a phone bill or a busy server: what they are, and how what has
// happened so far is written down so that one statement of the store can both
// judge and count.
//
// Tries and sends are written as Times, the last ten of them in one text
// column. A rule such as "at most ten in a rolling day" is then a comparison
// of the oldest of the ten with a moment, which a database does in the same
// statement that appends the newest. Request rates, where the exact window
// does not matter, use the generic cell rate algorithm: one number.
package attack

import (
	"fmt"
	"time"
)

// The limits on guessing a code. They hold in every mode.
const (
	// MaxWrongDay is how many wrong tries one identifier has in any 24 hours,
	// over all codes, applications, addresses and processes.
	MaxWrongDay = 10
	// MaxWrongStreak is how many wrong tries it has without a success between.
	MaxWrongStreak = 100
	// TriesWindow is the day of MaxWrongDay.
	TriesWindow = 24 * time.Hour
)

// The limits on sending to one identifier for one application.
const (
	MaxSendsHour = 5
	MaxSendsDay  = 10
)

// Cooldowns are the waits between sends to one identifier: after the first,
// the second, the third, and every later one within an hour.
func Cooldowns() [4]time.Duration {
	return [4]time.Duration{30 * time.Second, 60 * time.Second, 120 * time.Second, 300 * time.Second}
}

// A Mode says which limits on requests and sends hold. Tries are limited in
// every mode.
type Mode string

// The modes.
const (
	Off    Mode = "off"    // none: development
	Auth0  Mode = "auth0"  // requests for each address, as Auth0 limits them
	Strict Mode = "strict" // also sends and cooldowns for each identifier
)

// A Rate is a token bucket: so many at once, and one more after each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// StartRate limits /passwordless/start for each client address
// (Auth0: 50, refilled with 50 an hour).
var StartRate = Rate{Burst: 50, Every: time.Hour / 50}

// The limits on typing the codes of devices (RFC 8628 §5.1). They hold in every
// mode, as those on other guesses do. Who guesses from one address for a year
// finds one of a thousand codes that wait all the time with a chance of one in
// eight, and lets a device of somebody else into an account of their own by it.
var (
	// ActivationRate is for each client address, which an office may share.
	ActivationRate = Rate{Burst: 30, Every: 10 * time.Second}
	// SessionActivationRate is for each session, from whatever addresses.
	SessionActivationRate = Rate{Burst: 10, Every: time.Minute}
)

// SignInRate limits the sign-ins that a client address begins at /authorize and
// leaves pending, and the refused silent ones of it that are logged. Nobody gets
// further than StartRate anyhow; it is many times that, since a page that is only
// looked at counts here too, and an office shares an address.
var SignInRate = Rate{Burst: 200, Every: time.Hour / 600}

// Wait is how long until the bucket whose theoretical arrival time is tat
// takes another request, and Left how many it takes now.
func (r Rate) Wait(tat, now time.Time) time.Duration {
	return max(0, max(0, tat.Sub(now))-time.Duration(r.Burst-1)*r.Every)
}

// Left is how many requests the bucket takes at once at now.
func (r Rate) Left(tat, now time.Time) int {
	used := max(0, tat.Sub(now))
	return max(0, r.Burst-int((used+r.Every-1)/r.Every))
}

// Times are the moments of the last ten events, oldest first, as thirteen
// digits of Unix milliseconds each. Moments that did not happen are zero.
type Times string

const (
	timesKept  = 10
	timeDigits = 13
)

// NoTimes is the history of somebody new.
const NoTimes = Times("0000000000000000000000000000000000000000000000000000000000000000" +
	"000000000000000000000000000000000000000000000000000000000000000000")

// Stamp writes one moment.
func Stamp(t time.Time) string { return fmt.Sprintf("%0*d", timeDigits, max(0, t.UnixMilli())) }

// Last returns the moment of the nth event from the newest, which is 1.
func (t Times) Last(n int) time.Time {
	end := len(t) - (n-1)*timeDigits
	if n < 1 || n > timesKept || end < timeDigits {
		return time.Time{}
	}
	var ms int64
	for _, c := range t[end-timeDigits : end] {
		ms = ms*10 + int64(c-'0')
	}
	return time.UnixMilli(ms)
}

// SendsWait is how long until a send is allowed again. Cooling says that only
// the cooldown stands in the way, in which case the request is answered as if
// it had been sent; otherwise it is refused.
func SendsWait(sent Times, cleared, now time.Time) (wait time.Duration, cooling bool) {
	hour := sent.Last(MaxSendsHour).Add(time.Hour).Sub(now)
	day := sent.Last(MaxSendsDay).Add(24 * time.Hour).Sub(now)
	limit, cool := max(0, hour, day), max(0, cooldown(sent, cleared, now))
	return max(limit, cool), limit == 0 && cool > 0
}

// cooldown is how long the wait after the last send goes on.
func cooldown(sent Times, cleared, now time.Time) time.Duration {
	cooldowns := Cooldowns()
	for n := len(cooldowns); n >= 1; n-- {
		if at := sent.Last(n); at.After(cleared) && at.After(now.Add(-time.Hour)) {
			return sent.Last(1).Add(cooldowns[n-1]).Sub(now)
		}
	}
	return 0
}
