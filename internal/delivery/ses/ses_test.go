package ses_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/ses"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/awstest"
	"github.com/doorcode/doorcode/internal/testkit/sestest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
)

func provider() *tenant.EmailProvider {
	return &tenant.EmailProvider{
		Name: "ses", Enabled: true, From: "no-reply@example.com", Region: awstest.Region,
		Secrets: map[string]string{ses.AccessKeyOption: awstest.AccessKey, ses.SecretOption: awstest.Secret},
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

func open(t *testing.T, base string, p *tenant.EmailProvider) delivery.Sender {
	t.Helper()
	http := call.New(nil)
	t.Cleanup(http.Close)
	client, err := ses.New(http, base)
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

func fixture(t *testing.T, srv *sestest.Server) deliverytest.Fixture {
	busy := sestest.Problem(429, "TooManyRequestsException", "Maximum sending rate exceeded.")
	busy.Header["Retry-After"] = "7"
	recipient := func(text string) standin.Fault {
		return standin.Fault{Reply: sestest.Problem(400, "BadRequestException", text)}
	}
	faults := map[deliverytest.Trouble]standin.Fault{
		deliverytest.Refuses:   recipient("Illegal address"),
		deliverytest.Rejects:   {Reply: sestest.Problem(403, "UnrecognizedClientException", "The security token included in the request is invalid.")},
		deliverytest.Busy:      {Reply: busy},
		deliverytest.Down:      {Reply: sestest.Problem(503, "ServiceUnavailable", "Try later")},
		deliverytest.Silent:    {Delay: 10 * time.Second},
		deliverytest.Breaks:    {Drop: true},
		deliverytest.BreaksOff: {Drop: true, Take: true},
		deliverytest.Babbles:   {Reply: standin.Reply{Status: 200, Body: "<html>Welcome to the hotel</html>"}},
		deliverytest.Redirects: {Reply: standin.Reply{Status: 307, Header: map[string]string{"Location": "https://example.com/"}}},
		deliverytest.Echoes:    recipient("address: " + awstest.Secret + " " + awstest.AccessKey + " 482913 is your Acme code"),
		deliverytest.Endless:   recipient("address " + strings.Repeat("line\r\n", 2000)),
	}
	return deliverytest.Fixture{
		Sender: open(t, srv.URL, provider()), Message: message(),
		Secrets: []string{awstest.Secret, "482913"},
		Taken: func() (out []deliverytest.Taken) {
			for _, r := range srv.Taken() {
				out = append(out, deliverytest.Taken{To: r.Message.To, Text: r.Message.Text})
			}
			return out
		},
		Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
		Unreachable: open(t, closedPort(t), provider()),
	}
}

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture { return fixture(t, sestest.Start(t)) })
}

func TestINJ01NothingIsAddedToALetter(t *testing.T) {
	deliverytest.RunLetters(t, func(t *testing.T) (deliverytest.Fixture, func() []deliverytest.Letter) {
		srv := sestest.Start(t)
		return fixture(t, srv), func() (out []deliverytest.Letter) {
			for _, r := range srv.Taken() {
				m := r.Message
				out = append(out, deliverytest.Letter{To: m.To, From: m.From, Subject: m.Subject, Text: m.Text, HTML: m.HTML, Headers: m.Headers})
			}
			return out
		}
	})
}

func TestRequest(t *testing.T) {
	srv := sestest.Start(t)
	p := provider()
	p.ConfigurationSet, p.Headers = "logins", map[string]string{"X-Team": "growth"}
	r, err := open(t, srv.URL, p).Send(t.Context(), message())
	if err != nil {
		t.Fatal(err)
	}
	got := srv.Taken()[0]
	if r.ProviderID != got.ID || r.State != tenant.MessageAccepted {
		t.Errorf("receipt is %+v", r)
	}
	for name, want := range map[string]string{"set": "logins", "X-Team": "growth", "tag " + ses.MessageTag: "msg_0abc", "Auto-Submitted": "auto-generated"} {
		if got.Message.Headers[name] != want {
			t.Errorf("%s is %q, want %q", name, got.Message.Headers[name], want)
		}
	}
	// The header that names a configuration set to SES's mail servers does so
	// here too, and is none of the message's.
	p.ConfigurationSet, p.Headers = "", map[string]string{"X-SES-Configuration-Set": "logins"}
	if _, err := open(t, srv.URL, p).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if h := srv.Taken()[1].Message.Headers; h["set"] != "logins" || h["X-SES-Configuration-Set"] != "" {
		t.Errorf("headers are %v", h)
	}
}

// What SES refuses is told in its words and ours.
func TestErrors(t *testing.T) {
	const permanent, temporary, configuration = delivery.Permanent, delivery.Temporary, delivery.Configuration
	for _, tt := range []struct {
		status     int
		code, text string
		class      delivery.Class
		scope      delivery.Scope
		fix        string
	}{
		{429, "TooManyRequestsException", "Maximum sending rate exceeded.", temporary, 0, ""},
		{400, "MessageRejected", "Email address is not verified. The following identities failed", configuration, 0, "Verify From"},
		{400, "MessageRejected", "Message failed", configuration, 0, "template"},
		{400, "AccountSuspendedException", "no", configuration, delivery.OfAccount, "reputation"},
		{400, "SendingPausedException", "no", configuration, delivery.OfAccount, "reputation"},
		{400, "MailFromDomainNotVerifiedException", "no", configuration, 0, "MX"},
		{400, "LimitExceededException", "no", configuration, 0, "quota"},
		{404, "NotFoundException", "Configuration set x does not exist", configuration, 0, "configuration_set_name"},
		{400, "BadRequestException", "Illegal address", permanent, 0, "recipient"},
		{400, "BadRequestException", "Missing final '@domain' in from address", configuration, 0, "setting"},
		{400, "BadRequestException", "Invalid tag", configuration, 0, "setting"},
		{403, "AccessDeniedException", "not authorized to perform: ses:SendEmail", configuration, delivery.OfAccount, "policy"},
		{403, "UnrecognizedClientException", "no", configuration, delivery.OfAccount, "secret access key"},
		{403, "InvalidSignatureException:http://internal.amazon.com/coral/", "no", configuration, delivery.OfAccount, "secret access key"},
		{403, "SignatureDoesNotMatch", "no", configuration, delivery.OfAccount, "secret access key"},
		{400, "ThrottlingException", "Rate exceeded", temporary, 0, ""},
		{500, "InternalFailure", "no", temporary, 0, "health.aws"},
		{400, "SomethingNew", "no", permanent, 0, ""},
		{401, "", "", configuration, delivery.OfAccount, "credentials"},
	} {
		srv := sestest.Start(t)
		srv.Script(standin.Fault{Reply: sestest.Problem(tt.status, tt.code, tt.text)})
		_, err := open(t, srv.URL, provider()).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Class != tt.class || e.Scope != tt.scope || !strings.Contains(e.Fix, tt.fix) || e.Unanswered || e.RequestID == "" || e.Text == "" || e.Code == "" || strings.Contains(e.Code, "Exception") {
			t.Errorf("%d %s %q: %+v, want %v with %q", tt.status, tt.code, tt.text, e, tt.class, tt.fix)
		}
	}
	t.Run("a code in the body", func(t *testing.T) {
		srv := sestest.Start(t)
		srv.Script(standin.Fault{Reply: standin.Reply{Status: 400, Body: `{"__type":"com.amazonaws#SendingPausedException","Message":"paused"}`}})
		_, err := open(t, srv.URL, provider()).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) || e.Code != "SendingPaused" || e.Text != "paused" {
			t.Errorf("error is %+v", e)
		}
	})
}

