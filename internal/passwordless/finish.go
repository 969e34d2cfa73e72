package passwordless

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// FinishRequest brings a code.
type FinishRequest struct {
	Client      *tenant.Client
	Realm       string // the connection by name
	Username    string // the number or address
	OTP         string
	Transaction string
	// Link says that the code comes from a link, which was proved to be ours.
	Link bool
	// Elsewhere says that the code was not asked for by Transaction, but by
	// CodeTransaction, or by the API if that is empty.
	Elsewhere       bool
	CodeTransaction string
	// NoSignUp lets in only people who are known, whatever the connection says.
	NoSignUp bool
	// Device is the token of the browser: if it has signed in before, it has
	// tries of its own, and once it has signed in it is known.
	Device string
	// Server says that the request comes from the application's own server,
	// whose address is nobody's in particular.
	Server    bool
	IP        string
	UserAgent string

	// Grant is what is given for a right code, with its id; its user, client
	// and times are filled in. Refresh is stored with it when not nil.
	Grant   tenant.Grant
	Refresh *tenant.RefreshToken
	// Session or Ticket is stored instead when not nil (see Complete).
	Session  *tenant.Session
	Replaces string
	Ticket   *tenant.LoginTicket
	// Deprecated is recorded beside what is recorded anyway, when not nil.
	Deprecated *tenant.LogEvent
}

// Finished is a sign-in.
type Finished struct {
	User       tenant.User
	Grant      tenant.Grant
	Connection *tenant.Connection
	Session    string // the id of the session, if one was asked for

	// Event is the type of the log event that was recorded, for the record of
	// the request and nobody else. It is there with a fault as well, and empty
	// when nothing was recorded.
	Event string
}

// Finish exchanges a code for a grant. The faults are Denied for a code that
// does not let anybody in, and TooMany when the identifier's tries are used up.
func (s *Service) Finish(ctx context.Context, r FinishRequest) (Finished, error) {
	c, sp, in, err := s.prepare(ctx, r)
	if err != nil {
		return Finished{}, err
	}
	if r.Link {
		if in.Test {
			return Finished{}, oauth.WrongCode(c.Channel) // nothing is sent to them
		}
		followed(&sp)
	}
	spent, done, err := s.Ledger.Redeem(ctx, sp, in)
	if err != nil {
		return Finished{}, fmt.Errorf("redeem code: %w", err)
	}
	s.countVerify(c.Channel, spent.Outcome, done.Outcome)
	if refused := verdict(c, spent); refused != nil {
		if r.Session != nil {
			refused = refused.Because(&RefusedError{spent.Outcome, spent.Left})
		}
		if spent.Outcome == TooManyFailures {
			return Finished{}, refused // which is recorded once, not each time
		}
		return Finished{Event: sp.Wrong.Type}, refused
	}
	switch done.Outcome {
	case UserBlocked:
		return Finished{Event: in.Refused.Type}, ErrBlocked
	case SignUpDisabled:
		return Finished{Event: in.Refused.Type}, ErrNoSignUp
	case TooManySignUps:
		return Finished{}, errSignUps.After(done.Wait)
	case SignedIn:
	}
	in.Grant.User = done.User.ID
	return Finished{
		User: done.User, Grant: in.Grant, Connection: c, Session: done.Session, Event: event.ExchangePasswordless,
	}, nil
}

// guess is the try that the request makes at the open code.
func (s *Service) guess(now time.Time, c *tenant.Connection, to tenant.Recipient, code string, r FinishRequest) Spend {
	key := tenant.CodeKey{Connection: c.ID, Identifier: to.Identifier, Client: r.Client.ID, Transaction: r.Transaction}
	if r.Elsewhere {
		key.Transaction = r.CodeTransaction
	}
	sp := Spend{Now: now, Key: key, Identifier: account.Key(s.Keys, c.Channel, to.Identifier)}
	sp.Digest, sp.Previous = s.Codes.Digests(key, code)
	sp.Wrong = failed(now, c, to, r)
	return sp
}

