package vonage_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/vonage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/standin"
	"github.com/doorcode/doorcode/internal/testkit/vonagetest"
)

// applicationKey is made once: it takes a while.
var applicationKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func privatePEM() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(applicationKey())}))
}

func connection(api string) *tenant.Connection {
	return &tenant.Connection{
		ID: "con_sms", Name: "sms", Channel: tenant.SMS,
		Sender:  tenant.SenderAccount{Provider: "vonage", From: vonagetest.From, Vonage: tenant.VonageAccount{APIKey: vonagetest.Key, API: api}},
		Secrets: map[string]string{vonage.SecretOption: vonagetest.Secret},
	}
}

func byApplication() *tenant.Connection {
	c := connection("")
	c.Sender.Vonage = tenant.VonageAccount{ApplicationID: vonagetest.Application}
	c.Secrets = map[string]string{vonage.PrivateOption: privatePEM()}
	return c
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
	client, err := vonage.New(http, vonage.Options{BaseURL: base, PublicURL: "https://login.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	s, err := client.Sender(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T) *vonagetest.Server {
	srv := vonagetest.Start(t)
	srv.Public = &applicationKey().PublicKey
	return srv
}

func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// common are the troubles that both APIs have alike.
func common() map[deliverytest.Trouble]standin.Fault {
	busy := vonagetest.Problem(429, 1000, "Throttled", "You have exceeded the submission capacity allowed on this account.")
	busy.Header["Retry-After"] = "7"
	return map[deliverytest.Trouble]standin.Fault{
		deliverytest.Busy:      {Reply: busy},
		deliverytest.Down:      {Reply: standin.Reply{Status: 503, Body: "<html>"}},
		deliverytest.Silent:    {Delay: 10 * time.Second},
		deliverytest.Breaks:    {Drop: true},
		deliverytest.BreaksOff: {Drop: true, Take: true},
		deliverytest.Babbles:   {Reply: standin.Reply{Status: 200, Body: "<html>Welcome to the hotel</html>"}},
		deliverytest.Redirects: {Reply: standin.Reply{Status: 307, Header: map[string]string{"Location": "https://example.com/"}}},
	}
}

func TestSender(t *testing.T) {
	basic := base64.StdEncoding.EncodeToString([]byte(vonagetest.Key + ":" + vonagetest.Secret))
	echo := "no: " + vonagetest.Secret + " " + basic + " 482913 is your Acme code"
	endless := strings.Repeat("line\r\n", 3000)
	messages, legacy := common(), common()
	both := byApplication() // and the account's own key beside it
	both.Sender.Vonage.APIKey, both.Secrets[vonage.SecretOption] = vonagetest.Key, vonagetest.Secret
	messages[deliverytest.Refuses] = standin.Fault{Reply: vonagetest.Problem(422, 1170, "Invalid", "The number is not one.")}
	messages[deliverytest.Rejects] = standin.Fault{Reply: vonagetest.Problem(401, 0, "Unauthorized", "You did not provide correct credentials.")}
	messages[deliverytest.Echoes] = standin.Fault{Reply: vonagetest.Problem(422, 1170, "Invalid", echo)}
	messages[deliverytest.Endless] = standin.Fault{Reply: vonagetest.Problem(422, 1170, "Invalid", endless)}
	legacy[deliverytest.Refuses] = standin.Fault{Reply: vonagetest.Error("6", "The message was not understood")}
	legacy[deliverytest.Rejects] = standin.Fault{Reply: vonagetest.Error("4", "Bad Credentials")}
	legacy[deliverytest.Echoes] = standin.Fault{Reply: vonagetest.Error("6", echo)}
	legacy[deliverytest.Endless] = standin.Fault{Reply: vonagetest.Error("6", endless)}
	for _, tt := range []struct {
		name   string
		c      *tenant.Connection
		faults map[deliverytest.Trouble]standin.Fault
	}{
		{"Messages API", connection(""), messages}, {"Messages API with an application", both, messages}, {"SMS API", connection("sms"), legacy},
	} {
		t.Run(tt.name, func(t *testing.T) {
			deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
				srv := start(t)
				return deliverytest.Fixture{
					Sender: open(t, srv.URL, tt.c), Message: message(),
					Secrets: []string{vonagetest.Secret, "482913", vonagetest.Key + ":" + vonagetest.Secret},
					Taken: func() (out []deliverytest.Taken) {
						for _, r := range srv.Taken() {
							out = append(out, deliverytest.Taken{To: "+" + r.Message.To, Text: r.Message.Text})
						}
						return out
					},
					Cause:       func(x deliverytest.Trouble) { srv.Script(tt.faults[x]) },
					Unreachable: open(t, closedPort(t), tt.c),
				}
			})
		})
	}
}

