// Package mgmtapi serves the Management API (Auth0: Management API v2) under
// /api/v2, and our own API beside it under /api/doorcode/v1. One file for each
// resource; Handler is the list of all routes with the scopes that open them.
//
// Bodies are read as JSON whatever their content type says. What is allowed in
// them, and what a change does, is decided by package manage.
package mgmtapi

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// A Caller is who a management token belongs to.
type Caller struct {
	ClientID tenant.ClientID
	Subject  string
	Scopes   []string
	JTI      string
}

// May reports whether the caller has one of the scopes.
func (c Caller) May(scopes ...string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool { return slices.Contains(c.Scopes, s) })
}

// A Verifier checks management tokens.
type Verifier interface {
	// VerifyManagement returns who the token belongs to. The fault is Denied
	// for anything that is not a token for the Management API in force.
	VerifyManagement(ctx context.Context, token string) (Caller, error)
}

// API serves the Management API. All fields must be set but
// Limit.
type API struct {
	Manage  *manage.Service
	Tokens  Verifier
	Secrets *secret.Ring // seals the checkpoints of lists
	Doctor  Doctor
	Tenant  string // the tenant's name, which answers about applications carry
	Proxies []netip.Prefix
	Log     *slog.Logger
	Now     func() time.Time
	// Limit counts the requests of each application; nil limits none.
	Limit *attack.Meter

	hint sync.Once // for the first answer without secrets
}

// Handler returns the API's routes: everything under /api/v2/ and
// /api/doorcode/v1/.
func (a *API) Handler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern string, fn handler, scopes ...string) { mux.Handle(pattern, a.guard(fn, scopes)) }

	on("GET /api/v2/connections", a.listConnections, "read:connections")
	on("POST /api/v2/connections", a.createConnection, "create:connections")
	on("GET /api/v2/connections/{id}", a.readConnection, "read:connections")
	on("PATCH /api/v2/connections/{id}", a.changeConnection, "update:connections")
	on("DELETE /api/v2/connections/{id}", a.deleteConnection, "delete:connections")
	on("GET /api/v2/connections/{id}/clients", a.connectionClients, "read:connections")
	on("PATCH /api/v2/connections/{id}/clients", a.enableClients, "update:connections")

	on("GET /api/v2/clients", a.listClients, clientReaders()...)
	on("POST /api/v2/clients", a.createClient, "create:clients")
	on("GET /api/v2/clients/{id}", a.readClient, clientReaders()...)
	on("PATCH /api/v2/clients/{id}", a.changeClient, "update:clients", "update:client_keys")
	on("DELETE /api/v2/clients/{id}", a.deleteClient, "delete:clients")
	on("GET /api/v2/clients/{id}/connections", a.clientConnections, "read:connections")
	on("POST /api/v2/clients/{id}/rotate-secret", a.rotateSecret, "update:client_keys")
	on("GET /api/v2/clients/{id}/credentials", a.listCredentials, "read:client_credentials")
	on("POST /api/v2/clients/{id}/credentials", a.createCredential, "create:client_credentials")
	on("GET /api/v2/clients/{id}/credentials/{credential}", a.readCredential, "read:client_credentials")
	on("PATCH /api/v2/clients/{id}/credentials/{credential}", a.changeCredential, "update:client_credentials")
	on("DELETE /api/v2/clients/{id}/credentials/{credential}", a.deleteCredential, "delete:client_credentials")

	on("GET /api/v2/users", a.listUsers, "read:users")
	on("POST /api/v2/users", a.createUser, "create:users")
	on("PATCH /api/v2/users/{id}", a.changeUser, "update:users", "update:users_app_metadata")
	on("DELETE /api/v2/users/{id}", a.deleteUser, "delete:users")
	on("GET /api/v2/users/{id}", a.readUser, "read:users")
	on("GET /api/v2/users/{id}/logs", a.userLogs, "read:logs", "read:logs_users")
	on("GET /api/v2/users-by-email", a.usersByEmail, "read:users")
	on("GET /api/v2/logs", a.listLogs, "read:logs", "read:logs_users")
	on("GET /api/v2/logs/{id}", a.readLog, "read:logs", "read:logs_users")

	on("GET /api/v2/resource-servers", a.listAPIs, "read:resource_servers")
	on("POST /api/v2/resource-servers", a.createAPI, "create:resource_servers")
	on("GET /api/v2/resource-servers/{id}", a.readAPI, "read:resource_servers")
	on("PATCH /api/v2/resource-servers/{id}", a.changeAPI, "update:resource_servers")
	on("DELETE /api/v2/resource-servers/{id}", a.deleteAPI, "delete:resource_servers")
	on("GET /api/v2/client-grants", a.listGrants, "read:client_grants")
	on("POST /api/v2/client-grants", a.createGrant, "create:client_grants")
	on("GET /api/v2/client-grants/{id}", a.readGrant, "read:client_grants")
	on("PATCH /api/v2/client-grants/{id}", a.changeGrant, "update:client_grants")
	on("DELETE /api/v2/client-grants/{id}", a.deleteGrant, "delete:client_grants")
	on("GET /api/v2/emails/provider", a.readEmailProvider, "read:email_provider")
	on("POST /api/v2/emails/provider", a.createEmailProvider, "create:email_provider")
	on("PATCH /api/v2/emails/provider", a.changeEmailProvider, "update:email_provider")
	on("DELETE /api/v2/emails/provider", a.deleteEmailProvider, "delete:email_provider")
	on("GET /api/v2/attack-protection/{part}", a.readProtection, "read:attack_protection")
	on("PATCH /api/v2/attack-protection/{part}", a.changeProtection, "update:attack_protection")
	on("GET /api/v2/user-blocks", a.blocks, "read:users")
	on("DELETE /api/v2/user-blocks", a.unblock, "update:users")
	on("GET /api/v2/user-blocks/{id}", a.userBlocks, "read:users")
	on("DELETE /api/v2/user-blocks/{id}", a.unblockUser, "update:users")
	on("GET /api/v2/anomaly/blocks/ips/{id}", a.addressBlocked, "read:anomaly_blocks")
	on("DELETE /api/v2/anomaly/blocks/ips/{id}", a.unblockAddress, "delete:anomaly_blocks")
	on("GET /api/v2/tenants/settings", a.readSettings, "read:tenant_settings")
	on("PATCH /api/v2/tenants/settings", a.changeSettings, "update:tenant_settings")
	a.roleRoutes(on)
	a.sessionRoutes(on)
	on("GET /api/v2/device-credentials", a.listDevices, "read:device_credentials")
	on("DELETE /api/v2/device-credentials/{id}", a.deleteDevice, "delete:device_credentials")

	on("GET /api/doorcode/v1/messages", a.listMessages, "read:messages")
	on("GET /api/doorcode/v1/messages/{id}", a.readMessage, "read:messages")
	on("GET /api/doorcode/v1/funnel", a.funnel, "read:messages")

	on("GET /api/doorcode/v1/test-identities", a.listTestIdentities, "read:test_identities")
	on("POST /api/doorcode/v1/test-identities", a.createTestIdentity, "create:test_identities")
	on("GET /api/doorcode/v1/test-identities/{id}", a.readTestIdentity, "read:test_identities")
	on("DELETE /api/doorcode/v1/test-identities/{id}", a.deleteTestIdentity, "delete:test_identities")

	on("GET /api/doorcode/v1/doctor", a.examine, "read:doctor")

	for _, root := range []string{"/api/v2", "/api/v2/", "/api/doorcode/v1", "/api/doorcode/v1/"} {
		mux.Handle(root, web.Handle(a.unknown, a.writeError))
	}
	return mux
}

