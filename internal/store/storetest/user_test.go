package storetest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// addConnection makes the connection that the tests' people use.
func addConnection(t *testing.T, db *sql.DB) {
	t.Helper()
	storetest.Exec(t, db, `INSERT INTO connections (id, name, strategy, secrets, doc, version, managed, created_at, updated_at)
		VALUES ('con_sms', 'sms', 'sms', $1, '{}', 1, FALSE, 0, 0)`, []byte{})
}

// made is what an administrator asks for who makes p.
func (p someone) made(external string) manage.NewUser {
	to := tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: p.number}
	return manage.NewUser{
		User: account.New(to, "sms", external, start), Named: external != "",
		Event: func(*tenant.User) tenant.LogEvent { return event.New(event.ManagementWrite, start) },
	}
}

// switched blocks somebody, or unblocks them.
func switched(id tenant.UserID, blocked bool, now time.Time) manage.UserChange {
	return manage.UserChange{ID: id, Now: now, Ends: blocked, Change: func(u *tenant.User) (*manage.Move, []tenant.LogEvent, error) {
		u.Blocked = blocked
		return nil, []tenant.LogEvent{event.New(event.ManagementWrite, now)}, nil
	}}
}

// moved gives somebody another number.
func moved(id tenant.UserID, number string, now time.Time) manage.UserChange {
	return manage.UserChange{ID: id, Now: now, Ends: true, Change: func(u *tenant.User) (*manage.Move, []tenant.LogEvent, error) {
		u.Phone = number
		return &manage.Move{Identity: u.Identities[0], To: number}, []tenant.LogEvent{event.New(event.ManagementWrite, now)}, nil
	}}
}

func deletion(id tenant.UserID, now time.Time) manage.DeleteUser {
	return manage.DeleteUser{ID: id, Now: now, Event: event.New(event.ManagementWrite, now), Deleted: event.New(event.UserDeleted, now)}
}

// RAC-07: of many who make a user with one number, or give theirs that number,
// or sign up with it, at once, one has it; the others are told so.
func TestRAC07OneUserForANumberThatManyAskFor(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		const number = "+447700900123"
		var ids []tenant.UserID
		for i := range 10 {
			u, err := s.CreateUser(t.Context(), someone{fmt.Sprintf("+4477009002%02d", i), "app"}.made(""))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, u.ID)
		}
		var won atomic.Int32
		var wg sync.WaitGroup
		tell := func(err error) {
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, manage.ErrUserExists):
				t.Error(err)
			}
		}
		for i := range 10 {
			wg.Go(func() { _, err := s.CreateUser(t.Context(), someone{number, "app"}.made("")); tell(err) })
			wg.Go(func() {
				_, err := s.CreateUser(t.Context(), someone{number, "app"}.made(fmt.Sprint("own", i)))
				tell(err)
			})
			wg.Go(func() { _, err := s.ChangeUser(t.Context(), moved(ids[i], number, start)); tell(err) })
			wg.Go(func() {
				done, err := s.Complete(t.Context(), someone{number, "app"}.completion(start, fmt.Sprint("g", i), ""))
				if err != nil || done.Outcome != passwordless.SignedIn {
					t.Errorf("sign-in: %v, %v", done.Outcome, err)
				}
				if done.First {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d have the number", won.Load())
		}
		if got := storetest.Value(t, db, `SELECT COUNT(*) FROM identities WHERE identifier = $1`, number); got != "1" {
			t.Errorf("%s identities", got)
		}
		if got := storetest.Value(t, db, `SELECT COUNT(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM identities i WHERE i.user_id = u.id)`); got != "0" {
			t.Errorf("%s users have no identity", got)
		}
	})
}

