package passwordless_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The life of a code, told in steps: "send" asks for one, "code" brings the
// one last sent, "old" the one before, "bad" neither, and a duration lets time
// pass. OTP-03, OTP-04 and, where the connection says so, OTP-05 are among
// them.
func TestLifeOfACode(t *testing.T) {
	tests := []struct {
		name   string
		resend string
		steps  string
		want   string
	}{
		{"the right code", "", "send code", "in"},
		{"OTP-03: the right code, twice", "", "send code code", "in wrong"},
		{"nothing was sent", "", "bad", "wrong"},
		{"the second guess", "", "send bad code", "wrong in"},
		{"the last guess", "", "send bad bad code", "wrong wrong in"},
		{"OTP-04: out of guesses", "", "send bad bad bad code", "wrong wrong dead dead"},
		{"a dead code that has expired", "", "send bad bad bad 3m code", "wrong wrong dead wrong"},
		{"just in time", "", "send 2m59s code", "in"},
		{"too late", "", "send 3m code", "late"},
		{"much too late", "", "send 20h code", "late"},
		{"wrong and too late", "", "send 3m bad code", "wrong late"},
		{"late, then again", "", "send 3m code code", "late late"},
		{"asking again repeats the code", "", "send send code", "in"},
		{"asking again restarts its expiry", "", "send 2m send 2m code", "in"},
		{"asking again keeps the tries", "", "send bad bad send bad code", "wrong wrong dead dead"},
		{"asking again after it was used", "", "send code send old code", "in wrong in"},
		{"asking again after three wrong tries", "", "send bad bad bad send code", "wrong wrong dead in"},
		{"asking again after it expired", "", "send 4m send old code", "wrong in"},
		{"OTP-05: a new code each time", "new", "send send old code", "wrong in"},
		{"OTP-05: a new code brings new tries", "new", "send bad bad send bad bad code", "wrong wrong wrong wrong in"},
	}
	each(t, func(w *world) {
		for i, tt := range tests {
			w.run(tt.name, func(t *testing.T) {
				w.conns["sms"].Resend = tt.resend
				who := fmt.Sprintf("+44770090%04d", i)
				code, old := "000000", "000001"
				var got []string
				for step := range strings.FieldsSeq(tt.steps) {
					if d, err := time.ParseDuration(step); err == nil {
						w.pass(d)
						continue
					}
					if step == "send" {
						old, code = code, w.send(w.ask("sms", who))
						continue
					}
					guess := map[string]string{"code": code, "old": old, "bad": another(code, 1)}[step]
					if guess == old && step == "bad" {
						guess = another(code, 2)
					}
					short := map[string]string{"in": "in", wrongSMS: "wrong", expired: "late", tooMany: "dead"}
					word := w.try(w.bring("sms", who, guess))
					if s := short[word]; s != "" {
						word = s
					}
					got = append(got, word)
				}
				if s := strings.Join(got, " "); s != tt.want {
					t.Errorf("%q gave %q, want %q", tt.steps, s, tt.want)
				}
			})
		}
	})
}

// OTP-02: a code is good until its end and not at it, and never for longer
// than ten minutes, whatever the connection says.
func TestOTP02Lifetime(t *testing.T) {
	each(t, func(w *world) {
		n := 0
		for _, tt := range []struct{ setting, life time.Duration }{
			{60 * time.Second, 60 * time.Second},
			{180 * time.Second, 180 * time.Second},
			{600 * time.Second, 600 * time.Second},
			{601 * time.Second, 600 * time.Second},
			{900 * time.Second, 600 * time.Second},
		} {
			for _, at := range []struct {
				after time.Duration
				want  string
			}{{-time.Second, "in"}, {0, expired}, {time.Second, expired}} {
				n++
				who := fmt.Sprintf("+44770090%04d", n)
				w.conns["sms"].Code.Lifetime = tt.setting
				code := w.send(w.ask("sms", who))
				w.pass(tt.life + at.after)
				if got := w.try(w.bring("sms", who, code)); got != at.want {
					w.t.Errorf("time_step %v, after %v: %q, want %q", tt.setting, tt.life+at.after, got, at.want)
				}
			}
		}
		// However often it is asked for again.
		w.conns["sms"].Code.Lifetime = 300 * time.Second
		code := w.send(w.ask("sms", number))
		for range 3 {
			w.pass(3 * time.Minute)
			if again := w.send(w.ask("sms", number)); again != code {
				w.t.Fatal("asking again made a new code")
			}
		}
		w.pass(time.Minute)
		if got := w.try(w.bring("sms", number, code)); got != expired {
			w.t.Errorf("ten minutes after it was first sent a code gave %q, want %q", got, expired)
		}
	})
}

