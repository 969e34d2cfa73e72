package mgmtapi_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
	"github.com/doorcode/doorcode/internal/web/mgmtapi"
)

// everything is a token with every scope but the one for secrets; others are
// their scopes, with dots between.
const everything = "everything"

type tokens struct{}

func (tokens) VerifyManagement(_ context.Context, token string) (mgmtapi.Caller, error) {
	c := mgmtapi.Caller{ClientID: "caller", Subject: "caller@clients", JTI: "jti-1"}
	switch {
	case token == everything:
		c.Scopes = tenant.ManagementScopes()
	case token == "all-and-secrets":
		c.Scopes = append(tenant.ManagementScopes(), tenant.SecretsScope)
	case token == "broken-store":
		return c, errors.New("disk on fire")
	case strings.HasPrefix(token, "scopes."):
		for s := range strings.SplitSeq(strings.TrimPrefix(token, "scopes."), ".") {
			c.Scopes = append(c.Scopes, strings.Replace(s, "-", ":", 1))
		}
	default:
		return c, fault.New(fault.Denied, "bad_signature", "this must not be shown")
	}
	return c, nil
}

// A server is the API on a database of its own.
type server struct {
	*httptest.Server
	t      *testing.T
	store  *store.Store
	db     *sql.DB // the tables, in tests that look at them
	manage *manage.Service
	log    *bytes.Buffer
}

func serve(t *testing.T, s *store.Store) *server {
	t.Helper()
	sv := &server{t: t, store: s, log: &bytes.Buffer{}}
	var ticks atomic.Int64 // so that what is made later is later
	now := func() time.Time {
		return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(ticks.Add(1)) * time.Millisecond)
	}
	sv.manage = &manage.Service{
		Connections: s, Clients: s, APIs: s, Grants: s, Roles: s, Tenant: s, Users: s, Logs: s, Messages: s, Files: s, EmailProviders: s, Protections: s, Blocks: s, Keys: storetest.Keys(t),
		TestIdentities: s, Codes: otp.Maker{Keys: storetest.Keys(t)},
		Management: []string{"http://localhost:8787/api/v2/", "https://localhost:8787/api/v2/"}, ManagementAudience: "management", Now: now,
	}
	log := slog.New(slog.NewTextHandler(sv.log, nil))
	api := &mgmtapi.API{Manage: sv.manage, Tokens: tokens{}, Secrets: storetest.Keys(t), Doctor: sick{}, Tenant: "doorcode", Log: log, Now: now}
	sv.Server = httptest.NewServer(web.Logged(web.Secure(api.Handler(), false), slog.New(slog.DiscardHandler), nil))
	t.Cleanup(sv.Close)
	return sv
}

// each runs fn on each database.
func each(t *testing.T, fn func(t *testing.T, sv *server)) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		sv := serve(t, s)
		sv.db = db
		fn(t, sv)
	})
}

// one runs fn on SQLite alone, for what no database decides.
func one(t *testing.T) *server { return serve(t, storetest.Open(t, storetest.SQLite(t))) }

