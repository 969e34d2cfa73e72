package message

import (
	"strings"
	"testing"
)

// D7: encodings and numbers of segments, also of characters that count twice.
func TestD7Segments(t *testing.T) {
	for _, c := range []struct {
		name, body string
		encoding   Encoding
		parts      int
	}{
		{"nothing", "", GSM7, 0},
		{"160 letters", strings.Repeat("a", 160), GSM7, 1},
		{"161 letters", strings.Repeat("a", 161), GSM7, 2},
		{"two full parts", strings.Repeat("a", 306), GSM7, 2},
		{"one more", strings.Repeat("a", 307), GSM7, 3},
		{"80 euros fill one part", strings.Repeat("€", 80), GSM7, 1},
		{"81 euros", strings.Repeat("€", 81), GSM7, 2},
		// 153 is odd, so each part holds 76 euros and wastes a place.
		{"152 euros", strings.Repeat("€", 152), GSM7, 2},
		{"153 euros", strings.Repeat("€", 153), GSM7, 3},
		{"an escape at the edge of a part", strings.Repeat("a", 152) + "{" + strings.Repeat("a", 151), GSM7, 2},
		{"and one letter more", strings.Repeat("a", 152) + "{" + strings.Repeat("a", 152), GSM7, 3},
		{"the whole basic set", gsmBasic, GSM7, 1},
		{"the whole extension table", gsmExtended, GSM7, 1},
		{"a small c with cedilla is not in it, the capital is", "Çç", UCS2, 1},
		{"a backtick is not in it", "`", UCS2, 1},
		{"a typographic apostrophe", "it’s", UCS2, 1},
		{"a tab", "a\tb", UCS2, 1},
		{"70 foreign letters", strings.Repeat("я", 70), UCS2, 1},
		{"71 foreign letters", strings.Repeat("я", 71), UCS2, 2},
		{"two full foreign parts", strings.Repeat("я", 134), UCS2, 2},
		{"and one more", strings.Repeat("я", 135), UCS2, 3},
		{"35 emoji", strings.Repeat("👍", 35), UCS2, 1},
		{"36 emoji", strings.Repeat("👍", 36), UCS2, 2},
		// 67 is odd, so each part holds 33 emoji.
		{"66 emoji", strings.Repeat("👍", 66), UCS2, 2},
		{"67 emoji", strings.Repeat("👍", 67), UCS2, 3},
		{"an emoji at the edge of a part", strings.Repeat("я", 66) + "👍" + strings.Repeat("я", 65), UCS2, 2},
		{"one foreign letter among 160", strings.Repeat("a", 159) + "я", UCS2, 3},
		{"broken UTF-8", "a\xff", UCS2, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			if encoding, parts := Segments(c.body); encoding != c.encoding || parts != c.parts {
				t.Errorf("Segments(%q) = %s, %d, want %s, %d", c.body, encoding, parts, c.encoding, c.parts)
			}
		})
	}
	if n := len([]rune(gsmBasic)) + 26 + 26 + 10 + 1; n != 127+1 {
		// 128 places less the escape; the space stands in both lists.
		t.Errorf("the basic set has %d characters", n)
	}
}

// OTP-14: the default text costs one segment in every language a request may
// name, with names of up to 30 characters; a name in another script is counted
// as what it costs.
func TestOTP14TheDefaultTextIsOneSegment(t *testing.T) {
	locales := strings.Fields("ar bg ca cs da de el en es et fi fr he hi hr hu id it ja ko lt lv nb nl pl pt-BR ro ru sk sv th tr uk vi zh-CN")
	if len(locales) < 30 {
		t.Fatalf("%d locales", len(locales))
	}
	tmpl, err := ParseSMS(DefaultSMS, Liquid)
	if err != nil {
		t.Fatal(err)
	}
	for _, locale := range locales {
		v := vars()
		v.RequestLanguage, v.ApplicationName = locale, "Vereinigte Stadtwerke Südwest."
		m, err := tmpl.Render(v, "login.example.com")
		if err != nil || m.Segments != 1 || m.Encoding != GSM7 {
			t.Errorf("%s: %d segments of %s, %v: %q", locale, m.Segments, m.Encoding, err, m.Body)
		}
		v.ApplicationName = "Пример"
		if m, err = tmpl.Render(v, ""); err != nil || m.Encoding != UCS2 || m.Segments < 1 {
			t.Errorf("%s: a Cyrillic name gives %s and %d segments, %v", locale, m.Encoding, m.Segments, err)
		}
	}
}
