package storetest_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// start is a moment that all tests begin at.
var start = time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)

// someone is a recipient of codes in tests.
type someone struct {
	number string
	client tenant.ClientID
}

func (p someone) key() tenant.CodeKey {
	return tenant.CodeKey{Connection: "con_sms", Identifier: p.number, Client: p.client}
}

func (p someone) begin(now time.Time, digest string) passwordless.Begin {
	return passwordless.Begin{
		Now: now, To: tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: p.number},
		Identifier: "key of " + p.number,
		Code: tenant.Code{
			Key: p.key(), Salt: []byte("salt of " + digest), Digest: []byte(digest), Digits: 6,
			FirstSent: now, Expires: now.Add(3 * time.Minute),
		},
		Life: 3 * time.Minute, Repeat: true,
		Message: tenant.Message{
			ID: event.NewMessageID(now), State: tenant.MessageQueued, Channel: tenant.SMS, To: p.number,
			Connection: "con_sms", Client: p.client, Send: "code", Digits: 6,
			NextAt: now, LeaseUntil: now.Add(30 * time.Second), CreatedAt: now,
		},
		Event: event.New(event.CodeSent, now), Refused: event.New(event.LoginFailed, now),
	}
}

func (p someone) spend(now time.Time, digest string) passwordless.Spend {
	return passwordless.Spend{
		Now: now, Key: p.key(), Identifier: "key of " + p.number,
		Digest: []byte(digest), Previous: []byte(digest), Wrong: event.New(event.ExchangeOTPFailed, now),
	}
}

func mustBegin(t *testing.T, s *store.Store, b passwordless.Begin) passwordless.Begun {
	t.Helper()
	begun, err := s.Begin(t.Context(), b)
	if err != nil {
		t.Fatal(err)
	}
	return begun
}

func mustSpend(t *testing.T, s *store.Store, sp passwordless.Spend) passwordless.SpendOutcome {
	t.Helper()
	spent, err := s.Spend(t.Context(), sp)
	if err != nil {
		t.Fatal(err)
	}
	return spent.Outcome
}

// RAC-01, OTP-03: of many right answers at once, one redeems the code.
func TestRAC01OneRightAnswerRedeems(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for round := range 5 {
			p := someone{fmt.Sprintf("+4477009001%02d", round), "app"}
			mustBegin(t, s, p.begin(start, "right"))
			var redeemed atomic.Int32
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					spent, err := s.Spend(t.Context(), p.spend(start.Add(time.Second), "right"))
					if err != nil {
						t.Error(err)
					}
					if spent.Outcome == passwordless.Redeemed {
						redeemed.Add(1)
					}
				})
			}
			wg.Wait()
			if n := redeemed.Load(); n != 1 {
				t.Errorf("round %d: %d requests redeemed one code, want 1", round, n)
			}
		}
	})
}

// RAC-02, OTP-04: of many wrong answers at once, three are judged, and the
// right answer after them is refused.
func TestRAC02ThreeWrongAnswersAreJudged(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		mustBegin(t, s, p.begin(start, "right"))
		var wrong, dead atomic.Int32
		var wg sync.WaitGroup
		for range 60 {
			wg.Go(func() {
				spent, err := s.Spend(t.Context(), p.spend(start.Add(time.Second), "no"))
				if err != nil {
					t.Error(err)
				}
				switch spent.Outcome {
				case passwordless.Wrong:
					wrong.Add(1)
				case passwordless.Dead:
					dead.Add(1)
				default:
					t.Errorf("a wrong answer gave %v", spent.Outcome)
				}
			})
		}
		wg.Wait()
		if wrong.Load() != 2 || dead.Load() != 58 {
			t.Errorf("%d answers were called wrong and %d dead, want 2 and 58", wrong.Load(), dead.Load())
		}
		if o := mustSpend(t, s, p.spend(start.Add(time.Second), "right")); o != passwordless.Dead {
			t.Errorf("the right answer after three wrong ones gave %v, want Dead", o)
		}
	})
}

