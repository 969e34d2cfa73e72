package storetest_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// told is a report about the message from its provider.
func told(id string, state tenant.MessageState) delivery.Reported {
	r := delivery.Reported{
		Message: id, Connection: "con_sms", Provider: "twilio", At: start.Add(time.Second),
		Report: delivery.Report{ProviderID: "SM1", Status: string(state), State: state},
	}
	if state == tenant.MessageUndelivered || state == tenant.MessageFailed {
		r.Report.ErrorCode, r.Report.Text, r.Report.Fix = "30003", "The phone is off.", "Try later."
	}
	return r
}

func mustReport(t *testing.T, s *store.Store, r delivery.Reported) {
	t.Helper()
	if err := s.Report(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

func mustMessage(t *testing.T, s *store.Store, id string) tenant.Message {
	t.Helper()
	m, err := s.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// taken stores a message that the provider has accepted, and returns its id.
func taken(t *testing.T, s *store.Store, number string) string {
	t.Helper()
	id := queued(t, s, number)
	finished(t, s, id, delivery.Outcome{State: tenant.MessageAccepted, Provider: "twilio", ProviderID: "SM1", Attempts: 1})
	return id
}

func finished(t *testing.T, s *store.Store, id string, o delivery.Outcome) {
	t.Helper()
	if err := s.Finish(t.Context(), id, mustMessage(t, s, id).LeaseUntil, o); err != nil {
		t.Fatal(err)
	}
}

// Reports come late, twice and in any order. Whatever the order, the state is
// that of the one that reaches furthest, and each is in the timeline once.
func TestReportsInAnyOrder(t *testing.T) {
	all := []tenant.MessageState{tenant.MessageAccepted, tenant.MessageSent, tenant.MessageUndelivered, tenant.MessageDelivered}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		random := rand.New(rand.NewPCG(1, 2))
		for n := range 40 {
			id := taken(t, s, fmt.Sprintf("+4477009%05d", n))
			reached, before := 0, len(mustMessage(t, s, id).Events)
			seen := map[tenant.MessageState]bool{}
			for range 8 {
				state := all[random.IntN(len(all))]
				mustReport(t, s, told(id, state))
				seen[state] = true
				for i, other := range all {
					if other == state {
						reached = max(reached, i)
					}
				}
				m := mustMessage(t, s, id)
				if m.State != all[reached] {
					t.Fatalf("after %v the state is %s, want %s", seen, m.State, all[reached])
				}
				wantCode := ""
				if all[reached] == tenant.MessageUndelivered {
					wantCode = "30003"
				}
				if m.ErrorCode != wantCode {
					t.Fatalf("after %v the error is %q, want %q", seen, m.ErrorCode, wantCode)
				}
				if got := len(m.Events) - before; got != len(seen) {
					t.Fatalf("after %v there are %d lines for reports", seen, got)
				}
			}
		}
	})
}

// What a report says is not undone by what this server knew before it, and what
// this server gave up without an answer is put right by one.
func TestReportsAgainstWhatIsKnown(t *testing.T) {
	failed := delivery.Outcome{State: tenant.MessageFailed, Provider: "twilio", Attempts: 3}
	unanswered, refused := failed, failed
	unanswered.ErrorCode, unanswered.ErrorText = delivery.CodeNoAnswer, "Twilio did not answer in time."
	refused.ErrorCode, refused.ErrorText = "21610", "Attempt to send to unsubscribed recipient"
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		number := 0
		next := func() string {
			number++
			return queued(t, s, fmt.Sprintf("+4477008%05d", number))
		}
		t.Run("a message that was not answered for was sent after all", func(t *testing.T) {
			id := next()
			finished(t, s, id, unanswered)
			mustReport(t, s, told(id, tenant.MessageSent))
			if m := mustMessage(t, s, id); m.State != tenant.MessageSent || m.ErrorCode != "" || m.ErrorText != "" || m.ProviderID != "SM1" {
				t.Errorf("message is %+v", m)
			}
		})
		t.Run("a message that was refused stays refused", func(t *testing.T) {
			id := next()
			finished(t, s, id, refused)
			mustReport(t, s, told(id, tenant.MessageSent))
			if m := mustMessage(t, s, id); m.State != tenant.MessageFailed || m.ErrorCode != "21610" {
				t.Errorf("message is %+v", m)
			}
		})
		t.Run("a report before the attempt's end is written outlives it", func(t *testing.T) {
			for _, state := range []tenant.MessageState{tenant.MessageSent, tenant.MessageDelivered, tenant.MessageUndelivered} {
				id := next()
				mustReport(t, s, told(id, state))
				want := mustMessage(t, s, id).ErrorCode
				finished(t, s, id, delivery.Outcome{State: tenant.MessageAccepted, Provider: "twilio", ProviderID: "SM1", Segments: 2, Attempts: 1})
				if m := mustMessage(t, s, id); m.State != state || m.ErrorCode != want || m.Segments != 2 || m.Attempts != 1 {
					t.Errorf("after %s and the end of the attempt the message is %+v", state, m)
				}
			}
		})
		t.Run("a message that the provider has is not tried again", func(t *testing.T) {
			id := next()
			mustReport(t, s, told(id, tenant.MessageAccepted))
			again := delivery.Outcome{State: tenant.MessageQueued, NextAt: start, ErrorCode: delivery.CodeNoAnswer, Attempts: 1}
			if err := s.Finish(t.Context(), id, mustMessage(t, s, id).LeaseUntil, again); !errors.Is(err, delivery.ErrLease) {
				t.Errorf("Finish = %v, want ErrLease", err)
			}
			later := start.Add(time.Hour)
			for _, c := range mustClaim(t, s, delivery.Claim{Now: later, Until: later.Add(time.Minute), Limit: 100}) {
				if c.Message.ID == id {
					t.Error("it was claimed")
				}
			}
			if m := mustMessage(t, s, id); m.State != tenant.MessageAccepted || m.ErrorCode != "" {
				t.Errorf("message is %+v", m)
			}
		})
		t.Run("a message that is not this connection's or this provider's is not there", func(t *testing.T) {
			id := taken(t, s, "+447700700001")
			before := len(mustMessage(t, s, id).Events)
			for name, change := range map[string]func(r *delivery.Reported){
				"another message":    func(r *delivery.Reported) { r.Message = "msg_unknown" },
				"another connection": func(r *delivery.Reported) { r.Connection = "con_other" },
				"another provider":   func(r *delivery.Reported) { r.Provider = "vonage" },
			} {
				r := told(id, tenant.MessageDelivered)
				change(&r)
				if err := s.Report(t.Context(), r); !fault.Has(err, fault.NotFound) {
					t.Errorf("%s: %v, want the fault NotFound", name, err)
				}
			}
			if m := mustMessage(t, s, id); m.State != tenant.MessageAccepted || len(m.Events) != before {
				t.Errorf("message is %+v", m)
			}
		})
	})
}

