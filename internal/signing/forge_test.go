package signing

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"hash"
	"testing"
)

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// A forgery is a token with something wrong. What is not given is as it should
// be, so that each is refused for that one reason alone.
type forgery struct {
	with  string                     // algorithm of our key that signs: RS256 unless given
	alg   string                     // what the header says
	kid   string                     // what the header says
	extra string                     // more members of the header
	head  string                     // the whole header
	body  string                     // the whole payload
	sign  func(signed string) []byte // instead of our key
}

func forge(t testing.TB, r *Ring, f forgery) string {
	t.Helper()
	if f.with == "" {
		f.with = RS256
	}
	k := r.keys.Load().current[f.with]
	if f.alg == "" {
		f.alg = f.with
	}
	if f.kid == "" {
		f.kid = k.id
	}
	if f.head == "" {
		f.head = fmt.Sprintf(`{"alg":%q,"typ":"JWT","kid":%q%s}`, f.alg, f.kid, f.extra)
	}
	if f.body == "" {
		f.body = string(testClaims())
	}
	signed := b64(f.head) + "." + b64(f.body)
	if f.sign != nil {
		return signed + "." + b64(string(f.sign(signed)))
	}
	signature, err := r.signature(t.Context(), k, sha256.Sum256([]byte(signed)))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(string(signature))
}

func nothing(string) []byte { return nil }

// byMAC signs with a secret, as somebody does who hopes that our public key is
// taken for one.
func byMAC(h func() hash.Hash, secret []byte) func(string) []byte {
	return func(signed string) []byte {
		mac := hmac.New(h, secret)
		mac.Write([]byte(signed))
		return mac.Sum(nil)
	}
}

// byRSA signs with our RSA key in a way that is not RS256.
func byRSA(k *rsa.PrivateKey, h crypto.Hash, pss bool) func(string) []byte {
	return func(signed string) []byte {
		hashed := h.New()
		hashed.Write([]byte(signed))
		var out []byte
		var err error
		if pss {
			out, err = rsa.SignPSS(rand.Reader, k, h, hashed.Sum(nil), nil)
		} else {
			out, err = rsa.SignPKCS1v15(nil, k, h, hashed.Sum(nil))
		}
		if err != nil {
			panic(err)
		}
		return out
	}
}

// publicForms are the ways in which our public RSA key may be had.
func publicForms(r *Ring) map[string][]byte {
	k := r.keys.Load().current[RS256]
	public := k.public.(*rsa.PublicKey)
	pkix, _ := x509.MarshalPKIXPublicKey(public)
	pkcs1 := x509.MarshalPKCS1PublicKey(public)
	cert := r.Published()[0].Cert
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	return map[string][]byte{
		"PKIX PEM":              block("PUBLIC KEY", pkix),
		"PKIX PEM, trimmed":     bytes.TrimSpace(block("PUBLIC KEY", pkix)),
		"PKIX DER":              pkix,
		"PKCS #1 PEM":           block("RSA PUBLIC KEY", pkcs1),
		"PKCS #1 DER":           pkcs1,
		"certificate PEM":       block("CERTIFICATE", cert),
		"certificate DER":       cert,
		"certificate as in x5c": []byte(base64.StdEncoding.EncodeToString(cert)),
		"modulus":               public.N.Bytes(),
		"JWK":                   k.appendJWK(nil, cert),
		"JWKS":                  r.JWKS(),
		"key id":                []byte(k.id),
		"nothing":               {0},
	}
}

// foreign is a key that is not ours, with a signer that uses it.
func foreign(t testing.TB) func(string) []byte {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		x, y, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		out := make([]byte, 64)
		x.FillBytes(out[:32])
		y.FillBytes(out[32:])
		return out
	}
}

func derSignature(t testing.TB, k *ecdsa.PrivateKey) func(string) []byte {
	return func(signed string) []byte {
		sum := sha256.Sum256([]byte(signed))
		out, err := ecdsa.SignASN1(rand.Reader, k, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func sha384() hash.Hash { return sha512.New384() }
