package address

import (
	"slices"
	"testing"
)

// D13: a number is found however it is written.
func TestD13SearchedNumber(t *testing.T) {
	const want = "+447700900123"
	for _, s := range []string{
		"+447700900123", "+44 7700-900123", "+44 (0)7700 900123", "+44 (7700) 900 123", "00447700900123", "447700900123",
		"07700 900123", "07700900123", "(07700) 900.123", "7700900123", "+٤٤٧٧٠٠٩٠٠١٢٣", "＋４４ ７７００ ９００１２３", "\u200e+44\u00a07700\u2011900123",
	} {
		got, ok := SearchedNumber(s, []string{"GB"})
		if !ok || !slices.Contains(append(got.Exact, got.Begins...), want) {
			t.Errorf("SearchedNumber(%q) = %v, %v; want %s", s, got, ok, want)
		}
	}
	// A whole number needs no default country, a part of one does.
	if got, _ := SearchedNumber("0 412 345 678", nil); !slices.Contains(got.Exact, "+61412345678") {
		t.Errorf("without a default country: %v", got)
	}
	if got, _ := SearchedNumber("07700 9", []string{"gb", "XX"}); !slices.Equal(got.Begins, []string{"+077009", "+4477009"}) {
		t.Errorf("a part of a number: %v", got)
	}
	for _, s := range []string{"", "+", "ada", "a@mail.example", "07700 x", "1+1", "--", "sms|58fa"} {
		if got, ok := SearchedNumber(s, []string{"GB"}); ok {
			t.Errorf("SearchedNumber(%q) = %v", s, got)
		}
	}
}

func BenchmarkSearchedNumber(b *testing.B) {
	for b.Loop() {
		SearchedNumber("07700 900123", []string{"GB"})
	}
}
