package sns_test

import (
	"errors"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/sns"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/awstest"
	"github.com/doorcode/doorcode/internal/testkit/snstest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
)

func connection() *tenant.Connection {
	return &tenant.Connection{
		ID: "con_sms", Name: "sms", Channel: tenant.SMS,
		Sender:  tenant.SenderAccount{Provider: "sns", From: "Acme", SNS: tenant.SNSAccount{AccessKey: awstest.AccessKey, Region: awstest.Region}},
		Secrets: map[string]string{sns.SecretOption: awstest.Secret},
	}
}

func message() delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: "msg_1", Channel: tenant.SMS, To: "+447700900123", Text: "482913 is your Acme code.", Code: "482913",
	}
}

func open(t *testing.T, base string, c *tenant.Connection) delivery.Sender {
	t.Helper()
	http := call.New(nil)
	t.Cleanup(http.Close)
	client, err := sns.New(http, base)
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Sender(c)
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

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
		srv := snstest.Start(t)
		busy := snstest.Problem(429, "Throttled", "Rate exceeded")
		busy.Header["Retry-After"] = "7"
		invalid := func(text string) standin.Fault {
			return standin.Fault{Reply: snstest.Problem(400, "InvalidParameter", text)}
		}
		faults := map[deliverytest.Trouble]standin.Fault{
			deliverytest.Refuses:   invalid("Invalid parameter: PhoneNumber"),
			deliverytest.Rejects:   {Reply: snstest.Problem(403, "InvalidClientTokenId", "The security token included in the request is invalid")},
			deliverytest.Busy:      {Reply: busy},
			deliverytest.Down:      {Reply: snstest.Problem(503, "ServiceUnavailable", "Try later")},
			deliverytest.Silent:    {Delay: 10 * time.Second},
			deliverytest.Breaks:    {Drop: true},
			deliverytest.BreaksOff: {Drop: true, Take: true},
			deliverytest.Babbles:   {Reply: standin.Reply{Status: 200, Body: "<html>Welcome to the hotel</html>"}},
			deliverytest.Redirects: {Reply: standin.Reply{Status: 307, Header: map[string]string{"Location": "https://example.com/"}}},
			deliverytest.Echoes:    invalid("PhoneNumber: " + awstest.Secret + " " + awstest.AccessKey + " 482913 is your Acme code"),
			deliverytest.Endless:   invalid("PhoneNumber " + strings.Repeat("line\r\n", 2000)),
		}
		return deliverytest.Fixture{
			Sender: open(t, srv.URL, connection()), Message: message(),
			Secrets: []string{awstest.Secret, "482913"},
			Taken: func() (out []deliverytest.Taken) {
				for _, r := range srv.Taken() {
					out = append(out, deliverytest.Taken{To: r.Message.To, Text: r.Message.Text})
				}
				return out
			},
			Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
			Unreachable: open(t, closedPort(t), connection()),
		}
	})
}

// The request is the one that Amazon documents.
func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		name, from, price string
		want              map[string]string
	}{
		{"without a sender", "", "", map[string]string{"AWS.SNS.SMS.SMSType": "Transactional"}},
		{"from a name", "Acme", "", map[string]string{"AWS.SNS.SMS.SMSType": "Transactional", "AWS.SNS.SMS.SenderID": "Acme"}},
		{
			"from a number at a price", "+15005550006", "0.50",
			map[string]string{"AWS.SNS.SMS.SMSType": "Transactional", "AWS.MM.SMS.OriginationNumber": "+15005550006", "AWS.SNS.SMS.MaxPrice": "0.50"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := snstest.Start(t)
			c := connection()
			c.Sender.From, c.Sender.SNS.MaxPrice = tt.from, tt.price
			r, err := open(t, srv.URL, c).Send(t.Context(), message())
			if err != nil {
				t.Fatal(err)
			}
			got := srv.Taken()[0]
			if r.ProviderID != got.ID || r.State != tenant.MessageAccepted {
				t.Errorf("receipt is %+v, want %s", r, got.ID)
			}
			if len(got.Message.Headers) != len(tt.want) {
				t.Errorf("attributes are %v", got.Message.Headers)
			}
			for name, value := range tt.want {
				if got.Message.Headers[name] != value {
					t.Errorf("attributes are %v, want %v", got.Message.Headers, tt.want)
				}
			}
			form, err := url.ParseQuery(got.Body)
			if err != nil || form.Get("Action") != "Publish" || form.Get("PhoneNumber") != "+447700900123" {
				t.Errorf("form is %s", got.Body)
			}
		})
	}
}

