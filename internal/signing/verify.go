package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// Skew is how far ahead of ours the clock may have been that a token was signed
// by. Expiry has no allowance: both ends of it are our own.
const Skew = 60 * time.Second

// ErrToken is the fault of every token that is refused. Why is its cause, for
// the log and for callers that answer an expired token differently.
var ErrToken = fault.New(fault.Denied, "invalid_token", "Invalid token")

// The reasons a token is refused. Test for them with errors.Is.
var (
	ErrMalformed = errors.New("not a token of ours")
	ErrSignature = errors.New("the signature does not hold")
	ErrExpired   = errors.New("the token has expired")
	ErrEarly     = errors.New("the token is not valid yet")
	ErrIssuer    = errors.New("the token is from another issuer")
	ErrAudience  = errors.New("the token is for another audience")
	ErrType      = errors.New("the token is of another type")
)

var errUnknownKey = fmt.Errorf("%w: its key is not known", ErrSignature)

// VerifyOptions say what a token must be. Everything but Secret and Expired has
// to be filled in, or nothing is accepted.
type VerifyOptions struct {
	Issuer   string
	Audience []string // one of these has to be in "aud"
	Typ      []string // one of these has to be the header's "typ"

	// Secret, when set, takes tokens that are signed with it by HS256, and no
	// others; without it only our own keys count. The two never mix, so that
	// nobody can sign with a public key (RFC 8725 §2.1).
	Secret []byte

	// Expired takes a token though its time is over, where it only says who
	// somebody was (OpenID Connect RP-Initiated Logout 1.0 §2).
	Expired bool
}

// Verify checks a token of ours: its form, its signature, and then its claims.
// The fault is ErrToken unless the store failed.
func (r *Ring) Verify(ctx context.Context, token string, want VerifyOptions) (Claims, error) {
	c, err := r.verify(ctx, token, want)
	if err == nil {
		return c, nil
	}
	if isRefusal(err) {
		return Claims{}, ErrToken.Because(err)
	}
	return Claims{}, fmt.Errorf("verify token: %w", err)
}

func isRefusal(err error) bool {
	for _, reason := range []error{ErrMalformed, ErrSignature, ErrExpired, ErrEarly, ErrIssuer, ErrAudience, ErrType} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

func (r *Ring) verify(ctx context.Context, token string, want VerifyOptions) (Claims, error) {
	p, err := parse(token)
	if err != nil {
		return Claims{}, err
	}
	if !slices.Contains(want.Typ, p.typ) {
		return Claims{}, ErrType
	}
	if want.Secret != nil {
		err = checkHS256(p, want.Secret)
	} else {
		err = r.checkSignature(ctx, p)
	}
	if err != nil {
		return Claims{}, err
	}
	c, err := readClaims(p)
	if err != nil {
		return Claims{}, err
	}
	return c, c.check(want, r.Now())
}

func (r *Ring) checkSignature(ctx context.Context, p parsed) error {
	if !slices.Contains([]string{RS256, ES256, PS256}, p.alg) || p.kid == "" {
		return fmt.Errorf("%w: algorithm not allowed", ErrSignature)
	}
	k, err := r.lookUp(ctx, p.kid)
	if err != nil {
		return err
	}
	if k.alg != p.alg {
		return fmt.Errorf("%w: the key is for another algorithm", ErrSignature)
	}
	sum := sha256.Sum256([]byte(p.signed))
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		if k.verifyRSA(public, sum[:], p.signature) == nil {
			return nil
		}
	case *ecdsa.PublicKey:
		if len(p.signature) == 64 {
			x, y := new(big.Int).SetBytes(p.signature[:32]), new(big.Int).SetBytes(p.signature[32:])
			if ecdsa.Verify(public, sum[:], x, y) {
				return nil
			}
		}
	}
	return ErrSignature
}

