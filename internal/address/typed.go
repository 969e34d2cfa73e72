package address

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
)

// ErrTyped refuses a number that somebody typed.
var ErrTyped = errors.New("not a phone number with its country code")

// maxTyped bounds what is looked at as a number.
const maxTyped = 60

// TypedPhone reads a number as people write it, with its country code after a
// plus or 00, in digits of any script and with whatever stands between them. It
// must be one that its country could have.
func TypedPhone(s string) (string, error) {
	if len(s) > maxTyped {
		return "", ErrTyped
	}
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '＋':
			return '+'
		case unicode.Is(unicode.Cf, r):
			return -1 // marks of writing direction, from a copied number
		case unicode.IsSpace(r):
			return ' '
		}
		return r
	}, s))
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	if !strings.HasPrefix(s, "+") {
		return "", ErrTyped
	}
	n, err := phonenumbers.Parse(s, "")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return "", ErrTyped
	}
	return Phone(phonenumbers.Format(n, phonenumbers.E164))
}

// Readable writes a stored number with the spaces its country puts in, or as it
// is if it has no known form.
func Readable(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil || !phonenumbers.IsPossibleNumber(n) {
		return number
	}
	return phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}
