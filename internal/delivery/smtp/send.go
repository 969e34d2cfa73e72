package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

const (
	// maxRead bounds what is read in one conversation.
	maxRead = 1 << 20
	// farewell is how long a server has to answer to QUIT.
	farewell = 500 * time.Millisecond
)

// sender is one mail server.
type sender struct {
	client   *Client
	provider *tenant.EmailProvider
	server   tenant.MailServer
	password string
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the mail server and who signs in there.
func (s *sender) Account() string {
	return delivery.AccountKey(s.server.Host, strconv.Itoa(s.server.Port), s.server.Security, s.server.User, s.password)
}

// A step is how far a conversation has come.
type step uint8

const (
	connecting step = iota
	greeting
	encrypting
	signingIn
	naming     // MAIL FROM
	addressing // RCPT TO
	writing    // DATA, and what follows up to the dot
	ending     // the dot: from here on the server may have the message
)

// Send hands the message to the mail server.
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	l, err := s.compose(m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	delivery.NoteRequest(ctx, fmt.Sprintf("SMTP %s:%d, %s\nMAIL FROM:<%s>\nRCPT TO:<%s>\nDATA, Message-ID %s",
		s.server.Host, s.server.Port, s.server.Security, l.from, l.to, l.id))
	at, err := s.converse(ctx, func(client *smtp.Client) (step, error) { return deliver(client, l) })
	if err != nil {
		e := s.failure(m, at, errors.Join(err, ctx.Err()))
		delivery.NoteReply(ctx, e.Error(), s.password, m.Code, m.Link)
		return delivery.Receipt{}, e
	}
	delivery.NoteReply(ctx, "250, taken")
	return delivery.Receipt{ProviderID: l.id, State: tenant.MessageAccepted}, nil
}

// converse has the whole conversation with the server, of which say is what
// follows the sign-in, and reports how far it came.
func (s *sender) converse(ctx context.Context, say func(*smtp.Client) (step, error)) (step, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(s.server.Host, strconv.Itoa(s.server.Port)))
	if err != nil {
		return connecting, err
	}
	defer raw.Close()
	// The library takes no context: its end closes the connection under it.
	defer context.AfterFunc(ctx, func() { _ = raw.Close() })()
	var conn net.Conn = &bounded{Conn: raw, left: maxRead}
	if s.server.Security == tenant.SecurityTLS {
		secure := tls.Client(conn, s.client.tls(s.server.Host))
		if err := secure.HandshakeContext(ctx); err != nil {
			return encrypting, err
		}
		conn = secure
	}
	client, err := smtp.NewClient(conn, s.server.Host)
	if err != nil {
		return greeting, err
	}
	defer leave(client)
	// Addresses are ASCII here, and some servers announce what they cannot do.
	client.SkipSMTPUTF8(true)
	if err := client.Hello(s.client.hello); err != nil {
		return greeting, err
	}
	if s.server.Security == tenant.SecurityStartTLS {
		if err := s.encrypt(client); err != nil {
			return encrypting, err
		}
	}
	if s.server.User != "" {
		if err := s.signIn(client); err != nil {
			return signingIn, err
		}
	}
	return say(client)
}

// leave says goodbye where somebody is still there.
func leave(client *smtp.Client) {
	if client.HasConnection() && client.UpdateDeadline(farewell) == nil {
		_ = client.Quit()
	}
}

func deliver(client *smtp.Client, l *letter) (step, error) {
	if err := client.Mail("<" + l.from + ">"); err != nil {
		return naming, err
	}
	if err := client.Rcpt("<" + l.to + ">"); err != nil {
		return addressing, err
	}
	w, err := client.Data()
	if err != nil {
		return writing, err
	}
	if _, err := l.msg.WriteTo(w); err != nil {
		return writing, err
	}
	return ending, w.Close()
}

// encrypt asks for TLS. There is no going on without it: whoever sits on the
// way could take the offer out of the server's greeting (RFC 3207 §6).
func (s *sender) encrypt(client *smtp.Client) error {
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return &delivery.Error{
			Code: codeTLS, Class: delivery.Configuration, Text: "The mail server does not offer encryption (STARTTLS).",
			Fix: "Use port 465 or 587 of a server that does. For a server on your own network, the email provider's setting doorcode.security can be \"none\".",
		}
	}
	return client.StartTLS(s.client.tls(s.server.Host))
}

// signIn uses the first of the mechanisms that both sides know. On the
// encrypted way PLAIN is the one that works with the most servers.
func (s *sender) signIn(client *smtp.Client) error {
	_, text := client.Extension("AUTH")
	offered := strings.Fields(strings.ToUpper(text))
	user, host, open := s.server.User, s.server.Host, s.server.Security == tenant.SecurityNone
	for _, m := range []struct {
		name string
		auth smtp.Auth
	}{
		{"PLAIN", smtp.PlainAuth("", user, s.password, host, open)},
		{"LOGIN", smtp.LoginAuth(user, s.password, host, open)},
		{"SCRAM-SHA-256", smtp.ScramSHA256Auth(user, s.password)},
		{"CRAM-MD5", smtp.CRAMMD5Auth(user, s.password)},
	} {
		if slices.Contains(offered, m.name) {
			return client.Auth(m.auth)
		}
	}
	return &delivery.Error{
		Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "The mail server offers no way to sign in that is known here.",
		Fix: "Check the port of the email provider. For a server that asks for no password, leave smtp_user and smtp_pass out.",
	}
}

// bounded ends a connection over which too much comes.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d bytes from the mail server: %w", maxRead, io.ErrUnexpectedEOF)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
