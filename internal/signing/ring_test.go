package signing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// memory is a Store as the port describes it.
type memory struct {
	mu    sync.Mutex
	keys  []tenant.SigningKey
	reads int
	fail  error
}

func (m *memory) SigningKeys(context.Context) ([]tenant.SigningKey, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	return slices.Clone(m.keys), m.fail
}

func (m *memory) AddSigningKeys(_ context.Context, keys []tenant.SigningKey) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := slices.Clone(m.keys)
	for _, k := range keys {
		if !slices.ContainsFunc(before, func(o tenant.SigningKey) bool { return o.Alg == k.Alg }) {
			m.keys = append(m.keys, k)
		}
	}
	return nil
}

func (m *memory) RotateSigningKeys(_ context.Context, alg, expect string, next tenant.SigningKey, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.Alg == alg && k.State == tenant.KeyCurrent && k.ID != expect {
			return fault.New(fault.Conflict, "conflict", "rotated by another")
		}
	}
	for i := range m.keys {
		switch k := &m.keys[i]; {
		case k.Alg != alg:
		case k.State == tenant.KeyCurrent:
			k.State = tenant.KeyPrevious
		case k.State == tenant.KeyNext:
			k.State, k.ActiveAt = tenant.KeyCurrent, now
		}
	}
	m.keys = append(m.keys, next)
	return nil
}

func (m *memory) RevokeSigningKey(_ context.Context, kid string, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if m.keys[i].ID == kid {
			m.keys[i].State, m.keys[i].RevokedAt = tenant.KeyRevoked, now
			return nil
		}
	}
	return fault.New(fault.NotFound, "not_found", "no key")
}

