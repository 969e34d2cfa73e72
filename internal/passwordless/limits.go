package passwordless

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// NewDevice returns a token for a browser that has none, to be given to Finish
// and, if somebody is signed in, kept by the browser.
func NewDevice() string { return secret.Token(32) }

// limitStart adds to a start the limits that hold for it.
func (s *Service) limitStart(ctx context.Context, c *tenant.Connection, set *tenant.Settings, r StartRequest, b *Begin) error {
	p, err := s.Protection(ctx)
	if err != nil {
		return err
	}
	b.Sends = s.Limits == attack.Strict
	if s.Limits != attack.Off && !r.Authenticated && r.IPKey != "" {
		b.Requests = attack.Starts(r.IPKey)
	}
	b.Tries = tries(c, p, r.IP, r.Authenticated)
	b.Device = account.DeviceKey(s.Keys, r.Device)
	s.limitFraud(c, set, r, b)
	b.Limited = b.Refused
	b.Limited.ID, b.Limited.Details = event.NewID(b.Now), nil
	if !r.Spare || b.Withheld != (Withheld{}) {
		return nil
	}
	spare := b.Code
	spare.Digits = max(attack.SpareDigits, b.Code.Digits)
	spare.Salt = s.Codes.New()
	digits, err := s.Codes.Digits(spare.Salt, spare.Key, spare.Digits)
	if err != nil {
		return fmt.Errorf("make spare code: %w", err)
	}
	spare.Digest = s.Codes.Digest(spare.Key, digits)
	b.Spare = &spare
	return nil
}

// limitFinish adds to a guess and its sign-in the limits that hold for them.
func (s *Service) limitFinish(ctx context.Context, c *tenant.Connection, r FinishRequest, sp *Spend, in *Complete) error {
	p, err := s.Protection(ctx)
	if err != nil {
		return err
	}
	sp.Tries = tries(c, p, r.IP, r.Server)
	sp.Device = account.DeviceKey(s.Keys, r.Device)
	in.Device = sp.Device
	in.Limited = in.Refused
	in.Limited.ID = event.NewID(in.Now)
	if !in.Test {
		in.Cells = s.cells(c, in.To.Identifier)
	}
	if s.Limits != attack.Off && !r.Server {
		sp.Failures = attack.Failures(p.SuspiciousIP, r.IP)
		in.SignUps = attack.SignUps(p.SuspiciousIP, r.IP)
	}
	return nil
}

// tries are the wrong tries that an identifier has for a request from ip. Those
// of a server's address are not counted apart: it asks for many people.
func tries(c *tenant.Connection, p *tenant.Protection, ip string, server bool) attack.Tries {
	if !c.BruteForce || server && p.BruteForce.PerAddress {
		return attack.Tries{}
	}
	return attack.TriesFor(p.BruteForce, ip)
}

// A Limit is the cause of a refusal: how many the limit allows.
type Limit int

// Error says how many.
func (l Limit) Error() string { return fmt.Sprintf("the limit is %d", int(l)) }

// LimitOf is how many the limit allows that a refusal of Start is about.
func LimitOf(err error) int {
	var l Limit
	_ = errors.As(err, &l)
	return int(l)
}

func limited(f *fault.Error, b Begun) error { return f.After(b.Wait).Because(Limit(b.Limit)) }

// IsRefusal reports whether an error of Start or Finish is a limit that asks
// the caller to wait.
func IsRefusal(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Kind == fault.TooMany
}
