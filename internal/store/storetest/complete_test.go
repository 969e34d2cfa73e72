package storetest_test

import (
	"database/sql"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// RAC-07: however many applications on however many nodes sign the same new
// identifier in at once, one user comes of it, whose first sign-in is one.
func TestRAC07OneUserForAnIdentifier(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		db := storetest.SQL(t, address)
		for round := range 3 {
			number := fmt.Sprintf("+4477009001%02d", round)
			var first atomic.Int32
			var mu sync.Mutex
			ids := map[tenant.UserID]int{}
			var wg sync.WaitGroup
			for i := range 50 {
				wg.Go(func() {
					id := fmt.Sprint(round, "/", i)
					done, err := nodes[i%2].Complete(t.Context(), someone{number, tenant.ClientID(fmt.Sprint("app", i))}.completion(start, id, id))
					if err != nil {
						t.Error(err)
						return
					}
					if done.Outcome != passwordless.SignedIn {
						t.Errorf("a sign-in gave %v", done.Outcome)
					}
					if done.First {
						first.Add(1)
					}
					mu.Lock()
					defer mu.Unlock()
					ids[done.User.ID]++
				})
			}
			wg.Wait()
			if len(ids) != 1 || first.Load() != 1 {
				t.Errorf("round %d: users %v, %d of them new, want one", round, ids, first.Load())
			}
			for text, want := range map[string]string{
				`SELECT COUNT(*) FROM users WHERE phone = $1`:                                       "1",
				`SELECT logins_count FROM users WHERE phone = $1`:                                   "50",
				`SELECT COUNT(*) FROM identities WHERE identifier = $1`:                             "1",
				`SELECT COUNT(*) FROM grants WHERE id LIKE $1`:                                      "50",
				`SELECT COUNT(*) FROM refresh_tokens WHERE grant_id LIKE $1`:                        "50",
				`SELECT COUNT(*) FROM grants g JOIN users u ON u.id = g.user_id WHERE g.id LIKE $1`: "50",
			} {
				arg := number
				if text[len(text)-7:] == "LIKE $1" {
					arg = fmt.Sprint(round, "/%")
				}
				if got := storetest.Value(t, db, text, arg); got != want {
					t.Errorf("round %d: %s = %s, want %s", round, text, got, want)
				}
			}
			if got := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = 'ss'`); got != fmt.Sprint(round+1) {
				t.Errorf("round %d: %s sign-ups are in the log", round, got)
			}
		}
	})
}

// What a sign-in leaves: the user as they are made at first and as they become
// with each sign-in, the grant, the token, and the log.
func TestComplete(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p := someone{"+447700900123", "app"}
		c := p.completion(start, "g1", "a")
		done := mustComplete(t, s, c)
		want := c.NewUser(0)
		want.Identities, want.LastIP, want.LastLogin, want.LoginsCount = nil, "192.0.2.1", start, 1
		if !done.First || !reflect.DeepEqual(done.User, want) {
			t.Errorf("the first sign-in gave\n%+v, want\n%+v", done.User, want)
		}
		storetest.Exec(t, db, `UPDATE users SET phone_verified = FALSE, app_metadata = '{"plan":"gold","n":1}'`)
		later := p.completion(start.Add(time.Hour), "g2", "")
		later.IP = "2001:db8::1"
		done = mustComplete(t, s, later)
		want.LastIP, want.LastLogin, want.LoginsCount = "2001:db8::1", start.Add(time.Hour), 2
		want.AppMetadata = map[string]any{"plan": "gold", "n": 1.0}
		if done.First || !reflect.DeepEqual(done.User, want) {
			t.Errorf("the second sign-in gave\n%+v, want\n%+v", done.User, want)
		}
		for text, want := range map[string]string{
			`SELECT COUNT(*) FROM grants`:                                        "2",
			`SELECT COUNT(*) FROM refresh_tokens`:                                "1",
			`SELECT COUNT(*) FROM logs WHERE type = 's'`:                         "2",
			`SELECT COUNT(*) FROM logs WHERE type = 'ss'`:                        "1",
			`SELECT COUNT(*) FROM logs WHERE type = 'sepft'`:                     "2",
			`SELECT COUNT(*) FROM logs`:                                          "5",
			`SELECT COUNT(DISTINCT user_id) FROM logs`:                           "1",
			`SELECT COUNT(*) FROM logs WHERE user_id <> ''`:                      "5",
			`SELECT COUNT(*) FROM grants WHERE user_id = (SELECT id FROM users)`: "2",
		} {
			if got := storetest.Value(t, db, text); got != want {
				t.Errorf("%s = %s, want %s", text, got, want)
			}
		}
		for i, ev := range append(c.Events, c.SignUp) {
			e, err := s.Log(t.Context(), ev.ID)
			if err != nil || e.Type != ev.Type || !e.At.Equal(start) || e.User != done.User.ID {
				t.Errorf("event %d is %+v, %v", i, e, err)
			}
		}
	})
}

// Somebody who may not sign in leaves a line in the log and nothing else: no
// grant, no token, no user, and their wrong tries are not forgiven.
func TestCompleteRefused(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p := someone{"+447700900123", "app"}
		tries := func() string { return storetest.Value(t, db, `SELECT streak FROM tries`) }
		cleared := func() string { return storetest.Value(t, db, `SELECT cleared_at FROM sends`) }
		begin := p.begin(start, "right")
		begin.Sends = true
		mustBegin(t, s, begin)
		mustSpend(t, s, p.spend(start, "wrong"))

		closed := p.completion(start, "g1", "a")
		closed.NoSignUp, closed.Sends = true, true
		if done := mustComplete(t, s, closed); done.Outcome != passwordless.SignUpDisabled || done.First {
			t.Errorf("an unknown person without sign-ups: %+v", done)
		}
		if tries() != "1" || cleared() != "0" {
			t.Errorf("streak %s, cooldown cleared at %s, want neither changed", tries(), cleared())
		}
		if e, err := s.Log(t.Context(), closed.Refused.ID); err != nil || e.Description != "Public signup is disabled" {
			t.Errorf("the log has %+v, %v", e, err)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM users`); n != "0" {
			t.Errorf("there are %s users", n)
		}

		mustComplete(t, s, p.completion(start, "g2", "b"))
		mustSpend(t, s, p.spend(start, "wrong"))
		storetest.Exec(t, db, `UPDATE users SET blocked = TRUE`)
		blocked := p.completion(start.Add(time.Second), "g3", "c")
		blocked.Sends = true
		if done := mustComplete(t, s, blocked); done.Outcome != passwordless.UserBlocked || done.First {
			t.Errorf("a blocked person: %+v", done)
		}
		if tries() != "1" || cleared() != "0" {
			t.Errorf("streak %s, cooldown cleared at %s, want neither changed", tries(), cleared())
		}
		if e, err := s.Log(t.Context(), blocked.Refused.ID); err != nil || e.Description != "user is blocked" {
			t.Errorf("the log has %+v, %v", e, err)
		}
		for text, want := range map[string]string{
			`SELECT COUNT(*) FROM grants`:         "1",
			`SELECT COUNT(*) FROM refresh_tokens`: "1",
			`SELECT logins_count FROM users`:      "1",
		} {
			if got := storetest.Value(t, db, text); got != want {
				t.Errorf("%s = %s, want %s", text, got, want)
			}
		}

		storetest.Exec(t, db, `UPDATE users SET blocked = FALSE`)
		again := p.completion(start.Add(2*time.Second), "g4", "d")
		again.Sends = true
		if done := mustComplete(t, s, again); done.Outcome != passwordless.SignedIn {
			t.Errorf("after they were let in again: %+v", done)
		}
		if tries() != "0" || cleared() == "0" {
			t.Errorf("streak %s, cooldown cleared at %s, want both ended by the sign-in", tries(), cleared())
		}
	})
}

