package address

import (
	"slices"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"

	"github.com/doorcode/doorcode/internal/tenant"
)

// examples are numbers of every region that the tables know, by region.
func examples(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for region := range phonenumbers.GetSupportedRegions() {
		for typ := phonenumbers.FIXED_LINE; typ <= phonenumbers.UAN; typ++ {
			n := phonenumbers.GetExampleNumberForTypeInRegion(region, typ)
			// Some regions share a numbering plan, and the tables have a number of
			// one as the other's.
			if n != nil && phonenumbers.GetRegionCodeForNumber(n) == region {
				out[region] = phonenumbers.Format(n, phonenumbers.E164)
			}
		}
	}
	if len(out) < 240 {
		t.Fatalf("%d regions, want 240", len(out))
	}
	return out
}

// SMS-01: a number of a region passes where the region is allowed, and where
// all others are denied, and nowhere else.
func TestSMS01EveryRegion(t *testing.T) {
	all := examples(t)
	var regions []string
	for region := range all {
		regions = append(regions, region)
	}
	for region, number := range all {
		others := slices.DeleteFunc(slices.Clone(regions), func(r string) bool { return r == region })
		for _, tt := range []struct {
			list []string
			deny bool
			want bool
		}{{[]string{region}, false, true}, {others, false, false}, {[]string{region}, true, false}, {others, true, true}, {regions, true, false}} {
			if got := InCountries(number, tt.list, tt.deny); got != tt.want {
				t.Errorf("%s of %s with %d regions, deny %v: %v", number, region, len(tt.list), tt.deny, got)
			}
		}
	}
	// Of which country a number is that the tables do not know, nobody can say.
	for _, tt := range []struct {
		number string
		list   []string
		deny   bool
		want   bool
	}{
		{"+15551234567", []string{"US"}, false, false},
		{"+15551234567", phonenumbers.GetRegionCodesForCountryCode(1), false, true},
		{"+15551234567", []string{"CA"}, true, false},
		{"+15551234567", []string{"GB"}, true, true},
		{"+9991234567", []string{"GB"}, true, false}, // no country's
		{"+1", []string{"US"}, false, false},
		{"+881612345678", []string{"001"}, false, true},
		{"+881612345678", []string{"US"}, false, false},
	} {
		if got := InCountries(tt.number, tt.list, tt.deny); got != tt.want {
			t.Errorf("InCountries(%s, %v, %v) = %v", tt.number, tt.list, tt.deny, got)
		}
	}
}

// SMS-02: lines that nobody signs in with are told apart from telephones, in
// every region that has them.
func TestSMS02LineTypes(t *testing.T) {
	types := map[phonenumbers.PhoneNumberType]string{
		phonenumbers.MOBILE: "", phonenumbers.FIXED_LINE: "", phonenumbers.PREMIUM_RATE: "premium_rate", phonenumbers.SHARED_COST: "shared_cost",
		phonenumbers.TOLL_FREE: "toll_free", phonenumbers.UAN: "uan", phonenumbers.VOICEMAIL: "voicemail", phonenumbers.PAGER: "pager",
		phonenumbers.PERSONAL_NUMBER: "personal_number", phonenumbers.VOIP: "voip",
	}
	tried := 0
	for region := range phonenumbers.GetSupportedRegions() {
		for typ, want := range types {
			n := phonenumbers.GetExampleNumberForTypeInRegion(region, typ)
			if n == nil {
				continue
			}
			tried++
			// Some plans have a number that is of two types.
			number := phonenumbers.Format(n, phonenumbers.E164)
			if got := Line(number); got != want && phonenumbers.GetNumberType(n) == typ {
				t.Errorf("Line(%s), %s: %q, want %q", number, region, got, want)
			}
			if got := Line(number); want != "" && got == "" && typ != phonenumbers.VOIP {
				t.Errorf("%s of %s passes as a telephone, want %q", number, region, want)
			}
		}
	}
	for number, want := range map[string]string{
		"+19005551234": "premium_rate", "+449012345678": "premium_rate", "+979123456789": "premium_rate", "+8835100123456": "satellite",
		"+870773111632": "satellite", "+881612345678": "satellite", "+8823421234": "satellite", "+18002530000": "toll_free", "+447012345678": "personal_number",
		"+447640123456": "pager", "+15551234567": "invalid", "+1": "invalid", "+999123": "invalid", "+000000": "invalid", "": "invalid",
		"+447400123456": "", "+31612345678": "", "+12015550123": "",
	} {
		tried++
		if got := Line(number); got != want {
			t.Errorf("Line(%s) = %q, want %q", number, got, want)
		}
		if want != "" && !slices.Contains(tenant.LineTypes(), want) {
			t.Errorf("%q is not among the types", want)
		}
	}
	if tried < 300 {
		t.Errorf("%d vectors, want 300", tried)
	}
}
