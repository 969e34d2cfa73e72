package jwttest

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
)

// PublicForms are the public keys of a server in the forms that somebody may
// hope an HMAC is checked with: its JSON Web Key Set, as it is served, and what
// can be made of the keys in it.
func PublicForms(t testing.TB, served string) []string {
	t.Helper()
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal([]byte(served), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("no keys: %v %s", err, served)
	}
	forms := []string{served}
	for _, key := range set.Keys {
		var k struct {
			N, E, Kid string
			X5C       []string
		}
		if err := json.Unmarshal(key, &k); err != nil {
			t.Fatal(err)
		}
		forms = append(forms, string(key), k.Kid)
		if k.N != "" {
			modulus := Decode(t, k.N)
			public := &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(new(big.Int).SetBytes(Decode(t, k.E)).Int64())}
			spki, err := x509.MarshalPKIXPublicKey(public)
			if err != nil {
				t.Fatal(err)
			}
			forms = append(forms, k.N, string(modulus))
			forms = append(forms, encodings("PUBLIC KEY", spki)...)
			forms = append(forms, encodings("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(public))...)
		}
		for _, text := range k.X5C {
			der, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			forms = append(forms, text)
			forms = append(forms, encodings("CERTIFICATE", der)...)
		}
	}
	return forms
}

// encodings are DER and PEM, which some trim and some do not.
func encodings(kind string, der []byte) []string {
	text := string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	return []string{string(der), text, strings.TrimSpace(text)}
}
