package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/observe"
	"github.com/doorcode/doorcode/internal/tenant"
)

// attempt makes one attempt to hand the message over and writes what came of
// it. It reports whether, and after what pause, this process tries again.
//
// Ending the worker's context does not end an attempt: a request that was
// written is worth waiting for, since nobody could say what became of it.
func (w *Worker) attempt(j *job) (pause time.Duration, again bool) {
	ctx := context.Background()
	now := w.Now()
	if j.late(now) {
		w.expire(ctx, j)
		return 0, false
	}
	sender, err := w.prepare(ctx, j)
	if err != nil {
		return w.unprepared(ctx, j, err)
	}
	j.m.Provider = sender.Provider()
	p, held := w.holds.enter(w.account(sender, j), j.m.Provider, w.Now())
	if held != nil {
		return w.hold(ctx, j, held)
	}
	out, err := w.render(ctx, j)
	if err == nil {
		err = sayable(sender, out)
	}
	if err != nil {
		w.holds.cancel(p)
		return w.unprepared(ctx, j, err)
	}
	limit := j.limit(now)
	if !w.covered(ctx, j, limit) {
		w.holds.cancel(p)
		return 0, false
	}
	if j.late(w.Now()) { // getting here may have taken a while
		w.holds.cancel(p)
		w.expire(ctx, j)
		return 0, false
	}
	began := time.Now()
	noting, said := Noting(ctx)
	receipt, failure := send(noting, sender, out, limit)
	j.said = *said
	j.m.Attempts++
	if w.Counts != nil {
		w.Counts.Attempted(j.m.Provider, j.m.Channel, time.Since(began), failure)
	}
	w.noteHold(ctx, w.holds.leave(p, w.Now(), failure))
	if failure != nil {
		return w.failed(ctx, j, failure)
	}
	w.accepted(ctx, j, receipt)
	return 0, false
}

// sayable refuses to hand a call to a sender that makes none: the connection has
// changed since the call was asked for.
func sayable(s Sender, out Outgoing) error {
	if caller, ok := s.(Caller); out.Spoken == "" || ok && caller.CanCall() {
		return nil
	}
	return &Error{
		Code: CodeNoSender, Class: Configuration, Text: "The connection's provider makes no calls any more.",
		Fix: "Ask for a text message, or set the connection up with a Twilio number.",
	}
}

// account names the account that the sender uses, and has the connection's next
// messages share its lane.
func (w *Worker) account(s Sender, j *job) string {
	account := "connection " + string(j.m.Connection)
	if a, ok := s.(Accounted); ok {
		account = a.Account()
	}
	account = s.Provider() + " " + account
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lanes.learn(j.m.Connection, account)
	return account
}

// prepare finds out who sends the message.
func (w *Worker) prepare(ctx context.Context, j *job) (Sender, error) {
	ctx, cancel := context.WithTimeout(ctx, shortTry)
	defer cancel()
	c, err := w.Connections(ctx, j.m.Connection)
	j.c = c
	if fault.Has(err, fault.NotFound) {
		return nil, (&Error{
			Code: CodeGone, Class: Configuration, Text: "The connection was deleted before the message was sent.",
		}).Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("find connection: %w", err)
	}
	sender, err := w.Senders(ctx, c, j.m.Channel)
	if err != nil {
		return nil, err
	}
	if sender == nil {
		return nil, &Error{
			Code: CodeNoSender, Class: Configuration, Text: "No provider is configured for this connection.",
			Fix: "Set the provider up in the connection's settings.",
		}
	}
	return sender, nil
}

// render calls the Renderer, whose templates are written by tenants, and fills
// in what the message itself knows.
func (w *Worker) render(ctx context.Context, j *job) (out Outgoing, err error) {
	ctx, cancel := context.WithTimeout(ctx, shortTry)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			err = (&Error{
				Code: CodeTemplate, Class: Configuration, Text: "The message could not be rendered.",
				Fix: "Correct the message of the connection.",
			}).Because(fmt.Errorf("renderer panicked: %v", v))
		}
	}()
	out, err = w.Renderer.Render(ctx, &j.m, j.c)
	if err != nil {
		return out, err
	}
	out.MessageID, out.Channel, out.To = j.m.ID, j.m.Channel, j.m.To
	out.Connection, out.ClientID, out.Language = j.c, j.m.Client, j.m.Language
	out.Expires = j.m.CodeExpires
	if out.Text == "" && out.HTML == "" {
		return out, &Error{
			Code: CodeTemplate, Class: Configuration, Text: "The message is empty: its template produced no text.",
			Fix: "Correct the message of the connection.",
		}
	}
	j.m.TemplateVersion = out.TemplateVersion
	j.m.Encoding, j.m.Segments = out.Encoding, out.Segments
	return out, nil
}

