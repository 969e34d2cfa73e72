package delivery

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

func TestTakingOver(t *testing.T) {
	t.Run("a message of a process that died is sent when its lease ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			began := time.Now()
			b.queue.put(message("m", 3*time.Minute)) // and never offered
			b.run(t)
			time.Sleep(time.Minute)
			row, sent := b.queue.row("m"), b.to.sent()
			if row.State != tenant.MessageAccepted || len(sent) != 1 || row.Attempts != 2 {
				t.Fatalf("row is %+v, sent %d times", row, len(sent))
			}
			if took := sent[0].at.Sub(began); took < Lease || took > Lease+time.Second {
				t.Errorf("sent after %v", took)
			}
			if !strings.Contains(timeline(row), "The server stopped while it had this message") {
				t.Errorf("timeline is %q", timeline(row))
			}
		})
	})
	t.Run("such a message is not repeated again when it is not answered", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(hangs, nil)
			b.queue.put(message("m", 3*time.Minute))
			b.run(t)
			time.Sleep(3 * time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageFailed || row.ErrorCode != CodeNoAnswer || len(b.to.sent()) != 1 {
				t.Errorf("row is %+v, sent %d times", row, len(b.to.sent()))
			}
		})
	})
	t.Run("a message whose three tries ended with a process is tried once more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			m := message("m", 3*time.Minute)
			m.Attempts = 3
			b.queue.put(m)
			b.run(t)
			time.Sleep(time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageAccepted {
				t.Errorf("row is %+v", row)
			}
		})
	})
	t.Run("a message that was set free is sent at its time, without a word of duplicates", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			m := message("m", 3*time.Minute)
			m.LeaseUntil, m.NextAt = time.Time{}, m.NextAt.Add(40*time.Second)
			b.queue.put(m)
			b.run(t)
			time.Sleep(39 * time.Second)
			if len(b.to.sent()) != 0 {
				t.Fatal("sent too early")
			}
			time.Sleep(2 * time.Second)
			row := b.queue.row("m")
			if row.State != tenant.MessageAccepted || strings.Contains(timeline(row), "duplicate") {
				t.Errorf("row is %+v", row)
			}
		})
	})
	t.Run("an unanswered attempt is remembered by whoever takes over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(hangs, hangs, nil)
			b.run(t)
			b.offer(message("m", 3*time.Minute))
			time.Sleep(4*time.Second + 200*time.Millisecond)
			b.stop() // in the pause
			if row := b.queue.row("m"); row.State.Over() || !row.LeaseUntil.IsZero() || row.ErrorCode != CodeNoAnswer {
				t.Fatalf("row is %+v", row)
			}
			next := newBench()
			next.Queue, next.queue, next.to = b.queue, b.queue, b.to
			next.Senders = b.Senders
			next.run(t)
			time.Sleep(time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageFailed || len(b.to.sent()) != 2 {
				t.Errorf("row is %+v, sent %d times", row, len(b.to.sent()))
			}
		})
	})
}

// mortal is what a process has of the queue until it is killed.
type mortal struct {
	*memory
	dead atomic.Bool
}

func (q *mortal) Claim(ctx context.Context, c Claim) ([]Claimed, error) {
	if q.dead.Load() {
		return nil, errDisk
	}
	return q.memory.Claim(ctx, c)
}

func (q *mortal) Finish(ctx context.Context, id string, lease time.Time, o Outcome) error {
	if q.dead.Load() {
		return errDisk
	}
	return q.memory.Finish(ctx, id, lease, o)
}

// However often processes are killed with a message in hand, and whatever came
// of its first attempt, the provider gets it twice at most, the timeline says so,
// and it ends.
func TestKilledAgainAndAgain(t *testing.T) {
	for name, first := range map[string]func(context.Context) (Receipt, error){
		"from the first attempt on": hangs,
		"after one without answer":  refuses(silence),
		"after an outage":           refuses(outage),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rows, to := &memory{}, &provider{script: []func(context.Context) (Receipt, error){first}}
				for range 20 {
					to.script = append(to.script, hangs)
				}
				process := func() (b *bench, kill func()) {
					b = newBench()
					q := &mortal{memory: rows}
					b.Queue, b.queue, b.to = q, rows, to
					b.run(t)
					return b, func() { q.dead.Store(true); b.stop() }
				}
				b, kill := process()
				b.offer(message("m", time.Hour))
				time.Sleep(firstPause + time.Second) // the second attempt is under way, if there is one
				kill()
				for range 12 {
					_, kill := process()
					time.Sleep(Lease + 2*time.Second)
					kill()
				}
				process()
				time.Sleep(Lease + 2*time.Second)
				row, most := b.queue.row("m"), 2
				if name == "after an outage" {
					most = 3 // the first was answered: the provider has not taken it
				}
				if n := len(to.sent()); n > most || !row.State.Over() || row.ErrorCode != CodeNoAnswer {
					t.Errorf("sent %d times, row is %+v", n, row)
				}
				if told := timeline(row); !strings.Contains(told, "a duplicate is possible") || !strings.Contains(told, "is not sent again") {
					t.Errorf("timeline is %q", told)
				}
			})
		})
	}
}

