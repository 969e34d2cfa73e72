package storetest_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

// OAU-10: a user has at most 200 refresh tokens of one application; the oldest
// end, and those of others are left alone.
func TestOAU10AtMostSoManyRefreshTokens(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const number = "+447700900150"
		other := someone{number, "other"}
		mustComplete(t, s, other.completion(start, "other", "other"))
		p := someone{number, "app"}
		at := func(i int) time.Time { return start.Add(time.Duration(i) * time.Second) }
		mustComplete(t, s, p.completion(start, "without", ""))
		const more = 5
		for i := range tenant.MaxRefreshTokens + more {
			id := fmt.Sprintf("g%03d", i)
			mustComplete(t, s, p.completion(at(i), id, id))
		}
		now := at(1000)
		for i := range tenant.MaxRefreshTokens + more {
			want := grant.Renewed
			if i < more {
				want = grant.UnknownToken
			}
			digest := fmt.Sprintf("g%03d", i)
			if got := mustRefresh(t, s, renewal(now, digest, digest+"+", tenant.RefreshPolicy{Rotating: true})); got.Outcome != want {
				t.Errorf("token %d gives %v, want %v", i, got.Outcome, want)
			}
		}
		r := renewal(now, "other", "other+", tenant.RefreshPolicy{Rotating: true})
		r.Client = "other"
		if got := mustRefresh(t, s, r); got.Outcome != grant.Renewed {
			t.Errorf("the other application's token gives %v", got.Outcome)
		}
		if _, _, err := s.GrantUser(t.Context(), "without"); err != nil {
			t.Errorf("a grant without a refresh token ended: %v", err)
		}
	})
}

// OAU-23: a token that is bound to a key is good with that key only, and so is
// what replaces it. OAU-10: what is asked for another API leaves it as it is.
func TestRefreshTokenConditions(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		p := someone{"+447700900151", "app"}
		c := p.completion(start, "g", "a")
		c.Refresh.Key = "key"
		mustComplete(t, s, c)
		policy := tenant.RefreshPolicy{Rotating: true, Leeway: time.Minute}
		for i, step := range []struct {
			use, next, key, audience string
			want                     grant.RefreshOutcome
		}{
			{"a", "b", "", "", grant.UnknownToken},
			{"a", "b", "another", "", grant.UnknownToken},
			{"a", "b", "key", "other api", grant.OtherAudience},
			{"a", "b", "", "other api", grant.UnknownToken},
			{"a", "b", "key", "api", grant.Renewed},
			{"b", "c", "", "", grant.UnknownToken},
			{"a", "c", "key", "", grant.Renewed}, // within the leeway
			{"c", "d", "another", "", grant.UnknownToken},
			{"c", "d", "key", "", grant.Renewed},
			{"b", "e", "key", "", grant.Renewed},
			{"e", "f", "key", "", grant.Renewed},
			{"e", "g", "another", "", grant.ReusedToken}, // no leeway for somebody without the key
			{"f", "g", "key", "", grant.UnknownToken},
		} {
			r := renewal(start.Add(time.Duration(i)*time.Second), step.use, step.next, policy)
			r.Key = step.key
			if step.audience != "" {
				r.Audience = &step.audience
			}
			if got := mustRefresh(t, s, r); got.Outcome != step.want {
				t.Errorf("step %d: %v, want %v", i, got.Outcome, step.want)
			}
		}
	})
}
