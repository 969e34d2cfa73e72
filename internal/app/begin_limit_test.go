package app_test

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
)

// authorize asks /authorize from an address and returns the status, the header
// and the body, unfollowed.
func (s *site) authorize(ip string, pairs ...string) (int, http.Header, string) {
	s.t.Helper()
	q := url.Values{
		"client_id": {s.Ready.ClientID}, "redirect_uri": {"http://localhost:3000/callback"}, "response_type": {"code"},
		"scope": {"openid"},
	}
	for n := 0; n < len(pairs); n += 2 {
		q.Set(pairs[n], pairs[n+1])
	}
	req, err := http.NewRequestWithContext(s.t.Context(), "POST", s.URL+"/authorize", strings.NewReader(q.Encode()))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", ip)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(body)
}

// Anybody can begin a sign-in, and so each address has only so many; and so
// many refused silent ones of it are logged.
func TestPendingSignInsOfAnAddress(t *testing.T) {
	eachSite(t, "strict", func(s *site) {
		const bad, good = "192.0.2.1", "192.0.2.2"
		for n := range attack.SignInRate.Burst {
			if st, _, body := s.authorize(bad); st != 303 {
				s.t.Fatalf("sign-in %d gave %d %s", n+1, st, body)
			}
		}
		for range 2 {
			st, h, body := s.authorize(bad)
			if st != 429 || seconds(h) < 1 || h.Get("Location") != "" || h.Get("Set-Cookie") != "" || !strings.Contains(body, "<h1>") {
				s.t.Errorf("one too many gave %d %v %s", st, h, body)
			}
		}
		if st, _, _ := s.authorize(good); st != 303 {
			s.t.Errorf("from another address: %d", st)
		}
		if n := strings.Count(s.manage(200, "GET", "logs?q="+url.QueryEscape("type:api_limit"), ""), `"api_limit"`); n != 1 {
			s.t.Errorf("%d log events say so", n)
		}
		// What stores no sign-in goes on.
		if st, h, _ := s.authorize(bad, "prompt", "none"); st != 303 || !strings.Contains(h.Get("Location"), "error=login_required") {
			s.t.Errorf("silently: %d %v", st, h)
		}
		s.Clock.Advance(attack.SignInRate.Every + time.Millisecond)
		if st, _, _ := s.authorize(bad); st != 303 {
			s.t.Errorf("after waiting: %d", st)
		}
	})
}
