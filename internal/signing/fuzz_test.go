package signing

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/go-jose/go-jose/v4"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// fixedRing has an ES256 key that is the same in every run, so that tokens of
// the committed corpus are signed by it.
func fixedRing(t testing.TB) *Ring {
	t.Helper()
	r, m := newRing(t)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{1}, 32))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := r.certify(private, testNow)
	if err != nil {
		t.Fatal(err)
	}
	m.keys = slices.DeleteFunc(m.keys, func(k tenant.SigningKey) bool { return k.Alg == ES256 })
	m.keys = append(m.keys, tenant.SigningKey{
		ID: "fixed", Alg: ES256, State: tenant.KeyCurrent, Cert: cert,
		Private: r.Secrets.Seal(secret.AtRest, plain, Place("fixed")),
	})
	if err := r.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

// FUZ-06: whatever is accepted is signed by our key, as go-jose sees it too.
func FuzzVerify(f *testing.F) {
	r := fixedRing(f)
	for _, alg := range []string{RS256, ES256, HS256} {
		f.Add(mustSign(f, r, alg))
	}
	f.Add(forge(f, r, forgery{with: ES256, extra: `,"crit":["exp"]`}))
	f.Add(forge(f, r, forgery{head: `{"alg":"none","typ":"JWT"}`, sign: nothing}))
	f.Fuzz(func(t *testing.T, token string) {
		_, _ = Unverified(token)
		began := time.Now()
		for _, want := range []VerifyOptions{testWant(), {
			Issuer: testIssuer, Audience: []string{"api"}, Typ: []string{TypJWT}, Secret: []byte(testSecret),
		}} {
			c, err := r.Verify(t.Context(), token, want)
			if err != nil {
				continue
			}
			jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(c.Alg)})
			if err != nil {
				t.Fatalf("accepted what go-jose cannot read: %q: %v", token, err)
			}
			key := any(want.Secret)
			if want.Secret == nil {
				key = r.keys.Load().verify[c.KeyID].public
			}
			payload, err := jws.Verify(key)
			if err != nil || !bytes.Equal(payload, c.Payload) {
				t.Fatalf("accepted what go-jose refuses: %q: %v", token, err)
			}
		}
		if d := time.Since(began); d > 100*time.Millisecond && len(token) < 1<<20 {
			t.Fatalf("took %v", d)
		}
	})
}

// FuzzObject holds our reader of JSON objects against encoding/json.
func FuzzObject(f *testing.F) {
	for _, doc := range []string{
		`{}`, ` { "a" : [ 1 , {"b":null} , "x\"y" ] , "c" : -1.5e3 } `, `{"a":1,"\u0061":2}`, `{"a":[]}`, `{"a":{}}`,
		`[{}]`, `{"":""}`, `{"a":"\\"}`, `{"a":"\\\""}`, `{"\ud800":1}`, `{"a":[[[[{"b":{"c":[]}}]]]]}`,
	} {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		members, err := object([]byte(doc))
		want, wantErr := reference(doc)
		if err != nil {
			if wantErr == nil && err != errDuplicate && err != errDeep {
				t.Fatalf("object(%q) = %v", doc, err)
			}
			return
		}
		if wantErr != nil {
			t.Fatalf("object(%q) accepts what encoding/json refuses: %v", doc, wantErr)
		}
		if len(members) != len(want) {
			t.Fatalf("object(%q) has %d members, encoding/json %d", doc, len(members), len(want))
		}
		for _, m := range members {
			if !bytes.Equal(bytes.TrimSpace(want[m.name]), m.value) {
				t.Fatalf("object(%q)[%q] = %q, want %q", doc, m.name, m.value, want[m.name])
			}
		}
	})
}

func reference(doc string) (map[string]json.RawMessage, error) {
	var want map[string]json.RawMessage
	if err := json.Unmarshal([]byte(doc), &want); err != nil {
		return nil, err
	}
	if want == nil || !utf8.ValidString(doc) {
		return nil, errJSON
	}
	return want, nil
}
