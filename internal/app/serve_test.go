package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

const serveFile = `
clients:
  - name: Acme
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: "##ACME_SECRET##"
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp", refresh_token]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Acme]
    options:
      name: sms
      twilio_sid: "##TWILIO_SID##"
      twilio_token: "##TWILIO_TOKEN##"
      messaging_service_sid: "##TWILIO_SERVICE##"
      from: "##TWILIO_FROM##"
      syntax: md_with_macros
      template: "Your code for **@@application.name@@** is @@password@@"
      doorcode: {wait_for_provider_ms: %d, autofill: true}
  - name: email
    strategy: email
    enabled_clients: [Acme]
    options: {name: email}
`

// serve starts a production server with Twilio's stand-in.
func serve(t *testing.T, waitMS int) (*testkit.Server, *twiliotest.Server) {
	t.Helper()
	stand := twiliotest.Start(t)
	t.Setenv("ACME_SECRET", "a secret that nobody guesses 0123456789")
	t.Setenv("TWILIO_SID", twiliotest.SID)
	t.Setenv("TWILIO_TOKEN", twiliotest.Token)
	t.Setenv("TWILIO_SERVICE", twiliotest.Service)
	t.Setenv("TWILIO_FROM", twiliotest.From)
	dir := t.TempDir()
	file := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, serveFile, waitMS), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: "https://login.example.com", File: file,
			Database: "sqlite:" + filepath.Join(dir, "serve.db"), TwilioURL: stand.URL,
			Key: base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr() // the public URL is a proxy's
	return s, stand
}

const acme = `"client_id":"4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf","client_secret":"a secret that nobody guesses 0123456789"`

// A real message through Twilio, as serve sends it: Messaging Service, wording,
// autofill line; then the code is good for tokens.
func TestServeThroughTwilio(t *testing.T) {
	s, stand := serve(t, 0)
	const number = "+447700900123"
	if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"`+number+`"}`); st != 200 {
		t.Fatal(st, body)
	}
	req, err := stand.Wait(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	text := req.Form.Get("Body")
	want := regexp.MustCompile(`^Your code for Acme is ([0-9]{6})\n\n@login\.example\.com #([0-9]{6})$`)
	m := want.FindStringSubmatch(text)
	if m == nil || m[1] != m[2] {
		t.Fatalf("the message is %q", text)
	}
	if got := req.Form.Get("MessagingServiceSid"); got != twiliotest.Service {
		t.Errorf("sent by %q, want the Messaging Service", got)
	}
	st, _, body := s.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+acme+
		`,"realm":"sms","username":"`+number+`","otp":"`+m[1]+`","scope":"openid"}`)
	if st != 200 || !strings.Contains(body, "id_token") {
		t.Errorf("tokens: %d %s", st, body)
	}
	for _, secret := range []string{m[1], number, twiliotest.Token, "nobody guesses"} {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("the log has %q in it", secret)
		}
	}
	for _, path := range []string{"/outbox", "/outbox/api/messages", "/outbox/events"} {
		if st, _, _ := s.Do(t, "GET", path, ""); st != 404 {
			t.Errorf("GET %s in serve answers %d, want 404", path, st)
		}
	}
}

// A number that Twilio refuses: the start is answered all the same, the
// message fails with Twilio's words, and the tenant's log says so.
func TestRefusalIsRecorded(t *testing.T) {
	s, stand := serve(t, 0)
	const number = "+447700900199"
	stand.Refuse(number, 21211)
	if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"`+number+`"}`); st != 200 {
		t.Fatal(st, body)
	}
	for range 100 {
		time.Sleep(20 * time.Millisecond)
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].State == tenant.MessageFailed {
			if list[0].ErrorCode != "21211" {
				t.Errorf("the error is %q %q", list[0].ErrorCode, list[0].ErrorText)
			}
			if strings.Contains(list[0].ErrorText, number) {
				t.Errorf("the error text shows the number: %q", list[0].ErrorText)
			}
			return
		}
	}
	t.Error("the message did not fail")
}

// R16: where a connection says so, a start waits for the provider's refusal
// and answers with it, in the form that Auth0's widgets know.
func TestWaitForProvider(t *testing.T) {
	s, stand := serve(t, 3000)
	const number = "+447700900199"
	stand.Refuse(number, 21211)
	st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"`+number+`"}`)
	var reply struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}
	if err := json.Unmarshal([]byte(body), &reply); err != nil {
		t.Fatal(err)
	}
	if st != 400 || reply.Error != "sms_provider_error" || !strings.HasSuffix(reply.Description, "(Code: 21211)") {
		t.Errorf("a refused number gave %d %s", st, body)
	}
	if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900123"}`); st != 200 {
		t.Errorf("a good number gave %d %s", st, body)
	}
}

// R14: a connection without a sender is not ready, and nothing else suffers.
func TestNotReady(t *testing.T) {
	s, _ := serve(t, 0)
	st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"email","email":"jo@example.com","send":"code"}`)
	if st != 400 || !strings.Contains(body, "No email provider is configured.") {
		t.Errorf("a start without a sender gave %d %s", st, body)
	}
	if st, _, _ := s.Do(t, "GET", "/health", ""); st != 200 {
		t.Errorf("health is %d", st)
	}
}

// A server in production says at its own address where people should go, or takes
// them there (Auth0: default_redirection_uri).
func TestHomeOfServe(t *testing.T) {
	s, _ := serve(t, 0)
	home := func() (int, string, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultTransport.RoundTrip(req) // which follows nothing
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, res.Header.Get("Location"), string(body)
	}
	if status, _, body := home(); status != http.StatusOK || !strings.Contains(body, "Go to the application") {
		t.Errorf("%d %s", status, body)
	}
	m := &manage.Service{Tenant: s.Store, Now: time.Now}
	for address, want := range map[string]int{"https://www.example.com/start": http.StatusFound, "http://www.example.com": 0, "javascript:alert(1)": 0} {
		body, err := settings.ParseObject([]byte(`{"default_redirection_uri": "` + address + `"}`))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := m.ChangeSettings(t.Context(), manage.Actor{}, body, ""); (err == nil) != (want != 0) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if status, to, _ := home(); status != http.StatusFound || to != "https://www.example.com/start" {
		t.Errorf("%d to %q", status, to)
	}
}
