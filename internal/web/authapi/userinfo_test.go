package authapi_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
)

// accessToken signs somebody in and returns an access token.
func accessToken(t *testing.T, s *testkit.Server, number string) string {
	t.Helper()
	if st, _, body := s.Post(t, "/passwordless/start", fmt.Sprintf(
		`{"client_id":%q,"connection":"sms","phone_number":%q}`, s.Ready.NativeClientID, number)); st != 200 {
		t.Fatal(st, body)
	}
	list := s.Outbox.Wait(t.Context(), outbox.Filter{To: number})
	for range 200 {
		if len(list) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
		list = s.Outbox.Messages(outbox.Filter{To: number})
	}
	st, _, body := s.Post(t, "/oauth/token", fmt.Sprintf(
		`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":%q,"realm":"sms","username":%q,"otp":%q,"scope":"openid"}`,
		s.Ready.NativeClientID, number, list[0].Code))
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(body), &answer); st != 200 || err != nil {
		t.Fatal(st, body)
	}
	return answer.AccessToken
}

// Ten requests about a user at once, then five a minute (Auth0: rate limits).
func TestUserinfoLimit(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Limits = "auth0" })
	one, other := accessToken(t, s, "+447700900123"), accessToken(t, s, "+447700900124")
	for n := range 10 {
		st, h, body := s.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+one)
		if st != 200 || h.Get("X-RateLimit-Limit") != "10" || h.Get("X-RateLimit-Remaining") != strconv.Itoa(9-n) {
			t.Fatalf("request %d gave %d %s %v", n+1, st, body, h)
		}
	}
	st, h, body := s.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+one)
	if wait, err := strconv.Atoi(h.Get("Retry-After")); st != 429 || err != nil || wait < 1 || wait > 12 || h.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("request 11 gave %d %s %v", st, body, h)
	}
	if st, _, _ := s.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+other); st != 200 {
		t.Errorf("a request about somebody else gave %d", st)
	}
	s.Clock.Advance(12 * time.Second)
	if st, _, _ := s.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+one); st != 200 {
		t.Errorf("a request a while later gave %d", st)
	}
}
