package manage_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func service(t *testing.T, s *store.Store) *manage.Service {
	return &manage.Service{
		Connections: s, Clients: s, APIs: s, Grants: s, Roles: s, Tenant: s, Users: s, Logs: s, Messages: s, Files: s, EmailProviders: s, Protections: s,
		TestIdentities: s, Codes: otp.Maker{Keys: storetest.Keys(t)},
		Management: []string{"https://login.example.com/api/v2/"}, ManagementAudience: "management", Now: time.Now,
	}
}

func file(t *testing.T, text string) *config.File {
	t.Helper()
	f, err := config.ParseFile("dc.yaml", []byte(text), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func object(t *testing.T, doc string) *settings.Object {
	t.Helper()
	o, err := settings.ParseObject([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const wholeFile = `
tenant:
  friendly_name: Acme
  flags: {standards_strict: true}
clients:
  - name: Web
    client_id: web
    client_secret: canary-secret
    app_type: regular_web
  - name: Machine
    app_type: non_interactive
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Web]
    options:
      template: Your code is @@password@@
      twilio_sid: AC1
      twilio_token: canary-token
  - name: email
    strategy: email
resourceServers:
  - name: Orders
    identifier: https://orders.example.com/
    scopes: [{value: "read:orders"}]
clientGrants:
  - client_id: Machine
    audience: https://orders.example.com/
    scope: ["read:orders"]
  - client_id: Machine
    audience: https://login.example.com/api/v2/
    scope: ["read:users"]
`

func TestApplyFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, m := t.Context(), service(t, s)
		other, err := m.CreateConnection(ctx, manage.Actor{}, object(t, `{"name":"other","strategy":"sms"}`))
		if err != nil {
			t.Fatal(err)
		}
		before, err := m.CreateConnection(ctx, manage.Actor{}, object(t, `{"name":"sms","strategy":"sms","options":{"gone":1,"doorcode":{"autofill":true}}}`))
		if err != nil {
			t.Fatal(err)
		}
		// Twice, as at two starts: the second changes nothing.
		for range 2 {
			if err := m.ApplyFile(ctx, file(t, wholeFile)); err != nil {
				t.Fatal(err)
			}
		}
		web, err := s.Client(ctx, "web")
		if err != nil || web.Secret != "canary-secret" || !web.Managed || web.AppType != "regular_web" {
			t.Errorf("web: %+v, %v", web, err)
		}
		machine := named(t, m, "Machine")
		if len(machine.Secret) != 64 {
			t.Errorf("machine has the secret %q", machine.Secret)
		}
		sms, err := s.Connection(ctx, "sms")
		if err != nil || sms.ID != before.ID || !sms.Managed || sms.Sender.TwilioSID != "AC1" || sms.Secrets["twilio_token"] != "canary-token" {
			t.Errorf("sms: %+v, %v", sms, err)
		}
		if !slices.Equal(sms.Clients, []tenant.ClientID{"web"}) || !sms.Autofill || strings.Contains(string(sms.Doc), "gone") {
			t.Errorf("sms: %v %s", sms.Clients, sms.Doc)
		}
		mail, err := s.Connection(ctx, "email")
		if err != nil || !mail.Admits("web") || !mail.Admits(machine.ID) {
			t.Errorf("new applications may not use a connection that says nothing of them: %+v, %v", mail, err)
		}
		rest, err := s.ConnectionByID(ctx, other.ID)
		if err != nil || rest.Managed || !rest.Admits("web") || !rest.Admits(machine.ID) {
			t.Errorf("what the file does not name: %+v, %v", rest, err)
		}
		if a, err := s.API(ctx, "https://orders.example.com/"); err != nil || a.Name != "Orders" || !a.Managed {
			t.Errorf("API: %+v, %v", a, err)
		}
		for audience, scope := range map[string]string{"https://orders.example.com/": "read:orders", "management": "read:users"} {
			if g, err := s.ClientGrant(ctx, machine.ID, audience); err != nil || !slices.Equal(g.Scopes, []string{scope}) {
				t.Errorf("grant for %s: %+v, %v", audience, g, err)
			}
		}
		if set, err := s.Settings(ctx); err != nil || set.FriendlyName != "Acme" || !set.Flags.StandardsStrict || !set.Flags.ClientAuthOnStart {
			t.Errorf("settings: %+v, %v", set, err)
		}
		managedIsReadOnly(t, m, sms.ID)
		if _, err := m.ChangeConnection(ctx, manage.Actor{}, other.ID, manage.ConnectionPatch{Body: object(t, `{"display_name":"x"}`)}); err != nil {
			t.Errorf("what the file does not name cannot be changed: %v", err)
		}
		t.Run("without the file it is free again", func(t *testing.T) {
			if err := m.ApplyFile(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := m.RotateSecret(ctx, manage.Actor{}, "web"); err != nil {
				t.Errorf("rotate: %v", err)
			}
			if _, err := m.DeleteConnection(ctx, manage.Actor{}, sms.ID); err != nil {
				t.Errorf("delete: %v", err)
			}
		})
	})
}

// What the file says of a connection's applications cannot be changed by making
// one: the next start would take the connection away from it.
func TestApplicationsOfManagedConnections(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, m := t.Context(), service(t, s)
		apply := func(text string) {
			t.Helper()
			if err := m.ApplyFile(ctx, file(t, text)); err != nil {
				t.Fatal(err)
			}
		}
		admits := func(connection string, id tenant.ClientID) bool {
			t.Helper()
			c, err := s.Connection(ctx, connection)
			if err != nil {
				t.Fatal(err)
			}
			return c.Admits(id)
		}
		made := func(name string) tenant.ClientID {
			t.Helper()
			c, err := m.CreateClient(ctx, manage.Actor{}, object(t, `{"name":"`+name+`"}`))
			if err != nil {
				t.Fatal(err)
			}
			return c.ID
		}
		apply(wholeFile)
		first := made("First")
		for _, start := range []string{"before a restart", "after it"} {
			if admits("sms", first) || !admits("sms", "web") {
				t.Errorf("%s: the connection whose applications the file names is for others", start)
			}
			if !admits("email", first) {
				t.Errorf("%s: the connection of which the file names no applications is not for a new one", start)
			}
			apply(wholeFile)
		}
		t.Run("one that the file names without its applications any more is for new ones", func(t *testing.T) {
			apply(strings.Replace(wholeFile, "    enabled_clients: [Web]\n", "", 1))
			if second := made("Second"); !admits("sms", second) || !admits("sms", "web") {
				t.Error("it is not")
			}
		})
		t.Run("one that the file names no more is for new ones", func(t *testing.T) {
			apply(wholeFile)
			if err := m.ApplyFile(ctx, nil); err != nil {
				t.Fatal(err)
			}
			if third := made("Third"); !admits("sms", third) {
				t.Error("it is not")
			}
		})
	})
}

func named(t *testing.T, m *manage.Service, name string) *tenant.Client {
	t.Helper()
	list, err := m.ListClients(t.Context(), manage.ClientQuery{}, manage.Window{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var found *tenant.Client
	for _, c := range list.Items {
		if c.Name == name {
			if found != nil {
				t.Fatalf("%s is there twice", name)
			}
			found = c
		}
	}
	if found == nil {
		t.Fatalf("%s is not there", name)
	}
	return found
}

func managedIsReadOnly(t *testing.T, m *manage.Service, sms tenant.ConnectionID) {
	t.Helper()
	ctx, by := t.Context(), manage.Actor{}
	for what, try := range map[string]func() error{
		"change a connection": func() error {
			_, err := m.ChangeConnection(ctx, by, sms, manage.ConnectionPatch{Body: object(t, `{"options":{"a":1}}`)})
			return err
		},
		"switch its applications": func() error { return m.EnableClients(ctx, by, sms, []byte(`[{"client_id":"web","status":false}]`)) },
		"delete a connection":     func() error { _, err := m.DeleteConnection(ctx, by, sms); return err },
		"change an application": func() error {
			_, err := m.ChangeClient(ctx, by, "web", manage.Patch{Body: object(t, `{"name":"x"}`)})
			return err
		},
		"rotate a secret":       func() error { _, err := m.RotateSecret(ctx, by, "web"); return err },
		"delete an application": func() error { return m.DeleteClient(ctx, by, "web") },
	} {
		if err := try(); !errors.Is(err, manage.ErrManaged) || !fault.Has(err, fault.Conflict) {
			t.Errorf("%s: %v, want a conflict", what, err)
		}
	}
}

func TestFilesThatAreRefused(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	ctx, m := t.Context(), service(t, s)
	for range 2 {
		if _, err := m.CreateClient(ctx, manage.Actor{}, object(t, `{"name":"Twin"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.CreateConnection(ctx, manage.Actor{}, object(t, `{"name":"sms","strategy":"sms"}`)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, text, want string }{
		{"a wrong type", "connections:\n- name: new\n  strategy: sms\n  options:\n    totp:\n      length: six\n", "dc.yaml:6: Payload validation error: 'Expected type integer but found type string' on property options.totp.length."},
		{"an unknown member", "clients:\n- name: A\n  app_typ: spa\n", "dc.yaml:3: Payload validation error: 'Additional properties not allowed: app_typ'."},
		{"no name", "clients:\n- app_type: spa\n", "dc.yaml:2: Payload validation error: 'Missing required property: name'."},
		{"an unknown application", "connections:\n- name: new\n  strategy: sms\n  enabled_clients:\n  - Nobody\n", `dc.yaml:4: there is no application "Nobody"`},
		{"a name that two have", "clients:\n- name: Twin\n", `dc.yaml:2: several applications are named "Twin": say which with client_id`},
		{"the same, for a connection", "connections:\n- name: new\n  strategy: sms\n  enabled_clients: [Twin]\n", `dc.yaml:4: several applications are named "Twin": say which by client_id`},
		{"the same name twice", "connections:\n- name: a\n  strategy: sms\n- name: a\n  strategy: sms\n", `dc.yaml:4: the connection "a" is there twice`},
		{"another strategy", "connections:\n- name: sms\n  strategy: email\n", `dc.yaml:3: the connection "sms" has the strategy "sms", which cannot be changed`},
		{"a grant for nobody", "clientGrants:\n- client_id: Nobody\n  audience: https://login.example.com/api/v2/\n  scope: []\n", `dc.yaml:2: there is no application "Nobody"`},
		{"a grant for nothing", "clients:\n- name: A\nclientGrants:\n- client_id: A\n  audience: https://nowhere/\n  scope: []\n", `dc.yaml:5: there is no API with the identifier "https://nowhere/"`},
		{"the Management API", "resourceServers:\n- identifier: https://login.example.com/api/v2/\n", "dc.yaml:2: the Management API is always there"},
		{"an id that cannot be", "clients:\n- name: A\n  client_id: \"a b\"\n", "dc.yaml:3: Payload validation error: 'String does not match pattern"},
		{"a tenant of another kind", "tenant:\n  flags:\n    standards_strict: 1\n", "dc.yaml:3: Payload validation error: 'Expected type boolean but found type integer' on property flags.standards_strict."},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Something good before it must not be kept either.
			text := c.text
			err := m.ApplyFile(ctx, file(t, text))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Errorf("ApplyFile = %v, want %s", err, c.want)
			}
		})
	}
	list, err := m.ListClients(ctx, manage.ClientQuery{}, manage.Window{Limit: 100})
	if err != nil || len(list.Items) != 2 {
		t.Errorf("%d applications, %v: something was written", len(list.Items), err)
	}
}

// Several processes that start with the same file make each thing once.
func TestApplyFileAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := service(t, s)
		var wg sync.WaitGroup
		for range 6 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				if err := m.ApplyFile(t.Context(), file(t, wholeFile)); err != nil {
					t.Error(err)
				}
			}()
		}
		wg.Wait()
		named(t, m, "Machine")
		if all, err := s.AllConnections(t.Context()); err != nil || len(all) != 2 {
			t.Errorf("%d connections, %v", len(all), err)
		}
	})
}
