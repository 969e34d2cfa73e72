package grant

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/testkit/jwttest"
	"github.com/doorcode/doorcode/internal/token"
)

// once keeps names as the store does: until their time, and no longer.
type once struct {
	Ledger
	until map[string]time.Time
}

func (o once) UseOnce(_ context.Context, now, expires time.Time, name ...string) (bool, error) {
	key := strings.Join(name, " ")
	if end, ok := o.until[key]; ok && end.After(now) {
		return false, nil
	}
	o.until[key] = expires
	return true, nil
}

// OAU-23: a proof is used once for as long as it is good, also one from a clock
// that is ahead of ours, and also at the last moment.
func TestOAU23ReplayAtTheEnd(t *testing.T) {
	keys, err := secret.NewRing(bytes.Repeat([]byte{7}, secret.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 29, 1, 59, 0, 0, time.UTC)
	s := &Service{
		Ledger: once{until: map[string]time.Time{}}, Tokens: &token.Issuer{Secrets: keys}, Now: func() time.Time { return now },
	}
	const address = "https://id.example.com/oauth/token"
	key := jwttest.EC(t)
	p := Proof{Method: "POST", URL: address, Text: key.Sign(t,
		map[string]any{"typ": "dpop+jwt", "jwk": key.JWK()},
		map[string]any{"htm": "POST", "htu": address, "jti": "1", "iat": now.Add(signing.Skew).Unix()})}
	if got, err := s.prove(t.Context(), p, ""); err != nil || got == "" {
		t.Fatal(got, err)
	}
	for _, later := range []time.Duration{0, signing.Skew, signing.Skew, time.Millisecond} {
		now = now.Add(later)
		if got, err := s.prove(t.Context(), p, ""); !errors.Is(err, ErrProof) {
			t.Errorf("at %v it is taken again: %q, %v", now, got, err)
		}
	}
}
