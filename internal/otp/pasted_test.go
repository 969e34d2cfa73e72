package otp

import (
	"strings"
	"testing"
	"unicode"
)

// L13: what people put into the field of a page that is the code, in what they
// type and in whole messages.
func TestL13Pasted(t *testing.T) {
	for _, in := range []string{
		"123456", " 123456\n", "123 456", "123-456", "12 34 56", "1 2 3 4 5 6", "123  456", "123.456", "123,456", "(123456)", "#123456", "\"123456\"", "123456.", "123—456",
		"\u200e123456\u200e", "\ufeff123456", "123\u200b456", "123456\r\n",
		"１２３４５６", "١٢٣٤٥٦", "۱۲۳۴۵۶", "१२३४५६", "১২৩৪৫৬", "๑๒๓๔๕๖", "𝟏𝟐𝟑𝟒𝟓𝟔", "𝟷𝟸𝟹𝟺𝟻𝟼", "12३४۵6", "१२३ ४५६",
		"Your code is 123456", "Your code is 123 456.", "Your code is 123-456. It expires in 5 minutes.", "123456 is your Acme code. It expires in 5 minutes. Do not share it.\n\n@login.example.com #123456",
		"123456 is your Acme code. It expires in 5 minutes. Do not share it.@login.example.com #123456",
		"Acme 24: 123456", "G-123456 is your code", "Your code: 123456, valid until 12:30", "Code (123456), costs 1.50", "Votre code est le 123 456", "Your code is:123456",
		"認証コードは123456です", "認証コードは１２３４５６です", "رمزك هو ١٢٣٤٥٦", "आपका कोड १२३४५६ है", "123456 123456 is the code", "Order 1234567: your code is 123456", "code 12 and then 123456",
	} {
		want := in != "123456 123456 is the code" // twelve digits in a row
		if got, ok := Pasted(in, 6); ok != want || ok && got != "123456" {
			t.Errorf("Pasted(%q) = %q, %v", in, got, ok)
		}
	}
}

// What is not the code, or is not without doubt: none of it costs a try.
func TestPastedRejects(t *testing.T) {
	for _, in := range []string{
		"", " ", "-", "12345", "1234567", "12345 67", "123456 654321", "123456, 654321", "١٢٣٤٥", strings.Repeat("1", 4097), strings.Repeat(" ", 5000) + "123456",
		// Two that could be it.
		"Order 654321: your code is 123456", "Order 654321: your code is 123 456", "123456 is your code, not 123457", "code 123-456 or 123 457",
		// Parts of something longer.
		"code", "code 12345", "code 1234567", "ab123456", "123456ab", "x_123456", "https://login.example.com/?token=a123456b", "Call +44 7700 900123", "Call +123456 today", "Call ＋123456 today",
		"Pay 123456.50 today", "Pay 1,123456 today", "At 12:123456 today", "On 1/123456 today", "code 123456 5 times", "code 5 123456",
		// Digits that are none.
		"①②③④⑤⑥", "¹²³⁴⁵⁶", "ⅠⅡⅢⅣⅤⅥ", "12\u03013456", "code ①②③④⑤⑥",
		// Not text.
		"\xff", "code \xff12345",
	} {
		if got, ok := Pasted(in, 6); ok {
			t.Errorf("Pasted(%.60q) = %q, want it refused", in, got)
		}
	}
}

// Every digit that Unicode has is read with its value.
func TestDigits(t *testing.T) {
	count := 0
	each := func(lo, hi, stride rune) {
		if stride != 1 || (hi-lo+1)%10 != 0 {
			t.Errorf("%U to %U, each %d, are not ten in a row", lo, hi, stride)
		}
		for r := lo; r <= hi; r++ {
			count++
			if d, ok := digit(r); !ok || d != byte('0'+(r-lo)%10) {
				t.Errorf("%U is %q, %v", r, d, ok)
			}
		}
	}
	for _, r := range unicode.Nd.R16 {
		each(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range unicode.Nd.R32 {
		each(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	if count < 600 {
		t.Errorf("%d digits", count)
	}
}

// Whatever is pasted, what is found are n digits that are there, and what the API
// takes is taken too, as the same code.
func FuzzPasted(f *testing.F) {
	for _, s := range []string{"123456", "Your code is 123 456.", "１２３-٤٥٦", "१२३४५६", "+44 7700 900123", "a1b2", "\xff\xfe", "1\u0000"} {
		f.Add(s, 6)
	}
	f.Fuzz(func(t *testing.T, s string, n int) {
		if n < 1 || n > 40 {
			return
		}
		got, ok := Pasted(s, n)
		if ok {
			if len(got) != n || strings.Trim(got, "0123456789") != "" {
				t.Errorf("Pasted(%q, %d) = %q", s, n, got)
			}
			if again, ok := Pasted(got, n); !ok || again != got {
				t.Errorf("Pasted(%q, %d) = %q, but that is read as %q, %v", s, n, got, again, ok)
			}
		}
		if code, typed := Typed(s); typed && len(code) == n && (!ok || got != code) {
			t.Errorf("Pasted(%q, %d) = %q, %v, but Typed %q", s, n, got, ok, code)
		}
	})
}
