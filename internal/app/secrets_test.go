package app_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// managed sends a management request with a token of its own.
func managed(t *testing.T, s *testkit.Server, method, path, body string) (int, string) {
	t.Helper()
	st, _, answer := s.Post(t, "/oauth/token", fmt.Sprintf(
		`{"grant_type":"client_credentials","client_id":%q,"client_secret":%q,"audience":%q}`,
		s.Ready.ManagementClientID, s.Ready.ManagementClientSecret, "https://"+s.Ready.Domain+"/api/v2/"))
	if st != 200 {
		t.Fatal(st, answer)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &token); err != nil {
		t.Fatal(err)
	}
	st, _, answer = s.Do(t, method, path, body, "Authorization", "Bearer "+token.AccessToken)
	return st, answer
}

// smsConnection returns the id of the connection named sms.
func smsConnection(t *testing.T, s *testkit.Server) string {
	t.Helper()
	st, answer := managed(t, s, "GET", "/api/v2/connections?name=sms", "")
	var list []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal([]byte(answer), &list); err != nil || len(list) != 1 {
		t.Fatalf("connections: %d %s", st, answer)
	}
	return list[0].ID
}

// OTP-07, OTP-08: no code is in the database, its journal, the log, an answer
// or the metrics. Codes are long here, so that none is there by chance. F6: the
// connection is changed by a PATCH that names nothing else, without a content
// type.
func TestOTP07CodesAreNowhere(t *testing.T) {
	dir := t.TempDir()
	s := testkit.Start(t, func(c *config.Config) {
		c.Database = "sqlite:" + filepath.Join(dir, "x.db")
		c.KeyFile = filepath.Join(dir, "x.key")
		c.Ephemeral = false
	})
	id := smsConnection(t, s)
	if st, body := managed(t, s, "PATCH", "/api/v2/connections/"+id, `{"options":{"totp":{"length":16}}}`); st != 200 ||
		!strings.Contains(body, `"time_step":180`) {
		t.Fatalf("PATCH: %d %s", st, body)
	}
	rounds := 1
	if os.Getenv("DOORCODE_TEST_LONG") == "codes" {
		rounds = 5
	}
	var answers strings.Builder
	var codes []string
	for round := range rounds {
		sent := startMany(t, s, round, &answers)
		for n, m := range sent { // wrong and right answers leave no trace either
			if n%20 != 0 {
				continue
			}
			for otp, want := range map[string]int{"1" + m.Code: 403, m.Code: 200} {
				st, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",
					"client_id":%q,"realm":"sms","username":%q,"otp":%q}`, s.Ready.NativeClientID, m.To, otp))
				if st != want {
					t.Fatalf("a code of %d digits gives %d %s", len(otp), st, body)
				}
				answers.WriteString(body)
			}
		}
		for _, m := range sent {
			codes = append(codes, m.Code)
		}
		s.Outbox.Clear()
	}
	t.Logf("measured: %d codes looked for", len(codes))
	places := map[string]string{"answers": answers.String(), "log": s.Log.String()}
	_, _, places["metrics"] = (&testkit.Server{URL: s.Ready.PrivateURL}).Do(t, "GET", "/metrics", "")
	for _, name := range []string{"x.db", "x.db-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		places[name] = string(b)
	}
	for place, text := range places {
		for _, code := range codes {
			if strings.Contains(text, code) {
				t.Errorf("a code is in the %s", place)
				break
			}
		}
		if strings.Contains(text, "+4477009") && (place == "log" || place == "metrics") {
			t.Errorf("a number is in the %s", place)
		}
	}
}

// startMany starts a sign-in for each of as many people as the outbox holds, and
// returns the messages.
func startMany(t *testing.T, s *testkit.Server, round int, answers *strings.Builder) []outbox.Message {
	t.Helper()
	for n := range outbox.Size {
		st, _, body := s.Post(t, "/passwordless/start",
			fmt.Sprintf(`{"client_id":%q,"connection":"sms","phone_number":"+4477009%05d"}`, s.Ready.NativeClientID, round*outbox.Size+n))
		if st != 200 {
			t.Fatal(st, body)
		}
		answers.WriteString(body)
	}
	var sent []outbox.Message
	for range 1000 {
		if sent = s.Outbox.Messages(outbox.Filter{}); len(sent) == outbox.Size {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if len(sent) != outbox.Size || len(sent[0].Code) != 16 {
		t.Fatalf("%d messages arrived", len(sent))
	}
	return sent
}

// RAC-10: what one process changes, another on the same database goes by
// within a second; a second process adopts the first one's applications.
func TestRAC10TwoProcesses(t *testing.T) {
	database, key := storetest.Postgres(t), filepath.Join(t.TempDir(), "x.key")
	shared := func(c *config.Config) {
		c.Database, c.KeyFile, c.Ephemeral = database, key, false
	}
	one := testkit.Start(t, shared)
	two := testkit.Start(t, shared)
	if one.Ready.ClientID != two.Ready.ClientID || one.Ready.ManagementClientSecret != two.Ready.ManagementClientSecret {
		t.Error("the second process did not adopt the applications of the first")
	}
	start := fmt.Sprintf(`{"client_id":%q,"connection":"sms","phone_number":"+447700900123"}`, one.Ready.NativeClientID)
	if st, _, body := two.Post(t, "/passwordless/start", start); st != 200 {
		t.Fatal(st, body)
	}
	st, body := managed(t, one, "PATCH", "/api/v2/connections/"+smsConnection(t, one)+"/clients",
		fmt.Sprintf(`[{"client_id":%q,"status":false}]`, one.Ready.NativeClientID))
	if st != 204 {
		t.Fatal(st, body)
	}
	time.Sleep(time.Second)
	if st, _, body := two.Post(t, "/passwordless/start", start); st != 400 || !strings.Contains(body, "Connection is disabled") {
		t.Errorf("a second after the application was taken off the connection, the other process answers %d %s", st, body)
	}
	// Keys are shared as well: what one signs, the other publishes.
	_, _, first := one.Do(t, "GET", "/.well-known/jwks.json", "")
	_, _, second := two.Do(t, "GET", "/.well-known/jwks.json", "")
	if first != second {
		t.Error("the processes publish different keys")
	}
}
