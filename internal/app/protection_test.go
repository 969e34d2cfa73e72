package app_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// A site is a server behind a proxy that says who asks.
type site struct {
	*testkit.Server
	t *testing.T
}

func eachSite(t *testing.T, limits string, fn func(s *site)) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		fn(&site{t: t, Server: testkit.Start(t, func(c *config.Config) {
			c.Database, c.Limits, c.TrustedProxies = address, limits, []string{"127.0.0.1/32"}
		})})
	})
}

// start asks for a code from an address and returns status and headers.
func (s *site) start(ip, to string) (int, http.Header) {
	s.t.Helper()
	st, h, body := s.Post(s.t, "/passwordless/start", fmt.Sprintf(
		`{"client_id":%q,"connection":"sms","phone_number":%q}`, s.Ready.NativeClientID, to), "X-Forwarded-For", ip)
	if st != 200 && st != 429 {
		s.t.Fatalf("start gave %d %s", st, body)
	}
	return st, h
}

// code asks for a code and returns it.
func (s *site) code(ip, to string) string {
	s.t.Helper()
	before := len(s.Outbox.Messages(outbox.Filter{To: to}))
	if st, h := s.start(ip, to); st != 200 {
		s.t.Fatalf("start gave %d %v", st, h)
	}
	for range 200 {
		if list := s.Outbox.Messages(outbox.Filter{To: to}); len(list) > before {
			return list[0].Code
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatal("no code came")
	return ""
}

// try brings a code from an address and says what came of it.
func (s *site) try(ip, to, code string) string {
	s.t.Helper()
	st, h, body := s.Post(s.t, "/oauth/token", fmt.Sprintf(
		`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":%q,"realm":"sms","username":%q,"otp":%q}`,
		s.Ready.NativeClientID, to, code), "X-Forwarded-For", ip)
	switch {
	case st == 200:
		return "in"
	case st == 429 && strings.Contains(body, `"too_many_attempts"`) && seconds(h) > 0:
		return "blocked"
	case st == 403 && strings.Contains(body, "maximum number"):
		return "dead"
	case st == 403:
		return "wrong"
	}
	return fmt.Sprint(st, body)
}

func seconds(h http.Header) int {
	n, err := strconv.Atoi(h.Get("Retry-After"))
	if err != nil {
		return -1
	}
	return n
}

func (s *site) manage(want int, method, path, body string) string {
	s.t.Helper()
	st, answer := managed(s.t, s.Server, method, "/api/v2/"+path, body)
	if st != want {
		s.t.Fatalf("%s %s gave %d %s, want %d", method, path, st, answer, want)
	}
	return answer
}

// tries makes wrong tries, at most two at a code, and counts those that were
// judged.
func (s *site) tries(ip, to string, n int) (judged int) {
	s.t.Helper()
	for range n {
		s.start(ip, to)
		s.Clock.Advance(4 * time.Minute) // a new code each time
		s.start(ip, to)
		if s.try(ip, to, "0000") == "wrong" {
			judged++
		}
	}
	return judged
}

const victim, bystander = "+447700900123", "+447700900124"

// The settings of brute-force protection decide how many wrong tries there are,
// from everywhere or from one address, and never more than ten.
func TestBruteForceSettingsDriveTheTries(t *testing.T) {
	eachSite(t, "auth0", func(s *site) {
		set := func(body string) { s.manage(200, "PATCH", "attack-protection/brute-force-protection", body) }
		set(`{"mode":"count_per_identifier","max_attempts":3}`)
		if n := s.tries("192.0.2.1", victim, 5); n != 3 {
			s.t.Errorf("of three tries for everybody, %d were judged", n)
		}
		if st, h := s.start("192.0.2.9", victim); st != 429 || h.Get("X-RateLimit-Limit") != "3" || seconds(h) < 80000 {
			s.t.Errorf("a start without tries left gave %d, %v", st, h)
		}
		if got := s.manage(200, "GET", "user-blocks?identifier=%2B447700900123", ""); got != `{"blocked_for":[{"identifier":"+447700900123"}]}` {
			s.t.Errorf("the blocks are %s", got)
		}
		// Who is exempt, and everybody once it is off, has the ten that no
		// setting lifts.
		set(`{"allowlist":["192.0.2.0/28"]}`)
		if n := s.tries("192.0.2.2", victim, 9); n != 7 {
			s.t.Errorf("from an address that is exempt, %d more were judged, want 7", n)
		}
		for _, body := range []string{`{"enabled":false}`, `{"enabled":true,"shields":[]}`, `{"shields":["block"],"max_attempts":100}`} {
			set(body)
			if got := s.tries("192.0.2.3", victim, 1); got != 0 {
				s.t.Errorf("with %s an eleventh try was judged", body)
			}
		}
		s.manage(204, "DELETE", "user-blocks?identifier=%2B447700900123", "")
		if got := s.manage(200, "GET", "user-blocks?identifier=%2B447700900123", ""); got != `{"blocked_for":[]}` {
			s.t.Errorf("the blocks are %s", got)
		}

		set(`{"mode":"count_per_identifier_and_ip","max_attempts":2,"allowlist":[]}`)
		if a, b := s.tries("192.0.2.1", victim, 4), s.tries("192.0.2.2", victim, 1); a != 2 || b != 1 {
			s.t.Errorf("of two tries for each address, %d and %d were judged", a, b)
		}
		if got := s.manage(200, "GET", "user-blocks?identifier=%2B447700900123", ""); got != `{"blocked_for":[{"identifier":"+447700900123","ip":"192.0.2.1"}]}` {
			s.t.Errorf("the blocks are %s", got)
		}
		if st, _ := s.start("192.0.2.1", victim); st != 429 {
			s.t.Errorf("a start from the address that is blocked gave %d", st)
		}
		if got := s.try("192.0.2.2", victim, s.code("192.0.2.2", victim)); got != "in" {
			s.t.Errorf("the owner from elsewhere: %s", got)
		}
	})
}

// Unblocking takes back what is named, and nothing else; the log says so.
func TestUnblockingAUser(t *testing.T) {
	eachSite(t, "auth0", func(s *site) {
		if got := s.try("192.0.2.7", victim, s.code("192.0.2.7", victim)); got != "in" {
			s.t.Fatal(got)
		}
		var users []struct {
			ID string `json:"user_id"`
		}
		if err := json.Unmarshal([]byte(s.manage(200, "GET", "users", "")), &users); err != nil || len(users) != 1 {
			s.t.Fatal(users, err)
		}
		id := users[0].ID
		for _, to := range []string{victim, bystander} {
			if n := s.tries("192.0.2.1", to, 12); n != 10 {
				s.t.Fatalf("%d tries were judged, want 10", n)
			}
			s.Clock.Advance(10 * time.Minute)
		}
		if got := s.manage(200, "GET", "user-blocks/"+id, ""); got != `{"blocked_for":[{"identifier":"+447700900123"}]}` {
			s.t.Errorf("the blocks are %s", got)
		}
		s.manage(200, "PATCH", "attack-protection/brute-force-protection", `{"enabled":false}`)
		if got := s.manage(200, "GET", "user-blocks/"+id+"?consider_brute_force_enablement=true", ""); got != `{"blocked_for":[]}` {
			s.t.Errorf("the blocks that count are %s", got)
		}
		s.manage(204, "DELETE", "user-blocks/"+id, "")
		s.Clock.Advance(time.Hour)
		if got := s.try("192.0.2.1", victim, s.code("192.0.2.8", victim)); got != "in" {
			s.t.Errorf("after it was unblocked: %s", got)
		}
		if st, _ := s.start("192.0.2.8", bystander); st != 429 {
			s.t.Errorf("somebody else was unblocked too: %d", st)
		}
		s.manage(404, "GET", "user-blocks/sms%7Cnobody", "")
		s.manage(404, "DELETE", "user-blocks/sms%7Cnobody", "")
		s.manage(400, "GET", "user-blocks", "")
		s.manage(200, "GET", "user-blocks?identifier=anything", "")
		s.manage(204, "DELETE", "user-blocks?identifier=%2B447700900199", "")
		log := s.manage(200, "GET", "logs?q=type%3Aublkdu", "")
		if strings.Count(log, `"ublkdu"`) != 1 || !strings.Contains(log, id) {
			s.t.Errorf("the log has %s", log)
		}
		if log := s.manage(200, "GET", "logs?q=type%3Asapi", ""); strings.Contains(log, "7700900199") {
			s.t.Errorf("a number is in the log of what was managed: %s", log)
		}
	})
}

// An address that has failed too often is refused, whoever it asks for, until
// time or an administrator fills its bucket.
func TestSuspiciousAddress(t *testing.T) {
	eachSite(t, "auth0", func(s *site) {
		set := func(body string) { s.manage(200, "PATCH", "attack-protection/suspicious-ip-throttling", body) }
		const bad, good = "2001:db8:0:1::1", "192.0.2.2"
		const neighbour = "2001:db8:0:1::ffff" // of the same customer
		blocked := func(ip string) int {
			st, _ := managed(s.t, s.Server, "GET", "/api/v2/anomaly/blocks/ips/"+ip, "")
			return st
		}
		set(`{"stage":{"pre-login":{"max_attempts":3,"rate":3600000}}}`)
		right := s.code(good, victim)
		for n := range 3 {
			if got := blocked(bad); got != 404 {
				s.t.Errorf("after %d failures the address is known as blocked: %d", n, got)
			}
			// Also guesses at people who were sent nothing are failures.
			if got := s.try(bad, fmt.Sprintf("+4477009009%02d", n), "123456"); got != "wrong" {
				s.t.Errorf("failure %d: %s", n, got)
			}
		}
		if got := blocked(neighbour); got != 200 {
			s.t.Errorf("an address that is blocked: %d", got)
		}
		for _, ip := range []string{bad, neighbour} {
			if got := s.try(ip, victim, right); got != "blocked" {
				s.t.Errorf("the right code from %s: %s", ip, got)
			}
		}
		if got := s.try(good, victim, right); got != "in" {
			s.t.Errorf("the right code from elsewhere: %s", got)
		}
		log := s.manage(200, "GET", "logs?q=type%3Alimit_mu", "")
		if strings.Count(log, `"limit_mu"`) != 1 {
			s.t.Errorf("the log has %s", log)
		}
		s.Clock.Advance(time.Hour)
		if got := s.try(bad, victim, "123456"); got != "wrong" {
			s.t.Errorf("an hour later: %s", got)
		}
		if got := s.try(bad, victim, "123456"); got != "blocked" {
			s.t.Errorf("an hour later, once more: %s", got)
		}
		s.manage(204, "DELETE", "anomaly/blocks/ips/"+neighbour, "")
		if got := s.try(bad, victim, "123456"); got != "wrong" || blocked(bad) != 404 {
			s.t.Errorf("unblocked: %s", got)
		}
		for _, body := range []string{`{"shields":[]}`, `{"shields":["block"],"enabled":false}`, `{"enabled":true,"allowlist":["2001:db8::/32"]}`} {
			set(body)
			for range 5 {
				if got := s.try(bad, victim, "123456"); got != "wrong" {
					s.t.Errorf("with %s: %s", body, got)
				}
			}
		}
		for _, method := range []string{"GET", "DELETE"} {
			s.manage(400, method, "anomaly/blocks/ips/localhost", "")
		}
	})
}

// An address that has signed up too many signs up no more; who has an account
// signs in from there all the same.
func TestSignUpsOfAnAddress(t *testing.T) {
	eachSite(t, "auth0", func(s *site) {
		s.manage(200, "PATCH", "attack-protection/suspicious-ip-throttling",
			`{"stage":{"pre-user-registration":{"max_attempts":2,"rate":86400000}}}`)
		const farm = "192.0.2.1"
		for n, want := range []string{"in", "in", "blocked", "blocked"} {
			to := fmt.Sprintf("+4477009008%02d", n)
			if got := s.try(farm, to, s.code(farm, to)); got != want {
				s.t.Errorf("sign-up %d: %s, want %s", n+1, got, want)
			}
		}
		if list := s.manage(200, "GET", "users", ""); strings.Count(list, `"user_id":"sms|`) != 2 {
			s.t.Errorf("the users are %s", list)
		}
		s.Clock.Advance(10 * time.Minute)
		if got := s.try(farm, "+447700900800", s.code(farm, "+447700900800")); got != "in" {
			s.t.Errorf("a sign-in: %s", got)
		}
		if got := s.try("192.0.2.2", "+447700900802", s.code("192.0.2.2", "+447700900802")); got != "in" {
			s.t.Errorf("a sign-up from elsewhere: %s", got)
		}
		s.manage(200, "GET", "anomaly/blocks/ips/"+farm, "")
		s.manage(204, "DELETE", "anomaly/blocks/ips/"+farm, "")
		if got := s.try(farm, "+447700900803", s.code(farm, "+447700900803")); got != "in" {
			s.t.Errorf("a sign-up once the address is unblocked: %s", got)
		}
	})
}

// BRU-02, BRU-10: five codes an hour and ten a day for one number and
// application; the sixth and the eleventh are refused with the time to wait.
// Asked again too soon, the answer is the same and nothing is sent.
func TestBRU02SendsToANumber(t *testing.T) {
	eachSite(t, "strict", func(s *site) {
		asked := 0
		ask := func() (int, http.Header) {
			asked++
			return s.start(fmt.Sprintf("192.0.2.%d", asked), victim)
		}
		refused := func(what string, limit string, least, most time.Duration) {
			s.t.Helper()
			st, h := ask()
			reset, err := strconv.ParseInt(h.Get("X-RateLimit-Reset"), 10, 64)
			wait := time.Duration(seconds(h)) * time.Second
			if st != 429 || h.Get("X-RateLimit-Limit") != limit || h.Get("X-RateLimit-Remaining") != "0" || wait < least || wait > most {
				s.t.Errorf("%s gave %d, %v, want a limit of %s and to wait for %v to %v", what, st, h, limit, least, most)
			}
			if err != nil || time.Unix(reset, 0).Sub(s.Clock.Now()) > most+2*time.Second {
				s.t.Errorf("%s: the reset is %d", what, reset)
			}
		}
		sent := func() int { return len(s.Outbox.Messages(outbox.Filter{To: victim})) }
		for n := range 10 {
			if n == 5 {
				refused("the sixth in an hour", "5", time.Minute, 50*time.Minute)
				s.Clock.Advance(time.Hour)
			}
			if st, h := ask(); st != 200 {
				s.t.Fatalf("start %d gave %d, %v", n+1, st, h)
			}
			for range 200 {
				if sent() > n {
					break
				}
				time.Sleep(10 * time.Millisecond)
			}
			if n%5 == 4 {
				refused(fmt.Sprintf("right after start %d", n+1), map[bool]string{true: "5", false: "10"}[n == 4], time.Minute, 24*time.Hour)
			} else if st, _ := ask(); st != 200 { // too soon
				s.t.Errorf("start %d, once more: %d", n+1, st)
			}
			s.Clock.Advance(301 * time.Second)
		}
		s.Clock.Advance(2 * time.Hour)
		refused("the eleventh in a day", "10", 20*time.Hour, 24*time.Hour)
		if n := sent(); n != 10 {
			s.t.Errorf("%d messages were sent, want 10", n)
		}
		if st, _ := s.start("192.0.2.200", bystander); st != 200 {
			s.t.Errorf("somebody else's start gave %d", st)
		}
		s.Clock.Advance(22 * time.Hour)
		if st, _ := ask(); st != 200 {
			s.t.Errorf("a start the next day gave %d", st)
		}
	})
}
