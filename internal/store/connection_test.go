package store_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

var moment = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func addConnection(t *testing.T, s *store.Store, body string) tenant.Connection {
	t.Helper()
	o, err := settings.ParseObject([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	change, err := settings.NewConnection(manage.NewConnectionID(), o)
	if err != nil {
		t.Fatal(err)
	}
	c := change.Connection
	c.CreatedAt, c.UpdatedAt = moment, moment
	if err := s.CreateConnection(t.Context(), c, event.New(event.ManagementWrite, moment)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConnectionsAreFoundByNameAndRealm(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if _, err := s.Connection(t.Context(), "sms"); !fault.Has(err, fault.NotFound) {
			t.Errorf("in an empty database: %v", err)
		}
		sms := addConnection(t, s, `{"name":"sms","strategy":"sms","realms":["phone","other"]}`)
		other := addConnection(t, s, `{"name":"other","strategy":"sms"}`)
		for name, want := range map[string]tenant.ConnectionID{"sms": sms.ID, "phone": sms.ID, "other": other.ID} {
			if c, err := s.Connection(t.Context(), name); err != nil || c.ID != want {
				t.Errorf("Connection(%q) = %v, %v; want %s", name, c, err, want)
			}
		}
		for _, name := range []string{"", "SMS", string(sms.ID), "nobody"} {
			if _, err := s.Connection(t.Context(), name); !fault.Has(err, fault.NotFound) {
				t.Errorf("Connection(%q): %v", name, err)
			}
		}
		if _, err := s.ConnectionByID(t.Context(), "con_x"); !fault.Has(err, fault.NotFound) {
			t.Errorf("ConnectionByID: %v", err)
		}
	})
}

// What one process changes, another sees at its next look at the version, and
// nothing that is kept is changed under somebody's hands.
func TestChangesReachOtherProcesses(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		a, b := storetest.Open(t, address), storetest.Open(t, address)
		c := addConnection(t, a, `{"name":"sms","strategy":"sms","options":{"template":"1","twilio_token":"secret"}}`)
		if _, err := b.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		before, err := b.Connection(t.Context(), "sms")
		if err != nil || before.Text.Template != "1" || before.Secrets["twilio_token"] != "secret" {
			t.Fatalf("%+v, %v", before, err)
		}
		err = a.ChangeConnection(t.Context(), c.ID, func(c *tenant.Connection) (tenant.LogEvent, error) {
			o, err := settings.ParseObject([]byte(`{"options":{"template":"2"}}`))
			if err != nil {
				return tenant.LogEvent{}, err
			}
			change, err := settings.ChangeConnection(c, o, settings.Auto)
			c.Doc, c.Secrets = change.Connection.Doc, change.Connection.Secrets
			return event.New(event.ManagementWrite, moment), err
		})
		if err != nil {
			t.Fatal(err)
		}
		if now, err := a.Connection(t.Context(), "sms"); err != nil || now.Text.Template != "2" || now.Version != before.Version+1 {
			t.Errorf("here: %+v, %v", now, err)
		}
		if changed, err := b.Refresh(t.Context()); err != nil || !changed {
			t.Errorf("Refresh = %v, %v", changed, err)
		}
		if now, err := b.Connection(t.Context(), "sms"); err != nil || now.Text.Template != "2" || now.Secrets["twilio_token"] != "secret" {
			t.Errorf("there: %+v, %v", now, err)
		}
		if before.Text.Template != "1" {
			t.Error("what was handed out is changed")
		}
	})
}

