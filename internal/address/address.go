// Package address reads phone numbers and e-mail addresses and brings them to
// the one form they are stored and compared in.
package address

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
)

// Reasons why an address is refused. The texts are Auth0's where it has one;
// who answers a request adds the error code.
var (
	// ErrPhonePattern: not a plus and 1 to 15 digits. These are Auth0's words.
	ErrPhonePattern = errors.New(`String does not match pattern: ^\+[0-9]{1,15}$`)
	// ErrPhoneUnlikely: the pattern holds, but the numbering plan has no such
	// number, and the connection asks for one that exists.
	ErrPhoneUnlikely = errors.New("is not a valid phone number")
	// ErrEmail: not an address that mail can be sent to.
	ErrEmail = errors.New("email format validation failed")
)

// Phone checks a number in the wire form of the Authentication API. The number
// is its own canonical form: users are keyed by the exact string (Auth0).
func Phone(s string) (string, error) {
	digits, ok := strings.CutPrefix(s, "+")
	if !ok || len(digits) < 1 || len(digits) > 15 {
		return "", ErrPhonePattern
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return "", ErrPhonePattern
		}
	}
	return s, nil
}

// Demands on a number beyond its pattern: the option doorcode.numbers of a
// connection. Anything else demands nothing.
const (
	Possible = "possible" // its length fits its country
	Valid    = "valid"    // its digits are in use there
)

// CheckPhone refuses a number that does not meet the demand.
func CheckPhone(number, demand string) error {
	if demand != Possible && demand != Valid {
		return nil
	}
	n, err := phonenumbers.Parse(number, "")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return ErrPhoneUnlikely
	}
	if demand == Valid && !phonenumbers.IsValidNumber(n) {
		return ErrPhoneUnlikely
	}
	return nil
}

// The longest address and local part that mail can carry (RFC 5321 §4.5.3.1).
const (
	maxEmail = 254
	maxLocal = 64
)

// Email checks an address and returns it in lower case. It takes what mail
// servers take without quoting (RFC 5322 §3.4.1, dot-atom), in ASCII: a
// quoted local part, a comment, a second @ or a letter that only looks like
// another cannot make two spellings of one address. International domains are
// written in their xn-- form.
func Email(s string) (string, error) {
	// Before lower case is taken: that of U+0130 is i and that of U+212A is k.
	if strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return "", ErrEmail
	}
	s = strings.ToLower(strings.Trim(s, " "))
	local, domain, ok := strings.Cut(s, "@")
	if !ok || len(s) > maxEmail || len(local) > maxLocal || !dotAtom(local) || !hostname(domain) {
		return "", ErrEmail
	}
	return s, nil
}

func dotAtom(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for i := range len(atom) {
			if !letterDigit(atom[i]) && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", atom[i]) < 0 {
				return false
			}
		}
	}
	return true
}

func hostname(s string) bool {
	labels := 0
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if !letterDigit(label[i]) && label[i] != '-' {
				return false
			}
		}
		labels++
		last = label
	}
	// "user@localhost" and "user@10.0.0.1" are not addresses of people.
	return labels >= 2 && (last[0] < '0' || last[0] > '9')
}

func letterDigit(c byte) bool { return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' }
