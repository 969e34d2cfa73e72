package app_test

import (
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

const deliveryFile = `
clients:
  - name: Acme
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: "a secret that nobody guesses 0123456789"
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp"]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Acme]
    options: {name: sms, twilio_sid: "%s", twilio_token: "%s", from: "%s", template: "Your code is @@password@@"}
`

// sending starts a production server on a database, with its provider at url.
func sending(t *testing.T, database, url string) *testkit.Server {
	t.Helper()
	file := filepath.Join(t.TempDir(), "doorcode.yaml")
	doc := fmt.Appendf(nil, deliveryFile, twiliotest.SID, twiliotest.Token, twiliotest.From)
	if err := os.WriteFile(file, doc, 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: "https://login.example.com", File: file,
			Database: database, TwilioURL: url,
			Key: base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr() // the public URL is a proxy's
	return s
}

// eachDatabase runs fn for both, side by side with other tests.
func eachDatabase(t *testing.T, fn func(t *testing.T, database string)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); fn(t, storetest.SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); fn(t, storetest.Postgres(t)) })
}

// R17 from the start of a sign-in to what the operator reads: whatever the
// provider does, the message ends in the right state with the right words, and
// nobody gets more than one duplicate, nor one without an unanswered attempt.
func TestWhatProvidersDo(t *testing.T) {
	t.Parallel()
	down := twiliotest.Fault{Status: 503, Code: 20503}
	busy := twiliotest.Fault{Status: 429, Code: 20429, RetryAfter: "2"}
	tests := []struct {
		name     string
		script   []twiliotest.Fault
		always   *twiliotest.Fault
		state    tenant.MessageState
		code     string
		words    []string // of the timeline, in this order
		requests int
		made     int // messages that the provider made
		atLeast  time.Duration
	}{
		{
			name: "it is slow", script: []twiliotest.Fault{{Delay: 1500 * time.Millisecond}},
			state: tenant.MessageAccepted, words: []string{"accepted: Taken by twilio as SM"}, requests: 1, made: 1, atLeast: 1500 * time.Millisecond,
		},
		{
			name: "it does not answer once", script: []twiliotest.Fault{{Delay: time.Minute}},
			state: tenant.MessageAccepted, requests: 2, made: 1, atLeast: 4500 * time.Millisecond,
			words: []string{"queued: Attempt 1: Twilio did not answer in time (no_answer). The provider may have the message. Trying again in 500ms: a duplicate is possible.", "accepted:"},
		},
		{
			name: "it hangs up on a message that it has", script: []twiliotest.Fault{{Drop: true, Make: true}},
			state: tenant.MessageAccepted, requests: 2, made: 2, atLeast: 500 * time.Millisecond,
			words: []string{"The connection to Twilio broke off before the answer (no_answer). The provider may have the message.", "a duplicate is possible.", "accepted:"},
		},
		{
			name: "it always hangs up", always: &twiliotest.Fault{Drop: true, Make: true},
			state: tenant.MessageFailed, code: "no_answer", requests: 2, made: 2, atLeast: 500 * time.Millisecond,
			words: []string{"a duplicate is possible.", "failed: Attempt 2: The connection to Twilio broke off before the answer (no_answer). The provider may have the message."},
		},
		{
			name: "it has an outage", script: []twiliotest.Fault{down},
			state: tenant.MessageAccepted, requests: 2, made: 1, atLeast: 500 * time.Millisecond,
			words: []string{"queued: Attempt 1: Service unavailable (20503). Trying again in 500ms.", "accepted:"},
		},
		{
			name: "its outage goes on", always: &down,
			state: tenant.MessageFailed, code: "20503", requests: 3, atLeast: 2 * time.Second,
			words: []string{"Attempt 1", "Trying again in 500ms.", "Attempt 2", "Trying again in 1.5s.", "failed: Attempt 3: Service unavailable (20503). "},
		},
		{
			name: "it has too many requests", script: []twiliotest.Fault{busy},
			state: tenant.MessageAccepted, requests: 2, made: 1, atLeast: 2 * time.Second,
			words: []string{"queued: Attempt 1: Too Many Requests (20429). Trying again in 2s.", "accepted:"},
		},
		{
			name: "it has too many requests all the time", always: &twiliotest.Fault{Status: 429, Code: 20429},
			state: tenant.MessageFailed, code: "20429", requests: 3, atLeast: 2 * time.Second,
			words: []string{"Attempt 1", "Trying again in", "failed: Attempt 3: Too Many Requests (20429). The Twilio account has too many requests under way. If it goes on, ask Twilio for more."},
		},
		{
			name: "it refuses the credentials", always: &twiliotest.Fault{Status: 401, Code: 20003, Text: "Authenticate"},
			state: tenant.MessageFailed, code: "20003", requests: 1,
			words: []string{"failed: Attempt 1: Authenticate (20003). ", "Auth Token"},
		},
		{
			name: "it refuses the number", always: &twiliotest.Fault{Status: 400, Code: 21211, Text: "The 'To' number +447700900123 is not a valid phone number."},
			state: tenant.MessageFailed, code: "21211", requests: 1,
			words: []string{"failed: Attempt 1: The 'To' number +44"},
		},
		{
			name: "a proxy answers for it", script: []twiliotest.Fault{{Status: 200, Body: "<html>Hello</html>"}},
			state: tenant.MessageAccepted, requests: 2, made: 1, atLeast: 500 * time.Millisecond,
			words: []string{"does not come from Twilio", "a duplicate is possible.", "accepted:"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, database string) {
				stand := twiliotest.Start(t)
				stand.Script(tt.script...)
				stand.Always(tt.always)
				s := sending(t, database, stand.URL)
				began := time.Now()
				if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`); st != 200 {
					t.Fatal(st, body)
				}
				m := ended(t, s, 20*time.Second)
				if took := time.Since(began); took < tt.atLeast {
					t.Errorf("it took %v, want %v at least", took, tt.atLeast)
				}
				if m.State != tt.state || m.ErrorCode != tt.code || m.Attempts != tt.requests {
					t.Errorf("the message is %s (%s) after %d attempts", m.State, m.ErrorCode, m.Attempts)
				}
				if n, made := len(stand.Requests()), len(stand.Sent()); n != tt.requests || made != tt.made {
					t.Errorf("the provider got %d requests and made %d messages, want %d and %d", n, made, tt.requests, tt.made)
				}
				inOrder(t, m, tt.words)
				if dup := slices.ContainsFunc(tt.words, func(w string) bool { return strings.Contains(w, "duplicate") }); m.Duplicate() != dup {
					t.Errorf("a duplicate is possible: %v, want %v", m.Duplicate(), dup)
				}
				if (tt.code != "" && tt.code != "no_answer") != (m.Fix() != "") {
					t.Errorf("what to do about %q is %q", m.ErrorCode, m.Fix())
				}
				outcomeLine(t, s, m)
			})
		})
	}
}

// ended returns the only message once it is over or with the provider.
func ended(t *testing.T, s *testkit.Server, within time.Duration) tenant.Message {
	t.Helper()
	for deadline := time.Now().Add(within); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 2})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].State != tenant.MessageQueued {
			return list[0]
		}
	}
	t.Fatal("the message did not end")
	return tenant.Message{}
}

// inOrder checks that the timeline has all the words.
func inOrder(t *testing.T, m tenant.Message, words []string) {
	t.Helper()
	var told strings.Builder
	for _, e := range m.Events {
		fmt.Fprintf(&told, "%s: %s\n", e.State, e.Told())
	}
	rest := told.String()
	for _, w := range words {
		_, after, ok := strings.Cut(rest, w)
		if !ok {
			t.Errorf("the timeline lacks %q (at that place):\n%s", w, told.String())
			return
		}
		rest = after
	}
	if strings.Contains(told.String(), "duplicate") != m.Duplicate() || strings.Contains(told.String(), "447700900123") {
		t.Errorf("the timeline is\n%s", told.String())
	}
}

// outcomeLine checks that the log has one line about the message's outcome, and
// nobody's number.
func outcomeLine(t *testing.T, s *testkit.Server, m tenant.Message) {
	t.Helper()
	var lines []string
	for line := range strings.Lines(s.Log.String()) {
		if strings.Contains(line, `msg="message handed over"`) || strings.Contains(line, `msg="message not delivered"`) {
			lines = append(lines, line)
		}
	}
	if len(lines) != 1 {
		t.Fatalf("the log has %d lines about the outcome:\n%s", len(lines), s.Log)
	}
	for _, want := range []string{
		"message=" + m.ID, "connection=" + string(m.Connection), "provider=twilio", "channel=sms",
		"state=" + string(m.State), fmt.Sprint("attempts=", m.Attempts), "dur_us=",
	} {
		if !strings.Contains(lines[0], " "+want) {
			t.Errorf("the line has no %s: %s", want, lines[0])
		}
	}
	if m.ErrorCode != "" && !strings.Contains(lines[0], "error_code="+m.ErrorCode) {
		t.Errorf("the line has no error code: %s", lines[0])
	}
	if log := s.Log.String(); strings.Contains(log, "447700900123") || strings.Contains(log, twiliotest.Token) {
		t.Errorf("the log says too much:\n%s", log)
	}
}

// R17: a provider that is away has been told nothing, so there is no duplicate.
func TestProviderIsDown(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, database string) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		_ = l.Close()
		s := sending(t, database, "http://"+l.Addr().String())
		if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`); st != 200 {
			t.Fatal(st, body)
		}
		m := ended(t, s, 20*time.Second)
		if m.State != tenant.MessageFailed || m.ErrorCode != "unreachable" || m.Attempts != 3 {
			t.Errorf("the message is %s (%s) after %d attempts", m.State, m.ErrorCode, m.Attempts)
		}
		inOrder(t, m, []string{"Attempt 1: Twilio cannot be reached (unreachable).", "failed: Attempt 3: Twilio cannot be reached (unreachable).", "Check that this server may open connections to the Twilio API"})
		outcomeLine(t, s, m)
	})
}

