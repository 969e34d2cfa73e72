package races

import (
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// RAC-01, OTP-03: of a hundred people who bring the same right code at the
// same moment, one gets tokens, in every round.
func TestRAC01OneRightAnswerGetsTokens(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		for round := range n {
			to := f.Phone()
			code := f.code(f.app(round), to, 0)
			got := f.tally(together(100, func(i int) binary.Answer {
				return f.app(i).Token(f.ctx(), binary.Code{To: to, Code: code})
			}))
			if want := (tally{"ok": 1, "wrong": 99}); !got.is(want) {
				f.Fatalf("round %d: a hundred right answers gave %v, want %v", round, got, want)
			}
			if a := f.app(round).Token(f.ctx(), binary.Code{To: to, Code: code}); !a.Wrong() {
				f.Errorf("round %d: the code once more gave %v", round, a)
			}
		}
		f.Logf("measured: one of 100 right answers, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

// RAC-02, OTP-04: of two hundred wrong guesses at the same moment three are
// judged, and after them the right code is of no use.
func TestRAC02ThreeGuessesAreJudged(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		for round := range n {
			to := f.Phone()
			code := f.code(f.app(round), to, 0)
			got := f.tally(together(200, func(i int) binary.Answer {
				return f.app(i).Token(f.ctx(), binary.Code{To: to, Code: wrong(code)})
			}))
			// The third wrong try is told like those after it.
			if want := (tally{"wrong": 2, "dead": 198}); !got.is(want) {
				f.Fatalf("round %d: two hundred wrong answers gave %v, want %v", round, got, want)
			}
			if a := f.app(round).Token(f.ctx(), binary.Code{To: to, Code: code}); !a.Dead() {
				f.Errorf("round %d: the right answer after three wrong ones gave %v", round, a)
			}
			f.threeOfTenAreSpent(round, to)
		}
		f.Logf("measured: 3 of 200 wrong guesses judged, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

// threeOfTenAreSpent proves that neither more nor fewer than three guesses
// were counted: of the ten of a day seven are left.
func (f *field) threeOfTenAreSpent(round int, to string) {
	f.Helper()
	f.spend(to, 1, 3)
	f.spend(to, 2, 3)
	code := f.spend(to, 3, 1)
	if a := f.app(round).Token(f.ctx(), binary.Code{To: to, Code: wrong(code)}); !a.NoTries() {
		f.Errorf("round %d: the eleventh wrong try gave %v", round, a)
	}
}

// spend asks for a code, which is message n to the person, makes so many wrong
// tries, one after the other and at one server after the other, and returns
// the code.
func (f *field) spend(to string, n, tries int) string {
	f.Helper()
	code := f.code(f.app(n), to, n)
	for i := range tries {
		a := f.app(i).Token(f.ctx(), binary.Code{To: to, Code: wrong(code)})
		if last := i == 2; last && !a.Dead() || !last && !a.Wrong() {
			f.Errorf("wrong try %d of code %d gave %v", i+1, n+1, a)
		}
	}
	return code
}

// RAC-07: somebody who signs in for the first time through a hundred
// applications at the same moment becomes one user.
func TestRAC07FirstSignInMakesOneUser(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		const apps = 100
		manager := f.at(0).Manage(f.ctx())
		sms := manager.Connection(f.ctx(), "sms")
		var all []*binary.App
		for i := range apps {
			all = append(all, manager.NewApp(f.ctx(), name("first sign-in", i), sms, nil).On(f.at(i)))
		}
		time.Sleep(time.Second) // the other process has seen them by then
		for round := range n {
			to := f.Phone()
			f.mustAll(together(apps, func(i int) binary.Answer {
				return all[i].Start(f.ctx(), binary.Start{To: to})
			}))
			codes := f.codes(to, apps)
			answers := together(apps, func(i int) binary.Answer {
				return all[i].Token(f.ctx(), binary.Code{To: to, Code: codes[all[i].ID], Scope: "openid"})
			})
			f.mustAll(answers)
			subjects := map[string]int{}
			for _, a := range answers {
				subjects[subject(f.T, a.IDToken)]++
			}
			if len(subjects) != 1 {
				f.Fatalf("round %d: a hundred sign-ins made %d users: %v", round, len(subjects), subjects)
			}
		}
		f.Logf("measured: one user of 100 first sign-ins, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

// mustAll ends the test unless every request was answered well.
func (f *field) mustAll(answers []binary.Answer) {
	f.Helper()
	if got, want := f.tally(answers), (tally{"ok": len(answers)}); !got.is(want) {
		f.Fatalf("%d requests gave %v", len(answers), got)
	}
}

// codes waits for n messages to a person and returns their codes by
// application.
func (f *field) codes(to string, n int) map[string]string {
	f.Helper()
	if _, err := f.inbox.Wait(f.ctx(), to, n-1); err != nil {
		f.Fatal(err)
	}
	codes := map[string]string{}
	for _, m := range f.inbox.To(to) {
		codes[m.ClientID] = m.Code
	}
	if len(codes) != n {
		f.Fatalf("messages for %d applications, want %d", len(codes), n)
	}
	return codes
}
