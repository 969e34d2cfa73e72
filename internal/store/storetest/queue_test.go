package storetest_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// queued stores a message that is due at start and whose lease is over after
// thirty seconds, and returns its id.
func queued(t *testing.T, s *store.Store, number string) string {
	t.Helper()
	return mustBegin(t, s, someone{number, "app"}.begin(start, "x")).Message.ID
}

func mustClaim(t *testing.T, s *store.Store, c delivery.Claim) []delivery.Claimed {
	t.Helper()
	claimed, err := s.Claim(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return claimed
}

// A message that was just stored is its process's for the time of the lease;
// then any process may have it, which learns that somebody had it before.
func TestClaim(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := queued(t, s, "+447700900123")
		claim := func(after, lease time.Duration) []delivery.Claimed {
			now := start.Add(after)
			return mustClaim(t, s, delivery.Claim{Now: now, Until: now.Add(lease), Limit: 10})
		}
		if got := claim(29*time.Second, time.Minute); len(got) != 0 {
			t.Errorf("a message with a lease was claimed: %v", got)
		}
		got := claim(30*time.Second, time.Minute)
		if len(got) != 1 || got[0].Message.ID != id || got[0].Line == nil || got[0].Spent || got[0].Message.Attempts != 1 || !got[0].Message.LeaseUntil.Equal(start.Add(90*time.Second)) {
			t.Fatalf("after its lease Claim = %+v, want the message, lapsed, until 1m30s", got)
		}
		if got := claim(31*time.Second, time.Minute); len(got) != 0 {
			t.Errorf("a claimed message was claimed again: %v", got)
		}
		stale, lease := start.Add(30*time.Second), start.Add(90*time.Second)
		o := delivery.Outcome{State: tenant.MessageQueued, NextAt: start.Add(2 * time.Minute), Attempts: 1}
		for _, l := range []time.Time{stale, lease.Add(time.Millisecond), {}} {
			if err := s.Finish(t.Context(), id, l, o); !errors.Is(err, delivery.ErrLease) {
				t.Errorf("Finish with lease %v = %v, want ErrLease", l, err)
			}
		}
		if err := s.Finish(t.Context(), id, lease, o); err != nil {
			t.Fatal(err)
		}
		if err := s.Finish(t.Context(), id, lease, o); !errors.Is(err, delivery.ErrLease) {
			t.Errorf("Finish twice = %v, want ErrLease", err)
		}
		if err := s.Finish(t.Context(), id, time.Time{}, o); !errors.Is(err, delivery.ErrLease) {
			t.Errorf("Finish without a lease = %v, want ErrLease", err)
		}
		if err := s.Finish(t.Context(), "msg_unknown", lease, o); !errors.Is(err, delivery.ErrLease) {
			t.Errorf("Finish of no message = %v, want ErrLease", err)
		}
		if got := claim(119*time.Second, time.Minute); len(got) != 0 {
			t.Errorf("a message was claimed before it is due: %v", got)
		}
		if got := claim(120*time.Second, time.Minute); len(got) != 1 || got[0].Line != nil || got[0].Message.Attempts != 1 {
			t.Errorf("a message that was set free: Claim = %+v, want it, not lapsed, after one attempt", got)
		}
	})
}

// That somebody died with a message is stored with the claim: whoever claims it
// after the next one has died too learns that it must not be sent again.
func TestClaimSpent(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := queued(t, s, "+447700900123")
		for n, spent := range []bool{false, true, true} {
			now := start.Add(time.Duration(n+1) * time.Minute)
			got := mustClaim(t, s, delivery.Claim{Now: now, Until: now.Add(delivery.Lease), Limit: 10})
			if len(got) != 1 || got[0].Spent != spent {
				t.Fatalf("claim %d: %+v", n, got)
			}
			m := mustMessage(t, s, id)
			if m.Attempts != n+1 || m.ErrorCode != delivery.CodeNoAnswer || !m.Duplicate() || len(m.Events) != 2 {
				t.Errorf("after claim %d the message is %+v", n, m)
			}
		}
	})
}

