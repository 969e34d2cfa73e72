package address

import (
	"slices"

	"github.com/nyaruka/phonenumbers/v2"
)

// The types of lines, as tenant.LineTypes names them.
const (
	lineVoIP      = "voip"
	lineSatellite = "satellite"
	linePremium   = "premium_rate"
	lineShared    = "shared_cost"
	lineTollFree  = "toll_free"
	lineUAN       = "uan"
	lineVoicemail = "voicemail"
	linePager     = "pager"
	linePersonal  = "personal_number"
	lineInvalid   = "invalid"
)

// premiumCode is the country code of the international premium rate service;
// satelliteCodes are those of satellite systems and other networks of no country.
const premiumCode = 979

func satelliteCode(code int32) bool { return code == 870 || code >= 881 && code <= 883 }

// Line is the type of a number's line: one of tenant.LineTypes, or empty for a
// telephone, fixed or mobile. Numbers that nobody can have are "invalid".
//
// Satellite systems come first: the tables have them as mobile telephones, and
// a message to one costs a multiple.
func Line(number string) string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return lineInvalid
	}
	switch code := n.GetCountryCode(); {
	case code == premiumCode:
		return linePremium
	case satelliteCode(code):
		return lineSatellite
	}
	switch phonenumbers.GetNumberType(n) {
	case phonenumbers.FIXED_LINE, phonenumbers.MOBILE, phonenumbers.FIXED_LINE_OR_MOBILE:
		return ""
	case phonenumbers.VOIP:
		return lineVoIP
	case phonenumbers.PREMIUM_RATE:
		return linePremium
	case phonenumbers.SHARED_COST:
		return lineShared
	case phonenumbers.TOLL_FREE:
		return lineTollFree
	case phonenumbers.UAN:
		return lineUAN
	case phonenumbers.VOICEMAIL:
		return lineVoicemail
	case phonenumbers.PAGER:
		return linePager
	case phonenumbers.PERSONAL_NUMBER:
		return linePersonal
	}
	return lineInvalid
}

// Regions are the countries, by ISO 3166 code, that a number may belong to: one
// if the tables know the number, else all that share its country code, and none
// if nobody has that. Numbers of no country are of region "001".
func Regions(number string) []string {
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return nil
	}
	if region := phonenumbers.GetRegionCodeForNumber(n); region != "" {
		return []string{region}
	}
	return phonenumbers.GetRegionCodesForCountryCode(int(n.GetCountryCode()))
}

// InCountries reports whether a number is of one of the countries in a list, or
// of none of them if deny is set. A number of which that cannot be told is not:
// whoever has a list does not pay for doubt.
func InCountries(number string, list []string, deny bool) bool {
	regions := Regions(number)
	if len(regions) == 0 {
		return false
	}
	return !slices.ContainsFunc(regions, func(r string) bool { return slices.Contains(list, r) == deny })
}
