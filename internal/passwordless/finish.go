package passwordless

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/tenant"
)

// FinishRequest brings a code.
type FinishRequest struct {
	Client      *tenant.Client
	Realm       string // the connection by name
	Username    string // the number or address
	OTP         string
	Transaction string
	IP          string
	UserAgent   string

	// Grant is what is given for a right code, with its id; its user, client
	// and times are filled in. Refresh is stored with it when not nil.
	Grant   tenant.Grant
	Refresh *tenant.RefreshToken
}

// Finished is a sign-in.
type Finished struct {
	User       tenant.User
	Grant      tenant.Grant
	Connection *tenant.Connection
}

// Finish exchanges a code for a grant. The faults are Denied for a code that
// does not let anybody in, and TooMany when the identifier's tries are used up.
func (s *Service) Finish(ctx context.Context, r FinishRequest) (Finished, error) {
	c, err := s.Connections.Connection(ctx, r.Realm)
	if err != nil && !fault.Has(err, fault.NotFound) {
		return Finished{}, err
	}
	if err != nil || !c.Admits(r.Client.ID) {
		// Nothing can have been sent through it for this application.
		return Finished{}, fault.New(fault.Invalid, "invalid_request", "the connection was not found").Because(err)
	}
	to := tenant.Recipient{Connection: c.ID, Channel: c.Channel}
	wrong := oauth.WrongCode(c.Channel)
	if c.Channel == tenant.SMS {
		to.Identifier, err = address.Phone(r.Username)
	} else {
		to.Identifier, err = address.Email(r.Username)
	}
	if err != nil {
		return Finished{}, wrong
	}
	code, ok := otp.Typed(r.OTP)
	if !ok {
		return Finished{}, wrong // no code of ours: not a try
	}
	now := s.Now()
	if err := s.spend(ctx, now, c, to, code, r); err != nil {
		return Finished{}, err
	}
	return s.complete(ctx, now, c, to, r)
}

// spend counts the guess and redeems the code. It returns nil for the one
// request that may go on.
func (s *Service) spend(ctx context.Context, now time.Time, c *tenant.Connection, to tenant.Recipient, code string, r FinishRequest) error {
	key := tenant.CodeKey{Connection: c.ID, Identifier: to.Identifier, Client: r.Client.ID, Transaction: r.Transaction}
	sp := Spend{Now: now, Key: key, Identifier: account.Key(s.Keys, c.Channel, to.Identifier)}
	sp.Digest, sp.Previous = s.Codes.Digests(key, code)
	sp.Wrong = failed(now, c, to, r)
	spent, err := s.Ledger.Spend(ctx, sp)
	if err != nil {
		return fmt.Errorf("spend try: %w", err)
	}
	switch spent.Outcome {
	case Redeemed:
		return nil
	case Late:
		return oauth.CodeExpired()
	case Dead:
		return oauth.TooManyTries()
	case NoTries:
		return errTries.After(spent.Wait)
	}
	return oauth.WrongCode(c.Channel)
}

func failed(now time.Time, c *tenant.Connection, to tenant.Recipient, r FinishRequest) tenant.LogEvent {
	e := event.New(event.ExchangeOTPFailed, now)
	event.About(&e, c, r.Client)
	e.IP, e.UserAgent, e.UserName = r.IP, r.UserAgent, to.Identifier
	e.Description = "Wrong or used verification code"
	return e
}

// complete signs the person in who has just proved the identifier.
func (s *Service) complete(ctx context.Context, now time.Time, c *tenant.Connection, to tenant.Recipient, r FinishRequest) (Finished, error) {
	success := event.New(event.Login, now)
	event.About(&success, c, r.Client)
	success.IP, success.UserAgent, success.UserName = r.IP, r.UserAgent, to.Identifier
	success.Audience, success.Scope = r.Grant.Audience, r.Grant.Scope
	exchange, signUp, refused := success, success, success
	exchange.ID, exchange.Type = event.NewID(now), event.ExchangePasswordless
	signUp.ID, signUp.Type = event.NewID(now), event.SignUp
	refused.Type = event.ExchangeOTPFailed

	g := r.Grant
	g.Client, g.AuthTime, g.CreatedAt = r.Client.ID, now, now
	done, err := s.Ledger.Complete(ctx, Complete{
		Now: now, To: to, NoSignUp: c.NoSignUp, IP: r.IP,
		Identifier: account.Key(s.Keys, c.Channel, to.Identifier),
		Sends:      s.Limits == attack.Strict,
		NewUser: func(deleted int64) tenant.User {
			return account.New(to, c.Name, account.ExternalID(s.Keys, to, deleted), now)
		},
		Grant: g, Refresh: r.Refresh,
		Events: []tenant.LogEvent{success, exchange}, SignUp: signUp, Refused: refused,
	})
	if err != nil {
		return Finished{}, fmt.Errorf("complete sign-in: %w", err)
	}
	switch done.Outcome {
	case UserBlocked:
		return Finished{}, errBlocked
	case SignUpDisabled:
		return Finished{}, errNoSignUp
	case SignedIn:
	}
	g.User = done.User.ID
	return Finished{User: done.User, Grant: g, Connection: c}, nil
}
