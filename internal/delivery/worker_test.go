package delivery

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Every branch of decision R17: what the provider does, and what follows. The
// times are those at which it is called.
func TestAttempts(t *testing.T) {
	slow := &Error{Code: "20429", Text: "Too many requests", Class: Temporary, RetryAfter: 20 * time.Second}
	soon := &Error{Code: "20429", Text: "Too many requests", Class: Temporary, RetryAfter: 3 * time.Second}
	later := &Error{Code: "20429", Text: "Too many requests", Class: Temporary, RetryAfter: 10 * time.Minute}
	lostAfter := func(d time.Duration) func(context.Context) (Receipt, error) {
		return func(ctx context.Context) (Receipt, error) {
			time.Sleep(d)
			return Receipt{}, silence
		}
	}
	type script = []func(context.Context) (Receipt, error)
	tests := []struct {
		name   string
		life   time.Duration
		script script
		times  string
		state  tenant.MessageState
		code   string
		dup    bool // the timeline says that a duplicate is possible
	}{
		{"is taken at once", 180 * time.Second, nil, "0s", "accepted", "", false},
		{"is taken after an outage", 180 * time.Second, script{refuses(outage)}, "0s 500ms", "accepted", "", false},
		{"is taken at the third try", 180 * time.Second, script{refuses(outage), refuses(outage)}, "0s 500ms 2s", "accepted", "", false},
		{"fails after the third try", 180 * time.Second, script{refuses(outage), refuses(outage), refuses(outage), nil}, "0s 500ms 2s", "failed", "20503", false},
		{"fails at once for a wrong number", 180 * time.Second, script{refuses(badTo)}, "0s", "failed", "21211", false},
		{"fails at once for wrong credentials", 180 * time.Second, script{refuses(badToken)}, "0s", "failed", "20003", false},
		{"is repeated once when there is no answer in 4 s", 180 * time.Second, script{hangs}, "0s 4.5s", "accepted", "", true},
		{"fails when the repetition is not answered in 10 s", 180 * time.Second, script{hangs, hangs, nil}, "0s 4.5s", "failed", "no_answer", true},
		{"is taken when the repetition takes 9 s", 180 * time.Second, script{hangs, takes(9 * time.Second)}, "0s 4.5s", "accepted", "", true},
		{"is repeated once when the connection breaks", 180 * time.Second, script{lostAfter(time.Second)}, "0s 1.5s", "accepted", "", true},
		{"is not repeated twice with an outage between", 180 * time.Second, script{lostAfter(0), refuses(outage), lostAfter(0), nil}, "0s 500ms 2s", "failed", "no_answer", true},
		{"is repeated once after outages", 180 * time.Second, script{refuses(outage), lostAfter(0)}, "0s 500ms 2s", "accepted", "", true},
		{"fails when the third try is the first without answer", 180 * time.Second, script{refuses(outage), refuses(outage), hangs, nil}, "0s 500ms 2s", "failed", "no_answer", false},
		{"waits as long as the provider asks", 180 * time.Second, script{refuses(soon)}, "0s 3s", "accepted", "", false},
		{"waits long in the store", 180 * time.Second, script{refuses(slow)}, "0s 20s", "accepted", "", false},
		{"fails when the provider asks for more than the code's life", 180 * time.Second, script{refuses(later), nil}, "0s", "failed", "20429", false},
		{"is not sent in the last 15 s", 14 * time.Second, nil, "", "expired", "expired", false},
		{"is sent before the last 15 s", 15*time.Second + time.Millisecond, nil, "0s", "accepted", "", false},
		{"is not tried again in the last 15 s", 15*time.Second + 400*time.Millisecond, script{refuses(outage), nil}, "0s", "failed", "20503", false},
		{"has 10 s when there is no time for another try", 19 * time.Second, script{takes(9 * time.Second)}, "0s", "accepted", "", false},
		{"has no end when the message has no code", 0, script{hangs}, "0s 4.5s", "accepted", "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(tt.script...)
				b.run(t)
				began := time.Now()
				m := message("m", tt.life)
				if tt.life == 0 {
					m.CodeExpires = time.Time{}
				}
				b.offer(m)
				time.Sleep(5 * time.Minute)
				row := b.queue.row("m")
				var times []string
				for _, c := range b.to.sent() {
					times = append(times, c.at.Sub(began).String())
				}
				if got := strings.Join(times, " "); got != tt.times {
					t.Errorf("handed over at %q, want %q", got, tt.times)
				}
				if row.State != tt.state || row.ErrorCode != tt.code || row.Attempts != len(times) || !row.LeaseUntil.IsZero() {
					t.Errorf("row says %s, %q, %d attempts, lease %v; want %s, %q, %d", row.State, row.ErrorCode, row.Attempts, row.LeaseUntil, tt.state, tt.code, len(times))
				}
				if told := timeline(row); strings.Contains(told, "a duplicate is possible") != tt.dup {
					t.Errorf("timeline says:\n%s", told)
				}
			})
		})
	}
}

