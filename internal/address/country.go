package address

import (
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers/v2"
)

// A Country is one that somebody can say their number is of.
type Country struct {
	Region string // its ISO 3166 code, or what numbering plans have in its place: AC, TA, XK
	Name   string // in English
	Code   int    // what its numbers begin with, after the plus
}

// String is the country with its code, by name first, so that it is found by
// typing the name.
func (c Country) String() string { return c.Name + " (" + c.Prefix() + ")" }

// Prefix is the plus and the code.
func (c Country) Prefix() string { return "+" + strconv.Itoa(c.Code) }

// Main reports whether, of the countries that share its code, it is the one that
// the code stands for if nothing else is known.
func (c Country) Main() bool { return phonenumbers.GetRegionCodeForCountryCode(c.Code) == c.Region }

// Countries are all of them, by name.
func Countries() []Country { return countries[:] }

// CountryOf is the country of a number: the likely one if the number can be of
// that, else the one that the tables know, or that its code stands for. It
// reports false for numbers of no country.
func CountryOf(number, likely string) (Country, bool) {
	regions := Regions(number)
	if len(regions) == 0 {
		return Country{}, false
	}
	region := regions[0]
	if slices.Contains(regions, likely) {
		region = likely
	} else if n, err := phonenumbers.Parse(number, ""); err == nil && len(regions) > 1 {
		region = phonenumbers.GetRegionCodeForCountryCode(int(n.GetCountryCode()))
	}
	return CountryIn(Countries(), region)
}

// CountryIn finds a country by its code from ISO 3166, in any case.
func CountryIn(list []Country, region string) (Country, bool) {
	if i := slices.IndexFunc(list, func(c Country) bool { return strings.EqualFold(c.Region, region) }); i >= 0 {
		return list[i], true
	}
	return Country{}, false
}

// Allowed are the countries that a list, or all but a list if deny is set, leave.
// An empty list leaves all.
func Allowed(regions []string, deny bool) []Country {
	if len(regions) == 0 {
		return Countries()
	}
	var out []Country
	for _, c := range countries {
		if slices.Contains(regions, c.Region) != deny {
			out = append(out, c)
		}
	}
	return out
}

// Example is a mobile number of the country, as people there write it and as
// others do; both are empty if none is known.
func (c Country) Example() (national, international string) {
	n := phonenumbers.GetExampleNumberForTypeInRegion(c.Region, phonenumbers.MOBILE)
	if c.Region == "GB" {
		// One that nobody has: Ofcom keeps it for films.
		n, _ = phonenumbers.Parse("+447700900123", "")
	}
	if n == nil || n.GetNationalNumber() == 0 {
		return "", ""
	}
	return phonenumbers.Format(n, phonenumbers.NATIONAL), phonenumbers.Format(n, phonenumbers.INTERNATIONAL)
}
