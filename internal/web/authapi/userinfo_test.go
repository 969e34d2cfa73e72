package authapi_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/jwttest"
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

// OAU-23: who asks with the scheme DPoP is refused in it, with the algorithms that
// proofs may have, and a proof that is missing or wrong is what is named; others
// are refused as bearers.
func TestOAU23Challenges(t *testing.T) {
	w := newWorld(t)
	native := w.person(map[string]any{"app_type": "native"})
	key, other := jwttest.EC(t), jwttest.EC(t)
	access := w.signIn(native, number, nil, "DPoP", w.proof(key, "POST", "/oauth/token", "")).want(t, 200)["access_token"].(string)
	free := w.signIn(native, number, nil).want(t, 200)["access_token"].(string)
	proof := func(k *jwttest.Key, token string, changes ...map[string]any) string {
		return w.proof(k, "GET", "/userinfo", token, changes...)
	}
	for _, c := range []struct {
		name, scheme, token, proof string
		want, code                 string
	}{
		{"no proof", "DPoP", access, "", "DPoP", "invalid_dpop_proof"},
		{"a proof that is none", "DPoP", access, "x", "DPoP", "invalid_dpop_proof"},
		{"a proof for another request", "DPoP", access, w.proof(key, "POST", "/userinfo", access), "DPoP", "invalid_dpop_proof"},
		{"a proof without the token", "DPoP", access, proof(key, ""), "DPoP", "invalid_dpop_proof"},
		{"a nonce that is not ours", "DPoP", access, proof(key, access, map[string]any{"nonce": "x"}), "DPoP", "use_dpop_nonce"},
		{"the proof of another key", "dpop", access, proof(other, access), "DPoP", "invalid_token"},
		{"a token that is none", "DPoP", "x", proof(key, "x"), "DPoP", "invalid_token"},
		{"a token that cannot be one", "DPoP", "§", proof(key, "§"), "DPoP", "invalid_token"},
		{"a token without a key", "DPoP", free, proof(key, free), "DPoP", "invalid_token"},
		{"a bound token without its proof", "Bearer", access, "", "Bearer", "invalid_token"},
		{"a bound token as a bearer's", "Bearer", access, proof(key, access), "Bearer", "invalid_token"},
		{"a bearer's token that is none", "Bearer", "x", "", "Bearer", "invalid_token"},
		{"two tokens", "Bearer", "x", "", "Bearer", "invalid_token"},
		{"no token", "", "", "", "Bearer", "invalid_token"},
	} {
		var header []string
		if c.scheme != "" {
			header = append(header, "Authorization", c.scheme+" "+c.token)
		}
		if c.proof != "" {
			header = append(header, "DPoP", c.proof)
		}
		if c.name == "two tokens" {
			header = append(header, "Authorization", "Bearer y")
		}
		status, h, body := w.Do(t, "GET", "/userinfo", "", header...)
		got := h.Get("WWW-Authenticate")
		if status != 401 || body != "Unauthorized" || !strings.HasPrefix(got, c.want+` error="`+c.code+`", `) {
			t.Errorf("%s: %d %s, %s, want %s %s", c.name, status, body, got, c.want, c.code)
		}
		if has := strings.HasSuffix(got, `, algs="ES256 RS256 PS256"`); has != (c.want == "DPoP") {
			t.Errorf("%s: %s", c.name, got)
		}
	}
	if status, _, body := w.Do(t, "GET", "/userinfo", "", "Authorization", "DPoP "+access, "DPoP", proof(key, access)); status != 200 {
		t.Errorf("as it should be: %d %s", status, body)
	}
}
