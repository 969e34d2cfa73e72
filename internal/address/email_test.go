package address

import (
	"errors"
	"strings"
	"testing"
)

// INJ-08: addresses that are taken, and the one form of each.
var goodEmails = []struct{ in, want string }{
	{"jo@example.com", "jo@example.com"},
	{"JO@EXAMPLE.COM", "jo@example.com"},
	{"Jo@Example.Com", "jo@example.com"},
	{" jo@example.com", "jo@example.com"},
	{"jo@example.com  ", "jo@example.com"},
	{"j@example.com", "j@example.com"},
	{"0@example.com", "0@example.com"},
	{"jo.smith@example.com", "jo.smith@example.com"},
	{"j.o.s@example.com", "j.o.s@example.com"},
	{"jo+tag@example.com", "jo+tag@example.com"},
	{"jo+tag+tag@example.com", "jo+tag+tag@example.com"},
	{"jo-smith@example.com", "jo-smith@example.com"},
	{"-jo@example.com", "-jo@example.com"},
	{"_jo@example.com", "_jo@example.com"},
	{"jo_@example.com", "jo_@example.com"},
	{"jo'brien@example.com", "jo'brien@example.com"},
	{"jo/dept=x@example.com", "jo/dept=x@example.com"},
	{"!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com"},
	{"{{code}}@example.com", "{{code}}@example.com"}, // a value, never a template
	{"1234567890@example.com", "1234567890@example.com"},
	{"jo@a.b", "jo@a.b"},
	{"jo@mail.example.co.uk", "jo@mail.example.co.uk"},
	{"jo@ex-ample.com", "jo@ex-ample.com"},
	{"jo@ex--ample.com", "jo@ex--ample.com"},
	{"jo@1.example.com", "jo@1.example.com"},
	{"jo@123.com", "jo@123.com"},
	{"jo@xn--mnchen-3ya.de", "jo@xn--mnchen-3ya.de"},
	{"jo@XN--MNCHEN-3YA.de", "jo@xn--mnchen-3ya.de"},
	{"jo@example.xn--p1ai", "jo@example.xn--p1ai"},
	{strings.Repeat("a", 64) + "@example.com", strings.Repeat("a", 64) + "@example.com"},
	{"jo@" + strings.Repeat("a", 63) + ".com", "jo@" + strings.Repeat("a", 63) + ".com"},
	{"jo@" + strings.Repeat("a.", 124) + "abc", "jo@" + strings.Repeat("a.", 124) + "abc"}, // 254
}

