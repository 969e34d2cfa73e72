package manage_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// testFile has a test identity that ends at a time, with a code.
func testFile(code string, ends time.Time) string {
	return fmt.Sprintf(`clients:
  - name: App
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
connections:
  - name: sms
    strategy: sms
    enabled_clients: [App]
testIdentities:
  - connection: sms
    phone_number: "+15005550006"
    code: "%s"
    clients: [App]
    expires_at: %s
    note: App review
`, code, ends.UTC().Format(time.RFC3339))
}

func TestTestIdentityOfTheFile(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx, m := t.Context(), service(t, s)
		if err := m.ApplyFile(ctx, file(t, testFile("482913", time.Now().Add(24*time.Hour)))); err != nil {
			t.Fatal(err)
		}
		list, err := m.ListTestIdentities(ctx, manage.Window{Limit: 10})
		if err != nil || len(list.Items) != 1 {
			t.Fatalf("%v, %v", list, err)
		}
		first := list.Items[0]
		if !first.Managed || first.Identifier != "+15005550006" || len(first.Clients) != 1 || !first.Active(time.Now()) || first.Note != "App review" {
			t.Errorf("%+v", first)
		}
		if err := m.DeleteTestIdentity(ctx, manage.Actor{}, first.ID); err == nil || !strings.Contains(err.Error(), "configuration file") {
			t.Errorf("deleting what the file manages gave %v", err)
		}
		// Applied again, with another code and an end that has passed: the
		// start goes on, and the identity does not.
		if err := m.ApplyFile(ctx, file(t, testFile("305118", time.Now().Add(-time.Hour)))); err != nil {
			t.Fatal(err)
		}
		again, err := m.TestIdentity(ctx, first.ID)
		if err != nil || again.Active(time.Now()) || string(again.Digest) == string(first.Digest) {
			t.Errorf("%+v, %v", again, err)
		}
		if err := m.ApplyFile(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if err := m.DeleteTestIdentity(ctx, manage.Actor{}, first.ID); err != nil {
			t.Errorf("deleting what no file manages gave %v", err)
		}
	})
}

func TestTestIdentitiesOfTheFileThatAreRefused(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	m := service(t, s)
	soon := time.Now().Add(24 * time.Hour)
	good := testFile("482913", soon)
	tests := []struct{ name, text, want string }{
		{"a weak code", testFile("123456", soon), "dc.yaml:11: "},
		{"no code", strings.Replace(good, `    code: "482913"`+"\n", "", 1), "dc.yaml:9: a test identity of the file must have a code"},
		{"a code that is no text", strings.Replace(good, `"482913"`, "482913", 1), "dc.yaml:11: "},
		{"no end", good[:strings.Index(good, "    expires_at")], "dc.yaml:9: a test identity of the file must have an end"},
		{"an end too late", testFile("482913", time.Now().Add(91*24*time.Hour)), "dc.yaml:13: "},
		{"an unknown connection", strings.Replace(good, "connection: sms", "connection: sns", 1), `dc.yaml:9: there is no connection "sns"`},
		{"an unknown application", strings.Replace(good, "clients: [App]\n    expires", "clients: [Ap]\n    expires", 1), `dc.yaml:12: there is no application "Ap"`},
		{"there twice", good + strings.TrimPrefix(good[strings.Index(good, "testIdentities:"):], "testIdentities:\n"), "dc.yaml:15: there is a test identity"},
	}
	for _, tt := range tests {
		err := m.ApplyFile(t.Context(), file(t, tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "482913") {
			t.Errorf("%s: the error has the code in it: %v", tt.name, err)
		}
	}
}
