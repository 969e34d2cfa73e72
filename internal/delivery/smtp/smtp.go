// Package smtp sends e-mail through a mail server, with the tenant's e-mail
// provider.
//
// Each message has a connection of its own: one that was kept open may have
// been closed at the other end, which looks like an attempt without an answer.
// Until the dot that ends a message has been written the server cannot have
// taken it, so that only what breaks off after that counts as unanswered.
package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"net/netip"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent by SMTP carry, and that of the
// e-mail provider that this package sends for.
const Provider = "smtp"

// PasswordOption is the name of the password among the provider's Secrets.
const PasswordOption = "smtp_pass"

// implicitTLS is the port where nothing but TLS is spoken (RFC 8314 §7.3).
const implicitTLS = 465

// Options are what all messages have in common.
type Options struct {
	// Hello is the host that servers are told we are, or its address.
	Hello string
	// Roots are who certificates are trusted from; nil: whom the system trusts.
	Roots *x509.CertPool
	Now   func() time.Time
}

// A Client makes senders. It is safe for use by many goroutines.
type Client struct {
	hello string
	roots *x509.CertPool
	now   func() time.Time
}

// New returns a client.
func New(o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Client{hello: helloName(o.Hello), roots: o.Roots, now: o.Now}
}

// helloName is a host as EHLO names it: addresses are in brackets (RFC 5321
// §4.1.3).
func helloName(host string) string {
	host = strings.Trim(host, "[]")
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "":
		return "localhost"
	case err != nil:
		return host
	case ip.Is4():
		return "[" + host + "]"
	}
	return "[IPv6:" + host + "]"
}

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what the settings lack, as Check does.
func (c *Client) Sender(p *tenant.EmailProvider, conn *tenant.Connection) (delivery.Sender, error) {
	if err := Check(p, conn); err != nil {
		return nil, err
	}
	server := p.Server
	server.Host = strings.Trim(server.Host, "[]")
	if server.Port == 0 {
		server.Port = tenant.DefaultMailPort
	}
	server.Security = security(server)
	return &sender{client: c, provider: p, server: server, password: p.Secrets[PasswordOption]}, nil
}

// Check reports what the provider lacks to send anything for the connection.
func Check(p *tenant.EmailProvider, conn *tenant.Connection) error {
	e := &delivery.Error{Code: delivery.CodeNoAccount, Class: delivery.Configuration}
	switch {
	case p.Server.Host == "":
		e.Text, e.Fix = "The email provider has no smtp_host.", "Set the host of the mail server."
	case p.Server.User != "" && p.Secrets[PasswordOption] == "":
		e.Text, e.Fix = "The email provider has an smtp_user and no smtp_pass.", "Set the password."
	default:
		return envelope.CheckFrom(p, conn)
	}
	return e
}

// security is how the way to the server is protected. Nothing but what stays
// on this machine goes unprotected without being told to: not the password,
// and not the codes.
func security(s tenant.MailServer) string {
	switch {
	case s.Security != "":
		return s.Security
	case s.Port == implicitTLS:
		return tenant.SecurityTLS
	case loopback(s.Host):
		// The certificate of a server beside us names its public host.
		return tenant.SecurityNone
	}
	return tenant.SecurityStartTLS
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// tls is what encrypted connections to the server are made with.
func (c *Client) tls(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: c.roots, MinVersion: tls.VersionTLS12}
}