func (k *key) verifyRSA(public *rsa.PublicKey, sum, signature []byte) error {
	if k.alg == PS256 {
		return rsa.VerifyPSS(public, crypto.SHA256, sum, signature, pssOptions())
	}
	return rsa.VerifyPKCS1v15(public, crypto.SHA256, sum, signature)
}

func checkHS256(p parsed, secret []byte) error {
	if p.alg != HS256 || p.kid != "" || len(secret) < MinSecret {
		return fmt.Errorf("%w: algorithm not allowed", ErrSignature)
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(p.signed))
	if !hmac.Equal(mac.Sum(nil), p.signature) {
		return ErrSignature
	}
	return nil
}

// Claims are what a token says. Names are looked up with their case.
type Claims struct {
	Alg     string
	Typ     string
	KeyID   string
	Payload []byte // as it was signed

	members []member
}

func readClaims(p parsed) (Claims, error) {
	members, err := object(p.payload)
	if err != nil {
		return Claims{}, fmt.Errorf("%w: claims: %w", ErrMalformed, err)
	}
	return Claims{Alg: p.alg, Typ: p.typ, KeyID: p.kid, Payload: p.payload, members: members}, nil
}

func (c Claims) find(name string) []byte {
	for _, m := range c.members {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// Has reports whether there is a claim of that name.
func (c Claims) Has(name string) bool { return c.find(name) != nil }

// Text returns a claim that is a string, or "".
func (c Claims) Text(name string) string {
	s, _ := text(c.find(name))
	return s
}

// Inner returns a member that is a string of a claim that is an object, or "".
func (c Claims) Inner(name, member string) string {
	members, err := object(c.find(name))
	if err != nil {
		return ""
	}
	for _, m := range members {
		if m.name == member {
			s, _ := text(m.value)
			return s
		}
	}
	return ""
}

// Texts returns a claim that is a list of strings, or a single string as a list
// of one (RFC 7519 §4.1.3), or nil.
func (c Claims) Texts(name string) []string {
	raw := c.find(name)
	if s, err := text(raw); err == nil {
		return []string{s}
	}
	list, _ := texts(raw)
	return list
}

// Time returns a claim that is a number of whole seconds since 1970.
func (c Claims) Time(name string) (time.Time, bool) {
	n, err := strconv.ParseInt(string(c.find(name)), 10, 64)
	if err != nil || n < 0 || n > maxTime {
		return time.Time{}, false
	}
	return time.Unix(n, 0), true
}

// maxTime is the end of the year 9999: later times overflow sums with durations.
const maxTime = 253402300799

// check holds the registered claims against what is wanted (RFC 7519 §4.1).
func (c Claims) check(want VerifyOptions, now time.Time) error {
	if want.Issuer == "" || c.Text("iss") != want.Issuer {
		return ErrIssuer
	}
	wanted := func(a string) bool { return a != "" && slices.Contains(want.Audience, a) }
	if !slices.ContainsFunc(c.Texts("aud"), wanted) {
		return ErrAudience
	}
	expires, ok := c.Time("exp")
	issued, ok2 := c.Time("iat")
	if !ok || !ok2 {
		return fmt.Errorf("%w: exp and iat are required", ErrMalformed)
	}
	if !want.Expired && !now.Before(expires) {
		return ErrExpired
	}
	latest := now.Add(Skew)
	if issued.After(latest) {
		return ErrEarly
	}
	if c.Has("nbf") {
		from, ok := c.Time("nbf")
		if !ok {
			return fmt.Errorf("%w: nbf is not a time", ErrMalformed)
		}
		if from.After(latest) {
			return ErrEarly
		}
	}
	return nil
}

// Unverified reads a token without checking its signature or anything it says.
// It is for finding out what to check a token by; nothing else in it may be
// used. The fault is ErrToken.
func Unverified(token string) (Claims, error) {
	p, err := parse(token)
	if err != nil {
		return Claims{}, ErrToken.Because(err)
	}
	c, err := readClaims(p)
	if err != nil {
		return Claims{}, ErrToken.Because(err)
	}
	return c, nil
}
