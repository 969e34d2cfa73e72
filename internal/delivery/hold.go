package delivery

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// hold decides about a message whose account is held. It counts as no attempt.
// Where the provider is down the message waits in the store, for the account or
// for the end of its code's life; where the account itself is refused, waiting
// would only hide that.
func (w *Worker) hold(ctx context.Context, j *job, s *AccountState) (time.Duration, bool) {
	now := w.Now()
	if s.Refused {
		e := s.Last
		e.Unanswered = false
		j.note(&e)
		w.end(ctx, j, tenant.MessageFailed, fmt.Sprintf("Not handed over: %s has refused this account %d times in a row: %s (%s).",
			j.m.Provider, s.Failures, trimDot(e.Text), e.Code), &e)
		return 0, false
	}
	told := j.m.ErrorCode == CodeHeld || j.swept && j.unanswered > 0
	j.note(&Error{Code: CodeHeld, Text: fmt.Sprintf("%s has not taken %d messages in a row: %s (%s).",
		j.m.Provider, s.Failures, trimDot(s.Last.Text), s.Last.Code)})
	if !told {
		j.event(now, j.m.ErrorText+" The message waits until it takes some again", false)
	}
	j.m.State, j.m.NextAt = tenant.MessageQueued, s.NextTry
	if end := j.m.CodeExpires.Add(-LastCall + time.Millisecond); !j.m.CodeExpires.IsZero() && end.Before(s.NextTry) {
		j.m.NextAt = later(end, now)
	}
	w.refused.leaveOff(j, now)
	if err := w.write(ctx, j, j.outcome()); err != nil && !errors.Is(err, ErrLease) {
		return shortTry, true
	}
	return 0, false
}

// noteHold logs and counts that an account is held or free again.
func (w *Worker) noteHold(ctx context.Context, s *AccountState) {
	if s == nil {
		return
	}
	if w.Counts != nil {
		w.Counts.HoldChanged(*s)
	}
	if s.Standing == Free {
		w.logger().InfoContext(ctx, "provider account takes messages again", "provider", s.Provider,
			"failures", s.Failures, "down_us", w.Now().Sub(s.Since).Microseconds())
		return
	}
	w.logger().WarnContext(ctx, "provider account held", "provider", s.Provider, "failures", s.Failures,
		"refused", s.Refused, "error_code", s.Last.Code, "reason", s.Last.Text, "fix", s.Last.Fix)
}
