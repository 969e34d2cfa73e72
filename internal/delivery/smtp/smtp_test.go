package smtp_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/deliverytest"
	"github.com/doorcode/doorcode/internal/delivery/smtp"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/smtptest"
)

// certificate makes one for 127.0.0.1 and whom to trust it from.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, roots
}

func provider(s *smtptest.Server) *tenant.EmailProvider {
	return &tenant.EmailProvider{
		Name: "smtp", Enabled: true, From: "no-reply@example.com",
		Server:  tenant.MailServer{Host: s.Host, Port: s.Port, User: smtptest.User},
		Secrets: map[string]string{smtp.PasswordOption: smtptest.Password},
	}
}

func connection() *tenant.Connection {
	return &tenant.Connection{
		ID: "con_email", Name: "email", Channel: tenant.Email,
		Text: tenant.MessageText{From: "{{ application.name }} <login@example.org>"},
	}
}

func message() delivery.Outgoing {
	return delivery.Outgoing{
		MessageID: "msg_0abc", Channel: tenant.Email, To: "jo@example.com", From: "Acme <login@example.org>",
		Subject: "482913 is your code", Text: "482913 is your Acme code.", HTML: "<p>482913 is your Acme code.</p>",
		Code: "482913", Connection: connection(),
	}
}

func open(t *testing.T, p *tenant.EmailProvider, o smtp.Options) delivery.Sender {
	t.Helper()
	o.Hello = "login.example.com"
	s, err := smtp.New(o).Sender(p, connection())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func failure(t *testing.T, err error) *delivery.Error {
	t.Helper()
	var e *delivery.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v (%T), want a *delivery.Error", err, err)
	}
	return e
}

var plain = smtptest.Options{Mechanisms: []string{"PLAIN"}}

// DEP-06: everything that holds for providers holds for mail servers.
func TestSender(t *testing.T) {
	deliverytest.Run(t, func(t *testing.T) deliverytest.Fixture {
		srv := smtptest.Start(t, plain)
		both := smtptest.User + "\x00" + smtptest.Password
		echo := "550 no: " + smtptest.Password + " " + base64.StdEncoding.EncodeToString([]byte("\x00"+both)) + " 482913 is your Acme code"
		faults := map[deliverytest.Trouble]smtptest.Fault{
			deliverytest.Refuses:   {At: smtptest.Recipient, Say: "550 5.1.1 No such user here"},
			deliverytest.Rejects:   {At: smtptest.SigningIn, Say: "535 5.7.8 Authentication credentials invalid"},
			deliverytest.Busy:      {At: smtptest.Recipient, Say: "450 4.7.1 Greylisted, please try again in 7 seconds"},
			deliverytest.Down:      {At: smtptest.Greeting, Say: "421 4.3.0 Service not available"},
			deliverytest.Silent:    {At: smtptest.Content, Hang: true},
			deliverytest.Breaks:    {At: smtptest.Content},
			deliverytest.BreaksOff: {At: smtptest.Content, Keep: true},
			deliverytest.Babbles:   {At: smtptest.Content, Say: "<html>Welcome to the hotel</html>"},
			deliverytest.Redirects: {At: smtptest.Greeting, Say: "554 5.3.2 No mail here, use smtp-2.example.com"},
			deliverytest.Echoes:    {At: smtptest.Content, Say: echo},
			deliverytest.Endless:   {At: smtptest.Recipient, Say: strings.Repeat("550-line\n", 30000) + "550 end"},
		}
		away := provider(srv)
		away.Server.Port = closedPort(t)
		return deliverytest.Fixture{
			Sender: open(t, provider(srv), smtp.Options{}), Message: message(),
			Secrets: []string{smtptest.Password, "482913", "\x00" + both},
			Taken: func() (out []deliverytest.Taken) {
				for _, m := range srv.Taken() {
					out = append(out, deliverytest.Taken{To: m.To, Text: m.Text})
				}
				return out
			},
			Cause:       func(x deliverytest.Trouble) { srv.Script(faults[x]) },
			Unreachable: open(t, away, smtp.Options{}),
		}
	})
}

