package address

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers/v2"
)

// wholeNumber is from how many digits on a number without its country code may
// be a whole one.
const wholeNumber = 7

// Searched is what stored numbers may be meant by one that somebody typed, whole
// or in part.
type Searched struct {
	Exact  []string // whole numbers
	Begins []string // beginnings of numbers
}

// SearchedNumber reads what somebody types who looks for a number: with or
// without its country code, in digits of any script and with whatever people put
// between them. A number without its country code may be of any country; a part of
// one is of one of the regions, by their ISO 3166 codes. It reports false for what
// is not a number.
func SearchedNumber(s string, regions []string) (Searched, bool) {
	digits, international, ok := searchedDigits(s)
	if !ok {
		return Searched{}, false
	}
	var out Searched
	if international {
		out.Begins = append(out.Begins, "+"+digits)
		if n, err := TypedPhone("+" + digits); err == nil && n != "+"+digits {
			out.Begins = append(out.Begins, n) // it was typed with the zero that is left out abroad
		}
		return out, true
	}
	out.Begins = []string{"+" + digits} // the plus was left out
	national := strings.TrimLeft(digits, "0")
	for _, r := range regions {
		code := phonenumbers.GetCountryCodeForRegion(strings.ToUpper(r))
		if code == 0 || national == "" {
			continue
		}
		out.Begins = append(out.Begins, "+"+strconv.Itoa(code)+national)
	}
	slices.Sort(out.Begins)
	out.Begins = slices.Compact(out.Begins)
	if len(digits) >= wholeNumber {
		out.Exact = everywhere(digits)
	}
	return out, true
}

// everywhere are the numbers that a national one can be, in all countries.
func everywhere(digits string) []string {
	var list []string
	for region := range phonenumbers.GetSupportedRegions() {
		n, err := phonenumbers.Parse(digits, region)
		if err == nil && phonenumbers.IsPossibleNumber(n) {
			list = append(list, phonenumbers.Format(n, phonenumbers.E164))
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// searchedDigits are the digits of a number in ASCII. It reports false if there
// is anything that does not belong into one.
func searchedDigits(s string) (digits string, international, ok bool) {
	if len(s) > maxTyped {
		return "", false, false
	}
	s = strings.ReplaceAll(s, "(0)", "") // "+44 (0)7700 900123"
	var b strings.Builder
	for _, r := range s {
		switch {
		case unicode.IsDigit(r):
			b.WriteString(phonenumbers.NormalizeDigitsOnly(string(r)))
		case r == '+' || r == '＋':
			if b.Len() > 0 || international {
				return "", false, false
			}
			international = true
		case unicode.IsSpace(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Pd, r), strings.ContainsRune("()[]./\\,·", r):
		default:
			return "", false, false
		}
	}
	digits = b.String()
	if rest, cut := strings.CutPrefix(digits, "00"); cut && !international && rest != "" {
		digits, international = rest, true
	}
	return digits, international, digits != ""
}
