// Package secret makes and checks the values that must not be guessed, and
// seals the ones that must not be read.
//
// Everything is derived from one root key, the value of DOORCODE_KEY. Each use
// gets a key of its own by HKDF, so that a value made for one purpose is
// meaningless for another. Sealed values name the key they were sealed with,
// so that a new root key can be brought in while old values are still readable.
package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// RootSize is the size of a root key in bytes.
const RootSize = 32

// ErrSealed is returned when a sealed value cannot be opened: it was changed,
// belongs somewhere else, or was sealed under a key we do not have.
var ErrSealed = errors.New("sealed value cannot be opened with the keys at hand")

// A Purpose separates the uses of the root key from each other.
type Purpose string

// The purposes. Their values are part of what is stored: never change one.
const (
	Codes       Purpose = "doorcode/codes/1"       // one-time codes and their digests
	UserIDs     Purpose = "doorcode/user-ids/1"    // the ids of users who have none yet
	Identifiers Purpose = "doorcode/identifiers/1" // the keys of counters
	Refresh     Purpose = "doorcode/refresh/1"     // digests of refresh tokens
	Opaque      Purpose = "doorcode/opaque/1"      // opaque access tokens
	AtRest      Purpose = "doorcode/at-rest/1"     // stored credentials and signing keys
	Browsers    Purpose = "doorcode/browsers/1"    // digests of what browsers hold in cookies
	AuthCodes   Purpose = "doorcode/auth-codes/1"  // digests of authorization codes
	Links       Purpose = "doorcode/links/1"       // tokens of e-mailed links
	Checkpoints Purpose = "doorcode/checkpoints/1" // places in lists that callers go on from
	Check       Purpose = "doorcode/check/1"       // proof that a database belongs to the key
)

// A Ring holds the root key in use and the ones before it. It is safe for use
// by many goroutines.
type Ring struct {
	current root
	old     []root
}

// root is one root key with everything derived from it.
type root struct {
	key  []byte
	id   byte // first byte of the digest of the key: tells keys apart, reveals nothing
	seal map[Purpose]cipher.AEAD
	macs map[Purpose]*sync.Pool
}

// NewRing returns a ring that seals with current and opens with current and
// previous. Every key must be RootSize bytes.
func NewRing(current []byte, previous ...[]byte) (*Ring, error) {
	r := &Ring{}
	var err error
	if r.current, err = derive(current); err != nil {
		return nil, err
	}
	for _, p := range previous {
		o, err := derive(p)
		if err != nil {
			return nil, err
		}
		if o.id == r.current.id {
			// One pair of keys in 256. What is stored could not tell them apart.
			return nil, errors.New("the new root key cannot follow the previous one: make another")
		}
		r.old = append(r.old, o)
	}
	return r, nil
}

func derive(key []byte) (root, error) {
	if len(key) != RootSize {
		return root{}, fmt.Errorf("a root key has %d bytes, not %d", RootSize, len(key))
	}
	sum := sha256.Sum256(append([]byte("doorcode/key-id/"), key...))
	r := root{key: key, id: sum[0], seal: map[Purpose]cipher.AEAD{}, macs: map[Purpose]*sync.Pool{}}
	for _, p := range []Purpose{Codes, UserIDs, Identifiers, Refresh, Opaque, AtRest, Browsers, AuthCodes, Links, Checkpoints, Check} {
		sub, err := subkey(key, p)
		if err != nil {
			return root{}, fmt.Errorf("derive key: %w", err)
		}
		block, err := aes.NewCipher(sub)
		if err != nil {
			return root{}, fmt.Errorf("derive key: %w", err)
		}
		if r.seal[p], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return root{}, fmt.Errorf("derive key: %w", err)
		}
		r.macs[p] = macsWith(sub)
	}
	return r, nil
}

func subkey(key []byte, p Purpose) ([]byte, error) {
	return hkdf.Key(sha256.New, key, nil, string(p), 32)
}

func macsWith(key []byte) *sync.Pool {
	return &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}
}

// Pinnable returns the key for p that Pin is to be given when there is none
// yet: that of the nth root key, counted as MACs does, under which what is
// stored was made.
func (r *Ring) Pinnable(p Purpose, nth int) ([]byte, error) {
	if nth == 0 {
		return subkey(r.current.key, p)
	}
	return subkey(r.old[nth-1].key, p)
}

// Pin makes key the one that MAC uses for p, whatever the root key is: who has
// tried in vain must not begin anew because the root key changes, and what
// people hold for months must not end with it. It must be called before others
// use the ring.
func (r *Ring) Pin(p Purpose, key []byte) { r.current.macs[p] = macsWith(key) }

