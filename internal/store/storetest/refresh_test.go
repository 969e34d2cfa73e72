package storetest_test

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/account"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// completion is the sign-in of somebody, with the grant and the digest of the
// refresh token it gives.
func (p someone) completion(now time.Time, grantID, refresh string) passwordless.Complete {
	to := tenant.Recipient{Connection: "con_sms", Channel: tenant.SMS, Identifier: p.number}
	c := passwordless.Complete{
		Now: now, To: to, Identifier: "key of " + p.number, IP: "192.0.2.1",
		NewUser: func(deleted int64) tenant.User {
			return account.New(to, "sms", fmt.Sprintf("%s-%d", p.number, deleted), now)
		},
		Grant:  tenant.Grant{ID: grantID, Client: p.client, SessionID: "sid", Audience: "api", Scope: "openid offline_access", AuthTime: now, CreatedAt: now},
		Events: []tenant.LogEvent{event.New(event.Login, now), event.New(event.ExchangePasswordless, now)},
		SignUp: event.New(event.SignUp, now), Refused: event.New(event.ExchangeOTPFailed, now),
	}
	if refresh != "" {
		c.Refresh = &tenant.RefreshToken{
			Digest: []byte(refresh), Grant: grantID, Generation: 1, Rotating: true, IssuedAt: now, LastUsed: now,
		}
	}
	return c
}

