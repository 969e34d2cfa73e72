// Package jwttest signs tokens for tests: what an application signs, and what
// somebody would who wants to pass for one. It shares no code with what checks
// them.
package jwttest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// A Key is a key pair of a test's.
type Key struct {
	Alg     string // "RS256" or "ES256"
	private crypto.Signer
}

// RSA makes a key for RS256.
func RSA(t testing.TB) *Key {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{Alg: "RS256", private: k}
}

// EC makes a key for ES256.
func EC(t testing.TB) *Key {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Key{Alg: "ES256", private: k}
}

// PEM returns the public key.
func (k *Key) PEM(t testing.TB) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// JWK returns the public key as a JSON Web Key.
func (k *Key) JWK() map[string]any {
	switch p := k.private.Public().(type) {
	case *rsa.PublicKey:
		return map[string]any{"kty": "RSA", "n": Encode(p.N.Bytes()), "e": Encode(big.NewInt(int64(p.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, _ := p.Bytes()
		return map[string]any{"kty": "EC", "crv": "P-256", "x": Encode(point[1:33]), "y": Encode(point[33:65])}
	}
	return nil
}

// privateJWK is the key with its private part.
func (k *Key) privateJWK() map[string]any {
	jwk := k.JWK()
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		jwk["d"], jwk["p"], jwk["q"] = Encode(p.D.Bytes()), Encode(p.Primes[0].Bytes()), Encode(p.Primes[1].Bytes())
	case *ecdsa.PrivateKey:
		d, _ := p.Bytes()
		jwk["d"] = Encode(d)
	}
	return jwk
}

// Thumbprint returns the name of the public key (RFC 7638).
func (k *Key) Thumbprint(t testing.TB) string {
	t.Helper()
	doc, err := json.Marshal(k.JWK()) // members in the order of their names, as the RFC wants it
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(doc)
	return Encode(sum[:])
}

// Sign signs claims under a header, to which it adds "alg" if it has none.
func (k *Key) Sign(t testing.TB, header, claims map[string]any) string {
	t.Helper()
	h := map[string]any{"alg": k.Alg}
	for name, value := range header {
		h[name] = value
	}
	head, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return k.SignRaw(t, Encode(head)+"."+Encode(body))
}

// SignRaw signs the first two parts of a token and adds the third.
func (k *Key) SignRaw(t testing.TB, text string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	switch p := k.private.(type) {
	case *rsa.PrivateKey:
		signature, err = rsa.SignPKCS1v15(nil, p, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		var x, y *big.Int
		if x, y, err = ecdsa.Sign(rand.Reader, p, sum[:]); err == nil {
			signature = make([]byte, 64)
			x.FillBytes(signature[:32])
			y.FillBytes(signature[32:])
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + Encode(signature)
}

// made reports whether the signature of a token is by this key.
func (k *Key) made(t testing.TB, token string) bool {
	t.Helper()
	cut := strings.LastIndexByte(token, '.')
	sum, signature := sha256.Sum256([]byte(token[:cut])), Decode(t, token[cut+1:])
	switch p := k.private.Public().(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(p, crypto.SHA256, sum[:], signature) == nil
	case *ecdsa.PublicKey:
		return len(signature) == 64 &&
			ecdsa.Verify(p, sum[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:]))
	}
	return false
}

// Encode writes base64url without padding.
func Encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// Decode reads it.
func Decode(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
