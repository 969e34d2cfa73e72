package manage

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/address"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A MessageQuery picks messages. Empty fields pick all.
type MessageQuery struct {
	ID         string
	Recipients []string // to any of them
	ProviderID string
	State      tenant.MessageState
	Failed     bool // of any of the states of failure
	Channel    tenant.Channel
	Connection tenant.ConnectionID
	Client     tenant.ClientID
	From, To   time.Time // From is included, To is not
	Before     string    // older than the one with the id
	Limit      int
	// Look is how many messages are looked at where no index leads to those that
	// are asked for; 0 means all.
	Look int
}

// MessagesFound is a part of the message log. Next is what the part after it is
// Before, or empty if there is none. Until is set where the search stopped
// because it had looked at enough, and is how far back it came.
type MessagesFound struct {
	Items []tenant.Message
	Next  string
	Until time.Time
}

// FunnelHour is what an hour's sign-ins came to.
type FunnelHour struct {
	At       time.Time
	Asked    int // messages that were asked for and due
	Arrived  int // of the messages of the hour, those that are known to have come
	Failed   int // and those that are known not to
	SignedIn int
}

// lookAtMessages is how many messages one search looks at.
const lookAtMessages = 20_000

// ListMessages returns up to n messages that are older than the one with the
// id before, newest first.
func (s *Service) ListMessages(ctx context.Context, before string, n int) ([]tenant.Message, error) {
	found, err := s.Messages.Messages(ctx, MessageQuery{Before: before, Limit: n})
	return found.Items, err
}

// SearchMessages returns messages that match, newest first. The text is an
// address, a number in any form, or the id of a message, ours or the provider's:
// the whole of it.
func (s *Service) SearchMessages(ctx context.Context, text string, q MessageQuery) (MessagesFound, error) {
	q.Look = lookAtMessages
	switch text = strings.TrimSpace(text); {
	case text == "":
	case strings.HasPrefix(text, "msg_"):
		q.ID = text
	case strings.Contains(text, "@"):
		to, err := address.Email(text)
		if err != nil {
			return MessagesFound{}, nil // nobody has it
		}
		q.Recipients = []string{to}
	default:
		q.ProviderID = text
		if number, ok := address.SearchedNumber(text, nil); ok {
			q.ProviderID, q.Recipients = "", append(number.Exact, number.Begins...)
		}
	}
	return s.Messages.Messages(ctx, q)
}

// Message returns a message. The fault is ErrMessage if there is none.
func (s *Service) Message(ctx context.Context, id string) (tenant.Message, error) {
	m, err := s.Messages.Message(ctx, id)
	return m, as(err, ErrMessage)
}

// RevealRecipient reads messages whose recipients are to be shown in full, and
// notes in the log who wanted to see them.
func (s *Service) RevealRecipient(by Actor) func(ctx context.Context, id string) (tenant.Message, error) {
	return func(ctx context.Context, id string) (tenant.Message, error) {
		m, err := s.Message(ctx, id)
		if err != nil {
			return m, err
		}
		e := s.entry(event.ManagementSecret, by, outcome{what: "Read the recipient of a message", status: http.StatusOK})
		e.Details["message_id"], e.ConnectionID = m.ID, m.Connection
		return m, s.Logs.AddLogs(ctx, e)
	}
}

// Funnel is what sign-ins came to in the hours up to and with the present one.
func (s *Service) Funnel(ctx context.Context, hours int) ([]FunnelHour, error) {
	last := s.Now().UTC().Truncate(time.Hour)
	return s.Messages.Funnel(ctx, last.Add(-time.Duration(hours-1)*time.Hour), hours)
}
