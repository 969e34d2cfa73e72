package doctor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/doctor"
	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

// A server is all that a doctor can look at. That of well has nothing wrong
// with it.
type server struct {
	place     doctor.Place
	condition doctor.Condition
	sealed    int
	broken    error // of the database
	keys      []signing.Key
	conns     []*tenant.Connection
	clients   []*tenant.Client
	tests     []*tenant.TestIdentity
	sender    delivery.Sender
	sendError error
	accounts  func() []delivery.AccountState
	tenant    string // its settings
	issuer    string
	reach     error
}

// provider is a sender that can be asked.
type provider struct{ findings []delivery.Finding }

func (provider) Provider() string { return "twilio" }

func (provider) Send(context.Context, delivery.Outgoing) (delivery.Receipt, error) {
	panic("a doctor sends nothing")
}

func (p provider) Check(context.Context) []delivery.Finding { return p.findings }

// hopeless is a sender whose settings say that nothing will ever be sent.
type hopeless struct{ provider }

func (h hopeless) Inspect() []delivery.Finding { return h.findings }

func well() *server {
	var keys []signing.Key
	for _, alg := range []string{signing.RS256, signing.ES256} {
		keys = append(keys,
			signing.Key{ID: alg, Alg: alg, State: tenant.KeyCurrent, CreatedAt: now.Add(-48 * time.Hour), CurrentSince: now.Add(-24 * time.Hour)},
			signing.Key{ID: alg + " next", Alg: alg, State: tenant.KeyNext, CreatedAt: now.Add(-48 * time.Hour)})
	}
	policy := tenant.CodePolicy{Digits: 6, Lifetime: 3 * time.Minute}
	bounded := tenant.Fraud{LineTypes: true, Countries: tenant.Countries{List: []string{"GB"}}, Sends: tenant.Budget{Day: 1000}}
	return &server{
		place: doctor.Place{PublicURL: "https://login.example.com", Limits: "strict", Proxies: true},
		condition: doctor.Condition{
			Kind: "PostgreSQL", Version: "15.4", Free: 10 << 30, Clock: now.Add(time.Second), LastEvent: now.Add(-time.Minute),
		},
		keys: keys,
		conns: []*tenant.Connection{
			{ID: "con_sms", Name: "sms", Channel: tenant.SMS, Clients: []tenant.ClientID{"app"}, Code: policy, Fraud: bounded},
			{ID: "con_email", Name: "email", Channel: tenant.Email, Clients: []tenant.ClientID{"app"}, Code: policy},
			{ID: "con_unused", Name: "unused", Channel: tenant.SMS, Text: tenant.MessageText{Template: "no code"}},
		},
		clients: []*tenant.Client{{Name: "App", Callbacks: []string{"https://app.example.com/callback", "com.example.app://callback"}}},
		sender:  provider{[]delivery.Finding{{Name: "credentials", Verdict: delivery.OK, Detail: "They are known."}}},
		issuer:  "https://login.example.com/",
	}
}

func (s *server) AllConnections(context.Context) ([]*tenant.Connection, error) {
	return s.conns, s.broken
}

func (s *server) AllClients(context.Context) ([]*tenant.Client, error) { return s.clients, s.broken }

func (s *server) AllTestIdentities(context.Context) ([]*tenant.TestIdentity, error) {
	return s.tests, s.broken
}

func (s *server) Settings(context.Context) (*tenant.Settings, error) {
	return &tenant.Settings{FriendlyName: "Acme", Doc: []byte(s.tenant)}, s.broken
}

func (s *server) Condition(context.Context) (doctor.Condition, error) { return s.condition, s.broken }

func (s *server) List(context.Context) ([]signing.Key, error) { return s.keys, s.broken }

func (s *server) examine(t *testing.T, network bool) doctor.Report {
	t.Helper()
	d := &doctor.Doctor{
		Place: s.place, Database: s, Keys: s, Settings: s, Accounts: s.accounts, Now: func() time.Time { return now },
		Sealed: func(context.Context) (int, error) { return s.sealed, s.broken },
		Sender: func(context.Context, *tenant.Connection) (delivery.Sender, error) { return s.sender, s.sendError },
		Reach: func(context.Context, string) (string, error) {
			if !network {
				t.Error("somebody outside was asked")
			}
			return s.issuer, s.reach
		},
	}
	return d.Examine(t.Context(), doctor.Checks{Network: network})
}

