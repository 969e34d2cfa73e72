package storetest_test

import (
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// limited is a start with the limits that an app's have where they are strict.
func (p someone) limited(now time.Time, ip string) passwordless.Begin {
	b := p.begin(now, "x")
	b.Sends, b.Requests, b.Limited = true, attack.Starts(ip), event.New(event.LoginFailed, now)
	return b
}

// nodes opens a database as the processes do that can share it: one on SQLite,
// two on PostgreSQL.
func nodes(t *testing.T, address string) []*store.Store {
	t.Helper()
	list := []*store.Store{storetest.Open(t, address)}
	if strings.HasPrefix(address, "postgres") {
		list = append(list, storetest.Open(t, address))
	}
	return list
}

// startsAtOnce begins n starts at once, in turn at each node, and counts what became
// of them.
func startsAtOnce(t *testing.T, nodes []*store.Store, n int, begin func(i int) passwordless.Begin) map[passwordless.BeginOutcome]int {
	t.Helper()
	var mu sync.Mutex
	count := map[passwordless.BeginOutcome]int{}
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			begun, err := nodes[i%len(nodes)].Begin(t.Context(), begin(i))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			count[begun.Outcome]++
		})
	}
	wg.Wait()
	return count
}

// rows says how many rows the tables have that a start writes to.
func rows(t *testing.T, db *sql.DB) string {
	t.Helper()
	var all []string
	for _, table := range []string{"rates", "sends", "codes", "messages", "logs"} {
		all = append(all, storetest.Value(t, db, `SELECT COUNT(*) FROM `+table)+" "+table)
	}
	return strings.Join(all, ", ")
}

// BRU-02: of many starts for one number at once, each the last that the limits on
// sends leave, one is stored, with whatever belongs to it; nothing of the others.
func TestBRU02SendsAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		all, db := nodes(t, address), storetest.SQL(t, address)
		p := someone{"+447700900123", "app"}
		for n, at := range []time.Duration{0, 30 * time.Second, 90 * time.Second, 210 * time.Second, 510 * time.Second} {
			count := startsAtOnce(t, all, 20, func(i int) passwordless.Begin {
				return p.limited(start.Add(at), fmt.Sprint("192.0.2.", i))
			})
			others := passwordless.Cooling
			if n == 4 {
				others = passwordless.TooManySends // it was the fifth in an hour
			}
			if count[passwordless.Due] != 1 || count[others] != 19 {
				t.Errorf("at %v: %v, want 1 that is due and 19 that are %v", at, count, others)
			}
			want := fmt.Sprintf("20 rates, 1 sends, 1 codes, %d messages, %[1]d logs", n+1)
			if got := rows(t, db); got != want {
				t.Errorf("at %v there are %s, want %s", at, got, want)
			}
		}
	})
}

// BRU-05: of many starts from one address at once, for as many numbers, fifty are
// stored, and that there were more is logged once. The others leave nothing.
func TestBRU05RequestsAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		all, db := nodes(t, address), storetest.SQL(t, address)
		count := startsAtOnce(t, all, 80, func(i int) passwordless.Begin {
			return someone{fmt.Sprintf("+4477009%05d", i), "app"}.limited(start, "192.0.2.1")
		})
		if count[passwordless.Due] != 50 || count[passwordless.TooManyRequests] != 30 {
			t.Errorf("%v, want 50 that are due and 30 refused", count)
		}
		// The second rate is the note that the limit was reached.
		if got, want := rows(t, db), "2 rates, 50 sends, 50 codes, 50 messages, 51 logs"; got != want {
			t.Errorf("there are %s, want %s", got, want)
		}
	})
}

// A start takes a request, then looks for tries, then takes a send: what refuses
// it leaves what came before it counted, once, and nothing of what comes after.
func TestRefusedStarts(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p, ip := someone{"+447700900123", "app"}, "192.0.2.1"
		check := func(what string, b passwordless.Begin, want passwordless.BeginOutcome, left int, stored string) {
			t.Helper()
			begun := mustBegin(t, s, b)
			if begun.Outcome != want || begun.Left != left {
				t.Errorf("%s: %v with %d requests left, want %v and %d", what, begun.Outcome, begun.Left, want, left)
			}
			if got := rows(t, db); got != stored {
				t.Errorf("%s: there are %s, want %s", what, got, stored)
			}
		}
		check("the first", p.limited(start, ip), passwordless.Due, 49, "1 rates, 1 sends, 1 codes, 1 messages, 1 logs")
		check("too soon", p.limited(start, ip), passwordless.Cooling, 48, "1 rates, 1 sends, 1 codes, 1 messages, 1 logs")

		// A browser that has signed them in has sends and tries of its own.
		storetest.Exec(t, db, `INSERT INTO devices (device, identifier, wrong_at, streak, created_at, seen_at) VALUES ('known', $1, $2, 0, 0, 0)`,
			"key of "+p.number, string(attack.NoTimes))
		from := func(device string) passwordless.Begin {
			b := p.limited(start, ip)
			b.Device = device
			return b
		}
		check("from another browser", from("other"), passwordless.Cooling, 47, "1 rates, 1 sends, 1 codes, 1 messages, 1 logs")
		check("from their browser", from("known"), passwordless.Due, 46, "1 rates, 2 sends, 1 codes, 2 messages, 2 logs")
		check("from theirs, too soon", from("known"), passwordless.Cooling, 45, "1 rates, 2 sends, 1 codes, 2 messages, 2 logs")

		spent := strings.Repeat(attack.Stamp(start), 10)
		storetest.Exec(t, db, `INSERT INTO tries (identifier, wrong_at, streak) VALUES ($1, $2, 10)`, "key of "+p.number, spent)
		check("without tries", p.limited(start.Add(time.Hour), ip), passwordless.TooManyTries, 49, "2 rates, 2 sends, 1 codes, 2 messages, 3 logs")
		check("again", p.limited(start.Add(time.Hour), ip), passwordless.TooManyTries, 48, "2 rates, 2 sends, 1 codes, 2 messages, 3 logs")
		b := p.limited(start.Add(time.Hour), ip)
		b.Sends, b.Requests = false, attack.Bucket{}
		check("without other limits", b, passwordless.TooManyTries, 0, "2 rates, 2 sends, 1 codes, 2 messages, 3 logs")
		theirs := from("known")
		theirs.Now = start.Add(time.Hour)
		check("theirs has tries", theirs, passwordless.Due, 47, "2 rates, 2 sends, 1 codes, 3 messages, 4 logs")

		storetest.Exec(t, db, `UPDATE devices SET wrong_at = $1`, spent)
		check("theirs without tries", theirs, passwordless.TooManyTries, 46, "2 rates, 2 sends, 1 codes, 3 messages, 4 logs")
		spare := b.Code
		spare.Digits, spare.Digest = 10, []byte("spare")
		b = p.limited(start.Add(time.Hour), ip)
		b.Spare = &spare
		check("with a spare code", b, passwordless.Due, 45, "2 rates, 2 sends, 1 codes, 4 messages, 5 logs")
		if got := storetest.Value(t, db, `SELECT digits FROM codes`); got != "10" {
			t.Errorf("the spare code has %s digits", got)
		}
	})
}
