package delivery

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// account is a provider whose senders say which account they use.
type account struct {
	*provider
	name string
}

func (a account) Account() string { return a.name }

// oneAccount has every connection send through the same account.
func (b *bench) oneAccount() {
	b.Senders = func(context.Context, *tenant.Connection, tenant.Channel) (Sender, error) {
		return account{b.to, "AC1"}, nil
	}
}

// outageUntil fails every hand-over that begins before end.
func outageUntil(end time.Time, e *Error) func(context.Context) (Receipt, error) {
	return func(context.Context) (Receipt, error) {
		if time.Now().Before(end) {
			return Receipt{}, e
		}
		return Receipt{ProviderID: "SM1"}, nil
	}
}

// DEP-04: during an outage of a minute at 50 starts a second the provider is
// called at most 25 times. Then everything that waited is handed over within
// ten seconds, and nothing was lost but the messages whose tries began it.
func TestDEP04Outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.oneAccount()
		end := time.Now().Add(time.Minute)
		b.to.always = outageUntil(end, outage)
		b.run(t)
		n := 0
		for time.Now().Before(end) {
			m := message(fmt.Sprintf("m%04d", n), 3*time.Minute)
			m.Connection = tenant.ConnectionID(fmt.Sprint("con_", n%2))
			b.offer(m)
			n++
			time.Sleep(20 * time.Millisecond)
		}
		calls := len(b.to.sent())
		if calls > 25 || calls < downAfter {
			t.Errorf("%d calls during the outage, want at most 25", calls)
		}
		if got := b.Accounts(); len(got) != 1 || got[0].Provider != "fake" || got[0].Standing != Held || got[0].Refused || got[0].Last.Code != "20503" {
			t.Errorf("accounts are %+v", got)
		}
		time.Sleep(10 * time.Second)
		states := map[tenant.MessageState]int{}
		for i := range n {
			row := b.queue.row(fmt.Sprintf("m%04d", i))
			states[row.State]++
			if row.State == tenant.MessageFailed && (row.Attempts != tries || row.ErrorCode != "20503") {
				t.Errorf("message %d failed after %d attempts with %q", i, row.Attempts, row.ErrorCode)
			}
			if strings.Count(timeline(row), "The message waits") > 1 {
				t.Errorf("message %d: its timeline tells twice that it waits:\n%s", i, timeline(row))
			}
		}
		if failed := states[tenant.MessageFailed]; states[tenant.MessageAccepted] != n-failed || failed > downAfter/tries+tries {
			t.Errorf("ten seconds later the %d messages are %v", n, states)
		}
		if got := b.Accounts(); len(got) != 0 {
			t.Errorf("accounts are %+v", got)
		}
	})
}

// A message that waits for its provider until its code is of no use expires,
// and says why.
func TestHeldMessagesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.oneAccount()
		b.to.always = refuses(outage)
		b.run(t)
		for i := range 4 {
			b.offer(message(fmt.Sprint("first", i), 3*time.Minute))
		}
		time.Sleep(3 * time.Second)
		for i := range 20 {
			b.offer(message(fmt.Sprint("m", i), time.Minute))
		}
		time.Sleep(48 * time.Second)
		expired := 0
		for i := range 20 {
			row := b.queue.row(fmt.Sprint("m", i))
			if row.State == tenant.MessageFailed {
				continue // it was tried three times
			}
			expired++
			if row.State != tenant.MessageExpired || row.ErrorCode != CodeHeld || !row.LeaseUntil.IsZero() ||
				!strings.HasPrefix(row.ErrorText, "fake has not taken ") || !strings.HasSuffix(row.ErrorText, "messages in a row: Service unavailable (20503).") {
				t.Errorf("row is %+v", row)
			}
			if told := timeline(row); !strings.Contains(told, "waits until it takes some again") || !strings.Contains(told, "expired: Not sent: less than 15s") {
				t.Errorf("timeline is\n%s", told)
			}
		}
		if expired < 15 {
			t.Errorf("%d of 20 messages expired", expired)
		}
	})
}

