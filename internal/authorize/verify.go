package authorize

import (
	"context"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Verify takes the code that was sent, as people type it or within the message
// that it came in; what cannot be the code costs no try. With the right one the
// person is signed in, under a new session value, and the sign-in goes on to its
// answer.
func (s *Service) Verify(ctx context.Context, id, code string, b Browser) (Step, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if t.Step != tenant.StepCode {
		return at(t), ErrStep
	}
	if t.Digits == 0 {
		return at(t), ErrNoCode
	}
	digits, ok := otp.Pasted(code, t.Digits)
	if !ok {
		return at(t), ErrLength
	}
	return s.prove(ctx, proving{transaction: t, client: client, browser: b, code: digits})
}

// proving is a code on its way to be judged.
type proving struct {
	transaction tenant.Transaction // at StepCode
	client      *tenant.Client
	browser     Browser
	code        string
	// link says that the code comes from a link.
	link bool
	// elsewhere says that the code was asked for within the transaction sent, or
	// by the API if that is empty.
	elsewhere bool
	sent      string
}

// prove brings a code, and goes on with the sign-in if it is right.
func (s *Service) prove(ctx context.Context, p proving) (Step, error) {
	t, client, b := p.transaction, p.client, p.browser
	c, err := s.Settings.ConnectionByID(ctx, t.Connection)
	if fault.Has(err, fault.NotFound) {
		return at(t), errConnection.Because(err)
	}
	if err != nil {
		return Step{}, err
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return Step{}, err
	}
	have, err := s.session(ctx, b, set)
	if err != nil {
		return Step{}, err
	}
	opened, cookie := session.New(set.Sessions, session.Proof{
		Now: s.Now(), Connection: c.ID, Channel: c.Channel, IP: b.IP, UserAgent: b.UserAgent,
	})
	opened.Digest = s.sessionDigests(cookie)[0]
	finish := passwordless.FinishRequest{
		Client: client, Realm: c.Name, Username: t.Identifier, OTP: p.code, Transaction: t.ID,
		Link: p.link, Elsewhere: p.elsewhere, CodeTransaction: p.sent,
		IP: b.IP, UserAgent: b.UserAgent, Session: &opened,
		Grant: tenant.Grant{Scope: t.Request.Scope, Audience: t.Request.Audience}, // for the log
	}
	device := b.Device
	if device == "" {
		device = passwordless.NewDevice()
	}
	finish.Device = device
	if have != nil {
		finish.Replaces = have.ID
	}
	done, err := s.Passwordless.Finish(ctx, finish)
	// Who has shown who they are may know why they are not let in, and so may
	// the application. Faults are compared as they are: their codes are shared.
	switch refused := fault.Of(err); {
	case err == nil:
	case refused == passwordless.ErrBlocked:
		return s.abandon(ctx, &t, client, b, refused)
	case refused == passwordless.ErrNoSignUp:
		return s.abandon(ctx, &t, client, b, oauth.AccessDenied(refused.Message))
	default:
		return at(t), err
	}
	t.Step, t.Session = tenant.StepSignedIn, done.Session
	step, err := s.proceed(ctx, t, client, b)
	if err != nil && !fault.Has(err, fault.Internal) {
		step, err = s.abandon(ctx, &t, client, b, fault.Of(err))
	}
	step.SessionCookie, step.DeviceCookie = cookie, device
	if opened.Persistent {
		step.SessionExpires = opened.Expires
	}
	if step.Event == "" {
		step.Event = event.Login
	}
	return step, err
}

// proceed goes on with a sign-in whose person is known: to its answer, or to
// what they have to be asked first.
func (s *Service) proceed(ctx context.Context, t tenant.Transaction, client *tenant.Client, b Browser) (Step, error) {
	have, _, err := s.Ledger.LiveSessionUser(ctx, s.Now(), t.Session)
	if fault.Has(err, fault.NotFound) {
		return Step{}, oauth.LoginRequired().Because(err)
	}
	if err != nil {
		return Step{}, err
	}
	if hint := t.Request.HintUser; hint != "" && hint != have.User {
		// OpenID Connect Core 1.0 §3.1.2.1: it was somebody else who was meant.
		return Step{}, oauth.LoginRequired()
	}
	if t.Request.UserCode != "" {
		return at(t), nil // nobody lets a device in without being asked
	}
	ask, err := s.asksConsent(ctx, client, &t, have.User)
	if err != nil {
		return Step{}, err
	}
	if ask {
		return at(t), nil
	}
	step, err := s.issue(ctx, issuing{client: client, transaction: &t, browser: b})
	if IsTransaction(err) { // as above, or the sign-in is over, which abandon finds
		err = oauth.LoginRequired().Because(err)
	}
	return step, err
}

// abandon ends a sign-in and tells the application why.
func (s *Service) abandon(ctx context.Context, t *tenant.Transaction, client *tenant.Client, b Browser, why *fault.Error) (Step, error) {
	e := event.New(event.LoginFailed, s.Now())
	event.About(&e, nil, client)
	e.IP, e.UserAgent, e.Description = b.IP, b.UserAgent, why.Message
	if err := s.Ledger.AbandonTransaction(ctx, e.At, t.ID, e); err != nil {
		return Step{}, err
	}
	step := Step{Page: PageDenied}
	if t.Request.UserCode == "" {
		step = answer(s.reply(&t.Request).Error(why))
	}
	step.Event, step.Transaction = e.Type, *t
	return step, nil
}
