// Package delivery gets stored messages to the people they are for.
//
// A message is one row, written in the same transaction as the code it
// carries. The Worker takes it from there: in memory when this process stored
// it, by sweeping when another process died with it. It promises:
//
//   - Every message ends: accepted by a provider, failed with a reason, or
//     expired. A process that dies does not change that: what it had in hand is
//     taken over when its lease ends.
//   - A message is handed over twice only if the first hand-over was written and
//     never answered, or the process died meanwhile; the timeline says so. The
//     text is the same both times, so a duplicate does no harm.
//   - Nothing is handed over in the last seconds of a code's life.
//   - A provider that is slow or away holds up its own messages only.
//
// No provider is called inside a transaction or while a lock is held. What a
// message says is the Renderer's business, how a provider is spoken to a
// Sender's; a Sender may itself be made of others, for a second route or a
// circuit breaker.
package delivery

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A Sender hands messages to one provider. It is safe for use by many
// goroutines, and makes one attempt: repeating is the Worker's decision.
type Sender interface {
	// Provider is the name that messages and metrics show, such as "twilio".
	Provider() string

	// Send hands the message over. It returns when the provider has answered
	// or ctx ends. Errors are *Error; any other error is taken for an attempt
	// that was not answered.
	Send(ctx context.Context, m Outgoing) (Receipt, error)
}

// A Caller is a Sender that can call and read a message out. Those that cannot
// are handed none with Spoken.
type Caller interface {
	Sender
	// CanCall reports whether the account is set up to call.
	CanCall() bool
}

// Outgoing is one rendered message.
type Outgoing struct {
	MessageID string
	Channel   tenant.Channel
	To        string
	From      string // empty: what the connection's account says
	Subject   string // e-mail
	Text      string
	HTML      string // e-mail, optional
	Headers   []Header

	// Expires is the end of the code's life, or zero: after it the message is of
	// no use.
	Expires time.Time

	Code string // for the dev outbox, and to be kept out of error texts
	Link string // for the dev outbox

	Connection      *tenant.Connection
	ClientID        tenant.ClientID
	ClientName      string
	RequestIP       string // of whoever asked for the message
	UserAgent       string
	Language        string
	TemplateVersion int64
	// Spoken is the language that Text is to be read out in by a call, empty for
	// what is to be read.
	Spoken   string
	Encoding string // of an SMS: "GSM-7" or "UCS-2"
	Segments int
}

// A Header is an additional header of an e-mail.
type Header struct{ Name, Value string }

// Receipt is a provider's word that it has the message.
type Receipt struct {
	ProviderID string
	// State is tenant.MessageAccepted if left empty, or sent or delivered where
	// a provider knows at once.
	State tenant.MessageState
	// Encoding and Segments replace what was reckoned, where the provider says.
	Encoding string
	Segments int
}

// A Renderer makes the message to hand over from what was stored. An *Error
// ends the message or has it tried again, by its class; any other error counts
// as passing.
type Renderer interface {
	// Render returns the message's text with the code made anew.
	Render(ctx context.Context, m *tenant.Message, c *tenant.Connection) (Outgoing, error)
}
