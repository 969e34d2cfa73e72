// Package passwordless is the two halves of signing in without a password:
// Start sends a code, Finish takes it.
//
// What it promises:
//
//   - A code lets one request in, at most once, whatever the concurrency and
//     the number of processes. Three wrong tries end it. It works only for the
//     connection, identifier, application and login transaction it was asked
//     for, and for no longer than its connection says.
//   - Ten wrong tries in a rolling day, over everything, end the tries of an
//     identifier.
//   - Start answers alike, and does the same work, for people who are known,
//     unknown, blocked or may not sign up. Nothing about a person is created
//     before their first right code.
//   - A test identity's code is one that its owner knows, and nothing is sent to
//     it. In everything else it is like others: tries, limits, single use.
//   - An acknowledged start survives the process: the code, the message to be
//     sent and the log entry are one durable write, and sending happens after
//     it, outside any transaction.
//
// The sequence is here; the rules are in packages otp, attack and account; the
// statements that make it hold under concurrency are behind Ledger.
package passwordless

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Connections finds connections by the name applications send.
type Connections interface {
	// Connection returns the connection that answers to name. The fault is
	// NotFound if there is none. What it returns is shared and not to be
	// changed.
	Connection(ctx context.Context, name string) (*tenant.Connection, error)
}

// Outbox takes messages that were just stored, to be sent soon.
type Outbox interface {
	// Offer hands over a message whose lease is this process's. It never
	// blocks. One that is suppressed is offered too and not sent: that it is
	// not must not make a start quicker.
	Offer(m tenant.Message)
	// Refusal waits until the provider has refused the message, taken it, or
	// ctx ends, and returns the refusal in the provider's words. Without a
	// message it waits as long as the connection's latest hand-over took. It
	// returns at once when as many as it allows are waiting already.
	Refusal(ctx context.Context, c tenant.ConnectionID, message string) (refusal string)
	// Ready reports whether the connection has somebody to send through. The
	// error says why that is not known.
	Ready(ctx context.Context, c *tenant.Connection) (bool, error)
}

// Service starts and finishes sign-ins.
type Service struct {
	Connections Connections
	Ledger      Ledger
	Outbox      Outbox
	Codes       otp.Maker
	Keys        *secret.Ring
	Limits      attack.Mode
	// Settings returns the tenant's settings.
	Settings func(ctx context.Context) (*tenant.Settings, error)
	Links    Links
	HTTPS    bool // the public URL is https
	// Grantable refuses a request to /authorize that a link is to answer if its API
	// does not exist, or is not given to people that way. An API that exists comes
	// from memory. A nil function refuses none.
	Grantable func(ctx context.Context, c *tenant.Client, r *tenant.AuthorizeRequest) error
	// Protection returns the settings of attack protection.
	Protection func(ctx context.Context) (*tenant.Protection, error)
	// TestIdentities returns the test identity that an identifier is on a
	// connection, or nil. A nil function stands for there being none.
	TestIdentities func(ctx context.Context, c tenant.ConnectionID, identifier string) (*tenant.TestIdentity, error)
	// CanCall reports whether codes for a connection can be read out by a call.
	// A nil function stands for no.
	CanCall func(c *tenant.Connection) bool
	Counts  Counter // nil counts nothing
	Now     func() time.Time
}

// The refusals of a start, in Auth0's words (Auth0: /passwordless/start).
var (
	errConnectionUnknown  = fault.New(fault.Invalid, "bad.connection", "Connection does not exist")
	errConnectionDisabled = fault.New(fault.Invalid, "bad.connection", "Connection is disabled")
	errSignUpDisabled     = fault.New(fault.Invalid, "bad.connection", "Public signup is disabled")
	errRate               = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "Too many requests. Wait for the time in the Retry-After header.")
	errSends              = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "Too many codes were asked for. Wait for the time in the Retry-After header.")
	errNumbers            = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "Codes to too many numbers were asked for. Wait for the time in the Retry-After header.")
	errBudget             = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "No more text messages are sent for now. Wait for the time in the Retry-After header.")
	errTries              = fault.New(fault.TooMany, oauth.CodeTooManyAttempts,
		"Your account has been blocked after multiple consecutive login attempts.")
	errFailures = fault.New(fault.TooMany, oauth.CodeTooManyAttempts,
		"Too many sign-ins from this address have failed. Wait for the time in the Retry-After header.")
	errSignUps = fault.New(fault.TooMany, oauth.CodeTooManyAttempts,
		"Too many people have signed up from this address. Wait for the time in the Retry-After header.")
)

// ErrNoSMS and ErrNoEmail refuse a start that could not be followed by a
// message, because the connection has no sender (R14).
var (
	ErrNoSMS   = fault.New(fault.Invalid, "sms_provider_error", "No SMS provider is configured.")
	ErrNoEmail = fault.New(fault.Invalid, "server_error", "No email provider is configured.")
)

// ErrBlocked and ErrNoSignUp are the refusals of somebody who has proved an identifier but may not sign in.
var (
	ErrBlocked  = fault.New(fault.Denied, oauth.CodeUnauthorized, "user is blocked")
	ErrNoSignUp = fault.New(fault.Denied, oauth.CodeInvalidGrant, "Public signup is disabled")
)

// connection finds the connection an application asks for and checks that it
// may use it.
func (s *Service) connection(ctx context.Context, name string, client tenant.ClientID) (*tenant.Connection, error) {
	c, err := s.Connections.Connection(ctx, name)
	if fault.Has(err, fault.NotFound) {
		return nil, errConnectionUnknown.Because(err)
	}
	if err != nil {
		return nil, err
	}
	if !c.Admits(client) {
		return nil, errConnectionDisabled
	}
	return c, nil
}