// An answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as the founding one is sent: without a content type.
func (sv *server) ask(token, request, body string) answer {
	sv.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r := sv.request(method, path, body)
	r.Header.Del("Authorization")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := sv.Client().Do(r)
	if err != nil {
		sv.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		sv.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// request is a request with every scope.
func (sv *server) request(method, path, body string) *http.Request {
	sv.t.Helper()
	r, err := http.NewRequestWithContext(sv.t.Context(), method, sv.URL+path, strings.NewReader(body))
	if err != nil {
		sv.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+everything)
	return r
}

// must is ask for what has to succeed; it returns the answer's object.
func (sv *server) must(status int, request, body string) map[string]any {
	sv.t.Helper()
	a := sv.ask("all-and-secrets", request, body)
	if a.status != status {
		sv.t.Fatalf("%s answered %d %s, want %d", request, a.status, a.body, status)
	}
	var v map[string]any
	if a.body != "" && a.body[0] == '{' {
		if err := json.Unmarshal([]byte(a.body), &v); err != nil {
			sv.t.Fatal(err)
		}
	}
	return v
}

// wants compares an answer with what is expected of it.
func (sv *server) wants(a answer, status int, body string) {
	sv.t.Helper()
	if diff := cmp.Diff(body, a.body); a.status != status || diff != "" {
		sv.t.Errorf("status %d, want %d; body (-want +got):\n%s", a.status, status, diff)
	}
}

func text(v any) string { s, _ := v.(string); return s }

func TestCallersAreChecked(t *testing.T) {
	sv := one(t)
	for _, c := range []struct {
		name, token, request string
		status               int
		body                 string
	}{
		{"no token", "", "GET /api/v2/connections", 401, `{"statusCode":401,"error":"Unauthorized","message":"Missing authentication"}`},
		{"a token that is none of ours", "forged", "GET /api/v2/connections", 401, `{"statusCode":401,"error":"Unauthorized","message":"Invalid token","errorCode":"invalid_token"}`},
		{"a token with characters that cannot be", "a b", "GET /api/v2/connections", 401, `{"statusCode":401,"error":"Unauthorized","message":"Invalid token","errorCode":"invalid_token"}`},
		{"a token without the scope", "scopes.read-users", "GET /api/v2/connections", 403, `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:connections","errorCode":"insufficient_scope"}`},
		{"several scopes would do", "scopes.read-users", "GET /api/v2/logs", 403, `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:logs,read:logs_users","errorCode":"insufficient_scope"}`},
		{"two kinds of scopes are needed", "scopes.read-connections", "GET /api/v2/clients/x/connections", 403, `{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: read:clients,read:client_summary","errorCode":"insufficient_scope"}`},
		{"an unknown path", everything, "GET /api/v2/toasters", 404, `{"statusCode":404,"error":"Not Found","message":"Not Found"}`},
		{"an unknown method", everything, "PUT /api/v2/connections", 404, `{"statusCode":404,"error":"Not Found","message":"Not Found"}`},
		{"an unknown path of our own", everything, "GET /api/doorcode/v1/toasters", 404, `{"statusCode":404,"error":"Not Found","message":"Not Found"}`},
		{"the store fails", "broken-store", "GET /api/v2/connections", 500, `{"statusCode":500,"error":"Internal Server Error","message":"Something went wrong on our side.","errorCode":"server_error"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := sv.ask(c.token, c.request, "")
			sv.wants(a, c.status, c.body)
			if c.status == 401 && !strings.HasPrefix(a.header.Get("WWW-Authenticate"), "Bearer") {
				t.Error("no WWW-Authenticate header")
			}
			for _, h := range []string{"X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"} {
				if a.header.Get(h) == "" {
					t.Errorf("no header %s", h)
				}
			}
			if a.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") {
				t.Errorf("headers are %v", a.header)
			}
		})
	}
}

// ADM-01: every route of the list is closed to tokens without its scopes.
func TestEveryRouteNeedsAScope(t *testing.T) {
	sv := one(t)
	for _, request := range []string{
		"GET /api/v2/connections", "POST /api/v2/connections", "GET /api/v2/connections/x", "PATCH /api/v2/connections/x",
		"DELETE /api/v2/connections/x", "GET /api/v2/connections/x/clients", "PATCH /api/v2/connections/x/clients",
		"GET /api/v2/clients", "POST /api/v2/clients", "GET /api/v2/clients/x", "PATCH /api/v2/clients/x", "DELETE /api/v2/clients/x",
		"GET /api/v2/clients/x/connections", "POST /api/v2/clients/x/rotate-secret", "GET /api/v2/users", "GET /api/v2/users/x",
		"POST /api/v2/users", "PATCH /api/v2/users/x", "DELETE /api/v2/users/x",
		"GET /api/v2/users/x/logs", "GET /api/v2/users-by-email?email=a@b.example", "GET /api/v2/logs", "GET /api/v2/logs/1",
		"GET /api/v2/resource-servers", "POST /api/v2/resource-servers", "GET /api/v2/resource-servers/x", "GET /api/v2/client-grants",
		"POST /api/v2/client-grants", "GET /api/v2/client-grants/x", "GET /api/v2/tenants/settings",
		"GET /api/v2/user-blocks?identifier=x", "DELETE /api/v2/user-blocks?identifier=x", "GET /api/v2/user-blocks/x", "DELETE /api/v2/user-blocks/x",
		"GET /api/v2/anomaly/blocks/ips/192.0.2.1", "DELETE /api/v2/anomaly/blocks/ips/192.0.2.1",
		"GET /api/v2/attack-protection/bot-detection", "PATCH /api/v2/attack-protection/brute-force-protection",
		"GET /api/doorcode/v1/messages", "GET /api/doorcode/v1/messages/x",
		"GET /api/doorcode/v1/test-identities", "POST /api/doorcode/v1/test-identities",
		"GET /api/doorcode/v1/test-identities/x", "DELETE /api/doorcode/v1/test-identities/x",
	} {
		for token, status := range map[string]int{"": 401, "forged": 401, "scopes.read-nothing": 403} {
			if a := sv.ask(token, request, "{}"); a.status != status {
				t.Errorf("%s with token %q answered %d, want %d", request, token, a.status, status)
			}
		}
	}
}

func TestBodiesThatAreRefused(t *testing.T) {
	sv := one(t)
	sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)
	bad := func(message, code string) string {
		return `{"statusCode":400,"error":"Bad Request","message":"` + message + `","errorCode":"` + code + `"}`
	}
	for _, c := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"nothing", ``, 400, bad("The request body is empty.", "invalid_body")},
		{"no JSON", `name=sms`, 400, bad("The request body is not valid JSON.", "invalid_body")},
		{"JSON that stops", `{"name":"x",`, 400, bad("The request body is not valid JSON.", "invalid_body")},
		{"JSON with something behind it", `{"name":"x"} {}`, 400, bad("The request body is not valid JSON.", "invalid_body")},
		{"invalid UTF-8", "{\"name\":\"\xff\"}", 400, bad("The request body is not valid JSON.", "invalid_body")},
		{"a name that is there twice", `{"name":"x","name":"y","strategy":"sms"}`, 400, bad("Duplicate parameter: name", "invalid_body")},
		{"a name that is there twice further in", `{"name":"x","strategy":"sms","options":{"a":1,"a":2}}`, 400, bad("Duplicate parameter: a", "invalid_body")},
		{"a list", `[]`, 400, bad("Payload validation error: 'Expected type object but found type array'.", "invalid_body")},
		{"a text", `"x"`, 400, bad("Payload validation error: 'Expected type object but found type string'.", "invalid_body")},
		{"too deep", `{"name":"x","strategy":"sms","options":{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}}`, 400, bad("The request body is nested too deeply.", "invalid_body")},
		{"too large", `{"name":"` + strings.Repeat("x", 1<<20) + `"}`, 413, `{"statusCode":413,"error":"Request Entity Too Large","message":"The request body is too large.","errorCode":"payload_too_large"}`},
		{"an application that is not there", `{"name":"x","strategy":"sms","enabled_clients":["nobody"]}`, 400, bad("The client nobody does not exist.", "invalid_body")},
		{"a name that is taken", `{"name":"sms","strategy":"email"}`, 409, `{"statusCode":409,"error":"Conflict","message":"A connection with the same name already exists","errorCode":"conflict"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			sv.wants(sv.ask(everything, "POST /api/v2/connections", c.body), c.status, c.want)
		})
	}
	if list := sv.ask(everything, "GET /api/v2/connections?fields=name", ""); strings.Count(list.body, `"name"`) != 1 {
		t.Errorf("something was written: %s", list.body)
	}
}