// BRU-01, BRU-05: ten wrong tries in a rolling day, over codes of many
// applications asked for at once, and not one more.
func TestBRU05TenWrongTriesADay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const number = "+447700900123"
		var people []someone
		for n := range 12 {
			p := someone{number, tenant.ClientID(fmt.Sprintf("app%d", n))}
			mustBegin(t, s, p.begin(start, "right"))
			people = append(people, p)
		}
		var judged, refused atomic.Int32
		var wg sync.WaitGroup
		for _, p := range people {
			for range 2 { // under three, so that no code dies of its own
				wg.Go(func() {
					spent, err := s.Spend(t.Context(), p.spend(start.Add(time.Second), "no"))
					if err != nil {
						t.Error(err)
					}
					if spent.Outcome == passwordless.Wrong {
						judged.Add(1)
					} else if spent.Outcome == passwordless.NoTries && spent.Wait > 0 {
						refused.Add(1)
					}
				})
			}
		}
		wg.Wait()
		if judged.Load() != 10 || refused.Load() != 14 {
			t.Fatalf("%d tries were judged and %d refused, want 10 and 14", judged.Load(), refused.Load())
		}
		if o := mustSpend(t, s, people[0].spend(start.Add(time.Minute), "right")); o != passwordless.NoTries {
			t.Errorf("the right answer without tries left gave %v, want NoTries", o)
		}
		if b := mustBegin(t, s, people[0].begin(start.Add(time.Hour), "new")); b.Outcome != passwordless.TooManyTries || b.Wait <= 22*time.Hour {
			t.Errorf("a start without tries left gave %v, wait %v", b.Outcome, b.Wait)
		}
		later := start.Add(24*time.Hour + 2*time.Second)
		if b := mustBegin(t, s, people[0].begin(later, "new")); b.Outcome != passwordless.Due {
			t.Errorf("a start a day later gave %v, want Due", b.Outcome)
		}
		if o := mustSpend(t, s, people[0].spend(later, "new")); o != passwordless.Redeemed {
			t.Errorf("the right answer a day later gave %v, want Redeemed", o)
		}
	})
}

