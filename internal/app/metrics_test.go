package app_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// scrape reads the metrics of a server from its private port.
func scrape(t *testing.T, s *testkit.Server) string {
	t.Helper()
	res, err := http.Get(s.Ready.PrivateURL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 {
		t.Fatal(res.Status, err)
	}
	return string(b)
}

// over waits until so many messages are over.
func over(t *testing.T, s *testkit.Server, want int) []tenant.Message {
	t.Helper()
	for range 400 {
		found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 100})
		list := found.Items
		if err != nil {
			t.Fatal(err)
		}
		if ended := slices.DeleteFunc(list, func(m tenant.Message) bool { return !m.State.Over() && m.State != tenant.MessageAccepted }); len(ended) >= want {
			return ended
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("there are no %d messages that are over", want)
	return nil
}

// Real traffic, and what the metrics say of it: every number, no person.
func TestMetricsOfTraffic(t *testing.T) {
	s, stand := serve(t, 0)
	const number, refused = "+447700900123", "+447700900199"
	stand.Refuse(refused, 21211)
	for _, to := range []string{number, refused} {
		if st, _, body := s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"`+to+`"}`); st != 200 {
			t.Fatal(st, body)
		}
	}
	req, err := stand.Wait(t.Context(), number)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`[0-9]{6}`).FindString(req.Form.Get("Body"))
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	for _, otp := range []string{wrong, code} {
		s.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+acme+
			`,"realm":"sms","username":"`+number+`","otp":"`+otp+`","scope":"openid"}`)
	}
	s.Post(t, "/passwordless/start", `{`+acme+`,"connection":"email","email":"jo@example.com","send":"code"}`)
	over(t, s, 2)

	text := scrape(t, s)
	for _, want := range []string{
		`doorcode_starts_total{channel="sms",outcome="sent"} 2`,
		`doorcode_verifies_total{channel="sms",outcome="wrong"} 1`,
		`doorcode_verifies_total{channel="sms",outcome="right"} 1`,
		`doorcode_tokens_issued_total{grant="http://auth0.com/oauth/grant-type/passwordless/otp"} 1`,
		`doorcode_messages_total{channel="sms",provider="twilio",state="accepted"} 1`,
		`doorcode_messages_total{channel="sms",provider="twilio",state="failed"} 1`,
		`doorcode_message_failures_total{code="21211",provider="twilio"} 1`,
		`doorcode_delivery_attempts_total{channel="sms",provider="twilio",result="taken"} 1`,
		`doorcode_delivery_attempts_total{channel="sms",provider="twilio",result="permanent"} 1`,
		`doorcode_handover_seconds_count{channel="sms",provider="twilio"} 1`,
		`doorcode_delivery_attempt_seconds_count{provider="twilio"} 2`,
		`doorcode_provider_accounts_held{provider="twilio"} 0`,
		`doorcode_connections_not_ready 1`,
		`doorcode_queue_messages 0`,
		`doorcode_queue_oldest_seconds 0`,
		`doorcode_delivery_waiting 0`,
		`doorcode_delivery_running 0`,
		`doorcode_http_requests_total{route="POST /passwordless/start",status="200"} 2`,
		`doorcode_http_requests_total{route="POST /passwordless/start",status="400"} 1`,
		`doorcode_http_request_seconds_count{route="POST /oauth/token"} 2`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("there is no %s", want)
		}
	}
	for _, secret := range []string{"4477009", "jo@example", "Acme", "4kWkR7nq", twiliotest.SID, "con_"} {
		if strings.Contains(text, secret) {
			t.Errorf("the metrics have %q in them", secret)
		}
	}
	if problems, err := promlint.New(strings.NewReader(text)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v %v", problems, err)
	}
	if t.Failed() {
		t.Log(text)
	}
}

// What a limit refuses is counted by its reason.
func TestMetricsOfRefusals(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Limits = "strict" })
	refused := 0
	for i := range 200 {
		st, _, body := s.Post(t, "/passwordless/start", fmt.Sprintf(`{"client_id":%q,"connection":"sms","phone_number":"+4477009%05d"}`, s.Ready.SPAClientID, i))
		switch st {
		case 200:
		case 429:
			refused++
		default:
			t.Fatal(st, body)
		}
	}
	if want := fmt.Sprintf(`doorcode_refusals_total{at="start",reason="too_many_requests"} %d`, refused); refused == 0 || !strings.Contains(scrape(t, s), want+"\n") {
		t.Errorf("%d were refused, and there is no %s", refused, want)
	}
}

// docs/operate/metrics.md lists every metric and no other.
func TestMetricsPage(t *testing.T) {
	page, err := os.ReadFile(filepath.FromSlash("../../docs/operate/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(doorcode_[a-z_]+)` \\|").FindAllSubmatch(page, -1) {
		told = append(told, string(row[1]))
	}
	there := testkit.Start(t).MetricNames()
	for _, name := range there {
		if !slices.Contains(told, name) {
			t.Errorf("docs/operate/metrics.md has no row for %s", name)
		}
	}
	for _, name := range regexp.MustCompile(`doorcode_[a-z_]+`).FindAllString(string(page), -1) {
		if !slices.Contains(there, name) {
			t.Errorf("docs/operate/metrics.md names %s, which there is not", name)
		}
	}
}
