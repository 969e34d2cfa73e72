package signing

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // x5t and fingerprints are SHA-1 by definition; nothing is trusted by them
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A Key is what may be told about a signing key.
type Key struct {
	ID           string
	Alg          string
	State        tenant.KeyState
	Cert         []byte // DER
	CreatedAt    time.Time
	CurrentSince time.Time // zero if it never signed
	CurrentUntil time.Time // zero while it signs, or if it never did
	RevokedAt    time.Time // zero unless revoked
}

func newKey(s tenant.SigningKey, all []tenant.SigningKey) Key {
	k := Key{
		ID: s.ID, Alg: s.Alg, State: s.State, Cert: s.Cert,
		CreatedAt: s.CreatedAt, CurrentSince: s.ActiveAt, RevokedAt: s.RevokedAt,
	}
	if s.ActiveAt.IsZero() {
		return k
	}
	// A key's time ended when the one after it became current.
	for _, o := range all {
		later := o.Alg == s.Alg && o.ID != s.ID && o.ActiveAt.After(s.ActiveAt)
		if later && (k.CurrentUntil.IsZero() || o.ActiveAt.Before(k.CurrentUntil)) {
			k.CurrentUntil = o.ActiveAt
		}
	}
	return k
}

func (s *keySet) describe(kid string) (Key, error) {
	for _, k := range s.all {
		if k.ID == kid {
			return k, nil
		}
	}
	return Key{}, ErrNoKey
}

// Thumbprint returns the SHA-1 of the certificate in capital hexadecimal, as
// the Management API shows it.
func (k Key) Thumbprint() string {
	sum := sha1.Sum(k.Cert)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Fingerprint returns the thumbprint with a colon between its bytes.
func (k Key) Fingerprint() string {
	sum := sha1.Sum(k.Cert)
	return strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
}

// PEM returns the certificate in PEM, its lines ended as Auth0 ends them.
func (k Key) PEM() string { return encodePEM("CERTIFICATE", k.Cert) }

// PKCS7 returns the certificate in a PKCS #7 bundle that signs nothing
// (RFC 2315 §9.1), in PEM.
func (k Key) PKCS7() (string, error) {
	der, err := k.Bundle()
	if err != nil {
		return "", err
	}
	return encodePEM("PKCS7", der), nil
}

// Bundle returns what PKCS7 does in DER.
func (k Key) Bundle() ([]byte, error) {
	type content struct {
		Type asn1.ObjectIdentifier
	}
	type signedData struct {
		Version int
		Digests asn1.RawValue
		Content content
		Certs   asn1.RawValue
		Signers asn1.RawValue
	}
	type envelope struct {
		Type asn1.ObjectIdentifier
		Data signedData `asn1:"explicit,tag:0"`
	}
	empty := asn1.RawValue{Tag: asn1.TagSet, IsCompound: true}
	der, err := asn1.Marshal(envelope{
		Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2},
		Data: signedData{
			Version: 1,
			Digests: empty,
			Content: content{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}},
			Certs:   asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: k.Cert},
			Signers: empty,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode PKCS #7: %w", err)
	}
	return der, nil
}

func encodePEM(kind string, der []byte) string {
	doc := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	return strings.ReplaceAll(string(doc), "\n", "\r\n")
}

// appendJWK writes the public key as a JSON Web Key (RFC 7517 §4) in the order
// of Auth0's members. Only public members are written, by name: nothing private
// can slip in with a struct (RFC 7518 §6.2.2, §6.3.2).
func (k *key) appendJWK(doc []byte, cert []byte) []byte {
	enc := base64.RawURLEncoding
	switch p := k.public.(type) {
	case *rsa.PublicKey:
		doc = append(doc, `{"kty":"RSA","use":"sig","n":"`...)
		doc = enc.AppendEncode(doc, p.N.Bytes())
		doc = append(doc, `","e":"`...)
		doc = enc.AppendEncode(doc, big.NewInt(int64(p.E)).Bytes())
	case *ecdsa.PublicKey:
		point, _ := p.Bytes() // uncompressed: 4, x, y; a key from a certificate has it
		doc = append(doc, `{"kty":"EC","use":"sig","crv":"P-256","x":"`...)
		doc = enc.AppendEncode(doc, point[1:33])
		doc = append(doc, `","y":"`...)
		doc = enc.AppendEncode(doc, point[33:65])
	}
	sum := sha1.Sum(cert)
	doc = append(doc, `","kid":"`+k.id+`","x5t":"`...)
	doc = enc.AppendEncode(doc, sum[:])
	doc = append(doc, `","x5c":["`...)
	doc = base64.StdEncoding.AppendEncode(doc, cert)
	return append(doc, `"],"alg":"`+k.alg+`"}`...)
}