// SES-05, OTP-10: whatever somebody does while they are being blocked, nothing
// lives when that is answered, and being unblocked brings nothing back.
func TestSES05BlockingWhileSigningIn(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		for round := range 5 {
			p := someone{fmt.Sprintf("+4477009001%02d", round), "app"}
			name := func(i int) string { return fmt.Sprintf("%d/%d", round, i) }
			id := arrived(t, s, p, name(100))
			const many = 12
			for i := range many {
				pending(t, s, p, "tx "+name(i))
			}
			now := start.Add(time.Second)
			var wg sync.WaitGroup
			for i := range many {
				wg.Go(func() { // on a page of ours, and on to the application
					done, err := s.Complete(t.Context(), p.arrival(now, "tx "+name(i), "session "+name(i), ""))
					if err != nil {
						t.Error(err)
						return
					}
					if done.Outcome == passwordless.SignedIn {
						_, _, err := s.GrantAuthorization(t.Context(), given(now, p.client, done.Session, "tx "+name(i), name(i)))
						if err != nil && !isGone(err) {
							t.Error(err)
						}
					}
				})
				wg.Go(func() { // for a token
					if _, err := s.Complete(t.Context(), p.completion(now, "direct "+name(i), "refresh "+name(i))); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if _, err := s.ChangeUser(t.Context(), switched(id, true, now)); err != nil {
					t.Error(err)
					return
				}
				for text, what := range map[string]string{
					`SELECT COUNT(*) FROM sessions WHERE user_id = $1 AND ended_at = 0`: "sessions",
					`SELECT COUNT(*) FROM grants WHERE user_id = $1 AND revoked_at = 0`: "grants",
				} {
					if n := storetest.Value(t, db, text, string(id)); n != "0" {
						t.Errorf("%s %s live when the block is answered", n, what)
					}
				}
			})
			wg.Wait()
			if _, err := s.ChangeUser(t.Context(), switched(id, false, now)); err != nil {
				t.Fatal(err)
			}
			for i := range many {
				if _, err := s.LiveSession(t.Context(), now, [][]byte{[]byte("cookie of session " + name(i))}); !fault.Has(err, fault.NotFound) {
					t.Errorf("a session came back: %v", err)
				}
				if used, err := s.UseCode(t.Context(), exchange(now, p.client, name(i))); err != nil || used.Outcome == grant.CodeRedeemed {
					t.Errorf("an authorization code came back: %v", err)
				}
			}
			if n := storetest.Value(t, db, `SELECT COUNT(*) FROM grants WHERE user_id = $1 AND revoked_at = 0`, string(id)); n != "0" {
				t.Errorf("%s grants came back", n)
			}
			if done := mustComplete(t, s, p.completion(now, "after "+name(0), "")); done.Outcome != passwordless.SignedIn || done.User.ID != id {
				t.Errorf("after being unblocked: %+v", done)
			}
		}
	})
}

