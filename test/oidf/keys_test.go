package oidf

import (
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// keys reads the server's keys.
func (r *run) keys() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	r.no(json.Unmarshal(r.rawKeys(), &set))
	return set
}

func (r *run) rawKeys() []byte {
	res, err := r.provider.http.Get(r.endpoint("jwks_uri"))
	r.no(err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	r.no(err)
	r.must(res.StatusCode == http.StatusOK, "D3", "jwks_uri answered %d", res.StatusCode)
	return body
}

// signer is the one key of the server that a JWT's header speaks of: by kid and
// type, by algorithm and use where the key has them, and by the thumbprint of
// its certificate where the header has one.
func (r *run) signer(h jose.Header) jose.JSONWebKey {
	r.Helper()
	keys := r.keys()
	found := slices.DeleteFunc(keys.Key(h.KeyID), func(k jose.JSONWebKey) bool {
		_, rsa := k.Key.(*rsa.PublicKey)
		return !rsa || k.Algorithm != "" && k.Algorithm != h.Algorithm || k.Use != "" && k.Use != "sig"
	})
	r.must(h.KeyID != "" && len(found) == 1, "I8", "%d keys for %s with the kid %q", len(found), h.Algorithm, h.KeyID)
	if thumbprint, ok := h.ExtraHeaders["x5t#S256"]; ok {
		own := base64.RawURLEncoding.EncodeToString(found[0].CertificateThumbprintSHA256)
		r.want(own != "" && thumbprint == own, "I8", "x5t#S256 is %v, and the key's %q", thumbprint, own)
	}
	return found[0]
}

// The members that a key needs, and those whose values are known, by its type.
var (
	neededOf = map[string][]string{"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}}
	curvesOf = map[string][]string{"EC": {"P-256", "P-384", "P-521"}, "OKP": {"Ed25519", "Ed448", "X25519", "X448"}}
	algsOf   = map[string][]string{
		"RSA": {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, "EC": {"ES256", "ES384", "ES512"}, "OKP": {"EdDSA", "Ed25519"},
	}
)

// checkKeys are the rows K1 to K6.
func (r *run) checkKeys() {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	r.no(json.Unmarshal(r.rawKeys(), &set))
	r.want(len(set.Keys) > 0, "K1", "there are no keys")
	seen := map[any]bool{}
	for _, k := range set.Keys {
		kid, _ := k["kid"].(string)
		r.want(kid != "" && !seen[kid], "K2", "kid %q", kid)
		seen[kid] = true
		r.want(k["kty"] != "oct", "K3", "a symmetric key is published")
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"} {
			r.want(k[private] == nil, "K3", "the member %s of key %s is published", private, kid)
		}
		r.checkKeyMembers(kid, k)
	}
	usable := r.keys().Keys
	r.want(len(usable) == len(set.Keys), "K5", "%d of %d keys can be used", len(usable), len(set.Keys))
	for _, k := range usable {
		r.want(k.Valid(), "K5", "key %s is not valid", k.KeyID)
		if len(k.Certificates) == 0 {
			continue
		}
		same, ok := k.Certificates[0].PublicKey.(interface{ Equal(x crypto.PublicKey) bool })
		r.want(ok && same.Equal(k.Key), "K5", "the certificate of key %s is for another key", k.KeyID)
	}
}

// checkKeyMembers are the rows K4 and K6: a key has what its type needs, in the
// form it has to have, and nothing that nobody knows.
func (r *run) checkKeyMembers(kid string, k map[string]any) {
	r.Helper()
	kty, ok := k["kty"].(string)
	r.want(ok && kty != "", "K4", "key %s has the kty %v", kid, k["kty"])
	r.should(neededOf[kty] != nil, "K6", "key %s has the kty %q", kid, kty)
	for _, name := range neededOf[kty] {
		v, _ := k[name].(string)
		r.want(v != "", "K4", "%s of key %s is %v", name, kid, k[name])
		if name == "crv" {
			r.should(slices.Contains(curvesOf[kty], v), "K6", "key %s has the curve %q", kid, v)
			continue
		}
		_, err := base64.RawURLEncoding.Strict().DecodeString(v)
		r.want(err == nil, "K4", "%s of key %s is %q", name, kid, v)
	}
	if alg, ok := k["alg"]; ok {
		text, _ := alg.(string)
		r.should(slices.Contains(algsOf[kty], text), "K6", "key %s of the type %q has the alg %v", kid, kty, alg)
	}
}