func closedPort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// What arrives is what RFC 5322 wants of a message, and no more than that.
func TestMessage(t *testing.T) {
	srv := smtptest.Start(t, plain)
	p := provider(srv)
	p.Headers = map[string]string{"X-SES-Configuration-Set": "logins"}
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	m := message()
	m.From, m.Subject = `"Müller, Söhne" <login@example.org>`, "Ihr Code für „Müller“"
	m.Text, m.HTML = "Ihr Code:\n482913\n.\n", "<p>Ihr Code: <b>482913</b> ☎</p>"
	r, err := open(t, p, smtp.Options{Now: func() time.Time { return now }}).Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	got := srv.Taken()[0]
	if r.ProviderID != "msg_0abc@example.org" || r.State != tenant.MessageAccepted {
		t.Errorf("receipt is %+v", r)
	}
	if got.From != "login@example.org" || got.To != "jo@example.com" || got.Hello != "login.example.com" || got.User != smtptest.User {
		t.Errorf("envelope is %+v", got)
	}
	if got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("text %q, HTML %q", got.Text, got.HTML)
	}
	for name, want := range map[string]string{
		"Message-Id": "<msg_0abc@example.org>", "Auto-Submitted": "auto-generated", "Mime-Version": "1.0",
		"Date": "Fri, 01 May 2026 12:00:00 +0000", "To": "<jo@example.com>", "X-Ses-Configuration-Set": "logins",
		"From":    "=?utf-8?b?TcO8bGxlciwgU8O2aG5l?= <login@example.org>",
		"Subject": "=?UTF-8?q?Ihr_Code_f=C3=BCr_=E2=80=9EM=C3=BCller=E2=80=9C?=",
	} {
		if v := got.Header.Get(name); v != want {
			t.Errorf("%s is %q, want %q", name, v, want)
		}
	}
	if v := got.Header.Get("Content-Type"); !strings.HasPrefix(v, "multipart/alternative;") {
		t.Errorf("Content-Type is %q", v)
	}
	if strings.Index(got.Raw, "text/plain") > strings.Index(got.Raw, "text/html") {
		t.Error("the plain part comes last, so that nobody sees the other")
	}
	for _, name := range []string{"User-Agent", "X-Mailer", "Bcc", "Cc", "Reply-To", "Sender"} {
		if got.Header[name] != nil {
			t.Errorf("there is a header %s: %q", name, got.Header[name])
		}
	}
	if len(got.Header) != 9 || strings.Contains(strings.ToLower(got.Raw), "go-mail") {
		t.Errorf("headers are %v", got.Header)
	}
}

