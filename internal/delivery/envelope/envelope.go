// Package envelope decides what an e-mail says about itself, however it is
// sent: who it is from and to, what it is called, and its additional headers.
//
// Everything that ends up in a header is checked here, whatever was checked
// before: what ends a line is where a second recipient begins (INJ-01).
package envelope

import (
	"cmp"
	"fmt"
	netmail "net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

// An Envelope is all of an e-mail but its text.
type Envelope struct {
	From    *netmail.Address
	To      string // an address alone
	Subject string
	// ID is the Message-ID without its brackets. It is the same for each
	// attempt, so that a server can know a duplicate.
	ID string
	// Ref is our name for the message, for providers that repeat one in their
	// reports; empty if it is not plain.
	Ref string
	// Headers are the others, sorted by name, with Auto-Submitted among them
	// (RFC 3834 §5: nobody's holiday notice answers).
	Headers []delivery.Header
}

// Seal makes the envelope of a message that is sent through the provider.
// Errors are *delivery.Error.
func Seal(p *tenant.EmailProvider, m delivery.Outgoing) (*Envelope, error) {
	for _, f := range []struct{ what, value string }{
		{"recipient", m.To}, {"sender", m.From}, {"default sender", p.From}, {"subject", m.Subject},
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
	from, err := from(p, m)
	if err != nil {
		return nil, err
	}
	more, err := headers(p, m)
	if err != nil {
		return nil, err
	}
	_, domain, _ := strings.Cut(from.Address, "@")
	e := &Envelope{From: from, To: to, Subject: m.Subject, Headers: more}
	if plainID.MatchString(m.MessageID) {
		e.Ref = m.MessageID
	}
	e.ID = cmp.Or(e.Ref, "message") + "@" + domain
	return e, nil
}

// CheckFrom reports that neither the provider nor the connection says who
// messages are from.
func CheckFrom(p *tenant.EmailProvider, conn *tenant.Connection) error {
	if p.From != "" || conn.Text.From != "" {
		return nil
	}
	return &delivery.Error{
		Code: delivery.CodeNoAccount, Class: delivery.Configuration,
		Text: fmt.Sprintf("Neither the email provider nor the connection %q says who messages are from.", conn.Name),
		Fix:  "Set the email provider's default_from_address.",
	}
}

// from is who the message is from: whom the connection names, else the
// provider's default under the name that was rendered.
func from(p *tenant.EmailProvider, m delivery.Outgoing) (*netmail.Address, error) {
	own, otherwise := mailbox(m.From), mailbox(p.From)
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
	plainID    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// headers are the additional headers. Only those that mean nothing to mail
// programs can be set.
func headers(p *tenant.EmailProvider, m delivery.Outgoing) ([]delivery.Header, error) {
	all := slices.Clone(m.Headers)
	for name, value := range p.Headers {
		all = append(all, delivery.Header{Name: name, Value: value})
	}
	for _, h := range all {
		if !headerName.MatchString(h.Name) {
			return nil, &delivery.Error{
				Code: delivery.CodeNoAccount, Class: delivery.Configuration,
				Text: fmt.Sprintf("The header %.80q cannot be set: names of additional headers begin with X-.", h.Name),
				Fix:  "Correct the headers in the email provider's settings.",
			}
		}
		if err := delivery.CheckLine("header "+h.Name, h.Value); err != nil {
			return nil, err
		}
	}
	all = append(all, delivery.Header{Name: "Auto-Submitted", Value: "auto-generated"})
	slices.SortStableFunc(all, func(a, b delivery.Header) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