// Wrong credentials: after three refusals the provider is asked once in thirty
// seconds. Messages fail at once, in the provider's words and with what to do.
func TestRefusedAccount(t *testing.T) {
	wrong := *badToken
	wrong.Scope = OfAccount
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		b := newBench()
		b.oneAccount()
		b.Log = slog.New(slog.NewTextHandler(&log, nil))
		began := time.Now()
		b.to.always = outageUntil(began.Add(91*time.Second), &wrong)
		b.run(t)
		for i := range 100 {
			b.offer(message(fmt.Sprint("m", i), 3*time.Minute))
			time.Sleep(time.Second)
		}
		synctest.Wait()
		calls := 0
		for _, c := range b.to.sent() {
			if c.at.Before(began.Add(90 * time.Second)) {
				calls++
			}
		}
		if calls != refusedAfter+2 {
			t.Errorf("%d calls in 90 s, want %d and one at 32 s and at 62 s", calls, refusedAfter)
		}
		row := b.queue.row("m50")
		if row.State != tenant.MessageFailed || row.ErrorCode != "20003" || row.ErrorText != "Authenticate" || row.Attempts != 0 {
			t.Errorf("row is %+v", row)
		}
		want := "failed: Not handed over: fake has refused this account 4 times in a row: Authenticate (20003). Check the Auth Token.\n"
		if got := timeline(row); got != want {
			t.Errorf("timeline is %q, want %q", got, want)
		}
		if row := b.queue.row("m97"); row.State != tenant.MessageAccepted {
			t.Errorf("after the credentials were put right: %+v", row)
		}
		if n := strings.Count(log.String(), "provider account held"); n != 1 {
			t.Errorf("the hold was logged %d times", n)
		}
		if !strings.Contains(log.String(), `provider=fake failures=3 refused=true error_code=20003 reason=Authenticate fix="Check the Auth Token."`) ||
			!strings.Contains(log.String(), "provider account takes messages again") {
			t.Errorf("log lacks it:\n%.300s", log.String())
		}
	})
	t.Run("other credentials are another account", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench(refuses(&wrong), refuses(&wrong), refuses(&wrong))
			name := "AC1"
			b.Senders = func(context.Context, *tenant.Connection, tenant.Channel) (Sender, error) {
				return account{b.to, name}, nil
			}
			b.run(t)
			for i := range 4 {
				b.offer(message(fmt.Sprint("m", i), 3*time.Minute))
				synctest.Wait()
			}
			name = "AC1 with a new token"
			b.offer(message("n", 3*time.Minute))
			synctest.Wait()
			if row := b.queue.row("n"); row.State != tenant.MessageAccepted {
				t.Errorf("row is %+v", row)
			}
			// Of the old one nothing is known any more some time later.
			if got := b.Accounts(); len(got) != 1 {
				t.Errorf("accounts are %+v", got)
			}
			time.Sleep(forgetAfter + time.Second)
			if got := b.Accounts(); len(got) != 0 {
				t.Errorf("accounts are %+v", got)
			}
		})
	})
}

// What is about one message holds nobody up, whatever its number: a country
// that is not enabled, numbers that are wrong, servers that put strangers off.
func TestMessagesHoldNoAccount(t *testing.T) {
	geo := &Error{Code: "21408", Text: "Permission has not been enabled", Class: Configuration}
	greylist := &Error{Code: "451", Text: "4.7.1 Greylisted", Class: Temporary, Scope: OfMessage}
	for _, e := range []*Error{badTo, geo, greylist} {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.oneAccount()
			b.to.always = refuses(e)
			b.run(t)
			for i := range 50 {
				b.offer(message(fmt.Sprint("m", i), 3*time.Minute))
			}
			time.Sleep(10 * time.Second)
			for i := range 50 {
				if row := b.queue.row(fmt.Sprint("m", i)); row.State != tenant.MessageFailed || row.ErrorCode != e.Code {
					t.Fatalf("row is %+v", row)
				}
			}
			if got := b.Accounts(); len(got) != 0 {
				t.Errorf("%s holds the account: %+v", e.Code, got)
			}
		})
	}
	t.Run("nor does a provider that fails now and then", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.oneAccount()
			n := 0
			b.to.always = func(context.Context) (Receipt, error) {
				if n++; n%downAfter != 0 {
					return Receipt{}, outage
				}
				return Receipt{ProviderID: "SM1"}, nil
			}
			b.run(t)
			for i := range 50 {
				b.offer(message(fmt.Sprint("m", i), 3*time.Minute))
				time.Sleep(5 * time.Second)
				if got := b.Accounts(); len(got) != 0 {
					t.Fatalf("accounts are %+v", got)
				}
			}
		})
	})
}