// The longest due come first, as many as are asked for, and none of the
// connections that are busy.
func TestClaimOrder(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		var ids []string // the longest due first
		for i := range 6 {
			b := someone{fmt.Sprintf("+44770090012%d", i), "app"}.begin(start, "x")
			if i%2 == 1 {
				b.Message.Connection, b.Code.Key.Connection = "con_SMS", "con_SMS" // differs in case alone
			}
			ids = append(ids, mustBegin(t, s, b).Message.ID)
			storetest.Exec(t, db, `UPDATE messages SET next_at = $2, lease_until = 0 WHERE id = $1`, ids[i], start.UnixMilli()-int64(6-i))
		}
		tests := []struct {
			name   string
			limit  int
			except []tenant.ConnectionID
			want   []string
		}{
			{"every connection is busy", 10, []tenant.ConnectionID{"con_SMS", "con_sms"}, nil},
			{"one connection is busy", 10, []tenant.ConnectionID{"con_SMS"}, []string{ids[0], ids[2], ids[4]}},
			{"names that only resemble it", 10, []tenant.ConnectionID{"con_sm%", "%", "con_sm_", "con", "sms"}, ids},
			{"two are asked for", 2, nil, ids[:2]},
			{"none are asked for", 0, nil, nil},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				var got []string
				for _, c := range mustClaim(t, s, delivery.Claim{Now: start, Until: start.Add(time.Minute), Limit: tt.limit, Except: tt.except}) {
					got = append(got, c.Message.ID)
				}
				if !slices.Equal(got, tt.want) {
					t.Errorf("Claim = %v, want %v", got, tt.want)
				}
				storetest.Exec(t, db, `UPDATE messages SET lease_until = 0`)
			})
		}
	})
}

// Every claimer gets messages of its own: two never send the same one.
func TestClaimAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		const messages = 120
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		for i := range messages {
			queued(t, nodes[0], fmt.Sprintf("+4477009%05d", i))
		}
		var mu sync.Mutex
		claimed := map[string]int{}
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				now := start.Add(time.Minute)
				for range 10 {
					list, err := nodes[i%2].Claim(t.Context(), delivery.Claim{Now: now, Until: now.Add(time.Minute), Limit: 5})
					if err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					for _, c := range list {
						claimed[c.Message.ID]++
					}
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		for id, n := range claimed {
			if n != 1 {
				t.Errorf("%s was claimed %d times", id, n)
			}
		}
		if len(claimed) != messages {
			t.Errorf("%d messages were claimed, want %d", len(claimed), messages)
		}
	})
}

// What became of a message is written whole, with its lines of the timeline
// and its log event, and over messages are not claimed any more.
func TestFinish(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id, lease := queued(t, s, "+447700900123"), start.Add(30*time.Second)
		logged := event.New(event.NotificationFailed, start)
		logged.Description = "refused"
		o := delivery.Outcome{
			State: tenant.MessageFailed, Attempts: 3, Provider: "twilio", ProviderID: "SM1", TemplateVersion: 7,
			Encoding: "GSM-7", Segments: 2, ErrorCode: "21211", ErrorText: "not a number",
			Events: []tenant.MessageEvent{
				{At: start.Add(time.Second), State: tenant.MessageQueued, Detail: "line\nbreak \"quoted\"", Duplicate: true},
				{At: start.Add(2 * time.Second), State: tenant.MessageFailed, Fix: "Ask for another."},
			},
			Event: &logged,
		}
		if err := s.Finish(t.Context(), id, lease, o); err != nil {
			t.Fatal(err)
		}
		m, err := s.Message(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if m.State != o.State || m.Attempts != 3 || m.Provider != "twilio" || m.ProviderID != "SM1" || m.TemplateVersion != 7 ||
			m.Encoding != "GSM-7" || m.Segments != 2 || m.ErrorCode != "21211" || m.ErrorText != "not a number" || !m.LeaseUntil.IsZero() {
			t.Errorf("the message is %+v, want what Finish was given", m)
		}
		if len(m.Events) != 3 || !slices.Equal(m.Events[1:], o.Events) || m.Events[0].State != tenant.MessageRequested {
			t.Errorf("the timeline is %v, want the first line and then %v", m.Events, o.Events)
		}
		if e, err := s.Log(t.Context(), logged.ID); err != nil || e.Description != "refused" {
			t.Errorf("the log event is %+v, %v", e, err)
		}
		far := start.Add(time.Hour)
		if got := mustClaim(t, s, delivery.Claim{Now: far, Until: far.Add(time.Minute), Limit: 10}); len(got) != 0 {
			t.Errorf("a failed message was claimed: %v", got)
		}
		if _, err := s.Message(t.Context(), "msg_unknown"); !fault.Has(err, fault.NotFound) {
			t.Errorf("Message of an unknown id = %v, want NotFound", err)
		}
	})
}

