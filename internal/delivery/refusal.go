package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// maxRefusals bounds how many starts wait for their provider, and settled how
// many outcomes are remembered for a start that comes to ask late.
const (
	maxRefusals = 64
	settledSize = 256
)

// refusals let starts wait for what the provider says (R16). The zero value is
// ready for use.
type refusals struct {
	mu      sync.Mutex
	waiting int
	asked   map[string]chan string
	settled [settledSize]struct{ id, refusal string }
	next    int
	took    map[tenant.ConnectionID]time.Duration
}

// Refusal waits until the provider has refused the message, has taken it, or
// ctx ends, and returns the refusal in the provider's words or "". message is
// empty if nothing was handed over; then Refusal waits as long as the
// connection's latest hand-over took, so that time does not tell the two apart.
// It returns at once when 64 are waiting already.
func (w *Worker) Refusal(ctx context.Context, c tenant.ConnectionID, message string) string {
	answer, pause, ok := w.refused.ask(c, message)
	if !ok {
		return ""
	}
	defer w.refused.leave(message)
	if message == "" {
		timer := time.NewTimer(pause)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
		}
		return ""
	}
	select {
	case refusal := <-answer:
		return refusal
	case <-ctx.Done():
		return ""
	}
}

func (r *refusals) ask(c tenant.ConnectionID, message string) (chan string, time.Duration, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting >= maxRefusals {
		return nil, 0, false
	}
	r.waiting++
	if message == "" {
		return nil, r.took[c], true
	}
	answer := make(chan string, 1)
	for _, s := range r.settled {
		if s.id == message {
			answer <- s.refusal
			return answer, 0, true
		}
	}
	if r.asked == nil {
		r.asked = map[string]chan string{}
	}
	r.asked[message] = answer
	return answer, 0, true
}

func (r *refusals) leave(message string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	delete(r.asked, message)
}

// settle tells what became of the message.
func (r *refusals) settle(j *job, e *Error, now time.Time) {
	refusal := ""
	if e != nil {
		refusal = e.Refusal()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if j.m.Attempts > 0 {
		r.note(j, now)
	}
	r.tell(j, refusal)
	r.settled[r.next] = struct{ id, refusal string }{j.m.ID, refusal}
	r.next = (r.next + 1) % settledSize
}

// leaveOff tells that nothing will be known about the message for some time.
func (r *refusals) leaveOff(j *job, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.note(j, now)
	r.tell(j, "")
}

// note keeps how long the hand-over took. The lock is held.
func (r *refusals) note(j *job, now time.Time) {
	if r.took == nil {
		r.took = map[tenant.ConnectionID]time.Duration{}
	}
	r.took[j.m.Connection] = now.Sub(j.since)
}

// tell answers whoever waits for the message. The lock is held.
func (r *refusals) tell(j *job, refusal string) {
	if answer, ok := r.asked[j.m.ID]; ok {
		answer <- refusal
		delete(r.asked, j.m.ID)
	}
}