// SES-05: a login ticket that is used while its person is being blocked opens no
// session that outlives that.
func TestSES05BlockingWhileATicketIsUsed(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		p := someone{"+447700900123", "app"}
		id := mustComplete(t, s, p.completion(start, "g", "")).User.ID
		const many = 20
		for i := range many {
			ticketFor(t, s, p, fmt.Sprint(i))
		}
		var wg sync.WaitGroup
		for i := range many {
			wg.Go(func() {
				if _, err := s.OpenTicket(t.Context(), use(p, start, fmt.Sprint(i), fmt.Sprint("session ", i), "")); err != nil && !errors.Is(err, authorize.ErrTicket) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if _, err := s.ChangeUser(t.Context(), switched(id, true, start)); err != nil {
				t.Error(err)
			}
			if n := storetest.Value(t, db, `SELECT COUNT(*) FROM sessions WHERE ended_at = 0`); n != "0" {
				t.Errorf("%s sessions live when the block is answered", n)
			}
		})
		wg.Wait()
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM sessions WHERE ended_at = 0`); n != "0" {
			t.Errorf("%s sessions live", n)
		}
	})
}

// OTP-09, OTP-10: codes for somebody who is blocked, deleted or has another
// number are of no use, neither those for the old number nor those for the new.
func TestOTP09CodesDieWithTheIdentifier(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		old, other := someone{"+447700900123", "app"}, someone{"+447700900124", "app"}
		for what, end := range map[string]func(id tenant.UserID) error{
			"blocked": func(id tenant.UserID) error {
				_, err := s.ChangeUser(t.Context(), switched(id, true, start))
				return err
			},
			"moved": func(id tenant.UserID) error {
				_, err := s.ChangeUser(t.Context(), moved(id, other.number, start))
				return err
			},
			"deleted": func(id tenant.UserID) error { return s.DeleteUser(t.Context(), deletion(id, start)) },
		} {
			t.Run(what, func(t *testing.T) {
				u, err := s.CreateUser(t.Context(), old.made(""))
				if err != nil {
					t.Fatal(err)
				}
				mustBegin(t, s, old.begin(start, "right"))
				mustBegin(t, s, other.begin(start.Add(time.Millisecond), "right"))
				storetest.Exec(t, db, `INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at) VALUES ('d', $1, '', 0, 0, 0)`,
					account.Key(storetest.Keys(t), tenant.SMS, old.number))
				if err := end(u.ID); err != nil {
					t.Fatal(err)
				}
				if out := mustSpend(t, s, old.spend(start.Add(time.Second), "right")); out == passwordless.Redeemed {
					t.Error("the code for the old number is redeemed")
				}
				if out := mustSpend(t, s, other.spend(start.Add(time.Second), "right")); (out == passwordless.Redeemed) == (what == "moved") {
					t.Errorf("the code for the other number: %v", out)
				}
				if n := storetest.Value(t, db, `SELECT COUNT(*) FROM devices`); n != "0" {
					t.Errorf("%s devices are known", n)
				}
				if err := s.DeleteUser(t.Context(), deletion(u.ID, start)); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

// R7: whoever gets the number of somebody deleted, or of somebody who has another
// one now, is somebody else. SEC-06: of the deleted nothing is left.
func TestDeletedUsersAreNotInherited(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		addConnection(t, db)
		p := someone{"+447700900123", "app"}
		seen := map[tenant.UserID]bool{}
		for round := range 4 {
			u, err := s.CreateUser(t.Context(), p.made(""))
			if err != nil {
				t.Fatal(err)
			}
			if seen[u.ID] {
				t.Fatalf("round %d inherits %s", round, u.ID)
			}
			seen[u.ID] = true
			arrived(t, s, p, fmt.Sprint(round))
			mustComplete(t, s, p.completion(start, fmt.Sprint("g", round), fmt.Sprint("r", round)))
			if round == 1 {
				if _, err := s.ChangeUser(t.Context(), moved(u.ID, "+447700900199", start)); err != nil {
					t.Fatal(err)
				}
				continue
			}
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					if err := s.DeleteUser(t.Context(), deletion(u.ID, start)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, table := range []string{"users WHERE id", "identities WHERE user_id", "sessions WHERE user_id", "grants WHERE user_id", "consents WHERE user_id"} {
				if n := storetest.Value(t, db, `SELECT COUNT(*) FROM `+table+` = $1`, string(u.ID)); n != "0" {
					t.Errorf("%s: %s rows are left", table, n)
				}
			}
			for _, table := range []string{"codes", "transactions", "identities"} {
				if n := storetest.Value(t, db, `SELECT COUNT(*) FROM `+table+` WHERE identifier = $1`, p.number); n != "0" {
					t.Errorf("%s: %s rows have the number", table, n)
				}
			}
		}
		// Ten deletions of each at once count once.
		if n := storetest.Value(t, db, `SELECT times FROM deleted_users`); n != "4" {
			t.Errorf("%s users are counted, want 4", n)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = 'sdu'`); n != "3" {
			t.Errorf("%s deletions are in the log, want 3", n)
		}
	})
}

// Applications that want to know are told of the sessions of people who are
// blocked or deleted, and why.
func TestBlockingAndDeletingAreTold(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		now := time.Now().Truncate(time.Millisecond)
		addSession(t, db, "blocked", now, 2, 1)
		addSession(t, db, "deleted", now, 2, 2)
		if _, err := s.ChangeUser(t.Context(), switched("sms|blocked", true, now)); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteUser(t.Context(), deletion("sms|deleted", now)); err != nil {
			t.Fatal(err)
		}
		for text, want := range map[string]string{
			`SELECT COUNT(*) FROM logout_tokens WHERE session_id = 'blocked' AND initiator = 'account-deactivated'`: "1",
			`SELECT COUNT(*) FROM logout_tokens WHERE session_id = 'deleted' AND initiator = 'account-deleted'`:     "2",
			`SELECT COUNT(*) FROM logout_tokens`: "3",
		} {
			if got := storetest.Value(t, db, text); got != want {
				t.Errorf("%s = %s, want %s", text, got, want)
			}
		}
	})
}
