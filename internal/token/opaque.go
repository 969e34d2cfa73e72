package token

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// opaqueVersion is the first byte of what is sealed into an opaque token. A
// change of the fields after it needs another one.
const opaqueVersion = 2

// opaquePlace keeps sealed access tokens apart from whatever else is sealed for
// the same purpose.
const opaquePlace = "access_token"

var errOpaque = errors.New("not an access token of ours")

// access is what an opaque token of this answer says.
func (m *minting) access(life time.Duration) Access {
	return Access{
		Grant: m.Grant.ID, User: m.User.ID, Client: m.Client.ID,
		Scopes: m.scopes, IssuedAt: m.now, Expires: m.now.Add(life), Key: m.Key,
	}
}

// seal makes an opaque token (R21). It is encrypted and authenticated as a
// whole, so no part of it means anything by itself (TOK-06).
func (i *Issuer) seal(a Access) string {
	plain := make([]byte, 0, 256)
	plain = append(plain, opaqueVersion)
	plain = binary.BigEndian.AppendUint64(plain, uint64(a.IssuedAt.Unix()))
	plain = binary.BigEndian.AppendUint64(plain, uint64(a.Expires.Unix()))
	for _, s := range []string{a.Grant, string(a.User), string(a.Client), a.Scopes.String(), a.Key} {
		plain = binary.AppendUvarint(plain, uint64(len(s)))
		plain = append(plain, s...)
	}
	return base64.RawURLEncoding.EncodeToString(i.Secrets.Seal(secret.Opaque, plain, opaquePlace))
}

// OpenAccess reads an opaque access token. Whether its grant and its user still
// hold is for the caller to ask (R21). The fault is signing.ErrToken.
func (i *Issuer) OpenAccess(token string) (Access, error) {
	a, err := i.open(token)
	switch {
	case err != nil:
		return Access{}, signing.ErrToken.Because(err)
	case !i.Now().Before(a.Expires):
		return Access{}, signing.ErrToken.Because(signing.ErrExpired)
	}
	return a, nil
}

func (i *Issuer) open(token string) (Access, error) {
	// The decoder passes over line breaks: with them, a longer token would be
	// taken for the one it contains.
	if len(token) > signing.MaxToken || strings.ContainsAny(token, "\r\n") {
		return Access{}, errOpaque
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Access{}, errOpaque
	}
	plain, err := i.Secrets.Open(secret.Opaque, sealed, opaquePlace)
	if err != nil {
		return Access{}, err
	}
	if len(plain) < 17 || plain[0] != opaqueVersion {
		return Access{}, fmt.Errorf("%w: sealed by another version", errOpaque)
	}
	a := Access{
		IssuedAt: time.Unix(int64(binary.BigEndian.Uint64(plain[1:])), 0),
		Expires:  time.Unix(int64(binary.BigEndian.Uint64(plain[9:])), 0),
		Audience: []string{i.Userinfo()},
	}
	var fields [5]string
	if !readStrings(plain[17:], fields[:]) {
		return Access{}, fmt.Errorf("%w: sealed by another version", errOpaque)
	}
	a.Grant, a.User, a.Client = fields[0], tenant.UserID(fields[1]), tenant.ClientID(fields[2])
	a.Subject, a.Scopes, a.Key = fields[1], oauth.ParseScopes(fields[3]), fields[4]
	return a, nil
}

// readStrings reads exactly as many strings as there is room for.
func readStrings(plain []byte, into []string) bool {
	for n := range into {
		size, used := binary.Uvarint(plain)
		if used <= 0 || size > uint64(len(plain)-used) {
			return false
		}
		end := used + int(size)
		into[n], plain = string(plain[used:end]), plain[end:]
	}
	return len(plain) == 0
}
