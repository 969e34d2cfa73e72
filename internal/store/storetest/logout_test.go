package storetest_test

import (
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// addSession makes a user with a session that some applications know, of which
// the first n take logout tokens.
func addSession(t *testing.T, db *sql.DB, id string, now time.Time, applications, n int) {
	t.Helper()
	storetest.Exec(t, db, `INSERT INTO users (id, email, email_verified, phone, phone_verified, name, nickname, picture, given_name, family_name,
		blocked, user_metadata, app_metadata, last_ip, last_login, logins_count, created_at, updated_at, test)
		VALUES ($1, '', FALSE, '', FALSE, '', '', '', '', '', FALSE, '{}', '{}', '', 0, 0, 0, 0, FALSE)`, "sms|"+id)
	storetest.Exec(t, db, `INSERT INTO sessions (id, digest, user_id, connection_id, channel, auth_time, created_at, updated_at, last_used_at,
		idle_span, idle_ends_at, expires_at, ended_at, persistent, first_ip, first_agent, last_ip, last_agent)
		VALUES ($1, $2, $3, 'con_1', 'sms', $4, $4, $4, $4, 3600000, $5, $5, 0, TRUE, '', '', '', '')`,
		id, []byte(id), "sms|"+id, now.UnixMilli(), now.Add(time.Hour).UnixMilli())
	for i := range applications {
		name := fmt.Sprintf("%s-app%d", id, i)
		storetest.Exec(t, db, `INSERT INTO clients (id, name, secret, doc, managed, created_at, updated_at, backchannel)
			VALUES ($1, 'x', $2, '{}', FALSE, 0, 0, $3)`, name, []byte{}, i < n)
		storetest.Exec(t, db, `INSERT INTO session_clients (session_id, client_id, created_at) VALUES ($1, $2, 0)`, id, name)
	}
}

// Fifty logouts at once end a session once: one event, and each application
// that wants to know is noted once. After that the session is found no more.
func TestEndSession(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		now := time.Now().Truncate(time.Millisecond)
		addSession(t, db, "sid1", now, 3, 2)
		addSession(t, db, "sid2", now, 1, 1)
		digests := [][]byte{[]byte("sid1")}
		if _, err := s.LiveSession(t.Context(), now, digests); err != nil {
			t.Fatal(err)
		}
		var ended atomic.Int64
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				first, err := s.EndSession(t.Context(), logout.Ending{
					Now: now, Session: "sid1", Initiator: tenant.LogoutByPerson, Event: event.New(event.Logout, now),
				})
				if err != nil {
					t.Error(err)
				}
				if first {
					ended.Add(1)
				}
			})
		}
		wg.Wait()
		if ended.Load() != 1 {
			t.Errorf("%d of 50 ended it", ended.Load())
		}
		if _, err := s.LiveSession(t.Context(), now, digests); !fault.Has(err, fault.NotFound) {
			t.Errorf("the session lives on: %v", err)
		}
		if _, err := s.LiveSession(t.Context(), now, [][]byte{[]byte("sid2")}); err != nil {
			t.Errorf("another session: %v", err)
		}
		for text, want := range map[string]string{
			`SELECT COUNT(*) FROM logs WHERE type = 'slo'`:                                            "1",
			`SELECT COUNT(*) FROM logout_tokens`:                                                      "2",
			`SELECT COUNT(*) FROM logout_tokens WHERE user_id = 'sms|sid1' AND initiator='rp-logout'`: "2",
		} {
			if got := storetest.Value(t, db, text); got != want {
				t.Errorf("%s: %s, want %s", text, got, want)
			}
		}
	})
}

// OAU-18: of many processes that look at once, one gets each notice; when a
// lease is over it is due again, and who had it can settle it no more.
func TestOAU18LogoutNoticesAreLeased(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		now := time.Now().Truncate(time.Millisecond)
		addSession(t, db, "sid1", now, 40, 40)
		if _, err := s.EndSession(t.Context(), logout.Ending{Now: now, Session: "sid1", Event: event.New(event.Logout, now)}); err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		seen := map[tenant.ClientID]int{}
		var first tenant.LogoutNotice
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				list, err := s.ClaimLogouts(t.Context(), now, now.Add(20*time.Second), 4)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				for _, n := range list {
					seen[n.Client]++
					first = n
				}
			})
		}
		wg.Wait()
		if len(seen) != 40 {
			t.Errorf("%d of 40 notices were claimed", len(seen))
		}
		for c, n := range seen {
			if n != 1 {
				t.Errorf("%s was claimed %d times", c, n)
			}
		}
		later := now.Add(21 * time.Second)
		again, err := s.ClaimLogouts(t.Context(), later, later.Add(20*time.Second), 100)
		if err != nil || len(again) != 40 || again[0].Attempts != 1 {
			t.Fatalf("after the lease: %d, %v", len(again), err)
		}
		e := event.New(event.BackchannelLogout, now)
		if err := s.SettleLogout(t.Context(), first, time.Time{}, &e); err != nil {
			t.Fatal(err)
		}
		if got := storetest.Value(t, db, `SELECT COUNT(*) FROM logout_tokens`); got != "40" {
			t.Errorf("a lease that is over settled a notice: %s left", got)
		}
		if err := s.SettleLogout(t.Context(), again[0], time.Time{}, &e); err != nil {
			t.Fatal(err)
		}
		if err := s.SettleLogout(t.Context(), again[1], later.Add(time.Hour), nil); err != nil {
			t.Fatal(err)
		}
		if got := storetest.Value(t, db, `SELECT COUNT(*) FROM logout_tokens WHERE lease_until = 0`); got != "1" {
			t.Errorf("%s notices wait for another call, want 1", got)
		}
		if list, err := s.ClaimLogouts(t.Context(), later.Add(30*time.Second), later.Add(time.Minute), 100); err != nil || len(list) != 38 {
			t.Errorf("%d notices are due, want 38: %v", len(list), err)
		}
	})
}

// Deleting the user of a test identity ends their sessions.
func TestDeletedUserIsSignedOut(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		now := time.Now().Truncate(time.Millisecond)
		addSession(t, db, "sid1", now, 1, 1)
		storetest.Exec(t, db, `UPDATE users SET test = TRUE`)
		storetest.Exec(t, db, `INSERT INTO identities (connection_id, identifier, user_id, channel, external_id) VALUES ('con_1', '+1', 'sms|sid1', 'sms', 'sid1')`)
		storetest.Exec(t, db, `INSERT INTO test_identities (id, connection_id, identifier, channel, clients, digest, digits, note, managed, created_at, expires_at)
			VALUES ('tid_1', 'con_1', '+1', 'sms', '', $1, 6, '', FALSE, 0, 0)`, []byte("x"))
		if err := s.DeleteTestIdentity(t.Context(), "tid_1", event.New(event.ManagementWrite, now)); err != nil {
			t.Fatal(err)
		}
		if got := storetest.Value(t, db, `SELECT COUNT(*) FROM logout_tokens WHERE initiator = 'account-deleted'`); got != "1" {
			t.Errorf("%s applications are told of the deletion, want 1", got)
		}
	})
}
