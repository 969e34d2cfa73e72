package storetest_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func signingKey(id, alg string, state tenant.KeyState) tenant.SigningKey {
	k := tenant.SigningKey{ID: id, Alg: alg, State: state, Private: []byte("sealed " + id), Cert: []byte("cert " + id), CreatedAt: start}
	if state == tenant.KeyCurrent {
		k.ActiveAt = start
	}
	return k
}

// states describes the keys: "RS256 a current, RS256 b next".
func states(t *testing.T, s *store.Store) string {
	t.Helper()
	keys, err := s.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, k := range keys {
		all = append(all, fmt.Sprintf("%s %s %s", k.Alg, k.ID, k.State))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// TOK-08: a pair of keys for each algorithm; rotating moves each one on, and
// revoking ends one.
func TestSigningKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		a := signingKey("a", "RS256", tenant.KeyCurrent)
		if err := s.AddSigningKeys(ctx, []tenant.SigningKey{a, signingKey("b", "RS256", tenant.KeyNext), signingKey("e", "ES256", tenant.KeyCurrent), signingKey("f", "ES256", tenant.KeyNext)}); err != nil {
			t.Fatal(err)
		}
		keys, err := s.SigningKeys(ctx)
		if err != nil || len(keys) != 4 {
			t.Fatalf("SigningKeys = %v, %v", keys, err)
		}
		if k := keys[0]; k.ID != "a" || string(k.Private) != "sealed a" || string(k.Cert) != "cert a" || !k.CreatedAt.Equal(start) || !k.ActiveAt.Equal(start) || !k.RevokedAt.IsZero() {
			t.Errorf("a key came back as %+v, want %+v", k, a)
		}
		if err := s.AddSigningKeys(ctx, []tenant.SigningKey{signingKey("x", "RS256", tenant.KeyCurrent), signingKey("y", "RS256", tenant.KeyNext)}); err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			name string
			do   func() error
			kind fault.Kind
			want string
		}{
			{
				"a second pair is left out", func() error { return nil }, 0,
				"ES256 e current, ES256 f next, RS256 a current, RS256 b next",
			},
			{"rotating", func() error {
				return s.RotateSigningKeys(ctx, "RS256", "a", signingKey("c", "RS256", tenant.KeyNext), start.Add(time.Hour))
			}, 0, "ES256 e current, ES256 f next, RS256 a previous, RS256 b current, RS256 c next"},
			{"rotating from a key that is not current", func() error {
				return s.RotateSigningKeys(ctx, "RS256", "a", signingKey("d", "RS256", tenant.KeyNext), start)
			}, fault.Conflict, "ES256 e current, ES256 f next, RS256 a previous, RS256 b current, RS256 c next"},
			{"rotating from a key of the other algorithm", func() error {
				return s.RotateSigningKeys(ctx, "RS256", "e", signingKey("d", "RS256", tenant.KeyNext), start)
			}, fault.Conflict, "ES256 e current, ES256 f next, RS256 a previous, RS256 b current, RS256 c next"},
			{
				"revoking", func() error { return s.RevokeSigningKey(ctx, "a", start.Add(2*time.Hour)) }, 0,
				"ES256 e current, ES256 f next, RS256 a revoked, RS256 b current, RS256 c next",
			},
			{
				"revoking what is revoked", func() error { return s.RevokeSigningKey(ctx, "a", start) }, fault.NotFound,
				"ES256 e current, ES256 f next, RS256 a revoked, RS256 b current, RS256 c next",
			},
			{
				"revoking no key", func() error { return s.RevokeSigningKey(ctx, "none", start) }, fault.NotFound,
				"ES256 e current, ES256 f next, RS256 a revoked, RS256 b current, RS256 c next",
			},
		}
		for _, st := range steps {
			err := st.do()
			if (err != nil) != (st.kind != 0) || err != nil && !fault.Has(err, st.kind) {
				t.Errorf("%s: %v, want kind %v", st.name, err, st.kind)
			}
			if got := states(t, s); got != st.want {
				t.Errorf("%s leaves\n%s, want\n%s", st.name, got, st.want)
			}
		}
		keys, err = s.SigningKeys(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range keys {
			if k.ID == "b" && !k.ActiveAt.Equal(start.Add(time.Hour)) || k.ID == "a" && !k.RevokedAt.Equal(start.Add(2*time.Hour)) {
				t.Errorf("%+v: the moment is wrong", k)
			}
		}
	})
}

// Of several processes that make the first keys, or rotate, at once, one does.
func TestSigningKeysAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		nodes := []*store.Store{storetest.Open(t, address), storetest.Open(t, address)}
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				c, n := fmt.Sprint(i, " current"), fmt.Sprint(i, " next")
				if err := nodes[i%2].AddSigningKeys(t.Context(), []tenant.SigningKey{signingKey(c, "RS256", tenant.KeyCurrent), signingKey(n, "RS256", tenant.KeyNext)}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		keys, err := nodes[0].SigningKeys(t.Context())
		if err != nil || len(keys) != 2 || keys[0].ID[:1] != keys[1].ID[:1] {
			t.Fatalf("the keys are %s, %v, want the two of one process", states(t, nodes[0]), err)
		}
		current := keys[0].ID
		if keys[0].State != tenant.KeyCurrent {
			current = keys[1].ID
		}
		var rotated atomic.Int32
		for i := range 10 {
			wg.Go(func() {
				err := nodes[i%2].RotateSigningKeys(t.Context(), "RS256", current, signingKey(fmt.Sprint("new ", i), "RS256", tenant.KeyNext), start)
				switch {
				case err == nil:
					rotated.Add(1)
				case !fault.Has(err, fault.Conflict):
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if rotated.Load() != 1 {
			t.Errorf("the keys were rotated %d times: %s", rotated.Load(), states(t, nodes[0]))
		}
	})
}

// RAC-10: a change in one process is seen by another at its next Refresh, and
// only then is anything read again.
func TestRAC10RefreshSeesChanges(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		here, there := storetest.Open(t, address), storetest.Open(t, address)
		seen := func(want bool) {
			t.Helper()
			got, err := there.Refresh(t.Context())
			if err != nil || got != want {
				t.Errorf("Refresh = %v, %v, want %v", got, err, want)
			}
		}
		seen(true) // the first look
		seen(false)
		if err := here.AddSigningKeys(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
		seen(true)
		seen(false)
	})
}
