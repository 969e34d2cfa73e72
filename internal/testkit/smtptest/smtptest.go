// Package smtptest is a stand-in for a mail server, for tests that must not
// send anything: it takes messages, keeps them as they came, and does on
// request what mail servers do at bad times.
//
// The protocol is that of github.com/emersion/go-smtp, which is not the library
// that sends. The package imports nothing of ours.
package smtptest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// User and Password may hand messages in to a server that asks who they are.
const (
	User     = "mailer"
	Password = "correct horse battery staple"
)

// A Moment is where in a conversation a fault happens.
type Moment string

// The moments.
const (
	Greeting  Moment = "greeting" // instead of it
	SigningIn Moment = "auth"
	Sender    Moment = "mail"
	Recipient Moment = "rcpt"
	Content   Moment = "data" // after the dot
)

// A Fault is something that happens instead of an answer.
type Fault struct {
	At Moment
	// Say is written as it is, such as "550 5.1.1 No such user". Lines are
	// separated by \n. With nothing to say the connection is closed.
	Say string
	// Keep takes the message before anything else happens.
	Keep bool
	// Hang waits, until the other end is gone.
	Hang bool
}

// A Message is one that was taken.
type Message struct {
	From, To string // of the envelope
	Raw      string // with CR LF
	Header   mail.Header
	Text     string // of the plain part, with LF
	HTML     string
	User     string // who signed in
	TLS      bool
	Hello    string
}

// Options say what a server asks for.
type Options struct {
	// TLS is offered with STARTTLS, or spoken from the first byte on.
	TLS      *tls.Config
	Implicit bool
	// Mechanisms are the ways to sign in; with none nobody is asked who they
	// are. Known are PLAIN and LOGIN.
	Mechanisms []string
}

// Server is a stand-in.
type Server struct {
	Host string
	Port int

	opts    Options
	mu      sync.Mutex
	taken   []Message
	faults  []Fault
	always  *Fault
	dialled int
	changed chan struct{} // closed and replaced when a message was taken
}

// Start starts a server on loopback that stops with the test.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().(*net.TCPAddr)
	s := &Server{Host: "127.0.0.1", Port: addr.Port, opts: o, changed: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{s: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth = "mail.example.com", true
	server.ErrorLog = log.New(io.Discard, "", 0)
	l = &greeter{Listener: l, s: s}
	switch {
	case o.Implicit:
		l = tls.NewListener(l, o.TLS)
	case o.TLS != nil:
		server.TLSConfig = o.TLS
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		_ = l.Close() // which the server may not have seen yet
		_ = server.Close()
		<-ended
	})
	return s
}

// Script has the next conversations meet the faults, one each, in order.
func (s *Server) Script(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Always has every conversation that no script is left for meet the fault; nil
// ends that.
func (s *Server) Always(f *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.always = f
}

// Taken returns the messages that were taken, oldest first.
func (s *Server) Taken() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.taken...)
}

// Dialled returns how many connections there were.
func (s *Server) Dialled() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dialled
}

// Wait returns the latest message to an address, and waits for the first one.
func (s *Server) Wait(ctx context.Context, to string) (Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		s.mu.Lock()
		changed := s.changed
		for i := len(s.taken) - 1; i >= 0; i-- {
			if m := s.taken[i]; m.To == to {
				s.mu.Unlock()
				return m, nil
			}
		}
		s.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return Message{}, fmt.Errorf("no message to %s: %w", to, ctx.Err())
		}
	}
}

// fault returns the fault of the conversation, if it happens now.
func (s *Server) fault(at Moment) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case len(s.faults) > 0:
		if s.faults[0].At != at {
			return Fault{}, false
		}
		f := s.faults[0]
		s.faults = s.faults[1:]
		return f, true
	case s.always != nil && s.always.At == at:
		return *s.always, true
	}
	return Fault{}, false
}

// happen does to a connection what the fault says.
func (f Fault) happen(c net.Conn) {
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if f.Hang {
		_, _ = io.Copy(io.Discard, c)
	}
	if f.Say == "" {
		return
	}
	// The conversation goes on to its end, as with a server that refuses.
	_, _ = io.WriteString(c, strings.ReplaceAll(f.Say, "\n", "\r\n")+"\r\n")
	for lines := bufio.NewScanner(c); lines.Scan(); {
		if strings.EqualFold(lines.Text(), "QUIT") {
			_, _ = io.WriteString(c, "221 2.0.0 Bye\r\n")
			return
		}
		_, _ = io.WriteString(c, "250 2.0.0 Ok\r\n")
	}
}

