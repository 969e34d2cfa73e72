package authorize

import (
	"context"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Activate takes the code of a device that somebody has typed (RFC 8628 §3.3),
// and begins the sign-in in which they are asked whether to let it in. Whoever
// is signed in already is asked at once; nobody is let in by it. The fault is
// ErrUserCode if no device waits for the code, and TooMany after too many tries.
func (s *Service) Activate(ctx context.Context, userCode string, b Browser) (Step, error) {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return Step{}, err
	}
	have, err := s.session(ctx, b, set)
	if err != nil {
		return Step{}, err
	}
	a := grant.Activation{UserCode: userCode, IP: b.IP, IPKey: b.IPKey, UserAgent: b.UserAgent}
	if have != nil {
		a.Session = have.ID
	}
	d, client, err := s.Grants.PendingDevice(ctx, a)
	if fault.Has(err, fault.NotFound) {
		return Step{Event: event.DeviceFailed}, ErrUserCode.Because(err)
	}
	if err != nil {
		return Step{}, err
	}
	userCode = set.DeviceFlow.Shown(userCode)
	now := s.Now()
	w := &beginning{client: client, browser: b}
	t := tenant.Transaction{
		Request: tenant.AuthorizeRequest{Client: d.Client, Scope: d.AskedScope, Audience: d.Audience, ResponseType: "code", UserCode: userCode},
		Step:    tenant.StepIdentify, CreatedAt: now, Expires: now.Add(tenant.TransactionLifetime),
	}
	if w.offered, _, err = s.offered(ctx, client, &t.Request); err != nil {
		return Step{}, err
	}
	if have != nil && session.Answers(have, &t.Request, w.offered, now) {
		t.Step, t.Session = tenant.StepSignedIn, have.ID
		return s.wait(ctx, w, t)
	}
	return s.login(ctx, w, t)
}

// ConfirmDevice takes the answer of somebody who was asked whether to let a
// device in. The first answer to a device counts; the fault of others, and of
// those that come too late, is ErrUserCode.
func (s *Service) ConfirmDevice(ctx context.Context, id string, allow bool, b Browser) (Step, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if pageOf(&t) != PageDevice {
		return at(t), ErrStep
	}
	have, err := s.asked(ctx, &t, client, b)
	if err != nil {
		return Step{}, err
	}
	err = s.Grants.DecideDevice(ctx, grant.Decision{
		UserCode: t.Request.UserCode, Transaction: t.ID, Session: *have, Allow: allow, IP: b.IP, UserAgent: b.UserAgent,
	})
	if fault.Has(err, fault.NotFound) {
		return Step{}, s.tooLate(ctx, &t, client, b, err)
	}
	if err != nil {
		return Step{}, err
	}
	step := Step{Page: PageAllowed, Transaction: t}
	if !allow {
		step.Page, step.Event = PageDenied, event.DeviceDenied
	}
	return step, nil
}

// tooLate ends the sign-in for a device that does not wait any more.
func (s *Service) tooLate(ctx context.Context, t *tenant.Transaction, client *tenant.Client, b Browser, why error) error {
	e := event.New(event.DeviceFailed, s.Now())
	event.About(&e, nil, client)
	e.IP, e.UserAgent, e.Description = b.IP, b.UserAgent, "The device was answered already, or its code has expired"
	if err := s.Ledger.AbandonTransaction(ctx, e.At, t.ID, e); err != nil {
		return err
	}
	return ErrUserCode.Because(why)
}
