package tenant

import "time"

// A Session is one browser in which a person has signed in. What the browser
// holds is not stored, only its digest; the id is no secret: it is the "sid" of
// ID tokens, and the Management API lists sessions by it.
type Session struct {
	ID     string
	Digest []byte // of the cookie's value
	User   UserID
	// Connection and Channel are what the person last proved themselves with.
	Connection ConnectionID
	Channel    Channel
	AuthTime   time.Time // of the last proof
	CreatedAt  time.Time
	UpdatedAt  time.Time
	LastUsed   time.Time
	IdleSpan   time.Duration
	IdleEnds   time.Time
	Expires    time.Time // whatever is done with it
	Persistent bool      // the browser keeps the cookie when it is closed
	FirstIP    string
	FirstAgent string
	LastIP     string
	LastAgent  string
	// Clients are the applications that got tokens by it. Only listings fill
	// them in.
	Clients []ClientID
}

// SessionPolicy says how long sessions live. The zero value is what a tenant
// has that says nothing.
type SessionPolicy struct {
	Lifetime  time.Duration // from a proof to the end; zero means DefaultSessionLifetime
	Idle      time.Duration // from one use to the next; zero means DefaultSessionIdle
	Transient bool          // the cookie goes when the browser is closed
}

// How long sessions live where the tenant does not say it (Auth0:
// session_lifetime and idle_session_lifetime).
const (
	DefaultSessionLifetime = 168 * time.Hour
	DefaultSessionIdle     = 72 * time.Hour
)

// A Consent is what a person has allowed an application.
type Consent struct {
	User      UserID
	Client    ClientID
	Audience  string
	Scope     string // separated by spaces
	CreatedAt time.Time
	UpdatedAt time.Time
}