// A sweep deletes what no rule looks at any more, and nothing else.
func TestSweep(t *testing.T) {
	ms := func(ago time.Duration) int64 { return start.Add(-ago).UnixMilli() }
	times := func(ago ...time.Duration) string {
		text := ""
		for range 10 - len(ago) {
			text += "0000000000000"
		}
		for _, d := range ago {
			text += fmt.Sprintf("%013d", ms(d))
		}
		return text
	}
	const day = 24 * time.Hour
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		for name, expires := range map[string]time.Duration{"keep": day, "keep-open": -time.Minute, "old": day + time.Millisecond} {
			storetest.Exec(t, db, `INSERT INTO codes (connection_id, identifier, client_id, transaction_id, salt, digest, digits, attempts, first_sent_at, expires_at, redeemed_at)
				VALUES ('c', $1, 'app', '', 'x', 'y', 6, 0, 0, $2, 0)`, name, ms(expires))
		}
		for name, tat := range map[string]time.Duration{"keep": 0, "keep-used": -time.Minute, "old": time.Millisecond} {
			storetest.Exec(t, db, `INSERT INTO rates (name, tat) VALUES ($1, $2)`, name, ms(tat))
		}
		for name, at := range map[string]string{"keep": times(3*day, 2*day), "keep-new": times(0), "old": times(5*day, 2*day+time.Millisecond)} {
			storetest.Exec(t, db, `INSERT INTO sends (identifier, client_id, sent_at, cleared_at) VALUES ($1, 'app', $2, 0)`, name, at)
		}
		for _, row := range []struct {
			name, at string
			streak   int
		}{
			{"keep", times(2 * day), 0},
			{"keep-streak", times(400 * day), 1}, // a hundred without a success, however slowly
			{"old", times(2*day + time.Millisecond), 0},
		} {
			storetest.Exec(t, db, `INSERT INTO tries (identifier, wrong_at, streak) VALUES ($1, $2, $3)`, row.name, row.at, row.streak)
		}
		more, err := s.Sweep(t.Context(), start)
		if err != nil || more {
			t.Errorf("Sweep = %v, %v, want no more and no error", more, err)
		}
		for table, column := range map[string]string{"codes": "identifier", "rates": "name", "sends": "identifier", "tries": "identifier"} {
			if old := storetest.Value(t, db, `SELECT COUNT(*) FROM `+table+` WHERE `+column+` = 'old'`); old != "0" {
				t.Errorf("%s: what is old is still there", table)
			}
			kept, want := storetest.Value(t, db, `SELECT COUNT(*) FROM `+table), "2"
			if kept != want {
				t.Errorf("%s: %s rows are kept, want %s", table, kept, want)
			}
		}
	})
}

// A sweep of many rows is done in parts, and says so.
func TestSweepInParts(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		storetest.Exec(t, db, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500)
			INSERT INTO rates (name, tat) SELECT 'start/' || i, 1 FROM n`)
		for i, want := range []struct {
			more bool
			left string
		}{{true, "500"}, {false, "0"}, {false, "0"}} {
			more, err := s.Sweep(t.Context(), start)
			if left := storetest.Value(t, db, `SELECT COUNT(*) FROM rates`); err != nil || more != want.more || left != want.left {
				t.Errorf("sweep %d = %v, %v with %s rows left, want %v and %s", i+1, more, err, left, want.more, want.left)
			}
		}
	})
}

// What becomes new again while a sweep waits for it stays.
func TestSweepSparesWhatIsUsedMeanwhile(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		storetest.Exec(t, db, `INSERT INTO rates (name, tat) VALUES ('start/192.0.2.1', 1)`)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), `UPDATE rates SET tat = $1`, start.Add(time.Hour).UnixMilli()); err != nil {
			t.Fatal(err)
		}
		swept := make(chan error)
		go func() {
			_, err := s.Sweep(t.Context(), start)
			swept <- err
		}()
		time.Sleep(100 * time.Millisecond) // until it waits for the row
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		if err := <-swept; err != nil {
			t.Error(err)
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM rates`); n != "1" {
			t.Error("a bucket was swept that was used meanwhile")
		}
	})
}

// The length of the queue counts what is not over, and tells the oldest.
func TestQueueLength(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		check := func(want int, oldest time.Time) {
			t.Helper()
			n, at, err := s.Queue(t.Context())
			if err != nil || n != want || !at.Equal(oldest) {
				t.Errorf("Queue = %d, %v, %v; want %d, %v", n, at, err, want, oldest)
			}
		}
		check(0, time.Time{})
		first, second := queued(t, s, "+447700900123"), queued(t, s, "+447700900124")
		storetest.Exec(t, db, `UPDATE messages SET created_at = created_at - 5000 WHERE id = $1`, first)
		check(2, start.Add(-5*time.Second))
		storetest.Exec(t, db, `UPDATE messages SET state = 'failed' WHERE id = $1`, first)
		check(1, start)
		storetest.Exec(t, db, `UPDATE messages SET state = 'accepted' WHERE id = $1`, second)
		check(0, time.Time{})
	})
}
