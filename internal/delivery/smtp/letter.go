package smtp

import (
	"cmp"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/wneessen/go-mail"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/delivery"
)

// A letter is a message in its envelope.
type letter struct {
	from, to string // of the envelope
	id       string
	msg      *mail.Msg
}

// compose writes the message. Everything that ends up in a header or in the
// envelope is checked here, whatever was checked before (INJ-01).
func (s *sender) compose(m delivery.Outgoing) (*letter, error) {
	for _, f := range []struct{ what, value string }{
		{"recipient", m.To}, {"sender", m.From}, {"default sender", s.provider.From}, {"subject", m.Subject},
	} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return nil, err
		}
	}
	to, err := address.Email(m.To)
	if err != nil {
		return nil, (&delivery.Error{
			Code: delivery.CodeBadAddress, Class: delivery.Permanent, Text: "The recipient is not an e-mail address.",
		}).Because(err)
	}
	from, err := s.from(m)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	l := &letter{from: from.Address, to: to, id: messageID(m.MessageID) + "@" + domain}
	// The program that writes a message is nobody's business, and tells an
	// attacker what to try.
	l.msg = mail.NewMsg(mail.WithNoDefaultUserAgent())
	l.msg.FromMailAddress(from)
	l.msg.ToMailAddress(&netmail.Address{Address: to})
	l.msg.Subject(m.Subject)
	l.msg.SetDateWithValue(s.client.now().UTC())
	l.msg.SetMessageIDWithValue(l.id)
	// RFC 3834 §5: nobody's holiday notice answers.
	l.msg.SetGenHeader("Auto-Submitted", "auto-generated")
	if err := s.headers(l.msg, m); err != nil {
		return nil, err
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

// from is who the message is from: whom the connection names, else the
// provider's default under the name that was rendered.
func (s *sender) from(m delivery.Outgoing) (*netmail.Address, error) {
	own, otherwise := mailbox(m.From), mailbox(s.provider.From)
	unnamed := m.Connection != nil && m.Connection.Text.From == ""
	if otherwise.Address != "" && (unnamed || own.Address == "") {
		own.Address = otherwise.Address
		own.Name = cmp.Or(own.Name, otherwise.Name)
	}
	if own.Address == "" {
		return nil, &delivery.Error{
			Code: delivery.CodeBadAddress, Class: delivery.Configuration, Text: "There is no e-mail address for the message to be from.",
			Fix: "Set the email provider's default_from_address, or From of the connection.",
		}
	}
	return own, nil
}

// mailbox reads a sender, such as "Acme <no-reply@example.com>". Its address is
// empty if there is none that mail could be from. What Auth0 puts into new
// connections counts as none.
func mailbox(s string) *netmail.Address {
	a, err := netmail.ParseAddress(s)
	if err != nil {
		if strings.ContainsAny(s, "@<>") {
			s = ""
		}
		return &netmail.Address{Name: s}
	}
	if valid, err := address.Email(a.Address); err != nil || strings.HasSuffix(valid, "@auth0.com") {
		a.Address = ""
	}
	return a
}

var (
	headerName = regexp.MustCompile(`^X-[A-Za-z0-9-]{1,70}$`)
	plainID    = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
)

// messageID is the left half of the Message-ID. It is the same for each
// attempt, so that a server can know a duplicate.
func messageID(id string) string {
	if plainID.MatchString(id) {
		return id
	}
	return "message"
}

// headers sets the additional headers. Only those that mean nothing to mail
// programs can be set.
func (s *sender) headers(msg *mail.Msg, m delivery.Outgoing) error {
	all := slices.Clone(m.Headers)
	for name, value := range s.provider.Headers {
		all = append(all, delivery.Header{Name: name, Value: value})
	}
	for _, h := range all {
		if !headerName.MatchString(h.Name) {
			return &delivery.Error{
				Code: delivery.CodeNoAccount, Class: delivery.Configuration,
				Text: fmt.Sprintf("The header %.80q cannot be set: names of additional headers begin with X-.", h.Name),
				Fix:  "Correct the headers in the email provider's settings.",
			}
		}
		if err := delivery.CheckLine("header "+h.Name, h.Value); err != nil {
			return err
		}
		msg.SetGenHeader(mail.Header(h.Name), h.Value)
	}
	return nil
}
