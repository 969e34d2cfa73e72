package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/doctor"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// rootKeys makes root keys that can follow each other.
func rootKeys(t *testing.T, n int) []string {
	t.Helper()
	var keys []string
	for len(keys) < n {
		key := secret.Bytes(secret.RootSize)
		if len(keys) > 0 {
			last, err := base64.StdEncoding.DecodeString(keys[len(keys)-1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := secret.NewRing(key, last); err != nil {
				continue // one pair in 256
			}
		}
		keys = append(keys, base64.StdEncoding.EncodeToString(key))
	}
	return keys
}

// keyed changes a configuration to that of a database with these root keys.
func keyed(t *testing.T, address, key, previous string) func(c *config.Config) {
	return func(c *config.Config) {
		c.Database, c.Ephemeral, c.Key, c.KeyPrevious = address, false, key, previous
		c.KeyFile = filepath.Join(t.TempDir(), "none")
	}
}

// tokens are what somebody got before the root key changed.
type tokens struct {
	refresh, id string
	management  string
	cookies     []byte // MAC of a session's cookie
}

// signInBefore signs somebody in who stays signed in.
func signInBefore(t *testing.T, s *testkit.Server, to string) tokens {
	t.Helper()
	if st, _, body := s.Post(t, "/passwordless/start", fmt.Sprintf(
		`{"client_id":%q,"connection":"sms","phone_number":%q}`, s.Ready.NativeClientID, to)); st != 200 {
		t.Fatal(st, body)
	}
	code := ""
	for range 200 {
		if got := s.Outbox.Messages(outbox.Filter{To: to}); len(got) > 0 {
			code = got[0].Code
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	st, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(
		`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":%q,"realm":"sms","username":%q,"otp":%q,"scope":"openid offline_access"}`,
		s.Ready.NativeClientID, to, code))
	var answer struct {
		Refresh string `json:"refresh_token"`
		ID      string `json:"id_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || answer.Refresh == "" {
		t.Fatalf("sign-in: %d %s", st, body)
	}
	return tokens{refresh: answer.Refresh, id: answer.ID, cookies: s.Secrets.MAC(secret.Browsers, "session", "cookie")}
}

// keepsWorking checks that a server does all that it did before its root key
// changed.
func keepsWorking(t *testing.T, s *testkit.Server, connection string, had tokens) {
	t.Helper()
	// The application's secret, and the server's signing key.
	if st, body := managed(t, s, "GET", "/api/v2/connections/"+connection, ""); st != 200 {
		t.Errorf("the application: %d %s", st, body)
	}
	if st, _, body := s.Do(t, "GET", "/api/v2/connections/"+connection, "", "Authorization", "Bearer "+had.management); st != 200 {
		t.Errorf("a token signed before: %d %s", st, body)
	}
	if c, err := s.Store.Connection(t.Context(), "sms"); err != nil || c.Secrets["twilio_token"] != "a token of Twilio" {
		t.Errorf("the connection's credentials: %v", err)
	}
	if p, err := s.Store.EmailProvider(t.Context()); err != nil || p.Secrets["smtp_pass"] != "a password" {
		t.Errorf("the email provider's credentials: %v", err)
	}
	if st, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(`{"grant_type":"refresh_token","client_id":%q,"refresh_token":%q}`,
		s.Ready.NativeClientID, had.refresh)); st != 200 || !strings.Contains(body, "access_token") {
		t.Errorf("a refresh token: %d %s", st, body)
	}
	if got := s.Secrets.MAC(secret.Browsers, "session", "cookie"); string(got) != string(had.cookies) {
		t.Error("cookies of sessions are stored otherwise than before: they are not found")
	}
}

// TOK-10: the root key changes three times, each time with the one before it
// alone at hand and then without it. Applications, providers' credentials,
// tokens that were signed, refresh tokens and sessions go on working; the first
// key opens nothing any more.
func TestRootKeyChangesThreeTimes(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		keys := rootKeys(t, 4)
		s := testkit.Start(t, keyed(t, address, keys[0], ""))
		connection := smsConnection(t, s)
		if st, body := managed(t, s, "PATCH", "/api/v2/connections/"+connection, `{"options":{"twilio_token":"a token of Twilio"}}`); st != 200 {
			t.Fatal(st, body)
		}
		if st, body := managed(t, s, "POST", "/api/v2/emails/provider", `{"name":"smtp","default_from_address":"login@example.com",
			"credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"u","smtp_pass":"a password"}}`); st != 201 && st != 200 {
			t.Fatal(st, body)
		}
		had := signInBefore(t, s, "+447700900123")
		// A fixed address keeps tokens for this server's audience good.
		at, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		here := func(c *config.Config) { c.Addr = "127.0.0.1:" + at.Port() }
		_, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"audience":%q}`,
			s.Ready.ManagementClientID, s.Ready.ManagementClientSecret, "https://"+s.Ready.Domain+"/api/v2/"))
		var machine struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal([]byte(body), &machine); err != nil {
			t.Fatal(err)
		}
		had.management = machine.Token
		keepsWorking(t, s, connection, had)
		s.Stop(t)
		for n := 1; n < len(keys); n++ {
			for _, previous := range []string{keys[n-1], ""} {
				s := testkit.Start(t, keyed(t, address, keys[n], previous), here)
				keepsWorking(t, s, connection, had)
				if previous != "" && !strings.Contains(s.Log.String(), "resealed=") {
					t.Errorf("change %d: the log does not say what was done", n)
				}
				if strings.Contains(s.Log.String(), "level=WARN msg=\"stored secrets") {
					t.Errorf("change %d: %s", n, s.Log)
				}
				s.Stop(t)
			}
		}
		refused(t, keyed(t, address, keys[0], ""), "made with another key")
	})
}

// refused checks that a server does not start, and why.
func refused(t *testing.T, change func(c *config.Config), why string) {
	t.Helper()
	cfg := config.Config{Mode: config.Dev, Addr: "127.0.0.1:0", NoOpen: true}
	change(&cfg)
	a, err := app.Open(t.Context(), cfg, app.Options{Log: &testkit.Lines{}})
	if err == nil {
		_ = a.Close()
		t.Error("the server starts")
	} else if !strings.Contains(err.Error(), why) {
		t.Errorf("the server does not start: %v; want %q", err, why)
	}
}

// TOK-10: two servers that bring in the new key at once, while one still runs
// with the old key and knows the new one, as operate/keys.md has it.
func TestRootKeyChangesUnderSeveralServers(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		keys := rootKeys(t, 2)
		testkit.Start(t, keyed(t, address, keys[0], "")).Stop(t)
		still := testkit.Start(t, keyed(t, address, keys[0], keys[1]))
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				cfg := config.Config{Mode: config.Dev, Addr: "127.0.0.1:0", NoOpen: true}
				keyed(t, address, keys[1], keys[0])(&cfg)
				a, err := app.Open(t.Context(), cfg, app.Options{Log: &testkit.Lines{}})
				if err != nil {
					t.Error(err)
					return
				}
				if err := a.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		// The one with the old key reads what the others sealed, and seals
		// something under the old key.
		if st, body := managed(t, still, "PATCH", "/api/v2/connections/"+smsConnection(t, still), `{"options":{"twilio_token":"late"}}`); st != 200 {
			t.Fatal(st, body)
		}
		still.Stop(t)
		cfg := config.Config{Mode: config.Serve}
		keyed(t, address, keys[1], keys[0])(&cfg)
		if got := rootKeyFinding(t, cfg); !strings.Contains(got, "1 stored values still need") {
			t.Errorf("doctor says %q", got)
		}
		tools, err := app.OpenTools(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer tools.Close()
		if n, err := tools.Reseal(t.Context()); n != 1 || err != nil {
			t.Errorf("Reseal = %d, %v, want the one that came late", n, err)
		}
		if got := rootKeyFinding(t, cfg); !strings.Contains(got, "nothing that is sealed needs it") {
			t.Errorf("doctor says %q", got)
		}
		cfg.KeyPrevious = ""
		if got := rootKeyFinding(t, cfg); !strings.Contains(got, "everything that is sealed is sealed with it") {
			t.Errorf("doctor says %q", got)
		}
		s := testkit.Start(t, keyed(t, address, keys[1], ""))
		if c, err := s.Store.Connection(t.Context(), "sms"); err != nil || c.Secrets["twilio_token"] != "late" {
			t.Errorf("the credentials that came late: %v", err)
		}
	})
}

// rootKeyFinding is what the doctor says of the root key.
func rootKeyFinding(t *testing.T, cfg config.Config) string {
	t.Helper()
	r, err := app.Examine(t.Context(), cfg, doctor.Checks{})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.Check == "root_key" {
			return f.Detail
		}
	}
	t.Fatal("the doctor says nothing of the root key")
	return ""
}

// TOK-10: a change of the root key that was cut off is finished by the next
// start with both keys. A start with the old key alone says what to do and does
// not come to values that it cannot read.
func TestRootKeyChangeIsCutOff(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		keys := rootKeys(t, 2)
		testkit.Start(t, keyed(t, address, keys[0], "")).Stop(t)
		db := storetest.SQL(t, address)
		begin, end := `CREATE TRIGGER cut BEFORE UPDATE ON clients BEGIN SELECT RAISE(ABORT, 'cut off'); END`, `DROP TRIGGER cut`
		if !strings.HasPrefix(address, "sqlite:") {
			storetest.Exec(t, db, `CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''cut off''; END'`)
			begin, end = `CREATE TRIGGER cut BEFORE UPDATE ON clients FOR EACH ROW EXECUTE FUNCTION cut()`, `DROP TRIGGER cut ON clients`
		}
		storetest.Exec(t, db, begin)
		refused(t, keyed(t, address, keys[1], keys[0]), "cut off")
		storetest.Exec(t, db, end)
		refused(t, keyed(t, address, keys[0], ""), "is being changed")
		refused(t, keyed(t, address, keys[1], ""), "made with another key")
		testkit.Start(t, keyed(t, address, keys[1], keys[0])).Stop(t)
		s := testkit.Start(t, keyed(t, address, keys[1], ""))
		if st, body := managed(t, s, "GET", "/api/v2/connections/"+smsConnection(t, s), ""); st != 200 {
			t.Error(st, body)
		}
	})
}
