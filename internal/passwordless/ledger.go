package passwordless

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Ledger is the storage of this use case. Each method is durable when it
// returns: all it describes is kept, or nothing is, and any number of calls at
// once, in any number of processes, give the outcomes they would give one
// after another.
type Ledger interface {
	// Begin records that a code was asked for: limits, code, message and log
	// event.
	Begin(ctx context.Context, b Begin) (Begun, error)

	// Redeem judges one guess and, if it is right, records the sign-in. It
	// counts a wrong guess against the code and the identifier, and redeems the
	// code for a right one; at most one call ever redeems a code. A sign-in is
	// the user (made if nobody is known by the identifier), the grant, the
	// refresh token and the log events. Each half is a transaction at least:
	// a code may be redeemed for a sign-in that then fails, never the reverse.
	Redeem(ctx context.Context, s Spend, c Complete) (Spent, Completed, error)

	// Check judges one guess as Redeem does, with everything that is counted,
	// and leaves a code that it is right for to be redeemed.
	Check(ctx context.Context, s Spend) (Spent, error)

	// ReadCells returns what is known of the messages to some numbers. It holds
	// nothing: another start may come between.
	ReadCells(ctx context.Context, scopes []attack.Scope, now time.Time) ([]attack.Cell, error)

	// KnownDevice reports whether a browser has signed the identifier in.
	KnownDevice(ctx context.Context, device, identifier string) (bool, error)
}

// Begin is what Ledger.Begin is given.
type Begin struct {
	Now        time.Time
	To         tenant.Recipient
	Identifier string // the counters' key for the identifier
	NoSignUp   bool   // send nothing to people without a user
	// Withheld, unless it is empty, suppresses the message whoever it is for.
	// With an Entry of its own, Refused is stored instead of Event.
	Withheld Withheld

	// Requests is the bucket of the caller's address. Sends says whether sends
	// are limited.
	Requests attack.Bucket
	Sends    bool
	// Tries are the wrong tries that the identifier has. Device is the digest
	// of a token that the browser shows: if it has signed in before, its own
	// tries count instead of the identifier's.
	Tries  attack.Tries
	Device string
	// Spare is sent instead of Code when the tries are used up; nothing is, and
	// the start is refused, if it is nil.
	Spare *tenant.Code

	// Spreads count the different numbers of whoever asks, Budgets the messages
	// of the connection. A start that one of them has no room for is refused.
	Spreads []attack.Tally
	Budgets []attack.Tally
	// Cells, unless nil, hold the message back where too few codes are used.
	// Challenge is nil where nobody can be challenged. Elsewhere the message of
	// a cell that challenges takes its proof, or the start is Unproven, whoever
	// the number belongs to; a browser that is known needs none.
	Cells     []attack.Scope
	Challenge *Challenge

	// Code is stored unless the code open for its key is to be repeated.
	Code   tenant.Code
	Life   time.Duration
	Repeat bool

	// Message and Event are stored with it; the message takes over the code's
	// salt and expiry, and is marked suppressed when nothing is to be sent.
	Message tenant.Message
	Event   tenant.LogEvent
	// Refused is stored instead of Event when the message is suppressed
	// because of who it is for.
	Refused tenant.LogEvent
	// Limited is stored when a limit refuses the start, with a type that says
	// which, and at most once an hour for each address or identifier.
	Limited tenant.LogEvent
}

// A Challenge is what a page of ours can ask of a browser before a message is sent.
type Challenge struct {
	// Proof names the challenge that was passed, and is nil if none was. It is
	// good for one message.
	Proof []byte
	Until time.Time // when the proof is of no use any more
}

// Begun is what became of a Begin.
type Begun struct {
	Outcome BeginOutcome
	Wait    time.Duration // how long until the limit that refused it is over, or until the next may be sent
	Limit   int           // of the limit that refused it: how many there are
	Left    int           // requests left to the caller's address
	// User is who is known by the identifier, Deletions how many were before.
	User      tenant.UserID
	Deletions int64
	Event     string // the type of the log event that was stored
	// Message is as stored, to be handed over when Outcome is Due. When it is
	// Cooling, nothing of it is but the digits of the code that may be tried
	// instead, which are 0 if there is none.
	Message tenant.Message
}

