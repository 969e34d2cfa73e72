package authorize

import (
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Step is what comes next: the answer to the application, or a page for the
// person.
type Step struct {
	// Response is set when the request is answered.
	Response *oauth.Response
	// Page is what to show otherwise, for Transaction.
	Page        Page
	Transaction tenant.Transaction

	// What the browser is to hold from now on. Empty values change nothing.
	TransactionCookie string // of Transaction
	SessionCookie     string
	SessionExpires    time.Time // zero: when the browser is closed

	DeviceCookie string

	// Cooldown is set when a code was asked for only just now and none was
	// sent: how long until one is again.
	Cooldown time.Duration

	// Puzzle is set when the browser has to solve it before a code is sent.
	Puzzle *attack.Puzzle

	// Event is the type of the log event that was recorded.
	Event string
}

// Over reports whether the sign-in has come to its end.
func (s *Step) Over() bool {
	return s.Response != nil || s.Page == PageAllowed || s.Page == PageDenied
}

// Page names a page of a sign-in.
type Page uint8

// The pages. Each is shown at one step of a transaction, the last two once at its
// end.
const (
	PageIdentify Page = iota + 1 // StepIdentify: a number or an address is asked for
	PageCode                     // StepCode: a code is asked for
	PageConsent                  // StepSignedIn: the person is asked what the application may have
	PageDevice                   // StepSignedIn: the person is asked whether to let a device in
	PageAllowed                  // the device was let in
	PageDenied                   // it was not
)

// pageOf is the page that a transaction is at.
func pageOf(t *tenant.Transaction) Page {
	switch t.Step {
	case tenant.StepIdentify:
		return PageIdentify
	case tenant.StepCode:
		return PageCode
	}
	if t.Request.UserCode != "" {
		return PageDevice
	}
	return PageConsent
}

func at(t tenant.Transaction) Step { return Step{Page: pageOf(&t), Transaction: t} }

func answer(r oauth.Response) Step { return Step{Response: &r} }

// A View is what a page shows beside its errors.
type View struct {
	Page        Page
	Transaction tenant.Transaction
	Client      *tenant.Client
	Settings    *tenant.Settings
	// Connections are those the person may choose from, and Connection is the
	// one that is chosen, or that the page begins with.
	Connections []*tenant.Connection
	Connection  *tenant.Connection
	// Switched says that the sign-in had come to another connection before.
	Switched bool
	// ResendAfter is how long it is until PageCode may ask for another code.
	ResendAfter time.Duration
	// Scopes are what PageConsent and PageDevice ask about, API the API they belong to, and
	// User who is asked.
	Scopes oauth.Scopes
	API    *tenant.API
	User   *tenant.User
}

// The faults that a page tells about.
var (
	// ErrStep refuses a step that is not due, though the sign-in goes on: the
	// page that is due is shown.
	ErrStep = fault.New(fault.Conflict, "invalid_step", "This step of the sign-in is not due.")
	// ErrNoConnection refuses a request of an application that nobody can sign
	// in to.
	errTooMany      = fault.New(fault.TooMany, "too_many_requests", "Too many sign-ins were begun from this address.")
	errNoConnection = fault.New(fault.Denied, oauth.CodeUnauthorizedClient, "No connections are enabled for the client.")
	errConnection   = oauth.InvalidRequest("The connection was not found or is not enabled for the client.")
	errPushed       = oauth.InvalidRequest("This application has to push its requests (RFC 9126)")
	errUnknown      = fault.New(fault.Denied, oauth.CodeInvalidRequest, "There is no application with this client_id.")
	// ErrLength refuses a code that has not as many digits as the one that was
	// sent. It costs no try.
	ErrLength = fault.New(fault.Invalid, "invalid_otp_code_format", "The code has another number of digits.")
	// ErrNoCode refuses a code where none works: the last was sent for another
	// sign-in, or is used up, and none was sent since.
	ErrNoCode = fault.New(fault.Conflict, "no_code", "There is no code that works for this sign-in.")
	// ErrUserCode refuses the code of a device that does not wait, or not any
	// more (RFC 8628 §3.3).
	ErrUserCode = fault.New(fault.Invalid, "invalid_user_code", "No device waits for this code.")
)
