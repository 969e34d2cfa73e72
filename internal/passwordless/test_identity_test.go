package passwordless_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

const testCode = "482913"

// test makes a test identity for the application "app" that lasts an hour.
func (w *world) test(connection, person string) tenant.TestIdentity {
	w.t.Helper()
	id, err := w.makeTest(connection, person)
	if err != nil {
		w.t.Fatalf("CreateTestIdentity: %v", err)
	}
	return id
}

func (w *world) makeTest(connection, person string) (tenant.TestIdentity, error) {
	w.t.Helper()
	c := w.conns[connection]
	storetest.Exec(w.t, w.db, `INSERT INTO connections (id, name, strategy, secrets, doc, version, managed, created_at, updated_at)
		VALUES ($1, $2, $3, $4, '{}', 1, FALSE, 0, 0) ON CONFLICT (id) DO NOTHING`, string(c.ID), c.Name, string(c.Channel), []byte{})
	storetest.Exec(w.t, w.db, `INSERT INTO clients (id, name, secret, doc, managed, created_at, updated_at)
		VALUES ('app', 'App', $1, '{}', FALSE, 0, 0) ON CONFLICT (id) DO NOTHING`, []byte{})
	id := tenant.TestIdentity{
		ID: "tid_" + secret.Alphanumeric(16), Connection: c.ID, Channel: c.Channel, Identifier: person,
		Clients: []tenant.ClientID{"app"}, Digest: w.Codes.TestDigest(c.ID, person, testCode), Digits: 6,
		CreatedAt: w.Now(), Expires: w.Now().Add(time.Hour),
	}
	_, err := w.store.CreateTestIdentity(w.t.Context(), id, event.New(event.ManagementWrite, w.Now()))
	return id, err
}

// logged counts the log events of a type that are marked as a test, or not.
func (w *world) logged(typ string, test bool) string {
	w.t.Helper()
	is := " NOT"
	if test {
		is = ""
	}
	return w.count(`logs WHERE type = $1 AND doc`+is+` LIKE '%"test":true%'`, typ)
}

// A test identity signs in with its own code, nothing is sent, and the log
// says that it was a test.
func TestTestIdentitySignsIn(t *testing.T) {
	each(t, func(w *world) {
		for _, closed := range []bool{false, true} {
			for _, connection := range []string{"sms", "email"} {
				person := map[string]string{"sms": number, "email": address}[connection]
				w.conns[connection].NoSignUp = closed
				id := w.test(connection, person)
				for range 2 {
					started := w.mustStart(w.ask(connection, person))
					if started.Event != map[string]string{"sms": "cs", "email": "cls"}[connection] {
						w.t.Errorf("the start was recorded as %q", started.Event)
					}
					done, err := w.Finish(w.t.Context(), w.bring(connection, person, testCode))
					if err != nil || !done.User.Test || done.User.ID != tenant.UserID(connection+"|"+started.ID) {
						w.t.Fatalf("Finish = %+v, %v", done.User, err)
					}
					w.pass(time.Minute)
				}
				if got := w.newestState(person); got != "suppressed A test identity: its code is known, so nothing is sent." {
					w.t.Errorf("the message is %q", got)
				}
				if err := w.store.DeleteTestIdentity(w.t.Context(), id.ID, event.New(event.ManagementWrite, w.Now())); err != nil {
					w.t.Fatal(err)
				}
			}
		}
		if w.out.sent() != 0 {
			w.t.Errorf("%d messages were handed over", w.out.sent())
		}
		for typ, n := range map[string]string{"cs": "4", "cls": "4", "s": "8", "sepft": "8", "ss": "0"} {
			if got := w.logged(typ, true); got != n {
				w.t.Errorf("%s events of type %s are marked as a test, want %s", got, typ, n)
			}
			if got := w.logged(typ, false); got != "0" {
				w.t.Errorf("%s events of type %s are not marked as a test", got, typ)
			}
		}
	})
}

