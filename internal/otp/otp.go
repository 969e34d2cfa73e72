// Package otp makes one-time codes and reads what people type.
//
// A code is not stored. The row of a code keeps random bytes, the salt, from
// which the code is made again with a key that is not in the database: uniform
// digits of an HMAC over the salt and everything the code is bound to. Beside
// it stands a digest of the same binding and the digits, with which one
// statement of the store counts or redeems a guess. Whoever has the database
// but not the key can neither read a code nor test a guess.
//
// The rules of a code's life (tries, expiry, single use) are conditions of the
// statements that spend it; see package passwordless for the promises and
// package store for the statements.
package otp

import (
	"crypto/hmac"
	"encoding/binary"
	"errors"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// saltSize is the number of random bytes of a salt. The byte before them names
// the root key the code was made with.
const saltSize = 16

// ErrNoKey is returned for a code made under a root key that is gone.
var ErrNoKey = errors.New("the code was made under a key that is not configured any more")

// A Maker makes codes under the keys of a ring.
type Maker struct {
	Keys *secret.Ring
}

// New returns a salt for a new code.
func (m Maker) New() []byte {
	return append([]byte{m.Keys.KeyID()}, secret.Bytes(saltSize)...)
}

// Digits makes the code that belongs to salt and key. The same arguments give
// the same code.
func (m Maker) Digits(salt []byte, key tenant.CodeKey, n int) (string, error) {
	if len(salt) != 1+saltSize {
		return "", ErrNoKey
	}
	out := make([]byte, 0, n)
	var counter [4]byte
	for block := uint32(0); len(out) < n; block++ {
		binary.BigEndian.PutUint32(counter[:], block)
		mac, ok := m.Keys.MACWith(salt[0], secret.Codes, "digits", string(salt), string(key.Connection),
			key.Identifier, string(key.Client), key.Transaction, string(counter[:]))
		if !ok {
			return "", ErrNoKey
		}
		for _, b := range mac {
			// 250 is the largest multiple of ten that fits a byte: taking the
			// rest of 250 to 255 as well would favour the digits 0 to 5.
			if b < 250 && len(out) < n {
				out = append(out, '0'+b%10)
			}
		}
	}
	return string(out), nil
}

// Digest is what a code is stored as and a guess is compared with.
func (m Maker) Digest(key tenant.CodeKey, code string) []byte {
	return m.Keys.MAC(secret.Codes, digestParts(key, code)...)
}

// Digests returns the digest of a guess under the current root key and, while
// keys are being changed, under the previous one; else the same one twice.
func (m Maker) Digests(key tenant.CodeKey, code string) (current, previous []byte) {
	all := m.Keys.MACs(secret.Codes, digestParts(key, code)...)
	return all[0], all[len(all)-1]
}

// TestDigest is what the code of a test identity is stored as. It is bound to
// the connection and the identifier only: an identity can serve several
// applications.
func (m Maker) TestDigest(connection tenant.ConnectionID, identifier, code string) []byte {
	return m.Keys.MAC(secret.Codes, "test", string(connection), identifier, code)
}

// TestCode is what the row of a code holds instead of Digest when the recipient
// is a test identity: the digest of its stored digest, with everything a code
// is bound to.
func (m Maker) TestCode(key tenant.CodeKey, stored []byte) []byte {
	return m.Keys.MAC(secret.Codes, testParts(key, stored)...)
}

// TestGuess is Digests for a guess at the code of a test identity.
func (m Maker) TestGuess(key tenant.CodeKey, stored []byte, code string) (current, previous []byte) {
	made := m.Keys.MACs(secret.Codes, "test", string(key.Connection), key.Identifier, code)
	guess := made[0]
	for _, d := range made {
		// Under whichever root key it was stored.
		if hmac.Equal(d, stored) {
			guess = d
		}
	}
	all := m.Keys.MACs(secret.Codes, testParts(key, guess)...)
	return all[0], all[len(all)-1]
}

func testParts(key tenant.CodeKey, digest []byte) []string {
	return []string{"test code", string(key.Connection), key.Identifier, string(key.Client), key.Transaction, string(digest)}
}

func digestParts(key tenant.CodeKey, code string) []string {
	return []string{"digest", string(key.Connection), key.Identifier, string(key.Client), key.Transaction, code}
}
