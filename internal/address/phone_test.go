package address

import (
	"errors"
	"regexp"
	"strings"
	"testing"
)

// R11, INJ-09: the form a number has on the wire, and nothing else.
func TestINJ09Phone(t *testing.T) {
	good := []string{
		"+1", "+0", "+15551234567", "+447700900123", "+123456789012345", "+000000000000000", "+999999999999999", "+31612345678", "+5215512345678",
	}
	for _, in := range good {
		if got, err := Phone(in); err != nil || got != in {
			t.Errorf("Phone(%q) = %q, %v, want it unchanged", in, got, err)
		}
	}
	bad := []string{
		"", "+", "1", "15551234567", "0015551234567", "++15551234567", "+1+5551234567", "15551234567+", "+1234567890123456", "+" + strings.Repeat("1", 1000),
		"+1 555 123 4567", "+1-555-123-4567", "+1 (555) 123-4567", "+1.555.123.4567", "+1/555", " +15551234567", "+15551234567 ", "+ 15551234567", "\t+15551234567",
		"+15551234567\n", "\n+15551234567", "+15551234567\r\n", "+1555\x001234567", "\x00", "+15551234567\x00",
		"+1555123456x", "+15551234567;ext=1", "+15551234567x1", "+15551234567,1", "+15551234567#", "+15551234567*", "tel:+15551234567", "sms:+15551234567", "+1555CALLNOW",
		"＋15551234567", "+１５５５１２３４５６７", "+١٥٥٥١٢٣٤٥٦٧", "+۱۵۵۵", "+१५५५", "+1555123456７", "+²³", "+Ⅰ", "\u200b+15551234567", "+1\u200b5551234567", "\u202a+15551234567", "+1\u00a0555", "\ufeff+1555", "+1\u2010555",
		"-15551234567", "+-1555", "+1e5", "+0x10", "+1.0", "jo@example.com", "' OR 1=1", "+1' OR '1'='1", "{{phone}}", "null", "+\xff", "\xff", "+1\xc2",
	}
	for _, in := range bad {
		if got, err := Phone(in); !errors.Is(err, ErrPhonePattern) {
			t.Errorf("Phone(%.40q) = %q, %v, want ErrPhonePattern", in, got, err)
		}
	}
	if got := ErrPhonePattern.Error(); got != `String does not match pattern: ^\+[0-9]{1,15}$` {
		t.Errorf("the refusal reads %q", got)
	}
}

// Numbers as libraries.md found them: the number of Auth0's documents is
// possible, but nobody has it.
func TestCheckPhone(t *testing.T) {
	tests := []struct {
		name            string
		number          string
		possible, valid bool
	}{
		{"of Auth0's documents", "+15551234567", true, false},
		{"in the United States", "+12015550123", true, true},
		{"a mobile in the United Kingdom", "+447400123456", true, true},
		{"a mobile in the Netherlands", "+31612345678", true, true},
		{"a mobile in Germany", "+4915123456789", true, true},
		{"of a country that is none", "+9991234567", false, false},
		{"too short", "+1555", false, false},
		{"too long for its country", "+155512345678", false, false},
		{"one digit", "+1", false, false},
		{"zeros", "+000000000000", false, false},
		{"as Mexico wrote them once", "+5215512345678", false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, d := range []struct {
				demand string
				ok     bool
			}{{"", true}, {"anything", true}, {Possible, tt.possible}, {Valid, tt.valid}} {
				err := CheckPhone(tt.number, d.demand)
				if (err == nil) != d.ok || err != nil && !errors.Is(err, ErrPhoneUnlikely) {
					t.Errorf("CheckPhone(%q, %q) = %v, want ok = %v", tt.number, d.demand, err, d.ok)
				}
			}
		})
	}
}

// INJ-09: reading a number is the identity on what it takes, so two numbers
// never become one, and no demand panics.
func FuzzPhone(f *testing.F) {
	for _, s := range []string{"+15551234567", "+447700900123", "+1", "", "+", "00447700900123", "+1 555", "＋１５５５", "+1;ext=1", "tel:+1555"} {
		f.Add(s)
	}
	pattern := regexp.MustCompile(`^\+[0-9]{1,15}$`)
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Phone(s)
		// The end of the pattern also matches before a last line feed.
		if ok := pattern.MatchString(s) && !strings.HasSuffix(s, "\n"); ok != (err == nil) {
			t.Fatalf("Phone(%q) = %q, %v, but the pattern says %v", s, got, err, ok)
		}
		if err != nil {
			return
		}
		if got != s {
			t.Errorf("Phone(%q) = %q, want it unchanged", s, got)
		}
		if CheckPhone(got, Valid) == nil && CheckPhone(got, Possible) != nil {
			t.Errorf("%q is valid but not possible", got)
		}
	})
}

func BenchmarkCheckPhone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckPhone("+447400123456", Valid); err != nil {
			b.Fatal(err)
		}
	}
}
