// Package authapi serves the Authentication API: starting a sign-in, tokens,
// userinfo, and the documents that tell clients about them. One file for each
// endpoint; Handler is the list of all.
package authapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// API serves the Authentication API.
type API struct {
	Grants       *grant.Service
	Passwordless *passwordless.Service
	Authorize    *authorize.Service
	Keys         *signing.Ring
	Settings     func(ctx context.Context) (*tenant.Settings, error)
	// Origins returns the origins that any application allows. A preflight
	// does not say which application it is for.
	Origins func(ctx context.Context) (map[string]bool, error)
	Issuer  string // with a slash at its end
	Tenant  string // its name
	Proxies []netip.Prefix
	Log     *slog.Logger
	Now     func() time.Time
}

// Handler returns the API's routes. This list is the whole of it.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	methods := map[string][]string{} // by path
	on := func(pattern string, fn web.HandlerFunc) {
		method, path, _ := strings.Cut(pattern, " ")
		methods[path] = append(methods[path], method)
		if method == http.MethodGet && path != startPath {
			methods[path] = append(methods[path], http.MethodHead)
		}
		mux.Handle(pattern, a.handle(fn))
	}
	on("POST "+startPath, a.start)
	on("GET "+startPath, a.startByQuery)
	on("POST /oauth/token", a.token)
	on("POST /oauth/revoke", a.revoke)
	on("POST /otp/challenge", a.challenge)
	on("POST /oauth/introspect", a.introspect)
	on("POST /oauth/par", a.push)
	on("POST /oauth/device/code", a.device)
	on("GET /userinfo", a.userinfo)
	on("POST /userinfo", a.userinfo)
	for _, path := range []string{
		startPath, "/passwordless/challenge", "/oauth/token", "/oauth/revoke", "/oauth/par", "/oauth/device/code",
		"/passwordless/verify", "/oauth/ro", "/delegation", "/tokeninfo",
		"/otp/challenge", "/userinfo", "/user/geoloc/country",
	} {
		on("OPTIONS "+path, a.preflight)
	}
	on("POST /passwordless/verify", a.verify)
	on("POST /oauth/ro", a.owner)
	on("POST /delegation", a.delegation)
	on("POST /tokeninfo", a.tokenInfo)
	on("POST /co/authenticate", a.coAuthenticate)
	on("OPTIONS /co/authenticate", a.coPreflight)
	on("GET /user/ssodata", a.ssoData)
	on("OPTIONS /user/ssodata", a.coPreflight)
	on("GET /client/{file}", a.clientScript)
	on("GET /info-v1.js", a.tenantScript)
	on("GET /user/geoloc/country", a.country)
	on("POST /passwordless/challenge", a.captcha)
	on("GET /.well-known/openid-configuration", a.discovery)
	on("GET /.well-known/oauth-authorization-server", a.discovery)
	on("GET /.well-known/jwks.json", a.jwks)
	for path, form := range certificateForms() {
		on("GET "+path, a.certificate(form))
	}
	for path, allowed := range methods {
		mux.Handle(path, a.handle(otherMethod(allowed)))
	}
	// GET would take HEAD too, which has to be safe (RFC 9110 §9.2.1), and send a
	// message for it.
	mux.Handle("HEAD "+startPath, a.handle(otherMethod(methods[startPath])))
	return mux
}

// otherMethod refuses the methods that a path does not have.
func otherMethod(allowed []string) web.HandlerFunc {
	slices.Sort(allowed)
	list := strings.Join(allowed, ", ")
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", list)
		return fault.New(fault.Invalid, oauth.CodeMethodNotAllowed, r.Method+" is not allowed here. Allowed: "+list+".")
	}
}

// https reports whether the public URL is https.
func (a *API) https() bool { return strings.HasPrefix(a.Issuer, "https:") }

func (a *API) handle(fn web.HandlerFunc) http.Handler { return web.Handle(fn, a.writeError) }

// errorReply is the shape of every error in this API.
type errorReply struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	strict := false
	if set, err := a.Settings(r.Context()); err == nil {
		strict = set.Flags.StandardsStrict
	}
	status := oauth.Status(f, strict)
	var own *statusError
	if errors.As(err, &own) {
		status = own.status
	}
	if errors.Is(err, web.ErrTooLarge) || errors.Is(err, web.ErrEncoded) {
		status = web.StatusOf(err)
	}
	if f.Kind == fault.Internal {
		a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	}
	if status == http.StatusUnauthorized && r.Header.Get("Authorization") != "" {
		// RFC 6749 §5.2: who tried the header is told which scheme it takes.
		w.Header().Set("WWW-Authenticate", `Basic realm="doorcode"`)
	}
	web.SetRetryAfter(w, f.RetryAfter)
	web.NoStore(w)
	if werr := web.WriteJSON(w, status, errorReply{f.Code, f.Message}); werr != nil {
		a.Log.ErrorContext(r.Context(), "write error", "err", werr)
	}
}

// preflight lets pages of the origins that applications allow ask.
func (a *API) preflight(w http.ResponseWriter, r *http.Request) error {
	origins, err := a.Origins(r.Context())
	if err != nil {
		return err
	}
	if !web.CORS(w, r, func(o string) bool { return origins[o] }) {
		w.WriteHeader(http.StatusNoContent)
	}
	return nil
}

// share lets pages of the application's own origins read the answer. It reports
// whether it is one of those that asks.
func share(w http.ResponseWriter, r *http.Request, c *tenant.Client) (own bool) {
	if c == nil || r.Header.Get("Origin") == "" {
		return false
	}
	web.CORS(w, r, func(origin string) bool {
		own = slices.Contains(settings.Origins(c), origin)
		return own
	})
	return own
}

// remember notes in the request's record who asks and through what, as far as
// there is such an application and such a connection: what else was sent in
// their place may be anything, a code or an address too.
func (a *API) remember(r *http.Request, id tenant.ClientID, connection string) *tenant.Client {
	rec := web.RecordOf(r.Context())
	if connection != "" {
		if c, err := a.Passwordless.Connections.Connection(r.Context(), connection); err == nil {
			rec.Connection = c.Name
		}
	}
	client, _, err := a.Grants.Identify(r.Context(), grant.Credentials{ID: id})
	if err != nil {
		return nil
	}
	rec.ClientID = string(client.ID)
	return client
}

// texts checks that the named parameters are strings where they were sent.
func texts(p web.Params, names ...string) error {
	for _, n := range names {
		if p.Has(n) && !p.IsText(n) {
			return oauth.InvalidRequest("Parameter " + n + " must be a string")
		}
	}
	return nil
}

// forwardedFor reads auth0-forwarded-for: one address, v4 or v6.
func forwardedFor(r *http.Request) func() (string, bool) {
	return func() (string, bool) {
		ip, ok := web.ParseIP(r.Header.Get("Auth0-Forwarded-For"))
		return ip.String(), ok
	}
}

// userAgent bounds what a client says of itself.
func userAgent(r *http.Request) string {
	ua := r.UserAgent()
	return ua[:min(len(ua), 512)]
}
