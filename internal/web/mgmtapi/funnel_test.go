package mgmtapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
)

// The funnel counts each hour and all of them, for who may read messages.
func TestFunnel(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		now := sv.manage.Now()
		if err := sv.store.AddLogs(t.Context(), event.New(event.CodeSent, now), event.New(event.CodeLinkSent, now), event.New(event.Login, now)); err != nil {
			t.Fatal(err)
		}
		a := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/funnel?hours=168", "")
		var got struct {
			Hours []struct {
				At       time.Time `json:"at"`
				Messages int       `json:"messages"`
			} `json:"hours"`
			Total map[string]int `json:"total"`
		}
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || len(got.Hours) != 168 {
			t.Fatalf("%d %v %s", a.status, err, a.body)
		}
		if !got.Hours[1].At.Equal(got.Hours[0].At.Add(time.Hour)) {
			t.Errorf("hours at %v and %v", got.Hours[0].At, got.Hours[1].At)
		}
		if got.Total["messages"] != 2 || got.Total["signed_in"] != 1 || got.Total["failed"] != 0 || got.Total["delivered"] != 0 {
			t.Errorf("in all %v", got.Total)
		}
		if a := sv.ask("scopes.read-messages", "GET /api/doorcode/v1/funnel?hours=169", ""); a.status != 400 {
			t.Errorf("too many hours give %d", a.status)
		}
		if a := sv.ask("scopes.read-users", "GET /api/doorcode/v1/funnel", ""); a.status == 200 {
			t.Error("another scope opens it")
		}
	})
}