// A greeter lets faults happen to connections that have just come.
type greeter struct {
	net.Listener
	s *Server
}

func (g *greeter) Accept() (net.Conn, error) {
	for {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		g.s.mu.Lock()
		g.s.dialled++
		g.s.mu.Unlock()
		f, ok := g.s.fault(Greeting)
		if !ok {
			return c, nil
		}
		go f.happen(c)
	}
}

// session is one conversation.
type session struct {
	s        *Server
	conn     *smtp.Conn
	user     string
	from, to string
}

var errGone = &smtp.SMTPError{Code: 421, Message: "gone"}

// meet lets a fault happen, if there is one now.
func (x *session) meet(at Moment) error {
	f, ok := x.s.fault(at)
	if !ok {
		return nil
	}
	f.happen(x.conn.Conn())
	return errGone // nobody hears it
}

// Reset implements smtp.Session.
func (x *session) Reset() { x.from, x.to = "", "" }

// Logout implements smtp.Session.
func (x *session) Logout() error { return nil }

// AuthMechanisms implements smtp.AuthSession.
func (x *session) AuthMechanisms() []string { return x.s.opts.Mechanisms }

// Auth implements smtp.AuthSession.
func (x *session) Auth(mechanism string) (sasl.Server, error) {
	if err := x.meet(SigningIn); err != nil {
		return nil, err
	}
	check := func(user, password string) error {
		if user != User || password != Password {
			return smtp.ErrAuthFailed
		}
		x.user = user
		return nil
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
	case sasl.Login:
		return &login{check: check}, nil
	}
	return nil, smtp.ErrAuthUnknownMechanism
}

// login is the mechanism LOGIN: a name, then a password.
type login struct {
	check func(user, password string) error
	asked bool
	user  *string
}

// Next implements sasl.Server.
func (l *login) Next(response []byte) ([]byte, bool, error) {
	switch {
	case !l.asked && response == nil:
		l.asked = true
		return []byte("Username:"), false, nil
	case l.user == nil:
		user := string(response)
		l.asked, l.user = true, &user
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(*l.user, string(response))
}

// Mail implements smtp.Session.
func (x *session) Mail(from string, _ *smtp.MailOptions) error {
	if err := x.meet(Sender); err != nil {
		return err
	}
	if len(x.s.opts.Mechanisms) > 0 && x.user == "" {
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	x.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (x *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := x.meet(Recipient); err != nil {
		return err
	}
	if x.to != "" {
		return errors.New("one recipient at a time")
	}
	x.to = to
	return nil
}

// Data implements smtp.Session.
func (x *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, secure := x.conn.TLSConnectionState()
	m, err := read(raw)
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: err.Error()}
	}
	m.From, m.To, m.User, m.TLS, m.Hello = x.from, x.to, x.user, secure, x.conn.Hostname()
	f, bad := x.s.fault(Content)
	if !bad || f.Keep {
		x.s.take(m)
	}
	if bad {
		f.happen(x.conn.Conn())
		return errGone
	}
	return nil
}

func (s *Server) take(m Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken = append(s.taken, m)
	close(s.changed)
	s.changed = make(chan struct{})
}

// read takes a message apart.
func read(raw []byte) (Message, error) {
	m := Message{Raw: string(raw)}
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return m, err
	}
	m.Header = msg.Header
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return m, err
	}
	if !strings.HasPrefix(kind, "multipart/") {
		text, err := decoded(msg.Header.Get("Content-Transfer-Encoding"), msg.Body)
		if kind == "text/html" {
			m.HTML = text
		} else {
			m.Text = strings.TrimSuffix(text, "\n") // the end of the message's last line
		}
		return m, err
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return m, nil
		}
		if err != nil {
			return m, err
		}
		text, err := decoded(p.Header.Get("Content-Transfer-Encoding"), p)
		if err != nil {
			return m, err
		}
		switch kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind {
		case "text/plain":
			m.Text = text
		case "text/html":
			m.HTML = text
		}
	}
}

func decoded(encoding string, r io.Reader) (string, error) {
	if strings.EqualFold(encoding, "quoted-printable") {
		r = quotedprintable.NewReader(r)
	}
	b, err := io.ReadAll(r)
	return strings.ReplaceAll(string(b), "\r\n", "\n"), err
}
