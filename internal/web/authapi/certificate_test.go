package authapi_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the fingerprint is one by definition
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// Each form of the certificate holds the RSA key that signs, before a rotation and
// after it.
func TestCertificateForms(t *testing.T) {
	w := newWorld(t)
	get := func(path, mediaType string) []byte {
		t.Helper()
		status, h, body := w.Do(t, "GET", path, "")
		if status != 200 || h.Get("Content-Type") != mediaType || !strings.Contains(h.Get("Cache-Control"), "max-age") {
			t.Fatalf("%s: %d %v", path, status, h)
		}
		return []byte(body)
	}
	var first []byte
	for range 2 {
		der := get("/cer", "application/pkix-cert")
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Equal(der, first) {
			t.Error("after a rotation the certificate is the one before")
		}
		first = der
		for path, mediaType := range map[string]string{"/pem": "application/x-pem-file", "/rawpem": "text/plain; charset=utf-8"} {
			block, rest := pem.Decode(get(path, mediaType))
			if block == nil || block.Type != "CERTIFICATE" || !bytes.Equal(block.Bytes, der) || len(bytes.TrimSpace(rest)) > 0 {
				t.Errorf("%s is another certificate", path)
			}
		}
		block, _ := pem.Decode(get("/pb7", "application/x-pkcs7-certificates"))
		if block == nil || block.Type != "PKCS7" || !bytes.Contains(block.Bytes, der) {
			t.Error("/pb7 has not the certificate in it")
		}
		sum := sha1.Sum(der)
		want := strings.ReplaceAll(fmt.Sprintf("% X", sum[:]), " ", ":")
		if got := string(get("/fingerprint", "text/plain; charset=utf-8")); got != want {
			t.Errorf("/fingerprint is %s, want %s", got, want)
		}
		// Somebody else's library takes a token by nothing but the certificate.
		token := w.signIn(w.app(), number, nil).want(t, 200)["id_token"].(string)
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jws.Verify(cert.PublicKey); err != nil {
			t.Errorf("go-jose: %v", err)
		}
		if _, err := w.Keys.RotateNow(t.Context(), "RS256"); err != nil {
			t.Fatal(err)
		}
	}
}

// TOK-09: what is published of the keys is public, has no member of a private or
// secret key, and may be kept for a while; nobody gets HS256 unasked.
func TestTOK09PublishedKeys(t *testing.T) {
	w := newWorld(t)
	_, h, body := w.Do(t, "GET", "/.well-known/jwks.json", "")
	if got := h.Get("Cache-Control"); !strings.Contains(got, "public") || !strings.Contains(got, "max-age=") {
		t.Errorf("Cache-Control %q", got)
	}
	var doc struct{ Keys []map[string]any }
	if err := json.Unmarshal([]byte(body), &doc); err != nil || len(doc.Keys) < 6 {
		t.Fatalf("%d keys, %v", len(doc.Keys), err)
	}
	for _, k := range doc.Keys {
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			if _, ok := k[private]; ok {
				t.Errorf("key %v has the member %s", k["kid"], private)
			}
		}
		if k["kty"] != "RSA" && k["kty"] != "EC" || k["use"] != "sig" || k["alg"] == "HS256" {
			t.Errorf("key %v is of the type %v, for %v and %v", k["kid"], k["kty"], k["use"], k["alg"])
		}
	}
	for _, kind := range []string{"native", "spa", "regular_web"} {
		app := w.person(map[string]any{"app_type": kind, "grant_types": []string{otp}})
		if kind == "spa" {
			delete(app, "client_secret") // it keeps none
		}
		token := w.signIn(app, number, map[string]string{"scope": "openid"}).want(t, 200)["id_token"].(string)
		if _, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256}); err != nil {
			t.Errorf("the ID token of a %s application: %v", kind, err)
		}
	}
}