// F7: a code has the length its connection says, and leading zeros count.
func TestLengthOfACode(t *testing.T) {
	each(t, func(w *world) {
		zeros := 0
		for i := 0; zeros < 2; i++ {
			who := fmt.Sprintf("+4477009%05d", i)
			w.conns["sms"].Code.Digits = []int{4, 6, 10, 40}[i%4]
			code := w.send(w.ask("sms", who))
			if len(code) != w.conns["sms"].Code.Digits {
				w.t.Fatalf("the code %q has not %d digits", code, w.conns["sms"].Code.Digits)
			}
			if !strings.HasPrefix(code, "0") {
				continue
			}
			zeros++
			if got := w.try(w.bring("sms", who, strings.TrimLeft(code, "0")+" ")); got != wrongSMS {
				w.t.Errorf("%q without its zeros gave %q", code, got)
			}
			if got := w.try(w.bring("sms", who, code)); got != "in" {
				w.t.Errorf("%q gave %q", code, got)
			}
		}
	})
}

// OTP-06: a code is for one connection, identifier, application and login
// transaction. Twelve pairs cross over; none lets anybody in, and the code is
// as good afterwards as it was before.
func TestOTP06CodeIsBound(t *testing.T) {
	const friend, friendMail = "+447700900124", "kim@example.com"
	type place struct {
		connection, person string
		other              bool
		transaction        string
	}
	home, mail, tx := place{connection: "sms", person: number}, place{connection: "email", person: address}, place{connection: "sms", person: number, transaction: "tx1"}
	pairs := []struct {
		name     string
		from, to place
	}{
		{"another application", home, place{"sms", number, true, ""}},
		{"another number", home, place{"sms", friend, false, ""}},
		{"another connection of the channel", home, place{"sms2", number, false, ""}},
		{"another channel", home, mail},
		{"a login transaction", home, tx},
		{"another application and number", home, place{"sms", friend, true, ""}},
		{"mail: another application", mail, place{"email", address, true, ""}},
		{"mail: another address", mail, place{"email", friendMail, false, ""}},
		{"mail: another channel", mail, home},
		{"mail: a login transaction", mail, place{"email", address, false, "tx1"}},
		{"a transaction: the API", tx, home},
		{"a transaction: another transaction", tx, place{"sms", number, false, "tx2"}},
	}
	each(t, func(w *world) {
		start := func(p place) string {
			r := w.ask(p.connection, p.person)
			r.Transaction = p.transaction
			if p.other {
				r.Client = w.other
			}
			return w.send(r)
		}
		finish := func(p place, code string) string {
			r := w.bring(p.connection, p.person, code)
			r.Transaction = p.transaction
			if p.other {
				r.Client = w.other
			}
			return w.try(r)
		}
		for _, tt := range pairs {
			for _, asked := range []bool{false, true} {
				w.pass(25 * time.Hour) // the tries of the day before are no matter
				code := start(tt.from)
				if asked {
					for code == start(tt.to) { // by chance: once in a million
						w.pass(4 * time.Minute)
						code = start(tt.from)
					}
				}
				want := wrongSMS
				if tt.to.connection == "email" {
					want = wrongEmail
				}
				if got := finish(tt.to, code); got != want {
					w.t.Errorf("%s (asked there: %v) gave %q, want %q", tt.name, asked, got, want)
				}
				if got := finish(tt.from, code); got != "in" {
					w.t.Errorf("%s (asked there: %v): afterwards the code gave %q", tt.name, asked, got)
				}
			}
		}
	})
}