func mustComplete(t *testing.T, s *store.Store, c passwordless.Complete) passwordless.Completed {
	t.Helper()
	done, err := s.Complete(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// renewal uses the refresh token with the digest.
func renewal(now time.Time, digest, next string, policy tenant.RefreshPolicy) grant.Refresh {
	return grant.Refresh{
		Now: now, Digests: [][]byte{[]byte(digest)}, Client: "app", Policy: policy, Next: []byte(next),
		Used: event.New(event.ExchangeRefresh, now), Failed: event.New(event.ExchangeRefreshFailed, now),
		Reused: event.New(event.RefreshReused, now),
	}
}

func mustRefresh(t *testing.T, s *store.Store, r grant.Refresh) grant.Refreshed {
	t.Helper()
	out, err := s.UseRefresh(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The life of a chain of refresh tokens, told as a story: a step uses the token
// "use" after some time, which "next" replaces if the policy rotates.
func TestUseRefresh(t *testing.T) {
	type step struct {
		after     time.Duration
		use, next string
		want      grant.RefreshOutcome
	}
	rotating := tenant.RefreshPolicy{Rotating: true}
	patient := tenant.RefreshPolicy{Rotating: true, Leeway: 10 * time.Second}
	const gone, good, reused = grant.UnknownToken, grant.Renewed, grant.ReusedToken
	tests := []struct {
		name   string
		policy tenant.RefreshPolicy
		change func(r *tenant.RefreshToken)
		steps  []step
	}{
		{"a token that does not rotate is good again and again", tenant.RefreshPolicy{}, nil, []step{
			{0, "a", "", good}, {time.Hour, "a", "", good}, {1000 * time.Hour, "a", "", good},
		}},
		{"each is replaced by the next", rotating, nil, []step{{0, "a", "b", good}, {0, "b", "c", good}, {time.Hour, "c", "d", good}}},
		{"no such token", rotating, nil, []step{{0, "x", "b", gone}, {0, "a", "b", good}}},
		{"part of a token", rotating, nil, []step{{0, "", "b", gone}, {0, "a", "b", good}}},
		{"a token that was replaced ends everything", rotating, nil, []step{
			{0, "a", "b", good}, {0, "a", "c", reused}, {0, "b", "d", gone}, {0, "a", "e", gone},
		}},
		{"an old one too", rotating, nil, []step{
			{0, "a", "b", good}, {0, "b", "c", good}, {0, "c", "d", good}, {0, "b", "e", reused}, {0, "d", "f", gone},
		}},
		{"within the leeway the answer may have been lost", patient, nil, []step{
			{0, "a", "b", good}, {10*time.Second - time.Millisecond, "a", "c", good}, {0, "c", "d", good},
		}},
		{"both answers are good then", patient, nil, []step{
			{0, "a", "b", good}, {time.Second, "a", "c", good}, {0, "b", "d", good}, {0, "c", "e", good},
		}},
		{"after the leeway it is reuse", patient, nil, []step{{0, "a", "b", good}, {10 * time.Second, "a", "c", reused}, {0, "b", "d", gone}}},
		{"when its successor was used, it is reuse at once", patient, nil, []step{
			{0, "a", "b", good}, {0, "b", "c", good}, {time.Second, "a", "d", reused}, {0, "c", "e", gone},
		}},
		{"the leeway is not for the one before the last", patient, nil, []step{
			{0, "a", "b", good}, {0, "b", "c", good}, {0, "b", "d", good}, {0, "a", "e", reused},
		}},
		{"its end", rotating, func(r *tenant.RefreshToken) { r.Expires = start.Add(time.Hour) }, []step{
			{time.Hour - time.Millisecond, "a", "b", good}, {time.Millisecond, "b", "c", gone},
		}},
		{"the end is that of the first of the chain", rotating, func(r *tenant.RefreshToken) { r.Expires = start.Add(time.Hour) }, []step{
			{50 * time.Minute, "a", "b", good}, {9 * time.Minute, "b", "c", good}, {time.Minute, "c", "d", gone},
		}},
		{"an expired token is not reuse", rotating, func(r *tenant.RefreshToken) { r.Expires = start.Add(time.Hour) }, []step{
			{time.Hour, "a", "b", gone}, {0, "a", "b", gone},
		}},
		{"unused for too long", rotating, func(r *tenant.RefreshToken) {
			r.IdleSpan, r.IdleEnds = time.Hour, start.Add(time.Hour)
		}, []step{{time.Hour, "a", "b", gone}}},
		{"used in time each time", rotating, func(r *tenant.RefreshToken) {
			r.IdleSpan, r.IdleEnds = time.Hour, start.Add(time.Hour)
		}, []step{{59 * time.Minute, "a", "b", good}, {59 * time.Minute, "b", "c", good}, {time.Hour, "c", "d", gone}}},
		{"used in time each time, without rotating", tenant.RefreshPolicy{}, func(r *tenant.RefreshToken) {
			r.IdleSpan, r.IdleEnds = time.Hour, start.Add(time.Hour)
		}, []step{{59 * time.Minute, "a", "", good}, {59 * time.Minute, "a", "", good}, {time.Hour, "a", "", gone}}},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				p := someone{fmt.Sprintf("+44770090%04d", i), "app"}
				name := func(token string) string { return fmt.Sprintf("%d %s", i, token) }
				c := p.completion(start, name("grant"), name("a"))
				if tt.change != nil {
					tt.change(c.Refresh)
				}
				user := mustComplete(t, s, c).User
				now := start
				for n, st := range tt.steps {
					now = now.Add(st.after)
					got := mustRefresh(t, s, renewal(now, name(st.use), name(st.next), tt.policy))
					if got.Outcome != st.want {
						t.Fatalf("step %d: using %q gave %v, want %v", n, st.use, got.Outcome, st.want)
					}
					if got.Outcome != good {
						continue
					}
					if g := got.Grant; g.ID != name("grant") || g.User != user.ID || g.Client != "app" || g.Audience != "api" || g.SessionID != "sid" || !g.AuthTime.Equal(start) {
						t.Errorf("step %d: the grant is %+v", n, g)
					}
					if got.User.ID != user.ID || got.User.Phone != p.number {
						t.Errorf("step %d: the user is %+v", n, got.User)
					}
				}
			})
		}
	})
}

