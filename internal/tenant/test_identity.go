package tenant

import (
	"slices"
	"time"
)

// A TestIdentity is a number or address with a code that does not change, for
// those who cannot receive one: reviewers of app stores, and machines.
//
// It has the identifier on its connection to itself: nothing is ever sent
// there, whoever asks, and the user it signs in is one that nobody else can
// sign in as (User.Test). So what was done with a code that several people
// know never becomes part of a person's account.
type TestIdentity struct {
	ID         string // "tid_" and 16 letters and digits
	Connection ConnectionID
	Channel    Channel
	Identifier string
	Clients    []ClientID // those it signs in to
	// Digest is the keyed digest of the code, which is not stored.
	Digest    []byte
	Digits    int // length of the code
	Note      string
	Managed   bool // written by the configuration file
	CreatedAt time.Time
	Expires   time.Time
}

// The limits of test identities.
const (
	// MaxTestLife is how long one lasts at most: a code that is written down
	// becomes known.
	MaxTestLife = 90 * 24 * time.Hour
	// DefaultTestLife is how long one lasts if nobody says.
	DefaultTestLife = 30 * 24 * time.Hour
	// MaxTestIdentities is how many there may be. All of them are kept in
	// memory.
	MaxTestIdentities = 100
)

// Active reports whether the identity signs in at the time. One that has ended
// still keeps its identifier, so that nobody is sent anything, until it is
// deleted.
func (t *TestIdentity) Active(now time.Time) bool { return now.Before(t.Expires) }

// Serves reports whether the identity signs in to the application at the time.
func (t *TestIdentity) Serves(id ClientID, now time.Time) bool {
	return t.Active(now) && slices.Contains(t.Clients, id)
}

// WeakCode reports whether a code is among those that people try first: with
// few different digits, or with steps from digit to digit that repeat, as in
// 123456, 224466 and 159753. Of random codes of six digits one in thirteen is.
func WeakCode(code string) bool {
	digits, steps := map[byte]bool{}, map[byte]bool{}
	for i := range len(code) {
		digits[code[i]] = true
		if i > 0 {
			steps[(code[i]-code[i-1]+10)%10] = true
		}
	}
	if len(code) < 6 {
		return len(digits) < 3 || len(steps) < 2
	}
	return len(digits) < 4 || len(steps) < 3
}
