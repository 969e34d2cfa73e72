package authapi

import (
	"net/http"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// ticketCookieLife is how long a browser keeps what goes with a login ticket.
const ticketCookieLife = 15 * time.Minute

// coReply is what a page gets for a right code (Auth0: cross-origin
// authentication).
type coReply struct {
	Ticket   string `json:"login_ticket"`
	Verifier string `json:"co_verifier"`
	ID       string `json:"co_id"`
}

// coAuthenticate takes a code from a page of an application and gives it a ticket
// for /authorize: POST /co/authenticate.
func (a *API) coAuthenticate(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	p, err := web.ReadParams(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	if err := required(p, "client_id", "username", "otp", "realm", "credential_type"); err != nil {
		return err
	}
	client := a.remember(r, tenant.ClientID(p.Get("client_id")), p.Get("realm"))
	if client == nil {
		return oauth.InvalidClient()
	}
	// Only the origins that may sign people in read the answer, and only they
	// make browsers keep the cookie.
	web.CORSWithCookies(w, r, func(origin string) bool { return slices.Contains(client.WebOrigins, origin) })
	if p.Get("credential_type") != tenant.GrantOTP {
		return oauth.GrantNotAllowed(p.Get("credential_type"))
	}
	ticket, err := a.Authorize.Authenticate(r.Context(), authorize.CrossOrigin{
		Client: client, Origin: r.Header.Get("Origin"), Realm: p.Get("realm"), Username: p.Get("username"), OTP: p.Get("otp"),
	}, a.browser(r))
	web.RecordOf(r.Context()).Event = ticket.Event
	if err != nil {
		return badCredentials(err, oauth.CodeAccessDenied)
	}
	c := &http.Cookie{
		Name: web.TicketCookie(a.https()), Value: ticket.Cookie, Path: "/", HttpOnly: true, Secure: a.https(),
		MaxAge: int(ticketCookieLife / time.Second), SameSite: http.SameSiteLaxMode,
	}
	if a.https() { // other sites' cookies are taken on https alone
		c.SameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, c)
	return web.WriteJSON(w, http.StatusOK, coReply{ticket.Ticket, ticket.Verifier, ticket.ID})
}

// coPreflight lets pages of the origins that applications allow ask, with
// cookies.
func (a *API) coPreflight(w http.ResponseWriter, r *http.Request) error {
	origins, err := a.Origins(r.Context())
	if err != nil {
		return err
	}
	if !web.CORSWithCookies(w, r, func(o string) bool { return origins[o] }) {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// browser is whose request it is, as far as a page of an application lets its
// browser tell.
func (a *API) browser(r *http.Request) authorize.Browser {
	ip := web.ClientIP(r, a.Proxies)
	return authorize.Browser{
		IP: ip.String(), IPKey: web.IPKey(ip), UserAgent: userAgent(r), Language: r.Header.Get("Accept-Language"),
	}
}

// required checks that the named parameters were sent, as strings.
func required(p web.Params, names ...string) error {
	if err := texts(p, names...); err != nil {
		return err
	}
	for _, n := range names {
		if p.Get(n) == "" {
			return oauth.MissingParameter(n)
		}
	}
	return nil
}

// A statusError is an error that an endpoint older than the token endpoint
// answers with a status of its own.
type statusError struct {
	error
	status int
}

// Unwrap returns the error.
func (e *statusError) Unwrap() error { return e.error }

// badCredentials gives a refused code the form of the endpoints before OpenID
// Connect: 401 with the code that they have for it.
func badCredentials(err error, code string) error {
	switch f := fault.Of(err); f.Code {
	case oauth.CodeInvalidGrant:
		return &statusError{fault.New(f.Kind, code, f.Message).Because(err), http.StatusUnauthorized}
	case oauth.CodeUnauthorized:
		return &statusError{err, http.StatusUnauthorized}
	}
	return err
}
