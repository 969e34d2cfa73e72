package gateway_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/gateway"
	"github.com/doorcode/doorcode/internal/outbound"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/gatewaytest"
)

const key = "a secret that the gateway knows too"

func connection(url string) *tenant.Connection {
	return &tenant.Connection{
		ID: "con_sms", Name: "sms", Channel: tenant.SMS,
		Sender: tenant.SenderAccount{
			Provider: gateway.Provider, GatewayURL: url, From: "+15005550006",
			GatewayAuth: tenant.GatewayAuth{Method: "bearer", Audience: "urn:sms", Subject: "urn:acme"},
		},
		Secrets: map[string]string{gateway.SecretOption: key},
	}
}

func message() delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: "msg_1", Channel: tenant.SMS, To: "+447700900123", Text: "482913 is your Acme code.", Code: "482913",
		RequestIP: "167.56.227.117", UserAgent: "Mozilla/5.0 (X11)",
	}
}

// inside lets the stand-ins be called.
func inside() outbound.Options {
	return outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, PlainHTTP: true}
}

func open(t *testing.T, o outbound.Options, c *tenant.Connection) delivery.Sender {
	t.Helper()
	client := gateway.New(gateway.Options{Outbound: o, Issuer: "https://login.example.com/"})
	t.Cleanup(client.Close)
	s, err := client.Sender(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func start(t *testing.T) *gatewaytest.Server {
	srv := gatewaytest.Start(t)
	srv.Key, srv.Audience = []byte(key), "urn:sms"
	return srv
}

// failure sends the message and returns why it was not taken.
func failure(t *testing.T, s delivery.Sender) *delivery.Error {
	t.Helper()
	_, err := s.Send(t.Context(), message())
	var e *delivery.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v", err)
	}
	return e
}

func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
		srv := start(t)
		echo := "no: " + key + " 482913 is your Acme code"
		faults := map[deliverytest.Trouble]gatewaytest.Fault{
			deliverytest.Refuses:   {Status: 400, Body: `{"error":"no such number"}`},
			deliverytest.Rejects:   {Status: 401},
			deliverytest.Busy:      {Status: 429, RetryAfter: "7"},
			deliverytest.Down:      {Status: 503},
			deliverytest.Silent:    {Delay: 10 * time.Second},
			deliverytest.Breaks:    {Drop: true},
			deliverytest.BreaksOff: {Drop: true, Take: true},
			deliverytest.Babbles:   {Raw: "HTTP/1.1 200 OK " + key + "\r\nContent-Length: 482913 " + key + "\r\n\r\n"},
			deliverytest.Redirects: {Status: 307, Location: "https://example.com/"},
			deliverytest.Echoes:    {Status: 400, Body: echo},
			deliverytest.Endless:   {Status: 400, Body: strings.Repeat("line\r\n", 300000)},
		}
		return deliverytest.Fixture{
			Sender: open(t, inside(), connection(srv.URL)), Message: message(), NoIDs: true,
			Secrets: []string{key, "482913"},
			Taken: func() (out []deliverytest.Taken) {
				for _, r := range srv.Taken() {
					out = append(out, deliverytest.Taken{To: r.Message.Recipient, Text: r.Message.Body})
				}
				return out
			},
			Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
			Unreachable: open(t, inside(), connection(closedPort(t))),
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

// The request is the one that Auth0 documents.
func TestRequest(t *testing.T) {
	send := func(t *testing.T, srv *gatewaytest.Server, change func(c *tenant.Connection)) gatewaytest.Request {
		t.Helper()
		c := connection(srv.URL)
		change(c)
		if _, err := open(t, inside(), c).Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		return srv.Requests()[0]
	}
	t.Run("with recipient, body and sender", func(t *testing.T) {
		r := send(t, start(t), func(c *tenant.Connection) { c.Sender.GatewayURL += "?key=1&x=%20" })
		if want := `{"recipient":"+447700900123","body":"482913 is your Acme code.","sender":"+15005550006"}`; strings.TrimSpace(r.Raw) != want {
			t.Errorf("body is %s, want %s", r.Raw, want)
		}
		if r.Method != "POST" || r.URI != "/sms?key=1&x=%20" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s with %v", r.Method, r.URI, r.Header)
		}
		for name := range r.Header {
			if !strings.Contains(" Accept-Encoding Authorization Content-Length Content-Type User-Agent ", " "+name+" ") {
				t.Errorf("the header %s was sent", name)
			}
		}
	})
	t.Run("with who asked, where the connection says so", func(t *testing.T) {
		r := send(t, start(t), func(c *tenant.Connection) { c.Sender.ForwardRequestInfo = true })
		if r.Message.Req == nil || r.Message.Req.IP != "167.56.227.117" || r.Message.Req.UserAgent != "Mozilla/5.0 (X11)" {
			t.Errorf("body is %s", r.Raw)
		}
	})
	t.Run("with a token", func(t *testing.T) {
		r := send(t, start(t), func(*tenant.Connection) {})
		issued, _ := r.Claims["iat"].(float64)
		expires, _ := r.Claims["exp"].(float64)
		if r.Claims["iss"] != "https://login.example.com/" || r.Claims["sub"] != "urn:acme" || r.Claims["aud"] != "urn:sms" || expires-issued != 300 || len(r.Claims) != 5 {
			t.Errorf("claims are %v", r.Claims)
		}
	})
	t.Run("with a token of a connection without a subject", func(t *testing.T) {
		r := send(t, start(t), func(c *tenant.Connection) { c.Sender.GatewayAuth.Subject, c.Sender.GatewayAuth.Method = "", "Bearer" })
		if _, ok := r.Claims["sub"]; ok || len(r.Claims) != 4 {
			t.Errorf("claims are %v", r.Claims)
		}
	})
	t.Run("without a token, where none is set up", func(t *testing.T) {
		r := send(t, gatewaytest.Start(t), func(c *tenant.Connection) { c.Sender.GatewayAuth, c.Secrets = tenant.GatewayAuth{}, nil })
		if r.Header.Get("Authorization") != "" {
			t.Errorf("Authorization is %q", r.Header.Get("Authorization"))
		}
	})
	raw := []byte{0xfb, 0xff, 0xbe, 0x00, 0x01, 0x02, 0x03}
	for name, text := range map[string]string{
		"base64url": base64.RawURLEncoding.EncodeToString(raw), "base64url with padding": base64.URLEncoding.EncodeToString(raw),
		"base64": base64.StdEncoding.EncodeToString(raw),
	} {
		t.Run("with a secret in "+name, func(t *testing.T) {
			srv := start(t)
			srv.Key = raw
			send(t, srv, func(c *tenant.Connection) {
				c.Sender.GatewayAuth.SecretIsBase64 = true
				c.Secrets[gateway.SecretOption] = text
			})
		})
	}
}

// Only 200 is success, and the words are those that Auth0 documents.
func TestStatus(t *testing.T) {
	const unexpected = "Unexpected response while calling the SMS gateway: "
	tests := []struct {
		status int
		class  delivery.Class
		text   string
	}{
		{201, delivery.Permanent, unexpected + "201"},
		{202, delivery.Permanent, unexpected + "202"},
		{204, delivery.Permanent, unexpected + "204"},
		{301, delivery.Configuration, unexpected + "301"},
		{400, delivery.Permanent, unexpected + "400"},
		{401, delivery.Configuration, "Authentication failed while calling the SMS gateway: 401"},
		{403, delivery.Permanent, unexpected + "403"},
		{404, delivery.Permanent, unexpected + "404"},
		{429, delivery.Temporary, unexpected + "429"},
		{500, delivery.Temporary, unexpected + "500"},
		{502, delivery.Temporary, unexpected + "502"},
		{503, delivery.Temporary, unexpected + "503"},
	}
	for _, tt := range tests {
		srv := start(t)
		srv.Script(gatewaytest.Fault{Status: tt.status, Body: "root:x:0:0"})
		e := failure(t, open(t, inside(), connection(srv.URL)))
		if e.Class != tt.class || e.Refusal() != tt.text || e.Unanswered {
			t.Errorf("status %d: %v, %q, unanswered %v", tt.status, e.Class, e.Refusal(), e.Unanswered)
		}
		if strings.Contains(e.Error()+e.Fix, "root:x") {
			t.Errorf("status %d: what the gateway said is told: %v", tt.status, e)
		}
	}
}

func TestTimeout(t *testing.T) {
	const text = "Timeout while calling the SMS gateway: ETIMEDOUT"
	send := func(url string) *delivery.Error {
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
		defer cancel()
		_, err := open(t, inside(), connection(url)).Send(ctx, message())
		var e *delivery.Error
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		return e
	}
	srv := start(t)
	srv.Script(gatewaytest.Fault{Delay: 10 * time.Second})
	if e := send(srv.URL); e.Refusal() != text || !e.Unanswered || e.Class != delivery.Temporary {
		t.Errorf("no answer: %+v", e)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() // accepts in the backlog, and never speaks TLS
	if e := send("https://" + l.Addr().String()); e.Refusal() != text || e.Unanswered || e.Class != delivery.Temporary {
		t.Errorf("nothing written: %+v", e)
	}
}

// A status is all it takes: an answer that never ends holds nobody up.
func TestSlowBody(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer srv.Close()
	began := time.Now()
	if _, err := open(t, inside(), connection(srv.URL)).Send(t.Context(), message()); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
}

// What may not be called is told without what it was resolved to, and was sent
// nothing.
func TestForbidden(t *testing.T) {
	srv := start(t)
	tests := []struct{ name, url, fix string }{
		{"loopback", srv.URL, "not a public one (loopback)"},
		{"a name of loopback", strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), "not a public one (loopback)"},
		{"metadata", "http://169.254.169.254/latest/", "not a public one (link-local)"},
		{"a private network", "https://10.0.0.1/", "not a public one (private)"},
	}
	for _, tt := range tests {
		e := failure(t, open(t, outbound.Options{PlainHTTP: true}, connection(tt.url)))
		if e.Class != delivery.Configuration || e.Code != delivery.CodeForbidden || e.Unanswered || !strings.Contains(e.Fix, tt.fix) || strings.Contains(e.Text+e.Fix, "127.0.0.1") {
			t.Errorf("%s: %v, %q %q", tt.name, e.Class, e.Text, e.Fix)
		}
	}
	if n := len(srv.Requests()); n != 0 {
		t.Errorf("%d requests came", n)
	}
	e := failure(t, open(t, outbound.Options{}, connection("http://gateway.example.com/")))
	if e.Class != delivery.Configuration || !strings.Contains(e.Fix, "https://") {
		t.Errorf("plain http: %v, %q %q", e.Class, e.Text, e.Fix)
	}
}

// DEP-07: a certificate that is not right is said to be so, and is no reason to
// send in the clear.
func TestCertificates(t *testing.T) {
	stand := gatewaytest.New()
	srv := httptest.NewUnstartedServer(stand)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	trusted := inside()
	trusted.RootCAs = srv.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	if _, err := open(t, trusted, connection(srv.URL)).Send(t.Context(), message()); err != nil {
		t.Errorf("a good certificate: %v", err)
	}
	taken := len(stand.Requests())
	clear := httptest.NewServer(stand)
	defer clear.Close()
	tests := []struct {
		name, url string
		options   outbound.Options
		fix       string
	}{
		{"unknown authority", srv.URL, inside(), "authority"},
		{"another name", strings.Replace(srv.URL, "127.0.0.1", "localhost", 1), trusted, "another name"},
		{"expired", expired(t, stand), trusted, "expired"},
		{"no https at all", strings.Replace(clear.URL, "http://", "https://", 1), trusted, "does not speak https"},
	}
	for _, tt := range tests {
		e := failure(t, open(t, tt.options, connection(tt.url)))
		if e.Class != delivery.Configuration || e.Unanswered || !strings.Contains(e.Fix, tt.fix) {
			t.Errorf("%s: %v, %v, %q", tt.name, e, e.Class, e.Fix)
		}
	}
	if n := len(stand.Requests()); n != taken {
		t.Errorf("%d messages were sent over connections that are not safe", n-taken)
	}
}

// expired starts a server whose certificate is over.
func expired(t *testing.T, h http.Handler) string {
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{oldCertificate(t)}}
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return srv.URL
}