func timeline(m tenant.Message) string {
	var b strings.Builder
	for _, e := range m.Events {
		fmt.Fprintf(&b, "%s: %s\n", e.State, e.Told())
	}
	return b.String()
}

func TestWhatTheRowSays(t *testing.T) {
	t.Run("of a message that was taken", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(refuses(outage))
			b.run(t)
			b.offer(message("m", time.Minute))
			time.Sleep(time.Second)
			row := b.queue.row("m")
			if row.Provider != "fake" || row.ProviderID != "SM2" || row.TemplateVersion != 7 || row.Segments != 1 || row.Encoding != "GSM-7" {
				t.Errorf("row is %+v", row)
			}
			want := "queued: Attempt 1: Service unavailable (20503). Trying again in 500ms.\naccepted: Taken by fake as SM2.\n"
			if got := timeline(row); got != want {
				t.Errorf("timeline is\n%s\nwant\n%s", got, want)
			}
			if n := b.queue.writes; n != 2 {
				t.Errorf("%d writes, want 2", n)
			}
		})
	})
	t.Run("of a refusal, with the number masked and the fix", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(refuses(badTo), refuses(badToken))
			b.OnOutcome = func(m *tenant.Message, c *tenant.Connection, o *Outcome) {
				o.Event = &tenant.LogEvent{Type: "fn", Description: o.ErrorText, ConnectionID: c.ID, Details: map[string]any{"message_id": m.ID}}
			}
			b.run(t)
			b.offer(message("m", time.Minute))
			time.Sleep(time.Second)
			b.offer(message("n", time.Minute))
			time.Sleep(time.Second)
			want := "failed: Attempt 1: The 'To' number +15•••••••01 is not a valid phone number (21211).\n"
			if got := timeline(b.queue.row("m")); got != want {
				t.Errorf("timeline is %q, want %q", got, want)
			}
			if got := timeline(b.queue.row("n")); !strings.HasSuffix(got, "Check the Auth Token.\n") {
				t.Errorf("timeline is %q", got)
			}
			if len(b.queue.logged) != 2 || b.queue.logged[0].ConnectionID != "con_sms" {
				t.Errorf("log events are %+v", b.queue.logged)
			}
		})
	})
}

// ENU-02: the work on a message begins when its start is answered, and what is
// suppressed is dropped.
func TestNoAttemptBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.Answering = Answering
		b.run(t)
		suppressed := message("s", time.Minute)
		suppressed.State = tenant.MessageSuppressed
		b.offer(suppressed)
		b.offer(message("m", time.Minute))
		time.Sleep(Answering - time.Microsecond)
		synctest.Wait()
		if n := len(b.to.sent()); n != 0 {
			t.Errorf("%d messages were sent before the answer", n)
		}
		time.Sleep(time.Microsecond)
		synctest.Wait()
		b.offer(message("late", time.Minute))
		b.stop()
		if sent := b.to.sent(); len(sent) != 1 || b.queue.row("m").State != tenant.MessageAccepted {
			t.Errorf("%d messages were sent, m is %+v", len(sent), b.queue.row("m"))
		}
		if row := b.queue.row("s"); row.State != tenant.MessageSuppressed || len(row.Events) != 0 {
			t.Errorf("the suppressed one is %+v", row)
		}
		if row := b.queue.row("late"); row.State != tenant.MessageQueued || !row.LeaseUntil.IsZero() {
			t.Errorf("when the process ends, one that it has not begun is %+v, want it given back", row)
		}
	})
}