// Expiry, repetition and replacement of a code, told as a story. "send X" asks
// for a code with digest X, "X" answers it, a duration lets time pass.
func TestLifeOfACode(t *testing.T) {
	type step struct {
		after  time.Duration
		send   string
		answer string
		want   passwordless.SpendOutcome
	}
	tests := []struct {
		name   string
		repeat bool
		steps  []step
	}{
		{"just in time", true, []step{{send: "a"}, {after: 3*time.Minute - time.Millisecond, answer: "a", want: passwordless.Redeemed}}},
		{"at its end", true, []step{{send: "a"}, {after: 3 * time.Minute, answer: "a", want: passwordless.Late}}},
		{"wrong and late", true, []step{{send: "a"}, {after: 3 * time.Minute, answer: "b", want: passwordless.Wrong}}},
		{"twice", true, []step{{send: "a"}, {answer: "a", want: passwordless.Redeemed}, {answer: "a", want: passwordless.Wrong}}},
		{"nothing was sent", true, []step{{answer: "a", want: passwordless.Wrong}}},
		{"asking again repeats the code", true, []step{{send: "a"}, {after: time.Minute, send: "b"}, {answer: "b", want: passwordless.Wrong}, {answer: "a", want: passwordless.Redeemed}}},
		{"asking again restarts its expiry", true, []step{{send: "a"}, {after: 2 * time.Minute, send: "b"}, {after: 2 * time.Minute, answer: "a", want: passwordless.Redeemed}}},
		{"asking again keeps the tries", true, []step{
			{send: "a"},
			{answer: "x", want: passwordless.Wrong},
			{answer: "x", want: passwordless.Wrong},
			{send: "b"},
			{answer: "x", want: passwordless.Dead},
		}},
		{"never past ten minutes", true, []step{
			{send: "a"},
			{after: 170 * time.Second, send: "b"},
			{after: 170 * time.Second, send: "b"},
			{after: 170 * time.Second, send: "b"},
			{after: 90 * time.Second, answer: "a", want: passwordless.Late},
		}},
		{"a new code after expiry", true, []step{{send: "a"}, {after: 4 * time.Minute, send: "b"}, {answer: "a", want: passwordless.Wrong}, {answer: "b", want: passwordless.Redeemed}}},
		{"a new code after three wrong tries", true, []step{
			{send: "a"},
			{answer: "x", want: passwordless.Wrong},
			{answer: "x", want: passwordless.Wrong},
			{answer: "x", want: passwordless.Dead},
			{send: "b"},
			{answer: "a", want: passwordless.Wrong},
			{answer: "b", want: passwordless.Redeemed},
		}},
		{"OTP-05: a new code each time where the connection says so", false, []step{{send: "a"}, {send: "b"}, {answer: "a", want: passwordless.Wrong}, {answer: "b", want: passwordless.Redeemed}}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				now, p := start, someone{fmt.Sprintf("+44770090%04d", i), "app"}
				for n, st := range tt.steps {
					now = now.Add(st.after)
					if st.send != "" {
						b := p.begin(now, st.send)
						b.Repeat = tt.repeat
						if begun := mustBegin(t, s, b); begun.Outcome != passwordless.Due {
							t.Fatalf("step %d: start gave %v", n, begun.Outcome)
						}
						continue
					}
					if o := mustSpend(t, s, p.spend(now, st.answer)); o != st.want {
						t.Fatalf("step %d: %q gave %v, want %v", n, st.answer, o, st.want)
					}
				}
			})
		}
	})
}

// OTP-06: a code works for nobody and nowhere else, and asking elsewhere
// leaves it alone.
func TestOTP06CodeIsBound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		mustBegin(t, s, p.begin(start, "right"))
		others := map[string]func(k *tenant.CodeKey){
			"other connection":  func(k *tenant.CodeKey) { k.Connection = "con_email" },
			"other number":      func(k *tenant.CodeKey) { k.Identifier = "+447700900124" },
			"other application": func(k *tenant.CodeKey) { k.Client = "other" },
			"other transaction": func(k *tenant.CodeKey) { k.Transaction = "tx" },
		}
		for name, change := range others {
			for _, asked := range []bool{false, true} {
				sp := p.spend(start.Add(time.Second), "right")
				change(&sp.Key)
				if asked {
					b := p.begin(start, "another")
					b.Code.Key = sp.Key
					mustBegin(t, s, b)
				}
				if o := mustSpend(t, s, sp); o != passwordless.Wrong {
					t.Errorf("%s (asked there: %v) gave %v, want Wrong", name, asked, o)
				}
			}
		}
		if o := mustSpend(t, s, p.spend(start.Add(time.Second), "right")); o != passwordless.Redeemed {
			t.Errorf("the right answer gave %v, want Redeemed", o)
		}
	})
}

