package twilio_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

func connection() *tenant.Connection {
	return &tenant.Connection{
		ID: "con_sms", Name: "sms", Channel: tenant.SMS,
		Sender:  tenant.SenderAccount{TwilioSID: twiliotest.SID, From: twiliotest.From},
		Secrets: map[string]string{twilio.TokenOption: twiliotest.Token},
	}
}

func message() delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: "msg_1", Channel: tenant.SMS, To: "+447700900123", Text: "482913 is your Acme code.", Code: "482913",
	}
}

func open(t *testing.T, base string, c *tenant.Connection) delivery.Sender {
	t.Helper()
	client, err := twilio.New(twilio.Options{BaseURL: base})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s, err := client.Sender(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
		srv := twiliotest.Start(t)
		echo := "no: " + twiliotest.Token + " " + base64.StdEncoding.EncodeToString([]byte(twiliotest.SID+":"+twiliotest.Token)) + " 482913 is your Acme code"
		faults := map[deliverytest.Trouble]twiliotest.Fault{
			deliverytest.Refuses:   {Status: 400, Code: 21211},
			deliverytest.Rejects:   {Status: 401, Code: 20003, Text: "Authenticate"},
			deliverytest.Busy:      {Status: 429, Code: 20429, RetryAfter: "7"},
			deliverytest.Down:      {Status: 503, Code: 20503},
			deliverytest.Silent:    {Delay: 10 * time.Second},
			deliverytest.Breaks:    {Drop: true},
			deliverytest.BreaksOff: {Drop: true, Make: true},
			deliverytest.Babbles:   {Status: 200, Body: "<html>Welcome to the hotel</html>"},
			deliverytest.Redirects: {Status: 307, Body: " ", Location: "https://example.com/"},
			deliverytest.Echoes:    {Status: 400, Code: 21211, Text: echo},
			deliverytest.Endless:   {Status: 400, Code: 21211, Text: strings.Repeat("line\r\n", 30000)},
		}
		return deliverytest.Fixture{
			Sender: open(t, srv.URL, connection()), Message: message(),
			Secrets: []string{twiliotest.Token, "482913", twiliotest.SID + ":" + twiliotest.Token},
			Taken: func() (out []deliverytest.Taken) {
				for _, r := range srv.Sent() {
					out = append(out, deliverytest.Taken{To: r.Form.Get("To"), Text: r.Form.Get("Body")})
				}
				return out
			},
			Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
			Unreachable: open(t, closedPort(t), connection()),
		}
	})
}

// closedPort is the address of a server that is not there.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// The request is the one that Twilio documents.
func TestRequest(t *testing.T) {
	t.Run("from a number", func(t *testing.T) {
		srv := twiliotest.Start(t)
		if _, err := open(t, srv.URL, connection()).Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		r := srv.Requests()[0]
		if want := "Body=482913+is+your+Acme+code.&From=%2B15005550006&To=%2B447700900123"; r.RawForm != want {
			t.Errorf("form is %q, want %q", r.RawForm, want)
		}
		if r.Method != "POST" || r.Path != "/2010-04-01/Accounts/"+twiliotest.SID+"/Messages.json" || r.User != twiliotest.SID || r.Password != twiliotest.Token {
			t.Errorf("%s %s as %q", r.Method, r.Path, r.User)
		}
	})
	t.Run("from a Messaging Service, which wins over the number", func(t *testing.T) {
		srv := twiliotest.Start(t)
		c := connection()
		c.Sender.MessagingServiceSID = twiliotest.Service
		got, err := open(t, srv.URL, c).Send(t.Context(), message())
		if err != nil {
			t.Fatal(err)
		}
		if want := "Body=482913+is+your+Acme+code.&MessagingServiceSid=" + twiliotest.Service + "&To=%2B447700900123"; srv.Requests()[0].RawForm != want {
			t.Errorf("form is %q, want %q", srv.Requests()[0].RawForm, want)
		}
		if got.State != tenant.MessageAccepted || got.Segments != 0 || !strings.HasPrefix(got.ProviderID, "SM") {
			t.Errorf("receipt is %+v", got)
		}
	})
	t.Run("with the segments that Twilio counts", func(t *testing.T) {
		srv := twiliotest.Start(t)
		m := message()
		m.Text = strings.Repeat("a", 161)
		got, err := open(t, srv.URL, connection()).Send(t.Context(), m)
		if err != nil || got.Segments != 2 {
			t.Errorf("receipt is %+v, %v", got, err)
		}
	})
	t.Run("without following a redirect, which would get the credentials", func(t *testing.T) {
		var seen bool
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen = true }))
		defer elsewhere.Close()
		srv := twiliotest.Start(t)
		srv.Script(twiliotest.Fault{Status: 308, Body: " ", Location: elsewhere.URL})
		_, err := open(t, srv.URL, connection()).Send(t.Context(), message())
		if seen || err == nil {
			t.Errorf("followed %v, error %v", seen, err)
		}
	})
	t.Run("with an odd Account SID, which stays one part of the path", func(t *testing.T) {
		srv := twiliotest.Start(t)
		c := connection()
		c.Sender.TwilioSID = "AC1/../x?y#z"
		_, err := open(t, srv.URL, c).Send(t.Context(), message())
		var e *delivery.Error
		if !errors.As(err, &e) || e.Class != delivery.Configuration {
			t.Errorf("error is %v", err)
		}
		if r := srv.Requests()[0]; r.Path != "/2010-04-01/Accounts/AC1/../x?y#z/Messages.json" {
			t.Errorf("path is %q", r.Path)
		}
	})
}