// The stand-in is one that real mistakes do not pass.
func TestMistakes(t *testing.T) {
	for code, change := range map[string]func(*tenant.EmailProvider, *sestest.Server){
		"UnrecognizedClient":    func(p *tenant.EmailProvider, _ *sestest.Server) { p.Secrets[ses.AccessKeyOption] = "AKIAOTHER" },
		"SignatureDoesNotMatch": func(p *tenant.EmailProvider, _ *sestest.Server) { p.Region = "us-east-1" },
		"NotFound":              func(p *tenant.EmailProvider, _ *sestest.Server) { p.ConfigurationSet = "other" },
		"MessageRejected":       func(_ *tenant.EmailProvider, s *sestest.Server) { s.Verified = nil },
		"SendingPaused":         func(_ *tenant.EmailProvider, s *sestest.Server) { s.Paused = true },
	} {
		srv, p := sestest.Start(t), provider()
		change(p, srv)
		_, err := open(t, srv.URL, p).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) || e.Code != code || e.Class != delivery.Configuration || e.Fix == "" || len(srv.Taken()) != 0 {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestIncomplete(t *testing.T) {
	client, err := ses.New(call.New(nil), "")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(p *tenant.EmailProvider, c *tenant.Connection){
		"The email provider lacks the secret access key of Amazon SES.":       func(p *tenant.EmailProvider, _ *tenant.Connection) { delete(p.Secrets, ses.SecretOption) },
		"The email provider lacks a region such as eu-west-1 of Amazon SES.":  func(p *tenant.EmailProvider, _ *tenant.Connection) { p.Region = "eu-west-1.evil.com" },
		`Neither the email provider nor the connection "email" says who mess`: func(p *tenant.EmailProvider, c *tenant.Connection) { p.From, c.Text.From = "", "" },
		"": func(*tenant.EmailProvider, *tenant.Connection) {},
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
	if _, err := ses.New(call.New(nil), "http://email.example.com"); err == nil {
		t.Error("a base URL in the clear was taken")
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*sestest.Server, *tenant.EmailProvider)
		want   string
	}{
		{"all is well", func(*sestest.Server, *tenant.EmailProvider) {}, "credentials ok, account ok, quota ok"},
		{"the sandbox", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Sandbox = true }, "credentials ok, account warn, quota ok"},
		{"a pause", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Paused = true }, "credentials ok, account fail, quota ok"},
		{"a probation", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Status = "PROBATION" }, "credentials ok, account warn, quota ok"},
		{"a quota nearly used up", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Sent = 49000 }, "credentials ok, account ok, quota warn"},
		{"a key that may only send", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Denied = true }, "credentials ok, account warn"},
		{"a wrong key", func(_ *sestest.Server, p *tenant.EmailProvider) { p.Secrets[ses.SecretOption] = "wrong" }, "credentials fail"},
		{"an outage", func(s *sestest.Server, _ *tenant.EmailProvider) { s.Always(&standin.Fault{Drop: true}) }, "credentials warn"},
	} {
		srv, p := sestest.Start(t), provider()
		tt.change(srv, p)
		var got []string
		for _, f := range delivery.Check(t.Context(), open(t, srv.URL, p)) {
			got = append(got, f.Name+" "+string(f.Verdict))
			if f.Detail == "" || (f.Verdict == delivery.OK) != (f.Fix == "") {
				t.Errorf("%s: finding %+v", tt.name, f)
			}
		}
		if strings.Join(got, ", ") != tt.want || len(srv.Taken()) != 0 {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}
