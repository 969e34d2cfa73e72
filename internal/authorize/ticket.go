package authorize

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The sizes of a ticket and of what the browser holds beside it, before they are
// written as text.
const (
	ticketBytes = 32
	coIDBytes   = 16
)

// ErrTicket refuses a login ticket that was used, has expired, or belongs to
// another application or browser.
var ErrTicket = oauth.AccessDenied("Unknown or invalid login ticket.")

// The refusals of a page that may not sign people in.
var (
	errCrossOrigin = oauth.AccessDenied("Cross-origin login is not allowed for this application.")
	errOrigin      = oauth.AccessDenied("Cross-origin login is not allowed from this origin: it is not among the application's allowed web origins.")
)

// A CrossOrigin is a code that somebody typed into a page of the application
// (Auth0: cross-origin authentication).
type CrossOrigin struct {
	Client   *tenant.Client
	Origin   string // of the page
	Realm    string
	Username string
	OTP      string
}

// A Ticket is what such a page gets. The ticket goes into a request to
// /authorize and is good once, in the browser that holds the cookie: a page that
// gives its own ticket to another's browser signs nobody in there.
type Ticket struct {
	Ticket   string
	ID       string // Auth0: co_id
	Verifier string // Auth0: co_verifier
	Cookie   string
	Event    string // the type of the log event that was recorded, with a fault too
}

// Authenticate takes the code and makes a ticket of it. The code goes through
// the same ledger as everywhere.
func (s *Service) Authenticate(ctx context.Context, in CrossOrigin, b Browser) (Ticket, error) {
	refused := errCrossOrigin
	switch {
	case !in.Client.CrossOrigin:
	case !slices.Contains(in.Client.WebOrigins, in.Origin):
		refused = errOrigin
	case !in.Client.MayUse(tenant.GrantOTP):
		refused = oauth.GrantNotAllowed(tenant.GrantOTP)
	default:
		refused = nil
	}
	if refused != nil {
		return Ticket{Event: event.CrossOriginForeign}, s.refuseOrigin(ctx, in, b, refused)
	}
	now := s.Now()
	out := Ticket{
		Ticket: secret.Token(ticketBytes), ID: secret.Token(coIDBytes), Verifier: secret.Token(ticketBytes),
		Cookie: secret.Token(ticketBytes),
	}
	stored := tenant.LoginTicket{
		Digest: s.ticketDigests(out.Ticket)[0], Browser: s.holderDigests(out.Cookie)[0],
		Client: in.Client.ID, Proved: now, Expires: now.Add(tenant.LoginTicketLifetime),
	}
	if c, err := s.Settings.Connection(ctx, in.Realm); err == nil {
		stored.Connection, stored.Channel = c.ID, c.Channel
	} else if !fault.Has(err, fault.NotFound) {
		return Ticket{}, err
	}
	done, err := s.Passwordless.Finish(ctx, passwordless.FinishRequest{
		Client: in.Client, Realm: in.Realm, Username: in.Username, OTP: in.OTP,
		Device: b.Device, IP: b.IP, UserAgent: b.UserAgent, Ticket: &stored,
	})
	if err != nil {
		return Ticket{Event: done.Event}, err
	}
	out.Event = event.CrossOrigin
	return out, nil
}

// refuseOrigin notes that a page was refused, and refuses it.
func (s *Service) refuseOrigin(ctx context.Context, in CrossOrigin, b Browser, why *fault.Error) error {
	if err := s.note(ctx, event.CrossOriginForeign, in.Client, b, why.Message); err != nil {
		return err
	}
	return why
}

// The digests of a ticket and of what its browser holds.
func (s *Service) ticketDigests(ticket string) [][]byte {
	return s.Secrets.MACs(secret.Browsers, "login_ticket", ticket)
}

func (s *Service) holderDigests(cookie string) [][]byte {
	return s.Secrets.MACs(secret.Browsers, "login_ticket_cookie", cookie)
}

// ticketed is a request on its way by a ticket.
type ticketed struct {
	session *tenant.Session
	cookie  string
}

// useTicket signs in whoever a ticket is for. It returns nil when the request
// has none, or came without the cookie that goes with it: browsers that send no
// cookies to other sites cannot be told from those that a ticket was slipped
// into, and the person signs in on our pages instead. A session that the browser
// has is left alone and answers nothing.
func (s *Service) useTicket(ctx context.Context, w *beginning, have *tenant.Session, set *tenant.Settings) (*ticketed, error) {
	ticket := w.Values.Get("login_ticket")
	if ticket == "" || w.browser.Ticket == "" {
		return nil, nil
	}
	n, cookie := session.New(set.Sessions, session.Proof{Now: s.Now(), IP: w.browser.IP, UserAgent: w.browser.UserAgent})
	n.Digest = s.sessionDigests(cookie)[0]
	use := TicketUse{
		Now: n.CreatedAt, Digests: s.ticketDigests(ticket), Browser: s.holderDigests(w.browser.Ticket),
		Client: w.client.ID, Session: n,
	}
	if have != nil {
		use.Replaces = have.ID
	}
	opened, err := s.Ledger.OpenTicket(ctx, use)
	if err != nil {
		return nil, err
	}
	return &ticketed{&opened, cookie}, nil
}

// byTicket goes on for whoever a ticket has signed in, unless the connection it
// was made through has been switched off for the application since.
func (s *Service) byTicket(ctx context.Context, w *beginning, t tenant.Transaction, by *ticketed) (Step, error) {
	if !session.Through(by.session, w.offered) {
		return s.login(ctx, w, t)
	}
	t.Step, t.Session = tenant.StepSignedIn, by.session.ID
	return s.signedIn(ctx, w, t, by.session)
}

// give hands the browser the session, whatever comes of the request.
func (t *ticketed) give(step *Step) {
	step.SessionCookie = t.cookie
	if t.session.Persistent {
		step.SessionExpires = t.session.Expires
	}
}
