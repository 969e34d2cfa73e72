package passwordless_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/passwordless"
)

// BRU-10: asked again too soon, the answer is the same and nothing is sent.
func TestBRU10Cooldown(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		answer := w.mustStart(w.ask("sms", number))
		answer.Event, answer.Message = "", "" // they are for the operator
		steps := []struct {
			after time.Duration
			sent  int
		}{
			{0, 1},
			{29 * time.Second, 1},
			{time.Second, 2},
			{59 * time.Second, 2},
			{time.Second, 3},
			{119 * time.Second, 3},
			{time.Second, 4},
			{299 * time.Second, 4},
			{time.Second, 5},
		}
		for _, st := range steps {
			w.pass(st.after)
			r := w.ask("sms", number)
			r.IPKey = fmt.Sprint(w.now) // not what is looked at here
			got := w.mustStart(r)
			if got.Event, got.Message = "", ""; got != answer {
				w.t.Errorf("after %v Start = %+v, want %+v", st.after, got, answer)
			}
			if w.out.sent() != st.sent {
				w.t.Errorf("after %v %d messages were sent, want %d", st.after, w.out.sent(), st.sent)
			}
		}
		w.pass(time.Minute)
		_, err := w.Start(w.t.Context(), w.ask("sms", number))
		f := fault.Of(err)
		if f == nil || f.Kind != fault.TooMany || f.Code != "too_many_requests" || f.RetryAfter <= 0 || !passwordless.IsRefusal(err) {
			w.t.Errorf("the sixth in an hour gave %+v", f)
		}
		elsewhere := w.ask("sms", number)
		elsewhere.Client = w.other
		if got := w.mustStart(elsewhere); w.out.sent() != 6 || got.ID != answer.ID {
			w.t.Errorf("another application was silenced: %+v, %d sent", got, w.out.sent())
		}
	})
}

// A sign-in ends the cooldown: whoever signs out at once can sign in again.
func TestSignInEndsCooldown(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		for n := 1; n <= 3; n++ {
			code := w.send(w.ask("sms", number))
			w.pass(time.Second)
			if got := w.try(w.bring("sms", number, code)); got != "in" {
				w.t.Fatalf("sign-in %d gave %q", n, got)
			}
			w.pass(time.Second)
		}
	})
}

// BRU-02: fifty starts of an address, except of applications that have proved
// themselves; in the mode off, none are counted.
func TestBRU02StartsOfAnAddress(t *testing.T) {
	each(t, func(w *world) {
		start := func(i int, change func(r *passwordless.StartRequest)) (passwordless.Started, error) {
			r := w.ask("sms", fmt.Sprintf("+4477%06d", i))
			if change != nil {
				change(&r)
			}
			return w.Start(w.t.Context(), r)
		}
		w.Limits = attack.Auth0
		for i := range 50 {
			if got, err := start(i, nil); err != nil || got.RateLeft != 49-i {
				w.t.Fatalf("start %d = %+v, %v, want %d left", i+1, got, err, 49-i)
			}
		}
		_, err := start(50, nil)
		if f := fault.Of(err); f == nil || f.Kind != fault.TooMany || f.Code != "too_many_requests" || f.RetryAfter != 72*time.Second {
			w.t.Errorf("the fifty-first gave %+v, want to wait for 72 s", f)
		}
		for name, change := range map[string]func(r *passwordless.StartRequest){
			"another address":                   func(r *passwordless.StartRequest) { r.IPKey = "192.0.2.2" },
			"an application that proved itself": func(r *passwordless.StartRequest) { r.Authenticated = true },
		} {
			if _, err := start(51, change); err != nil {
				w.t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := start(52, func(r *passwordless.StartRequest) { r.Authenticated = true }); err != nil || got.RateLeft != -1 {
			w.t.Errorf("where nothing is limited Start = %+v, %v, want -1 left", got, err)
		}
		w.Limits = attack.Off
		if got, err := start(53, nil); err != nil || got.RateLeft != -1 {
			w.t.Errorf("without limits Start = %+v, %v", got, err)
		}
	})
}

// R16: where a connection waits for the provider, its refusal is the answer;
// who gets nothing waits as long, and where sign-ups are closed nobody waits.
func TestStartWaitsForProvider(t *testing.T) {
	tests := []struct {
		name       string
		connection string
		prepare    func(w *world)
		want       string
		waited     int // times; for a message if anything was sent
		forMessage bool
	}{
		{"it does not wait", "sms", func(w *world) { w.conns["sms"].WaitForProvider = 0 }, "in", 0, false},
		{"the provider refuses", "sms", func(*world) {}, "sms_provider_error: no such number (Code: 21211)", 1, true},
		{"the provider of mail refuses", "email", func(*world) {}, "server_error: no such number (Code: 21211)", 1, true},
		{"the provider takes it", "sms", func(w *world) { w.out.refusal = "" }, "in", 1, true},
		{"a blocked person", "sms", func(w *world) { w.block(w.know("sms", number, "58fa3bd1c7eae3e1b2a6b1c1")) }, "in", 1, false},
		{"sign-ups are closed", "sms", func(w *world) { w.conns["sms"].NoSignUp = true }, "in", 0, false},
	}
	each(t, func(outer *world) {
		for _, tt := range tests {
			outer.t.Run(tt.name, func(t *testing.T) {
				w := newWorld(t, outer.store, outer.db)
				w.out.refusal = "no such number (Code: 21211)"
				w.conns["sms"].WaitForProvider, w.conns["email"].WaitForProvider = time.Second, time.Second
				tt.prepare(w)
				who := number
				if tt.connection == "email" {
					who = address
				}
				_, err := w.Start(t.Context(), w.ask(tt.connection, who))
				if got := outcome(err); got != tt.want {
					t.Errorf("Start gave %q, want %q", got, tt.want)
				}
				if len(w.out.waited) != tt.waited || tt.waited == 1 && (w.out.waited[0] != "") != tt.forMessage {
					t.Errorf("it waited for %q, want %d times, for a message %v", w.out.waited, tt.waited, tt.forMessage)
				}
			})
		}
	})
}
