package message

import (
	"strings"
	"unicode/utf8"
)

// Encoding is how an SMS travels over the air.
type Encoding string

// The values of Encoding.
const (
	GSM7 Encoding = "GSM-7" // 160 characters, or 153 in each of several parts
	UCS2 Encoding = "UCS-2" // 70 characters, or 67; one foreign character is enough to need it
)

// The default alphabet of 3GPP TS 23.038 §6.2.1 beyond ASCII letters and
// digits, and the characters of its extension table, which take two places.
const (
	gsmBasic    = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./:;<=>?¡ÄÖÑÜ§¿äöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// Segments says how a body is encoded and how many parts it is sent, and
// billed, as. A part never ends inside a character: neither an escape and the
// character it extends nor a surrogate pair is split.
func Segments(body string) (Encoding, int) {
	if parts, ok := count(body, septets, 160, 153); ok {
		return GSM7, parts
	}
	parts, _ := count(body, codeUnits, 70, 67)
	return UCS2, parts
}

// count fills parts character by character. A body that fits in one part may
// use single places, each part of a longer one only several: the rest is its
// header. It reports false if a character has no place in the alphabet.
func count(body string, width func(rune) int, single, several int) (parts int, ok bool) {
	total, inPart := 0, 0
	for _, r := range body {
		w := width(r)
		if w == 0 {
			return 0, false
		}
		total += w
		if inPart+w > several || parts == 0 {
			parts++
			inPart = 0
		}
		inPart += w
	}
	if total > 0 && total <= single {
		parts = 1
	}
	return parts, true
}

func septets(r rune) int {
	switch {
	case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || r == ' ':
		return 1
	case strings.ContainsRune(gsmExtended, r):
		return 2
	case r != utf8.RuneError && strings.ContainsRune(gsmBasic, r):
		return 1
	}
	return 0
}

func codeUnits(r rune) int {
	if r > 0xFFFF {
		return 2
	}
	return 1
}