// complaints are the findings that are not OK.
func complaints(r doctor.Report) []string {
	var list []string
	for _, f := range r.Findings {
		if f.Verdict != delivery.OK {
			list = append(list, fmt.Sprintf("%s %s: %s", f.Verdict, f.Check, f.Detail))
		}
	}
	return list
}

func TestNothingIsWrong(t *testing.T) {
	for _, network := range []bool{false, true} {
		r := well().examine(t, network)
		if got := complaints(r); got != nil || r.Worst() != delivery.OK || len(r.Findings) < 15 {
			t.Errorf("network %v: %d findings, of them %q", network, len(r.Findings), got)
		}
	}
}

// Each fault on its own is found, with what to do about it, and nothing else is
// complained about.
func TestFaults(t *testing.T) {
	tests := []struct {
		name    string
		spoil   func(s *server)
		network bool
		want    string // the beginning of the one complaint
	}{
		{"no public URL", func(s *server) { s.place.PublicURL = "" }, false, "fail public_url: The public URL is not known."},
		{"plain http", func(s *server) { s.place.PublicURL = "http://login.example.com" }, false, "fail public_url: The public URL http://login.example.com is plain http"},
		{"a path", func(s *server) { s.place.PublicURL = "https://example.com/login" }, false, "fail public_url: "},
		{"no address", func(s *server) { s.place.PublicURL = "login.example.com" }, false, "fail public_url: "},
		{"localhost", func(s *server) { s.place.PublicURL = "https://localhost:8787" }, false, "warn public_url: "},
		{"an address for a host", func(s *server) { s.place.PublicURL = "https://192.0.2.1" }, false, "warn public_url: "},
		{"a proxy that is not trusted", func(s *server) { s.place.Proxies = false }, false, "warn trusted_proxies: "},
		{"no limits", func(s *server) { s.place.Limits = "off" }, false, "fail limits: "},
		{"few limits", func(s *server) { s.place.Limits = "auth0" }, false, "warn limits: "},
		{"a previous root key", func(s *server) { s.place.PreviousKey = true }, false, "warn root_key: The root key fits the database. The one before it is given as well"},
		{"a root key half changed", func(s *server) { s.place.PreviousKey, s.sealed = true, 3 }, false, "warn root_key: The root key fits the database, and 3 stored values"},
		{"secrets under a lost root key", func(s *server) { s.sealed = 3 }, false, "fail root_key: 3 stored values are sealed"},
		{"steps missing", func(s *server) { s.condition.Pending = 2 }, false, "fail database: PostgreSQL 15.4: 2 steps of the schema are missing."},
		{"steps unknown", func(s *server) { s.condition.Unknown = 1 }, false, "warn database: "},
		{"read-only", func(s *server) { s.condition.WriteError = errors.New("read-only transaction") }, false, "fail database: Nothing can be written: read-only transaction."},
		{"fsync", func(s *server) { s.condition.Unsafe = []string{"fsync = off"} }, false, "fail database: The setting fsync = off"},
		{"little room", func(s *server) { s.condition.Free = 500 << 20 }, false, "warn database: The disk has 500 MiB left."},
		{"no room", func(s *server) { s.condition.Free = 5 << 20 }, false, "fail database: The disk has 5 MiB left."},
		{"clocks differ", func(s *server) { s.condition.Clock = now.Add(-5 * time.Second) }, false, "warn clock: "},
		{"clocks differ a lot", func(s *server) { s.condition.Clock = now.Add(time.Hour) }, false, "fail clock: "},
		{"a log from the future", func(s *server) { s.condition.LastEvent = now.Add(time.Hour) }, false, "fail clock: "},
		{"no signing key", func(s *server) { s.keys = s.keys[1:] }, false, "fail signing_keys: There is no key that signs with RS256."},
		{"no next key", func(s *server) { s.keys = s.keys[:3] }, false, "warn signing_keys: ES256: there is no next key"},
		{"an old key", func(s *server) { s.keys[0].CurrentSince = now.Add(-400 * 24 * time.Hour) }, false, "warn signing_keys: RS256: the current key has signed for 400 days."},
		{"settings incomplete", func(s *server) {
			s.conns = s.conns[:1]
			s.sendError = &delivery.Error{Code: "x", Class: delivery.Configuration, Text: "The auth token is missing.", Fix: "Set twilio_token."}
		}, false, `fail sender: Connection "sms": The auth token is missing.`},
		{"no provider", func(s *server) { s.conns, s.sender = s.conns[:1], nil }, false, `fail sender: Connection "sms": no SMS provider is configured.`},
		{"no email provider", func(s *server) { s.conns, s.sender = s.conns[1:2], nil }, false, `fail sender: Connection "email": no email provider is configured.`},
		{"credentials unknown", func(s *server) {
			s.conns = s.conns[:1]
			s.sender = provider{[]delivery.Finding{{Name: "credentials", Verdict: delivery.Fail, Detail: "They are wrong.", Fix: "Correct them."}}}
		}, true, `fail sender: Connection "sms": credentials: They are wrong.`},
		{"a gateway that may not be called", func(s *server) {
			s.conns = s.conns[:1]
			s.sender = hopeless{provider{[]delivery.Finding{{Name: "address", Verdict: delivery.Fail, Detail: "It may not be called.", Fix: "Allow it."}}}}
		}, false, `fail sender: Connection "sms": address: It may not be called.`},
		{"nobody answers", func(s *server) { s.reach = errors.New("connection refused") }, true, "fail reachable: Nothing answers at https://login.example.com/.well-known/openid-configuration: connection refused."},
		{"somebody else answers", func(s *server) { s.issuer = "https://other.example/" }, true, "fail reachable: "},
		{"no connection enabled", func(s *server) { s.conns = s.conns[2:] }, false, "warn connections: "},
		{"no code in the message", func(s *server) { s.conns[0].Text.Template = "Hello" }, false, `fail template: Connection "sms": the message has no code in it.`},
		{"no code in the mail", func(s *server) { s.conns[1].Text.Subject, s.conns[1].Text.Body = "Hello", "Hello" }, false, `fail template: Connection "email": the message has no code in it.`},
		{"a template that does not parse", func(s *server) { s.conns[0].Text.Template = "{{ code" }, false, `fail template: Connection "sms": the template cannot be used: body, line 1`},
		{"a variable nobody knows", func(s *server) { s.conns[0].Text.Template = "{{ code }} {{ aplication.name }}" }, false, `warn template: Connection "sms": body, line 1, column 15`},
		{"two segments", func(s *server) { s.conns[0].Text.Template = "{{ code }}" + strings.Repeat(" long", 40) }, false, `warn segments: Connection "sms": a message is billed as 2 segments.`},
		{"a character that costs", func(s *server) { s.conns[0].Text.Template = "{{ code }} ✓ " + strings.Repeat("x", 70) }, false, `warn segments: Connection "sms": a message is billed as 2 segments, because`},
		{"every country", func(s *server) { s.conns[0].Fraud.Countries.List = nil }, false, `warn sms_fraud: Connection "sms": text messages go to every country.`},
		{"premium rate numbers", func(s *server) { s.conns[0].Fraud.LineTypes = false }, false, `warn sms_fraud: Connection "sms": text messages go to premium rate and other numbers`},
		{"no budget", func(s *server) { s.conns[0].Fraud.Sends.Day = 0 }, false, `warn sms_fraud: Connection "sms": nothing bounds how many`},
		{"short codes", func(s *server) { s.conns[0].Code.Digits = 4 }, false, `warn codes: Connection "sms": codes have 4 digits.`},
		{"long lives", func(s *server) { s.conns[0].Code.Lifetime = time.Hour }, false, `warn codes: Connection "sms": totp.time_step is 3600`},
		{"a callback by http", func(s *server) { s.clients[0].Callbacks = []string{"http://app.example.com/"} }, false, `warn callbacks: Application "App": the callback http://app.example.com/ is plain http`},
		{"a callback with a wildcard", func(s *server) { s.clients[0].Callbacks = []string{"https://*.example.com/"} }, false, `warn callbacks: Application "App": the callback https://*.example.com/ has a wildcard`},
		{"a callback on the machine of whoever signs in", func(s *server) { s.clients[0].Callbacks = []string{"http://localhost:3000/"} }, false, "warn callbacks: "},
		{"a test identity", func(s *server) {
			s.tests = []*tenant.TestIdentity{{ID: "tid_1", Connection: "con_sms", Note: "Review", Identifier: "+15005550006", Digits: 6, Expires: now.Add(24 * time.Hour)}}
		}, false, "warn test_identities: The test identity tid_1 (Review) signs in with a fixed code until 2026-05-02."},
		{"a test identity that has ended", func(s *server) {
			s.tests = []*tenant.TestIdentity{{ID: "tid_1", Connection: "con_sms", Identifier: "+15005550006", Digits: 6, Expires: now}}
		}, false, "warn test_identities: The test identity tid_1 has ended on 2026-05-01."},
		{"a test identity with a short code", func(s *server) {
			s.tests = []*tenant.TestIdentity{{ID: "tid_1", Connection: "con_sms", Identifier: "+15005550006", Digits: 4, Expires: now.Add(time.Hour)}}
		}, false, "warn test_identities: The code of the test identity tid_1 is shorter"},
		{"a setting that nobody knows", func(s *server) { s.tenant = `{"freindly_name":"Acme"}` }, false, `warn tenant_settings: The tenant's settings: "freindly_name" is not known here and does nothing; did you mean "friendly_name"?`},
		{"settings that are only kept", func(s *server) { s.tenant = `{"sandbox_version":"22","flags":{"enable_sso":true}}` }, false, `warn tenant_settings: The tenant's settings are kept and not used: sandbox_version, flags.enable_sso.`},
		{"development", func(s *server) { s.place.Dev = true }, false, "warn mode: "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := well()
			tt.spoil(s)
			r := s.examine(t, tt.network)
			got := complaints(r)
			if len(got) != 1 || !strings.HasPrefix(got[0], tt.want) {
				t.Fatalf("the complaints are %q, want one: %q", got, tt.want)
			}
			if worst := string(r.Worst()); !strings.HasPrefix(tt.want, worst) {
				t.Errorf("the worst is %q", worst)
			}
			for _, f := range r.Findings {
				if (f.Verdict == delivery.OK) != (f.Fix == "") {
					t.Errorf("%+v: what is wrong has a fix, and nothing else", f)
				}
				if strings.HasSuffix(f.Detail, "?.") || strings.HasSuffix(f.Detail, "..") {
					t.Errorf("%q ends twice", f.Detail)
				}
				if strings.Contains(f.Detail+f.Fix, "+1500") {
					t.Errorf("%+v has a number in it", f)
				}
			}
		})
	}
}

