package script

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// X3: a test that waits at the outbox is answered when the message is there, in
// half a second, with a code that signs in; and a wait for nothing ends.
func TestX3LongPoll(t *testing.T) {
	run := binary.New(t)
	s := run.Start()
	ask := func(ctx context.Context, query url.Values) ([]binary.Message, time.Time) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.OutboxURL+"/api/messages?"+query.Encode(), nil)
		if err != nil {
			t.Error(err)
			return nil, time.Time{}
		}
		a := s.Do(req)
		at := time.Now()
		var doc struct {
			Messages []binary.Message `json:"messages"`
		}
		if err := json.Unmarshal(a.Body, &doc); err != nil || !a.OK() {
			t.Errorf("the outbox answers %v, %v", a, err)
		}
		return doc.Messages, at
	}
	type reply struct {
		list []binary.Message
		at   time.Time
	}
	for channel, to := range map[string]string{"sms": run.Phone(), "email": run.Email()} {
		waits := make(chan reply, 1)
		go func() {
			list, at := ask(t.Context(), url.Values{"to": {to}, "channel": {channel}, "wait": {"30s"}})
			waits <- reply{list, at}
		}()
		select {
		case r := <-waits:
			t.Fatalf("the outbox does not wait: %d messages", len(r.list))
		case <-time.After(200 * time.Millisecond):
		}
		if a := s.App().Start(t.Context(), binary.Start{To: to}); !a.OK() {
			t.Fatal(a)
		}
		got := <-waits
		if len(got.list) != 1 || got.list[0].To != to || got.list[0].Channel != channel || got.list[0].Code == "" {
			t.Fatalf("%s: the outbox answers %d messages", channel, len(got.list))
		}
		m := got.list[0]
		run.Note(m.Code)
		took := got.at.Sub(m.CreatedAt)
		t.Logf("measured: %s by long poll after %v", channel, took)
		if limit := 500 * time.Millisecond; took > limit && !binary.Race() {
			t.Errorf("%s came after %v, want %v", channel, took, limit)
		}
		if a := s.App().Token(t.Context(), binary.Code{To: to, Code: m.Code}); !a.OK() {
			t.Errorf("%s: the code gives %v", channel, a)
		}
		if list, _ := ask(t.Context(), url.Values{"to": {to}, "since": {m.ID}, "wait": {"100ms"}}); len(list) != 0 {
			t.Errorf("%s: there are %d newer messages", channel, len(list))
		}
	}
	s.Stop()
}
