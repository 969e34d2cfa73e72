package otp

import (
	"strings"
	"unicode"
)

// maxPasted bounds what is looked at: a message is far shorter.
const maxPasted = 4096

// Pasted finds a code of n digits in what people put into the field of a page:
// the code as they type it, in digits of any script and with whatever stands
// between them, or a whole message with the code in it. It never chooses: a
// message in which two numbers could be the code has none. It reports false for
// what cannot be the code, which is no guess, so that nobody loses a try by it.
//
// What the APIs take is Typed: they are called by programs, which have the code.
func Pasted(s string, n int) (string, bool) {
	if len(s) > maxPasted {
		return "", false
	}
	if strings.ContainsFunc(s, inWord) {
		return inMessage(s, n)
	}
	var b strings.Builder
	for _, r := range s {
		if d, ok := digit(r); ok {
			b.WriteByte(d)
		}
	}
	return b.String(), b.Len() == n
}

// inWord reports whether a character makes a text more than a number with signs.
func inWord(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.Nl, unicode.No) }

// inMessage returns the only number of n digits in a text. The same number may be
// there again: messages have the code a second time, for the browser.
func inMessage(s string, n int) (string, bool) {
	found := ""
	for _, number := range numbers(s) {
		if len(number) != n || number == found {
			continue
		}
		if found != "" {
			return "", false
		}
		found = number
	}
	return found, found != ""
}

// numbers are the numbers in a text, in ASCII digits: runs of digits with no more
// than one space or hyphen between two of them. What is a part of something longer
// is none: of a name in ASCII, an amount, a time, a phone number with its plus.
func numbers(s string) (list []string) {
	text := []rune(s)
	at := func(i int) rune {
		if i < 0 || i >= len(text) {
			return ' '
		}
		return text[i]
	}
	isDigit := func(i int) bool { _, ok := digit(at(i)); return ok }
	for i := 0; i < len(text); i++ {
		if !isDigit(i) {
			continue
		}
		var number []byte
		whole := !joins(at(i-1)) && (!marks(at(i-1)) || !isDigit(i-2)) && at(i-1) != '+' && at(i-1) != '＋'
		for ; isDigit(i) || separates(at(i)) && isDigit(i+1); i++ {
			if d, ok := digit(at(i)); ok {
				number = append(number, d)
			}
		}
		if whole && !joins(at(i)) && (!marks(at(i)) || !isDigit(i+1)) {
			list = append(list, string(number))
		}
	}
	return list
}

// joins reports whether a character makes one word with a digit beside it. Those
// of other scripts do not: many write no spaces.
func joins(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

// marks reports whether a character between two digits makes one number of them,
// which is not a code.
func marks(r rune) bool { return strings.ContainsRune(".,:/'", r) }

// digit is the ASCII digit for one of any script.
func digit(r rune) (byte, bool) {
	if r >= '0' && r <= '9' {
		return byte(r), true
	}
	if r <= unicode.MaxASCII {
		return 0, false
	}
	// Digits have their values in the order of their code points, ten in a row
	// (Unicode 15.1 §4.6).
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte('0' + (r-rune(t.Lo))%10), true
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return byte('0' + (r-rune(t.Lo))%10), true
		}
	}
	return 0, false
}
