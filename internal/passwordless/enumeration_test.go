package passwordless_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A person is one of the kinds that a start must not tell apart.
type person struct {
	name    string
	prepare func(w *world, identifier, external string)
	sent    map[bool]bool // by whether sign-ups are closed
	detail  string
}

func people() []person {
	return []person{
		{"known", func(w *world, id, ext string) { w.know("sms", id, ext) }, map[bool]bool{false: true, true: true}, ""},
		{"unknown", func(*world, string, string) {}, map[bool]bool{false: true, true: false}, "Sign-ups are disabled and nobody is known by this address."},
		{"blocked", func(w *world, id, ext string) { w.block(w.know("sms", id, ext)) }, map[bool]bool{}, "The user is blocked."},
		{"deleted", func(w *world, id, ext string) { w.remove(w.know("sms", id, ext), "sms", id) }, map[bool]bool{false: true, true: false}, "Sign-ups are disabled and nobody is known by this address."},
	}
}

// ENU-01, OTP-10: the answer of a start and the rows it leaves are the same for
// everybody; only whether anything is sent differs.
func TestENU01StartTellsNobodyApart(t *testing.T) {
	tables := []string{"codes", "messages", "logs", "sends", "rates", "tries", "users", "identities"}
	each(t, func(w *world) {
		next := 0
		for _, limits := range []attack.Mode{attack.Off, attack.Auth0, attack.Strict} {
			for _, closed := range []bool{false, true} {
				w.run(fmt.Sprintf("limits %s, sign-ups closed %v", limits, closed), func(t *testing.T) {
					w.Limits, w.conns["sms"].NoSignUp = limits, closed
					var first *passwordless.Started
					for range 3 {
						for _, p := range people() {
							next++
							id := fmt.Sprintf("+4477009%05d", next)
							p.prepare(w, id, fmt.Sprintf("%024x", next))
							before := map[string]int{}
							for _, table := range tables {
								before[table] = w.number(table)
							}
							offered := w.out.sent()
							r := w.ask("sms", id)
							r.IPKey = id // a bucket for each, so that what is left is the same
							got, err := w.Start(t.Context(), r)
							if err != nil {
								t.Fatalf("%s: %v", p.name, err)
							}
							if !hex24.MatchString(got.ID) || got.Identifier != id {
								t.Errorf("%s: Start = %+v", p.name, got)
							}
							got.ID, got.Identifier, got.Event, got.Message = "", "", "", "" // the last two are for the operator
							if first == nil {
								first = &got
							}
							if got != *first {
								t.Errorf("%s: Start = %+v, for others %+v", p.name, got, *first)
							}
							for _, table := range tables {
								want := 1
								if table == "users" || table == "identities" || table == "tries" ||
									table == "sends" && limits != attack.Strict || table == "rates" && limits == attack.Off {
									want = 0
								}
								if n := w.number(table) - before[table]; n != want {
									t.Errorf("%s: %d rows more in %s, want %d", p.name, n, table, want)
								}
							}
							sent := w.out.sent() > offered
							if sent != p.sent[closed] {
								t.Errorf("%s: handed over %v, want %v", p.name, sent, p.sent[closed])
							}
							want := "queued "
							if !p.sent[closed] {
								want = "suppressed " + p.detail
							}
							if got := w.newest(id); got != want {
								t.Errorf("%s: the message is %q, want %q", p.name, got, want)
							}
						}
					}
				})
			}
		}
	})
}

// ENU-01, ENU-03: the answers to wrong codes are the same for everybody too,
// and what nobody was sent is no way in.
func TestENU01FinishTellsNobodyApart(t *testing.T) {
	want := strings.Join([]string{wrongSMS, wrongSMS, tooMany, tooMany}, "\n")
	each(t, func(w *world) {
		next := 0
		for _, closed := range []bool{false, true} {
			w.conns["sms"].NoSignUp = closed
			for _, p := range people() {
				next++
				id := fmt.Sprintf("+4477009%05d", next)
				p.prepare(w, id, fmt.Sprintf("%024x", next))
				w.mustStart(w.ask("sms", id))
				right := w.stored(tenant.CodeKey{Connection: "con_sms", Identifier: id, Client: "app"})
				var got []string
				for n := 1; n <= 4; n++ {
					got = append(got, w.try(w.bring("sms", id, another(right, n))))
				}
				if story := strings.Join(got, "\n"); story != want {
					w.t.Errorf("%s, sign-ups closed %v: wrong codes gave\n%s, want\n%s", p.name, closed, story, want)
				}
			}
		}
	})
}

// Where the tenant asks for it, closed sign-ups are said, as Auth0 does; of
// blocked people nothing is.
func TestStartReveals(t *testing.T) {
	each(t, func(w *world) {
		w.settings.Flags.RevealSignUpDisabled = true
		w.conns["sms"].NoSignUp = true
		_, err := w.Start(w.t.Context(), w.ask("sms", number))
		if got := outcome(err); got != "bad.connection: Public signup is disabled" {
			w.t.Errorf("an unknown person's start gave %q", got)
		}
		w.block(w.know("sms", "+447700900124", "58fa3bd1c7eae3e1b2a6b1c1"))
		if _, err := w.Start(w.t.Context(), w.ask("sms", "+447700900124")); err != nil {
			w.t.Errorf("a blocked person's start gave %v", err)
		}
		if w.out.sent() != 0 {
			w.t.Error("something was sent")
		}
	})
}