// The timeline keeps what it is told whole, takes no text for the mark of a
// report, and does not grow without end.
func TestReportsInTheTimeline(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := taken(t, s, "+447700900123")
		first := told(id, tenant.MessageSent)
		first.Report.Text = `{"report":"SM1 delivered "}` + "\n\"report\":\"SM1 delivered \" % _ \\ ' é"
		mustReport(t, s, first)
		mustReport(t, s, told(id, tenant.MessageDelivered))
		m := mustMessage(t, s, id)
		if m.State != tenant.MessageDelivered || len(m.Events) < 2 {
			t.Fatalf("message is %+v", m)
		}
		last := m.Events[len(m.Events)-2:]
		if last[0].Detail != "The provider reports: sent. "+first.Report.Text || last[1].State != tenant.MessageDelivered || !last[1].At.Equal(start.Add(time.Second)) {
			t.Errorf("the timeline ends with %+v", last)
		}
		for n := range 200 {
			r := told(id, tenant.MessageSent)
			r.Report.ProviderID, r.Report.Text = fmt.Sprintf("SM%d", n+2), strings.Repeat("x", 300)
			mustReport(t, s, r)
		}
		if n := len(mustMessage(t, s, id).Events); n > 60 {
			t.Errorf("the timeline has %d lines", n)
		}
	})
}

// The tenant's log has what a report brought once, with the message's own
// client and user, and not what came too late to matter.
func TestReportsInTheLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := taken(t, s, "+447700900123")
		m := mustMessage(t, s, id)
		report := func(state tenant.MessageState, provider string) {
			r := told(id, state)
			r.Report.ProviderID = provider
			e := event.New(event.NotificationFailed, r.At)
			e.Description, e.Client = string(state)+" "+provider, "somebody-else"
			r.Event = &e
			mustReport(t, s, r)
		}
		report(tenant.MessageUndelivered, "SM1")
		report(tenant.MessageUndelivered, "SM1") // again
		report(tenant.MessageDelivered, "SM2")   // the other copy arrived
		report(tenant.MessageFailed, "SM3")      // too late to matter
		list, err := s.ListLogs(t.Context(), manage.LogQuery{Type: event.NotificationFailed}, manage.Window{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range list.Items {
			got = append(got, e.Description)
			if e.Client != m.Client || e.User != m.User {
				t.Errorf("the event is %q's and %q's, want the message's %q and %q", e.Client, e.User, m.Client, m.User)
			}
		}
		slices.Sort(got)
		if want := []string{"delivered SM2", "undelivered SM1"}; !slices.Equal(got, want) {
			t.Errorf("the log has %q, want %q", got, want)
		}
	})
}

// Fifty copies of each report at once, and the end of the attempt in between,
// leave one line for each and the furthest state.
func TestReportsAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		id := queued(t, s, "+447700900123")
		m := mustMessage(t, s, id)
		before := len(m.Events)
		states := []tenant.MessageState{tenant.MessageAccepted, tenant.MessageSent, tenant.MessageUndelivered, tenant.MessageDelivered}
		var wg sync.WaitGroup
		for n := range 200 {
			wg.Go(func() {
				if err := s.Report(t.Context(), told(id, states[n%4])); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			o := delivery.Outcome{State: tenant.MessageAccepted, Provider: "twilio", ProviderID: "SM1", Attempts: 1}
			if err := s.Finish(t.Context(), id, m.LeaseUntil, o); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		if m = mustMessage(t, s, id); m.State != tenant.MessageDelivered || m.ErrorCode != "" || len(m.Events)-before != 4 || m.Attempts != 1 {
			t.Errorf("message is %+v", m)
		}
	})
}