// A token is the client's it was given to; it ends with its grant, and gives
// nothing while its user is blocked (OTP-10).
func TestUseRefreshOfOthers(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		user := mustComplete(t, s, someone{"+447700900123", "app"}.completion(start, "g", "a")).User
		policy := tenant.RefreshPolicy{Rotating: true}
		r := renewal(start, "a", "b", policy)
		r.Client = "other"
		if got := mustRefresh(t, s, r); got.Outcome != grant.UnknownToken {
			t.Errorf("another application's use gave %v", got.Outcome)
		}
		storetest.Exec(t, db, `UPDATE users SET blocked = TRUE`)
		if got := mustRefresh(t, s, renewal(start, "a", "c", policy)); got.Outcome != grant.UnknownToken {
			t.Errorf("a blocked user's use gave %v", got.Outcome)
		}
		if _, _, err := s.GrantUser(t.Context(), "g"); !fault.Has(err, fault.NotFound) {
			t.Errorf("GrantUser of a blocked user = %v, want NotFound", err)
		}
		if _, err := s.ActiveUser(t.Context(), user.ID); !fault.Has(err, fault.NotFound) {
			t.Errorf("ActiveUser of a blocked user = %v, want NotFound", err)
		}
		storetest.Exec(t, db, `UPDATE users SET blocked = FALSE`)
		if got := mustRefresh(t, s, renewal(start, "a", "d", policy)); got.Outcome != grant.Renewed {
			t.Errorf("after they were let in again the use gave %v, want Renewed", got.Outcome)
		}
		if g, u, err := s.GrantUser(t.Context(), "g"); err != nil || g.User != user.ID || u.ID != user.ID {
			t.Errorf("GrantUser = %+v, %+v, %v", g, u, err)
		}
		if _, _, err := s.GrantUser(t.Context(), "none"); !fault.Has(err, fault.NotFound) {
			t.Errorf("GrantUser of no grant = %v, want NotFound", err)
		}

		// Where rotating was switched off, what was replaced is reuse still.
		mustComplete(t, s, someone{"+447700900124", "app"}.completion(start, "h", "x"))
		mustRefresh(t, s, renewal(start, "x", "y", policy))
		if got := mustRefresh(t, s, renewal(start, "x", "z", tenant.RefreshPolicy{Leeway: time.Hour})); got.Outcome != grant.ReusedToken {
			t.Errorf("a replaced token gave %v where nothing rotates any more, want ReusedToken", got.Outcome)
		}

		// While the root key is changed, a token is known by its old digest.
		changing := renewal(start, "new key", "e", policy)
		changing.Digests = append(changing.Digests, []byte("d"))
		if got := mustRefresh(t, s, changing); got.Outcome != grant.Renewed {
			t.Errorf("a token of the key before gave %v, want Renewed", got.Outcome)
		}
	})
}

