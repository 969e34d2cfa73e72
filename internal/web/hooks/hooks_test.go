package hooks_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

const (
	client = "4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf"
	number = "+447700900123"
)

const file = `
clients:
  - name: Acme
    client_id: ` + client + `
    app_type: native
    token_endpoint_auth_method: none
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp"]
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Acme]
    options: {name: sms, twilio_sid: "` + twiliotest.SID + `", twilio_token: "` + twiliotest.Token + `", from: "` + twiliotest.From + `", template: "@@password@@", totp: {time_step: 300}}
  - name: sms-two
    strategy: sms
    options: {name: sms-two, twilio_sid: "` + twiliotest.SID + `", twilio_token: "` + twiliotest.Token + `", from: "` + twiliotest.From + `", template: "@@password@@"}
`

// serve starts a production server behind the public URL, with Twilio's
// stand-in, and has it send one message.
func serve(t *testing.T, publicURL string) (*testkit.Server, *twiliotest.Server, twiliotest.Request) {
	t.Helper()
	stand, dir := twiliotest.Start(t), t.TempDir()
	path := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: publicURL, File: path,
			Database: "sqlite:" + filepath.Join(dir, "serve.db"), TwilioURL: stand.URL, Limits: "off",
			Key: base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr()
	return s, stand, sent(t, s, stand, number)
}