// OTP-10: who is blocked is sent nothing and not let in, at whatever moment it
// happens; who is let in again afterwards needs a new code.
func TestOTP10BlockedUser(t *testing.T) {
	key := tenant.CodeKey{Connection: "con_sms", Identifier: number, Client: "app"}
	tests := []struct {
		name string
		run  func(w *world, id tenant.UserID) (code string)
		sent int
	}{
		{"before the start", func(w *world, id tenant.UserID) string {
			w.block(id)
			w.mustStart(w.ask("sms", number))
			return w.stored(key)
		}, 0},
		{"after the start", func(w *world, id tenant.UserID) string {
			code := w.send(w.ask("sms", number))
			w.block(id)
			return code
		}, 1},
		{"between two starts", func(w *world, id tenant.UserID) string {
			code := w.send(w.ask("sms", number))
			w.block(id)
			w.pass(time.Minute)
			w.mustStart(w.ask("sms", number))
			return code
		}, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(w *world) {
				id := w.know("sms", number, "58fa3bd1c7eae3e1b2a6b1c1")
				code := tt.run(w, id)
				if got := w.try(w.bring("sms", number, another(code, 1))); got != wrongSMS {
					w.t.Errorf("a wrong code gave %q, want %q", got, wrongSMS)
				}
				_, err := w.Finish(w.t.Context(), w.bring("sms", number, code))
				if got := outcome(err); got != isBlocked || !fault.Has(err, fault.Denied) {
					w.t.Errorf("the right code gave %q, want %q", got, isBlocked)
				}
				if got := w.try(w.bring("sms", number, code)); got != wrongSMS {
					w.t.Errorf("the code again gave %q, want %q", got, wrongSMS)
				}
				if w.out.sent() != tt.sent || w.count(`grants`) != "0" || w.count(`logs WHERE type = 's'`) != "0" {
					w.t.Errorf("%d messages sent, %s grants, %s sign-ins in the log", w.out.sent(), w.count(`grants`), w.count(`logs WHERE type = 's'`))
				}
			})
		})
	}
}

// OTP-11: codes that have expired, were used, replaced, meant for somebody who
// is blocked, or never were, are answered alike.
func TestOTP11WrongCodesLookAlike(t *testing.T) {
	tests := []struct {
		name string
		run  func(w *world, who string) (guess string)
	}{
		{"nothing was ever sent", func(*world, string) string { return "123456" }},
		{"wrong", func(w *world, who string) string { return another(w.send(w.ask("sms", who)), 1) }},
		{"used", func(w *world, who string) string {
			code := w.send(w.ask("sms", who))
			w.try(w.bring("sms", who, code))
			return code
		}},
		{"wrong after it was used", func(w *world, who string) string {
			code := w.send(w.ask("sms", who))
			w.try(w.bring("sms", who, code))
			return another(code, 1)
		}},
		{"wrong after it expired", func(w *world, who string) string {
			code := w.send(w.ask("sms", who))
			w.pass(time.Hour)
			return another(code, 1)
		}},
		{"replaced", func(w *world, who string) string {
			code := w.send(w.ask("sms", who))
			w.pass(time.Hour)
			w.send(w.ask("sms", who))
			return code
		}},
		{"of the wrong length", func(w *world, who string) string { return w.send(w.ask("sms", who)) + "0" }},
		{"not digits", func(w *world, who string) string { return w.send(w.ask("sms", who)) + "x" }},
		{"nothing", func(w *world, who string) string { w.send(w.ask("sms", who)); return "" }},
		{"very long", func(w *world, who string) string { return strings.Repeat("1", 1000) }},
	}
	each(t, func(w *world) {
		for i, tt := range tests {
			who := fmt.Sprintf("+44770090%04d", i)
			_, err := w.Finish(w.t.Context(), w.bring("sms", who, tt.run(w, who)))
			f := fault.Of(err)
			if f == nil || outcome(err) != wrongSMS || f.Kind != fault.Denied || f.RetryAfter != 0 || f.Unwrap() != nil {
				w.t.Errorf("%s: %+v, want %q and nothing else", tt.name, f, wrongSMS)
			}
		}
	})
}

