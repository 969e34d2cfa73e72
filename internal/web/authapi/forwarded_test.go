package authapi_test

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
)

// trust sets what an application says about the address it passes on.
func trust(t *testing.T, s *testkit.Server, client string, yes bool) {
	t.Helper()
	m := &manage.Service{
		Clients: s.Store, Connections: s.Store, APIs: s.Store, Grants: s.Store, Users: s.Store, Logs: s.Store,
		Messages: s.Store, Files: s.Store, EmailProviders: s.Store, Now: time.Now,
	}
	body, err := settings.ParseObject(fmt.Appendf(nil, `{"is_token_endpoint_ip_header_trusted":%t}`, yes))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.ChangeClient(t.Context(), manage.Actor{}, tenant.ClientID(client), manage.Patch{Body: body}); err != nil {
		t.Fatal(err)
	}
}

// BRU-04: auth0-forwarded-for is believed only from an application that proved
// its secret and is trusted with it, and only if it is one address.
func TestBRU04ForwardedFor(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Limits = "auth0" })
	r := s.Ready
	confidential := fmt.Sprintf(`"client_id":%q,"client_secret":%q`, r.ClientID, r.ClientSecret)
	tests := []struct {
		name    string
		trusted bool
		client  string
		header  string
		status  int
		want    string
	}{
		{"trusted, with its secret", true, confidential, "203.0.113.7", 200, "203.0.113.7"},
		{"trusted, version 6", true, confidential, "2001:db8::7", 200, "2001:db8::7"},
		{"not trusted", false, confidential, "203.0.113.7", 200, "127.0.0.1"},
		{"trusted, without its secret", true, fmt.Sprintf(`"client_id":%q`, r.ClientID), "203.0.113.7", 401, ""},
		{"trusted, with a wrong secret", true, fmt.Sprintf(`"client_id":%q,"client_secret":"x"`, r.ClientID), "203.0.113.7", 401, ""},
		{"without a secret to prove", true, fmt.Sprintf(`"client_id":%q`, r.NativeClientID), "203.0.113.7", 200, "127.0.0.1"},
		{"two addresses", true, confidential, "203.0.113.7, 203.0.113.8", 200, "127.0.0.1"},
		{"no address", true, confidential, "localhost", 200, "127.0.0.1"},
	}
	for n, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			trust(t, s, r.ClientID, tt.trusted)
			st, _, body := s.Post(t, "/passwordless/start",
				fmt.Sprintf(`{%s,"connection":"sms","phone_number":"+4477009001%02d"}`, tt.client, n),
				"Auth0-Forwarded-For", tt.header)
			if st != tt.status {
				t.Fatalf("the start gave %d %s", st, body)
			}
			if st != 200 {
				return
			}
			found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
			list := found.Items
			if err != nil || len(list) != 1 {
				t.Fatal(list, err)
			}
			if list[0].RequestIP != tt.want {
				t.Errorf("the address is %s, want %s", list[0].RequestIP, tt.want)
			}
		})
	}
}

// BRU-02: fifty starts of one address, then 429 with the time to wait. Servers
// that prove who they are ask for many people and are not counted.
func TestBRU02StartsOfOneAddress(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.Limits = "auth0" })
	r := s.Ready
	ask := func(client string, n int) (int, http.Header) {
		st, h, _ := s.Post(t, "/passwordless/start",
			fmt.Sprintf(`{%s,"connection":"sms","phone_number":"+44770090%04d"}`, client, n))
		return st, h
	}
	public := fmt.Sprintf(`"client_id":%q`, r.NativeClientID)
	for n := range 50 {
		st, h := ask(public, n)
		if st != 200 || h.Get("X-RateLimit-Limit") != "50" || h.Get("X-RateLimit-Remaining") != strconv.Itoa(49-n) {
			t.Fatalf("start %d gave %d, %v", n+1, st, h)
		}
	}
	st, h := ask(public, 50)
	if wait, err := strconv.Atoi(h.Get("Retry-After")); st != 429 || err != nil || wait < 1 || wait > 72 || h.Get("X-RateLimit-Remaining") != "0" {
		t.Errorf("start 51 gave %d, %v", st, h)
	}
	if st, h := ask(fmt.Sprintf(`"client_id":%q,"client_secret":%q`, r.ClientID, r.ClientSecret), 51); st != 200 || h.Get("X-RateLimit-Limit") != "" {
		t.Errorf("a server's start gave %d, %v", st, h)
	}
	s.Clock.Advance(73 * time.Second)
	if st, _ := ask(public, 52); st != 200 {
		t.Errorf("a start a while later gave %d", st)
	}
}
