package storetest_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// pages reads what a query finds, part by part.
func pages(t *testing.T, s *store.Store, q manage.MessageQuery) []string {
	t.Helper()
	var ids []string
	for range 20 {
		found, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range found.Items {
			ids = append(ids, found.Items[i].ID)
		}
		if found.Next == "" {
			return ids
		}
		q.Before = found.Next
	}
	t.Fatal("the pages do not end")
	return nil
}

// The message log is read newest first, in pages, whatever rules of sorting
// the database was made with.
func TestMessages(t *testing.T) {
	read := func(t *testing.T, s *store.Store) {
		var want []string
		for i := range 7 {
			p := someone{fmt.Sprintf("+44770090012%d", i), "app"}
			want = append([]string{mustBegin(t, s, p.begin(start.Add(time.Duration(i)*time.Second), "x")).Message.ID}, want...)
		}
		if got := pages(t, s, manage.MessageQuery{Limit: 3}); !slices.Equal(got, want) {
			t.Errorf("the pages have\n%q, want\n%q", got, want)
		}
		// A few at a time are looked at, so some parts are empty; nothing is
		// left out and nothing comes twice.
		for look := 1; look < 9; look++ {
			got := pages(t, s, manage.MessageQuery{Client: "app", Limit: 2, Look: look})
			if !slices.Equal(got, want) {
				t.Errorf("looking at %d each time, the pages have\n%q, want\n%q", look, got, want)
			}
		}
		if got := pages(t, s, manage.MessageQuery{Client: "other", Limit: 2, Look: 3}); len(got) != 0 {
			t.Errorf("another application has %q", got)
		}
		found, err := s.Messages(t.Context(), manage.MessageQuery{Client: "other", Limit: 2, Look: 3})
		if err != nil || found.Next != want[2] || !found.Until.Equal(start.Add(4*time.Second)) {
			t.Errorf("a search that stops says %+v, %v", found, err)
		}
	}
	storetest.Each(t, read)
	t.Run("PostgreSQL that sorts as people do", func(t *testing.T) {
		read(t, storetest.Open(t, storetest.Postgres(t, "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US'")))
	})
}

// searched is a message of a search test.
type searched struct {
	number   string
	client   tenant.ClientID
	state    tenant.MessageState
	provider string
}

// A message is found by each of what the message log is searched by, and by all of
// it together.
func TestMessageSearch(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var ids []string
		for i, m := range []searched{
			{"+447700900001", "app", tenant.MessageAccepted, "SM1"},
			{"+447700900002", "app", tenant.MessageFailed, ""},
			{"+447700900001", "other", tenant.MessageDelivered, "SM3"},
			{"+447700900003", "app", tenant.MessageExpired, ""},
			{"+447700900004", "app", tenant.MessageSent, "SM5"},
		} {
			at := start.Add(time.Duration(i) * time.Hour)
			b := someone{m.number, m.client}.begin(at, "x")
			mustBegin(t, s, b)
			o := delivery.Outcome{State: m.state, NextAt: at, Attempts: 1, Provider: "twilio", ProviderID: m.provider}
			if m.state.Failed() {
				o.ErrorCode = "21211"
			}
			if err := s.Finish(t.Context(), b.Message.ID, b.Message.LeaseUntil, o); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, b.Message.ID)
		}
		for _, tt := range []struct {
			name string
			q    manage.MessageQuery
			want []int
		}{
			{"all", manage.MessageQuery{}, []int{4, 3, 2, 1, 0}},
			{"id", manage.MessageQuery{ID: ids[1]}, []int{1}},
			{"recipient", manage.MessageQuery{Recipients: []string{"+447700900001"}}, []int{2, 0}},
			{"recipients", manage.MessageQuery{Recipients: []string{"+447700900001", "+447700900003"}}, []int{3, 2, 0}},
			{"recipient and application", manage.MessageQuery{Recipients: []string{"+447700900001"}, Client: "other"}, []int{2}},
			{"provider's id", manage.MessageQuery{ProviderID: "SM5"}, []int{4}},
			{"failed", manage.MessageQuery{Failed: true}, []int{3, 1}},
			{"expired", manage.MessageQuery{State: tenant.MessageExpired}, []int{3}},
			{"delivered", manage.MessageQuery{State: tenant.MessageDelivered}, []int{2}},
			{"accepted", manage.MessageQuery{State: tenant.MessageAccepted}, []int{0}},
			{"application", manage.MessageQuery{Client: "app"}, []int{4, 3, 1, 0}},
			{"connection", manage.MessageQuery{Connection: "con_sms"}, []int{4, 3, 2, 1, 0}},
			{"another connection", manage.MessageQuery{Connection: "con_email"}, nil},
			{"channel", manage.MessageQuery{Channel: tenant.Email}, nil},
			{"from", manage.MessageQuery{From: start.Add(3 * time.Hour)}, []int{4, 3}},
			{"to", manage.MessageQuery{To: start.Add(time.Hour)}, []int{0}},
			{"between", manage.MessageQuery{From: start.Add(time.Hour), To: start.Add(3 * time.Hour), Failed: true}, []int{1}},
		} {
			for _, limit := range []int{1, 100} {
				tt.q.Limit, tt.q.Look = limit, 2
				var want []string
				for _, n := range tt.want {
					want = append(want, ids[n])
				}
				if diff := cmp.Diff(want, pages(t, s, tt.q)); diff != "" {
					t.Errorf("%s, %d at a time (-want +got):\n%s", tt.name, limit, diff)
				}
			}
		}
	})
}