// OTP-12: codes and addresses as people type them.
func TestOTP12FinishReadsWhatPeopleType(t *testing.T) {
	each(t, func(w *world) {
		for i, as := range []func(code string) string{
			func(c string) string { return c[:3] + " " + c[3:] },
			func(c string) string { return " " + c[:3] + "-" + c[3:] + " " },
			func(c string) string {
				return strings.Map(func(r rune) rune { return r - '0' + '０' }, c)
			},
			func(c string) string {
				return strings.Map(func(r rune) rune { return r - '0' + '٠' }, c)
			},
		} {
			code := w.send(w.ask("email", address))
			if got := w.try(w.bring("email", " JO@Example.COM", as(code))); got != "in" {
				w.t.Errorf("form %d of %q gave %q", i, code, got)
			}
		}
	})
}

// What cannot be a code, or is for nobody, costs no try: nobody can use up
// another's tries without sending guesses.
func TestWhatCostsNoTry(t *testing.T) {
	each(t, func(w *world) {
		code := w.send(w.ask("sms", number))
		for _, r := range []passwordless.FinishRequest{
			w.bring("sms", number, "abcdef"), w.bring("sms", number, ""), w.bring("sms", number[1:], code), w.bring("sms", "", code),
			w.bring("sms2", number, code), w.bring("email", number, code), w.bring("none", number, code),
		} {
			for range 4 {
				if got := w.try(r); got == "in" || got == tooMany {
					w.t.Errorf("%q for %q through %q gave %q", r.OTP, r.Username, r.Realm, got)
				}
			}
		}
		if n := w.count(`tries`); n != "0" {
			w.t.Errorf("%s identifiers have wrong tries", n)
		}
		if got := w.try(w.bring("sms", number, code)); got != "in" {
			w.t.Errorf("the code gave %q", got)
		}
	})
}

func TestFinishRefuses(t *testing.T) {
	each(t, func(w *world) {
		code := w.send(w.ask("sms", number))
		unknown := "invalid_request: the connection was not found"
		if got := w.try(w.bring("none", number, code)); got != unknown {
			w.t.Errorf("a realm that is none gave %q, want %q", got, unknown)
		}
		if got := w.try(w.bring("broken", number, code)); got != "server_error: Something went wrong on our side." {
			w.t.Errorf("settings that cannot be read gave %q", got)
		}
		w.conns["sms"].Clients = []tenant.ClientID{"other"}
		if got := w.try(w.bring("sms", number, code)); got != unknown {
			w.t.Errorf("a connection that was switched off for the application gave %q, want %q", got, unknown)
		}
		w.conns["sms"].Clients = []tenant.ClientID{"app"}
		// F8: sign-ups were closed after the code was sent.
		w.conns["sms"].NoSignUp = true
		if got := w.try(w.bring("sms", number, code)); got != "invalid_grant: Public signup is disabled" || w.count(`users`) != "0" {
			w.t.Errorf("a first sign-in where sign-ups are closed gave %q, and %s users", got, w.count(`users`))
		}
		w.know("sms", number, "58fa3bd1c7eae3e1b2a6b1c1")
		if got := w.try(w.bring("sms", number, w.send(w.ask("sms", number)))); got != "in" {
			w.t.Errorf("somebody an administrator has added gave %q", got)
		}
	})
}

