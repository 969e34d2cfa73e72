package storetest_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// administrators is a database and the moment at which it is used.
type administrators struct {
	*testing.T
	*store.Store
	now time.Time
	n   atomic.Int64
}

func (w *administrators) digest(what string) []byte {
	return fmt.Appendf(nil, "%s %d", what, w.n.Add(1))
}

func (w *administrators) event() tenant.LogEvent { return event.New(event.ManagementWrite, w.now) }

func (w *administrators) session() admin.NewSession {
	return admin.NewSession{Now: w.now, Digest: w.digest("session"), Expires: w.now.Add(time.Hour), Event: w.event()}
}

func (w *administrators) add(email string, role tenant.AdministratorRole) tenant.Administrator {
	w.Helper()
	a := tenant.Administrator{ID: tenant.AdministratorID("adm_" + email), Email: email, Role: role, CreatedAt: w.now}
	if err := w.AddAdministrator(w.Context(), a, w.event()); err != nil {
		w.Fatal(err)
	}
	return a
}

func (w *administrators) code(email string) []byte {
	w.Helper()
	browser := w.digest("browser")
	_, wait, err := w.BeginCode(w.Context(), admin.BeginCode{
		Now: w.now, Browser: browser, Email: email, Digest: []byte("right"), Expires: w.now.Add(time.Minute),
	})
	if err != nil || wait != 0 {
		w.Fatal(wait, err)
	}
	return browser
}

func (w *administrators) guess(browser []byte, email, digest string) error {
	_, err := w.RedeemCode(w.Context(), admin.Guess{
		Now: w.now, Browsers: [][]byte{browser}, Email: email, Identifier: "tries of " + email,
		Digest: []byte(digest), Previous: []byte(digest), Session: w.session(), Wrong: event.New(event.ManagementFailed, w.now),
	})
	return err
}

// emailed uses the link beside a code.
func (w *administrators) emailed(browser []byte, email string) error {
	_, err := w.RedeemEmailed(w.Context(), admin.Guess{
		Now: w.now, Browsers: [][]byte{browser}, Email: email, Identifier: "tries of " + email, Session: w.session(),
	})
	return err
}

// sessions counts the sessions that are open.
func (w *administrators) sessions() (open int) {
	for n := range w.n.Load() {
		if _, err := w.AdministratorSession(w.Context(), w.now, [][]byte{fmt.Appendf(nil, "session %d", n+1)}); err == nil {
			open++
		}
	}
	return open
}

func eachAdministrators(t *testing.T, fn func(w *administrators)) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		fn(&administrators{T: t, Store: s, now: time.Now().Truncate(time.Millisecond)})
	})
}

// together runs fn at once many times and returns how often it succeeded.
func together(n int, fn func() error) (done int64, errs []error) {
	var wg sync.WaitGroup
	var won atomic.Int64
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			if err := fn(); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
				return
			}
			won.Add(1)
		})
	}
	wg.Wait()
	return won.Load(), errs
}

// A right code lets one of many requests in, and opens one session.
func TestAdministratorCodeOnce(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		w.add("a@mail.example", tenant.Owner)
		browser := w.code("a@mail.example")
		won, errs := together(40, func() error { return w.guess(browser, "a@mail.example", "right") })
		if won != 1 {
			w.Errorf("%d of 40 were let in", won)
		}
		for _, err := range errs {
			if !errors.Is(err, tenant.ErrAdministratorDead) {
				w.Errorf("the others got %v", err)
			}
		}
		if n := w.sessions(); n != 1 {
			w.Errorf("%d sessions were opened", n)
		}
	})
}

// A code and the link beside it are one: of many requests with either, one is let
// in and opens one session, and afterwards neither works.
func TestAdministratorCodeOrLinkOnce(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		const email = "a@mail.example"
		w.add(email, tenant.Owner)
		for round := range 5 {
			browser := w.code(email)
			var n atomic.Int64
			won, errs := together(40, func() error {
				if n.Add(1)%2 == 0 {
					return w.emailed(browser, email)
				}
				return w.guess(browser, email, "right")
			})
			if won != 1 {
				w.Errorf("%d of 40 were let in", won)
			}
			for _, err := range append(errs, w.emailed(browser, email), w.guess(browser, email, "right")) {
				if !errors.Is(err, tenant.ErrAdministratorDead) {
					w.Errorf("the others got %v", err)
				}
			}
			if n := w.sessions(); n != round+1 {
				w.Errorf("%d sessions are open after %d rounds", n, round+1)
			}
		}
	})
}

