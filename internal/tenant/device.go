package tenant

import (
	"strings"
	"time"
)

// UserCodeForm says what the codes look like that people type for a device
// (Auth0: device_flow). The zero value is Auth0's default.
type UserCodeForm struct {
	Charset string // "base20" or "digits"; empty is the former
	Mask    string // a star for each character, hyphens and spaces between
}

// Alphabet returns the characters of a code: consonants that make no words and
// are hard to confuse (RFC 8628 §6.1), or digits.
func (f UserCodeForm) Alphabet() string {
	if f.Charset == "digits" {
		return "0123456789"
	}
	return "BCDFGHJKLMNPQRSTVWXZ"
}

// Filled returns the mask with the characters in place of its stars.
func (f UserCodeForm) Filled(characters string) string {
	var b strings.Builder
	for _, c := range f.mask() {
		if c == '*' && characters != "" {
			b.WriteByte(characters[0])
			characters = characters[1:]
		} else {
			b.WriteRune(c)
		}
	}
	return b.String()
}

// Shown is what somebody has typed as the device shows it, if it is a code of
// this form.
func (f UserCodeForm) Shown(typed string) string {
	plain := PlainUserCode(typed)
	if len(plain) != f.Size() {
		return plain
	}
	return f.Filled(plain)
}

// PlainUserCode is a code without what stands between its characters, in
// capitals: however somebody types it, it is the same (RFC 8628 §6.1).
func PlainUserCode(typed string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' && r < 'A' || r > 'Z' {
			return -1
		}
		return r
	}, strings.ToUpper(typed))
}

// Size is how many characters a code has without what stands between.
func (f UserCodeForm) Size() int { return strings.Count(f.mask(), "*") }

// The fewest characters of a code: both make more than 2^29 codes, of which a
// guesser has a handful of tries (RFC 8628 §5.1).
const (
	minLetters = 8
	minDigits  = 9
)

func (f UserCodeForm) mask() string {
	least := minLetters
	if f.Charset == "digits" {
		least = minDigits
	}
	if strings.Count(f.Mask, "*") >= least && f.Check() {
		return f.Mask
	}
	if f.Charset == "digits" {
		return "***-***-***"
	}
	return "****-****"
}

// Check reports whether the mask has nothing in it but stars, hyphens and
// spaces, and enough stars for letters.
func (f UserCodeForm) Check() bool {
	return len(f.Mask) <= 20 && strings.Trim(f.Mask, "* -") == "" && strings.Count(f.Mask, "*") >= minLetters
}

// DeviceState says how far a device's request is.
type DeviceState string

// The states of a device's request.
const (
	DevicePending  DeviceState = "pending"  // nobody has answered it
	DeviceApproved DeviceState = "approved" // somebody has, and the device not asked since
	DeviceDenied   DeviceState = "denied"
	DeviceRedeemed DeviceState = "redeemed" // the device has its tokens
	DeviceExpired  DeviceState = "expired"  // its time was over, and the device was told
)

// A DeviceRequest is a device that asks to be let in (RFC 8628).
type DeviceRequest struct {
	Digest     []byte // of the device code
	UserCode   []byte // keyed digest of what people type
	Client     ClientID
	Audience   string
	Scope      string // granted if somebody approves
	AskedScope string
	State      DeviceState
	Step       time.Duration // between polls
	User       UserID        // who approved
	SessionID  string
	AuthTime   time.Time
	CreatedAt  time.Time
	Expires    time.Time
}
