package outbox

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
)

// A Fault is something that providers do at bad times. The outbox does it once,
// so that developers see what their application makes of it.
type Fault string

// The faults. None is a message that is kept as usual.
const (
	None    Fault = ""
	Slow    Fault = "slow"    // the message takes SlowFor
	Down    Fault = "down"    // nobody can be reached: it is tried again
	Refused Fault = "refused" // as Twilio's trial accounts refuse numbers that are not verified
	Twice   Fault = "twice"   // it arrives two times
)

// SlowFor is how long a slow message takes.
const SlowFor = 5 * time.Second

// Valid reports whether there is such a fault.
func (f Fault) Valid() bool {
	switch f {
	case None, Slow, Down, Refused, Twice:
		return true
	}
	return false
}

// Rehearse has the next message meet the fault; None is a message as usual.
func (o *Outbox) Rehearse(f Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.next != f {
		o.next = f
		o.tell()
	}
}

// Next is what the next message will meet.
func (o *Outbox) Next() Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.next
}

// meet takes the fault that is due.
func (o *Outbox) meet() Fault {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.next
	if f != None {
		o.next = None
		o.tell()
	}
	return f
}

// suffer does what the fault does before a message is kept.
func (f Fault) suffer(ctx context.Context) error {
	switch f {
	case Slow:
		select {
		case <-time.After(SlowFor):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case Down:
		return &delivery.Error{Code: delivery.CodeUnreachable, Class: delivery.Temporary, Text: "The outbox was told to be out of reach."}
	case Refused:
		return &delivery.Error{
			Code: "21608", Class: delivery.Configuration, Text: "The outbox was told to refuse the message, as a Twilio trial account does.",
			Fix: "Ask for another message: only one was to be refused.",
		}
	case None, Twice:
	}
	return nil
}
