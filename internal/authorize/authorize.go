// Package authorize answers requests to /authorize, and takes people through
// the sign-in that one may need (OpenID Connect Core 1.0 §3, RFC 6749 §4.1).
//
// It decides the next Step and never writes HTTP: a surface shows it. What it
// promises:
//
//   - Nothing is sent to a redirect URI that is not the application's.
//   - A sign-in belongs to the browser that began it. Its steps come in their
//     order, each once, whatever requests arrive and how many at once: the step
//     a sign-in is at is a condition of every statement that changes it.
//   - Who has just shown who they are gets a new session value. An answer is
//     given once, and only by a session that holds at that moment.
//   - Codes go through package passwordless and nowhere else, so that tries and
//     limits are the same here as for the API.
//
// A request that the browser's session is enough for is answered at once and
// stores no transaction.
package authorize

import (
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/token"
)

// Service answers requests to /authorize.
type Service struct {
	Settings     Settings
	Ledger       Ledger
	Passwordless *passwordless.Service
	Grants       *grant.Service // knows which APIs people may ask for
	Tokens       *token.Issuer
	Secrets      *secret.Ring
	HTTPS        bool // the public URL is https
	Limits       attack.Mode
	Now          func() time.Time

	// Pushed keeps what applications have sent ahead. Nil where none can.
	Pushed Pushed
}

// A Browser is whose request it is.
type Browser struct {
	Session string // the value of the session cookie
	// Transaction returns the value of the cookie of a sign-in.
	Transaction func(id string) string
	Ticket      string // what a browser holds that got a login ticket
	Device      string // the token that says who has signed in before, if any
	IP          string
	IPKey       string // the address as limits know it
	UserAgent   string
	Language    string // header accept-language
}