// BRU-02, BRU-10: cooldowns of 30, 60, 120 and 300 seconds, five sends an
// hour, ten a day; a sign-in ends the cooldown.
func TestBRU02Sends(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		ask := func(at time.Duration) passwordless.Begun {
			b := p.begin(start.Add(at), "x")
			b.Sends = true
			return mustBegin(t, s, b)
		}
		const day = 24 * time.Hour
		steps := []struct {
			at   time.Duration
			want passwordless.BeginOutcome
			next time.Duration // when the next is sent
		}{
			{0, passwordless.Due, 30 * time.Second},
			{29 * time.Second, passwordless.Cooling, 30 * time.Second},
			{30 * time.Second, passwordless.Due, 90 * time.Second},
			{89 * time.Second, passwordless.Cooling, 90 * time.Second},
			{90 * time.Second, passwordless.Due, 210 * time.Second},
			{209 * time.Second, passwordless.Cooling, 210 * time.Second},
			{210 * time.Second, passwordless.Due, 510 * time.Second},
			{509 * time.Second, passwordless.Cooling, 510 * time.Second},
			{510 * time.Second, passwordless.Due, time.Hour},
			{59 * time.Minute, passwordless.TooManySends, time.Hour},
			{time.Hour, passwordless.Due, time.Hour + 300*time.Second},
			{2*time.Hour + 1*time.Minute, passwordless.Due, 2*time.Hour + 90*time.Second},
			{3*time.Hour + 2*time.Minute, passwordless.Due, 3*time.Hour + 150*time.Second},
			{4*time.Hour + 3*time.Minute, passwordless.Due, 4*time.Hour + 210*time.Second},
			{5*time.Hour + 4*time.Minute, passwordless.Due, day},
			{6*time.Hour + 5*time.Minute, passwordless.TooManySends, day}, // ten in the day
			{day, passwordless.Due, day + 30*time.Second},
		}
		for _, st := range steps {
			if got := ask(st.at); got.Outcome != st.want || st.at+got.Wait != st.next {
				t.Errorf("at %v: %v, the next at %v, want %v and %v", st.at, got.Outcome, st.at+got.Wait, st.want, st.next)
			}
		}
		// Another application is not silenced by this one's flood.
		q := someone{p.number, "other"}
		b := q.begin(start.Add(24*time.Hour+time.Second), "x")
		b.Sends = true
		if o := mustBegin(t, s, b).Outcome; o != passwordless.Due {
			t.Errorf("another application's start gave %v, want Due", o)
		}
	})
}

// BRU-02, BRU-05: fifty requests of an address at once, however many come.
func TestBRU05RequestsOfAnAddress(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var taken atomic.Int32
		var wg sync.WaitGroup
		for n := range 80 {
			wg.Go(func() {
				p := someone{fmt.Sprintf("+4477009%05d", n), "app"}
				b := p.begin(start, "x")
				b.Requests = attack.Starts("192.0.2.1")
				begun, err := s.Begin(t.Context(), b)
				switch {
				case err != nil:
					t.Error(err)
				case begun.Outcome == passwordless.Due:
					taken.Add(1)
				case begun.Outcome != passwordless.TooManyRequests || begun.Wait <= 0 || begun.Wait > 72*time.Second:
					t.Errorf("got %v, wait %v", begun.Outcome, begun.Wait)
				}
			})
		}
		wg.Wait()
		if taken.Load() != 50 {
			t.Errorf("%d requests were taken, want 50", taken.Load())
		}
		p := someone{"+447700900999", "app"}
		b := p.begin(start.Add(72*time.Second), "x")
		b.Requests = attack.Starts("192.0.2.1")
		if o := mustBegin(t, s, b).Outcome; o != passwordless.Due {
			t.Errorf("the next request 72 seconds later gave %v, want Due", o)
		}
	})
}

// What Begin gives to be sent is what is stored, with the salt of the code
// that is open.
func TestBegunMessage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		mustBegin(t, s, p.begin(start, "first"))
		begun := mustBegin(t, s, p.begin(start.Add(time.Minute), "second"))
		m, err := s.Message(t.Context(), begun.Message.ID)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(m.Salt, []byte("salt of first")) || !bytes.Equal(begun.Message.Salt, m.Salt) {
			t.Errorf("the message has salt %q, stored %q, want that of the first code", begun.Message.Salt, m.Salt)
		}
		if want := start.Add(4 * time.Minute); !m.CodeExpires.Equal(want) {
			t.Errorf("the code ends at %v, want %v", m.CodeExpires, want)
		}
		if len(m.Events) != 1 || m.Events[0].State != tenant.MessageRequested {
			t.Errorf("the timeline is %v", m.Events)
		}
	})
}