// The link beside a code ends when the code does, belongs to its browser and
// address, and is no use to who is no administrator. Wrong tries that others made
// at the address do not end it.
func TestAdministratorLinkBesideCode(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		const email = "a@mail.example"
		w.add(email, tenant.Owner)
		dead := func(what string, err error) {
			w.Helper()
			if !errors.Is(err, tenant.ErrAdministratorDead) {
				w.Errorf("%s: %v", what, err)
			}
		}
		browser := w.code(email)
		dead("another browser", w.emailed(w.digest("another browser"), email))
		dead("another address", w.emailed(browser, "b@mail.example"))
		for range tenant.MaxAttempts {
			if err := w.guess(browser, email, "wrong"); !errors.Is(err, tenant.ErrAdministratorCode) {
				w.Errorf("a wrong try gives %v", err)
			}
		}
		dead("after three wrong tries of its code", w.emailed(browser, email))
		dead("who is no administrator", w.emailed(w.code("nobody@mail.example"), "nobody@mail.example"))
		for range 3 {
			other := w.code(email)
			together(5, func() error { return w.guess(other, email, "wrong") })
		}
		dead("the code, with no tries left", w.guess(w.code(email), email, "right"))
		if err := w.emailed(w.code(email), email); err != nil {
			w.Errorf("the link, with no tries left: %v", err)
		}
		browser = w.code(email)
		w.now = w.now.Add(time.Minute)
		dead("a link that is too old", w.emailed(browser, email))
	})
}

// Whoever gets another role or is removed is signed out at once, and what was
// made for their address lets nobody in any more.
func TestSES05AdministratorChanges(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		w.add("owner@mail.example", tenant.Owner)
		a := w.add("a@mail.example", tenant.Editor)
		open := func() []byte {
			w.Helper()
			n := w.session()
			if _, err := w.OpenAdministratorSession(w.Context(), a, n); err != nil {
				w.Fatal(err)
			}
			return n.Digest
		}
		alive := func(digest []byte) bool {
			_, err := w.AdministratorSession(w.Context(), w.now, [][]byte{digest})
			return err == nil
		}
		one, two := open(), open()
		if !alive(one) || !alive(two) {
			w.Fatal("the sessions are not there")
		}
		if err := w.ChangeAdministrator(w.Context(), a.ID, tenant.Viewer, w.event()); err != nil || alive(one) || alive(two) {
			w.Errorf("sessions go on with another role: %v", err)
		}
		three, browser := open(), w.code(a.Email)
		link := admin.Link{Digest: w.digest("link"), Email: a.Email, Role: tenant.Owner, Expires: w.now.Add(time.Minute)}
		if err := w.AddLink(w.Context(), link); err != nil {
			w.Fatal(err)
		}
		if err := w.RemoveAdministrator(w.Context(), a.ID, false, w.event()); err != nil || alive(three) {
			w.Errorf("the session of somebody who was removed goes on: %v", err)
		}
		_, err := w.RedeemLink(w.Context(), admin.UseLink{Digests: [][]byte{link.Digest}, Session: w.session(), Person: a})
		if !errors.Is(err, tenant.ErrAdministratorLink) {
			w.Errorf("a link for somebody who was removed gives %v", err)
		}
		w.add(a.Email, tenant.Viewer)
		if err := w.guess(browser, a.Email, "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("a code from before gives %v", err)
		}
	})
}