// signsIn starts and finishes a sign-in, the way of Redeem.
func signsIn(t *testing.T, s *store.Store, p someone, at time.Time) string {
	t.Helper()
	b := p.begin(at, "right")
	mustBegin(t, s, b)
	if err := s.Finish(t.Context(), b.Message.ID, b.Message.LeaseUntil, delivery.Outcome{State: tenant.MessageAccepted, NextAt: at}); err != nil {
		t.Fatal(err)
	}
	c := p.completion(at.Add(time.Second), fmt.Sprint("g", at.UnixNano()), "")
	spent, _, err := s.Redeem(t.Context(), p.spend(at.Add(time.Second), "right"), c)
	if err != nil || spent.Outcome != passwordless.Redeemed {
		t.Fatal(spent, err)
	}
	return b.Message.ID
}

// The message whose code somebody has signed in with is marked as used, once, and
// no other.
func TestMessageUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900001", "app"}
		first := signsIn(t, s, p, start)
		mustBegin(t, s, someone{p.number, "other"}.begin(start.Add(time.Minute), "x"))
		second := signsIn(t, s, p, start.Add(2*time.Minute))
		for range 500 {
			if found, err := s.Messages(t.Context(), manage.MessageQuery{State: tenant.MessageUsed, Limit: 9}); err != nil {
				t.Fatal(err)
			} else if len(found.Items) == 2 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if diff := cmp.Diff([]string{second, first}, pages(t, s, manage.MessageQuery{State: tenant.MessageUsed, Limit: 9})); diff != "" {
			t.Errorf("used are (-want +got):\n%s", diff)
		}
		m, err := s.Message(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		want := tenant.MessageEvent{At: start.Add(time.Second), State: tenant.MessageUsed}
		if got := m.Events[len(m.Events)-1]; !got.At.Equal(want.At) || got.State != want.State || len(m.Events) != 2 {
			t.Errorf("the timeline is %+v", m.Events)
		}
	})
}

// What was said to the provider is kept of messages that failed and of those that
// are traced.
func TestMessageExchange(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		said := tenant.Exchange{Request: "POST /Messages.json", Answer: "400"}
		for i, tt := range []struct {
			traced bool
			code   string
			logged bool
			want   tenant.Exchange
		}{
			{false, "", false, tenant.Exchange{}},
			{false, "21211", false, said},
			{false, "21211", true, said},
			{true, "", false, said},
			{true, "", true, said},
		} {
			b := someone{fmt.Sprintf("+44770090000%d", i), "app"}.begin(start, "x")
			b.Message.Traced = tt.traced
			if begun := mustBegin(t, s, b); begun.Message.Traced != tt.traced {
				t.Errorf("%d: traced is %v", i, begun.Message.Traced)
			}
			o := delivery.Outcome{State: tenant.MessageFailed, NextAt: start, ErrorCode: tt.code, Exchange: said}
			if tt.logged {
				e := event.New(event.NotificationFailed, start)
				o.Event = &e
			}
			if err := s.Finish(t.Context(), b.Message.ID, b.Message.LeaseUntil, o); err != nil {
				t.Fatal(err)
			}
			m, err := s.Message(t.Context(), b.Message.ID)
			if err != nil || m.Exchange != tt.want || m.Traced != tt.traced {
				t.Errorf("%d: kept is %+v, traced %v, %v", i, m.Exchange, m.Traced, err)
			}
		}
	})
}

// Each hour is counted by itself.
func TestFunnel(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		hour := start.Truncate(time.Hour)
		for i, m := range []struct {
			at    time.Time
			state tenant.MessageState
		}{
			{hour.Add(-time.Millisecond), tenant.MessageDelivered}, // before
			{hour, tenant.MessageDelivered},
			{hour.Add(time.Hour - time.Millisecond), tenant.MessageFailed},
			{hour.Add(time.Hour), tenant.MessageUndelivered},
			{hour.Add(time.Hour), tenant.MessageAccepted},
			{hour.Add(3 * time.Hour), tenant.MessageDelivered}, // after
		} {
			b := someone{fmt.Sprintf("+44770090001%d", i), "app"}.begin(m.at, "x")
			if i == 3 {
				b.Event.Type = event.CodeLinkSent
			}
			mustBegin(t, s, b)
			if err := s.Finish(t.Context(), b.Message.ID, b.Message.LeaseUntil, delivery.Outcome{State: m.state, NextAt: m.at}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.AddLogs(t.Context(), event.New(event.Login, hour.Add(2*time.Hour)), event.New(event.LoginFailed, hour)); err != nil {
			t.Fatal(err)
		}
		got, err := s.Funnel(t.Context(), hour, 3)
		want := []manage.FunnelHour{
			{At: hour, Asked: 2, Arrived: 1, Failed: 1},
			{At: hour.Add(time.Hour), Asked: 2, Failed: 1},
			{At: hour.Add(2 * time.Hour), SignedIn: 1},
		}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	})
}
