package token

import "github.com/doorcode/doorcode/internal/secret"

// codeBytes is the size of an authorization code before it is written as text
// (R23).
const codeBytes = 32

// NewCode makes an authorization code and the digest it is stored by.
func (i *Issuer) NewCode() (string, []byte) {
	code := secret.Token(codeBytes)
	return code, i.Secrets.MAC(secret.AuthCodes, code)
}

// CodeDigests returns the digests that an authorization code may be stored by:
// the one under the current root key and those under earlier ones.
func (i *Issuer) CodeDigests(code string) [][]byte { return i.Secrets.MACs(secret.AuthCodes, code) }
