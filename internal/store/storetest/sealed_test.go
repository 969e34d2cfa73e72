package storetest_test

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Stored credentials are sealed, each to its own place: what is copied from
// one row to another does not open there, and nothing opens without the key.
func TestStoredSecretsAreSealed(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		ctx := t.Context()
		for _, id := range []tenant.ClientID{"one", "two"} {
			c := tenant.Client{ID: id, Name: "App", Secret: "hunter2 of " + string(id), Doc: []byte(`{"name":"App"}`), CreatedAt: start, UpdatedAt: start}
			if err := s.CreateClient(ctx, c, false, event.New(event.ManagementWrite, start)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"sms", "phones"} {
			c := tenant.Connection{
				ID: tenant.ConnectionID("con_" + name), Name: name, Channel: tenant.SMS, CreatedAt: start, UpdatedAt: start,
				Doc:     []byte(`{"name":"` + name + `","strategy":"sms","options":{}}`),
				Secrets: map[string]string{"twilio_token": "hunter2 of " + name},
			}
			if err := s.CreateConnection(ctx, c, event.New(event.ManagementWrite, start)); err != nil {
				t.Fatal(err)
			}
		}
		if c, err := s.Client(ctx, "one"); err != nil || c.Secret != "hunter2 of one" {
			t.Errorf("Client = %+v, %v", c, err)
		}
		if c, err := s.Connection(ctx, "sms"); err != nil || c.Secrets["twilio_token"] != "hunter2 of sms" {
			t.Errorf("Connection = %+v, %v", c, err)
		}
		for _, text := range []string{`SELECT secret FROM clients`, `SELECT secrets FROM connections`, `SELECT doc FROM clients`, `SELECT doc FROM connections`, `SELECT doc FROM logs`} {
			for _, v := range columns(t, db, text) {
				for _, plain := range [][]byte{[]byte("hunter2"), []byte(base64.StdEncoding.EncodeToString([]byte("hunter2"))[:8]), fmt.Appendf(nil, "%x", "hunter2")} {
					if bytes.Contains(v, plain) {
						t.Errorf("%s shows a secret: %q", text, v)
					}
				}
			}
		}

		// Another process, so that nothing is cached.
		storetest.Exec(t, db, `UPDATE clients SET secret = (SELECT secret FROM clients WHERE id = 'two') WHERE id = 'one'`)
		storetest.Exec(t, db, `UPDATE connections SET secrets = (SELECT secrets FROM connections WHERE id = 'con_phones') WHERE id = 'con_sms'`)
		other := storetest.Open(t, address)
		if c, err := other.Client(ctx, "one"); err == nil {
			t.Errorf("a secret that belongs to another application opened: %q", c.Secret)
		}
		if c, err := other.Connection(ctx, "sms"); err == nil {
			t.Errorf("a secret that belongs to another connection opened: %v", c.Secrets)
		}
		if _, err := other.Client(ctx, "two"); err != nil {
			t.Errorf("the secret in its own place: %v", err)
		}

		stranger, err := secret.NewRing(bytes.Repeat([]byte{9}, secret.RootSize))
		if err != nil {
			t.Fatal(err)
		}
		w, err := store.Open(ctx, address, stranger)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Close()
		if c, err := w.Client(ctx, "two"); err == nil {
			t.Errorf("a secret opened without its key: %q", c.Secret)
		}
		changing, err := secret.NewRing(bytes.Repeat([]byte{9}, secret.RootSize), bytes.Repeat([]byte{7}, secret.RootSize))
		if err != nil {
			t.Fatal(err)
		}
		w2, err := store.Open(ctx, address, changing)
		if err != nil {
			t.Fatal(err)
		}
		defer w2.Close()
		if c, err := w2.Client(ctx, "two"); err != nil || c.Secret != "hunter2 of two" {
			t.Errorf("with the key before Client = %+v, %v", c, err)
		}
	})
}

// columns returns the first column of a query's rows.
func columns(t *testing.T, db *sql.DB, text string) (all [][]byte) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var v []byte
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	if len(all) == 0 {
		t.Errorf("%s finds nothing", text)
	}
	return all
}

// What goes into the log comes out of it, whatever is in it.
func TestLogKeepsEverything(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		full := tenant.LogEvent{
			ID: event.NewID(start), At: start.Add(123 * time.Millisecond), Type: "s", Description: "line\nbreak, \"quotes\", <b>, \u2028, 用户",
			Connection: "sms", ConnectionID: "con_sms", Strategy: tenant.SMS, StrategyType: "passwordless",
			Client: "app", ClientName: "App", IP: "2001:db8::1", UserAgent: "Mozilla/5.0", User: "sms|58fa", UserName: "+15550100",
			Audience: "https://api.example.com", Scope: "openid profile", IsMobile: true, CorrelationID: "c",
			Auth0Client: map[string]any{"name": "auth0.js", "version": "9.1"},
			Details:     map[string]any{"body": map[string]any{"send": "code", "n": 1.5, "list": []any{"a", nil, true}}, "zero": "\x00"},
		}
		bare := tenant.LogEvent{ID: event.NewID(start), At: start, Type: "f"}
		third, fourth := bare, bare
		third.ID, fourth.ID = event.NewID(start), event.NewID(start)
		events := []tenant.LogEvent{full, bare, third, fourth}
		if err := s.AddLogs(t.Context(), events...); err != nil {
			t.Fatal(err)
		}
		for _, want := range events {
			if got, err := s.Log(t.Context(), want.ID); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Log(%s) =\n%+v, %v, want\n%+v", want.ID, got, err, want)
			}
		}
		if _, err := s.Log(t.Context(), event.NewID(start)); !fault.Has(err, fault.NotFound) {
			t.Errorf("Log of an unknown id = %v, want NotFound", err)
		}
		if err := s.AddLogs(t.Context()); err != nil {
			t.Errorf("AddLogs of nothing = %v", err)
		}
		if err := s.AddLogs(t.Context(), append(events, bare)...); err == nil {
			t.Error("AddLogs of five events gave no error: their statement is not prepared")
		}
		if err := s.AddLogs(t.Context(), tenant.LogEvent{ID: full.ID, At: start, Type: "s"}); err == nil {
			t.Error("AddLogs of a known id gave no error")
		}
	})
}
