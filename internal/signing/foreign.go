package signing

import (
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// MaxForeign is the size in bytes of the longest token of somebody else's that
// is read. They prove who an application is and need some hundred.
const MaxForeign = 8 << 10

// maxForeignHeader is the same for an encoded header. That of a DPoP proof has
// a public key in it.
const maxForeignHeader = 4 << 10

// TypDPoP is the type of a DPoP proof (RFC 9449 §4.2).
const TypDPoP = "dpop+jwt"

// AssertionAlgs are the algorithms that applications may sign their assertions
// with (RFC 7523). Auth0 has the first three. None is symmetric: what verifies
// must not be able to sign.
func AssertionAlgs() []string { return []string{"RS256", "RS384", "PS256", "ES256", "ES384"} }

// ProofAlgs are the algorithms of DPoP proofs. (Auth0: ES256 alone.)
func ProofAlgs() []string { return []string{"ES256", "RS256", "PS256"} }

// A Signed is a token that somebody else signed, taken apart. Nothing in it is
// to be believed before Verify.
type Signed struct {
	Alg    string
	Typ    string
	KeyID  string
	Key    *PublicKey // the key it brings itself: DPoP proofs only
	Claims Claims

	jws *jose.JSONWebSignature
}

// ParseAssertion takes an assertion apart (RFC 7523). A header that brings a
// key or points to one is refused (RFC 8725 §3.10): the key is the one that is
// kept for the application. The fault is ErrToken.
func ParseAssertion(token string) (Signed, error) {
	return parseForeign(token, AssertionAlgs(), false)
}

// ParseProof takes a DPoP proof apart (RFC 9449 §4.2). Its header must have the
// type of a proof and bring a public key. The fault is ErrToken.
func ParseProof(token string) (Signed, error) {
	return parseForeign(token, ProofAlgs(), true)
}

func parseForeign(token string, algs []string, proof bool) (Signed, error) {
	s, err := readForeign(token, algs, proof)
	if err != nil {
		return Signed{}, ErrToken.Because(err)
	}
	return s, nil
}

// readForeign reads a token with our own strict reader first: its size, its
// alphabet, and no name twice. What is left for the library is a token in one
// known form.
func readForeign(token string, algs []string, proof bool) (Signed, error) {
	if len(token) > MaxForeign || strings.Count(token[:min(len(token), MaxForeign)], ".") != 2 {
		return Signed{}, fmt.Errorf("%w: too long or not of three parts", ErrMalformed)
	}
	parts := strings.Split(token, ".")
	if len(parts[0]) > maxForeignHeader || parts[2] == "" {
		return Signed{}, fmt.Errorf("%w: header too long or no signature", ErrMalformed)
	}
	var plain [3][]byte
	for i, p := range parts {
		var err error
		if plain[i], err = decode(p); err != nil {
			return Signed{}, err
		}
	}
	var s Signed
	if err := s.readHeader(plain[0], proof); err != nil {
		return Signed{}, err
	}
	if !slices.Contains(algs, s.Alg) {
		return Signed{}, fmt.Errorf("%w: algorithm not allowed", ErrSignature)
	}
	members, err := object(plain[1])
	if err != nil {
		return Signed{}, fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	s.Claims = Claims{Alg: s.Alg, Typ: s.Typ, KeyID: s.KeyID, Payload: plain[1], members: members}
	s.jws, err = jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(s.Alg)})
	if err != nil {
		return Signed{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return s, nil
}

func (s *Signed) readHeader(header []byte, proof bool) error {
	members, err := object(header)
	if err != nil {
		return fmt.Errorf("%w: header: %w", ErrMalformed, err)
	}
	for _, m := range members {
		if m.name == "jwk" && proof {
			if s.Key, err = ParseJWK(m.value); err != nil {
				return err
			}
			continue
		}
		value, err := text(m.value)
		if err != nil {
			return fmt.Errorf("%w: header: %w", ErrMalformed, err)
		}
		switch m.name {
		case "alg":
			s.Alg = value
		case "typ":
			s.Typ = value
		case "kid":
			s.KeyID = value
		case "x5t", "x5t#S256": // names a certificate, brings none
		default:
			return fmt.Errorf("%w: %q in the header", ErrMalformed, m.name)
		}
	}
	if proof && (s.Typ != TypDPoP || s.Key == nil) {
		return ErrType
	}
	if !proof && s.Typ != "" && !strings.EqualFold(s.Typ, TypJWT) {
		return ErrType // one of our own types, or a proof (RFC 8725 §3.11)
	}
	return nil
}

// Verify checks the signature. The fault is ErrToken.
func (s Signed) Verify(k *PublicKey) error {
	if k == nil || !k.Takes(s.Alg) {
		return ErrToken.Because(fmt.Errorf("%w: the key is for another algorithm", ErrSignature))
	}
	if _, err := s.jws.Verify(k.key); err != nil {
		return ErrToken.Because(errors.Join(ErrSignature, err))
	}
	return nil
}

// Within reports whether the times of a token hold: not expired, not made more
// than Skew ahead of us, and not good for longer than most. An expiry is
// demanded. The fault is ErrToken.
func (s Signed) Within(now time.Time, most time.Duration) error {
	expires, ok := s.Claims.Time("exp")
	switch {
	case !ok:
		return ErrToken.Because(fmt.Errorf("%w: exp is required", ErrMalformed))
	case !now.Before(expires):
		return ErrToken.Because(ErrExpired)
	case expires.After(now.Add(most + Skew)):
		return ErrToken.Because(fmt.Errorf("%w: it is good for too long", ErrMalformed))
	}
	for _, name := range []string{"iat", "nbf"} {
		if !s.Claims.Has(name) {
			continue
		}
		at, ok := s.Claims.Time(name)
		if !ok {
			return ErrToken.Because(fmt.Errorf("%w: %s is not a time", ErrMalformed, name))
		}
		if at.After(now.Add(Skew)) {
			return ErrToken.Because(ErrEarly)
		}
	}
	return nil
}

// thumbprint names a public key by its content (RFC 7638).
func thumbprint(k *jose.JSONWebKey) (string, error) {
	sum, err := k.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("%w: key: %w", ErrMalformed, err)
	}
	return base64url(sum), nil
}

// ParseJWK reads a public key in JSON (RFC 7517 §4). Keys that are private,
// symmetric, too weak or too large to be checked cheaply are refused.
func ParseJWK(raw []byte) (*PublicKey, error) {
	members, err := object(raw)
	if err != nil {
		return nil, fmt.Errorf("%w: key: %w", ErrMalformed, err)
	}
	for _, m := range members {
		switch m.name {
		case "d", "p", "q", "dp", "dq", "qi", "oth", "k":
			return nil, fmt.Errorf("%w: the key is not a public one", ErrMalformed)
		case "x5u", "x5c", "jku":
			return nil, fmt.Errorf("%w: the key points elsewhere", ErrMalformed)
		}
	}
	var k jose.JSONWebKey
	if err := json.Unmarshal(raw, &k); err != nil || !k.Valid() || !k.IsPublic() {
		return nil, fmt.Errorf("%w: not a public key", ErrMalformed)
	}
	return newPublicKey(k.Key)
}
