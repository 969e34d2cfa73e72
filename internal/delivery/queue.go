package delivery

import (
	"context"
	"errors"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// ErrLease is returned when a message's lease is not the one expected: another
// process has the message now, and what this one found out does not count.
var ErrLease = errors.New("the lease on the message is over")

// Queue is where messages wait. Each method is atomic.
type Queue interface {
	// Claim leases messages that are due to the caller.
	Claim(ctx context.Context, c Claim) ([]Claimed, error)

	// Finish writes what became of the message whose lease ends at lease, and
	// appends the events. It changes nothing and returns ErrLease if the
	// message has another lease or none. Where a Report has moved the message's
	// state on meanwhile, that state and its error stay; an outcome that asks
	// for a further attempt is then refused with ErrLease too, since the
	// provider has the message.
	Finish(ctx context.Context, id string, lease time.Time, o Outcome) error
}

// Claim asks for messages that are requested or queued, due at Now, and not
// leased beyond it; the longest due come first.
type Claim struct {
	Now   time.Time
	Until time.Time // the new lease
	Limit int
	// Except are connections that have enough to do.
	Except []tenant.ConnectionID
}

// Claimed is a message with its new lease.
type Claimed struct {
	Message tenant.Message
	// Line is what to add to the timeline; nil for nothing.
	Line *tenant.MessageEvent
	// Spent says that the message must not be sent any more: there may be two of
	// it already.
	Spent bool
}

// TakeOver is what becomes of a message that is claimed. If its lease ran out
// (a LeaseUntil other than zero), whoever had it did not live to tell whether it
// was sent. That counts as an attempt without an answer, of which there is one
// repetition; Claim stores it at once, so that the next one knows of it even if
// this process dies as well.
func (c Claim) TakeOver(m tenant.Message) Claimed {
	lapsed := !m.LeaseUntil.IsZero()
	m.LeaseUntil = c.Until
	out := Claimed{Message: m}
	if !lapsed {
		return out
	}
	out.Spent = m.ErrorCode == CodeNoAnswer
	out.Message.Attempts++
	out.Message.ErrorCode, out.Message.ErrorText = CodeNoAnswer, "The server stopped while it had this message."
	if !out.Spent {
		out.Line = &tenant.MessageEvent{
			At: c.Now, State: tenant.MessageQueued, Duplicate: true,
			Detail: "The server stopped while it had this message and may have sent it. Trying again: a duplicate is possible.",
		}
	}
	return out
}

// Outcome is what a message's row says from now on. All its fields replace the
// message's, except that Events are appended.
type Outcome struct {
	State      tenant.MessageState // requested or queued while an attempt is still due
	NextAt     time.Time
	LeaseUntil time.Time // zero sets the message free
	Attempts   int

	Provider        string
	ProviderID      string
	TemplateVersion int64
	Encoding        string
	Segments        int
	ErrorCode       string
	ErrorText       string // with addresses masked

	// Exchange, unless nothing was said, takes the place of the message's if that
	// is kept: of a message that is Traced, or has an ErrorCode.
	Exchange tenant.Exchange

	Events []tenant.MessageEvent
	Event  *tenant.LogEvent // stored in the same transaction when not nil

	// Err is the last failure as the sender put it; it is not stored.
	Err *Error
}

// outcome returns an Outcome that changes nothing about m but its lease.
func outcome(m *tenant.Message) Outcome {
	return Outcome{
		State: m.State, NextAt: m.NextAt, Attempts: m.Attempts,
		Provider: m.Provider, ProviderID: m.ProviderID, TemplateVersion: m.TemplateVersion,
		Encoding: m.Encoding, Segments: m.Segments, ErrorCode: m.ErrorCode, ErrorText: m.ErrorText,
	}
}