// BeginOutcome says what a Begin led to.
type BeginOutcome uint8

// The outcomes. Due and Suppressed look the same from outside.
const (
	Due             BeginOutcome = iota // a message is on its way
	Suppressed                          // nothing is sent: blocked, no sign-ups
	Cooling                             // nothing is sent: asked again too soon
	TooManyRequests                     // the caller's address has asked too often
	TooManySends                        // the identifier has been sent too many
	TooManyTries                        // the identifier's wrong tries are used up
	TooManyNumbers                      // whoever asks has named too many numbers
	BudgetSpent                         // the connection may send no more for now
	Held                                // nothing is sent: a cell has no room; as Suppressed from outside
	Unproven                            // nothing is sent or counted: a challenge has to be passed first
)

// Spend is the guess that Ledger.Redeem is given.
type Spend struct {
	Now              time.Time
	Key              tenant.CodeKey
	Identifier       string
	Digest, Previous []byte // of the guess, under the current and the previous key
	Wrong            tenant.LogEvent

	// Tries and Device are as in Begin.
	Tries  attack.Tries
	Device string
	// Failures is the bucket of the caller's address that failures are taken
	// out of. While it is empty nothing is judged.
	Failures attack.Bucket
	// Unguessed says that the code comes from a link, which cannot be guessed:
	// wrong tries at the code do not end it.
	Unguessed bool
}

// Spent is how a guess was judged.
type Spent struct {
	Outcome SpendOutcome
	Wait    time.Duration // with NoTries and TooManyFailures
	Left    int           // with Wrong: tries that the code has left, if one was judged
}

// SpendOutcome says how a guess was judged.
type SpendOutcome uint8

// The outcomes. Only Redeemed lets anybody in.
const (
	Wrong           SpendOutcome = iota // wrong, used, replaced, or nothing was sent
	Redeemed                            // right, in time and first
	Late                                // right, but after its expiry
	Dead                                // this was the last try, or none was left
	NoTries                             // the identifier's tries are used up; not judged
	TooManyFailures                     // the address has failed too often; not judged
)

// Complete is the sign-in that Ledger.Redeem records for a right guess.
type Complete struct {
	Now        time.Time
	To         tenant.Recipient
	Identifier string
	Sends      bool // sends are limited: end the cooldown
	NoSignUp   bool
	Test       bool                            // by a test identity: only its own user is signed in
	NewUser    func(deleted int64) tenant.User // pure
	IP         string
	Device     string               // the browser that signs in is known from now on, if not empty
	Cells      []attack.Scope       // as in Begin: the code was used
	SignUps    attack.Bucket        // of the caller's address; a new user takes one
	Grant      tenant.Grant         // User is filled in
	Refresh    *tenant.RefreshToken // stored when not nil
	// Session is stored in place of Grant and Refresh when it is not nil: the
	// person is signed in on a page of ours, and what the application gets is
	// decided after. The sign-in under way, Transaction, then goes on from
	// tenant.StepCode to tenant.StepSignedIn; if it is elsewhere, nothing is
	// stored and the fault is tenant.ErrTransaction. Replaces names the session
	// that the browser had: it goes on, with what the browser holds changed, if
	// it is the same person's, and ends if it is not.
	Session     *tenant.Session
	Transaction string
	Replaces    string
	// Ticket is stored in place of Grant and Refresh when it is not nil, for a
	// request to /authorize that follows. Its user is filled in.
	Ticket *tenant.LoginTicket
	// Events are stored for every sign-in, SignUp too for the first; their
	// user is filled in. Refused is stored when the user may not sign in.
	Events  []tenant.LogEvent
	SignUp  tenant.LogEvent
	Refused tenant.LogEvent
	// Limited is stored at most once an hour for each address that has signed
	// up too many.
	Limited tenant.LogEvent
}

// Completed is what became of a sign-in.
type Completed struct {
	Outcome CompleteOutcome
	User    tenant.User
	First   bool          // the user was made now
	Wait    time.Duration // with TooManySignUps
	Session string        // the id of the session, if one was stored
}

// CompleteOutcome says whether somebody was signed in.
type CompleteOutcome uint8

// The outcomes.
const (
	SignedIn CompleteOutcome = iota
	UserBlocked
	SignUpDisabled
	TooManySignUps // of the caller's address
)
