package races

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

func name(what string, i int) string { return fmt.Sprintf("%s %d", what, i) }

// BRU-01, BRU-05, RAC-08: of two hundred and forty wrong tries that are made
// at the same moment, over twelve applications and all processes, ten are
// judged.
func TestBRU05TenGuessesADay(t *testing.T) {
	each(t, func(f *field) {
		n, began := rounds(t), time.Now()
		manager := f.at(0).Manage(f.ctx())
		sms := manager.Connection(f.ctx(), "sms")
		var all []*binary.App
		for i := range 12 {
			all = append(all, manager.NewApp(f.ctx(), name("budget", i), sms, nil).On(f.at(i)))
		}
		time.Sleep(time.Second) // the other process has seen them by then
		for round := range n {
			to := f.Phone()
			f.mustAll(together(12, func(i int) binary.Answer {
				return all[i].Start(f.ctx(), binary.Start{To: to})
			}))
			codes := f.codes(to, 12)
			// Two for each code, so that none of them dies of its own tries:
			// each answer "wrong" is one that was judged.
			got := f.tally(together(24, func(i int) binary.Answer {
				app := all[i%12]
				return app.On(f.at(i/12)).Token(f.ctx(), binary.Code{To: to, Code: wrong(codes[app.ID])})
			}))
			if want := (tally{"wrong": 10, "no tries": 14}); !got.is(want) {
				f.Fatalf("round %d: 24 wrong tries gave %v, want %v", round, got, want)
			}
			got = f.tally(together(216, func(i int) binary.Answer {
				app := all[i%12]
				return app.On(f.at(i/12)).Token(f.ctx(), binary.Code{To: to, Code: codes[app.ID]})
			}))
			if want := (tally{"no tries": 216}); !got.is(want) {
				f.Fatalf("round %d: right answers after ten wrong tries gave %v, want %v", round, got, want)
			}
		}
		f.Logf("measured: 10 wrong tries a day, %s: %d of %d rounds in %.1f s", f.name, n, n, time.Since(began).Seconds())
	})
}

// BRU-06: the ten tries are not given back by a restart, neither in order nor
// by a crash, and the next process counts on where the last one stopped.
func TestBRU06TenGuessesADayOverRestarts(t *testing.T) {
	each(t, func(f *field) {
		restart := func(kill bool) {
			for _, s := range f.servers {
				if kill {
					s.Kill()
				} else {
					s.Stop()
				}
				s.Restart()
				f.inbox.Follow(s)
			}
		}
		to, bystander := f.Phone(), f.Phone()
		f.spend(to, 0, 3)
		restart(true)
		f.spend(to, 1, 3)
		restart(false)
		f.spend(to, 2, 3)
		code := f.code(f.app(0), to, 3)
		restart(true)
		// Nine are spent. One is left, at whichever server, and no more.
		if a := f.app(1).Token(f.ctx(), binary.Code{To: to, Code: wrong(code)}); !a.Wrong() {
			f.Errorf("the tenth wrong try gave %v", a)
		}
		for _, kill := range []bool{true, false} {
			restart(kill)
			for i := range f.servers {
				if a := f.app(i).Token(f.ctx(), binary.Code{To: to, Code: code}); !a.NoTries() {
					f.Errorf("the right answer after ten wrong tries gave %v", a)
				}
				if a := f.app(i).Start(f.ctx(), binary.Start{To: to}); !a.NoTries() {
					f.Errorf("a start after ten wrong tries gave %v", a)
				}
				if a := f.at(i).Native().Start(f.ctx(), binary.Start{To: to}); !a.NoTries() {
					f.Errorf("a start through another application gave %v", a)
				}
			}
		}
		if a := f.app(0).Token(f.ctx(), binary.Code{To: bystander, Code: f.code(f.app(0), bystander, 0)}); !a.OK() {
			f.Errorf("somebody else's right answer gave %v", a)
		}
	})
}

// ENU-01, R4: when the tries are used up, a start for somebody who has never
// signed in is refused in the same words as for somebody who has.
func TestENU01UsedUpTriesTellNothing(t *testing.T) {
	each(t, func(f *field) {
		known, unknown := f.Phone(), f.Phone()
		if a := f.app(0).Token(f.ctx(), binary.Code{To: known, Code: f.code(f.app(0), known, 0)}); !a.OK() {
			f.Fatalf("sign-in: %v", a)
		}
		var answers []binary.Answer
		for i, to := range []string{known, unknown} {
			first := 1 - i // the known one has had a message already
			for n := range 3 {
				f.spend(to, first+n, 3)
			}
			f.spend(to, first+3, 1)
			answers = append(answers, f.app(i).Start(f.ctx(), binary.Start{To: to}))
		}
		for i, a := range answers {
			if !a.NoTries() {
				f.Errorf("start %d gave %v", i, a)
			}
		}
		if a, b := string(answers[0].Body), string(answers[1].Body); a != b {
			f.Errorf("known: %s\nunknown: %s", a, b)
		}
	})
}
