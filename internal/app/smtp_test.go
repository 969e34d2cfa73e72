package app_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/smtptest"
)

const mailFile = `
clients:
  - name: Acme
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: "a secret that nobody guesses 0123456789"
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp", refresh_token]
connections:
  - name: email
    strategy: email
    enabled_clients: [Acme]
    options: {name: email}
emailProvider:
  name: %s
  enabled: true
  default_from_address: no-reply@example.com
  credentials:
    smtp_host: 127.0.0.1
    smtp_port: ##SMTP_PORT##
    smtp_user: mailer
    smtp_pass: "##SMTP_PASSWORD##"
`

// serveMail starts a production server with a stand-in for the mail server.
func serveMail(t *testing.T, provider string) (*testkit.Server, *smtptest.Server) {
	t.Helper()
	stand := smtptest.Start(t, smtptest.Options{Mechanisms: []string{"LOGIN"}})
	t.Setenv("SMTP_PORT", fmt.Sprint(stand.Port))
	t.Setenv("SMTP_PASSWORD", smtptest.Password)
	dir := t.TempDir()
	file := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, mailFile, provider), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: "https://login.example.com", File: file,
			Database: "sqlite:" + filepath.Join(dir, "serve.db"),
			Key:      base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr() // the public URL is a proxy's
	return s, stand
}

const mailStart = `{` + acme + `,"connection":"email","email":"Jo@example.com","send":"code"}`

// A real message by SMTP, as serve sends it with the provider of the
// configuration file; then the code is good for tokens.
func TestServeThroughSMTP(t *testing.T) {
	s, stand := serveMail(t, "smtp")
	if st, _, body := s.Post(t, "/passwordless/start", mailStart); st != 200 {
		t.Fatal(st, body)
	}
	got, err := stand.Wait(t.Context(), "jo@example.com")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(got.Text)
	if code == "" || !strings.Contains(got.HTML, code) || got.Header.Get("Subject") != code+" is your sign-in code for Acme" {
		t.Fatalf("the message is %s", got.Raw)
	}
	if from := got.Header.Get("From"); from != `"Acme" <no-reply@example.com>` || got.From != "no-reply@example.com" || got.Hello != "login.example.com" {
		t.Errorf("from %s, envelope %s, hello %s", from, got.From, got.Hello)
	}
	st, _, body := s.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+acme+
		`,"realm":"email","username":"jo@example.com","otp":"`+code+`","scope":"openid"}`)
	if st != 200 || !strings.Contains(body, "id_token") {
		t.Errorf("tokens: %d %s", st, body)
	}
	for _, secret := range []string{code, "jo@example.com", smtptest.Password, base64.StdEncoding.EncodeToString([]byte(smtptest.Password))} {
		if strings.Contains(s.Log.String(), secret) {
			t.Errorf("the log has %q in it", secret)
		}
	}
	if len(s.Warnings) != 0 {
		t.Errorf("warnings: %v", s.Warnings)
	}
	p, err := s.Store.EmailProvider(t.Context())
	if err != nil || !p.Managed {
		t.Errorf("provider is %+v, %v", p, err)
	}
}

// What the mail server refuses, or does not take for too long, ends as a failed
// message with the server's words, and the tenant's log says so (DEP-06).
func TestMailRefusalIsRecorded(t *testing.T) {
	for _, c := range []struct {
		name, say, code string
		at              smtptest.Moment
		dialled         int
	}{
		{"a refusal", "550 5.1.1 <jo@example.com>: no such user", "550", smtptest.Recipient, 1},
		{"a wrong password", "535 5.7.8 Authentication failed", "535", smtptest.SigningIn, 1},
		{"an outage", "421 4.3.0 Closed", "421", smtptest.Greeting, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, stand := serveMail(t, "smtp")
			stand.Always(&smtptest.Fault{At: c.at, Say: c.say})
			if st, _, body := s.Post(t, "/passwordless/start", mailStart); st != 200 {
				t.Fatal(st, body)
			}
			m := failedMessage(t, s)
			if m.ErrorCode != c.code || strings.Contains(m.ErrorText, "jo@") || stand.Dialled() != c.dialled {
				t.Errorf("the error is %q %q after %d connections", m.ErrorCode, m.ErrorText, stand.Dialled())
			}
			logs, err := s.Store.ListLogs(t.Context(), manage.LogQuery{Type: "fn"}, manage.Window{Limit: 10})
			if err != nil || len(logs.Items) != 1 || logs.Items[0].Description != m.ErrorText {
				t.Errorf("the log has %+v, %v", logs.Items, err)
			}
		})
	}
}

func failedMessage(t *testing.T, s *testkit.Server) tenant.Message {
	t.Helper()
	for range 250 {
		time.Sleep(20 * time.Millisecond)
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].State == tenant.MessageFailed {
			return list[0]
		}
	}
	t.Fatal("the message did not fail")
	return tenant.Message{}
}

// A provider that is only kept makes e-mail not ready, and the reason is told.
func TestUnknownMailProvider(t *testing.T) {
	s, stand := serveMail(t, "custom")
	for range 2 {
		st, _, body := s.Post(t, "/passwordless/start", mailStart)
		if st != 400 || !strings.Contains(body, "No email provider is configured.") {
			t.Errorf("a start without a sender gave %d %s", st, body)
		}
	}
	if n := strings.Count(s.Log.String(), "connection is not ready"); n != 1 || !strings.Contains(s.Log.String(), "does not send through the email provider") {
		t.Errorf("told %d times: %s", n, s.Log)
	}
	if stand.Dialled() != 0 {
		t.Error("the mail server was called")
	}
}
