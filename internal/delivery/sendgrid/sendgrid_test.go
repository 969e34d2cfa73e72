package sendgrid_test

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/sendgrid"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/sendgridtest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
)

func provider() *tenant.EmailProvider {
	return &tenant.EmailProvider{
		Name: "sendgrid", Enabled: true, From: "no-reply@example.com", Secrets: map[string]string{sendgrid.KeyOption: sendgridtest.Key},
	}
}

func connection() *tenant.Connection {
	return &tenant.Connection{ID: "con_email", Name: "email", Channel: tenant.Email, Text: tenant.MessageText{From: "{{ application.name }} <login@example.org>"}}
}

func message() delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: "msg_0abc", Channel: tenant.Email, To: "jo@example.com", From: "Acme <login@example.org>",
		Subject: "482913 is your code", Text: "482913 is your Acme code.", HTML: "<p>482913 is your Acme code.</p>",
		Code: "482913", Connection: connection(),
	}
}

func open(t *testing.T, base string, p *tenant.EmailProvider, now func() time.Time) delivery.Sender {
	t.Helper()
	http := call.New(now)
	t.Cleanup(http.Close)
	client, err := sendgrid.New(http, base)
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Sender(p, connection())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

const recipientField = "personalizations.0.to.0.email"

func fixture(t *testing.T, srv *sendgridtest.Server) deliverytest.Fixture {
	busy := sendgridtest.Problem(429, "too many requests", "")
	busy.Header["Retry-After"] = "7"
	recipient := func(text string) standin.Fault {
		return standin.Fault{Reply: sendgridtest.Problem(400, text, recipientField)}
	}
	faults := map[deliverytest.Trouble]standin.Fault{
		deliverytest.Refuses:   recipient("Does not contain a valid address."),
		deliverytest.Rejects:   {Reply: sendgridtest.Problem(401, "The provided authorization grant is invalid, expired, or revoked", "")},
		deliverytest.Busy:      {Reply: busy},
		deliverytest.Down:      {Reply: sendgridtest.Problem(503, "unavailable", "")},
		deliverytest.Silent:    {Delay: 10 * time.Second},
		deliverytest.Breaks:    {Drop: true},
		deliverytest.BreaksOff: {Drop: true, Take: true},
		deliverytest.Babbles:   {Reply: standin.Reply{Status: 200, Body: "<html>Welcome to the hotel</html>"}},
		deliverytest.Redirects: {Reply: standin.Reply{Status: 307, Header: map[string]string{"Location": "https://example.com/"}}},
		deliverytest.Echoes:    recipient("no: " + sendgridtest.Key + " 482913 is your Acme code"),
		deliverytest.Endless:   recipient(strings.Repeat("line\r\n", 2000)),
	}
	return deliverytest.Fixture{
		Sender: open(t, srv.URL, provider(), nil), Message: message(),
		Secrets: []string{sendgridtest.Key, "482913"},
		Taken: func() (out []deliverytest.Taken) {
			for _, r := range srv.Taken() {
				out = append(out, deliverytest.Taken{To: r.Message.To, Text: r.Message.Text})
			}
			return out
		},
		Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
		Unreachable: open(t, closedPort(t), provider(), nil),
	}
}

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture { return fixture(t, sendgridtest.Start(t)) })
}

func TestINJ01NothingIsAddedToALetter(t *testing.T) {
	deliverytest.RunLetters(t, func(t *testing.T) (deliverytest.Fixture, func() []deliverytest.Letter) {
		srv := sendgridtest.Start(t)
		return fixture(t, srv), func() (out []deliverytest.Letter) {
			for _, r := range srv.Taken() {
				m := r.Message
				// They are two members in the request.
				at := strings.LastIndex(m.From, " <")
				from := mail.Address{Name: m.From[:at], Address: strings.Trim(m.From[at:], " <>")}
				out = append(out, deliverytest.Letter{
					To: m.To, From: from.String(), Subject: m.Subject, Text: m.Text, HTML: m.HTML, ID: m.Headers["Message-ID"], Headers: m.Headers,
				})
			}
			return out
		}
	})
}

// The request is the one that SendGrid documents, with all tracking off.
func TestRequest(t *testing.T) {
	srv := sendgridtest.Start(t)
	p := provider()
	p.Headers = map[string]string{"X-Team": "growth"}
	r, err := open(t, srv.URL, p, nil).Send(t.Context(), message())
	if err != nil {
		t.Fatal(err)
	}
	got := srv.Taken()[0]
	if r.ProviderID != got.ID || r.State != tenant.MessageAccepted {
		t.Errorf("receipt is %+v", r)
	}
	for name, want := range map[string]string{
		"X-Team": "growth", "arg " + sendgrid.MessageArgument: "msg_0abc", "Auto-Submitted": "auto-generated",
		"Message-ID": "<msg_0abc@example.org>", "untracked": "true",
	} {
		if got.Message.Headers[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Message.Headers[name], want)
		}
	}
}

