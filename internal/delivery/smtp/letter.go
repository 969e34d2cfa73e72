package smtp

import (
	netmail "net/mail"

	"github.com/wneessen/go-mail"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
)

// A letter is a message in its envelope.
type letter struct {
	from, to string // of the envelope
	id       string
	msg      *mail.Msg
}

// compose writes the message.
func (s *sender) compose(m delivery.Outgoing) (*letter, error) {
	e, err := envelope.Seal(s.provider, m)
	if err != nil {
		return nil, err
	}
	l := &letter{from: e.From.Address, to: e.To, id: e.ID}
	// The program that writes a message is nobody's business, and tells an
	// attacker what to try.
	l.msg = mail.NewMsg(mail.WithNoDefaultUserAgent())
	l.msg.FromMailAddress(e.From)
	l.msg.ToMailAddress(&netmail.Address{Address: e.To})
	l.msg.Subject(e.Subject)
	l.msg.SetDateWithValue(s.client.now().UTC())
	l.msg.SetMessageIDWithValue(e.ID)
	for _, h := range e.Headers {
		l.msg.SetGenHeader(mail.Header(h.Name), h.Value)
	}
	if m.Text != "" || m.HTML == "" {
		l.msg.SetBodyString(mail.TypeTextPlain, m.Text)
	}
	if m.HTML != "" {
		// RFC 2046 §5.1.4: the best form is last.
		l.msg.AddAlternativeString(mail.TypeTextHTML, m.HTML)
	}
	return l, nil
}
