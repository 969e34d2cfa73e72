package token

import (
	"math"
	"testing"

	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// bits is Shannon's measure of one text times its length, by which the OpenID
// conformance suite judges secrets.
func bits(text string) float64 {
	counts := map[rune]float64{}
	for _, c := range text {
		counts[c]++
	}
	sum := 0.0
	for _, n := range counts {
		p := n / float64(len(text))
		sum -= p * math.Log2(p)
	}
	return sum * float64(len(text))
}

// TOK-07: of ten thousand of each, all authorization codes, refresh tokens and
// cookies of sessions measure 128 bits or more and are long enough for them, and
// none comes twice.
func TestTOK07Entropy(t *testing.T) {
	i := newIssuer()
	for name, secret := range map[string]func() string{
		"authorization code": func() string { code, _ := i.NewCode(); return code },
		"refresh token":      func() string { token, _ := i.NewRefresh(); return token },
		"session's cookie": func() string {
			_, cookie := session.New(tenant.SessionPolicy{}, session.Proof{Now: testNow})
			return cookie
		},
		"session's id": func() string {
			s, _ := session.New(tenant.SessionPolicy{}, session.Proof{Now: testNow})
			return s.ID
		},
	} {
		seen, least := map[string]bool{}, math.Inf(1)
		for range 10_000 {
			text := secret()
			seen[text] = true
			least = min(least, bits(text), float64(len(text))*6) // base64url holds six bits in a character
		}
		if len(seen) != 10_000 {
			t.Errorf("of 10,000, %d are a different %s", len(seen), name)
		}
		want := 128.0
		if name == "session's id" {
			want = 96 // it opens nothing: tokens name it
		}
		if least < want {
			t.Errorf("a %s measures %.0f bits, want %.0f", name, least, want)
		}
		t.Logf("the least of a %s: %.0f bits", name, least)
	}
}