// newestState is newest for somebody who was sent several.
func (w *world) newestState(to string) string {
	w.t.Helper()
	id := storetest.Value(w.t, w.db, `SELECT MAX(id) FROM messages WHERE recipient = $1`, to)
	m, err := w.store.Message(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(m.State) + " " + m.Events[0].Detail
}

// The fixed code is a code like others: it works once for each start, three
// wrong tries end it, and only in time, on its connection and for its
// applications.
func TestTestIdentityIsLimited(t *testing.T) {
	each(t, func(w *world) {
		w.test("sms", number)
		for _, st := range []struct {
			name string
			do   func() string
			want string
		}{
			{"before any start", func() string { return w.try(w.bring("sms", number, testCode)) }, wrongSMS},
			{"once", func() string { w.mustStart(w.ask("sms", number)); return w.try(w.bring("sms", number, testCode)) }, "in"},
			{"twice", func() string { return w.try(w.bring("sms", number, testCode)) }, wrongSMS},
			{"too late", func() string {
				w.mustStart(w.ask("sms", number))
				w.pass(3 * time.Minute)
				return w.try(w.bring("sms", number, testCode))
			}, expired},
			{"after two wrong ones", func() string {
				w.mustStart(w.ask("sms", number))
				w.try(w.bring("sms", number, "482914"))
				w.try(w.bring("sms", number, "482915"))
				return w.try(w.bring("sms", number, testCode))
			}, "in"},
			{"after three wrong ones", func() string {
				w.mustStart(w.ask("sms", number))
				for i := range 3 {
					w.try(w.bring("sms", number, fmt.Sprintf("48292%d", i)))
				}
				return w.try(w.bring("sms", number, testCode))
			}, tooMany},
			{"for another application", func() string {
				r, f := w.ask("sms", number), w.bring("sms", number, testCode)
				r.Client, f.Client = w.other, w.other
				w.mustStart(r)
				return w.try(f)
			}, wrongSMS},
			{"on another connection", func() string {
				w.mustStart(w.ask("sms2", number))
				return w.try(w.bring("sms2", number, testCode))
			}, wrongSMS},
			{"the code that was made up for the start", func() string {
				w.mustStart(w.ask("sms", number))
				return w.try(w.bring("sms", number, w.stored(tenant.CodeKey{Connection: "con_sms", Identifier: number, Client: "app"})))
			}, wrongSMS},
			{"another transaction", func() string {
				w.mustStart(w.ask("sms", number))
				f := w.bring("sms", number, testCode)
				f.Transaction = "tx"
				return w.try(f)
			}, wrongSMS},
			{"after its end", func() string {
				w.pass(time.Hour)
				w.mustStart(w.ask("sms", number))
				return w.try(w.bring("sms", number, testCode))
			}, wrongSMS},
		} {
			if got := st.do(); got != st.want {
				w.t.Errorf("%s: %q, want %q", st.name, got, st.want)
			}
		}
		if w.out.sent() != 1 { // that on the other connection
			w.t.Errorf("%d messages were handed over, want 1", w.out.sent())
		}
		if got := w.newestState(number); got != "suppressed The test identity has ended: nothing is sent, and nobody knows the code." {
			w.t.Errorf("the last message is %q", got)
		}
		// Ten wrong tries a day, as for others. Seven of them were above.
		w.test("email", address)
		for i := range 12 {
			if _, err := w.Start(w.t.Context(), w.ask("email", address)); i >= 10 {
				if f := fault.Of(err); f == nil || f.Code != "too_many_attempts" {
					w.t.Errorf("a start after ten wrong tries gave %v", err)
				}
			} else if err != nil {
				w.t.Fatal(err)
			}
			w.try(w.bring("email", address, fmt.Sprintf("4829%02d", 20+i)))
			w.conns["email"].Resend = "new"
		}
		if got := w.try(w.bring("email", address, testCode)); !strings.HasPrefix(got, "too_many_attempts") {
			w.t.Errorf("the right code after ten wrong tries gave %q", got)
		}
	})
}

// Waits between sends and the hourly limit hold for test identities too.
func TestTestIdentityCools(t *testing.T) {
	each(t, func(w *world) {
		w.Limits = attack.Strict
		w.test("sms", number)
		w.mustStart(w.ask("sms", number))
		w.mustStart(w.ask("sms", number))
		if n := w.count("messages"); n != "1" {
			w.t.Errorf("%s messages within the cooldown, want 1", n)
		}
		var err error
		for range 5 {
			w.pass(6 * time.Minute)
			r := w.ask("sms", number)
			r.IPKey = w.Now().String()
			_, err = w.Start(w.t.Context(), r)
		}
		if f := fault.Of(err); f == nil || f.Code != "too_many_requests" {
			w.t.Errorf("the sixth in an hour gave %v", err)
		}
	})
}

// A code changed under a new root key goes on working while the old key is
// known.
func TestTestIdentityOutlivesItsRootKey(t *testing.T) {
	each(t, func(w *world) {
		w.test("sms", number)
		old := make([]byte, secret.RootSize)
		for i := range old {
			old[i] = 7 // storetest's
		}
		ring, err := secret.NewRing([]byte("0123456789abcdef0123456789abcdef"), old)
		if err != nil {
			w.t.Fatal(err)
		}
		w.mustStart(w.ask("sms", number)) // under the old key
		w.Codes.Keys, w.Keys = ring, ring
		if got := w.try(w.bring("sms", number, "482914")); got != wrongSMS {
			w.t.Errorf("a wrong code gave %q", got)
		}
		for range 2 {
			if got := w.try(w.bring("sms", number, testCode)); got != "in" {
				w.t.Errorf("the code gave %q", got)
			}
			w.mustStart(w.ask("sms", number)) // under the new one
		}
	})
}

// Somebody who is known cannot become a test identity, and whoever gets the
// identifier after one is somebody else.
func TestTestIdentityIsNobodyElse(t *testing.T) {
	each(t, func(w *world) {
		w.know("email", address, "58fa3bd1c7eae3e1b2a6b1c1")
		if _, err := w.makeTest("email", address); !fault.Has(err, fault.Conflict) || fault.Of(err).Code != "identifier_has_user" {
			w.t.Errorf("a person's address gave %v", err)
		}
		if n := w.count("test_identities"); n != "0" {
			w.t.Errorf("%s test identities are left of the one that was refused", n)
		}
		id := w.test("sms", number)
		if _, err := w.makeTest("sms", number); fault.Of(err).Code != manage.ErrTestExists.Code {
			w.t.Errorf("a second one gave %v", err)
		}
		w.mustStart(w.ask("sms", number))
		r := w.bring("sms", number, testCode)
		r.Refresh = &tenant.RefreshToken{Digest: []byte("token"), Grant: r.Grant.ID, Expires: w.Now().Add(time.Hour)}
		before, err := w.Finish(w.t.Context(), r)
		if err != nil {
			w.t.Fatal(err)
		}
		w.mustStart(w.ask("sms", number)) // with a code that is open at the end
		if err := w.store.DeleteTestIdentity(w.t.Context(), id.ID, event.New(event.ManagementWrite, w.Now())); err != nil {
			w.t.Fatal(err)
		}
		for _, table := range []string{"test_identities", "users WHERE test", "grants", "refresh_tokens", "codes"} {
			if n := w.count(table); n != "0" {
				w.t.Errorf("%s rows are left in %s", n, table)
			}
		}
		if got := w.try(w.bring("sms", number, testCode)); got != wrongSMS {
			w.t.Errorf("the code of a deleted test identity gave %q", got)
		}
		code := w.send(w.ask("sms", number))
		after, err := w.Finish(w.t.Context(), w.bring("sms", number, code))
		if err != nil || after.User.Test || after.User.ID == before.User.ID {
			w.t.Errorf("the person after the test identity is %+v (%v), and it was %s", after.User, err, before.User.ID)
		}
	})
}

// A code that a person was sent before their number became a test identity's
// does not open it.
func TestPersonsCodeDoesNotOpenTestIdentity(t *testing.T) {
	each(t, func(w *world) {
		code := w.send(w.ask("sms", number))
		w.test("sms", number)
		if got := w.try(w.bring("sms", number, code)); got != wrongSMS {
			w.t.Errorf("the person's code gave %q", got)
		}
		if n := w.count("users WHERE NOT test"); n != "0" {
			w.t.Errorf("%s people were made", n)
		}
	})
}

// Of a person who signs up with a number and an administrator who makes it a
// test identity at the same moment, one wins and the other is told so.
func TestTestIdentityAgainstSignUp(t *testing.T) {
	each(t, func(w *world) {
		var tests, people, neither int
		for round := range 20 {
			who := fmt.Sprintf("+4477009%05d", round)
			code := w.send(w.ask("sms", who))
			bring := w.bring("sms", who, code)
			var wg sync.WaitGroup
			var signedIn, made atomic.Bool
			id := tenant.TestIdentity{
				ID: "tid_" + secret.Alphanumeric(16), Connection: "con_sms", Channel: tenant.SMS, Identifier: who,
				Clients: []tenant.ClientID{"app"}, Digest: w.Codes.TestDigest("con_sms", who, testCode), Digits: 6,
				CreatedAt: w.Now(), Expires: w.Now().Add(time.Hour),
			}
			if round == 0 {
				w.test("sms2", number) // with the rows that all of them need
				w.test("sms", number)
			}
			wg.Go(func() {
				_, err := w.Finish(w.t.Context(), bring)
				signedIn.Store(err == nil)
				if err != nil && fault.Of(err).Kind != fault.Denied {
					w.t.Errorf("Finish: %v", err)
				}
			})
			wg.Go(func() {
				_, err := w.store.CreateTestIdentity(w.t.Context(), id, event.New(event.ManagementWrite, w.Now()))
				made.Store(err == nil)
				if err != nil && !fault.Has(err, fault.Conflict) {
					w.t.Errorf("CreateTestIdentity: %v", err)
				}
			})
			wg.Wait()
			switch {
			case signedIn.Load() && made.Load():
				w.t.Errorf("round %d: a person signed in, and their number is a test identity's", round)
			case made.Load():
				tests++
			case signedIn.Load():
				people++
			default:
				neither++
			}
			if n := w.count(`users u JOIN identities i ON i.user_id = u.id WHERE i.identifier = $1 AND u.test`, who); n == "1" != made.Load() {
				w.t.Errorf("round %d: %s test users, though made is %v", round, n, made.Load())
			}
		}
		if neither > 0 {
			w.t.Errorf("%d rounds were nobody's", neither)
		}
		w.t.Logf("%d test identities, %d people", tests, people)
	})
}

// Of many who bring the fixed code of one start at once, one is let in; after
// its end, none.
func TestTestIdentityOnceForEachStart(t *testing.T) {
	each(t, func(w *world) {
		id := w.test("sms", number)
		for round := range 4 {
			w.mustStart(w.ask("sms", number))
			var in atomic.Int32
			var wg sync.WaitGroup
			requests := make([]func(), 0, 40)
			for range 40 {
				r := w.bring("sms", number, testCode)
				requests = append(requests, func() {
					if _, err := w.Finish(w.t.Context(), r); err == nil {
						in.Add(1)
					}
				})
			}
			if round == 3 { // deleted while they are on their way
				wg.Go(func() {
					if err := w.store.DeleteTestIdentity(w.t.Context(), id.ID, event.New(event.ManagementWrite, w.Now())); err != nil {
						w.t.Error(err)
					}
				})
			}
			for _, do := range requests {
				wg.Go(do)
			}
			wg.Wait()
			if n := in.Load(); n > 1 || round < 3 && n != 1 {
				w.t.Errorf("round %d: %d were let in", round, n)
			}
		}
		if n := w.count(`users`); n != "0" {
			w.t.Errorf("%s users are left of a deleted test identity", n)
		}
		if n := w.count(`grants g JOIN users u ON u.id = g.user_id`); n != "0" {
			w.t.Errorf("%s grants are left that are good for something", n)
		}
	})
}
