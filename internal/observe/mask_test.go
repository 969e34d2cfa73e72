package observe

import (
	"strings"
	"testing"
	"time"
)

func TestMask(t *testing.T) {
	tests := []struct{ in, want string }{
		{"", ""},
		{"nothing to see", "nothing to see"},
		{"+31612345623", "+31•••••••23"},
		{"to +31612345623.", "to +31•••••••23."},
		{"a +15550100 b +15550199", "a +15••••00 b +15••••99"},
		{"+31 6 1234 5623 called", "+31•••••••23 called"},
		{"+1 (555) 010-0123", "+15•••••••23"},
		{"+123456", "+123456"},     // six digits are no number
		{"1+2=3", "1+2=3"},         // nor is a sum
		{"utc +0100", "utc +0100"}, // nor is an offset
		{"2026-01-02T03:04:05+01:00", "2026-01-02T03:04:05+01:00"},
		{"To=%2B31612345623&x=1", "To=+31•••••••23&x=1"},
		{"To=%2b31612345623", "To=+31•••••••23"},
		{"jane.doe@example.com", "j•••@example.com"},
		{"<jane@example.com>", "<j•••@example.com>"},
		{"mail=jane%40example.com&x=1", "mail=j•••@example.com&x=1"},
		{`"jane doe"@example.com`, `"•••@example.com`},
		{"ünal@example.com", "ü•••@example.com"},
		{"jane+tag@example.com", "j•••@example.com"},
		{"a@b c@d", "a•••@b c•••@d"},
		{"@ alone", "@ alone"},
		{"100% sure", "100% sure"},
		{"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln", "[token]"},
		{"bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln!", "bearer [token]!"},
		{"eyJust a word", "eyJust a word"},
		{"postgres://doorcode:s3cret@db:5432/x", "postgres://[redacted]@db:5432/x"},
		{"postgres://u:p@ss@db/x and jane@b.c", "postgres://[redacted]@db/x and j•••@b.c"},
		{"see https://example.com?q=@jane", "see https://example.com?q=@jane"},
	}
	for _, tt := range tests {
		if got := Mask(tt.in); got != tt.want {
			t.Errorf("Mask(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

// What lies across the cut of a long text must not come out in halves.
func TestMaskCut(t *testing.T) {
	const address = "jane.doe.of.the.long.name@example.com"
	for n := maxKept - 300; n < maxLooked+10; n++ {
		got := Mask(strings.Repeat("x", n) + " " + address + " +31612345623")
		if strings.Contains(got, "jane") || strings.Contains(got, "31612345623") {
			t.Fatalf("at %d: %q", n, got[len(got)-60:])
		}
	}
}

// Masking hostile text takes no longer than reading it does, more or less.
func TestMaskTime(t *testing.T) {
	for _, unit := range []string{"@", "eyJ", "+1", `"@`, "://@", "a@", "%40", "+", "%2b1 "} {
		start := time.Now()
		Mask(strings.Repeat(unit, 1<<20))
		if took := time.Since(start); took > time.Second {
			t.Errorf("1 Mi of %q took %v", unit, took)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("to +31612345623 for jane@example.com")
	f.Add("postgres://u:p@ss@db/x")
	f.Add(`"jane doe"@example.com %40 %2B31612345623`)
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln")
	f.Fuzz(func(t *testing.T, s string) {
		// Whatever surrounds an address, it does not come through.
		got := Mask(s + " jane.doe@example.com " + s)
		if len(s) < 1000 && strings.Contains(got, "jane.doe@") {
			t.Errorf("Mask kept the address in %q", got)
		}
	})
}
