package authorize_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// settings have one application and one connection.
type settings struct{}

func (settings) Client(context.Context, tenant.ClientID) (*tenant.Client, error) {
	return &tenant.Client{
		ID: "app", AppType: "regular_web", AuthMethod: tenant.AuthSecretPost, FirstParty: true,
		Callbacks: []string{"https://app.example.com/cb"}, GrantTypes: []string{tenant.GrantAuthorizationCode},
	}, nil
}

func (settings) Settings(context.Context) (*tenant.Settings, error) { return &tenant.Settings{}, nil }

func (settings) Connection(context.Context, string) (*tenant.Connection, error) {
	return connection(), nil
}

func (settings) ConnectionByID(context.Context, tenant.ConnectionID) (*tenant.Connection, error) {
	return connection(), nil
}

func (settings) AllConnections(context.Context) ([]*tenant.Connection, error) {
	return []*tenant.Connection{connection()}, nil
}

func connection() *tenant.Connection {
	return &tenant.Connection{ID: "con_1", Name: "sms", Channel: tenant.SMS, Clients: []tenant.ClientID{"app"}}
}

// endsMeanwhile has a session that ends between being read and being used.
type endsMeanwhile struct {
	authorize.Ledger
	added []tenant.Transaction
}

var now = time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)

func (e *endsMeanwhile) LiveSession(context.Context, time.Time, [][]byte) (tenant.Session, error) {
	return tenant.Session{
		ID: "session", User: "sms|1", Connection: "con_1", AuthTime: now, LastUsed: now, Expires: now.Add(time.Hour), IdleEnds: now.Add(time.Hour),
	}, nil
}

func (e *endsMeanwhile) GrantAuthorization(context.Context, authorize.Granting) (tenant.User, time.Time, error) {
	return tenant.User{}, time.Time{}, tenant.ErrTransaction
}

func (e *endsMeanwhile) AddTransaction(_ context.Context, t authorize.NewTransaction) (time.Duration, error) {
	e.added = append(e.added, t.Transaction)
	return 0, nil
}

func (e *endsMeanwhile) Note(context.Context, attack.Bucket, tenant.LogEvent) error { return nil }

// values are the parameters of a request.
type values map[string]string

func (v values) Get(name string) string { return v[name] }

// Whose session ends while a request is answered is asked to sign in, or told
// to the application as not signed in: never in words of ours that no protocol
// has.
func TestSessionEndsMeanwhile(t *testing.T) {
	keys, err := secret.NewRing(bytes.Repeat([]byte{7}, secret.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	clock := func() time.Time { return now }
	tokens := &token.Issuer{Issuer: "https://id.example.com/", Secrets: keys, Now: clock}
	ledger := &endsMeanwhile{}
	s := &authorize.Service{
		Settings: settings{}, Ledger: ledger, Grants: &grant.Service{Tokens: tokens}, Tokens: tokens, Secrets: keys,
		HTTPS: true, Now: clock,
	}
	ask := func(prompt string) authorize.Step {
		t.Helper()
		step, err := s.Begin(t.Context(), authorize.Request{Values: values{
			"client_id": "app", "response_type": "code", "scope": "openid", "prompt": prompt,
		}}, authorize.Browser{Session: "cookie"})
		if err != nil {
			t.Fatal(err)
		}
		return step
	}
	step := ask(tenant.PromptNone)
	if step.Response == nil || step.Response.Pairs[0] != (oauth.Pair{Name: "error", Value: "login_required"}) {
		t.Errorf("silently: %+v", step.Response)
	}
	step = ask("")
	if step.Response != nil || step.Page != authorize.PageIdentify || step.TransactionCookie == "" {
		t.Errorf("%+v", step)
	}
	if len(ledger.added) != 1 || ledger.added[0].Step != tenant.StepIdentify || ledger.added[0].Session != "" {
		t.Errorf("stored: %+v", ledger.added)
	}
}