// asTest makes a guess and its sign-in those of a test identity. One that has
// ended, or is not for the application, has a code that nobody knows.
func (s *Service) asTest(t *tenant.TestIdentity, code string, sp *Spend, in *Complete) {
	if t.Serves(sp.Key.Client, sp.Now) {
		sp.Digest, sp.Previous = s.Codes.TestGuess(sp.Key, t.Digest, code)
	}
	// Its user may be made again where people cannot sign up: whoever manages
	// the tenant has let it in.
	in.Test, in.NoSignUp = true, false
	person := in.NewUser
	in.NewUser = func(deleted int64) tenant.User {
		u := person(deleted)
		u.Test = true
		return u
	}
	sp.Wrong.Test, in.SignUp.Test, in.Refused.Test = true, true, true
	for i := range in.Events {
		in.Events[i].Test = true
	}
}

// verdict is the fault of a guess that lets nobody in, and nil for the one
// request that may go on.
func verdict(c *tenant.Connection, spent Spent) *fault.Error {
	switch spent.Outcome {
	case Redeemed:
		return nil
	case Late:
		return oauth.CodeExpired()
	case Dead:
		return oauth.TooManyTries()
	case NoTries:
		return errTries.After(spent.Wait)
	case TooManyFailures:
		return errFailures.After(spent.Wait)
	default:
		return oauth.WrongCode(c.Channel)
	}
}

// A RefusedError is the cause of the fault of a code that lets nobody in on a
// page of ours, which may say more to who asked for it than the API says to
// whoever asks.
type RefusedError struct {
	Outcome SpendOutcome
	Left    int // tries, with Wrong; 0 if there was no code to try
}

// Error says how the code was judged.
func (e *RefusedError) Error() string {
	return fmt.Sprintf("code refused (%d), %d tries left", e.Outcome, e.Left)
}

func failed(now time.Time, c *tenant.Connection, to tenant.Recipient, r FinishRequest) tenant.LogEvent {
	e := event.New(event.ExchangeOTPFailed, now)
	event.About(&e, c, r.Client)
	e.IP, e.UserAgent, e.UserName = r.IP, r.UserAgent, to.Identifier
	e.Description = "Wrong or used verification code"
	if r.Ticket != nil {
		e.Type = event.CrossOriginFailed
	}
	return e
}

// signIn is what is recorded for the person if the guess is right.
func (s *Service) signIn(now time.Time, c *tenant.Connection, to tenant.Recipient, r FinishRequest) Complete {
	success := event.New(event.Login, now)
	event.About(&success, c, r.Client)
	success.IP, success.UserAgent, success.UserName = r.IP, r.UserAgent, to.Identifier
	success.Audience, success.Scope = r.Grant.Audience, r.Grant.Scope
	exchange, signUp, refused := success, success, success
	exchange.ID, exchange.Type = event.NewID(now), event.ExchangePasswordless
	signUp.ID, signUp.Type = event.NewID(now), event.SignUp
	refused.Type = event.ExchangeOTPFailed

	events := []tenant.LogEvent{success, exchange}
	if r.Session != nil || r.Ticket != nil {
		events = events[:1] // nothing was exchanged for tokens yet
	}
	if r.Ticket != nil {
		events[0].Type, refused.Type = event.CrossOrigin, event.CrossOriginFailed
	}
	if d := r.Deprecated; d != nil {
		d.IP, d.UserAgent, d.UserName = r.IP, r.UserAgent, to.Identifier
		events = append(events[:len(events):len(events)], *d)
	}
	g := r.Grant
	g.Client, g.AuthTime, g.CreatedAt = r.Client.ID, now, now
	return Complete{
		Now: now, To: to, NoSignUp: c.NoSignUp || r.NoSignUp, IP: r.IP,
		Identifier: account.Key(s.Keys, c.Channel, to.Identifier),
		Sends:      s.Limits == attack.Strict,
		NewUser: func(deleted int64) tenant.User {
			return account.New(to, c.Name, account.ExternalID(s.Keys, to, deleted), now)
		},
		Grant: g, Refresh: r.Refresh,
		Events: events, SignUp: signUp, Refused: refused,
		Session: r.Session, Transaction: r.Transaction, Replaces: r.Replaces, Ticket: r.Ticket,
	}
}