// What Twilio refuses is told in its words and ours, and not tried again.
func TestErrors(t *testing.T) {
	tests := []struct {
		name        string
		to          string
		change      func(c *tenant.Connection)
		code        string
		class       delivery.Class
		text, inFix string
	}{
		{"wrong token", "+447700900123", func(c *tenant.Connection) { c.Secrets[twilio.TokenOption] = "wrong" }, "20003", delivery.Configuration, "Authenticate", "Auth Token"},
		{"wrong account", "+447700900123", func(c *tenant.Connection) { c.Sender.TwilioSID = "ACx" }, "20003", delivery.Configuration, "Authenticate", "Account SID"},
		{"not a number", "+15005550001", nil, "21211", delivery.Permanent, "The 'To' number +15005550001 is not a valid phone number.", "country code"},
		{"no route", "+15005550002", nil, "21612", delivery.Permanent, "not currently reachable", "sender"},
		{"country off", "+15005550003", nil, "21408", delivery.Configuration, "Permission to send an SMS", "Geo Permissions"},
		{"stopped", "+15005550004", nil, "21610", delivery.Permanent, "unsubscribed", "START"},
		{"not mobile", "+15005550009", nil, "21614", delivery.Permanent, "not a valid mobile number", "mobile"},
		{"foreign From", "+447700900123", func(c *tenant.Connection) { c.Sender.From = "+15005550007" }, "21606", delivery.Configuration, "'From'", "From number"},
		{"From that is no sender", "+447700900123", func(c *tenant.Connection) { c.Sender.From = "+15005550001" }, "21212", delivery.Configuration, "'From'", "From number"},
		{"full queue", "+447700900123", func(c *tenant.Connection) { c.Sender.From = "+15005550008" }, "21611", delivery.Configuration, "queued", "Add senders"},
		{"unknown service", "+447700900123", func(c *tenant.Connection) { c.Sender.MessagingServiceSID = "MG0" }, "21701", delivery.Configuration, "Messaging Service", "MG"},
		{"trial", "+447700900999", nil, "21608", delivery.Configuration, "unverified", "trial"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := twiliotest.Start(t)
			srv.Refuse("+447700900999", 21608)
			c := connection()
			if tt.change != nil {
				tt.change(c)
			}
			m := message()
			m.To = tt.to
			_, err := open(t, srv.URL, c).Send(t.Context(), m)
			var e *delivery.Error
			if !errors.As(err, &e) {
				t.Fatal(err)
			}
			if e.Code != tt.code || e.Class != tt.class || !strings.Contains(e.Text, tt.text) || !strings.Contains(e.Fix, tt.inFix) || e.RequestID == "" {
				t.Errorf("error is %q, %v, %q, %q", e.Code, e.Class, e.Text, e.Fix)
			}
			if a, ok := twilio.About(e.Code); !ok || e.Fix != a.Text+" "+a.Fix {
				t.Errorf("About(%q) = %+v, want it to be the fix %q", e.Code, a, e.Fix)
			}
		})
	}
}

// Codes that are not in the table count as their status does.
func TestUnknownCodes(t *testing.T) {
	for status, class := range map[int]delivery.Class{
		400: delivery.Permanent, 401: delivery.Configuration, 403: delivery.Configuration, 404: delivery.Configuration,
		409: delivery.Configuration, 422: delivery.Configuration, 429: delivery.Temporary, 500: delivery.Temporary, 502: delivery.Temporary, 504: delivery.Temporary,
	} {
		for _, body := range []string{"", "<html>", `{"code":99999,"message":"new"}`, `{"code":"99999","message":"new"}`, `{"code":null}`} {
			srv := twiliotest.Start(t)
			srv.Script(twiliotest.Fault{Status: status, Body: body + " "})
			_, err := open(t, srv.URL, connection()).Send(t.Context(), message())
			var e *delivery.Error
			if !errors.As(err, &e) || e.Class != class || e.Unanswered || e.Text == "" {
				t.Errorf("status %d with %q: %+v", status, body, e)
				continue
			}
			if want := "http_" + strconv.Itoa(status); strings.Contains(body, "99999") != (e.Code == "99999") || !strings.Contains(body, "99999") && e.Code != want {
				t.Errorf("status %d with %q: code %q", status, body, e.Code)
			}
		}
	}
}

