// Package logout ends sessions on request, and tells applications of it.
//
// People are sent here by applications (OpenID Connect RP-Initiated Logout 1.0;
// Auth0: /v2/logout). What it promises:
//
//   - Nobody is sent anywhere but to an address that is registered. At
//     /oidc/logout the request has to prove as well that it comes from an
//     application, by an ID token of ours or by the id of the session.
//   - Where nothing shows who sent the person, they are asked first.
//   - A session that has ended is good for nothing from that moment on. Refresh
//     tokens stay: they are for when the person is away (Auth0).
//   - Each application that got tokens by the session and wants to know is told
//     at least once, unless it cannot be reached for hours (see Notifier). That
//     it is to be told is written with the end itself.
//
// It writes no HTTP: a surface shows a Step.
package logout

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// Service ends sessions.
type Service struct {
	Settings Settings
	Ledger   Ledger
	Tokens   *token.Issuer
	Secrets  *secret.Ring
	Now      func() time.Time
	// Ended is called after a session has ended, so that applications hear of
	// it at once. It must not block; nil does nothing.
	Ended func()
}

// Settings finds what a tenant has set. The fault is NotFound where there is
// none.
type Settings interface {
	// Client returns an application.
	Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	// Settings returns the tenant's settings.
	Settings(ctx context.Context) (*tenant.Settings, error)
}

// Ledger is the storage of this use case. Each method is one transaction.
type Ledger interface {
	// LiveSession returns the session that a browser holds, by the digests of
	// its cookie. The fault is NotFound when there is none.
	LiveSession(ctx context.Context, now time.Time, digests [][]byte) (tenant.Session, error)
	// EndSession ends a session, and stores the event and whom to tell. It
	// reports false, and stores nothing, if it had ended before: of many calls
	// at once one ends it.
	EndSession(ctx context.Context, e Ending) (bool, error)
	// UsesSession reports whether an application got tokens by a session.
	UsesSession(ctx context.Context, session string, client tenant.ClientID) (bool, error)
	// AddLogs stores log events that belong to no other write.
	AddLogs(ctx context.Context, events ...tenant.LogEvent) error
}

// An Ending is the end of a session.
type Ending struct {
	Now       time.Time
	Session   string // its id
	Initiator tenant.Initiator
	Event     tenant.LogEvent
}

// A Browser is whose request it is.
type Browser struct {
	Session   string // the value of the session cookie
	IP        string
	UserAgent string
}

// A Step is what comes next: an address to go to, the question whether to sign
// out, or else the page that says so.
type Step struct {
	Location string
	Ask      bool
	Client   *tenant.Client // who sent the person, if that is known
	Event    string         // the type of the log event that was recorded
}

// errUnknown refuses a request of an application that there is not.
var errUnknown = oauth.InvalidRequest("There is no application with this client_id.")

// leaving is one request on its way.
type leaving struct {
	client  *tenant.Client
	browser Browser
	set     *tenant.Settings
	have    *tenant.Session // of the browser; nil if it holds none
}

// begin reads what every request needs. An empty id stands for no application.
func (s *Service) begin(ctx context.Context, id tenant.ClientID, b Browser) (*leaving, error) {
	l := &leaving{browser: b}
	var err error
	if l.set, err = s.Settings.Settings(ctx); err != nil {
		return nil, err
	}
	if id != "" {
		l.client, err = s.Settings.Client(ctx, id)
		if fault.Has(err, fault.NotFound) {
			return l, errUnknown.Because(err)
		}
		if err != nil {
			return nil, err
		}
	}
	if b.Session == "" {
		return l, nil
	}
	have, err := s.Ledger.LiveSession(ctx, s.Now(), session.CookieDigests(s.Secrets, b.Session))
	switch {
	case fault.Has(err, fault.NotFound):
	case err != nil:
		return nil, err
	default:
		l.have = &have
	}
	return l, nil
}

// allowed are the addresses that the person may be sent to.
func (l *leaving) allowed() []string {
	if l.client != nil {
		return l.client.LogoutURLs
	}
	return l.set.LogoutURLs
}

// end ends the browser's session, if it holds one.
func (s *Service) end(ctx context.Context, l *leaving, location string) (Step, error) {
	step := Step{Location: location, Client: l.client}
	if l.have == nil {
		return step, nil
	}
	now := s.Now()
	e := s.event(event.Logout, now, l)
	e.User, e.Description = l.have.User, "User successfully logged out"
	e.ConnectionID, e.Strategy = l.have.Connection, l.have.Channel
	e.Details = map[string]any{"session_id": l.have.ID}
	ended, err := s.Ledger.EndSession(ctx, Ending{Now: now, Session: l.have.ID, Initiator: tenant.LogoutByPerson, Event: e})
	if err != nil {
		return Step{}, err
	}
	if ended {
		step.Event = e.Type
		if s.Ended != nil {
			s.Ended()
		}
	}
	return step, nil
}

// refuse records a request that leads nowhere. The session goes on.
func (s *Service) refuse(ctx context.Context, l *leaving, why error) (Step, error) {
	if fault.Has(why, fault.Internal) || l == nil {
		return Step{}, why
	}
	e := s.event(event.LogoutFailed, s.Now(), l)
	e.Description = fault.Of(why).Message
	if l.have != nil {
		e.User = l.have.User
	}
	if err := s.Ledger.AddLogs(ctx, e); err != nil {
		return Step{}, err
	}
	return Step{Event: e.Type, Client: l.client}, why
}

func (s *Service) event(typ string, now time.Time, l *leaving) tenant.LogEvent {
	e := event.New(typ, now)
	event.About(&e, nil, l.client)
	e.IP, e.UserAgent = l.browser.IP, l.browser.UserAgent
	return e
}