// The outage after the silence does not make it forgotten.
func TestSilenceIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(refuses(silence), refuses(outage))
		b.run(t)
		b.offer(message("m", 3*time.Minute))
		time.Sleep(time.Second)
		b.stop() // in the second pause
		if row := b.queue.row("m"); row.Attempts != 2 || row.ErrorCode != CodeNoAnswer {
			t.Errorf("row is %+v", row)
		}
	})
}

func TestLeaseLost(t *testing.T) {
	t.Run("what another process took over is not sent", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			m := message("m", 3*time.Minute)
			m.LeaseUntil = time.Now().Add(8 * time.Second) // too short for an attempt
			theirs := m
			theirs.LeaseUntil = time.Now().Add(Lease)
			b.queue.put(theirs)
			b.run(t)
			b.Offer(m)
			time.Sleep(5 * time.Second)
			if len(b.to.sent()) != 0 {
				t.Error("it was sent")
			}
		})
	})
	t.Run("a lease that is too short for the attempt is made longer first", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(takes(3 * time.Second))
			m := message("m", 3*time.Minute)
			m.LeaseUntil = time.Now().Add(6 * time.Second)
			b.run(t)
			b.offer(m)
			synctest.Wait()
			if left := time.Until(b.queue.row("m").LeaseUntil); left < Lease-time.Millisecond {
				t.Errorf("lease ends in %v", left)
			}
			time.Sleep(4 * time.Second)
			if row := b.queue.row("m"); row.State != tenant.MessageAccepted {
				t.Errorf("row is %+v", row)
			}
		})
	})
	t.Run("an outcome does not overwrite that of the new holder", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(takes(3 * time.Second))
			b.run(t)
			m := message("m", 3*time.Minute)
			b.offer(m)
			time.Sleep(time.Second)
			m.State, m.LeaseUntil, m.ProviderID = tenant.MessageDelivered, time.Time{}, "theirs"
			b.queue.put(m)
			time.Sleep(time.Minute)
			if row := b.queue.row("m"); row.ProviderID != "theirs" {
				t.Errorf("row is %+v", row)
			}
		})
	})
}

func TestStop(t *testing.T) {
	t.Run("attempts under way come to their end and the rest is set free", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.Concurrency = 4
			b.to.always = takes(3 * time.Second)
			b.run(t)
			for i := range 10 {
				b.offer(message(fmt.Sprint(i), 3*time.Minute))
			}
			time.Sleep(time.Second)
			stopping := time.Now()
			b.stop()
			if took := time.Since(stopping); took != 2*time.Second {
				t.Errorf("stopping took %v", took)
			}
			taken, free := 0, 0
			for i := range 10 {
				switch row := b.queue.row(fmt.Sprint(i)); {
				case row.State == tenant.MessageAccepted:
					taken++
				case row.LeaseUntil.IsZero():
					free++
				}
			}
			if taken != 3 || free != 7 || len(b.to.sent()) != 3 {
				t.Errorf("%d taken, %d free, %d sent", taken, free, len(b.to.sent()))
			}
		})
	})
	t.Run("a pause the provider asked for holds for the next process", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(refuses(&Error{Code: "20429", Class: Temporary, RetryAfter: 4 * time.Second}))
			b.run(t)
			b.offer(message("m", 3*time.Minute))
			due := time.Now().Add(4 * time.Second)
			time.Sleep(time.Second)
			b.stop()
			if row := b.queue.row("m"); !row.NextAt.Equal(due) || !row.LeaseUntil.IsZero() {
				t.Errorf("row is %+v", row)
			}
		})
	})
}

