package authorize

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Settings finds what a tenant has set. What it returns is shared and not to be
// changed. The fault is NotFound where there is none.
type Settings interface {
	// Client returns an application.
	Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	// Settings returns the tenant's settings.
	Settings(ctx context.Context) (*tenant.Settings, error)
	// Connection returns the connection that answers to a name.
	Connection(ctx context.Context, name string) (*tenant.Connection, error)
	// ConnectionByID returns a connection.
	ConnectionByID(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error)
	// AllConnections returns the connections in the order they were made in.
	AllConnections(ctx context.Context) ([]*tenant.Connection, error)
}

// Ledger is the storage of this use case. Each method is one transaction and
// holds under any concurrency. That a code was right, and who is signed in by
// it, is written by passwordless.Ledger, in one transaction with the code.
type Ledger interface {
	// LiveSession returns the session that a browser holds, by the digests of
	// its cookie. The fault is NotFound when there is none, it has ended or
	// expired, or its user is blocked or gone.
	LiveSession(ctx context.Context, now time.Time, digests [][]byte) (tenant.Session, error)

	// LiveSessionUser is LiveSession by id, with the user.
	LiveSessionUser(ctx context.Context, now time.Time, id string) (tenant.Session, tenant.User, error)

	// UsesSession reports whether an application has got tokens by a session.
	UsesSession(ctx context.Context, session string, client tenant.ClientID) (bool, error)

	// AddTransaction stores a sign-in that begins, unless the bucket of its
	// address is empty: then it returns how long it is until that takes another.
	AddTransaction(ctx context.Context, n NewTransaction) (wait time.Duration, err error)

	// PendingTransaction returns a sign-in under way. The fault is
	// tenant.ErrTransaction when there is none, or it has expired or is done.
	PendingTransaction(ctx context.Context, now time.Time, id string) (tenant.Transaction, error)

	// TransactionClient returns the application of a sign-in, also of one that
	// has ended; empty if there is none.
	TransactionClient(ctx context.Context, id string) (tenant.ClientID, error)

	// ChooseIdentifier takes a sign-in to the step c.To, with the connection
	// and the identifier of c. The fault is tenant.ErrTransaction unless it is
	// at one of the steps c.From.
	ChooseIdentifier(ctx context.Context, c Choice) error

	// OpenTicket uses a login ticket and stores the session of whoever it is
	// for, which it returns. Of many calls with a ticket at most one succeeds,
	// and only with what the ticket is bound to; the fault of the others is
	// ErrTicket.
	OpenTicket(ctx context.Context, u TicketUse) (tenant.Session, error)

	// GrantAuthorization answers a request: it uses the session, ends the transaction, and
	// stores the grant, the code and the log event. Nothing is stored unless
	// the session holds and the transaction, if there is one, is at
	// StepSignedIn with that session; otherwise the fault is
	// tenant.ErrTransaction. Of many calls for one transaction at most one
	// succeeds. It returns the user and when they last showed who they are.
	GrantAuthorization(ctx context.Context, g Granting) (user tenant.User, proved time.Time, err error)

	// AbandonTransaction ends a sign-in without tokens. The fault is
	// tenant.ErrTransaction when it has ended already.
	AbandonTransaction(ctx context.Context, now time.Time, id string, e tenant.LogEvent) error

	// Consent returns the scopes a person has allowed an application for an
	// audience, and whether they have allowed it anything: who allows a request
	// without scopes has been asked.
	Consent(ctx context.Context, user tenant.UserID, client tenant.ClientID, audience string) (scope string, found bool, err error)

	// Note stores a log event that belongs to no other write, unless the bucket
	// is empty: whoever is refused a thousand times a second must not fill the
	// log.
	Note(ctx context.Context, b attack.Bucket, e tenant.LogEvent) error
}

// NewTransaction is what Ledger.AddTransaction is given.
type NewTransaction struct {
	tenant.Transaction
	Requests attack.Bucket   // what it is taken out of
	Limited  tenant.LogEvent // stored when that is empty, once an hour for each address
}

// A Choice is who a pending sign-in is to be for.
type Choice struct {
	Now        time.Time
	ID         string
	From       []tenant.TransactionStep
	To         tenant.TransactionStep
	Connection tenant.ConnectionID
	Channel    tenant.Channel
	Identifier string
	Digits     int
	ResendAt   time.Time
}

// TicketUse is what Ledger.OpenTicket is given.
type TicketUse struct {
	Now      time.Time
	Digests  [][]byte // of the ticket, under the current and previous keys
	Browser  [][]byte // of the cookie
	Client   tenant.ClientID
	Session  tenant.Session // to be stored; its user and proof are the ticket's
	Replaces string         // the session that the browser had
}

// Granting is what Ledger.GrantAuthorization stores.
type Granting struct {
	Now         time.Time
	Session     string // its id
	Transaction string // empty when the session alone was enough
	IP          string
	UserAgent   string
	Grant       tenant.Grant              // User and AuthTime are the session's
	Code        *tenant.AuthorizationCode // nil when no code is given
	// Consent is added to what the person has allowed; nil when they were not
	// asked.
	Consent *tenant.Consent
	Event   *tenant.LogEvent // nil when there is nothing to tell
	// Refresh is stored with the grant, for applications of the legacy
	// pipeline alone, and Deprecated tells of them; nil otherwise.
	Refresh    *tenant.RefreshToken
	Deprecated *tenant.LogEvent
}