// Of many wrong guesses at once three are judged, and the right one afterwards
// is not. Ten in a day are all that an address has, over all its codes.
func TestAdministratorTries(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		const email = "a@mail.example"
		w.add(email, tenant.Owner)
		judged := func(browser []byte) (n int) {
			_, errs := together(20, func() error { return w.guess(browser, email, "wrong") })
			for _, err := range errs {
				switch {
				case errors.Is(err, tenant.ErrAdministratorCode):
					n++
				case !errors.Is(err, tenant.ErrAdministratorDead):
					w.Error(err)
				}
			}
			return n
		}
		browser := w.code(email)
		if n := judged(browser); n != tenant.MaxAttempts {
			w.Errorf("%d guesses at a code were judged, want %d", n, tenant.MaxAttempts)
		}
		if err := w.guess(browser, email, "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("after its tries the right code gives %v", err)
		}
		total := tenant.MaxAttempts
		for range 4 {
			total += judged(w.code(email))
		}
		if total != attack.MaxWrongDay {
			w.Errorf("%d guesses were judged in a day, want %d", total, attack.MaxWrongDay)
		}
		if err := w.guess(w.code(email), email, "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("without tries left the right code gives %v", err)
		}
		w.now = w.now.Add(attack.TriesWindow + time.Minute)
		if err := w.guess(w.code(email), email, "right"); err != nil {
			w.Errorf("a day later: %v", err)
		}
	})
}

// Who is no administrator gets a code row and tries like everybody, and is not
// let in by the right code. A code is the browser's that asked, and ends.
func TestAdministratorCodeBelongs(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		w.add("a@mail.example", tenant.Owner)
		nobody := w.code("nobody@mail.example")
		if err := w.guess(nobody, "nobody@mail.example", "right"); !errors.Is(err, tenant.ErrAdministratorCode) {
			w.Errorf("who is no administrator gets %v", err)
		}
		if err := w.guess(nobody, "a@mail.example", "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("another address gets %v", err)
		}
		w.code("a@mail.example")
		if err := w.guess(w.digest("another browser"), "a@mail.example", "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("another browser gets %v", err)
		}
		browser := w.code("a@mail.example")
		w.now = w.now.Add(time.Minute)
		if err := w.guess(browser, "a@mail.example", "right"); !errors.Is(err, tenant.ErrAdministratorDead) {
			w.Errorf("a code that is too old gives %v", err)
		}
		known, wait, err := w.BeginCode(w.Context(), admin.BeginCode{
			Now: w.now, Browser: w.digest("browser"), Email: "a@mail.example", Digest: []byte("right"), Expires: w.now.Add(time.Minute),
			Buckets: []attack.Bucket{{Name: "a", Rate: attack.Rate{Burst: 1, Every: time.Hour}}},
		})
		if err != nil || !known || wait != 0 {
			w.Errorf("the first of an hour: %v, %v, %v", known, wait, err)
		}
		_, wait, err = w.BeginCode(w.Context(), admin.BeginCode{
			Now: w.now, Browser: w.digest("browser"), Email: "a@mail.example", Digest: []byte("right"), Expires: w.now.Add(time.Minute),
			Buckets: []attack.Bucket{{Name: "a", Rate: attack.Rate{Burst: 1, Every: time.Hour}}},
		})
		if err != nil || wait < 59*time.Minute {
			w.Errorf("the second of an hour waits %v, %v", wait, err)
		}
	})
}

// ADM-05: a link lets one in, for as long as it is good; one for the first
// administrator is good while there is none.
func TestADM05AdministratorLinks(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		link := func(email string, first bool) []byte {
			w.Helper()
			l := admin.Link{Digest: w.digest("link"), Email: email, Role: tenant.Owner, First: first, Expires: w.now.Add(time.Minute)}
			if err := w.AddLink(w.Context(), l); err != nil {
				w.Fatal(err)
			}
			return l.Digest
		}
		use := func(digest []byte, email string) error {
			n := w.n.Add(1)
			_, err := w.RedeemLink(w.Context(), admin.UseLink{
				Digests: [][]byte{digest}, Session: w.session(),
				Person: tenant.Administrator{ID: tenant.AdministratorID(fmt.Sprintf("adm_%d", n)), Email: email, Role: tenant.Viewer, CreatedAt: w.now},
			})
			return err
		}
		one, two := link("", true), link("", true)
		var n atomic.Int64
		won, errs := together(20, func() error {
			i := n.Add(1)
			digest := one
			if i%2 == 0 {
				digest = two
			}
			return use(digest, fmt.Sprintf("owner%d@mail.example", i))
		})
		if won != 1 {
			w.Errorf("%d became the first administrator", won)
		}
		for _, err := range errs {
			if !errors.Is(err, tenant.ErrAdministratorLink) {
				w.Errorf("the others got %v", err)
			}
		}
		all, err := w.Administrators(w.Context())
		if err != nil || len(all) != 1 || all[0].Role != tenant.Owner || all[0].LastLogin.IsZero() {
			w.Fatalf("there are %+v, %v", all, err)
		}
		named := link("second@mail.example", false)
		if err := use(named, "other@mail.example"); !errors.Is(err, tenant.ErrAdministratorLink) {
			w.Errorf("somebody else's link gives %v", err)
		}
		if err := use(named, "second@mail.example"); err != nil {
			w.Error(err)
		}
		if err := use(named, "second@mail.example"); !errors.Is(err, tenant.ErrAdministratorLink) {
			w.Errorf("a used link gives %v", err)
		}
		old := link("", false)
		w.now = w.now.Add(time.Minute)
		if err := use(old, "third@mail.example"); !errors.Is(err, tenant.ErrAdministratorLink) {
			w.Errorf("a link that is too old gives %v", err)
		}
	})
}

