package observe

import (
	"strings"
	"unicode/utf8"
)

// What stands in place of a value.
const (
	redacted = "[redacted]"
	token    = "[token]"
	dots     = "•••"
)

// What is looked at of a text, and what of that may be kept. The difference is
// longer than any address, so that none is cut before it is recognised.
const (
	maxLooked = 4 << 10
	maxKept   = maxLooked - 320
)

// Mask returns s with telephone numbers, e-mail addresses, JSON Web Tokens and
// credentials in URLs made unrecognisable. A number keeps its country and last
// two digits, an address its first letter and domain, so that one person's
// lines can be told from another's while looking at an incident. Text is cut
// before 4 KB.
func Mask(s string) string {
	keep := len(s)
	if len(s) > maxLooked {
		s, keep = s[:maxLooked], maxKept
	}
	first := suspicious(s)
	if first < 0 {
		return s[:keep]
	}
	var b strings.Builder
	b.Grow(keep + 16)
	done := 0 // up to where s is in b
	for i := first; i < len(s) && done < keep; {
		from, to, with := finding(s, done, i)
		if to == 0 {
			i++
			continue
		}
		b.WriteString(s[done:from])
		b.WriteString(with)
		done, i = to, to
	}
	b.WriteString(s[done:max(done, keep)])
	return b.String()
}

// suspicious returns where in s the first thing to mask may be, or -1.
func suspicious(s string) int {
	for i := range len(s) {
		switch s[i] {
		case '+', '@', '%':
			return i
		case 'e':
			if strings.HasPrefix(s[i:], "eyJ") {
				return i
			}
		}
	}
	return -1
}

// finding looks at what s has at i, and returns which part of s is to be
// replaced with what. Nothing before done may be touched. to is 0 if there is
// nothing to mask.
func finding(s string, done, i int) (from, to int, with string) {
	rest := s[i:]
	switch {
	case rest[0] == '+':
		return number(s, i, 1)
	case rest[0] == '@':
		return mailbox(s, done, i, 1)
	case rest[0] == 'e' && strings.HasPrefix(rest, "eyJ"):
		return jwt(s, i)
	case rest[0] != '%' || len(rest) < 3:
		return 0, 0, ""
	case strings.EqualFold(rest[:3], "%2b"):
		return number(s, i, 3)
	case rest[:3] == "%40":
		return mailbox(s, done, i, 3)
	}
	return 0, 0, ""
}

// number masks a telephone number whose plus is at i and plus bytes long. The
// digits may be grouped as people write them.
func number(s string, i, plus int) (from, to int, with string) {
	var digits []byte
	end := i + plus
	for j := end; j < len(s); j++ {
		c := s[j]
		if c >= '0' && c <= '9' {
			digits = append(digits, c)
			end = j + 1
			continue
		}
		// One separator, or a bracket and a space.
		if strings.IndexByte(" -()", c) < 0 || j-end >= 2 {
			break
		}
	}
	if len(digits) < 7 {
		return 0, 0, ""
	}
	n := len(digits)
	return i, end, "+" + string(digits[:2]) + strings.Repeat("•", min(n, 15)-4) + string(digits[n-2:])
}

// mailbox masks an address whose at sign is at i and at bytes long, or the
// credentials in a URL if that is what stands before it.
func mailbox(s string, done, i, at int) (from, to int, with string) {
	if start, end := userinfo(s, done, i); end > 0 {
		return start, end, redacted
	}
	from = i
	if i > done && s[i-1] == '"' { // "any thing"@example.com
		if q := strings.LastIndexByte(s[done:i-1], '"'); q >= 0 {
			from = done + q
		}
	}
	for from > done && local(s[from-1]) {
		from--
	}
	to = i + at
	for to < len(s) && domain(s[to]) {
		to++
	}
	if from == i || to == i+at {
		return 0, 0, ""
	}
	_, size := utf8.DecodeRuneInString(s[from:])
	return from, to, s[from:from+size] + dots + "@" + s[i+at:to]
}

// userinfo returns where the user and password of the URL are in which the at
// sign at i is, or zeros if it is in none. A password may have an at sign too,
// so the last one before the path counts.
func userinfo(s string, done, i int) (from, to int) {
	scheme := strings.LastIndex(s[done:i], "://")
	if scheme < 0 {
		return 0, 0
	}
	from = done + scheme + len("://")
	if strings.ContainsAny(s[from:i], "/ \t\n?#") {
		return 0, 0
	}
	rest := s[i:]
	if end := strings.IndexAny(rest, "/ \t\n?#\"'"); end >= 0 {
		rest = rest[:end]
	}
	return from, i + strings.LastIndexByte(rest, '@')
}

// jwt masks a JSON Web Token that begins at i.
func jwt(s string, i int) (from, to int, with string) {
	to = i
	parts := 0
	for to < len(s) && (alphanumeric(s[to]) || s[to] == '-' || s[to] == '_' || s[to] == '.') {
		if s[to] == '.' {
			parts++
		}
		to++
	}
	if parts == 0 || to-i < 16 {
		return 0, 0, ""
	}
	return i, to, token
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// local reports whether c may be in the part of an address before the at sign.
// What separates parameters from each other is left out.
func local(c byte) bool {
	return alphanumeric(c) || c >= utf8.RuneSelf || strings.IndexByte("!#$%'*+-/^_`{|}~.", c) >= 0
}

// domain reports whether c may be in a domain, or in an address in brackets.
func domain(c byte) bool {
	return alphanumeric(c) || c >= utf8.RuneSelf || strings.IndexByte("-.[]:", c) >= 0
}