func TestStarvation(t *testing.T) {
	t.Run("a slow account leaves room for another", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			fast := &provider{}
			b.to.always = hangs
			b.Senders = func(_ context.Context, c *tenant.Connection, _ tenant.Channel) (Sender, error) {
				if c.ID == "con_fast" {
					return fast, nil
				}
				return b.to, nil
			}
			b.run(t)
			for i := range 500 {
				b.offer(message(fmt.Sprint("slow", i), 3*time.Minute))
			}
			synctest.Wait()
			if n := len(b.to.sent()); n != most {
				t.Errorf("the slow account runs %d attempts, want %d of %d", n, most, DefaultConcurrency)
			}
			began := time.Now()
			for i := range 100 {
				m := message(fmt.Sprint("fast", i), 3*time.Minute)
				m.Connection = "con_fast"
				b.offer(m)
			}
			synctest.Wait()
			if n := len(fast.sent()); n != 100 || time.Since(began) != 0 {
				t.Errorf("of the other 100, %d were sent after %v", n, time.Since(began))
			}
		})
	})
	t.Run("nor does its backlog in the store hide the other's", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			fast := &provider{}
			b.to.always = hangs
			b.Senders = func(_ context.Context, c *tenant.Connection, _ tenant.Channel) (Sender, error) {
				if c.ID == "con_fast" {
					return fast, nil
				}
				return b.to, nil
			}
			for i := range 5000 {
				m := message(fmt.Sprintf("slow%04d", i), 10*time.Minute)
				m.LeaseUntil = time.Time{}
				b.queue.put(m)
			}
			m := message("fast", 10*time.Minute)
			m.Connection, m.LeaseUntil = "con_fast", time.Time{}
			b.queue.put(m)
			b.run(t)
			if n := len(fast.sent()); n != 1 {
				t.Error("the other account's message waits")
			}
		})
	})
	t.Run("a full memory delays no message by its lease", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.Concurrency, b.Backlog = 4, 8
			b.to.always = takes(100 * time.Millisecond)
			b.run(t)
			for i := range 15 {
				b.offer(message(fmt.Sprint(i), 3*time.Minute))
			}
			time.Sleep(5 * time.Second)
			for i := range 15 {
				row := b.queue.row(fmt.Sprint(i))
				if row.State != tenant.MessageAccepted || strings.Contains(timeline(row), "duplicate") {
					t.Errorf("message %d: %s %q", i, row.State, timeline(row))
				}
			}
			if n := len(b.to.sent()); n != 15 {
				t.Errorf("%d hand-overs, want 15", n)
			}
		})
	})
	t.Run("a message that waits long goes back before its lease ends", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.Concurrency = 2
			b.to.always = takes(3 * time.Second)
			b.run(t)
			for i := range 30 {
				b.offer(message(fmt.Sprint(i), 10*time.Minute))
			}
			time.Sleep(3 * time.Minute)
			for i := range 30 {
				row := b.queue.row(fmt.Sprint(i))
				if row.State != tenant.MessageAccepted || strings.Contains(timeline(row), "duplicate") {
					t.Errorf("message %d: %s %q", i, row.State, timeline(row))
				}
			}
			if n := len(b.to.sent()); n != 30 {
				t.Errorf("%d hand-overs, want 30", n)
			}
		})
	})
}

// Two processes and one store: everything is sent once.
func TestTwoWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := newBench(), newBench()
		b.Queue, b.queue = a.queue, a.queue
		var sent atomic.Int32
		count := func(ctx context.Context) (Receipt, error) { sent.Add(1); return takes(50 * time.Millisecond)(ctx) }
		a.to.always, b.to.always = count, count
		for i := range 600 {
			m := message(fmt.Sprint(i), 3*time.Minute)
			m.LeaseUntil = time.Time{}
			a.queue.put(m)
		}
		a.run(t)
		b.run(t)
		time.Sleep(time.Minute)
		if n := sent.Load(); n != 600 {
			t.Errorf("%d hand-overs of 600 messages", n)
		}
		if len(a.to.sent()) == 0 || len(b.to.sent()) == 0 {
			t.Error("one of the workers had nothing to do")
		}
	})
}

func TestRefusal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(func(ctx context.Context) (Receipt, error) {
			time.Sleep(300 * time.Millisecond)
			return Receipt{}, badTo
		})
		b.run(t)
		b.offer(message("m", 3*time.Minute))
		const want = "The 'To' number +15005550001 is not a valid phone number. (Code: 21211)"
		for range 2 { // also when it is over before somebody asks
			if got := b.Refusal(t.Context(), "con_sms", "m"); got != want {
				t.Errorf("refusal is %q, want %q", got, want)
			}
		}
		began := time.Now()
		if got := b.Refusal(t.Context(), "con_sms", ""); got != "" || time.Since(began) != 300*time.Millisecond {
			t.Errorf("nothing handed over: %q after %v", got, time.Since(began))
		}
		b.offer(message("n", 3*time.Minute))
		if got := b.Refusal(t.Context(), "con_sms", "n"); got != "" {
			t.Errorf("refusal of a message that was taken is %q", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		for range maxRefusals {
			go b.Refusal(ctx, "con_sms", "never")
		}
		synctest.Wait()
		b.Refusal(ctx, "con_sms", "never")
		if time.Since(began) != 0 {
			t.Error("one more than the pool holds waits")
		}
		time.Sleep(2 * time.Second)
	})
}

// What waits in the store is handed over as fast as the provider takes it, not
// as often as the store is looked at.
func TestBacklogOfTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.oneAccount()
		b.to.always = takes(50 * time.Millisecond)
		const many = 5000
		for i := range many {
			m := message(fmt.Sprintf("m%04d", i), 10*time.Minute)
			m.LeaseUntil = time.Time{}
			b.queue.put(m)
		}
		b.run(t)
		// As many as run at once, twenty times a second.
		time.Sleep(many/most*50*time.Millisecond + time.Second)
		if n := len(b.to.sent()); n != many {
			t.Errorf("%d of %d were handed over", n, many)
		}
	})
}