// A handler serves a request of a caller whose scopes have been checked.
type handler func(w http.ResponseWriter, r *request) error

// A request is an HTTP request with the caller it comes from.
type request struct {
	*http.Request
	caller Caller
	actor  manage.Actor
	w      http.ResponseWriter
}

// guard lets fn serve callers that have one of the scopes.
func (a *API) guard(fn handler, scopes []string) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		a.headers(w)
		caller, err := a.authenticate(r)
		if err != nil {
			return err
		}
		web.RecordOf(r.Context()).ClientID = string(caller.ClientID)
		if err := a.take(w, caller); err != nil {
			return err
		}
		if !caller.May(scopes...) {
			return insufficient(scopes)
		}
		if err := checkURL(r.URL); err != nil {
			return err
		}
		return fn(w, &request{Request: r, caller: caller, actor: a.actor(r, caller), w: w})
	}, a.writeError)
}

// The faults of callers who are not known, in Auth0's words.
var (
	errMissingToken = fault.New(fault.Denied, "missing_token", "Missing authentication")
	errToken        = fault.New(fault.Denied, "invalid_token", "Invalid token")
	errUnknown      = fault.New(fault.NotFound, "unknown_path", "Not Found")
)

func (a *API) authenticate(r *http.Request) (Caller, error) {
	token, found, err := web.BearerToken(r)
	if err != nil {
		return Caller{}, errToken.Because(err)
	}
	if !found {
		return Caller{}, errMissingToken
	}
	caller, err := a.Tokens.VerifyManagement(r.Context(), token)
	if fault.Has(err, fault.Internal) || fault.Has(err, fault.Unavailable) {
		return Caller{}, err
	}
	if err != nil {
		return Caller{}, errToken.Because(err)
	}
	return caller, nil
}