// R4, BRU-01: after ten wrong tries in a day nothing is judged any more, not
// even the right code, over every application and connection of the channel;
// a start is refused alike, known or not.
func TestBRU01TriesOfADay(t *testing.T) {
	each(t, func(w *world) {
		for i, who := range []string{number, "+447700900124"} {
			if i == 0 {
				w.know("sms", who, "58fa3bd1c7eae3e1b2a6b1c1")
			}
			var code string
			for n := range 10 {
				if n%2 == 0 {
					w.pass(4 * time.Minute)
					code = w.send(w.ask([]string{"sms", "sms2"}[n/2%2], who))
				}
				if got := w.try(w.bring([]string{"sms", "sms2"}[n/2%2], who, another(code, 1+n%2))); got != wrongSMS {
					w.t.Fatalf("wrong try %d gave %q", n+1, got)
				}
			}
			_, err := w.Finish(w.t.Context(), w.bring("sms", who, code))
			if f := fault.Of(err); f == nil || f.Code != "too_many_attempts" || f.Kind != fault.TooMany || f.RetryAfter < 23*time.Hour || !passwordless.IsRefusal(err) {
				w.t.Errorf("the right code after ten wrong ones gave %+v", f)
			}
			_, err = w.Start(w.t.Context(), w.ask("sms", who))
			if f := fault.Of(err); f == nil || f.Code != "too_many_attempts" || f.RetryAfter < 23*time.Hour {
				w.t.Errorf("a start after ten wrong tries gave %+v", f)
			}
			w.pass(25 * time.Hour)
			if got := w.try(w.bring("sms", who, w.send(w.ask("sms", who)))); got != "in" {
				w.t.Errorf("the next day a code gave %q", got)
			}
		}
	})
}

// RAC-01, RAC-07: of fifty requests with the right code one is let in, and one
// user comes of a first sign-in.
func TestRAC01FinishAtOnce(t *testing.T) {
	each(t, func(w *world) {
		for round := range 3 {
			who := fmt.Sprintf("+44770090%04d", round)
			code := w.send(w.ask("sms", who))
			var in atomic.Int32
			var wg sync.WaitGroup
			for i := range 50 {
				r := w.bring("sms", who, code)
				r.Grant.ID = fmt.Sprint(round, "/", i)
				r.Refresh = &tenant.RefreshToken{Digest: []byte(r.Grant.ID), Grant: r.Grant.ID, Generation: 1, IssuedAt: w.Now(), LastUsed: w.Now()}
				wg.Go(func() {
					done, err := w.Finish(w.t.Context(), r)
					switch outcome(err) {
					case "in":
						in.Add(1)
						if done.User.Phone != who || done.Grant.ID != r.Grant.ID || done.Grant.User != done.User.ID || done.Connection.Name != "sms" {
							w.t.Errorf("Finish = %+v", done)
						}
					case wrongSMS:
					default:
						w.t.Error(err)
					}
				})
			}
			wg.Wait()
			if in.Load() != 1 {
				w.t.Errorf("round %d: %d requests were let in, want 1", round, in.Load())
			}
		}
		if w.count(`users`) != "3" || w.count(`grants`) != "3" || w.count(`refresh_tokens`) != "3" {
			w.t.Errorf("%s users, %s grants and %s refresh tokens of three sign-ins", w.count(`users`), w.count(`grants`), w.count(`refresh_tokens`))
		}
	})
}

// A code that was sent before the root key changed is still good after it,
// while the old key is at hand.
func TestFinishAfterKeyChange(t *testing.T) {
	each(t, func(w *world) {
		code := w.send(w.ask("sms", number))
		old := make([]byte, secret.RootSize)
		for i := range old {
			old[i] = 7 // see storetest.Keys
		}
		ring, err := secret.NewRing([]byte("a new key of thirty-two bytes..."), old)
		if err != nil {
			w.t.Fatal(err)
		}
		w.Keys, w.Codes = ring, otp.Maker{Keys: ring}
		if got := w.try(w.bring("sms", number, another(code, 1))); got != wrongSMS {
			w.t.Errorf("a wrong code gave %q", got)
		}
		if got := w.try(w.bring("sms", number, code)); got != "in" {
			w.t.Errorf("a code of the old key gave %q", got)
		}
		if got := w.try(w.bring("sms", number, w.send(w.ask("sms", number)))); got != "in" {
			w.t.Errorf("a code of the new key gave %q", got)
		}
	})
}
