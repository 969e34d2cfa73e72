package storetest_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ticketFor signs p in on a page of the application, which gets a ticket.
func ticketFor(t *testing.T, s *store.Store, p someone, name string) tenant.UserID {
	t.Helper()
	c := p.completion(start, "", "")
	c.Events, c.Refresh = c.Events[:1], nil
	c.Ticket = &tenant.LoginTicket{
		Digest: []byte("ticket " + name), Browser: []byte("browser " + name), Client: p.client,
		Connection: c.To.Connection, Channel: tenant.SMS, Proved: start, Expires: start.Add(tenant.LoginTicketLifetime),
	}
	return mustComplete(t, s, c).User.ID
}

// use is how the ticket is used, which opens the session.
func use(p someone, now time.Time, name, session, replaces string) authorize.TicketUse {
	n := *p.arrival(now, "", session, "").Session
	n.AuthTime = now
	return authorize.TicketUse{
		Now: now, Client: p.client, Session: n, Replaces: replaces,
		Digests: [][]byte{[]byte("ticket " + name), []byte("ticket " + name)},
		Browser: [][]byte{[]byte("browser " + name), []byte("browser " + name)},
	}
}

func TestLoginTicket(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		p := someone{"+447700900123", "app"}
		user := ticketFor(t, s, p, "1")
		soon := start.Add(10 * time.Second)
		for name, change := range map[string]func(*authorize.TicketUse){
			"another application": func(u *authorize.TicketUse) { u.Client = "other" },
			"another browser":     func(u *authorize.TicketUse) { u.Browser = [][]byte{[]byte("browser 2"), []byte("x")} },
			"another ticket":      func(u *authorize.TicketUse) { u.Digests = [][]byte{[]byte("ticket 2"), []byte("x")} },
			"too late":            func(u *authorize.TicketUse) { u.Now = start.Add(tenant.LoginTicketLifetime) },
		} {
			u := use(p, soon, "1", "session", "")
			change(&u)
			if _, err := s.OpenTicket(t.Context(), u); !errors.Is(err, authorize.ErrTicket) {
				t.Errorf("%s: %v", name, err)
			}
		}
		storetest.Exec(t, db, `UPDATE users SET blocked = TRUE`)
		if _, err := s.OpenTicket(t.Context(), use(p, soon, "1", "session", "")); !errors.Is(err, authorize.ErrTicket) {
			t.Errorf("somebody who is blocked: %v", err)
		}
		storetest.Exec(t, db, `UPDATE users SET blocked = FALSE`)

		got, err := s.OpenTicket(t.Context(), use(p, soon, "1", "session", ""))
		if err != nil || got.User != user || got.ID != "session" || !got.AuthTime.Equal(start) {
			t.Fatalf("%+v, %v", got, err)
		}
		have, err := s.LiveSession(t.Context(), soon, [][]byte{[]byte("cookie of session")})
		if err != nil || have.User != user || !have.AuthTime.Equal(start) || !have.LastUsed.Equal(soon) {
			t.Errorf("stored %+v, %v", have, err)
		}
		if _, err := s.OpenTicket(t.Context(), use(p, soon, "1", "again", "")); !errors.Is(err, authorize.ErrTicket) {
			t.Errorf("the ticket again: %v", err)
		}
		// The same person's session goes on; another's ends.
		ticketFor(t, s, p, "2")
		if got, err = s.OpenTicket(t.Context(), use(p, soon, "2", "second", "session")); err != nil || got.ID != "session" {
			t.Errorf("the same person again: %s, %v", got.ID, err)
		}
		other := someone{"+447700900124", "app"}
		ticketFor(t, s, other, "3")
		if got, err = s.OpenTicket(t.Context(), use(other, soon, "3", "third", "session")); err != nil || got.ID != "third" {
			t.Errorf("somebody else: %s, %v", got.ID, err)
		}
		if _, _, err := s.LiveSessionUser(t.Context(), soon, "session"); err == nil {
			t.Error("the session of whoever was there before goes on")
		}
	})
}

func TestLoginTicketIsUsedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900123", "app"}
		ticketFor(t, s, p, "1")
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				_, err := s.OpenTicket(t.Context(), use(p, start, "1", "session "+string(rune('a'+i)), ""))
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, authorize.ErrTicket):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("used %d times", won.Load())
		}
	})
}