// Two owners who remove each other at the same moment leave one.
func TestAdministratorLastOwner(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		for round := range 5 {
			a, b := w.add(fmt.Sprintf("a%d@mail.example", round), tenant.Owner), w.add(fmt.Sprintf("b%d@mail.example", round), tenant.Owner)
			ids := []tenant.AdministratorID{a.ID, b.ID}
			var n atomic.Int64
			won, errs := together(2, func() error {
				i := n.Add(1) - 1
				if round%2 == 0 {
					return w.RemoveAdministrator(w.Context(), ids[i], false, w.event())
				}
				return w.ChangeAdministrator(w.Context(), ids[i], tenant.Viewer, w.event())
			})
			if won != 1 || len(errs) != 1 || !errors.Is(errs[0], tenant.ErrLastOwner) {
				w.Errorf("round %d: %d succeeded, %v", round, won, errs)
			}
			for _, id := range ids {
				if err := w.RemoveAdministrator(w.Context(), id, true, w.event()); err != nil && !errors.Is(err, tenant.ErrAdministrator) {
					w.Error(err)
				}
			}
		}
	})
}

// A session ends with its administrator, at its end, and when it is ended or
// replaced; what has ended is swept.
func TestAdministratorSessions(t *testing.T) {
	eachAdministrators(t, func(w *administrators) {
		a := w.add("a@mail.example", tenant.Editor)
		open := func(replaces ...[]byte) []byte {
			w.Helper()
			n := w.session()
			n.Replaces = replaces
			got, err := w.OpenAdministratorSession(w.Context(), a, n)
			if err != nil || got.ID != a.ID {
				w.Fatal(got, err)
			}
			return n.Digest
		}
		alive := func(digest []byte) bool {
			s, err := w.AdministratorSession(w.Context(), w.now, [][]byte{digest})
			if err != nil && !fault.Has(err, fault.NotFound) {
				w.Fatal(err)
			}
			return err == nil && s.Administrator.Role == tenant.Editor && s.ProvedAt.Equal(w.now)
		}
		first := open()
		if !alive(first) {
			w.Error("a session is not there")
		}
		second := open(first)
		if alive(first) || !alive(second) {
			w.Error("a session that was replaced goes on")
		}
		if err := w.EndAdministratorSession(w.Context(), [][]byte{second}, w.event()); err != nil || alive(second) {
			w.Error("a session that was ended goes on", err)
		}
		third := open()
		if err := w.RemoveAdministrator(w.Context(), a.ID, false, w.event()); err != nil || alive(third) {
			w.Error("the session of somebody who was removed goes on", err)
		}
		a = w.add("b@mail.example", tenant.Editor)
		old := open()
		w.code("b@mail.example")
		w.now = w.now.Add(time.Hour)
		if alive(old) {
			w.Error("a session goes on beyond its end")
		}
		for {
			more, err := w.Sweep(w.Context(), w.now.Add(time.Second))
			if err != nil {
				w.Fatal(err)
			}
			if !more {
				break
			}
		}
		if err := w.AddAdministrator(w.Context(), a, w.event()); !errors.Is(err, tenant.ErrAdministratorExists) {
			w.Errorf("a second of the same address gives %v", err)
		}
	})
}