// INJ-08: texts that are no address, or would be a second spelling of one.
var badEmails = []string{
	// Not an address at all.
	"", " ", "@", "jo", "jo@", "@example.com", "jo.example.com", "jo@@example.com", "@@", "jo@ ", "example.com@",
	// More than one @, in every disguise (next-auth GHSA-7rqj, oauth2-proxy GHSA-c5c4).
	"jo@evil.com@example.com", "jo@example.com@evil.com", "jo@evil.com,jo@example.com", "jo@evil.com;jo@example.com",
	"jo@evil.com jo@example.com", "jo@evil.com\njo@example.com", "jo＠example.com", "jo@evil.com＠example.com", "jo﹫example.com",
	"jo@evil.com﹫example.com", "jo％40example.com", "jo%40example.com", "jo&#64;example.com", "jo\\@evil.com@example.com",
	"jo\u0040evil.com@example.com", "jo(at)example.com", "jo @example.com", "jo@ example.com", "jo@example .com",
	// Quoted local parts, comments, display names, routes.
	"\"jo\"@example.com", "\"jo smith\"@example.com", "\"jo@evil.com\"@example.com", "\"\"@example.com", "\"jo\\\"\"@example.com",
	"jo\"smith@example.com", "(comment)jo@example.com", "jo(comment)@example.com", "jo@(comment)example.com", "jo@example.com(comment)",
	"<jo@example.com>", "Jo <jo@example.com>", "jo@example.com <evil@evil.com>", "<script>@example.com", "@a,@b:jo@example.com", "mailto:jo@example.com",
	"a!b:c@example.com", "jo[x]@example.com", "jo,smith@example.com", "jo;smith@example.com", "jo\\smith@example.com",
	// Dots.
	".jo@example.com", "jo.@example.com", "jo..smith@example.com", ".@example.com", "..@example.com", "jo@.example.com", "jo@example.com.", "jo@example..com",
	"jo@.", "jo@..", "jo@example.com..", "jo@example。com", "jo@example．com", "jo@example｡com",
	// Domains that no person has.
	"jo@localhost", "jo@example", "jo@com", "jo@10.0.0.1", "jo@127.0.0.1", "jo@[10.0.0.1]", "jo@[IPv6:::1]", "jo@::1", "jo@0x7f000001", "jo@example.1", "jo@example.123",
	"jo@-example.com", "jo@example-.com", "jo@example.-com", "jo@example.com-", "jo@-", "jo@ex_ample.com", "jo@_dmarc.example.com", "jo@exa$mple.com", "jo@example.com:25",
	"jo@example.com/path", "jo@example.com?subject=x", "jo@example.com#x", "jo@example.com%0d%0a", "jo@*.com",
	// Control characters and line ends: a header of our mail.
	"jo@example.com\r\nBcc: evil@evil.com", "jo@example.com\nBcc: evil@evil.com", "jo\r\n@example.com", "jo@example.com\r", "jo@example.com\n", "\njo@example.com",
	"\tjo@example.com", "jo@example.com\t", "jo\t@example.com", "jo\x00@example.com", "jo@example.com\x00", "jo@exa\x00mple.com", "\x00", "jo\x7f@example.com", "jo\x1b@example.com",
	"jo\u0085@example.com", "jo\u2028@example.com", "jo@example.com\u2029",
	// What cannot be seen, or looks like something else.
	"jo\u200b@example.com", "jo\u00ad@example.com", "\ufeffjo@example.com", "jo\u202e@example.com", "jo@exam\u200dple.com", "jo\u00a0@example.com", "jo@example.com\u00a0", "\u3000jo@example.com",
	"\u212ajo@example.com",    // KELVIN SIGN, whose lower case is the letter k
	"jo@\u212aelvin.com",      //
	"JO@EXAMPLE.\u212aR",      //
	"j\u0130m@example.com",    // capital I with a dot
	"\u0131van@example.com",   // small i without one
	"\u017fam@example.com",    // long s, whose upper case is S
	"jo@example.\u017fe",      //
	"ｊｏ@example.com",          // full-width
	"jo@ｅxample.com",          //
	"jo@ехаmple.com",          // Cyrillic
	"jо@example.com",          //
	"jo@münchen.de",           // to be written xn--mnchen-3ya.de
	"jö@example.com",          //
	"jo@例え.テスト",               //
	"用户@example.com",          //
	"\U0001f600@example.com",  //
	"jo@\U0001f600.com",       //
	"jo\xff@example.com",      // not UTF-8
	"jo@example\xc3\x28.com",  //
	"\xed\xa0\x80@example.co", // half of a surrogate pair
	// Too long.
	strings.Repeat("a", 65) + "@example.com", "jo@" + strings.Repeat("a", 64) + ".com", "jo@" + strings.Repeat("a.", 125) + "ab", strings.Repeat("a", 10_000) + "@example.com",
	"jo@" + strings.Repeat("a.", 100_000) + "com", strings.Repeat("@", 100_000),
}

func TestINJ08Email(t *testing.T) {
	if n := len(goodEmails) + len(badEmails); n < 150 {
		t.Errorf("there are %d vectors, want 150", n)
	}
	for _, tt := range goodEmails {
		if got, err := Email(tt.in); err != nil || got != tt.want {
			t.Errorf("Email(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
	for _, in := range badEmails {
		if got, err := Email(in); !errors.Is(err, ErrEmail) {
			t.Errorf("Email(%.60q) = %q, %v, want ErrEmail", in, got, err)
		}
	}
}

// Whatever is taken is ASCII without anything that a mail header could be
// broken with, is its own form, and differs from what was typed by nothing but
// outer spaces and the case of ASCII letters.
func FuzzEmail(f *testing.F) {
	for _, tt := range goodEmails {
		f.Add(tt.in)
	}
	for _, in := range badEmails {
		if len(in) < 300 {
			f.Add(in)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := Email(s)
		if err != nil {
			return
		}
		if again, err := Email(got); err != nil || again != got {
			t.Errorf("Email(%q) = %q, but Email(%q) = %q, %v", s, got, got, again, err)
		}
		if len(got) > maxEmail || strings.Count(got, "@") != 1 {
			t.Errorf("Email(%q) = %q", s, got)
		}
		for i := range len(got) {
			if c := got[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"(),:;<>[\\]", c) >= 0 || c >= 'A' && c <= 'Z' {
				t.Errorf("Email(%q) = %q, which has %q", s, got, c)
			}
		}
		if plain := strings.Trim(s, " "); len(plain) != len(got) || !strings.EqualFold(plain, got) {
			t.Errorf("Email(%q) = %q, which is another text", s, got)
		}
	})
}
