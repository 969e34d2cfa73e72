package passwordless

import (
	"bytes"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/secret"
)

// ML-01: of a hundred thousand links each has 256 bits of its own, which are not
// those of another key, in characters that an address needs no escapes for.
func TestML01LinkTokens(t *testing.T) {
	var rings [2]*secret.Ring
	for i := range rings {
		var err error
		if rings[i], err = secret.NewRing(bytes.Repeat([]byte{byte(i + 1)}, secret.RootSize)); err != nil {
			t.Fatal(err)
		}
	}
	const links = 100_000
	seen := make(map[string]bool, 2*links)
	now := time.Now()
	for range links {
		id := event.NewMessageID(now)
		for _, keys := range rings {
			token := linkToken(keys, id)
			before, proof, ok := strings.Cut(token, ".")
			raw, err := base64.RawURLEncoding.DecodeString(proof)
			if !ok || before != id || err != nil || len(raw) != 32 || url.QueryEscape(token) != token || len(token) > maxLink {
				t.Fatalf("link %q", token)
			}
			seen[proof] = true
		}
	}
	if len(seen) != 2*links {
		t.Errorf("%d of %d links have the proof of another", 2*links-len(seen), 2*links)
	}
}
