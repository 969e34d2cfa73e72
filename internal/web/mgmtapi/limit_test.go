package mgmtapi_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/web/mgmtapi"
)

// BRU-11: an application has fifty requests at once and sixteen a second; then
// it is asked to wait, in the words that Auth0's SDKs know.
func TestBRU11ManagementLimit(t *testing.T) {
	sv := one(t)
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	api := &mgmtapi.API{
		Manage: sv.manage, Tokens: tokens{}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now },
		Limit: &attack.Meter{Rate: attack.ManagementRate},
	}
	limited := httptest.NewServer(api.Handler())
	t.Cleanup(limited.Close)
	sv.URL = limited.URL
	for n := range 50 {
		a := sv.ask(everything, "GET /api/v2/attack-protection/bot-detection", "")
		if a.status != 200 || a.header.Get("X-RateLimit-Limit") != "50" || a.header.Get("X-RateLimit-Remaining") != strconv.Itoa(49-n) {
			t.Fatalf("request %d gave %d %v", n+1, a.status, a.header)
		}
		if reset, err := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64); err != nil || reset != now.Unix()+1 {
			t.Fatalf("the reset is %d, want %d", reset, now.Unix()+1)
		}
	}
	a := sv.ask(everything, "PATCH /api/v2/attack-protection/bot-detection", `{"bot_detection_level":"high"}`)
	sv.wants(a, http.StatusTooManyRequests, `{"statusCode":429,"error":"Too Many Requests","message":"Too many requests. Check the X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset headers.","errorCode":"too_many_requests"}`)
	if a.header.Get("X-RateLimit-Remaining") != "0" || a.header.Get("Retry-After") != "1" {
		t.Errorf("headers are %v", a.header)
	}
	// Whoever has no token learns that first, and takes nothing from others.
	if a := sv.ask("forged", "GET /api/v2/attack-protection/bot-detection", ""); a.status != 401 {
		t.Errorf("without a token: %d", a.status)
	}
	now = now.Add(time.Second)
	for n := range 17 {
		if a := sv.ask(everything, "GET /api/v2/attack-protection/bot-detection", ""); (a.status == 200) != (n < 16) {
			t.Errorf("a second later request %d gave %d", n+1, a.status)
		}
	}
}
