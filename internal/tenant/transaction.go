package tenant

import (
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// The values of prompt (OpenID Connect Core 1.0 §3.1.2.1; Initiating User
// Registration 1.0).
const (
	PromptNone          = "none"
	PromptLogin         = "login"
	PromptConsent       = "consent"
	PromptSelectAccount = "select_account"
	PromptCreate        = "create"
)

// An AuthorizeRequest is a request to /authorize that was found good: the
// application exists, the redirect URI is one of its own, and the parameters
// fit each other. Texts are byte for byte as they were sent.
type AuthorizeRequest struct {
	Client      ClientID
	RedirectURI string
	// RedirectGiven says that the request named the redirect URI. Then the
	// token request has to name it too (RFC 6749 §4.1.3).
	RedirectGiven bool
	ResponseType  string // in the order "code id_token token"
	ResponseMode  string
	Scope         string // as asked for
	Audience      string
	State         string
	Nonce         string
	Challenge     string // PKCE, S256; empty if there is none
	Prompt        []string
	MaxAge        time.Duration
	HasMaxAge     bool
	LoginHint     string
	// HintUser is who a checked id_token_hint is about.
	HintUser   UserID
	Connection string // by name
	ScreenHint string
	UILocales  string
	ACR        string // the class to tell of in the ID token, if any was asked for that there is
	Claims     string // what is asked for beside the scopes, as Grant.Claims
	Device     string // of the legacy pipeline
	DPoPKey    string // dpop_jkt (RFC 9449 §10)
	// Legacy says that the request is answered as the pipeline before OpenID
	// Connect did (R9).
	Legacy bool
	// UserCode is the code that was typed for a device that asks to be let in.
	// Then there was no request to /authorize and there is no redirect URI: what
	// is answered is the device.
	UserCode string
}

// A TransactionStep is where a pending sign-in is.
type TransactionStep string

// The steps, in their order. Only the one that is due can be taken.
const (
	StepIdentify TransactionStep = "identify" // who are you?
	StepCode     TransactionStep = "code"     // what is the code?
	StepSignedIn TransactionStep = "signed_in"
	StepDone     TransactionStep = "done" // answered or given up
)

// TransactionLifetime is how long a sign-in may take.
const TransactionLifetime = 20 * time.Minute

// ErrTransaction is the fault of a step of a sign-in that is not due: it was
// taken before, the sign-in has timed out, or there is no such sign-in.
var ErrTransaction = fault.New(fault.Gone, "transaction_not_found", "This sign-in has timed out or was finished already.")

// A Transaction is a pending sign-in: one /authorize request that needs
// something of the person before it is answered. It belongs to the browser that
// began it, whose cookie is stored as a digest, and is found by its id, which
// is in the addresses of the pages.
type Transaction struct {
	ID      string
	Browser []byte // digest of the cookie's value
	Request AuthorizeRequest
	Step    TransactionStep

	// Connection and Identifier are who the code was sent to. A code works
	// for this transaction only (CodeKey.Transaction).
	Connection ConnectionID
	Channel    Channel
	Identifier string
	Digits     int // of that code; 0 if none works
	// ResendAt is when another may be asked for. Zero: at once.
	ResendAt time.Time
	// Session is who has proved themselves, from StepSignedIn on.
	Session string

	CreatedAt time.Time
	Expires   time.Time
}
