package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// rewrite pauses between two tries to write an outcome down.
const rewrite = 500 * time.Millisecond

// event adds a line to the timeline of a message that goes on. duplicate says
// that what is sent next may be the second copy.
func (j *job) event(at time.Time, detail string, duplicate bool) {
	if duplicate {
		detail += ": a duplicate is possible"
	}
	j.events = append(j.events, tenant.MessageEvent{At: at, State: tenant.MessageQueued, Detail: detail + ".", Duplicate: duplicate})
}

// outcome says what is known of the message so far and sets it free.
func (j *job) outcome() Outcome {
	o := outcome(&j.m)
	o.Events, o.Exchange = slices.Clone(j.events), j.said
	if j.unanswered > 0 && !o.State.Over() {
		// How whoever takes over knows that the repetition is used up.
		o.ErrorCode = CodeNoAnswer
	}
	return o
}

// expire ends a message that there is no time left for. It keeps the error of
// an attempt that was made before.
func (w *Worker) expire(ctx context.Context, j *job) {
	e := &Error{Code: CodeExpired, Class: Permanent, Text: fmt.Sprintf(
		"Not sent: less than %v are left of the code's life.", LastCall)}
	if j.m.ErrorCode == "" {
		j.note(e)
	}
	w.lookUp(ctx, j)
	w.end(ctx, j, tenant.MessageExpired, e.Text, e)
}

// unknown ends a message of which two may have been sent, the second by a
// process that died.
func (w *Worker) unknown(ctx context.Context, j *job) {
	e := &Error{
		Code: CodeNoAnswer, Class: Temporary,
		Text: "The server stopped while it had this message, after an attempt that was not answered. It may have been sent, and is not sent again.",
	}
	j.note(e)
	w.lookUp(ctx, j)
	w.end(ctx, j, tenant.MessageFailed, e.Text, e)
}

// lookUp finds the connection of a message that is over, for whoever tells the
// log about it.
func (w *Worker) lookUp(ctx context.Context, j *job) {
	ctx, cancel := context.WithTimeout(ctx, shortTry)
	defer cancel()
	if c, err := w.Connections(ctx, j.m.Connection); err == nil {
		j.c = c
	}
}

// end writes the outcome of a message that is over.
func (w *Worker) end(ctx context.Context, j *job, state tenant.MessageState, detail string, e *Error) {
	now := w.Now()
	fix := ""
	if e != nil {
		fix = e.Fix
	}
	j.m.State, j.m.NextAt = state, now
	o := j.outcome()
	o.Events = append(o.Events, tenant.MessageEvent{At: now, State: state, Detail: detail, Fix: fix})
	o.Err = e
	if w.OnOutcome != nil {
		w.OnOutcome(&j.m, j.c, &o)
	}
	w.logOutcome(ctx, j, e, now)
	if w.Counts != nil {
		w.Counts.Ended(&j.m, now.Sub(j.m.CreatedAt))
	}
	w.refused.settle(j, e, now)
	w.writeEnd(ctx, j, o)
}

// logOutcome writes the one line that each message has in the log.
func (w *Worker) logOutcome(ctx context.Context, j *job, e *Error, now time.Time) {
	m := &j.m
	line := []slog.Attr{
		slog.String("message", m.ID), slog.String("connection", string(m.Connection)), slog.String("provider", m.Provider),
		slog.String("channel", string(m.Channel)), slog.String("state", string(m.State)), slog.Int("attempts", m.Attempts),
		slog.Int64("dur_us", now.Sub(m.CreatedAt).Microseconds()),
	}
	if e == nil {
		w.logger().LogAttrs(ctx, slog.LevelInfo, "message handed over", line...)
		return
	}
	w.logger().LogAttrs(ctx, slog.LevelWarn, "message not delivered", append(line,
		slog.String("error_code", e.Code), slog.String("class", e.Class.String()),
		slog.String("provider_request", e.RequestID), slog.Any("err", e))...)
}

// writeEnd writes the outcome, again and again until the lease is over if it
// must: what is not written is sent a second time by whoever takes over.
func (w *Worker) writeEnd(ctx context.Context, j *job, o Outcome) {
	for {
		err := w.write(ctx, j, o)
		switch {
		case err == nil:
			return
		case errors.Is(err, ErrLease):
			w.logger().WarnContext(ctx, "message taken over meanwhile", "message", j.m.ID)
			return
		case w.Now().Add(rewrite).After(j.m.LeaseUntil):
			w.logger().ErrorContext(ctx, "outcome of a message lost", "message", j.m.ID, "state", string(o.State), "err", err)
			return
		}
		time.Sleep(rewrite)
	}
}

// write calls Finish, and on success has the job say what its row says.
func (w *Worker) write(ctx context.Context, j *job, o Outcome) error {
	ctx, cancel := context.WithTimeout(ctx, writeTime)
	defer cancel()
	if err := w.Queue.Finish(ctx, j.m.ID, j.m.LeaseUntil, o); err != nil {
		return fmt.Errorf("write outcome: %w", err)
	}
	j.m.LeaseUntil = o.LeaseUntil
	j.events = nil
	return nil
}