func TestMessagesThatCannotBeMade(t *testing.T) {
	tests := []struct {
		name   string
		change func(b *bench, m *tenant.Message)
		code   string
		text   string
	}{
		{"the template is broken", func(b *bench, _ *tenant.Message) {
			b.Renderer = renderFunc(func(context.Context, *tenant.Message, *tenant.Connection) (Outgoing, error) {
				return Outgoing{}, &Error{Code: CodeTemplate, Class: Configuration, Text: "line 3: unknown tag"}
			})
		}, "template", "line 3: unknown tag"},
		{"the renderer panics", func(b *bench, _ *tenant.Message) {
			b.Renderer = renderFunc(func(context.Context, *tenant.Message, *tenant.Connection) (Outgoing, error) { panic("482913") })
		}, "template", "The message could not be rendered."},
		{"the text is empty", func(b *bench, _ *tenant.Message) {
			b.Renderer = renderFunc(func(context.Context, *tenant.Message, *tenant.Connection) (Outgoing, error) {
				return Outgoing{}, nil
			})
		}, "template", "empty"},
		{"the connection was deleted", func(_ *bench, m *tenant.Message) { m.Connection = "gone" }, "no_connection", "deleted"},
		{"nobody sends", func(b *bench, _ *tenant.Message) {
			b.Senders = func(context.Context, *tenant.Connection, tenant.Channel) (Sender, error) { return nil, nil }
		}, "no_sender", "No provider"},
		{"the account is incomplete", func(b *bench, _ *tenant.Message) {
			b.Senders = func(context.Context, *tenant.Connection, tenant.Channel) (Sender, error) {
				return nil, &Error{Code: CodeNoAccount, Class: Configuration, Text: "No Auth Token."}
			}
		}, "no_account", "No Auth Token."},
	}
	for _, tt := range tests {
		t.Run(tt.name+": it fails and says so", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench()
				m := message("m", time.Minute)
				tt.change(b, &m)
				b.run(t)
				b.offer(m)
				synctest.Wait()
				row := b.queue.row("m")
				if row.State != tenant.MessageFailed || row.ErrorCode != tt.code || !strings.Contains(row.ErrorText, tt.text) {
					t.Errorf("row says %s, %s, %q", row.State, row.ErrorCode, row.ErrorText)
				}
				if len(b.to.sent()) != 0 || strings.Contains(timeline(row), "482913") {
					t.Errorf("sent %d, timeline %q", len(b.to.sent()), timeline(row))
				}
			})
		})
	}
}

func TestOutagesOfOurOwn(t *testing.T) {
	t.Run("a connection that cannot be read is waited for", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			began := time.Now()
			find := b.Connections
			b.Connections = func(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error) {
				if time.Since(began) < 20*time.Second {
					return nil, errDisk
				}
				return find(ctx, id)
			}
			b.run(t)
			b.offer(message("m", time.Minute))
			time.Sleep(time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageAccepted || row.Attempts != 1 || row.ErrorCode != "" {
				t.Errorf("row is %+v", row)
			}
		})
	})
	t.Run("and the message expires if that lasts", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.Connections = func(context.Context, tenant.ConnectionID) (*tenant.Connection, error) { return nil, errDisk }
			b.run(t)
			b.offer(message("m", 2*time.Minute))
			time.Sleep(2 * time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageExpired || row.ErrorCode != CodeInternal || row.Attempts != 0 {
				t.Errorf("row is %+v", row)
			}
		})
	})
	t.Run("an outcome that cannot be written is written later", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.run(t)
			m := message("m", time.Minute)
			b.queue.put(m)
			b.queue.breakWith(errDisk)
			b.Offer(m)
			time.Sleep(20 * time.Second)
			b.queue.breakWith(nil)
			time.Sleep(time.Minute)
			if row := b.queue.row("m"); row.State != tenant.MessageAccepted || len(b.to.sent()) != 1 {
				t.Errorf("row is %+v, sent %d times", row, len(b.to.sent()))
			}
		})
	})
	t.Run("an outcome that never was written makes one duplicate, and the timeline says so", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.run(t)
			m := message("m", 3*time.Minute)
			b.queue.put(m)
			b.queue.breakWith(errDisk)
			b.Offer(m)
			time.Sleep(40 * time.Second)
			b.queue.breakWith(nil)
			time.Sleep(time.Minute)
			row := b.queue.row("m")
			if row.State != tenant.MessageAccepted || len(b.to.sent()) != 2 || !strings.Contains(timeline(row), "a duplicate is possible") {
				t.Errorf("row is %+v, sent %d times", row, len(b.to.sent()))
			}
		})
	})
	t.Run("an error with a fault of another kind is passing too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			render, n := b.Renderer, 0
			b.Renderer = renderFunc(func(ctx context.Context, m *tenant.Message, c *tenant.Connection) (Outgoing, error) {
				if n++; n < 3 {
					return Outgoing{}, fault.New(fault.Unavailable, "busy", "busy")
				}
				return render.Render(ctx, m, c)
			})
			b.run(t)
			b.offer(message("m", time.Minute))
			time.Sleep(10 * time.Second)
			if row := b.queue.row("m"); row.State != tenant.MessageAccepted {
				t.Errorf("row is %+v", row)
			}
		})
	})
}