// RAC-05: of a hundred uses of one token at once, on two nodes, one makes the
// next; with no leeway the others end the chain, and with one they are let
// through, all in the same generation.
func TestRAC05UseRefreshAtOnce(t *testing.T) {
	for _, leeway := range []time.Duration{0, time.Minute} {
		t.Run(fmt.Sprint("leeway ", leeway), func(t *testing.T) {
			storetest.EachAt(t, func(t *testing.T, address string) {
				nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
				db := storetest.SQL(t, address)
				for round := range 3 {
					p := someone{fmt.Sprintf("+4477009001%02d", round), "app"}
					id := fmt.Sprint("g", round)
					mustComplete(t, nodes[0], p.completion(start, id, id))
					var mu sync.Mutex
					count := map[grant.RefreshOutcome]int{}
					var wg sync.WaitGroup
					for i := range 50 {
						wg.Go(func() {
							r := renewal(start.Add(time.Second), id, fmt.Sprint(id, " next ", i), tenant.RefreshPolicy{Rotating: true, Leeway: leeway})
							got, err := nodes[i%2].UseRefresh(t.Context(), r)
							if err != nil {
								t.Error(err)
							}
							mu.Lock()
							defer mu.Unlock()
							count[got.Outcome]++
						})
					}
					wg.Wait()
					children := storetest.Value(t, db, `SELECT COUNT(*) FROM refresh_tokens WHERE grant_id = $1 AND generation = 2`, id)
					later := storetest.Value(t, db, `SELECT COUNT(*) FROM refresh_tokens WHERE grant_id = $1 AND generation > 2`, id)
					revoked := storetest.Value(t, db, `SELECT COUNT(*) FROM grants WHERE id = $1 AND revoked_at > 0`, id)
					want := map[grant.RefreshOutcome]int{grant.Renewed: 1, grant.ReusedToken: 1, grant.UnknownToken: 48}
					wantRows := "1 0 1"
					if leeway > 0 {
						want, wantRows = map[grant.RefreshOutcome]int{grant.Renewed: 50}, "50 0 0"
					}
					for o, n := range want {
						if count[o] != n {
							t.Errorf("round %d: outcomes %v, want %v", round, count, want)
							break
						}
					}
					if got := children + " " + later + " " + revoked; got != wantRows {
						t.Errorf("round %d: children, later ones, revoked = %s, want %s", round, got, wantRows)
					}
				}
			})
		})
	}
}

// RAC-06: whatever was renewed while a revocation came, nothing of it lives
// after the revocation was answered.
func TestRAC06RevokeWhileRefreshing(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		for round := range 10 {
			id := fmt.Sprint("g", round)
			mustComplete(t, nodes[0], someone{fmt.Sprintf("+4477009001%02d", round), "app"}.completion(start, id, id))
			policy := tenant.RefreshPolicy{Rotating: true, Leeway: time.Minute}
			var wg sync.WaitGroup
			for i := range 8 {
				wg.Go(func() {
					if _, err := nodes[i%2].UseRefresh(t.Context(), renewal(start, id, fmt.Sprint(id, "/", i), policy)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Go(func() {
				user, err := nodes[1].RevokeTokens(t.Context(), grant.Revoke{Now: start, Digests: [][]byte{[]byte(id)}, Client: "app", Event: event.New(event.RefreshRevoked, start)})
				if err != nil || user == "" {
					t.Errorf("RevokeTokens = %q, %v", user, err)
				}
			})
			wg.Wait()
			for i := range 8 {
				if got := mustRefresh(t, nodes[0], renewal(start, fmt.Sprint(id, "/", i), fmt.Sprint(id, "//", i), policy)); got.Outcome != grant.UnknownToken {
					t.Errorf("round %d: descendant %d is %v after the revocation", round, i, got.Outcome)
				}
			}
		}
	})
}

// A use for another audience than the grant's costs the token nothing, also of a
// token that was replaced only just now.
func TestRefreshAudience(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for i, of := range []string{"api", ""} {
			p := someone{fmt.Sprintf("+4477009001%02d", i), "app"}
			c := p.completion(start, "grant "+p.number, "first "+p.number)
			c.Grant.Audience = of
			mustComplete(t, s, c)
			use := func(audience *string, digest, next string) grant.RefreshOutcome {
				r := renewal(start, digest+" "+p.number, next+" "+p.number, tenant.RefreshPolicy{Rotating: true, Leeway: time.Minute})
				r.Audience = audience
				return mustRefresh(t, s, r).Outcome
			}
			api, none, other := "api", "", "other"
			wrong := []*string{&other, &none}
			if of == "" {
				wrong = []*string{&other, &api}
			}
			for _, audience := range wrong {
				if got := use(audience, "first", "lost"); got != grant.OtherAudience {
					t.Errorf("of %q for %q: %v", of, *audience, got)
				}
			}
			if got := use(&of, "first", "second"); got != grant.Renewed {
				t.Errorf("of %q for it: %v", of, got)
			}
			if got := use(wrong[0], "first", "lost"); got != grant.OtherAudience {
				t.Errorf("of %q, replaced, for %q: %v", of, *wrong[0], got)
			}
			if got := use(nil, "first", "third"); got != grant.Renewed {
				t.Errorf("of %q, replaced, for any: %v", of, got)
			}
			if got := use(nil, "second", "fourth"); got != grant.Renewed {
				t.Errorf("of %q, for any: %v", of, got)
			}
		}
	})
}