// MAC returns HMAC-SHA-256 over the parts under the current key for p. Each
// part is preceded by its length, so that no two lists of parts look alike.
func (r *Ring) MAC(p Purpose, parts ...string) []byte { return r.current.mac(p, parts) }

// MACs returns the MAC under the current key and under every previous one, for
// looking up values that may have been stored before the key changed.
func (r *Ring) MACs(p Purpose, parts ...string) [][]byte {
	all := [][]byte{r.current.mac(p, parts)}
	for i := range r.old {
		all = append(all, r.old[i].mac(p, parts))
	}
	return all
}

// KeyID names the current root key in stored values that are made again later.
func (r *Ring) KeyID() byte { return r.current.id }

// MACWith is MAC under the root key that id names. It reports false if the
// ring does not have that key.
func (r *Ring) MACWith(id byte, p Purpose, parts ...string) ([]byte, bool) {
	if r.current.id == id {
		return r.current.mac(p, parts), true
	}
	for i := range r.old {
		if r.old[i].id == id {
			return r.old[i].mac(p, parts), true
		}
	}
	return nil, false
}

func (k *root) mac(p Purpose, parts []string) []byte {
	m := k.macs[p].Get().(hash.Hash)
	defer k.macs[p].Put(m)
	m.Reset()
	var size [4]byte
	for _, s := range parts {
		n := len(s)
		size[0], size[1], size[2], size[3] = byte(n>>24), byte(n>>16), byte(n>>8), byte(n)
		m.Write(size[:])
		m.Write([]byte(s))
	}
	return m.Sum(nil)
}

// Seal encrypts plain with AES-256-GCM. The place says where the value is kept
// ("connections/con_x/twilio_token"): it opens nowhere else.
func (r *Ring) Seal(p Purpose, plain []byte, place string) []byte {
	out := make([]byte, 1, 1+len(plain)+28)
	out[0] = r.current.id
	return r.current.seal[p].Seal(out, nil, plain, []byte(place))
}

// Open decrypts what Seal made. The error is ErrSealed whatever the reason.
func (r *Ring) Open(p Purpose, sealed []byte, place string) ([]byte, error) {
	if len(sealed) < 1 {
		return nil, ErrSealed
	}
	if plain, ok := r.current.open(p, sealed, place); ok {
		return plain, nil
	}
	for i := range r.old {
		if plain, ok := r.old[i].open(p, sealed, place); ok {
			return plain, nil
		}
	}
	return nil, ErrSealed
}

// Reseal returns what is sealed, under the current key. It reports false if it
// is that already. The error is ErrSealed as Open's.
func (r *Ring) Reseal(p Purpose, sealed []byte, place string) (renewed []byte, changed bool, err error) {
	plain, err := r.Open(p, sealed, place)
	if err != nil || sealed[0] == r.current.id {
		return sealed, false, err
	}
	return r.Seal(p, plain, place), true, nil
}

// HasPrevious reports whether the ring opens what another root key than the
// current one has sealed.
func (r *Ring) HasPrevious() bool { return len(r.old) > 0 }

func (k *root) open(p Purpose, sealed []byte, place string) ([]byte, bool) {
	if k.id != sealed[0] {
		return nil, false
	}
	plain, err := k.seal[p].Open(nil, nil, sealed[1:], []byte(place))
	return plain, err == nil
}

// Bytes returns n random bytes.
func Bytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // crypto/rand.Read never fails: it ends the program instead
	return b
}

// Token returns a random value of n bytes in unpadded URL-safe base64.
func Token(n int) string { return base64.RawURLEncoding.EncodeToString(Bytes(n)) }

// Hex returns n random bytes in hexadecimal.
func Hex(n int) string { return hex.EncodeToString(Bytes(n)) }

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// Text returns n characters of the alphabet, which has at most 256, each equally
// likely.
func Text(alphabet string, n int) string {
	out := make([]byte, 0, n)
	most := 256 - 256%len(alphabet) // above it the first characters would be favoured
	for len(out) < n {
		for _, b := range Bytes(n - len(out) + 8) {
			if int(b) < most && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}

// Alphanumeric returns n random letters and digits, each equally likely.
func Alphanumeric(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, b := range Bytes(n - len(out) + 8) {
			// 248 is the largest multiple of 62 that fits a byte: taking the
			// rest modulo 62 would favour the first eight letters.
			if b < 248 && len(out) < n {
				out = append(out, alphanumeric[b%62])
			}
		}
	}
	return string(out)
}

// Digits returns n random decimal digits, each equally likely.
func Digits(n int) string {
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, b := range Bytes(n - len(out) + 8) {
			if b < 250 && len(out) < n { // the largest multiple of ten
				out = append(out, '0'+b%10)
			}
		}
	}
	return string(out)
}

// Equal compares two secrets in a time that depends on their lengths alone.
func Equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
