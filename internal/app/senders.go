package app

import (
	"context"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/tenant"
)

// senders says who sends for a connection: the outbox in dev, always; in serve
// the account that the connection names. Adding a provider is a line here.
type senders struct {
	mode   config.Mode
	outbox delivery.Sender
	twilio *twilio.Client
}

// sender implements delivery.Worker's Senders. Nil means that nothing is
// configured.
func (s *senders) sender(c *tenant.Connection, channel tenant.Channel) (delivery.Sender, error) {
	switch {
	case s.mode == config.Dev:
		return s.outbox, nil
	case channel == tenant.SMS && (c.Sender.Provider == "" || c.Sender.Provider == twilio.Provider):
		return s.twilio.Sender(c)
	}
	return nil, nil
}

// ready reports whether the connection has somebody to send through (R14).
func (s *senders) ready(c *tenant.Connection) bool {
	sender, err := s.sender(c, c.Channel)
	return err == nil && sender != nil
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

func (m mailbox) Ready(c *tenant.Connection) bool { return m.senders.ready(c) }
