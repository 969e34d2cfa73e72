package token

import "github.com/doorcode/doorcode/internal/secret"

// refreshBytes is the size of a refresh token before it is written as text (R23).
const refreshBytes = 32

// NewRefresh makes a refresh token and the digest it is stored by. The token
// says nothing; what it gives is kept with the digest.
func (i *Issuer) NewRefresh() (string, []byte) {
	token := secret.Token(refreshBytes)
	return token, i.Secrets.MAC(secret.Refresh, token)
}

// RefreshDigests returns the digests that a refresh token may be stored by: the
// one under the current root key and those under earlier ones, in that order.
func (i *Issuer) RefreshDigests(token string) [][]byte {
	return i.Secrets.MACs(secret.Refresh, token)
}