// checkURL refuses what no id and no parameter has, and PostgreSQL takes for no
// text at all.
func checkURL(u *url.URL) error {
	if !utf8.ValidString(u.Path) || strings.ContainsRune(u.Path, 0) {
		return fault.New(fault.Invalid, "invalid_uri", "Path validation error: 'There are characters that cannot be'.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	for name, values := range query {
		text := name + strings.Join(values, "")
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			err = errors.New("characters that cannot be")
		}
	}
	if err != nil {
		return fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'This is no query string'.").Because(err)
	}
	return nil
}

func insufficient(scopes []string) error {
	return fault.New(fault.Denied, "insufficient_scope", "Insufficient scope, expected any of: "+strings.Join(scopes, ","))
}

// unknown answers for paths that are not there, in the API's form.
func (a *API) unknown(w http.ResponseWriter, _ *http.Request) error {
	a.headers(w)
	return errUnknown
}

// headers sets what every answer has. Auth0's SDKs look for the state of a
// limit whether or not there is one.
func (a *API) headers(w http.ResponseWriter) {
	web.NoStore(w)
	a.setRate(w, attack.ManagementRate.Burst-1, time.Second)
}

func (a *API) setRate(w http.ResponseWriter, left int, wait time.Duration) {
	web.SetRate(w, web.Rate{Limit: attack.ManagementRate.Burst, Left: left, Reset: a.Now().Add(wait)})
}

// errRate refuses a request over the limit of its application, in Auth0's words.
var errRate = fault.New(fault.TooMany, "too_many_requests",
	"Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.")

// take counts a request of an application.
func (a *API) take(w http.ResponseWriter, c Caller) error {
	if a.Limit == nil {
		return nil
	}
	left, wait := a.Limit.Take(string(c.ClientID), a.Now())
	a.setRate(w, left, max(wait, a.Limit.Rate.Every))
	if wait > 0 {
		return errRate.After(wait)
	}
	return nil
}

// maxCorrelation is the longest X-Correlation-ID that is kept (Auth0: 64).
const maxCorrelation = 64

// actor describes the request for the tenant's log. What was sent is added
// when it has been read.
func (a *API) actor(r *http.Request, c Caller) manage.Actor {
	by := manage.Actor{
		Client: c.ClientID, Subject: c.Subject, TokenID: c.JTI, Scopes: c.Scopes, Channel: "api",
		IP: web.ClientIP(r, a.Proxies).String(), UserAgent: r.UserAgent()[:min(len(r.UserAgent()), 512)],
		Method: r.Method, Path: r.URL.EscapedPath(), Query: map[string]any{},
	}
	if id := r.Header.Get("X-Correlation-ID"); len(id) <= maxCorrelation && isPrintable(id) {
		by.CorrelationID = id
	}
	for name, values := range r.URL.Query() {
		by.Query[name] = strings.Join(values, ",")
	}
	return by
}

func isPrintable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// body reads a body of any JSON type.
func (r *request) body() ([]byte, error) {
	var raw json.RawMessage
	if err := web.ReadJSON(r.w, r.Request, web.ManageLimit, &raw); err != nil {
		return nil, err
	}
	r.actor.Body = raw
	return raw, nil
}

// object reads a body that must be an object.
func (r *request) object() (*settings.Object, error) {
	raw, err := r.body()
	if err != nil {
		return nil, err
	}
	o, err := settings.ParseObject(raw)
	if err != nil {
		return nil, settings.Invalid("", "Expected type object but found type %s", settings.Kind(raw))
	}
	return o, nil
}

// errorReply is the form of every error in this API.
type errorReply struct {
	StatusCode int    `json:"statusCode"`
	Error      string `json:"error"`
	Message    string `json:"message"`
	ErrorCode  string `json:"errorCode,omitempty"`
}

func (a *API) writeError(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Of(err)
	status, code := web.StatusOf(err), f.Code
	switch code {
	case errMissingToken.Code, errUnknown.Code:
		code = "" // these have none
	case "invalid_request":
		code = "invalid_body" // only bodies are read by package web here
	}
	if errors.Is(err, errMissingToken) || errors.Is(err, errToken) {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", `Bearer realm="Management API"`)
	}
	if f.Kind == fault.Internal {
		a.Log.ErrorContext(r.Context(), "request failed", "route", r.Pattern, "err", err)
	}
	web.SetRetryAfter(w, f.RetryAfter)
	reply := errorReply{status, http.StatusText(status), f.Message, code}
	if werr := web.WriteJSON(w, status, reply); werr != nil {
		a.Log.ErrorContext(r.Context(), "write error", "err", werr)
	}
}