// A connection that says nothing of fraud leaves everything to its provider, and
// each thing that is left to it is told.
func TestNothingAgainstFraud(t *testing.T) {
	s := well()
	s.conns[0].Fraud = tenant.Fraud{}
	got := complaints(s.examine(t, false))
	if len(got) != 3 || !strings.Contains(got[0], "premium rate") || !strings.Contains(got[1], "every country") || !strings.Contains(got[2], "how many") {
		t.Errorf("the complaints are %q", got)
	}
	s.place.Dev = true
	if got := complaints(s.examine(t, false)); len(got) != 1 || !strings.HasPrefix(got[0], "warn mode") {
		t.Errorf("in development, where nothing is sent, the complaints are %q", got)
	}
}

// When the database does not answer, everything that needs it says so, and
// nothing is guessed.
func TestDatabaseIsAway(t *testing.T) {
	s := well()
	s.broken = errors.New("connection refused")
	got := complaints(s.examine(t, false))
	if len(got) != 7 {
		t.Errorf("the complaints are %q", got)
	}
	for _, c := range got {
		if !strings.HasPrefix(c, "fail ") {
			t.Errorf("%q is no failure", c)
		}
	}
}

// The built-in texts are what most people send: they must be well.
func TestBuiltInTextIsOneSegment(t *testing.T) {
	s := well()
	s.conns[0].Text.Template, s.conns[0].Autofill = message.DefaultSMS, true
	if got := complaints(s.examine(t, false)); got != nil {
		t.Errorf("the built-in text with the autofill line is complained about: %q", got)
	}
}