// R7: whoever comes after a deleted user is somebody else. So is whoever gets
// a number that a user had before theirs was changed: the id made from the
// number is that user's still, and nobody inherits it.
func TestNobodyInheritsAUser(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p := someone{"+447700900123", "app"}
		first := mustComplete(t, s, p.completion(start, "g1", "")).User
		storetest.Exec(t, db, `DELETE FROM users`)
		storetest.Exec(t, db, `DELETE FROM identities`)
		storetest.Exec(t, db, `INSERT INTO deleted_users (connection_id, identifier, times) VALUES ('con_sms', $1, 1)`, "key of "+p.number)
		second := mustComplete(t, s, p.completion(start, "g2", ""))
		if !second.First || second.User.ID == first.ID || account.External(second.User.ID) != p.number+"-1" {
			t.Errorf("after a deletion the user is %q, new %v; the one before was %q", second.User.ID, second.First, first.ID)
		}

		// An administrator gives the user another number.
		storetest.Exec(t, db, `UPDATE identities SET identifier = '+447700900999'`)
		storetest.Exec(t, db, `UPDATE users SET phone = '+447700900999', app_metadata = '{"admin":true}'`)
		third := mustComplete(t, s, p.completion(start, "g3", ""))
		if !third.First || third.User.ID == second.User.ID || third.User.AppMetadata != nil || third.User.Phone != p.number {
			t.Errorf("the next with the number has become %+v, new %v", third.User, third.First)
		}
		fourth := mustComplete(t, s, p.completion(start, "g4", ""))
		if fourth.First || fourth.User.ID != third.User.ID {
			t.Errorf("at the next sign-in they were %q, new %v, want %q", fourth.User.ID, fourth.First, third.User.ID)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM users`); n != "2" {
			t.Errorf("there are %s users, want 2", n)
		}
	})
}
