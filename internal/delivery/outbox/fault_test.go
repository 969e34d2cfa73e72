package outbox_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// The next message meets the fault, and the one after that does not.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		fault outbox.Fault
		kept  int
		class delivery.Class
		code  string
		takes time.Duration
	}{
		{outbox.None, 1, 0, "", 0},
		{outbox.Slow, 1, 0, "", outbox.SlowFor},
		{outbox.Down, 0, delivery.Temporary, delivery.CodeUnreachable, 0},
		{outbox.Refused, 0, delivery.Configuration, "21608", 0},
		{outbox.Twice, 2, 0, "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			o := &outbox.Outbox{}
			o.Rehearse(tt.fault)
			if !tt.fault.Valid() || o.Next() != tt.fault {
				t.Errorf("%s: next is %q", tt.fault, o.Next())
			}
			began := time.Now()
			_, err := o.Send(t.Context(), message("msg_1"))
			var e *delivery.Error
			if tt.code == "" && err != nil || tt.code != "" && (!errors.As(err, &e) || e.Class != tt.class || e.Code != tt.code || e.Unanswered) {
				t.Errorf("%s: %v", tt.fault, err)
			}
			if took := time.Since(began); took != tt.takes {
				t.Errorf("%s took %v", tt.fault, took)
			}
			if n := len(o.Messages(outbox.Filter{})); n != tt.kept || o.Next() != outbox.None {
				t.Errorf("%s: %d messages, and then %q", tt.fault, n, o.Next())
			}
			send(t, o, message("msg_2"))
			if n := len(o.Messages(outbox.Filter{})); n != tt.kept+1 {
				t.Errorf("%s: %d messages after the next", tt.fault, n)
			}
		})
	}
	if outbox.Fault("chaos").Valid() {
		t.Error("there is a fault that nothing does")
	}
}

// A slow message ends with its context, and is not kept.
func TestSlowEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &outbox.Outbox{}
		o.Rehearse(outbox.Slow)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := o.Send(ctx, message("msg_1")); !errors.Is(err, context.DeadlineExceeded) || len(o.Messages(outbox.Filter{})) != 0 {
			t.Errorf("%v", err)
		}
	})
}

// Of many messages at once one meets the fault.
func TestOneMeetsTheFault(t *testing.T) {
	o := &outbox.Outbox{}
	for range 20 {
		o.Rehearse(outbox.Refused)
		var refused atomic.Int32
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				if _, err := o.Send(t.Context(), message("msg_1")); err != nil {
					refused.Add(1)
				}
			})
		}
		if wg.Wait(); refused.Load() != 1 {
			t.Fatalf("%d were refused", refused.Load())
		}
	}
}