// Revoking ends one grant, or all of the same user, application and audience.
func TestRevokeTokens(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		p := someone{"+447700900123", "app"}
		user := mustComplete(t, s, p.completion(start, "g1", "a")).User
		mustComplete(t, s, p.completion(start, "g2", "b"))
		elsewhere := p.completion(start, "g3", "c")
		elsewhere.Grant.Audience = "other api"
		mustComplete(t, s, elsewhere)
		mustComplete(t, s, someone{p.number, "other"}.completion(start, "g4", "d"))
		mustComplete(t, s, someone{"+447700900124", "app"}.completion(start, "g5", "e"))
		revoke := func(digest string, client tenant.ClientID, all bool) tenant.UserID {
			t.Helper()
			got, err := s.RevokeTokens(t.Context(), grant.Revoke{
				Now: start, Digests: [][]byte{[]byte(digest)}, Client: client, All: all, Event: event.New(event.RefreshRevoked, start),
			})
			if err != nil {
				t.Fatal(err)
			}
			return got
		}
		live := func() string {
			return storetest.Value(t, db, `SELECT COALESCE(MAX(CASE WHEN id = 'g1' THEN 1 END), 0) + COALESCE(MAX(CASE WHEN id = 'g2' THEN 2 END), 0)
				+ COALESCE(MAX(CASE WHEN id = 'g3' THEN 4 END), 0) + COALESCE(MAX(CASE WHEN id = 'g4' THEN 8 END), 0)
				+ COALESCE(MAX(CASE WHEN id = 'g5' THEN 16 END), 0) FROM grants WHERE revoked_at = 0`)
		}
		tests := []struct {
			name   string
			digest string
			client tenant.ClientID
			all    bool
			user   tenant.UserID
			live   string // sum of 1, 2, 4, 8 and 16 for the grants g1 to g5
		}{
			{"no such token", "x", "app", true, "", "31"},
			{"of another application", "a", "other", true, "", "31"},
			{"one", "a", "app", false, user.ID, "30"},
			{"the same again", "a", "app", false, "", "30"},
			{"the same again, with all", "a", "app", true, "", "30"},
			{"all of an audience", "b", "app", true, user.ID, "28"},
		}
		for _, tt := range tests {
			if got := revoke(tt.digest, tt.client, tt.all); got != tt.user || live() != tt.live {
				t.Errorf("%s: RevokeTokens = %q with %s live, want %q and %s", tt.name, got, live(), tt.user, tt.live)
			}
		}
		for _, tt := range []struct{ id, live string }{{"g4", "28"}, {"none", "28"}, {"g3", "24"}, {"g3", "24"}} {
			_, err := s.RevokeTokens(t.Context(), grant.Revoke{Now: start, Grant: tt.id, Client: "app", Event: event.New(event.RefreshRevoked, start)})
			if err != nil || live() != tt.live {
				t.Errorf("by the name %s: %v with %s live, want %s", tt.id, err, live(), tt.live)
			}
		}
		mustRefresh(t, s, renewal(start, "e", "f", tenant.RefreshPolicy{Rotating: true}))
		if revoke("e", "app", false) == "" || live() != "8" {
			t.Error("revoking by a token that was replaced does not end its chain")
		}
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM logs WHERE type = 'srrt' AND user_id <> ''`); n != "4" {
			t.Errorf("%s revocations are in the log, want 4", n)
		}
	})
}
