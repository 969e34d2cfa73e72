package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/testkit/jwttest"
)

// testForeign are the claims of an assertion and of a proof together.
func testForeign() map[string]any {
	now := testNow.Unix()
	return map[string]any{
		"iss": "app", "sub": "app", "aud": testIssuer, "iat": now, "exp": now + 60, "jti": "1",
		"htm": "POST", "htu": testIssuer + "oauth/token",
	}
}

// TOK-01: no hostile assertion and no hostile proof is taken, though its
// signature may be right, and what they are made of is good.
func TestTOK01ForeignTokens(t *testing.T) {
	for _, key := range []*jwttest.Key{jwttest.RSA(t), jwttest.EC(t)} {
		public, err := ParsePEM(key.PEM(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name   string
			header map[string]any
			parse  func(string) (Signed, error)
			key    func(Signed) *PublicKey
		}{
			{"assertion", map[string]any{"kid": "1", "typ": "JWT"}, ParseAssertion, func(Signed) *PublicKey { return public }},
			{"bare assertion", nil, ParseAssertion, func(Signed) *PublicKey { return public }},
			{"proof", map[string]any{"typ": TypDPoP, "jwk": key.JWK()}, ParseProof, func(s Signed) *PublicKey { return s.Key }},
		} {
			take := func(token string) error {
				s, err := c.parse(token)
				if err != nil {
					return err
				}
				return s.Verify(c.key(s))
			}
			good := key.Sign(t, c.header, testForeign())
			if err := take(good); err != nil {
				t.Fatalf("%s %s, the good one: %v", key.Alg, c.name, err)
			}
			list := jwttest.HostileTokens(t, good, key, key.PEM(t), strings.TrimSpace(key.PEM(t)))
			if len(list) < 160 {
				t.Errorf("only %d hostile tokens", len(list))
			}
			for _, h := range list {
				t.Run(fmt.Sprintf("TOK-01 %s %s %s", key.Alg, c.name, h.Name), func(t *testing.T) {
					if err := take(h.Token); !errors.Is(err, ErrToken) {
						t.Errorf("%v, want a refusal of %.300q", err, h.Token)
					}
				})
			}
		}
	}
}

// TOK-01: whoever can sign in any way may do so in these alone. The signatures
// are right, and by somebody else's library.
func TestTOK01ForeignAlgorithms(t *testing.T) {
	assertions := []string{"RS256", "RS384", "PS256", "ES256", "ES384"}
	proofs := []string{"ES256", "RS256", "PS256"}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claims, err := json.Marshal(testForeign())
	if err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"} {
		var key crypto.Signer = rsaKey
		if curve := map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()}[alg]; curve != nil {
			if key, err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
				t.Fatal(err)
			}
		}
		sign := func(o *jose.SignerOptions) string {
			signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, o)
			if err != nil {
				t.Fatal(err)
			}
			jws, err := signer.Sign(claims)
			if err != nil {
				t.Fatal(err)
			}
			token, err := jws.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			return token
		}
		s, err := ParseAssertion(sign(nil))
		if err == nil {
			err = s.Verify(&PublicKey{key: key.Public()})
		}
		if (err == nil) != slices.Contains(assertions, alg) {
			t.Errorf("an assertion by %s: %v", alg, err)
		}
		s, err = ParseProof(sign((&jose.SignerOptions{EmbedJWK: true}).WithType(TypDPoP)))
		if err == nil {
			err = s.Verify(s.Key)
		}
		if (err == nil) != slices.Contains(proofs, alg) {
			t.Errorf("a proof by %s: %v", alg, err)
		}
	}
}
