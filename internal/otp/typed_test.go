package otp

import (
	"fmt"
	"strings"
	"testing"
)

// OTP-12: forty ways in which people type 123456, or another code, that are
// understood.
func TestOTP12TypedAccepts(t *testing.T) {
	tests := []struct{ in, want string }{
		{"123456", "123456"},
		{"000000", "000000"},
		{"012345", "012345"},
		{"1234", "1234"},
		{"1", "1"},
		{strings.Repeat("9", 40), strings.Repeat("9", 40)},
		{strings.Repeat("9", 128), strings.Repeat("9", 128)},
		// Grouped.
		{"123 456", "123456"},
		{"123-456", "123456"},
		{"12 34 56", "123456"},
		{"12-34-56", "123456"},
		{"1 2 3 4 5 6", "123456"},
		{"1-2-3-4-5-6", "123456"},
		{"123 - 456", "123456"},
		{"123  456", "123456"},
		{"123--456", "123456"},
		{" 123456", "123456"},
		{"123456 ", "123456"},
		{"  123456  ", "123456"},
		{"\t123456", "123456"},
		{"123\t456", "123456"},
		{"-123456-", "123456"},
		{"123\u00a0456", "123456"},
		{"123\u2007456", "123456"},
		{"123\u2009456", "123456"},
		{"123\u202f456", "123456"},
		{"123\u3000456", "123456"},
		{"123\u2010456", "123456"},
		{"123\u2011456", "123456"},
		{"123\u2012456", "123456"},
		{"123\u2013456", "123456"},
		// Other keyboards.
		{"１２３４５６", "123456"},
		{"０１２３４５６７８９", "0123456789"},
		{"１２３　４５６", "123456"},
		{"١٢٣٤٥٦", "123456"},
		{"٠١٢٣٤٥٦٧٨٩", "0123456789"},
		{"١٢٣ ٤٥٦", "123456"},
		{"۱۲۳۴۵۶", "123456"},
		{"۰۱۲۳۴۵۶۷۸۹", "0123456789"},
		{"12３٤۵6", "123456"},
	}
	if len(tests) != 40 {
		t.Fatalf("there are %d ways, want 40", len(tests))
	}
	for _, tt := range tests {
		if got, ok := Typed(tt.in); !ok || got != tt.want {
			t.Errorf("Typed(%q) = %q, %v, want %q", tt.in, got, ok, tt.want)
		}
	}
}

// OTP-12: two hundred texts that are no code.
func TestOTP12TypedRejects(t *testing.T) {
	tests := []string{
		// Nothing, or nothing but what groups digits.
		"", " ", "-", "   ", "- -", "\t", "\u00a0", "\u3000", "\u2013",
		// Too long, however little of it are digits.
		strings.Repeat("1", 129), "123456" + strings.Repeat(" ", 123), strings.Repeat("１", 43), strings.Repeat("1", 1<<20),
		// Numbers, but no codes.
		"+123456", "123456.0", "123,456", "123_456", "123'456", "1e5", "1E5", "0x1234", "0b1010", "0o17", "12345f", "#123456", "½", "²", "①②③", "Ⅳ",
		"123456;", "123456:", "123/456", "123*456", "123=456", "123|456", "(123)456", "[123456]", "{123456}", "<123456>", "123%20456", "123+456",
		"$123456", "&123456", "123456!", "123456?", "~123456", "^123456", "@123456", "`123456`", "\"123456\"", "'123456'", "\\123456", "123456\\",
		// Lines, control characters and what cannot be seen.
		"123456\n", "\n123456", "123\n456", "123456\r\n", "\r123456", "123\x00456", "\x00", "123456\x00", "\x7f123456", "\x1b[0m123456", "123\v456", "123\f456",
		"\u200b123456", "123\u200b456", "\u200e123456", "\u200f123456", "\u202a123456", "\u202e123456", "\u2066123456\u2069", "\ufeff123456", "123\u2060456",
		"123\u00ad456", "123\u2028456", "123\u2029456", "123\u0085456", "12\u03013456",
		// Dashes and spaces that are not among those people type.
		"123\u2014456", "123\u2015456", "123\u2212456", "123\ufe63456", "123\uff0d456", "123\u2002456", "123\u2003456", "123\u2008456", "123\u200a456", "123\u205f456", "123\u1680456",
		// Not text.
		"\xff", "123\xff456", "\xc3\x28", "12\x803456", "\xed\xa0\x80123456", "\xf0\x82\x82\xac",
		// Injection.
		"' OR 1=1 --", "1; DROP TABLE codes", "123456' --", "123456\" OR \"\"=\"", "{{code}}", "@@code@@", "${123456}", "<script>1</script>", "../123456", "%31%32%33", "1\\u00312", "null", "true", "undefined", "NaN", "Infinity", "[1,2,3]", "{\"a\":1}", "*", "%", "_", "123%", "12345_", "123456*",
	}
	// Every ASCII character that neither is a digit nor groups digits.
	for c := byte(1); c < 128 && len(tests) < 170; c++ {
		if c >= '0' && c <= '9' || c == ' ' || c == '-' || c == '\t' {
			continue
		}
		tests = append(tests, "123"+string(rune(c))+"45")
	}
	// Digits of writing systems nobody sends codes in.
	for _, zero := range []rune{
		'०', '০', '੦', '૦', '୦', '௦', '౦', '೦', '൦', '๐', '໐', '༠', '၀', '០', '᠐', '᧐', '᭐', '᮰', '᱀', '᱐',
		'꘠', '꣐', '꤀', '꧐', '꩐', '꯰', '𝟎', '𝟘', '𝟢', '𝟬', '𝟶', '𐒠', '𑁦', '߀', '０' + 0x100,
	} {
		if len(tests) < 200 {
			tests = append(tests, "12345"+string(zero))
		}
	}
	if len(tests) != 200 {
		t.Fatalf("there are %d texts, want 200", len(tests))
	}
	seen := map[string]bool{}
	for _, in := range tests {
		if seen[in] {
			t.Errorf("%q is there twice", in)
		}
		seen[in] = true
		if got, ok := Typed(in); ok {
			t.Errorf("Typed(%.40q) = %q, want it refused", in, got)
		}
	}
}

// Whatever is typed, what is read are ASCII digits, and reading those again
// changes nothing.
func FuzzTyped(f *testing.F) {
	for _, s := range []string{"123456", "123 456", "１２３-٤٥٦", "۱۲۳۴۵۶\u202f", "", "12a", "\xff\xfe", "1\u0000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := Typed(s)
		if !ok {
			return
		}
		if got == "" || strings.Trim(got, "0123456789") != "" || len(got) > len(s) || len(s) > maxTyped {
			t.Errorf("Typed(%q) = %q", s, got)
		}
		if again, ok := Typed(got); !ok || again != got {
			t.Errorf("Typed(%q) = %q, but Typed(%q) = %q, %v", s, got, got, again, ok)
		}
		var grouped strings.Builder
		for _, d := range got {
			fmt.Fprintf(&grouped, "%c ", d)
		}
		if again, ok := Typed(grouped.String()); grouped.Len() <= maxTyped && (!ok || again != got) {
			t.Errorf("Typed(%q) = %q, %v, want %q", grouped.String(), again, ok, got)
		}
	})
}

func BenchmarkTyped(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := Typed("123 456"); !ok {
			b.Fatal("refused")
		}
	}
}
