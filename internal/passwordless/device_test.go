package passwordless_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

const blockedTries = "too_many_attempts: Your account has been blocked after multiple consecutive login attempts."

// know signs somebody in with a browser, which is known from then on.
func (w *world) signInWith(device, person string) {
	w.t.Helper()
	r := w.bring("sms", person, w.send(w.ask("sms", person)))
	r.Device = device
	if got := w.try(r); got != "in" {
		w.t.Fatalf("sign-in gave %q", got)
	}
}

// spendAll makes wrong tries until none is judged, and returns how many were.
// Requests show the device.
func (w *world) spendAll(device, person string) (judged int) {
	w.t.Helper()
	for range 20 {
		ask := w.ask("sms", person)
		ask.Device = device
		if _, err := w.Start(w.t.Context(), ask); err != nil {
			return judged
		}
		code := w.codeOf(w.out.offered[w.out.sent()-1])
		for n := range 2 {
			r := w.bring("sms", person, another(code, n+1))
			r.Device = device
			if got := w.try(r); got == wrongSMS {
				judged++
			} else if got != blockedTries {
				w.t.Fatalf("a wrong try gave %q", got)
			}
		}
		w.pass(4 * time.Minute) // a new code each time
	}
	return judged
}

// BRU-08, R4: an attacker who uses up the tries of an identifier does not lock
// out the browser that its owner has signed in with before, which has its own
// ten; and only that one. The browser's tries are no more than ten either.
func TestBRU08KnownDeviceHasItsOwnTries(t *testing.T) {
	each(t, func(w *world) {
		own, foreign := passwordless.NewDevice(), passwordless.NewDevice()
		w.signInWith(own, number)
		w.signInWith(foreign, "+447700900124")
		for round := range 3 {
			if n := w.spendAll("", number); n != 10 {
				w.t.Fatalf("%d tries were judged, want 10", n)
			}
			for _, device := range []string{"", foreign, "made up", strings.Repeat("x", 200)} {
				ask := w.ask("sms", number)
				ask.Device = device
				if _, err := w.Start(w.t.Context(), ask); outcome(err) != blockedTries {
					w.t.Errorf("a start with the device %.20q gave %q", device, outcome(err))
				}
				r := w.bring("sms", number, "123456")
				r.Device = device
				if got := w.try(r); got != blockedTries {
					w.t.Errorf("a try with the device %.20q gave %q", device, got)
				}
			}
			ask := w.ask("sms", number)
			ask.Device = own
			code := w.send(ask)
			r := w.bring("sms", number, another(code, 1))
			r.Device = own
			if got := w.try(r); got != wrongSMS {
				w.t.Errorf("the owner's slip of the finger gave %q", got)
			}
			r.OTP = code
			if got := w.try(r); got != "in" {
				w.t.Errorf("round %d: the owner's right code gave %q", round, got)
			}
			w.pass(25 * time.Hour)
		}
		if n := w.spendAll(own, number); n != 10 {
			w.t.Errorf("%d tries of the known browser were judged, want 10", n)
		}
		// Its tries are its own: those of the identifier are still there.
		if n := w.spendAll("", number); n != 10 {
			w.t.Errorf("%d tries without a device were judged, want 10", n)
		}
	})
}

// RAC-08 for a known browser: of many wrong tries at once ten are judged.
func TestRAC08KnownDeviceAtOnce(t *testing.T) {
	each(t, func(w *world) {
		own := passwordless.NewDevice()
		w.signInWith(own, number)
		const apps = 12
		var requests []passwordless.FinishRequest
		for n := range apps {
			client := &tenant.Client{ID: tenant.ClientID(fmt.Sprintf("app%d", n)), Name: "App"}
			w.conns["sms"].Clients = append(w.conns["sms"].Clients, client.ID)
			ask := w.ask("sms", number)
			ask.Client, ask.Device = client, own
			code := w.send(ask)
			for i := range 2 {
				r := w.bring("sms", number, another(code, i+1))
				r.Client, r.Device = client, own
				requests = append(requests, r)
			}
		}
		var judged, refused atomic.Int32
		var wg sync.WaitGroup
		for _, r := range requests {
			wg.Go(func() {
				switch got := w.try(r); got {
				case wrongSMS:
					judged.Add(1)
				case blockedTries:
					refused.Add(1)
				default:
					w.t.Errorf("a wrong try gave %q", got)
				}
			})
		}
		wg.Wait()
		if judged.Load() != 10 || refused.Load() != 14 {
			w.t.Errorf("%d tries were judged and %d refused, want 10 and 14", judged.Load(), refused.Load())
		}
		if n := w.count("tries"); n != "0" {
			w.t.Errorf("the identifier has %s rows of tries", n)
		}
	})
}

