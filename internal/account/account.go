// Package account decides who an address belongs to: what a new user looks
// like, what their id is before they exist, and which claims a channel proves.
package account

import (
	"crypto/md5" //nolint:gosec // Gravatar's addresses are MD5; nothing is protected by it
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ExternalID is the part after the bar of the id that a recipient without a
// user has already: the first 24 hexadecimal digits of a keyed digest. Deleted
// is the number of users with that identifier who were deleted before; it
// keeps somebody who gets a recycled number from inheriting the old subject.
func ExternalID(keys *secret.Ring, to tenant.Recipient, deleted int64) string {
	mac := keys.MAC(secret.UserIDs, string(to.Connection), to.Identifier, strconv.FormatInt(deleted, 10))
	return hex.EncodeToString(mac)[:24]
}

// Key is the identifier as counters know it: a keyed digest, so that counters
// outlive codes without keeping numbers and addresses. It is the same for all
// connections of a channel, so that an alias brings no new tries.
func Key(keys *secret.Ring, channel tenant.Channel, identifier string) string {
	return hex.EncodeToString(keys.MAC(secret.Identifiers, string(channel), identifier))
}

// maxDevice bounds the token of a browser that is looked at.
const maxDevice = 128

// DeviceKey is the token of a browser as counters know it: a keyed digest, so
// that who reads the database cannot pass for the browser. It is empty for a
// token that cannot be one of ours.
func DeviceKey(keys *secret.Ring, token string) string {
	if token == "" || len(token) > maxDevice {
		return ""
	}
	return hex.EncodeToString(keys.MAC(secret.Identifiers, "device", token))
}

// ID joins a channel and an external id.
func ID(channel tenant.Channel, external string) tenant.UserID {
	return tenant.UserID(string(channel) + "|" + external)
}

// External is the part of a user id after the bar.
func External(id tenant.UserID) string {
	_, ext, _ := strings.Cut(string(id), "|")
	return ext
}

// New returns the user made at the first right code
// (Auth0: the profile of a passwordless user).
func New(to tenant.Recipient, name, external string, now time.Time) tenant.User {
	u := tenant.User{
		ID: ID(to.Channel, external),
		Identities: []tenant.Identity{{
			Connection: to.Connection, Name: name, Channel: to.Channel,
			UserID: external, Identifier: to.Identifier,
		}},
		Name:      to.Identifier,
		CreatedAt: now,
		UpdatedAt: now,
	}
	if to.Channel == tenant.SMS {
		u.Phone, u.PhoneVerified = to.Identifier, true
		return u
	}
	u.Email, u.EmailVerified = to.Identifier, true
	u.Nickname, _, _ = strings.Cut(to.Identifier, "@")
	u.Picture = Picture(to.Identifier)
	return u
}

// Picture is the address of the picture for an e-mail address, with the first
// two letters as the fallback (Auth0's form).
func Picture(email string) string {
	sum := md5.Sum([]byte(email)) //nolint:gosec // see above
	initials := strings.ToLower(email)
	if len(initials) > 2 {
		initials = initials[:2]
	}
	fallback := "https://cdn.auth0.com/avatars/" + url.PathEscape(initials) + ".png"
	return "https://s.gravatar.com/avatar/" + hex.EncodeToString(sum[:]) +
		"?s=480&r=pg&d=" + url.QueryEscape(fallback)
}
