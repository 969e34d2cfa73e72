package passwordless

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Check reports whether a code is right, and leaves it to be used (Auth0:
// /passwordless/verify, of which a page then leads to /passwordless/verify_redirect).
// A wrong one costs what it costs everywhere. The faults are those of Finish.
func (s *Service) Check(ctx context.Context, r FinishRequest) (event string, err error) {
	c, sp, _, err := s.prepare(ctx, r)
	if err != nil {
		return "", err
	}
	spent, err := s.Ledger.Check(ctx, sp)
	if err != nil {
		return "", fmt.Errorf("check code: %w", err)
	}
	if refused := verdict(c, spent); refused != nil {
		s.countVerify(c.Channel, spent.Outcome, SignedIn)
		if spent.Outcome == TooManyFailures {
			return "", refused
		}
		return sp.Wrong.Type, refused
	}
	return "", nil
}

// prepare reads a request that brings a code, as far as that needs no code to be
// judged.
func (s *Service) prepare(ctx context.Context, r FinishRequest) (*tenant.Connection, Spend, Complete, error) {
	c, err := s.Connections.Connection(ctx, r.Realm)
	if err != nil && !fault.Has(err, fault.NotFound) {
		return nil, Spend{}, Complete{}, err
	}
	if err != nil || !c.Admits(r.Client.ID) {
		// Nothing can have been sent through it for this application.
		return nil, Spend{}, Complete{}, fault.New(fault.Invalid, "invalid_request", "the connection was not found").Because(err)
	}
	to := tenant.Recipient{Connection: c.ID, Channel: c.Channel}
	wrong := oauth.WrongCode(c.Channel)
	if c.Channel == tenant.SMS {
		to.Identifier, err = address.Phone(r.Username)
	} else {
		to.Identifier, err = address.Email(r.Username)
	}
	if err != nil {
		return c, Spend{}, Complete{}, wrong
	}
	code, ok := otp.Typed(r.OTP)
	if !ok {
		return c, Spend{}, Complete{}, wrong // no code of ours: not a try
	}
	test, err := s.testIdentity(ctx, to)
	if err != nil {
		return c, Spend{}, Complete{}, err
	}
	now := s.Now()
	in, sp := s.signIn(now, c, to, r), s.guess(now, c, to, code, r)
	if test != nil {
		s.asTest(test, code, &sp, &in)
	}
	return c, sp, in, s.limitFinish(ctx, c, r, &sp, &in)
}