// An account that lacks something says what.
func TestSettings(t *testing.T) {
	tests := []struct {
		name   string
		change func(c *tenant.Connection)
		want   string
	}{
		{"complete", func(*tenant.Connection) {}, ""},
		{"without a sender's name", func(c *tenant.Connection) { c.Sender.From = "" }, ""},
		{"without authentication", func(c *tenant.Connection) { c.Sender.GatewayAuth, c.Secrets = tenant.GatewayAuth{}, nil }, ""},
		{"no address", func(c *tenant.Connection) { c.Sender.GatewayURL = "" }, "lacks the address"},
		{"no host", func(c *tenant.Connection) { c.Sender.GatewayURL = "https:///x" }, "https://gateway.example.com"},
		{"no scheme", func(c *tenant.Connection) { c.Sender.GatewayURL = "gateway.example.com/x" }, "https://gateway.example.com"},
		{"another scheme", func(c *tenant.Connection) { c.Sender.GatewayURL = "ftp://gateway.example.com" }, "begin with https://"},
		{"a password", func(c *tenant.Connection) { c.Sender.GatewayURL = "https://u:hunter2@gateway.example.com" }, "user name or password"},
		{"a line break", func(c *tenant.Connection) { c.Sender.GatewayURL = "https://gateway.example.com/\r\nX: y" }, "https://gateway.example.com"},
		{"another way of authentication", func(c *tenant.Connection) { c.Sender.GatewayAuth.Method = "basic" }, `"bearer"`},
		{"no secret", func(c *tenant.Connection) { c.Secrets = nil }, "lacks the secret"},
		{"a secret that is not base64", func(c *tenant.Connection) { c.Sender.GatewayAuth.SecretIsBase64 = true }, "not base64url"},
		{"a secret of nothing", func(c *tenant.Connection) {
			c.Sender.GatewayAuth.SecretIsBase64, c.Secrets[gateway.SecretOption] = true, "="
		}, "not base64url"},
	}
	for _, tt := range tests {
		c := connection("https://gateway.example.com/x")
		tt.change(c)
		_, err := gateway.New(gateway.Options{}).Sender(c)
		var e *delivery.Error
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: %v", tt.name, err)
		case tt.want == "":
		case !errors.As(err, &e) || e.Class != delivery.Configuration || !strings.Contains(e.Text, tt.want):
			t.Errorf("%s: %v", tt.name, err)
		case strings.Contains(e.Error(), key) || strings.Contains(e.Error(), "hunter2"):
			t.Errorf("%s: the error tells a secret: %v", tt.name, e)
		}
	}
}

// Connections are used again, since each costs a handshake.
func TestConnectionsAreKept(t *testing.T) {
	stand := gatewaytest.New()
	srv := httptest.NewUnstartedServer(stand)
	var opened atomic.Int64
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	srv.Start()
	sender := open(t, inside(), connection(srv.URL))
	for range 5 {
		if _, err := sender.Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
	}
	srv.Close()
	if opened.Load() != 1 {
		t.Errorf("5 messages took %d connections", opened.Load())
	}
}
