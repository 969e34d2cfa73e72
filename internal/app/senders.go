package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/gateway"
	"github.com/doorcode/doorcode/internal/delivery/sendgrid"
	"github.com/doorcode/doorcode/internal/delivery/ses"
	"github.com/doorcode/doorcode/internal/delivery/smtp"
	"github.com/doorcode/doorcode/internal/delivery/sns"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/delivery/vonage"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// senders says who sends for a connection: the outbox in dev, always; in serve
// the account that the connection names, and for e-mail the tenant's provider.
// Adding a provider is a line here.
type senders struct {
	mode    config.Mode
	outbox  delivery.Sender
	twilio  *twilio.Client
	vonage  *vonage.Client
	sns     *sns.Client
	ses     *ses.Client
	grid    *sendgrid.Client
	gateway *gateway.Client
	smtp    *smtp.Client
	// email returns the tenant's e-mail provider; the fault is NotFound if
	// there is none.
	email func(ctx context.Context) (*tenant.EmailProvider, error)
	log   *slog.Logger

	told sync.Map // tenant.ConnectionID → why it was last not ready
}

// sender implements delivery.Worker's Senders. Nil means that nothing is
// configured.
func (s *senders) sender(ctx context.Context, c *tenant.Connection, channel tenant.Channel) (delivery.Sender, error) {
	if s.mode == config.Dev {
		return s.outbox, nil
	}
	return s.configured(ctx, c, channel)
}

// configured is who sends for the connection in serve.
func (s *senders) configured(ctx context.Context, c *tenant.Connection, channel tenant.Channel) (delivery.Sender, error) {
	switch {
	case channel == tenant.Email:
		return s.mailer(ctx, c)
	case channel == tenant.SMS && (c.Sender.Provider == "" || c.Sender.Provider == twilio.Provider):
		return s.twilio.Sender(c)
	case channel == tenant.SMS && c.Sender.Provider == vonage.Provider:
		return s.vonage.Sender(c)
	case channel == tenant.SMS && c.Sender.Provider == sns.Provider:
		return s.sns.Sender(c)
	case channel == tenant.SMS && c.Sender.Provider == gateway.Provider:
		return s.gateway.Sender(c)
	}
	return nil, nil
}

// listeners are who understands what providers report. A provider that reports
// is a line here.
func (s *senders) listeners() map[string]delivery.Listener {
	return map[string]delivery.Listener{twilio.Provider: s.twilio, vonage.Provider: s.vonage}
}

// mailer is who sends the connection's e-mail.
func (s *senders) mailer(ctx context.Context, c *tenant.Connection) (delivery.Sender, error) {
	p, err := s.email(ctx)
	switch {
	case fault.Has(err, fault.NotFound):
		return nil, nil
	case err != nil:
		return nil, err
	case !p.Enabled:
		return nil, &delivery.Error{
			Code: delivery.CodeNoSender, Class: delivery.Configuration, Text: "The email provider is switched off.",
			Fix: "Set the email provider's enabled to true.",
		}
	case p.Name == smtp.Provider:
		return s.smtp.Sender(p, c)
	case p.Name == ses.Provider:
		return s.ses.Sender(p, c)
	case p.Name == sendgrid.Provider:
		return s.grid.Sender(p, c)
	}
	return nil, &delivery.Error{
		Code: delivery.CodeNoSender, Class: delivery.Configuration,
		Text: fmt.Sprintf("This version does not send through the email provider %q.", p.Name),
		Fix:  "Set up ses, sendgrid or smtp, the last with the host and the credentials that yours has for SMTP.",
	}
}

// ready reports whether the connection has somebody to send through (R14). Why
// it has not is for whoever runs the server, and told once.
func (s *senders) ready(ctx context.Context, c *tenant.Connection) (bool, error) {
	sender, err := s.sender(ctx, c, c.Channel)
	var missing *delivery.Error
	why := "No provider is configured."
	if c.Channel == tenant.Email {
		why = "No email provider is configured. Set emailProvider in the configuration file, or one at /api/v2/emails/provider."
	}
	switch {
	case err == nil && sender != nil:
		s.told.Delete(c.ID)
		return true, nil
	case errors.As(err, &missing):
		why = missing.Text + " " + missing.Fix
	case err != nil:
		return false, err
	}
	if before, _ := s.told.Swap(c.ID, why); before != why {
		s.log.WarnContext(ctx, "connection is not ready", "connection", c.Name, "reason", why)
	}
	return false, nil
}

// canCall reports whether codes for the connection can be read out by a call.
func (s *senders) canCall(c *tenant.Connection) bool {
	return c.Channel == tenant.SMS &&
		(s.mode == config.Dev || (c.Sender.Provider == "" || c.Sender.Provider == twilio.Provider) && twilio.CanCall(c))
}

// mailbox joins the worker and the senders into what a sign-in needs of them.
type mailbox struct {
	worker  *delivery.Worker
	senders *senders
}

func (m mailbox) Offer(msg tenant.Message) { m.worker.Offer(msg) }

func (m mailbox) Refusal(ctx context.Context, c tenant.ConnectionID, message string) string {
	return m.worker.Refusal(ctx, c, message)
}

func (m mailbox) Ready(ctx context.Context, c *tenant.Connection) (bool, error) {
	return m.senders.ready(ctx, c)
}