// A change that fails leaves nothing behind, its log entry included.
func TestChangesThatFailAreNotKept(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := addConnection(t, s, `{"name":"sms","strategy":"sms"}`)
		failure := errors.New("changed my mind")
		err := s.ChangeConnection(t.Context(), c.ID, func(c *tenant.Connection) (tenant.LogEvent, error) {
			c.Doc = []byte(`{}`)
			return tenant.LogEvent{}, failure
		})
		if !errors.Is(err, failure) {
			t.Errorf("ChangeConnection = %v", err)
		}
		err = s.ChangeConnection(t.Context(), c.ID, func(c *tenant.Connection) (tenant.LogEvent, error) {
			c.Clients = []tenant.ClientID{"nobody"}
			return event.New(event.ManagementWrite, moment), nil
		})
		if !fault.Has(err, fault.Invalid) {
			t.Errorf("a client that is not there: %v", err)
		}
		now, err := s.Connection(t.Context(), "sms")
		if err != nil || string(now.Doc) != string(c.Doc) || now.Version != 1 || len(now.Clients) != 0 {
			t.Errorf("%+v, %v", now, err)
		}
		logs, err := s.ListLogs(t.Context(), manage.LogQuery{}, manage.Window{Limit: 10})
		if err != nil || len(logs.Items) != 1 {
			t.Errorf("%d log entries, %v", len(logs.Items), err)
		}
	})
}

// Readers never see half of a change, while there are many.
func TestReadersSeeWholeConnections(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	c := addConnection(t, s, `{"name":"sms","strategy":"sms","options":{"template":"0","request_language":"0"}}`)
	var writer, readers sync.WaitGroup
	stop := make(chan struct{})
	for range 8 {
		readers.Add(1)
		go func() {
			defer readers.Done()
			for {
				select {
				case <-stop:
					return
				default:
				}
				got, err := s.Connection(t.Context(), "sms")
				if err != nil || got.Text.Template != got.RequestLanguage {
					t.Errorf("%+v, %v", got, err)
					return
				}
			}
		}()
	}
	writer.Add(1)
	go func() {
		defer writer.Done()
		for i := range 50 {
			err := s.ChangeConnection(t.Context(), c.ID, func(c *tenant.Connection) (tenant.LogEvent, error) {
				c.Doc = fmt.Appendf(nil, `{"id":"%s","name":"sms","strategy":"sms","options":{"template":"%d","request_language":"%d"},"realms":["sms"]}`, c.ID, i, i)
				return event.New(event.ManagementWrite, moment), nil
			})
			if err != nil {
				t.Error(err)
			}
		}
	}()
	writer.Wait()
	close(stop)
	readers.Wait()
}

// Searches read the log in batches; pages do not care.
func TestLogsOverManyBatches(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const events = 604
		for i := 0; i < events; i += 4 {
			var four [4]tenant.LogEvent
			for j := range four {
				four[j] = event.New("s", moment.Add(time.Duration(i+j)*time.Millisecond))
				four[j].IP, four[j].User = fmt.Sprintf("203.0.113.%d", j%2), "sms|1"
			}
			if err := s.AddLogs(t.Context(), four[:]...); err != nil {
				t.Fatal(err)
			}
		}
		for _, c := range []struct {
			name        string
			q           manage.LogQuery
			w           manage.Window
			items, want int
		}{
			{"all", manage.LogQuery{}, manage.Window{Limit: 100, Offset: 500, Count: true}, 100, events},
			{"by text, newest first", manage.LogQuery{Texts: []manage.LogText{{Field: "ip", Value: "203.0.113.1"}}, Descending: true}, manage.Window{Limit: 100, Offset: 290, Count: true}, 12, 302},
			{"by user", manage.LogQuery{User: "sms|1", Descending: true}, manage.Window{Limit: 550, Count: true}, 550, events},
			{"nothing", manage.LogQuery{Type: "f"}, manage.Window{Limit: 5, Count: true}, 0, 0},
		} {
			list, err := s.ListLogs(t.Context(), c.q, c.w)
			if err != nil || len(list.Items) != c.items || list.Total != c.want {
				t.Errorf("%s: %d of %d, %v; want %d of %d", c.name, len(list.Items), list.Total, err, c.items, c.want)
			}
			for i := 1; i < len(list.Items); i++ {
				if (list.Items[i-1].ID > list.Items[i].ID) != c.q.Descending {
					t.Fatalf("%s: not in order", c.name)
				}
			}
		}
	})
}
