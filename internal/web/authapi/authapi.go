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
	mux.Handle("POST /passwordless/start", a.handle(a.start))
	mux.Handle("GET /passwordless/start", a.handle(a.startByQuery))
	mux.Handle("POST /oauth/token", a.handle(a.token))
	mux.Handle("POST /oauth/revoke", a.handle(a.revoke))
	mux.Handle("POST /otp/challenge", a.handle(a.challenge))
	mux.Handle("POST /oauth/introspect", a.handle(a.introspect))
	mux.Handle("POST /oauth/par", a.handle(a.push))
	mux.Handle("POST /oauth/device/code", a.handle(a.device))
	mux.Handle("GET /userinfo", a.handle(a.userinfo))
	mux.Handle("POST /userinfo", a.handle(a.userinfo))
	for _, path := range []string{
		"/passwordless/start", "/passwordless/challenge", "/oauth/token", "/oauth/revoke", "/oauth/par", "/oauth/device/code",
		"/passwordless/verify", "/oauth/ro", "/delegation", "/tokeninfo",
		"/otp/challenge", "/userinfo", "/user/geoloc/country",
	} {
		mux.Handle("OPTIONS "+path, a.handle(a.preflight))
	}
	mux.Handle("POST /passwordless/verify", a.handle(a.verify))
	mux.Handle("POST /oauth/ro", a.handle(a.owner))
	mux.Handle("POST /delegation", a.handle(a.delegation))
	mux.Handle("POST /tokeninfo", a.handle(a.tokenInfo))
	mux.Handle("POST /co/authenticate", a.handle(a.coAuthenticate))
	mux.Handle("OPTIONS /co/authenticate", a.handle(a.coPreflight))
	mux.Handle("GET /user/ssodata", a.handle(a.ssoData))
	mux.Handle("OPTIONS /user/ssodata", a.handle(a.coPreflight))
	mux.Handle("GET /client/{file}", a.handle(a.clientScript))
	mux.Handle("GET /info-v1.js", a.handle(a.tenantScript))
	mux.Handle("GET /user/geoloc/country", a.handle(a.country))
	mux.Handle("POST /passwordless/challenge", a.handle(a.captcha))
	mux.Handle("GET /.well-known/openid-configuration", a.handle(a.discovery))
	mux.Handle("GET /.well-known/oauth-authorization-server", a.handle(a.discovery))
	mux.Handle("GET /.well-known/jwks.json", a.handle(a.jwks))
	for path, form := range certificateForms() {
		mux.Handle("GET "+path, a.handle(a.certificate(form)))
	}
	return mux
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

// share lets pages of the application's own origins read the answer.
func share(w http.ResponseWriter, r *http.Request, c *tenant.Client) {
	if c == nil || r.Header.Get("Origin") == "" {
		return
	}
	web.CORS(w, r, func(origin string) bool { return slices.Contains(settings.Origins(c), origin) })
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
