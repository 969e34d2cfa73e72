package address

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
)

// Every country of the tables is there once, under its code, in the order in
// which people look for it.
func TestCountries(t *testing.T) {
	seen := map[string]bool{}
	names := map[string]bool{}
	plain := strings.NewReplacer("Å", "A", "ô", "o", "ç", "c", "é", "e", "ã", "a", "í", "i", "ü", "u")
	for i, c := range Countries() {
		if seen[c.Region] || names[c.Name] {
			t.Errorf("%s is there twice", c)
		}
		seen[c.Region], names[c.Name] = true, true
		if got := phonenumbers.GetCountryCodeForRegion(c.Region); got != c.Code {
			t.Errorf("%s: the tables have the code %d", c, got)
		}
		if i > 0 && plain.Replace(Countries()[i-1].Name) >= plain.Replace(c.Name) {
			t.Errorf("%s comes after %s", c.Name, Countries()[i-1].Name)
		}
		if name := plain.Replace(c.Name); strings.ContainsFunc(name, func(r rune) bool { return r > 126 }) {
			t.Errorf("the order of %s is not known", c.Name)
		}
		if national, international := c.Example(); national != "" {
			want, err := TypedPhone(international)
			if got, nerr := TypedPhoneIn(national, c.Region); err != nil || nerr != nil || got != want {
				t.Errorf("the example of %s: %q is %q %v, %q is %q %v", c, national, got, nerr, international, want, err)
			}
		}
	}
	for r := range phonenumbers.GetSupportedRegions() {
		if !seen[r] {
			t.Errorf("%s is missing", r)
		}
	}
	if len(seen) != len(phonenumbers.GetSupportedRegions()) {
		t.Errorf("%d countries, the tables have %d", len(seen), len(phonenumbers.GetSupportedRegions()))
	}
}

// Each code that countries share stands for one of them.
func TestMainCountries(t *testing.T) {
	mains := map[int][]string{}
	for _, c := range Countries() {
		if mains[c.Code] = append(mains[c.Code], ""); c.Main() {
			mains[c.Code][0] += c.Region
		}
	}
	for code, want := range map[int]string{1: "US", 7: "RU", 39: "IT", 44: "GB", 47: "NO", 61: "AU", 358: "FI", 33: "FR"} {
		if mains[code][0] != want {
			t.Errorf("+%d stands for %q, want %s", code, mains[code][0], want)
		}
	}
	for code, m := range mains {
		if len(m[0]) != 2 {
			t.Errorf("+%d stands for %q", code, m[0])
		}
	}
}