// unprepared decides about a message that could not be handed over at all. What
// is wrong with the message or its connection ends it; what is wrong with us
// (the database is away, say) is waited out for as long as the code lives.
func (w *Worker) unprepared(ctx context.Context, j *job, err error) (time.Duration, bool) {
	var e *Error
	if errors.As(err, &e) && e.Class != Temporary {
		j.note(e)
		w.end(ctx, j, tenant.MessageFailed, observe.Mask(e.Text), e)
		return 0, false
	}
	if j.passing == 0 {
		w.logger().WarnContext(ctx, "message waits", "message", j.m.ID, "err", err)
	}
	if e == nil {
		e = (&Error{Code: CodeInternal, Class: Temporary, Text: "The message could not be prepared."}).Because(err)
	}
	j.note(e)
	j.passing++
	if errors.Is(w.renew(ctx, j, shortTry+longTry), ErrLease) {
		return 0, false
	}
	return min(firstPause<<min(j.passing-1, 8), shortTry), true
}

// late reports whether the code would be of little use by the time it arrives.
func (j *job) late(now time.Time) bool {
	return !j.m.CodeExpires.IsZero() && now.After(j.m.CodeExpires.Add(-LastCall))
}

// limit is how long the attempt may take: short if there would be another in
// case this one is not answered.
func (j *job) limit(now time.Time) time.Duration {
	n := j.m.Attempts + 1
	if j.unanswered == 0 && n < tries && !j.late(now.Add(shortTry+pauseAfter(n))) {
		return shortTry
	}
	return longTry
}

// pauseAfter is the pause after the nth attempt.
func pauseAfter(n int) time.Duration {
	if n <= 1 {
		return firstPause
	}
	return secondPause
}

// covered makes sure that the message stays this process's for as long as the
// attempt can take, or else lets it go: whoever has it next will send it.
func (w *Worker) covered(ctx context.Context, j *job, limit time.Duration) bool {
	if err := w.renew(ctx, j, limit); err != nil {
		w.logger().WarnContext(ctx, "message let go", "message", j.m.ID, "err", err)
		return false
	}
	return true
}

// renew makes the lease longer if less than d and a margin is left of it.
func (w *Worker) renew(ctx context.Context, j *job, d time.Duration) error {
	now := w.Now()
	if j.m.LeaseUntil.Sub(now) >= d+leaseMargin {
		return nil
	}
	o := j.outcome()
	o.LeaseUntil = now.Add(Lease).Truncate(time.Millisecond)
	return w.write(ctx, j, o)
}

// send makes the hand-over itself. A sender that panics has not said what the
// provider has.
func send(ctx context.Context, s Sender, out Outgoing, limit time.Duration) (r Receipt, failure *Error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			failure = sendError(fmt.Errorf("sender panicked: %v", v))
			failure.Scope = OfMessage
		}
	}()
	r, err := s.Send(ctx, out)
	if err != nil {
		return r, sendError(err)
	}
	return r, nil
}

// accepted ends a message that the provider has taken.
func (w *Worker) accepted(ctx context.Context, j *job, r Receipt) {
	j.m.ProviderID, j.m.ErrorCode, j.m.ErrorText = r.ProviderID, "", ""
	if r.Encoding != "" {
		j.m.Encoding = r.Encoding
	}
	if r.Segments > 0 {
		j.m.Segments = r.Segments
	}
	state := r.State
	if state == "" {
		state = tenant.MessageAccepted
	}
	detail := "Taken by " + j.m.Provider
	if r.ProviderID != "" {
		detail += " as " + r.ProviderID
	}
	w.end(ctx, j, state, detail+".", nil)
}

// failed decides about a message after an attempt that did not succeed.
func (w *Worker) failed(ctx context.Context, j *job, e *Error) (time.Duration, bool) {
	now := w.Now()
	j.note(e)
	if e.Unanswered {
		j.unanswered++
	}
	pause := max(pauseAfter(j.m.Attempts), e.RetryAfter)
	again := e.Unanswered || e.Class == Temporary
	if !again || j.m.Attempts >= tries || e.Unanswered && j.unanswered > 1 || j.late(now.Add(pause)) {
		w.end(ctx, j, tenant.MessageFailed, j.story(e), e)
		return 0, false
	}
	j.event(now, fmt.Sprintf("%s Trying again in %v", j.story(e), pause), e.Unanswered)
	j.m.State, j.m.NextAt = tenant.MessageQueued, now.Add(pause)
	o := j.outcome()
	kept := pause <= handPause
	if kept {
		o.LeaseUntil = now.Add(Lease).Truncate(time.Millisecond)
	}
	err := w.write(ctx, j, o)
	if errors.Is(err, ErrLease) || err == nil && !kept {
		return 0, false
	}
	// If it could not be written it is tried again all the same: covered sees
	// to it that the message is still ours then.
	return pause, true
}

// note remembers the error as the message's latest.
func (j *job) note(e *Error) { j.m.ErrorCode, j.m.ErrorText = e.Code, observe.Mask(e.Text) }

// story tells how the latest attempt ended.
func (j *job) story(e *Error) string {
	told := fmt.Sprintf("Attempt %d: %s (%s).", j.m.Attempts, trimDot(observe.Mask(e.Text)), e.Code)
	if e.Unanswered {
		told += " The provider may have the message."
	}
	return told
}

func trimDot(s string) string {
	if n := len(s); n > 0 && s[n-1] == '.' {
		return s[:n-1]
	}
	return s
}