// R17: nothing is handed over in the last 15 s of a code's life.
func TestMessageExpires(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, database string) {
		stand := twiliotest.Start(t)
		stand.Script(twiliotest.Fault{Status: 429, Code: 20429, RetryAfter: "30"})
		s := sending(t, database, stand.URL)
		if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`); st != 200 {
			t.Fatal(st, body)
		}
		for len(stand.Requests()) == 0 || strings.Contains(scrape(t, s), "doorcode_delivery_running 1\n") {
			time.Sleep(10 * time.Millisecond)
		}
		s.Clock.Advance(166 * time.Second) // of 180
		m := ended(t, s, 10*time.Second)
		if m.State != tenant.MessageExpired || m.ErrorCode != "20429" || len(stand.Requests()) != 1 {
			t.Errorf("the message is %s (%s) after %d requests", m.State, m.ErrorCode, len(stand.Requests()))
		}
		inOrder(t, m, []string{"Trying again in 30s.", "expired: Not sent: less than 15s are left of the code's life."})
	})
}

// An outage that many meet: the account is held, the metrics and the log say
// so, what waits is handed over afterwards, and wrong credentials are not shown
// to the provider again and again.
func TestHeldAccount(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, database string) {
		stand := twiliotest.Start(t)
		stand.Always(&twiliotest.Fault{Status: 503, Code: 20503})
		s := sending(t, database, stand.URL)
		start := func(n int) {
			for i := range 10 {
				if st, _, body := s.Post(t, "/passwordless/start", fmt.Sprintf(`{%s,"connection":"sms","phone_number":"+4477009%02d%03d"}`, acme, n, i)); st != 200 {
					t.Fatal(st, body)
				}
			}
		}
		start(1)
		until(t, s, `doorcode_provider_accounts_held{provider="twilio"} 1`)
		calls := len(stand.Requests())
		start(2)
		time.Sleep(time.Second)
		if n := len(stand.Requests()); n > calls+1 {
			t.Errorf("%d requests while the account is held", n-calls)
		}
		stand.Always(nil)
		until(t, s, `doorcode_provider_accounts_held{provider="twilio"} 0`)
		until(t, s, `doorcode_queue_messages 0`)
		accepted := 0
		for _, m := range over(t, s, 20) {
			if m.State == tenant.MessageAccepted {
				accepted++
			}
		}
		if n := len(stand.Sent()); n != accepted || n < 15 {
			t.Errorf("%d of 20 messages were accepted, and %d sent", accepted, n)
		}
		log := s.Log.String()
		if strings.Count(log, `msg="provider account held" provider=twilio`) != 1 || strings.Count(log, `msg="provider account takes messages again" provider=twilio`) != 1 {
			t.Errorf("the log is\n%s", log)
		}

		stand.Always(&twiliotest.Fault{Status: 401, Code: 20003, Text: "Authenticate"})
		calls = len(stand.Requests())
		for n := range 3 {
			start(3 + n)
		}
		for _, m := range over(t, s, 50) {
			if strings.HasSuffix(m.ErrorText, "Authenticate") && m.ErrorCode != "20003" {
				t.Errorf("a message is %s (%s) %q", m.State, m.ErrorCode, m.ErrorText)
			}
		}
		if n := len(stand.Requests()) - calls; n < 3 || n > 12 { // those under way at the third refusal
			t.Errorf("%d requests with wrong credentials, for 30 messages", n)
		}
		if text := scrape(t, s); !strings.Contains(text, `doorcode_provider_holds_total{provider="twilio",reason="refused"} 1`) ||
			!strings.Contains(text, `doorcode_provider_holds_total{provider="twilio",reason="down"} 1`) {
			t.Error(text)
		}
	})
}

// until waits until the metrics have the line.
func until(t *testing.T, s *testkit.Server, line string) {
	t.Helper()
	for range 800 {
		if strings.Contains(scrape(t, s), line+"\n") {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("the metrics never said %s:\n%s", line, scrape(t, s))
}

// Two processes on one database: everything is sent once, also what one of
// them has in hand when it stops.
func TestTwoProcessesSend(t *testing.T) {
	t.Parallel()
	database := storetest.Postgres(t)
	stand := twiliotest.Start(t)
	stand.Always(&twiliotest.Fault{Delay: 300 * time.Millisecond})
	nodes := []*testkit.Server{sending(t, database, stand.URL), sending(t, database, stand.URL)}
	const people = 400
	var wg sync.WaitGroup
	for caller := range 8 {
		wg.Go(func() {
			for i := caller; i < people; i += 8 {
				if st, _, body := nodes[i%2].Post(t, "/passwordless/start", fmt.Sprintf(`{%s,"connection":"sms","phone_number":"+4477009%05d"}`, acme, i)); st != 200 {
					t.Errorf("%d %s", st, body)
				}
			}
		})
	}
	wg.Wait()
	nodes[0].Stop(t)
	until(t, nodes[1], "doorcode_queue_messages 0")
	got := map[string]int{}
	for _, r := range stand.Sent() {
		got[r.Form.Get("To")]++
	}
	if len(got) != people || len(stand.Requests()) != people {
		t.Errorf("%d people got %d messages, want %d", len(got), len(stand.Requests()), people)
	}
	for _, s := range nodes {
		if strings.Contains(s.Log.String(), "taken over meanwhile") || strings.Contains(s.Log.String(), "outcome of a message lost") {
			t.Errorf("the log is\n%.2000s", s.Log)
		}
	}
}
