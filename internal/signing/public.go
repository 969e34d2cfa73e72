package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/fault"
)

// The sizes of RSA keys that are taken, in bits. Larger ones make checking a
// signature expensive for us and cheap for whoever sends it.
const (
	minForeignRSA = 2048
	maxForeignRSA = 4096
)

// ErrPublicKey is the fault of a key that cannot be used to check signatures.
var ErrPublicKey = fault.New(fault.Invalid, "invalid_body",
	"The PEM is not a public key or certificate that can be used: RSA of 2048 to 4096 bits, or P-256 or P-384.")

// A PublicKey checks what somebody else signed.
type PublicKey struct {
	// Thumbprint names the key by its content (RFC 7638, SHA-256).
	Thumbprint string
	// Certificate is the SHA-256 of the certificate it came in, in hexadecimal,
	// and CertificateEnds when that ends. Both are zero without one.
	Certificate     string
	CertificateEnds time.Time

	key crypto.PublicKey
}

func newPublicKey(key crypto.PublicKey) (*PublicKey, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		// An exponent of a few bits keeps checking cheap; even ones are none.
		if n := k.N.BitLen(); n < minForeignRSA || n > maxForeignRSA || k.E < 3 || k.E&1 == 0 || k.E > 1<<31-1 {
			return nil, ErrPublicKey
		}
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() && k.Curve != elliptic.P384() {
			return nil, ErrPublicKey
		}
		if _, err := k.ECDH(); err != nil { // not a point of the curve
			return nil, ErrPublicKey
		}
	default:
		return nil, ErrPublicKey
	}
	name, err := thumbprint(&jose.JSONWebKey{Key: key})
	if err != nil {
		return nil, ErrPublicKey.Because(err)
	}
	return &PublicKey{Thumbprint: name, key: key}, nil
}

// ParsePEM reads a public key (SPKI or PKCS #1) or the certificate it is in.
// The fault is ErrPublicKey.
func ParsePEM(text string) (*PublicKey, error) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	if block == nil || len(rest) > 0 {
		return nil, ErrPublicKey.Because(errors.New("not one PEM block"))
	}
	switch block.Type {
	case "PUBLIC KEY":
		key, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, ErrPublicKey.Because(err)
		}
		return newPublicKey(key)
	case "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return nil, ErrPublicKey.Because(err)
		}
		return newPublicKey(key)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ErrPublicKey.Because(err)
		}
		k, err := newPublicKey(cert.PublicKey)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(block.Bytes)
		k.Certificate, k.CertificateEnds = hex.EncodeToString(sum[:]), cert.NotAfter
		return k, nil
	}
	return nil, ErrPublicKey.Because(errors.New("a PEM block of another type"))
}

// Takes reports whether the key checks signatures of the algorithm (RFC 7518
// §3.1).
func (k *PublicKey) Takes(alg string) bool {
	switch p := k.key.(type) {
	case *rsa.PublicKey:
		return alg == "RS256" || alg == "RS384" || alg == "PS256"
	case *ecdsa.PublicKey:
		return alg == "ES256" && p.Curve == elliptic.P256() || alg == "ES384" && p.Curve == elliptic.P384()
	}
	return false
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