func TestAnswersThatSayMore(t *testing.T) {
	send := func(t *testing.T, f twiliotest.Fault) (delivery.Receipt, *delivery.Error) {
		srv := twiliotest.Start(t)
		srv.Script(f)
		r, err := open(t, srv.URL, connection()).Send(t.Context(), message())
		var e *delivery.Error
		errors.As(err, &e)
		return r, e
	}
	t.Run("a message that already failed has failed", func(t *testing.T) {
		_, e := send(t, twiliotest.Fault{Status: 201, Body: `{"sid":"SM1","status":"failed","error_code":30005,"error_message":"Unknown destination"}`})
		if e == nil || e.Code != "30005" || e.Class != delivery.Permanent || e.Unanswered {
			t.Errorf("error is %+v", e)
		}
	})
	t.Run("a message that was delivered at once was delivered", func(t *testing.T) {
		r, e := send(t, twiliotest.Fault{Status: 200, Body: `{"sid":"SM1","status":"delivered","num_segments":3}`})
		if e != nil || r.State != tenant.MessageDelivered || r.Segments != 3 {
			t.Errorf("receipt is %+v, %v", r, e)
		}
	})
	t.Run("a time to come back may be a date", func(t *testing.T) {
		_, e := send(t, twiliotest.Fault{Status: 503, RetryAfter: time.Now().Add(30 * time.Second).UTC().Format(http.TimeFormat)})
		if e == nil || e.RetryAfter < 20*time.Second || e.RetryAfter > 31*time.Second {
			t.Errorf("error is %+v", e)
		}
	})
	t.Run("an answer without end is not read to it", func(t *testing.T) {
		_, e := send(t, twiliotest.Fault{Status: 201, Body: `{"sid":"SM1","body":"` + strings.Repeat("x", 1<<20) + `"}`})
		if e == nil || !e.Unanswered {
			t.Errorf("error is %+v", e)
		}
	})
}

// A number need not be set where a Messaging Service sends; with neither, the
// connection says what it lacks.
func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *tenant.Connection)
		want   string
	}{
		{"complete", func(*tenant.Connection) {}, ""},
		{"service only", func(c *tenant.Connection) { c.Sender.From, c.Sender.MessagingServiceSID = "", "MG1" }, ""},
		{"no sender", func(c *tenant.Connection) { c.Sender.From = "" }, `The connection "sms" lacks an SMS Source: a From number or a Twilio Messaging Service SID.`},
		{"no token", func(c *tenant.Connection) { c.Secrets = nil }, `The connection "sms" lacks the Twilio Auth Token.`},
		{"nothing", func(c *tenant.Connection) { *c = tenant.Connection{Name: "sms"} }, `The connection "sms" lacks the Twilio Account SID and the Twilio Auth Token and an SMS Source: a From number or a Twilio Messaging Service SID.`},
	}
	client, err := twilio.New(twilio.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range tests {
		c := connection()
		tt.change(c)
		_, err := client.Sender(c)
		got := ""
		var e *delivery.Error
		if errors.As(err, &e) {
			got = e.Text
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestBaseURL(t *testing.T) {
	for base, ok := range map[string]bool{
		"": true, "https://api.dublin.ie1.twilio.com": true, "https://api.twilio.com/": true, "http://127.0.0.1:1": true, "http://[::1]:1": true, "http://localhost:1": true,
		"http://api.twilio.com": false, "ftp://x": false, "https://u:p@api.twilio.com": false, "api.twilio.com": false, "https://x/?a=b": false,
	} {
		if _, err := twilio.New(twilio.Options{BaseURL: base}); (err == nil) != ok {
			t.Errorf("New(%q): %v", base, err)
		}
	}
}

// A sender whose time ends while it waits for a connection has written nothing.
func TestTimeoutBeforeWriting(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts in the backlog, and never speaks TLS
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = open(t, "https://"+l.Addr().String(), connection()).Send(ctx, message())
	var e *delivery.Error
	if !errors.As(err, &e) || e.Unanswered || e.Code != delivery.CodeUnreachable {
		t.Errorf("error is %+v", e)
	}
}
