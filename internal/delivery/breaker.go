package delivery

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/observe"
)

// When an account is held, and for how long.
const (
	// downAfter temporary failures in a row hold an account. Ten, because a
	// provider that fails at random one time in two is better served by the
	// retries of each message, and gets there only once in a thousand attempts.
	downAfter = 10
	// refusedAfter times in a row it has to be the account itself that the
	// provider does not accept.
	refusedAfter = 3
	// probeEvery is the time between two attempts at an account that is down.
	// With the seconds until messages that wait are looked at again, one that is
	// back has everything within ten.
	probeEvery = 7 * time.Second
	// lookAgain is when messages come back that met a probe under way.
	lookAgain = time.Second
	// refusedEvery is the same where somebody has to change something first.
	refusedEvery = 30 * time.Second
	// longestHold bounds what an account that is down may ask for.
	longestHold = 30 * time.Second
	// forgetAfter without an attempt, nothing is known about an account. Nobody
	// sends through it, or its credentials are others now.
	forgetAfter = 10 * time.Minute
)

// Scope says what a failure is about.
type Scope uint8

// The scopes.
const (
	ByClass   Scope = iota // temporary failures are the account's, all others the message's
	OfMessage              // another message may be taken meanwhile
	OfAccount              // no message of this account is taken
)

// Accounted is a Sender that says which account it sends through. Senders of
// one account share what is learned about it; without the method each
// connection counts as an account of its own.
type Accounted interface {
	// Account is the same for the same account and credentials, and different
	// otherwise. It is kept in memory only and never shown.
	Account() string
}

// Standing says whether an account is sent to.
type Standing string

// The standings of an account.
const (
	Free    Standing = "free"    // messages are handed over as they come
	Held    Standing = "held"    // nothing is handed over
	Probing Standing = "probing" // one message is being tried
)

// An AccountState is what this process has seen of one account.
type AccountState struct {
	Provider string
	Standing Standing
	Refused  bool      // the account itself is not accepted: waiting does not help
	Since    time.Time // of the first failure in this row
	NextTry  time.Time
	Failures int   // in a row
	Last     Error // the latest of them
}

// breakers hold back the messages of accounts whose provider takes none. The
// zero value is ready for use. Accounts without failures are not in it.
type breakers struct {
	mu        sync.Mutex
	byAccount map[string]*breaker
}

// breaker is an account with failures.
type breaker struct {
	AccountState
	refusals int       // how many of the latest failures were the account's own
	began    time.Time // the latest probe
	failed   time.Time // the latest failure
	turn     int       // counts the holds: what began before one does not prolong it
}

// pass is the permission for one attempt.
type pass struct {
	account  string
	provider string
	probe    bool
	turn     int
}

// enter asks for permission to use an account. If there is none, it returns
// the account's state.
func (bs *breakers) enter(account, provider string, now time.Time) (pass, *AccountState) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	p := pass{account: account, provider: provider}
	b := bs.byAccount[account]
	if b == nil || b.Standing == Free {
		if b != nil {
			p.turn = b.turn
		}
		return p, nil
	}
	if b.Standing == Probing || now.Before(b.NextTry) {
		s := b.AccountState
		s.NextTry = later(s.NextTry, now.Add(lookAgain))
		return p, &s
	}
	b.Standing, b.began = Probing, now
	p.probe, p.turn = true, b.turn
	return p, nil
}

// leave tells how the attempt ended, and returns the account's state if that
// changed it.
func (bs *breakers) leave(p pass, now time.Time, e *Error) *AccountState {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	b := bs.byAccount[p.account]
	refused, down := blame(e)
	switch {
	case !refused && !down:
		// An answer to an attempt that began before the account was held says
		// nothing about it now.
		if b == nil || b.Standing != Free && !p.probe {
			return nil
		}
		delete(bs.byAccount, p.account)
		if b.Standing == Free {
			return nil
		}
		b.Standing = Free
		return &b.AccountState
	case b == nil || b.Standing == Free && now.Sub(b.failed) > forgetAfter:
		b = &breaker{AccountState: AccountState{Provider: p.provider, Standing: Free, Since: now}}
		if bs.byAccount == nil {
			bs.byAccount = map[string]*breaker{}
		}
		bs.byAccount[p.account] = b
	case b.turn != p.turn:
		return nil
	}
	b.Failures++
	b.Last, b.failed = *e, now
	b.Last.Text, b.Last.cause = observe.Mask(e.Text), nil // it is shown to operators
	if refused {
		b.refusals++
	} else {
		b.refusals = 0
	}
	if !p.probe && b.Failures < downAfter && b.refusals < refusedAfter {
		return nil
	}
	return b.hold(now, e)
}

// hold begins a hold, or goes on with it after a probe in vain.
func (b *breaker) hold(now time.Time, e *Error) *AccountState {
	before, again := b.Standing, b.Refused
	b.Standing, b.Refused = Held, b.refusals > 0
	b.turn++
	switch {
	case b.Refused:
		b.NextTry = now.Add(refusedEvery)
	case before == Probing:
		b.NextTry = later(now, b.began.Add(probeEvery))
	default:
		b.NextTry = now.Add(probeEvery)
	}
	b.NextTry = later(b.NextTry, now.Add(min(e.RetryAfter, longestHold)))
	if before == Probing && again == b.Refused {
		return nil // nothing new
	}
	return &b.AccountState
}

// cancel gives the permission back: no attempt was made.
func (bs *breakers) cancel(p pass) {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if b := bs.byAccount[p.account]; p.probe && b != nil && b.Standing == Probing {
		b.Standing = Held
	}
}

// held returns the accounts that are not free.
func (bs *breakers) held(now time.Time) []AccountState {
	bs.mu.Lock()
	defer bs.mu.Unlock()
	var out []AccountState
	for account, b := range bs.byAccount {
		switch {
		case b.Standing != Probing && now.Sub(b.failed) > forgetAfter:
			delete(bs.byAccount, account)
		case b.Standing != Free:
			out = append(out, b.AccountState)
		}
	}
	slices.SortFunc(out, func(a, b AccountState) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), a.Since.Compare(b.Since))
	})
	return out
}

// blame says whether a failure is the account's: that it is not accepted, or
// that its provider is down.
func blame(e *Error) (refused, down bool) {
	switch {
	case e == nil || e.Scope == OfMessage:
		return false, false
	case e.Class == Temporary:
		return false, true
	}
	return e.Scope == OfAccount, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