// What people type who have chosen a country (or whose country is known).
func TestTypedPhoneIn(t *testing.T) {
	for _, tt := range []struct{ typed, region, want string }{
		{"07700 900123", "GB", "+447700900123"},
		{"07700 900123", "gb", "+447700900123"},
		{"(0)7700 900123", "GB", "+447700900123"},
		{"7700 900123", "GB", "+447700900123"},
		{"٠٧٧٠٠٩٠٠١٢٣", "GB", "+447700900123"},
		{"०७७०० ९००१२३", "GB", "+447700900123"},
		{"０７７００　９００１２３", "GB", "+447700900123"},
		{"07700-900-123", "GB", "+447700900123"},
		{"07700.900.123", "GB", "+447700900123"},
		{"07700/900123", "GB", "+447700900123"},
		{"07700\u2011900123", "GB", "+447700900123"},
		{"\u202a07700 900123\u202c", "GB", "+447700900123"},
		{"447700900123", "GB", "+447700900123"},
		{"0431 234 567", "AU", "+61431234567"},
		{"06 12345678", "NL", "+31612345678"},
		{"(202) 555-0123", "US", "+12025550123"},
		{"1 202 555 0123", "US", "+12025550123"},
		{"011 44 7700 900123", "US", "+447700900123"},
		{"8 912 345-67-89", "RU", "+79123456789"},
		{"06 698 1234", "IT", "+39066981234"}, // whose zero is part of the number
		{"464 1234", "AG", "+12684641234"},
		{"0912 345 678", "TW", "+886912345678"},
		// What has its country code is of that country, whatever was chosen.
		{"+33612345678", "GB", "+33612345678"},
		{"0033 6 12 34 56 78", "GB", "+33612345678"},
		{"0044 7700-900 123", "US", "+447700900123"},
		{"＋44 7700 900123", "US", "+447700900123"},
		{"+٤٤ ٧٧٠٠ ٩٠٠١٢٣", "FR", "+447700900123"},
		{"٠٠٤٤ ٧٧٠٠ ٩٠٠١٢٣", "FR", "+447700900123"},
		{"+44 (0)7700 900123", "DE", "+447700900123"},
		{"+44 7700 900123", "nonsense", "+447700900123"},
		{"+44 7700 900123", "", "+447700900123"},
	} {
		if got, err := TypedPhoneIn(tt.typed, tt.region); err != nil || got != tt.want {
			t.Errorf("TypedPhoneIn(%q, %q) = %q, %v, want %q", tt.typed, tt.region, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		typed, region string
		why           error
	}{
		{"07700 900123", "", ErrNoCountry},
		{"7", "", ErrNoCountry},
		{"", "", ErrTyped},
		{"", "GB", ErrTyped},
		{"   ", "GB", ErrTyped},
		{"07700 900123", "XX", ErrTyped},
		{"07700 900123", "GBR", ErrTyped},
		{"07700 900123", "001", ErrTyped},
		{"07700 900123", "../..", ErrTyped},
		{"07", "GB", ErrTyped},
		{"07700 900123 456", "GB", ErrTyped},
		{"555 0123", "US", ErrTyped}, // of which area?
		{"sam@example.com", "GB", ErrTyped},
		{"07700900123@example.com", "GB", ErrTyped},
		{"call 07700 900123", "GB", ErrTyped},
		{"07700 900123 or 07700 900124", "GB", ErrTyped},
		{"1-800-FLOWERS", "US", ErrTyped},
		{"07700 900123 ext 5", "GB", ErrTyped},
		{"07700;900123", "GB", ErrTyped},
		{"07700+900123", "GB", ErrTyped},
		{"--", "GB", ErrTyped},
		{"0000000000", "GB", ErrTyped},
		{"+", "GB", ErrTyped},
		{"+0", "GB", ErrTyped},
		{"00", "GB", ErrTyped},
		{"+999 123", "GB", ErrTyped},
		{"07700\xff900123", "GB", ErrTyped},
		{strings.Repeat("0", maxTyped+1), "GB", ErrTyped},
	} {
		if got, err := TypedPhoneIn(tt.typed, tt.region); !errors.Is(err, tt.why) {
			t.Errorf("TypedPhoneIn(%q, %q) = %q, %v, want %v", tt.typed, tt.region, got, err, tt.why)
		}
	}
}

// Whatever is typed and chosen, what is read is a number in the form of the
// wire, reading it again changes nothing, and a plus is never read as a national
// number.
func FuzzTypedPhoneIn(f *testing.F) {
	for _, s := range []string{"07700 900123", "+44 7700 900123", "0044", "٠٧٧٠٠", "(0)7", "1-800-FLOWERS", "\xff", "０", "+ +", "\u202a0"} {
		f.Add(s, "GB")
		f.Add(s, "US")
		f.Add(s, "")
	}
	f.Fuzz(func(t *testing.T, s, region string) {
		got, err := TypedPhoneIn(s, region)
		if err != nil {
			return
		}
		if again, err := Phone(got); err != nil || again != got {
			t.Errorf("TypedPhoneIn(%q, %q) = %q, which is no number: %v", s, region, got, err)
		}
		if strings.HasPrefix(s, "+") {
			if plain, err := TypedPhone(s); err != nil || plain != got {
				t.Errorf("TypedPhoneIn(%q, %q) = %q, but without a country %q, %v", s, region, got, plain, err)
			}
		}
	})
}

// The country of a number, with those that share its code.
func TestCountryOf(t *testing.T) {
	for _, tt := range []struct{ number, likely, want string }{
		{"+33612345678", "", "FR"},
		{"+33612345678", "GB", "FR"},
		{"+447700900123", "", "GB"}, // nobody has it, and five countries could
		{"+447700900123", "JE", "JE"},
		{"+447700900123", "FR", "GB"},
		{"+12042345678", "", "CA"},
		{"+12042345678", "US", "CA"},
		{"+15551234567", "", "US"},
		{"+15551234567", "CA", "CA"},
		{"+8816123456789", "", ""}, // a satellite's
		{"+9991234567", "GB", ""},
		{"", "GB", ""},
	} {
		if got, ok := CountryOf(tt.number, tt.likely); got.Region != tt.want || ok != (tt.want != "") {
			t.Errorf("CountryOf(%q, %q) = %q, %v, want %q", tt.number, tt.likely, got.Region, ok, tt.want)
		}
	}
}

// A number written for its country is read as the same one, or not written.
func TestNational(t *testing.T) {
	for _, tt := range []struct{ number, region, want string }{
		{"+447700900123", "GB", "07700 900123"},
		{"+447700900123", "JE", "07700 900123"},
		{"+12025550123", "US", "(202) 555-0123"},
		{"+33612345678", "FR", "06 12 34 56 78"},
		{"+447700900123", "FR", ""},
		{"+447700900123", "", ""},
		{"+15551", "US", ""},
		{"nonsense", "GB", ""},
	} {
		if got := National(tt.number, tt.region); got != tt.want {
			t.Errorf("National(%q, %q) = %q, want %q", tt.number, tt.region, got, tt.want)
		}
	}
}

func TestAllowed(t *testing.T) {
	regions := func(list []Country) (out []string) {
		for _, c := range list {
			out = append(out, c.Region)
		}
		return out
	}
	if got := Allowed(nil, false); len(got) != len(Countries()) {
		t.Errorf("without a list: %d", len(got))
	}
	if got := regions(Allowed([]string{"GB", "FR", "001"}, false)); !slices.Equal(got, []string{"FR", "GB"}) {
		t.Errorf("those of a list: %v", got)
	}
	if got := regions(Allowed([]string{"GB", "FR"}, true)); len(got) != len(Countries())-2 || slices.Contains(got, "GB") {
		t.Errorf("all but those of a list: %d", len(got))
	}
}