// What SendGrid refuses is told in its words and ours.
func TestErrors(t *testing.T) {
	const permanent, temporary, configuration = delivery.Permanent, delivery.Temporary, delivery.Configuration
	for _, tt := range []struct {
		status      int
		text, field string
		class       delivery.Class
		scope       delivery.Scope
		fix         string
	}{
		{400, "Does not contain a valid address.", recipientField, permanent, 0, "recipient"},
		{400, "The from email does not contain a valid address.", "from.email", configuration, 0, "From"},
		{400, "Bad Request", "", configuration, 0, "setting"},
		{401, "The provided authorization grant is invalid, expired, or revoked", "", configuration, delivery.OfAccount, "Mail Send"},
		{401, "Maximum credits exceeded", "", configuration, delivery.OfAccount, "plan"},
		{403, "The from address does not match a verified Sender Identity.", "from", configuration, 0, "Verify"},
		{404, "not found", "", configuration, 0, "base URL"},
		{405, "method not allowed", "", configuration, 0, "base URL"},
		{413, "Payload Too Large", "", configuration, 0, "Shorten"},
		{429, "too many requests", "", temporary, 0, ""},
		{500, "internal", "", temporary, 0, ""},
		{503, "unavailable", "", temporary, 0, ""},
	} {
		srv := sendgridtest.Start(t)
		srv.Script(standin.Fault{Reply: sendgridtest.Problem(tt.status, tt.text, tt.field)})
		_, err := open(t, srv.URL, provider(), nil).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Class != tt.class || e.Scope != tt.scope || !strings.Contains(e.Fix, tt.fix) || e.Unanswered || e.Text != tt.text || e.Code != fmt.Sprintf("http_%d", tt.status) {
			t.Errorf("%d %q: %+v, want %v with %q", tt.status, tt.text, e, tt.class, tt.fix)
		}
	}
	t.Run("the time to come back is when SendGrid counts anew", func(t *testing.T) {
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for header, want := range map[string]time.Duration{
			fmt.Sprint(at.Unix() + 20): 20 * time.Second, fmt.Sprint(at.Unix() - 5): 0, "soon": 0, "": 0, "99999999999999": time.Hour,
		} {
			srv := sendgridtest.Start(t)
			busy := sendgridtest.Problem(429, "too many requests", "")
			busy.Header["X-RateLimit-Reset"] = header
			srv.Script(standin.Fault{Reply: busy})
			_, err := open(t, srv.URL, provider(), func() time.Time { return at }).Send(t.Context(), message())
			var e *delivery.Error
			if !errors.As(err, &e) || e.RetryAfter != want {
				t.Errorf("reset at %q: %+v, want %v", header, e, want)
			}
		}
	})
	t.Run("a success without the name of a message is none", func(t *testing.T) {
		srv := sendgridtest.Start(t)
		srv.Script(standin.Fault{Reply: standin.Reply{Status: 202}})
		_, err := open(t, srv.URL, provider(), nil).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) || !e.Unanswered {
			t.Errorf("error is %v", err)
		}
	})
}

func TestIncomplete(t *testing.T) {
	client, err := sendgrid.New(call.New(nil), "")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(p *tenant.EmailProvider, c *tenant.Connection){
		"The email provider lacks the API key of SendGrid.": func(p *tenant.EmailProvider, _ *tenant.Connection) { p.Secrets = nil },
		"The API key of SendGrid has a character in it that cannot be sent.": func(p *tenant.EmailProvider, _ *tenant.Connection) {
			p.Secrets[sendgrid.KeyOption] = "SG.x\r\nX-Evil: 1"
		},
		`Neither the email provider nor the connection "email" says who messages are`: func(p *tenant.EmailProvider, c *tenant.Connection) { p.From, c.Text.From = "", "" },
		"": func(p *tenant.EmailProvider, _ *tenant.Connection) { p.Region = "eu" },
	} {
		p, c := provider(), connection()
		change(p, c)
		_, err := client.Sender(p, c)
		var e *delivery.Error
		if want == "" {
			if err != nil {
				t.Error(err)
			}
		} else if !errors.As(err, &e) || !strings.HasPrefix(e.Text, want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if _, err := sendgrid.New(call.New(nil), "http://api.example.com"); err == nil {
		t.Error("a base URL in the clear was taken")
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*sendgridtest.Server, *tenant.EmailProvider)
		want   delivery.Verdict
	}{
		{"all is well", func(*sendgridtest.Server, *tenant.EmailProvider) {}, delivery.OK},
		{"a key that may not send", func(s *sendgridtest.Server, _ *tenant.EmailProvider) { s.Scopes = []string{"alerts.read"} }, delivery.Fail},
		{"a wrong key", func(_ *sendgridtest.Server, p *tenant.EmailProvider) { p.Secrets[sendgrid.KeyOption] = "SG.wrong" }, delivery.Fail},
		{"an outage", func(s *sendgridtest.Server, _ *tenant.EmailProvider) { s.Always(&standin.Fault{Drop: true}) }, delivery.Warn},
		{"somebody else", func(s *sendgridtest.Server, _ *tenant.EmailProvider) {
			s.Always(&standin.Fault{Reply: standin.Reply{Status: 200, Body: "<html>"}})
		}, delivery.Warn},
	} {
		srv, p := sendgridtest.Start(t), provider()
		tt.change(srv, p)
		got := delivery.Check(t.Context(), open(t, srv.URL, p, nil))
		if len(got) != 1 || got[0].Verdict != tt.want || got[0].Detail == "" || (tt.want == delivery.OK) != (got[0].Fix == "") || len(srv.Taken()) != 0 {
			t.Errorf("%s: %+v, want %s", tt.name, got, tt.want)
		}
	}
}