const (
	testIssuer = "https://login.example.com/"
	testSecret = "the secret of an application, long"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// madeKeys are one set of keys for all tests: making RSA keys is slow.
var madeKeys = sync.OnceValue(func() []tenant.SigningKey {
	m := &memory{}
	r := &Ring{Store: m, Secrets: testSecrets(), Now: func() time.Time { return testNow }, Name: "login.example.com"}
	if err := r.Load(context.Background()); err != nil {
		panic(err)
	}
	return m.keys
})

func testSecrets() *secret.Ring {
	s, err := secret.NewRing(bytes.Repeat([]byte{7}, secret.RootSize))
	if err != nil {
		panic(err)
	}
	return s
}

func newRing(t testing.TB) (*Ring, *memory) {
	t.Helper()
	m := &memory{keys: slices.Clone(madeKeys())}
	r := &Ring{Store: m, Secrets: testSecrets(), Now: func() time.Time { return testNow }, Name: "login.example.com"}
	if err := r.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r, m
}

func testClaims() []byte {
	return fmt.Appendf(nil, `{"iss":%q,"sub":"sms|1","aud":"api","iat":%d,"exp":%d}`,
		testIssuer, testNow.Unix(), testNow.Add(time.Hour).Unix())
}

func testWant() VerifyOptions {
	return VerifyOptions{Issuer: testIssuer, Audience: []string{"api"}, Typ: []string{TypJWT}}
}

func mustSign(t testing.TB, r *Ring, alg string) string {
	t.Helper()
	token, err := r.Sign(t.Context(), Draft{Alg: alg, Typ: TypJWT, Claims: testClaims(), Secret: []byte(testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestFirstStart(t *testing.T) {
	t.Run("two processes at once end up with one set of keys", func(t *testing.T) {
		m := &memory{}
		rings := [2]*Ring{}
		var wg sync.WaitGroup
		for i := range rings {
			rings[i] = &Ring{Store: m, Secrets: testSecrets(), Now: time.Now, Name: "a"}
			wg.Go(func() {
				if err := rings[i].Load(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(m.keys) != 4 {
			t.Fatalf("%d keys are stored, want 4", len(m.keys))
		}
		if !bytes.Equal(rings[0].JWKS(), rings[1].JWKS()) {
			t.Error("the two processes publish different keys")
		}
	})
	t.Run("a database without ES256 keys gets them", func(t *testing.T) {
		m := &memory{keys: slices.DeleteFunc(slices.Clone(madeKeys()), func(k tenant.SigningKey) bool { return k.Alg == ES256 })}
		r := &Ring{Store: m, Secrets: testSecrets(), Now: time.Now, Name: "a"}
		if err := r.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(m.keys) != 4 {
			t.Errorf("%d keys are stored, want 4", len(m.keys))
		}
	})
	t.Run("private keys are sealed and open under no other id", func(t *testing.T) {
		keys := slices.Clone(madeKeys())
		for _, k := range keys {
			if bytes.Contains(k.Private, []byte{0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7}) {
				t.Error("a stored private key shows its structure")
			}
		}
		i := slices.IndexFunc(keys, func(k tenant.SigningKey) bool { return k.State == tenant.KeyCurrent })
		keys[i].ID = "another"
		r := &Ring{Store: &memory{keys: keys}, Secrets: testSecrets(), Now: time.Now}
		if err := r.Load(t.Context()); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("Load = %v, want ErrSealed", err)
		}
	})
	t.Run("another root key is told apart", func(t *testing.T) {
		other, _ := secret.NewRing(bytes.Repeat([]byte{8}, secret.RootSize))
		r := &Ring{Store: &memory{keys: madeKeys()}, Secrets: other, Now: time.Now}
		if err := r.Load(t.Context()); !errors.Is(err, secret.ErrSealed) {
			t.Errorf("Load = %v, want ErrSealed", err)
		}
	})
	t.Run("a certificate of another key is refused", func(t *testing.T) {
		keys := slices.Clone(madeKeys())
		keys[0].Cert, keys[1].Cert = keys[1].Cert, keys[0].Cert
		r := &Ring{Store: &memory{keys: keys}, Secrets: testSecrets(), Now: time.Now}
		if err := r.Load(t.Context()); err == nil {
			t.Error("Load took keys with swapped certificates")
		}
	})
}

// TOK-08, TOK-09.
func TestRotate(t *testing.T) {
	r, m := newRing(t)
	now := testNow
	r.Now = func() time.Time { return now }
	other := &Ring{Store: m, Secrets: testSecrets(), Now: r.Now}
	if err := other.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{RS256, ES256} {
		t.Run("old and new "+alg+" tokens verify through rotations, in both processes", func(t *testing.T) {
			now = testNow // when the keys of both were made
			tokens := []string{mustSign(t, r, alg)}
			for range 3 {
				next := r.Published()[slices.IndexFunc(r.Published(), func(k Key) bool { return k.Alg == alg && k.State == tenant.KeyNext })]
				now = now.Add(PublishedFirst)
				k, err := r.Rotate(t.Context(), alg)
				if err != nil {
					t.Fatal(err)
				}
				if k.ID != next.ID {
					t.Errorf("Rotate made %s current, want the next key %s", k.ID, next.ID)
				}
				tokens = append(tokens, mustSign(t, r, alg))
			}
			for i, token := range tokens {
				for _, ring := range []*Ring{r, other} {
					ring.lastMiss = time.Time{}
					if _, err := ring.Verify(t.Context(), token, testWant()); err != nil {
						t.Errorf("token %d: %v", i, err)
					}
				}
			}
		})
	}
	t.Run("PS256 tokens verify through rotations of the RSA keys, until their key is revoked", func(t *testing.T) {
		token := mustSign(t, r, PS256)
		before := r.keys.Load().current[RS256].id
		now = now.Add(PublishedFirst)
		if _, err := r.Rotate(t.Context(), RS256); err != nil {
			t.Fatal(err)
		}
		after := mustSign(t, r, PS256)
		for i, token := range []string{token, after} {
			for _, ring := range []*Ring{r, other} {
				ring.lastMiss = time.Time{}
				if _, err := ring.Verify(t.Context(), token, testWant()); err != nil {
					t.Errorf("token %d: %v", i, err)
				}
			}
		}
		if _, err := r.Revoke(t.Context(), before); err != nil {
			t.Fatal(err)
		}
		if _, err := r.Verify(t.Context(), token, testWant()); !errors.Is(err, ErrSignature) {
			t.Errorf("after its key was revoked: %v, want ErrSignature", err)
		}
		if _, err := r.Verify(t.Context(), after, testWant()); err != nil {
			t.Errorf("by the key after it: %v", err)
		}
		if bytes.Contains(r.JWKS(), []byte(before)) {
			t.Error("the revoked key is still published")
		}
	})
	t.Run("a key that has not been published for long does not sign, but in an emergency", func(t *testing.T) {
		signs := r.keys.Load().current[RS256].id
		now = now.Add(PublishedFirst)
		if _, err := r.Rotate(t.Context(), RS256); err != nil {
			t.Fatal(err)
		}
		made, first := now, r.keys.Load().current[RS256].id
		if first == signs {
			t.Fatal("nothing was rotated")
		}
		for _, after := range []time.Duration{0, CacheLife, 2 * CacheLife, PublishedFirst - time.Millisecond} {
			now = made.Add(after)
			_, err := r.Rotate(t.Context(), RS256)
			f := fault.Of(err)
			if f.Kind != fault.Unavailable || f.RetryAfter != PublishedFirst-after || !strings.Contains(f.Message, made.Add(PublishedFirst).UTC().Format(time.RFC3339)) {
				t.Errorf("after %v: %v, wait %v", after, err, f.RetryAfter)
			}
			if got := r.keys.Load().current[RS256].id; got != first {
				t.Errorf("after %v: %s signs", after, got)
			}
		}
		k, err := r.RotateNow(t.Context(), RS256)
		if err != nil || k.ID == first {
			t.Errorf("RotateNow = %v, %v", k.ID, err)
		}
	})
	t.Run("a process that missed a rotation cannot rotate over it", func(t *testing.T) {
		err := m.RotateSigningKeys(t.Context(), RS256, "gone", tenant.SigningKey{}, testNow)
		if !fault.Has(err, fault.Conflict) {
			t.Errorf("got %v, want Conflict", err)
		}
	})
	t.Run("no other algorithm has keys", func(t *testing.T) {
		if _, err := r.Rotate(t.Context(), HS256); !fault.Has(err, fault.Invalid) {
			t.Errorf("got %v, want Invalid", err)
		}
	})
}

func TestRevoke(t *testing.T) {
	r, _ := newRing(t)
	token := mustSign(t, r, ES256)
	c, err := r.Verify(t.Context(), token, testWant())
	if err != nil {
		t.Fatal(err)
	}
	t.Run("a key in use is not revoked", func(t *testing.T) {
		for _, k := range r.Published() {
			if _, err := r.Revoke(t.Context(), k.ID); !errors.Is(err, ErrInUse) {
				t.Errorf("revoking the %s key: %v, want ErrInUse", k.State, err)
			}
		}
	})
	t.Run("an unknown key is not found", func(t *testing.T) {
		if _, err := r.Revoke(t.Context(), "nope"); !errors.Is(err, ErrNoKey) {
			t.Errorf("got %v, want ErrNoKey", err)
		}
	})
	t.Run("after it nothing the key signed is valid", func(t *testing.T) {
		if _, err := r.RotateNow(t.Context(), ES256); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time changes nothing
			k, err := r.Revoke(t.Context(), c.KeyID)
			if err != nil || k.State != tenant.KeyRevoked || k.RevokedAt.IsZero() {
				t.Fatalf("Revoke = %+v, %v", k, err)
			}
		}
		if _, err := r.Verify(t.Context(), token, testWant()); !errors.Is(err, ErrSignature) {
			t.Errorf("Verify = %v, want ErrSignature", err)
		}
		if bytes.Contains(r.JWKS(), []byte(c.KeyID)) {
			t.Error("the revoked key is still published")
		}
	})
}

func TestUnknownKeys(t *testing.T) {
	r, m := newRing(t)
	now := testNow
	r.Now = func() time.Time { return now }
	token := forge(t, r, forgery{kid: "unknown"})
	before := m.reads
	for range 1000 {
		if _, err := r.Verify(t.Context(), token, testWant()); !errors.Is(err, ErrSignature) {
			t.Fatalf("Verify = %v, want ErrSignature", err)
		}
	}
	if n := m.reads - before; n != 1 {
		t.Errorf("1000 tokens of an unknown key read the store %d times, want once", n)
	}
	t.Run("a store that fails is not the token's fault", func(t *testing.T) {
		now = now.Add(2 * time.Second)
		m.fail = errors.New("disk on fire")
		if _, err := r.Verify(t.Context(), token, testWant()); !fault.Has(err, fault.Internal) {
			t.Errorf("Verify = %v, want an Internal fault", err)
		}
	})
}

func TestJWKS(t *testing.T) {
	r, _ := newRing(t)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 6 {
		t.Fatalf("%d keys are published, want current and next of three algorithms", len(set.Keys))
	}
	t.Run("go-jose reads the keys and their certificates", func(t *testing.T) {
		for _, k := range set.Keys {
			if !k.Valid() || !k.IsPublic() || k.Use != "sig" || len(k.Certificates) != 1 {
				t.Errorf("key %s is not as it should be: %+v", k.KeyID, k)
			}
		}
	})
	t.Run("each has an id of its own, and those for PS256 come last", func(t *testing.T) {
		ids := map[string]bool{}
		for i, k := range set.Keys {
			ids[k.KeyID] = true
			if (k.Algorithm == PS256) != (i >= 4) {
				t.Errorf("key %d is for %s", i+1, k.Algorithm)
			}
		}
		if len(ids) != len(set.Keys) {
			t.Errorf("%d ids of %d keys", len(ids), len(set.Keys))
		}
	})
	t.Run("members are those of Auth0, and none is private", func(t *testing.T) {
		var doc struct{ Keys []map[string]any }
		if err := json.Unmarshal(r.JWKS(), &doc); err != nil {
			t.Fatal(err)
		}
		want := map[string][]string{
			"RSA": {"kty", "use", "n", "e", "kid", "x5t", "x5c", "alg"},
			"EC":  {"kty", "use", "crv", "x", "y", "kid", "x5t", "x5c", "alg"},
		}
		for _, k := range doc.Keys {
			names := want[k["kty"].(string)]
			if len(k) != len(names) {
				t.Errorf("key has %d members, want %v", len(k), names)
			}
			for _, n := range names {
				if k[n] == nil {
					t.Errorf("key lacks %q", n)
				}
			}
		}
		if doc.Keys[0]["alg"] != RS256 {
			t.Error("the first key is not the current RS256 key")
		}
	})
}
