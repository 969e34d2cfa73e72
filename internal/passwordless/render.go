package passwordless

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Renderer makes the text of a stored message: it makes the code again from
// the salt and fills in the connection's template. It implements
// delivery.Renderer.
type Renderer struct {
	Codes   otp.Maker
	Clients interface {
		Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	}
	Settings func(ctx context.Context) (*tenant.Settings, error)
	// Host is the host of the login page, which the line that browsers read
	// codes from ends with.
	Host string
	// URL is the public URL without a slash at its end, which links begin with
	// whatever host a request has named (ML-06).
	URL string
	Now func() time.Time

	parsed sync.Map // tenant.ConnectionID → *templates
}

var _ delivery.Renderer = (*Renderer)(nil)

// templates are the parsed texts of one version of a connection.
type templates struct {
	version int64
	sms     *message.SMSTemplate
	mail    *message.MailTemplate
}

// Render implements delivery.Renderer.
func (r *Renderer) Render(ctx context.Context, m *tenant.Message, c *tenant.Connection) (delivery.Outgoing, error) {
	t, err := r.templates(c)
	if err != nil {
		return delivery.Outgoing{}, unrenderable(err)
	}
	v, err := r.vars(ctx, m)
	if err != nil {
		return delivery.Outgoing{}, err
	}
	out := delivery.Outgoing{
		MessageID: m.ID, Channel: m.Channel, To: m.To, Code: v.Code, Link: v.Link, Connection: c,
		ClientID: m.Client, ClientName: v.ApplicationName, Language: m.Language, TemplateVersion: t.version,
		RequestIP: m.RequestIP, UserAgent: m.UserAgent,
	}
	if m.Send == tenant.SendVoice {
		said := message.Speak(v.Code, v.ApplicationName, m.Language)
		out.Text, out.Spoken = said.Text, said.Language
		return out, nil
	}
	if m.Channel == tenant.SMS {
		host := ""
		if c.Autofill {
			host = r.Host
		}
		sms, err := t.sms.Render(v, host)
		if err != nil {
			return delivery.Outgoing{}, unrenderable(err)
		}
		out.Text, out.Encoding, out.Segments = sms.Body, string(sms.Encoding), sms.Segments
		return out, nil
	}
	mail, err := t.mail.Render(v)
	if err != nil {
		return delivery.Outgoing{}, unrenderable(err)
	}
	out.From, out.Subject, out.Text, out.HTML = mail.From, mail.Subject, mail.Text, mail.HTML
	return out, nil
}

// vars are the values the templates may show.
func (r *Renderer) vars(ctx context.Context, m *tenant.Message) (message.Vars, error) {
	code, err := r.Codes.Digits(m.Salt, m.Code, m.Digits)
	if err != nil {
		return message.Vars{}, &delivery.Error{
			Code: "code_key", Class: delivery.Configuration, Text: err.Error(),
			Fix: "Start every process with the same DOORCODE_KEY, and keep the previous one in DOORCODE_KEY_PREVIOUS.",
		}
	}
	client, err := r.Clients.Client(ctx, m.Client)
	if fault.Has(err, fault.NotFound) {
		return message.Vars{}, &delivery.Error{
			Code: "application_gone", Class: delivery.Permanent, Text: "The application was deleted before the message was sent.",
		}
	}
	if err != nil {
		return message.Vars{}, fmt.Errorf("read application: %w", err)
	}
	set, err := r.Settings(ctx)
	if err != nil {
		return message.Vars{}, fmt.Errorf("read settings: %w", err)
	}
	v := message.Vars{
		Code: code, ApplicationName: client.Name, ClientID: string(client.ID),
		RequestLanguage: m.Language, Send: m.Send, Link: r.linkOf(m),
		ExpiresMinutes: max(1, int(m.CodeExpires.Sub(m.CreatedAt).Round(time.Second)/time.Minute)),
		TenantName:     set.FriendlyName, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL,
	}
	if m.Channel == tenant.SMS {
		v.PhoneNumber = m.To
	} else {
		v.Email = m.To
	}
	return v, nil
}

// templates returns the connection's templates, parsed once for each version
// of it. Empty texts stand for the built-in ones.
func (r *Renderer) templates(c *tenant.Connection) (*templates, error) {
	if t, ok := r.parsed.Load(c.ID); ok && t.(*templates).version == c.Version {
		return t.(*templates), nil
	}
	t := &templates{version: c.Version}
	var err error
	if c.Channel == tenant.SMS {
		t.sms, err = message.ParseSMS(or(c.Text.Template, message.DefaultSMS), message.Syntax(c.Text.Syntax))
	} else {
		t.mail, err = message.ParseMail(or(c.Text.From, message.DefaultMailFrom),
			or(c.Text.Subject, message.DefaultMailSubject), or(c.Text.Body, message.DefaultMailBody))
	}
	if err != nil {
		return nil, err
	}
	r.parsed.Store(c.ID, t)
	return t, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// unrenderable says that the template is at fault: trying again will not help.
func unrenderable(err error) error {
	return &delivery.Error{
		Code: "template", Class: delivery.Configuration, Text: "The message's template cannot be rendered: " + err.Error(),
		Fix: "Correct the template of the connection.",
	}
}

// Note adds to a message's final outcome what the tenant's log says of it:
// that it failed, or that the text had no code in it. It is a
// delivery.Worker's OnOutcome.
func (r *Renderer) Note(m *tenant.Message, c *tenant.Connection, o *delivery.Outcome) {
	typ, why := "", ""
	switch {
	case o.State == tenant.MessageFailed || o.State == tenant.MessageExpired:
		typ, why = event.NotificationFailed, o.ErrorText
	case c != nil && !r.showsCode(c):
		typ, why = event.NotificationWarning, "The message has no code in it: add @@password@@ or {{ password }} to the template."
	default:
		return
	}
	e := event.New(typ, r.Now())
	event.About(&e, c, nil)
	e.Client, e.User, e.UserName, e.Description = m.Client, m.User, m.To, why
	e.Details = map[string]any{"message_id": m.ID, "provider": o.Provider, "error_code": o.ErrorCode}
	o.Event = &e
}

func (r *Renderer) showsCode(c *tenant.Connection) bool {
	t, err := r.templates(c)
	switch {
	case err != nil:
		return true // that is another message's trouble
	case t.sms != nil:
		return t.sms.ShowsCode()
	}
	return t.mail.ShowsCode()
}