// The request is the one that Vonage documents: numbers without their plus, our
// name for the message, and the time after which it is worth nothing.
func TestRequest(t *testing.T) {
	for api, want := range map[string]string{"messages": "300", "sms": "300000"} {
		srv := start(t)
		c, m := connection(api), message()
		c.Sender.From, m.Expires = "+15005550006", time.Now().Add(300*time.Second+500*time.Millisecond)
		r, err := open(t, srv.URL, c).Send(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		got := srv.Taken()[0].Message
		if got.From != "15005550006" || got.To != "447700900123" || got.Headers["client_ref"] != "msg_1" || r.ProviderID != srv.Taken()[0].ID {
			t.Errorf("%s: %+v, receipt %+v", api, got, r)
		}
		if ttl := got.Headers["ttl"]; len(ttl) != len(want) || ttl[:2] != want[:2] {
			t.Errorf("%s: ttl %s, want about %s", api, ttl, want)
		}
	}
	t.Run("a code about to end has the shortest life that Vonage knows", func(t *testing.T) {
		srv := start(t)
		m := message()
		m.Expires = time.Now().Add(time.Second)
		if _, err := open(t, srv.URL, connection("")).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if ttl := srv.Taken()[0].Message.Headers["ttl"]; ttl != "20" {
			t.Errorf("ttl is %s", ttl)
		}
	})
	t.Run("the SMS API is told which characters there are, and tells the parts", func(t *testing.T) {
		for text, parts := range map[string]int{"code 1234": 1, strings.Repeat("a", 161): 2, "日本語": 1, strings.Repeat("語", 71): 2} {
			srv := start(t)
			m := message()
			m.Text = text
			r, err := open(t, srv.URL, connection("sms")).Send(t.Context(), m)
			if err != nil || r.Segments != parts || srv.Taken()[0].Message.Text != text {
				t.Errorf("%.10s: %+v, %v", text, r, err)
			}
		}
	})
}

// Every code that Vonage documents is told in its words and ours.
func TestErrors(t *testing.T) {
	const permanent, temporary, configuration = delivery.Permanent, delivery.Temporary, delivery.Configuration
	type row struct {
		codes  string
		status int
		class  delivery.Class
		unsure bool
		fix    string
	}
	check := func(t *testing.T, tt row, code string, err error) {
		t.Helper()
		var e *delivery.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.Code != code || e.Class != tt.class || e.Unanswered != tt.unsure || !strings.Contains(e.Fix, tt.fix) || e.Text == "" {
			t.Errorf("%s: %+v, want %v, %v with %q", code, e, tt.class, tt.unsure, tt.fix)
		}
		if tt.class == configuration && e.Fix == "" {
			t.Errorf("%s: nothing says what to do", code)
		}
	}
	for _, tt := range []row{
		{"1000 1241", 429, temporary, false, ""},
		{"1030 1100", 422, temporary, true, "statuspage"},
		{"1010 1020", 422, configuration, false, "setting"},
		{"1040 1050 1170 1430", 422, permanent, false, "country code"},
		{"1060 1070 1160 1460", 402, configuration, false, "balance"},
		{"1080", 401, configuration, false, "API secret"},
		{"1290", 403, configuration, false, "trial"},
		{"1120 1420", 422, configuration, false, "From"},
		{"1240 1476", 422, permanent, false, "STOP"},
		{"1210 1470 1472 1480 1481 1482 1483", 422, configuration, false, "wording"},
		{"1999", 422, configuration, false, "setting"},
		{"1030", 500, temporary, false, "statuspage"},
	} {
		for code := range strings.FieldsSeq(tt.codes) {
			srv := start(t)
			n := 0
			for _, c := range code {
				n = n*10 + int(c-'0')
			}
			srv.Script(standin.Fault{Reply: vonagetest.Problem(tt.status, n, "Title", "Detail")})
			_, err := open(t, srv.URL, connection("")).Send(t.Context(), message())
			check(t, tt, code, err)
		}
	}
	for _, tt := range []row{
		{"1 10", 0, temporary, false, ""},
		{"5", 0, temporary, true, "statuspage"},
		{"2 3 22 23", 0, configuration, false, "setting"},
		{"6 7 33", 0, permanent, false, "country code"},
		{"4 14 32", 0, configuration, false, "API secret"},
		{"8 9 11", 0, configuration, false, "balance"},
		{"12", 0, configuration, false, "Shorten"},
		{"15", 0, configuration, false, "From"},
		{"29", 0, configuration, false, "trial"},
		{"77", 0, permanent, false, ""},
	} {
		for code := range strings.FieldsSeq(tt.codes) {
			srv := start(t)
			srv.Script(standin.Fault{Reply: vonagetest.Error(code, "Error "+code)})
			_, err := open(t, srv.URL, connection("sms")).Send(t.Context(), message())
			check(t, tt, code, err)
		}
	}
	t.Run("a part that was refused, with another that was taken", func(t *testing.T) {
		for status, unsure := range map[string]bool{"1": true, "6": false} {
			srv := start(t)
			srv.LegacyStatus, srv.Refused = status, []int{1}
			m := message()
			m.Text = strings.Repeat("a", 200)
			_, err := open(t, srv.URL, connection("sms")).Send(t.Context(), m)
			var e *delivery.Error
			if !errors.As(err, &e) || e.Code != status || e.Unanswered != unsure {
				t.Errorf("status %s: %+v", status, e)
			}
		}
	})
}

func TestIncomplete(t *testing.T) {
	client, err := vonage.New(call.New(nil), vonage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	wrongKind := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	pkcs8, err := x509.MarshalPKCS8PrivateKey(applicationKey())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		c      *tenant.Connection
		change func(c *tenant.Connection)
		want   string
	}{
		{"complete", connection(""), func(*tenant.Connection) {}, ""},
		{"complete with an application", byApplication(), func(*tenant.Connection) {}, ""},
		{"a key on one line", byApplication(), func(c *tenant.Connection) {
			c.Secrets[vonage.PrivateOption] = strings.ReplaceAll(privatePEM(), "\n", `\n`)
		}, ""},
		{"a key in the other form", byApplication(), func(c *tenant.Connection) {
			c.Secrets[vonage.PrivateOption] = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
		}, ""},
		{"no sender", connection(""), func(c *tenant.Connection) { c.Sender.From = "" }, "From: a number or a name to send from"},
		{"no secret", connection("sms"), func(c *tenant.Connection) { c.Secrets = nil }, "the API secret"},
		{"nothing", connection(""), func(c *tenant.Connection) { *c = tenant.Connection{Name: "sms"} }, "the API key; the API secret; From: a number or a name to send from"},
		{"no private key", byApplication(), func(c *tenant.Connection) { c.Secrets = nil }, "the private key of the application"},
		{"no PEM", byApplication(), func(c *tenant.Connection) { c.Secrets[vonage.PrivateOption] = "hunter22" }, "a private key of the application that can be read (it is not PEM)"},
		{"another kind of key", byApplication(), func(c *tenant.Connection) { c.Secrets[vonage.PrivateOption] = wrongKind }, "a private key of the application that can be read (it is not an RSA key)"},
	} {
		tt.change(tt.c)
		_, err := client.Sender(tt.c)
		var e *delivery.Error
		if tt.want == "" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
		} else if !errors.As(err, &e) || e.Text != `The connection "sms" lacks, for Vonage: `+tt.want+"." {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := vonage.New(call.New(nil), vonage.Options{BaseURL: "http://api.example.com"}); err == nil {
		t.Error("a base URL in the clear was taken")
	}
}

func TestCheck(t *testing.T) {
	wrong := connection("")
	wrong.Secrets[vonage.SecretOption] = "wrong"
	for _, tt := range []struct {
		name   string
		c      *tenant.Connection
		change func(*vonagetest.Server)
		want   string
	}{
		{"all is well", connection(""), func(*vonagetest.Server) {}, "credentials ok, account ok"},
		{"no money", connection("sms"), func(s *vonagetest.Server) { s.Balance = 0 }, "credentials ok, account fail"},
		{"a wrong secret", wrong, func(*vonagetest.Server) {}, "credentials fail"},
		{"an application", byApplication(), func(*vonagetest.Server) {}, "credentials warn"},
		{"an outage", connection(""), func(s *vonagetest.Server) { s.Always(&standin.Fault{Drop: true}) }, "credentials warn"},
		{"somebody else", connection(""), func(s *vonagetest.Server) {
			s.Always(&standin.Fault{Reply: standin.Reply{Status: 200, Body: "<html>"}})
		}, "credentials warn"},
	} {
		srv := start(t)
		tt.change(srv)
		var got []string
		for _, f := range delivery.Check(t.Context(), open(t, srv.URL, tt.c)) {
			got = append(got, f.Name+" "+string(f.Verdict))
			if f.Detail == "" || (f.Verdict == delivery.OK) != (f.Fix == "") {
				t.Errorf("%s: finding %+v", tt.name, f)
			}
		}
		if strings.Join(got, ", ") != tt.want {
			t.Errorf("%s: %v, want %s", tt.name, got, tt.want)
		}
	}
}