// What Amazon refuses is told in its words and ours.
func TestErrors(t *testing.T) {
	const permanent, temporary, configuration = delivery.Permanent, delivery.Temporary, delivery.Configuration
	for _, tt := range []struct {
		status int
		code   string
		text   string
		class  delivery.Class
		fix    string
	}{
		{400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: +1 is not valid to publish to", permanent, "country code"},
		{400, "InvalidParameter", "Invalid parameter: PhoneNumber Reason: Phone number is opted out", permanent, "STOP"},
		{400, "InvalidParameter", "Invalid parameter: Message too long", configuration, "Shorten"},
		{400, "InvalidParameter", "Invalid parameter: SenderID", configuration, "From"},
		{400, "ParameterValueInvalid", "The attribute is not valid", configuration, "From"},
		{400, "ValidationException", "1 validation error", configuration, "AWS settings"},
		{403, "AuthorizationError", "not authorized to perform: SNS:Publish", configuration, "policy"},
		{403, "AccessDenied", "no", configuration, "policy"},
		{403, "InvalidSecurity", "no", configuration, "secret access key"},
		{403, "SignatureDoesNotMatch", "no", configuration, "secret access key"},
		{403, "OptInRequired", "no", configuration, "signed up"},
		{400, "RequestExpired", "no", configuration, "clock"},
		{404, "NotFound", "no", configuration, "From"},
		{400, "EndpointDisabled", "Endpoint is disabled", permanent, "STOP"},
		{400, "OptedOut", "opted out", permanent, "STOP"},
		{400, "UserErrorException", "sandbox", configuration, "sandbox"},
		{400, "KMSDisabled", "no", configuration, "KMS"},
		{500, "InternalError", "no", temporary, "health.aws"},
		{503, "ServiceUnavailable", "no", temporary, "health.aws"},
		{429, "Throttled", "Rate exceeded", temporary, ""},
		{400, "Throttling", "Rate exceeded", temporary, ""},
		{400, "SomethingNew", "no", permanent, ""},
		{403, "SomethingNew", "no", configuration, "credentials"},
	} {
		srv := snstest.Start(t)
		srv.Script(standin.Fault{Reply: snstest.Problem(tt.status, tt.code, tt.text)})
		_, err := open(t, srv.URL, connection()).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Class != tt.class || !strings.Contains(e.Fix, tt.fix) || e.Unanswered || e.RequestID == "" || e.Text == "" || e.Code != strings.TrimSuffix(tt.code, "Exception") {
			t.Errorf("%d %s %q: %+v, want %v with %q", tt.status, tt.code, tt.text, e, tt.class, tt.fix)
		}
	}
}

// The stand-in is one that real mistakes do not pass.
func TestMistakes(t *testing.T) {
	for name, change := range map[string]func(*tenant.Connection, *delivery.Outgoing){
		"InvalidClientTokenId":  func(c *tenant.Connection, _ *delivery.Outgoing) { c.Sender.SNS.AccessKey = "AKIAOTHER" },
		"SignatureDoesNotMatch": func(c *tenant.Connection, _ *delivery.Outgoing) { c.Secrets[sns.SecretOption] = "wrong" },
		"InvalidParameter":      func(_ *tenant.Connection, m *delivery.Outgoing) { m.To = "+1" },
	} {
		srv := snstest.Start(t)
		c, m := connection(), message()
		change(c, &m)
		_, err := open(t, srv.URL, c).Send(t.Context(), m)
		var e *delivery.Error
		if !errors.As(err, &e) || e.Code != name || e.Fix == "" || len(srv.Taken()) != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	c := connection()
	c.Sender.SNS.Region = "us-east-1"
	srv := snstest.Start(t)
	if _, err := open(t, srv.URL, c).Send(t.Context(), message()); err == nil {
		t.Error("a signature for another region was taken")
	}
}

func TestIncomplete(t *testing.T) {
	client, err := sns.New(call.New(nil), "")
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(c *tenant.Connection){
		`The connection "sms" lacks the access key ID of Amazon SNS.`:                                                          func(c *tenant.Connection) { c.Sender.SNS.AccessKey = "" },
		`The connection "sms" lacks the secret access key of Amazon SNS.`:                                                      func(c *tenant.Connection) { c.Secrets = nil },
		`The connection "sms" lacks a region such as eu-west-1 of Amazon SNS.`:                                                 func(c *tenant.Connection) { c.Sender.SNS.Region = "evil.com/" },
		`The connection "sms" lacks the access key ID and the secret access key and a region such as eu-west-1 of Amazon SNS.`: func(c *tenant.Connection) { *c = tenant.Connection{Name: "sms"} },
	} {
		c := connection()
		change(c)
		_, err := client.Sender(c)
		var e *delivery.Error
		if !errors.As(err, &e) || e.Text != want || e.Class != delivery.Configuration {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	if _, err := sns.New(call.New(nil), "http://sns.example.com"); err == nil {
		t.Error("a base URL in the clear was taken")
	}
}

func TestCheck(t *testing.T) {
	verdicts := func(t *testing.T, srv *snstest.Server, c *tenant.Connection) string {
		var out []string
		for _, f := range delivery.Check(t.Context(), open(t, srv.URL, c)) {
			out = append(out, f.Name+" "+string(f.Verdict))
			if f.Detail == "" || (f.Verdict == delivery.OK) != (f.Fix == "") || strings.Contains(f.Detail+f.Fix, awstest.Secret) {
				t.Errorf("finding %+v", f)
			}
		}
		if len(srv.Taken()) != 0 {
			t.Error("a check sent a message")
		}
		return strings.Join(out, ", ")
	}
	wrong := connection()
	wrong.Secrets[sns.SecretOption] = "wrong"
	for _, tt := range []struct {
		name   string
		change func(*snstest.Server)
		c      *tenant.Connection
		want   string
	}{
		{"all is well", func(*snstest.Server) {}, connection(), "credentials ok, account ok, spending ok"},
		{"the sandbox", func(s *snstest.Server) { s.Sandbox = true; s.SpendLimit = "1" }, connection(), "credentials ok, account warn, spending warn"},
		{"a key that may only send", func(s *snstest.Server) { s.Denied = true }, connection(), "credentials ok, account warn"},
		{"a wrong key", func(*snstest.Server) {}, wrong, "credentials fail"},
		{"an outage", func(s *snstest.Server) {
			s.Always(&standin.Fault{Reply: snstest.Problem(503, "ServiceUnavailable", "x")})
		}, connection(), "credentials warn"},
	} {
		srv := snstest.Start(t)
		tt.change(srv)
		if got := verdicts(t, srv, tt.c); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}