// R4: a page that can take a long code goes on when the tries are used up, for
// people who are known and who are not; the code has ten digits, three tries
// and one use like any other.
func TestSpareCode(t *testing.T) {
	each(t, func(w *world) {
		w.know("sms", number, "58fa3bd1c7eae3e1b2a6b1c1")
		for _, person := range []string{number, "+447700900124"} {
			ask := w.ask("sms", person)
			ask.Spare = true
			if code := w.send(ask); len(code) != 6 {
				w.t.Fatalf("while there are tries the code has %d digits", len(code))
			}
			if n := w.spendAll("", person); n != 10 {
				w.t.Fatalf("%d tries were judged, want 10", n)
			}
			plain := w.ask("sms", person)
			if _, err := w.Start(w.t.Context(), plain); outcome(err) != blockedTries {
				w.t.Errorf("a start that takes no long code gave %q", outcome(err))
			}
			code := w.send(ask)
			if again := w.send(ask); len(code) != attack.SpareDigits || again != code {
				w.t.Errorf("the codes are %s and %s, want the same of ten digits", code, again)
			}
			for n, want := range []string{wrongSMS, wrongSMS, tooMany, tooMany} {
				if got := w.try(w.bring("sms", person, another(code, n+1))); got != want {
					w.t.Errorf("wrong try %d at the long code gave %q, want %q", n+1, got, want)
				}
			}
			if got := w.try(w.bring("sms", person, code)); got != tooMany {
				w.t.Errorf("the right code after three wrong ones gave %q", got)
			}
			code = w.send(ask)
			if got := w.try(w.bring("sms", person, code)); got != "in" {
				w.t.Errorf("the right code gave %q", got)
			}
			if got := w.try(w.bring("sms", person, code)); got == "in" {
				w.t.Error("the right code let somebody in twice")
			}
			// A sign-in does not give the tries of the day back.
			if _, err := w.Start(w.t.Context(), plain); outcome(err) != blockedTries {
				w.t.Errorf("a start after that gave %q", outcome(err))
			}
		}
	})
}

// A code of six digits that was sent while there were tries does not become one
// that can be guessed at without end, and a long one is not repeated once there
// are tries again.
func TestSpareCodeIsAnotherCode(t *testing.T) {
	each(t, func(w *world) {
		short := w.send(w.ask("sms", number))
		other := w.ask("sms", number)
		other.Client = w.other
		for range 5 {
			code := w.send(other)
			for n := range 2 {
				r := w.bring("sms", number, another(code, n+1))
				r.Client = w.other
				w.try(r)
			}
			w.conns["sms"].Resend = "new"
		}
		w.conns["sms"].Resend = ""
		if got := w.try(w.bring("sms", number, short)); got != blockedTries {
			w.t.Fatalf("the short code without tries left gave %q", got)
		}
		ask := w.ask("sms", number)
		ask.Spare = true
		long := w.send(ask)
		if len(long) != attack.SpareDigits {
			w.t.Fatalf("the code has %d digits", len(long))
		}
		if got := w.try(w.bring("sms", number, short)); got != wrongSMS {
			w.t.Errorf("the short code after the long one gave %q", got)
		}
		storedSpare := w.count(`codes WHERE spare AND digits = 10`)
		if storedSpare != "1" {
			w.t.Errorf("%s spare codes are stored", storedSpare)
		}
		w.pass(25 * time.Hour)
		if code := w.send(ask); len(code) != 6 {
			w.t.Errorf("a day later the code has %d digits", len(code))
		}
		if n := w.count(`codes WHERE spare`); n != "0" {
			w.t.Errorf("%s spare codes are stored a day later", n)
		}
	})
}

// A connection with codes of ten digits and more has ten tries like any other:
// what is not counted is the spare code alone.
func TestLongCodesAreCounted(t *testing.T) {
	each(t, func(w *world) {
		w.conns["sms"].Code.Digits = 12
		if n := w.spendAll("", number); n != 10 {
			w.t.Errorf("%d tries were judged, want 10", n)
		}
		ask := w.ask("sms", number)
		ask.Spare = true
		if code := w.send(ask); len(code) != 12 {
			w.t.Errorf("the spare code has %d digits, want those of the connection", len(code))
		}
	})
}

// BRU-08: nor does an attacker silence the owner's browser by asking for codes
// until no more are sent.
func TestBRU08KnownDeviceHasItsOwnSends(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		own := passwordless.NewDevice()
		w.signInWith(own, number)
		for n := range 4 { // the owner's first was one of the five
			w.pass(5 * time.Minute)
			ask := w.ask("sms", number)
			ask.IPKey = fmt.Sprint(n)
			w.send(ask)
		}
		if _, err := w.Start(w.t.Context(), w.ask("sms", number)); !passwordless.IsRefusal(err) || passwordless.LimitOf(err) != attack.MaxSendsHour {
			w.t.Errorf("a sixth start without a device gave %v", err)
		}
		ask := w.ask("sms", number)
		ask.Device = own
		for range 3 { // a sign-in ends the cooldown of the browser too
			code := w.send(ask)
			w.pass(time.Second)
			r := w.bring("sms", number, code)
			r.Device = own
			if got := w.try(r); got != "in" {
				w.t.Errorf("the owner's sign-in gave %q", got)
			}
			w.pass(time.Second)
		}
		sent := w.out.sent()
		w.mustStart(ask)
		if w.mustStart(ask); w.out.sent() != sent+1 {
			w.t.Errorf("two starts of the known browser at once sent %d messages, want one", w.out.sent()-sent)
		}
	})
}
