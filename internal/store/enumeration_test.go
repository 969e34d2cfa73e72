package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ENU-02: a start runs the same statements for everybody, whoever they are for and
// whether or not anything is sent. What is left for timing to tell is measured by
// test/long timing.
func TestENU02SameStatements(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		s.StopUses()
		n := 0
		person := func(t *testing.T, change ...string) string {
			t.Helper()
			n++
			p := trip{s: s, identifier: fmt.Sprintf("+4477009%05d", n), limit: startLimits["no limits"]}
			if change == nil {
				return p.identifier
			}
			p.begin(t, n)
			p.redeem(t, n, "right", passwordless.Redeemed, true)
			for _, text := range change {
				storetest.Exec(t, db, text, p.identifier)
			}
			return p.identifier
		}
		const user = `(SELECT user_id FROM identities WHERE identifier = $1)`
		kinds := []struct {
			name    string
			prepare func(t *testing.T) string
		}{
			{"known", func(t *testing.T) string { return person(t, `DELETE FROM codes WHERE identifier = $1`) }},
			{"unknown", func(t *testing.T) string { return person(t) }},
			{"blocked", func(t *testing.T) string { return person(t, `UPDATE users SET blocked = TRUE WHERE id = `+user) }},
			{"deleted", func(t *testing.T) string {
				return person(t, `DELETE FROM users WHERE id = `+user, `DELETE FROM identities WHERE identifier = $1`)
			}},
		}
		service, offered := startService(t, s)
		if _, err := service.Start(t.Context(), startRequest("+447700900999", false)); err != nil { // test identities are read once
			t.Fatal(err)
		}
		*offered = nil
		take := s.Record()
		for _, limits := range []attack.Mode{attack.Off, attack.Auth0, attack.Strict} {
			for _, closed := range []bool{false, true} {
				service.Limits = limits
				var first []string
				for _, kind := range kinds {
					what := fmt.Sprintf("limits %s, sign-ups closed %v, %s", limits, closed, kind.name)
					to := kind.prepare(t)
					take()
					for range 2 { // with limits the second is too soon
						if _, err := service.Start(t.Context(), startRequest(to, closed)); err != nil {
							t.Fatalf("%s: %v", what, err)
						}
					}
					got := take()
					if first == nil {
						first = got
					}
					if len(got) < 2 || !slices.Equal(got, first) {
						t.Errorf("%s: statements differ from those for known people:\n%s", what, cmp.Diff(first, got))
					}
					want := 2 // offered too, as work that is as much, if it is not sent
					if limits == attack.Strict {
						want = 1
					}
					if len(*offered) != want {
						t.Errorf("%s: %d messages were offered, want %d", what, len(*offered), want)
					}
					*offered = nil
				}
			}
		}
		if got := storetest.Value(t, db, `SELECT MAX(LENGTH(doc)) - MIN(LENGTH(doc)) FROM logs WHERE doc LIKE '%send%'`); len(got) > 2 {
			t.Errorf("the log's documents differ by %s bytes", got)
		}
	})
}

func startRequest(to string, closed bool) passwordless.StartRequest {
	return passwordless.StartRequest{
		Client: &tenant.Client{ID: "app", Name: "App"}, Connection: "sms", PhoneNumber: to, NoSignUp: closed,
		IP: "192.0.2.1", IPKey: to, UserAgent: "test",
	}
}

// startService begins sign-ins with a store and keeps what it offers.
func startService(t *testing.T, s *store.Store) (service *passwordless.Service, offered *[]tenant.Message) {
	offered = new([]tenant.Message)
	keys := storetest.Keys(t)
	return &passwordless.Service{
		Connections: smsOnly{}, Ledger: s, Outbox: keeper{offered}, Codes: otp.Maker{Keys: keys}, Keys: keys,
		Settings:       func(context.Context) (*tenant.Settings, error) { return &tenant.Settings{}, nil },
		TestIdentities: s.TestIdentity,
		Protection:     func(context.Context) (*tenant.Protection, error) { return &tenant.Protection{}, nil },
		Now:            func() time.Time { return tripTime.Add(time.Hour) },
	}, offered
}

// smsOnly is one connection.
type smsOnly struct{}

func (smsOnly) Connection(_ context.Context, name string) (*tenant.Connection, error) {
	return &tenant.Connection{
		ID: tenant.ConnectionID("con_" + name), Name: name, Channel: tenant.SMS, Clients: []tenant.ClientID{"app"},
		Code: tenant.CodePolicy{Digits: tenant.DefaultDigits, Lifetime: tenant.DefaultLifetime},
	}, nil
}

// A keeper is an outbox that sends nothing.
type keeper struct{ offered *[]tenant.Message }

func (k keeper) Offer(m tenant.Message) { *k.offered = append(*k.offered, m) }

func (keeper) Refusal(context.Context, tenant.ConnectionID, string) string { return "" }

func (keeper) Ready(context.Context, *tenant.Connection) (bool, error) { return true, nil }