// Who a message is from: whom the connection names, else the provider's default
// under the rendered name.
func TestFrom(t *testing.T) {
	for _, c := range []struct{ name, own, rendered, otherwise, want string }{
		{"the connection's", "x", "Acme <login@example.org>", "no-reply@example.com", `"Acme" <login@example.org>`},
		{"the default", "", "Acme <no-reply@localhost>", "no-reply@example.com", `"Acme" <no-reply@example.com>`},
		{"the default, before the address for help", "", "Acme <help@example.org>", "no-reply@example.com", `"Acme" <no-reply@example.com>`},
		{"the default with its name", "", "<no-reply@localhost>", "Door <no-reply@example.com>", `"Door" <no-reply@example.com>`},
		{"the default instead of Auth0's", "x", "Acme <root@auth0.com>", "no-reply@example.com", `"Acme" <no-reply@example.com>`},
		{"a name alone", "x", "Acme", "no-reply@example.com", `"Acme" <no-reply@example.com>`},
		{"nobody", "x", "Acme <root@auth0.com>", "", ""},
		{"nobody, from what cannot be read", "x", "a@b@example.com", "", ""},
		{"a local part that needs quotes", "x", `"a b"@example.com`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.Start(t, plain)
			p, m := provider(srv), message()
			p.From, m.From, m.Connection.Text.From = c.otherwise, c.rendered, c.own
			_, err := open(t, p, smtp.Options{}).Send(t.Context(), m)
			if c.want == "" {
				if e := failure(t, err); e.Class != delivery.Configuration || srv.Dialled() != 0 {
					t.Errorf("error is %+v after %d connections", e, srv.Dialled())
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := srv.Taken()[0].Header.Get("From"); got != c.want {
				t.Errorf("From is %s, want %s", got, c.want)
			}
		})
	}
}

// INJ-01: what could become a further header or recipient is not even begun.
func TestINJ01Injection(t *testing.T) {
	marks := []string{
		"\r\n", "\n", "\r", "\x00", "\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1b", "\x7f", "\u0080", "\u009f", "\xff",
		"\r\n\r\n", "\n.\n", "\r\n.\r\nMAIL FROM:<eve@example.com>\r\n", "\u2028\r", "\x1a", "\x1c",
	}
	srv := smtptest.Start(t, plain)
	for _, mark := range marks {
		tail := mark + "Bcc: eve@example.com"
		for where, change := range map[string]func(m *delivery.Outgoing, p *tenant.EmailProvider){
			"To":             func(m *delivery.Outgoing, _ *tenant.EmailProvider) { m.To += tail },
			"From":           func(m *delivery.Outgoing, _ *tenant.EmailProvider) { m.From += tail },
			"display name":   func(m *delivery.Outgoing, _ *tenant.EmailProvider) { m.From = "Acme" + tail + " <login@example.org>" },
			"Subject":        func(m *delivery.Outgoing, _ *tenant.EmailProvider) { m.Subject += tail },
			"default sender": func(_ *delivery.Outgoing, p *tenant.EmailProvider) { p.From += tail },
			"header": func(m *delivery.Outgoing, _ *tenant.EmailProvider) {
				m.Headers = []delivery.Header{{Name: "X-Set", Value: "a" + tail}}
			},
			"header's name": func(m *delivery.Outgoing, _ *tenant.EmailProvider) {
				m.Headers = []delivery.Header{{Name: "X-Set" + tail, Value: "a"}}
			},
			"provider's header": func(_ *delivery.Outgoing, p *tenant.EmailProvider) { p.Headers = map[string]string{"X-Set": tail} },
		} {
			p, m := provider(srv), message()
			change(&m, p)
			if _, err := open(t, p, smtp.Options{}).Send(t.Context(), m); failure(t, err).Class == delivery.Temporary {
				t.Errorf("%q in %s: %v, which would be tried again", mark, where, err)
			}
		}
	}
	if n := srv.Dialled(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	for _, to := range []string{"jo@example.com,eve@example.com", "Jo <jo@example.com>", "<jo@example.com>", "jo@example.com>\x20<eve@example.com", `"a b"@example.com`, "jo", "", "jо@example.com"} {
		m := message()
		m.To = to
		if _, err := open(t, provider(srv), smtp.Options{}).Send(t.Context(), m); failure(t, err).Class != delivery.Permanent {
			t.Errorf("To %q: %v", to, err)
		}
	}
	t.Run("a message's text stays text", func(t *testing.T) {
		m := message()
		m.Text, m.HTML = "\n.\nRCPT TO:<eve@example.com>\n..\n", "<p>\n.\n\r\n.\r\nQUIT\r\n</p>"
		if _, err := open(t, provider(srv), smtp.Options{}).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if got := srv.Taken(); len(got) != 1 || got[0].To != "jo@example.com" || got[0].Text != m.Text {
			t.Errorf("taken: %+v", got)
		}
	})
	for _, name := range []string{"Bcc", "From", "x-lower", "X-", "X-A B", "Content-Type"} {
		p := provider(srv)
		p.Headers = map[string]string{name: "a"}
		if _, err := open(t, p, smtp.Options{}).Send(t.Context(), message()); failure(t, err).Class != delivery.Configuration {
			t.Errorf("header %q: %v", name, err)
		}
	}
}

// Codes mean what they do where they are said.
func TestReplies(t *testing.T) {
	for _, c := range []struct {
		name  string
		at    smtptest.Moment
		say   string
		class delivery.Class
		text  string
		retry time.Duration
		maybe bool // the server may have the message
	}{
		{"too many connections", smtptest.Greeting, "421 4.7.0 Too many connections", delivery.Temporary, "4.7.0 Too many connections", 0, false},
		{"nothing for us", smtptest.Greeting, "554 5.7.1 Your address is listed", delivery.Configuration, "5.7.1 Your address is listed", 0, false},
		{"another protocol", smtptest.Greeting, "HTTP/1.1 400 Bad Request", delivery.Temporary, "not that of a mail server", 0, false},
		{"wrong password", smtptest.SigningIn, "535 5.7.8 Bad credentials", delivery.Configuration, "5.7.8 Bad credentials", 0, false},
		{"signing in is down", smtptest.SigningIn, "454 4.7.0 Temporary authentication failure", delivery.Temporary, "4.7.0", 0, false},
		{"a sender that is not ours", smtptest.Sender, "550 5.7.60 Not permitted to send as this sender", delivery.Configuration, "5.7.60", 0, false},
		{"a sender nobody verified", smtptest.Sender, "554 Message rejected: not verified", delivery.Configuration, "not verified", 0, false},
		{"no such mailbox", smtptest.Recipient, "550-5.1.1 No such mailbox.\n550 5.1.1 Try another", delivery.Permanent, "5.1.1 No such mailbox. Try another", 0, false},
		{"an address in it", smtptest.Recipient, "550 5.1.1 <jo@example.com>: Recipient rejected", delivery.Permanent, "Recipient rejected", 0, false},
		{"a policy", smtptest.Recipient, "550 5.7.26 Unauthenticated mail is not accepted", delivery.Configuration, "5.7.26", 0, false},
		{"greylisted", smtptest.Recipient, "451 4.7.1 Greylisting in action", delivery.Temporary, "4.7.1", 30 * time.Second, false},
		{"greylisted for minutes", smtptest.Recipient, "450 Greylisted for 2 minutes", delivery.Temporary, "Greylisted", 2 * time.Minute, false},
		{"full", smtptest.Recipient, "552 5.2.2 Mailbox full", delivery.Permanent, "5.2.2", 0, false},
		{"not understood", smtptest.Recipient, "502 Command not implemented", delivery.Configuration, "not implemented", 0, false},
		{"too big", smtptest.Content, "552 5.3.4 Message too big", delivery.Configuration, "5.3.4", 0, false},
		{"spam", smtptest.Content, "554 5.7.1 Looks like spam", delivery.Configuration, "5.7.1", 0, false},
		{"refused for good", smtptest.Content, "554 Transaction failed", delivery.Permanent, "Transaction failed", 0, false},
		{"passing after the dot", smtptest.Content, "451 4.3.0 Try later", delivery.Temporary, "4.3.0", 0, true},
		{"no reason", smtptest.Recipient, "550 ", delivery.Permanent, "gave no reason", 0, false},
		{"an answer to another question", smtptest.Content, "354 Go ahead", delivery.Temporary, "not that of a mail server", 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.Start(t, plain)
			srv.Script(smtptest.Fault{At: c.at, Say: c.say})
			_, err := open(t, provider(srv), smtp.Options{}).Send(t.Context(), message())
			e := failure(t, err)
			if e.Class != c.class || e.RetryAfter != c.retry || e.Unanswered != c.maybe || !strings.Contains(e.Text, c.text) {
				t.Errorf("error is %+v", e)
			}
			if code := c.say[:3]; code[0] >= '4' && code[0] <= '5' && e.Code != code {
				t.Errorf("code is %q, want %s", e.Code, code)
			}
			if e.Class == delivery.Configuration && e.Fix == "" || strings.Contains(e.Error(), "jo@") {
				t.Errorf("error is %v with the fix %q", e, e.Fix)
			}
			if n := len(srv.Taken()); n != 0 {
				t.Errorf("%d messages were taken", n)
			}
		})
	}
}

// What breaks off before the dot cannot have been taken.
func TestBreakingOff(t *testing.T) {
	for _, at := range []smtptest.Moment{smtptest.Greeting, smtptest.SigningIn, smtptest.Sender, smtptest.Recipient} {
		for _, hang := range []bool{false, true} {
			srv := smtptest.Start(t, plain)
			srv.Script(smtptest.Fault{At: at, Hang: hang})
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			began := time.Now()
			_, err := open(t, provider(srv), smtp.Options{}).Send(ctx, message())
			e := failure(t, err)
			if e.Class != delivery.Temporary || e.Unanswered || e.Code == delivery.CodeNoAnswer || time.Since(began) > time.Second {
				t.Errorf("at %s, hanging %v: %+v after %v", at, hang, e, time.Since(began))
			}
		}
	}
}

// The way to the server is protected, or nothing goes over it.
func TestSecurity(t *testing.T) {
	config, roots := certificate(t)
	_, strangers := certificate(t)
	login := []string{"LOGIN"}
	for _, c := range []struct {
		name     string
		server   smtptest.Options
		security string
		roots    *x509.CertPool
		code     string
		class    delivery.Class
		tls      bool
	}{
		{"STARTTLS", smtptest.Options{TLS: config, Mechanisms: login}, "starttls", roots, "", 0, true},
		{"TLS", smtptest.Options{TLS: config, Implicit: true, Mechanisms: plain.Mechanisms}, "tls", roots, "", 0, true},
		{"nothing on loopback", smtptest.Options{Mechanisms: login}, "", nil, "", 0, false},
		{"nothing, as told", smtptest.Options{Mechanisms: login}, "none", nil, "", 0, false},
		{"STARTTLS that is not offered", plain, "starttls", roots, "tls", delivery.Configuration, false},
		{"STARTTLS with a stranger's certificate", smtptest.Options{TLS: config, Mechanisms: login}, "starttls", strangers, "tls", delivery.Temporary, false},
		{"TLS with a stranger's certificate", smtptest.Options{TLS: config, Implicit: true}, "tls", strangers, "tls", delivery.Temporary, false},
		{"TLS that is not spoken", plain, "tls", roots, "tls", delivery.Temporary, false},
		{"no way to sign in", smtptest.Options{}, "", nil, delivery.CodeNoAccount, delivery.Configuration, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			srv := smtptest.Start(t, c.server)
			p := provider(srv)
			p.Server.Security = c.security
			_, err := open(t, p, smtp.Options{Roots: c.roots}).Send(t.Context(), message())
			if c.code != "" {
				if e := failure(t, err); e.Code != c.code || e.Class != c.class || e.Unanswered || e.Fix == "" || len(srv.Taken()) != 0 {
					t.Errorf("error is %+v, %d taken", e, len(srv.Taken()))
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if m := srv.Taken()[0]; m.TLS != c.tls || m.User != smtptest.User {
				t.Errorf("taken with TLS %v from %q", m.TLS, m.User)
			}
		})
	}
	t.Run("nobody signs in where there is no user", func(t *testing.T) {
		srv := smtptest.Start(t, smtptest.Options{})
		p := provider(srv)
		p.Server.User, p.Secrets = "", nil
		if _, err := open(t, p, smtp.Options{}).Send(t.Context(), message()); err != nil {
			t.Error(err)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(p *tenant.EmailProvider, conn *tenant.Connection)
		want   string
	}{
		{"complete", func(*tenant.EmailProvider, *tenant.Connection) {}, ""},
		{"no host", func(p *tenant.EmailProvider, _ *tenant.Connection) { p.Server.Host = "" }, "The email provider has no smtp_host."},
		{"no password", func(p *tenant.EmailProvider, _ *tenant.Connection) { p.Secrets = nil }, "The email provider has an smtp_user and no smtp_pass."},
		{"no default sender", func(p *tenant.EmailProvider, _ *tenant.Connection) { p.From = "" }, ""},
		{"no sender", func(p *tenant.EmailProvider, c *tenant.Connection) { p.From, c.Text.From = "", "" }, `Neither the email provider nor the connection "email" says who messages are from.`},
	} {
		p, conn := provider(&smtptest.Server{Host: "mail.example.com", Port: 587}), connection()
		c.change(p, conn)
		_, err := smtp.New(smtp.Options{}).Sender(p, conn)
		got := ""
		var e *delivery.Error
		if errors.As(err, &e) {
			got = e.Text
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
