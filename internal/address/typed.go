package address

import (
	"errors"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
)

// Reasons why a number that somebody typed is refused.
var (
	// ErrTyped: it is none that its country could have.
	ErrTyped = errors.New("not a phone number with its country code")
	// ErrNoCountry: it may be one, of a country that nobody has named.
	ErrNoCountry = errors.New("a phone number without its country code")
)

// maxTyped bounds what is looked at as a number.
const maxTyped = 60

// TypedPhone reads a number as people write it, with its country code after a
// plus or 00, in digits of any script and with whatever stands between them. It
// must be one that its country could have.
func TypedPhone(s string) (string, error) { return TypedPhoneIn(s, "") }

// TypedPhoneIn is TypedPhone that reads a number without its country code as one
// of a region, by its ISO 3166 code. A country code that was typed goes before
// the region, whatever that is: numbers are filled in by browsers and copied from
// elsewhere, and must not become somebody else's.
func TypedPhoneIn(s, region string) (string, error) {
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
		case unicode.IsDigit(r):
			if d := phonenumbers.NormalizeDigitsOnly(string(r)); len(d) == 1 {
				return rune(d[0])
			}
		}
		return r
	}, s))
	if rest, ok := strings.CutPrefix(s, "00"); ok {
		s = "+" + rest
	}
	if strings.HasPrefix(s, "+") {
		n, err := phonenumbers.Parse(s, "")
		if err != nil || !phonenumbers.IsPossibleNumber(n) {
			return "", ErrTyped
		}
		return Phone(phonenumbers.Format(n, phonenumbers.E164))
	}
	switch {
	case s == "" || strings.ContainsFunc(s, notInNumber):
		// No letters: the tables would read "0800 FLOWERS", and anything else
		// with enough digits in it.
		return "", ErrTyped
	case region == "":
		return "", ErrNoCountry
	}
	n, err := phonenumbers.Parse(s, strings.ToUpper(region))
	if err != nil || phonenumbers.IsPossibleNumberWithReason(n) != phonenumbers.IS_POSSIBLE {
		return "", ErrTyped // also a number without its area code, which reaches nobody from here
	}
	return Phone(phonenumbers.Format(n, phonenumbers.E164))
}

// notInNumber reports whether a character is none that people write a number
// with.
func notInNumber(r rune) bool {
	return (r < '0' || r > '9') && !unicode.Is(unicode.Pd, r) && !strings.ContainsRune(" ()[]./\\,·", r)
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

// National writes a stored number as people of its country do, without its
// country code. It is empty if what is written would not be read as the same
// number in that region.
func National(number, region string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return ""
	}
	s := phonenumbers.Format(n, phonenumbers.NATIONAL)
	if again, err := TypedPhoneIn(s, region); err != nil || again != number {
		return ""
	}
	return s
}
