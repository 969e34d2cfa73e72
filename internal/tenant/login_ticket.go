package tenant

import "time"

// A LoginTicket says that somebody has shown a code on a page of the
// application, for the request to /authorize that follows (Auth0: cross-origin
// authentication). It is good once, in the browser that got it; neither it nor
// what the browser holds is stored, only digests.
type LoginTicket struct {
	Digest     []byte
	Browser    []byte // of the cookie's value
	Client     ClientID
	User       UserID
	Connection ConnectionID
	Channel    Channel
	Proved     time.Time // when the code was shown
	Expires    time.Time
}

// LoginTicketLifetime is how long a ticket is good: as long as a browser takes
// from one request to the next, on a bad line.
const LoginTicketLifetime = time.Minute
