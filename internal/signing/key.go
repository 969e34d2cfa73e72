package signing

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// rsaBits is the size of RSA keys. 2048 is what Auth0 has, and all that the
// public keys of its tenants' verifiers are known to take.
const rsaBits = 2048

// certYears is how long certificates are valid. Nobody checks them: the JWKS
// document says which keys hold.
const certYears = 14

// keySet is what a Ring knows at one moment. It never changes.
type keySet struct {
	all     []Key
	current map[string]*key // by algorithm; these alone have a private key
	verify  map[string]*key // by published id; all but the revoked
	jwks    []byte
}

// key is a key that is ready for use.
type key struct {
	id     string
	alg    string
	public crypto.PublicKey
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	heads  map[string]string // encoded header and dot, by typ
}

// Place says where a private key is kept, so that it opens nowhere else.
func Place(kid string) string { return "signing_keys/" + kid }

// generate makes a key whose state is still to be set.
func (r *Ring) generate(alg string, now time.Time) (tenant.SigningKey, error) {
	var private crypto.Signer
	var err error
	if alg == RS256 {
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	} else {
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	}
	if err != nil {
		return tenant.SigningKey{}, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return tenant.SigningKey{}, err
	}
	cert, err := r.certify(private, now)
	if err != nil {
		return tenant.SigningKey{}, err
	}
	kid := secret.Alphanumeric(21)
	sealed := r.Secrets.Seal(secret.AtRest, plain, Place(kid))
	return tenant.SigningKey{ID: kid, Alg: alg, Private: sealed, Cert: cert, CreatedAt: now}, nil
}

// certify makes the self-signed certificate that carries a public key in x5c.
func (r *Ring) certify(private crypto.Signer, now time.Time) ([]byte, error) {
	serial := new(big.Int).SetBytes(secret.Bytes(15))
	template := &x509.Certificate{
		SerialNumber:          serial.SetBit(serial, 119, 1), // positive and never zero
		Subject:               pkix.Name{CommonName: r.Name},
		NotBefore:             now.Add(-time.Hour).UTC(),
		NotAfter:              now.AddDate(certYears, 0, 0).UTC(),
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
}

// open makes a keySet of what is stored.
func (r *Ring) open(stored []tenant.SigningKey) (*keySet, error) {
	stored = slices.SortedFunc(slices.Values(stored), order)
	set := &keySet{current: map[string]*key{}, verify: map[string]*key{}}
	var twins []published
	set.jwks = append(set.jwks, `{"keys":[`...)
	for _, s := range stored {
		set.all = append(set.all, newKey(s, stored))
		if s.State == tenant.KeyRevoked {
			continue
		}
		k, err := r.openKey(s)
		if err != nil {
			return nil, fmt.Errorf("open signing key %s: %w", s.ID, err)
		}
		p := published{k, s.State, s.Cert}
		set.publish(p)
		if k.alg == RS256 {
			p.key = k.twin()
			twins = append(twins, p)
		}
	}
	for _, p := range twins {
		set.publish(p)
	}
	set.jwks = append(set.jwks, "]}"...)
	for _, alg := range []string{RS256, ES256} {
		if set.current[alg] == nil {
			return nil, fmt.Errorf("there is no current %s signing key", alg)
		}
	}
	return set, nil
}

// published is a key with what is said of it beside.
type published struct {
	*key
	state tenant.KeyState
	cert  []byte
}

// publish takes a key into use and writes it into the JWKS document.
func (s *keySet) publish(p published) {
	s.verify[p.id] = p.key
	if p.state == tenant.KeyCurrent {
		s.current[p.alg] = p.key
	}
	if len(s.verify) > 1 {
		s.jwks = append(s.jwks, ',')
	}
	s.jwks = p.appendJWK(s.jwks, p.cert)
}

// twinOf ends the id under which an RSA key is published for PS256.
const twinOf = "-" + PS256

// twin is an RSA key as it is published and used for PS256. A JSON Web Key
// names one algorithm (RFC 7517 §4.4), and libraries take no other for it: so
// the key has an entry for each, under an id of its own. The two entries live
// and end together.
func (k *key) twin() *key {
	t := *k
	t.id, t.alg = k.id+twinOf, PS256
	t.writeHeads()
	return &t
}

// openKey reads the public key from the certificate and, for a current key, the
// private one too.
func (r *Ring) openKey(s tenant.SigningKey) (*key, error) {
	cert, err := x509.ParseCertificate(s.Cert)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	k := &key{id: s.ID, alg: s.Alg, public: cert.PublicKey}
	switch p := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		err = mismatch(s.Alg == RS256 && p.N.BitLen() >= rsaBits)
	case *ecdsa.PublicKey:
		err = mismatch(s.Alg == ES256 && p.Curve == elliptic.P256())
	default:
		err = mismatch(false)
	}
	if err != nil || s.State != tenant.KeyCurrent {
		return k, err
	}
	return k, r.openPrivate(k, s)
}

func (r *Ring) openPrivate(k *key, s tenant.SigningKey) error {
	plain, err := r.Secrets.Open(secret.AtRest, s.Private, Place(s.ID))
	if err != nil {
		return err
	}
	private, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return errors.New("the sealed value is not a private key") // the cause could quote it
	}
	switch p := private.(type) {
	case *rsa.PrivateKey:
		k.rsa, err = p, mismatch(p.PublicKey.Equal(k.public))
	case *ecdsa.PrivateKey:
		k.ec, err = p, mismatch(p.PublicKey.Equal(k.public))
	default:
		err = mismatch(false)
	}
	k.writeHeads()
	return err
}

func (k *key) writeHeads() {
	k.heads = map[string]string{}
	for _, typ := range []string{TypJWT, TypAccess, TypLogout} {
		k.heads[typ] = header(k.alg, typ, k.id)
	}
}

// mismatch is an error unless the parts of a key belong together.
func mismatch(match bool) error {
	if match {
		return nil
	}
	return errors.New("the key is not of its algorithm or does not match its certificate")
}

// header returns the encoded header of a token with the dot after it. The
// values are ours and need no escaping.
func header(alg, typ, kid string) string {
	doc := `{"alg":"` + alg + `","typ":"` + typ + `"`
	if kid != "" {
		doc += `,"kid":"` + kid + `"`
	}
	return base64.RawURLEncoding.EncodeToString([]byte(doc+"}")) + "."
}
