package authapi_test

import (
	"encoding/json"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// keyID is the key that a token names.
func keyID(t testing.TB, token string) string {
	t.Helper()
	var header struct{ Kid string }
	if err := json.Unmarshal(jwttest.Decode(t, strings.Split(token, ".")[0]), &header); err != nil {
		t.Fatal(err)
	}
	return header.Kid
}

// TOK-08: whoever has read the keys before a rotation knows the key that signs
// after it; what older keys signed stays good until they are revoked, and not a
// moment longer.
func TestTOK08RotationUnderLoad(t *testing.T) {
	w := newWorld(t)
	known := func() map[string]bool {
		_, _, body := w.Do(t, "GET", "/.well-known/jwks.json", "")
		var doc struct{ Keys []struct{ Kid string } }
		if err := json.Unmarshal([]byte(body), &doc); err != nil {
			t.Fatal(err)
		}
		ids := map[string]bool{}
		for _, k := range doc.Keys {
			ids[k.Kid] = true
		}
		return ids
	}
	first := w.admin
	var cached atomic.Pointer[map[string]bool] // what a verifier has read
	remember := func() { k := known(); cached.Store(&k) }
	remember()
	// Held while a verifier reads the keys anew, which it does between rotations
	// and not during one.
	var reading sync.RWMutex
	stop := make(chan struct{})
	var issued, signers sync.Map
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				reading.RLock()
				token := w.machineToken()
				kid := keyID(t, token)
				if !(*cached.Load())[kid] {
					t.Errorf("a token is signed by %s, which was not published before", kid)
				}
				reading.RUnlock()
				issued.Store(token, true)
				signers.Store(kid, true)
				if status, _, body := w.Do(t, "GET", "/api/v2/roles", "", "Authorization", "Bearer "+token); status != 200 {
					t.Errorf("a token is refused: %d %s", status, body)
				}
			}
		})
	}
	for range 10 {
		w.Clock.Advance(signing.PublishedFirst)
		if _, err := w.Keys.Rotate(t.Context(), "RS256"); err != nil {
			t.Error(err)
		}
		w.machineToken()
		reading.Lock()
		remember()
		reading.Unlock()
	}
	close(stop)
	wg.Wait()
	n := 0
	issued.Range(func(token, _ any) bool {
		n++
		if status, _, body := w.Do(t, "GET", "/api/v2/roles", "", "Authorization", "Bearer "+token.(string)); status != 200 {
			t.Errorf("an older token is refused: %d %s", status, body)
		}
		return n < 50
	})
	different := 0
	signers.Range(func(_, _ any) bool { different++; return true })
	if n == 0 || different < 2 {
		t.Errorf("%d tokens by %d keys: nothing was rotated under load", n, different)
	}
	if !known()[keyID(t, first)] {
		t.Error("the first key is not published any more, though its tokens live")
	}
	if _, err := w.Keys.Revoke(t.Context(), keyID(t, first)); err != nil {
		t.Fatal(err)
	}
	if known()[keyID(t, first)] {
		t.Error("a revoked key is published")
	}
	if status, _, _ := w.Do(t, "GET", "/api/v2/roles", "", "Authorization", "Bearer "+first); status != 401 {
		t.Errorf("what a revoked key signed is taken: %d", status)
	}
}