// A start that waits for the provider's word is let go when the account is held.
func TestRefusalOfHeldAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.oneAccount()
		b.to.always = refuses(outage)
		b.run(t)
		for i := range 4 {
			b.offer(message(fmt.Sprint("first", i), 3*time.Minute))
		}
		time.Sleep(3 * time.Second)
		began := time.Now()
		done := make(chan string, 1)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		m := message("m", 3*time.Minute)
		b.queue.put(m)
		go func() { done <- b.Refusal(ctx, "con_sms", "m") }()
		synctest.Wait()
		b.Offer(m)
		if got := <-done; got != "" || time.Since(began) != 0 {
			t.Errorf("refusal %q after %v", got, time.Since(began))
		}
		// Nor does the time tell such a start from one with nothing to send.
		if b.Refusal(ctx, "con_sms", ""); time.Since(began) != 0 {
			t.Errorf("without a message it waits %v", time.Since(began))
		}
	})
}

// An attempt that began before the hold does not end or prolong it.
func TestBreakerTurns(t *testing.T) {
	var bs breakers
	now := time.Unix(1_800_000_000, 0)
	early, _ := bs.enter("a", "fake", now)
	for range downAfter {
		p, held := bs.enter("a", "fake", now)
		if held != nil {
			t.Fatal("held too early")
		}
		bs.leave(p, now, outage)
	}
	state := func() Standing {
		if got := bs.held(now); len(got) == 1 {
			return got[0].Standing
		}
		return Free
	}
	_, s := bs.enter("a", "fake", now)
	if s == nil || state() != Held || !s.NextTry.Equal(now.Add(probeEvery)) {
		t.Fatalf("after %d failures the account is %+v", downAfter, s)
	}
	if bs.leave(early, now, nil); state() != Held {
		t.Error("an old success ended the hold")
	}
	now = now.Add(probeEvery)
	if bs.leave(early, now, outage); bs.held(now)[0].Failures != downAfter {
		t.Error("an old failure counted")
	}
	probe, s := bs.enter("a", "fake", now)
	if s != nil || state() != Probing {
		t.Fatalf("no probe: %+v", s)
	}
	if _, s = bs.enter("a", "fake", now); s == nil {
		t.Error("a second probe beside the first")
	}
	bs.cancel(probe)
	if probe, s = bs.enter("a", "fake", now); s != nil {
		t.Error("a probe that was given back is not given again")
	}
	slow := *outage
	slow.RetryAfter = time.Hour
	if bs.leave(probe, now, &slow); state() != Held {
		t.Error("a probe in vain set the account free")
	}
	if got := bs.held(now)[0].NextTry.Sub(now); got != longestHold {
		t.Errorf("a provider that asks for an hour is left alone for %v", got)
	}
	now = now.Add(longestHold)
	if probe, s = bs.enter("a", "fake", now); s != nil {
		t.Fatal("no probe")
	}
	if got := bs.leave(probe, now, badTo); got == nil || got.Standing != Free || state() != Free || len(bs.byAccount) != 0 {
		t.Errorf("an answer about the message alone did not free the account: %+v", got)
	}
}

// Two connections of one account share its lane and its bound.
func TestLanesAreTheAccounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench()
		b.to.always = hangs
		b.oneAccount()
		b.run(t)
		for i := range 400 {
			m := message(fmt.Sprint(i), 3*time.Minute)
			m.Connection = tenant.ConnectionID(fmt.Sprint("con_", i%4))
			b.offer(m)
			if i < 4 {
				synctest.Wait()
			}
		}
		synctest.Wait()
		if n := len(b.to.sent()); n < most || n > most+4 {
			t.Errorf("the account has %d attempts, want %d", n, most)
		}
		if waiting, running := b.Load(); waiting+running != 400 {
			t.Errorf("%d wait and %d run, of 400", waiting, running)
		}
	})
	t.Run("and a mail server's is lower", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			b := newBench()
			b.to.always = hangs
			b.run(t)
			for i := range 100 {
				m := message(fmt.Sprint(i), 3*time.Minute)
				m.Channel = tenant.Email
				b.offer(m)
			}
			synctest.Wait()
			if n := len(b.to.sent()); n != mostMail {
				t.Errorf("the mail server has %d conversations, want %d", n, mostMail)
			}
		})
	})
}
