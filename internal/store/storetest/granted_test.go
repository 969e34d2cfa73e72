package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A grant goes when nothing can be had by it any more: not while an access token
// or a refresh token of it may be good.
func TestSweepOfGrants(t *testing.T) {
	const day = 24 * time.Hour
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		grants := func(name string, offline bool, revoked time.Duration, refresh ...time.Duration) {
			t.Helper()
			at := int64(0)
			if revoked >= 0 {
				at = start.Add(revoked).UnixMilli()
			}
			storetest.Exec(t, db, `INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline)
				VALUES ($1, 'sms|1', 'app', 's', '', 'openid', $2, $2, $3, $4)`, name, start.UnixMilli(), at, offline)
			for i, expires := range refresh {
				end := int64(0)
				if expires > 0 {
					end = start.Add(expires).UnixMilli()
				}
				storetest.Exec(t, db, `INSERT INTO refresh_tokens (digest, grant_id, generation, rotating, issued_at, last_used_at,
					expires_at, idle_span, idle_ends_at, replaced_at) VALUES ($1, $2, $3, TRUE, $4, $4, $5, 0, 0, 0)`,
					[]byte(fmt.Sprint(name, i)), name, i+1, start.UnixMilli(), end)
			}
		}
		grants("silent", false, -1)
		grants("forever", true, -1, 0, 0)
		grants("a month", true, -1, 30*day, 30*day)
		grants("revoked", true, 2*day, 0, 60*day)
		for _, c := range []struct {
			at   time.Duration
			want string
		}{
			{25 * time.Hour, "4 grants, 6 tokens"},
			{25*time.Hour + time.Second, "3 grants, 6 tokens"},
			{3*day + time.Hour, "3 grants, 6 tokens"},
			{3*day + time.Hour + time.Second, "2 grants, 4 tokens"},
			{31*day + time.Hour, "2 grants, 4 tokens"},
			{31*day + time.Hour + time.Second, "1 grants, 2 tokens"},
			{1000 * day, "1 grants, 2 tokens"},
		} {
			if _, err := s.Sweep(t.Context(), start.Add(c.at)); err != nil {
				t.Fatal(err)
			}
			got := storetest.Value(t, db, `SELECT COUNT(*) FROM grants`) + " grants, " +
				storetest.Value(t, db, `SELECT COUNT(*) FROM refresh_tokens`) + " tokens"
			if got != c.want {
				t.Errorf("after %v there are %s, want %s", c.at, got, c.want)
			}
		}
	})
}

// An API's access tokens name their grant for as long as they live: it is kept
// that long.
func TestSweepOfGrantsOfLongTokens(t *testing.T) {
	const day = 24 * time.Hour
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		api := tenant.API{ID: "1", Identifier: "https://api", Doc: []byte(`{"identifier":"https://api","token_lifetime":2592000}`)}
		if err := s.CreateAPI(t.Context(), api, tenant.LogEvent{ID: "b"}); err != nil {
			t.Fatal(err)
		}
		storetest.Exec(t, db, `INSERT INTO grants (id, user_id, client_id, sid, audience, scope, auth_time, created_at, revoked_at, offline)
			VALUES ('g', 'sms|1', 'app', 's', 'https://api', 'openid', $1, $1, 0, FALSE)`, start.UnixMilli())
		for _, c := range []struct {
			at   time.Duration
			want string
		}{{2 * day, "1"}, {30*day + time.Hour, "1"}, {30*day + time.Hour + time.Second, "0"}} {
			if _, err := s.Sweep(t.Context(), start.Add(c.at)); err != nil {
				t.Fatal(err)
			}
			if got := storetest.Value(t, db, `SELECT COUNT(*) FROM grants`); got != c.want {
				t.Errorf("after %v there are %s grants, want %s", c.at, got, c.want)
			}
		}
	})
}

// What people allowed an application or an API is forgotten with it: another one
// may come to have its name.
func TestConsentGoes(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, db := storetest.Open(t, address), storetest.SQL(t, address)
		for _, c := range []tenant.ClientID{"app", "other"} {
			if err := s.CreateClient(t.Context(), tenant.Client{ID: c, Name: string(c), Doc: []byte(`{}`)}, false, tenant.LogEvent{ID: "a" + string(c)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.CreateAPI(t.Context(), tenant.API{ID: "1", Identifier: "https://api", Doc: []byte(`{"identifier":"https://api"}`)}, tenant.LogEvent{ID: "b"}); err != nil {
			t.Fatal(err)
		}
		for _, c := range [][2]string{{"app", "https://other"}, {"other", "https://api"}, {"other", "https://other"}} {
			storetest.Exec(t, db, `INSERT INTO consents (user_id, client_id, audience, scope, created_at, updated_at)
				VALUES ('sms|1', $1, $2, 'openid', 1, 1)`, c[0], c[1])
		}
		if err := s.DeleteClient(t.Context(), "app", func(*tenant.Client) (tenant.LogEvent, error) { return tenant.LogEvent{ID: "c"}, nil }); err != nil {
			t.Fatal(err)
		}
		if err := s.DeleteAPI(t.Context(), "1", func(*tenant.API) (tenant.LogEvent, error) { return tenant.LogEvent{ID: "d"}, nil }); err != nil {
			t.Fatal(err)
		}
		left := storetest.Value(t, db, `SELECT COUNT(*) FROM consents`) + storetest.Value(t, db,
			`SELECT COUNT(*) FROM consents WHERE client_id = 'other' AND audience = 'https://other'`)
		if left != "11" {
			t.Errorf("%s consents are left, of which the one to be kept", left)
		}
	})
}
