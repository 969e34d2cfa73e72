package signing

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// What we sign is taken by somebody else's library, with nothing but the
// published keys.
func TestSign(t *testing.T) {
	r, _ := newRing(t)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(r.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	for _, alg := range []string{RS256, ES256, PS256, HS256} {
		t.Run("go-jose verifies "+alg, func(t *testing.T) {
			token := mustSign(t, r, alg)
			jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatal(err)
			}
			key := any([]byte(testSecret))
			if alg != HS256 {
				keys := set.Key(jws.Signatures[0].Header.KeyID)
				if len(keys) != 1 || keys[0].Algorithm != alg {
					t.Fatalf("under the token's key id there is %v, want one key for %s", keys, alg)
				}
				key = keys[0]
			}
			payload, err := jws.Verify(key)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(payload, testClaims()) {
				t.Errorf("payload is %s", payload)
			}
			if typ := jws.Signatures[0].Header.ExtraHeaders["typ"]; typ != "JWT" {
				t.Errorf("typ is %v", typ)
			}
		})
	}
	t.Run("several at once come back in their order", func(t *testing.T) {
		signed, err := r.SignAll(t.Context(),
			Draft{Alg: RS256, Typ: TypJWT, Claims: testClaims()},
			Draft{Alg: ES256, Typ: TypAccess, Claims: testClaims()},
			Draft{Alg: RS256, Typ: TypLogout, Claims: testClaims()})
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range []string{TypJWT, TypAccess, TypLogout} {
			want := testWant()
			want.Typ = []string{typ}
			if _, err := r.Verify(t.Context(), signed[i], want); err != nil {
				t.Errorf("token %d: %v", i, err)
			}
		}
	})
	t.Run("none are signed by signing nothing", func(t *testing.T) {
		if signed, err := r.SignAll(t.Context()); err != nil || len(signed) != 0 {
			t.Errorf("SignAll() = %v, %v", signed, err)
		}
	})
	for name, d := range map[string]Draft{
		"an algorithm without a key": {Alg: "PS384", Typ: TypJWT},
		"no algorithm":               {Typ: TypJWT},
		"an unknown type":            {Alg: RS256, Typ: `x","a":"b`},
		"HS256 without a secret":     {Alg: HS256, Typ: TypJWT},
		"HS256 with a short secret":  {Alg: HS256, Typ: TypJWT, Secret: []byte(testSecret[:31])},
		"HS256 of another type":      {Alg: HS256, Typ: TypAccess, Secret: []byte(testSecret)},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			d.Claims = testClaims()
			if token, err := r.Sign(t.Context(), d); err == nil {
				t.Errorf("Sign = %q, want an error", token)
			}
			if _, err := r.SignAll(t.Context(), Draft{Alg: ES256, Typ: TypJWT, Claims: testClaims()}, d); err == nil {
				t.Error("SignAll hides that one failed")
			}
		})
	}
}

// P9: RSA signatures queue; others do not wait with them.
func TestSignersAreBounded(t *testing.T) {
	r, _ := newRing(t)
	for range cap(r.workers()) {
		r.workers() <- struct{}{}
	}
	t.Run("a request that gives up while it waits is let go", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := r.Sign(ctx, Draft{Alg: RS256, Typ: TypJWT, Claims: testClaims()}); !errors.Is(err, context.Canceled) {
			t.Errorf("Sign = %v, want context.Canceled", err)
		}
	})
	t.Run("ES256 and HS256 do not wait", func(t *testing.T) {
		mustSign(t, r, ES256)
		mustSign(t, r, HS256)
	})
	t.Run("a free worker takes the next one", func(t *testing.T) {
		done := make(chan struct{})
		go func() { mustSign(t, r, RS256); close(done) }()
		<-r.workers()
		<-done
	})
}

// TOK-08: no token fails while keys are rotated under it.
func TestRotateUnderLoad(t *testing.T) {
	r, _ := newRing(t)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				token := mustSign(t, r, ES256)
				if _, err := r.Verify(t.Context(), token, testWant()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range 10 {
		if _, err := r.RotateNow(t.Context(), ES256); err != nil {
			t.Error(err)
		}
	}
	cancel()
	wg.Wait()
}

func TestKeyList(t *testing.T) {
	r, _ := newRing(t)
	if _, err := r.RotateNow(t.Context(), ES256); err != nil {
		t.Fatal(err)
	}
	keys, err := r.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, k := range keys {
		states = append(states, k.Alg+" "+string(k.State))
	}
	if got := strings.Join(states, ", "); got != "RS256 current, RS256 next, ES256 current, ES256 next, ES256 previous" {
		t.Errorf("keys are %s", got)
	}
	t.Run("fingerprints have the form of the API", func(t *testing.T) {
		k := keys[0]
		if len(k.Thumbprint()) != 40 || strings.ReplaceAll(k.Fingerprint(), ":", "") != k.Thumbprint() {
			t.Errorf("%s and %s", k.Fingerprint(), k.Thumbprint())
		}
	})
	t.Run("the PEM holds the certificate of the host", func(t *testing.T) {
		block, _ := pem.Decode([]byte(keys[0].PEM()))
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil || cert.Subject.CommonName != "login.example.com" || cert.CheckSignatureFrom(cert) != nil {
			t.Errorf("certificate is %+v, %v", cert, err)
		}
	})
	t.Run("openssl reads the bundle", func(t *testing.T) {
		doc, err := keys[0].PKCS7()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "bundle.pem")
		if err := os.WriteFile(path, []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
		openssl := binary.Tool(t, "openssl", "")
		out, err := exec.CommandContext(t.Context(), openssl, "pkcs7", "-print_certs", "-in", path).CombinedOutput()
		if err != nil || !bytes.Contains(out, []byte("BEGIN CERTIFICATE")) {
			t.Errorf("%v: %s", err, out)
		}
	})
	t.Run("one key can be asked for", func(t *testing.T) {
		k, err := r.Key(t.Context(), keys[4].ID)
		if err != nil || k.CurrentSince.IsZero() {
			t.Errorf("Key = %+v, %v", k, err)
		}
		if _, err := r.Key(t.Context(), "x"); !errors.Is(err, ErrNoKey) {
			t.Errorf("Key of an unknown id: %v", err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	r, _ := newRing(b)
	for _, alg := range []string{RS256, ES256, HS256} {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			d := Draft{Alg: alg, Typ: TypJWT, Claims: testClaims(), Secret: []byte(testSecret)}
			for b.Loop() {
				if _, err := r.Sign(b.Context(), d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	r, _ := newRing(b)
	for _, alg := range []string{RS256, ES256} {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			token := mustSign(b, r, alg)
			for b.Loop() {
				if _, err := r.Verify(b.Context(), token, testWant()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