func sent(t *testing.T, s *testkit.Server, stand *twiliotest.Server, to string) twiliotest.Request {
	t.Helper()
	body := fmt.Sprintf(`{"client_id":%q,"connection":"sms","phone_number":%q}`, client, to)
	if st, _, answer := s.Post(t, "/passwordless/start", body); st != 200 {
		t.Fatal(st, answer)
	}
	req, err := stand.Wait(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// latest is the newest message once its attempt has been written down.
func latest(t *testing.T, s *testkit.Server) tenant.Message {
	t.Helper()
	for range 200 {
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 1 && list[0].ProviderID != "" && list[0].LeaseUntil.IsZero() {
			return list[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatal("the message was not sent")
	return tenant.Message{}
}

func report(t *testing.T, s *testkit.Server, stand *twiliotest.Server, of twiliotest.Request, r twiliotest.Report, want int) {
	t.Helper()
	got, err := stand.Report(t.Context(), s.URL, of, r)
	if err != nil || got != want {
		t.Errorf("the report %q was answered %d, %v; want %d", r.Status, got, err, want)
	}
}

// From the hand-over to the phone: what Twilio reports is in the message's
// timeline, once, and its state is the furthest one.
func TestReportsReachTheMessage(t *testing.T) {
	s, stand, req := serve(t, "https://login.example.com")
	m := latest(t, s)
	if want := "https://login.example.com/hooks/twilio/" + string(m.Connection) + "/" + m.ID; req.Form.Get("StatusCallback") != want {
		t.Fatalf("StatusCallback is %q, want %q", req.Form.Get("StatusCallback"), want)
	}
	before := len(m.Events)
	// Out of order, and twice: Twilio promises neither.
	for _, status := range []string{"sent", "queued", "delivered", "sent", "delivered", "sending"} {
		report(t, s, stand, req, twiliotest.Report{Status: status}, http.StatusNoContent)
	}
	m = latest(t, s)
	if m.State != tenant.MessageDelivered || m.ErrorCode != "" || len(m.Events) != before+4 {
		t.Errorf("the message is %s with %d more lines: %+v", m.State, len(m.Events)-before, m.Events)
	}
	if last := m.Events[before]; last.Detail != "The provider reports: sent." || last.State != tenant.MessageSent {
		t.Errorf("the first line is %+v", last)
	}
	t.Run("a failure has its code, its meaning and its fix", func(t *testing.T) {
		req := sent(t, s, stand, "+447700900124")
		latest(t, s)
		report(t, s, stand, req, twiliotest.Report{Status: "undelivered", Code: 30005}, http.StatusNoContent)
		m := latest(t, s)
		if m.State != tenant.MessageUndelivered || m.ErrorCode != "30005" || m.ErrorText != "The number is not in use any more." {
			t.Errorf("the message is %s, %s, %q", m.State, m.ErrorCode, m.ErrorText)
		}
		last := m.Events[len(m.Events)-1]
		if fix := "The person has to enter another."; m.Fix() != fix || last.Fix != fix || last.Told() != "The provider reports: undelivered. "+m.ErrorText+" "+fix {
			t.Errorf("what to do is %q, the last line %+v", m.Fix(), last)
		}
		logs, err := s.Store.ListLogs(t.Context(), manage.LogQuery{Type: "fn"}, manage.Window{Limit: 5})
		if err != nil || len(logs.Items) != 1 || logs.Items[0].Description != m.ErrorText || logs.Items[0].Client != client {
			t.Errorf("the tenant's log has %+v, %v", logs.Items, err)
		}
	})
	if log := s.Log.String(); strings.Contains(log, "+4477009") || strings.Contains(log, twiliotest.Token) {
		t.Errorf("the log names a number or a token:\n%s", log)
	}
}

// What Twilio has not signed for this very address is answered 403, and
// nothing is stored. HTT-04: no method but POST. HTT-06: no body beyond the
// limit.
func TestForgedReportsAreRefused(t *testing.T) {
	s, stand, req := serve(t, "https://login.example.com")
	m := latest(t, s)
	address := req.Form.Get("StatusCallback")
	form := url.Values{"AccountSid": {twiliotest.SID}, "MessageSid": {req.SID}, "MessageStatus": {"delivered"}}
	good := twiliotest.Sign(twiliotest.Token, address, form)
	path := strings.TrimPrefix(address, "https://login.example.com")
	other := strings.Replace(path, string(m.Connection), "con_other", 1)
	for _, tt := range []struct {
		name, path, body string
		signature        []string
		want             int
	}{
		{"without a signature", path, form.Encode(), nil, 403},
		{"with two signatures", path, form.Encode(), []string{good, good}, 403},
		{"with an empty one", path, form.Encode(), []string{""}, 403},
		{"signed with another token", path, form.Encode(), []string{twiliotest.Sign("x", address, form)}, 403},
		{"signed with no token", path, form.Encode(), []string{twiliotest.Sign("", address, form)}, 403},
		{"signed for the name it came by", path, form.Encode(), []string{twiliotest.Sign(twiliotest.Token, s.URL+path, form)}, 403},
		{"signed for another message", path, form.Encode(), []string{twiliotest.Sign(twiliotest.Token, address+"1", form)}, 403},
		{"with another status", path, strings.Replace(form.Encode(), "delivered", "failed", 1), []string{good}, 403},
		{"with one more parameter", path, form.Encode() + "&ErrorCode=30003", []string{good}, 403},
		{"with a query that was not signed", path + "?a=b", form.Encode(), []string{good}, 403},
		{"for a connection that is not there", other, form.Encode(), []string{good}, 404},
		{"for a provider that is not there", strings.Replace(path, "twilio", "pigeon", 1), form.Encode(), []string{good}, 404},
		{"too large", path, form.Encode() + strings.Repeat("x", 70_000), []string{good}, 413},
		{"no form", path, "%zz=;", []string{good}, 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			headers := []string{"Content-Type", "application/x-www-form-urlencoded"}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set(headers[0], headers[1])
			r.Header["X-Twilio-Signature"] = tt.signature
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if resp.StatusCode != tt.want {
				t.Errorf("it was answered %d, want %d", resp.StatusCode, tt.want)
			}
			if now := latest(t, s); now.State != m.State || len(now.Events) != len(m.Events) {
				t.Errorf("something was stored: %s %+v", now.State, now.Events)
			}
		})
	}
	t.Run("for a message of another connection", func(t *testing.T) {
		// Both connections have the same account, so the signature is right.
		two, err := s.Store.Connection(t.Context(), "sms-two")
		if err != nil {
			t.Fatal(err)
		}
		moved := req
		moved.Form = url.Values{"StatusCallback": {strings.Replace(address, string(m.Connection), string(two.ID), 1)}}
		report(t, s, stand, moved, twiliotest.Report{Status: "delivered"}, 404)
	})
	t.Run("for a message that is not there", func(t *testing.T) {
		moved := req
		moved.Form = url.Values{"StatusCallback": {strings.Replace(address, m.ID, "msg_unknown", 1)}}
		report(t, s, stand, moved, twiliotest.Report{Status: "delivered"}, 404)
	})
	for _, method := range []string{"GET", "PUT", "DELETE", "TRACE"} {
		if st, _, _ := s.Do(t, method, path, ""); st != http.StatusMethodNotAllowed {
			t.Errorf("%s is answered %d, want 405", method, st)
		}
	}
	if now := latest(t, s); now.State != m.State || len(now.Events) != len(m.Events) {
		t.Errorf("something was stored: %s %+v", now.State, now.Events)
	}
	report(t, s, stand, req, twiliotest.Report{Status: "delivered"}, http.StatusNoContent)
	if now := latest(t, s); now.State != tenant.MessageDelivered {
		t.Errorf("the true report left the message %s", now.State)
	}
}

// Many copies at once leave one line each.
func TestReportsAtOnce(t *testing.T) {
	s, stand, req := serve(t, "https://login.example.com")
	before := len(latest(t, s).Events)
	var wg sync.WaitGroup
	for n := range 60 {
		wg.Go(func() {
			report(t, s, stand, req, twiliotest.Report{Status: []string{"sent", "delivered", "queued"}[n%3]}, http.StatusNoContent)
		})
	}
	wg.Wait()
	if m := latest(t, s); m.State != tenant.MessageDelivered || len(m.Events) != before+3 {
		t.Errorf("the message is %s with %+v", m.State, m.Events)
	}
}

// Twilio is asked for reports only where it can deliver them, and told how long
// a message is of use.
func TestCallbacksNeedAPublicAddress(t *testing.T) {
	for public, want := range map[string]bool{
		"https://login.example.com": true, "http://login.example.com": false, "https://localhost": false, "https://10.0.0.1": false,
	} {
		_, _, req := serve(t, public)
		if req.Form.Has("StatusCallback") != want {
			t.Errorf("with %s: StatusCallback is %q", public, req.Form.Get("StatusCallback"))
		}
		// The code lives for 300 s, a few of which may have passed.
		if v := req.Form.Get("ValidityPeriod"); v < "290" || v > "300" || len(v) != 3 {
			t.Errorf("with %s: ValidityPeriod is %q", public, v)
		}
	}
}
