package message

import "strings"

// maxAddress bounds how far the address of a link is looked for, so that a
// text of nothing but "[a](" stays cheap. Values count as one byte.
const maxAddress = 512

// links turns [text](address "title") into "text address" and <https://…> into
// the address alone. Images stay as they are.
func (s *stripper) links(start, end int) {
	var brackets []int // positions of "[" that are still open
	for i := start; i < end; i++ {
		if s.fate[i] != open {
			continue
		}
		switch s.text[i] {
		case '\\':
			i++
		case '<':
			i = s.autolink(i, end)
		case '[':
			brackets = append(brackets, i)
		case ']':
			if len(brackets) == 0 {
				continue
			}
			from := brackets[len(brackets)-1]
			brackets = brackets[:len(brackets)-1]
			if !s.is(i+1, end, '(') {
				continue
			}
			l, ok := s.target(i+2, end)
			if !ok {
				continue
			}
			if from > start && s.is(from-1, end, '!') {
				s.set(from-1, from+1, literal)
				s.set(i, l.end, literal)
			} else {
				s.link(from, i, l)
				brackets = brackets[:0] // links do not contain links
			}
			i = l.end - 1
		}
	}
}

// target is where the address of a link stands, and where the link ends.
type target struct{ from, to, end int }

func (s *stripper) link(from, closing int, t target) {
	s.set(from, from+1, dropped)
	s.set(closing, t.from, dropped)
	s.set(t.to, t.end, dropped)
	if t.from < t.to {
		s.set(closing, closing+1, toSpace)
		s.set(t.from, t.to, literal)
	}
}

// target reads what stands behind "](".
func (s *stripper) target(at, end int) (target, bool) {
	at = s.skipSpace(at, end)
	var t target
	if s.is(at, end, '<') {
		t.from = at + 1
		t.to = s.find(t.from, end, '>')
		if t.to < 0 {
			return t, false
		}
		at = t.to + 1
	} else {
		t.from = at
		if at = s.bareTarget(at, end); at < 0 {
			return t, false
		}
		t.to = at
	}
	behind := s.skipSpace(at, end)
	if behind > at {
		if closing := s.title(behind, end); closing > 0 {
			behind = s.skipSpace(closing, end)
		}
	}
	t.end = behind + 1
	return t, s.is(behind, end, ')')
}

// bareTarget finds the end of an address: a space, or a parenthesis that it
// did not open. It returns -1 if there is none near.
func (s *stripper) bareTarget(at, end int) int {
	depth, length := 0, 0
	for ; at < end && length < maxAddress; at++ {
		if s.fate[at] == held {
			if s.fate[at-1] != held {
				length++
			}
			continue
		}
		length++
		switch s.text[at] {
		case '(':
			depth++
		case ')':
			if depth--; depth < 0 {
				return at
			}
		case ' ', '\t', '\r', '\n':
			return at
		case '<':
			return -1
		}
	}
	return -1
}

// title reads "…" or '…' and returns where it ends, or 0.
func (s *stripper) title(at, end int) int {
	for _, quote := range [...]byte{'"', '\''} {
		if s.is(at, end, quote) {
			if closing := s.find(at+1, end, quote); closing > 0 {
				return closing + 1
			}
		}
	}
	return 0
}

// find looks a short way ahead on the same line for a byte of the template's
// own text, and returns -1 if there is none.
func (s *stripper) find(at, end int, c byte) int {
	for length := 0; at < end && length < maxAddress; at++ {
		if s.fate[at] == held {
			if s.fate[at-1] != held {
				length++
			}
			continue
		}
		length++
		if s.text[at] == c {
			return at
		}
		if s.text[at] == '\n' {
			return -1
		}
	}
	return -1
}

func (s *stripper) skipSpace(at, end int) int {
	for at < end && s.fate[at] == open && strings.IndexByte(" \t", s.text[at]) >= 0 {
		at++
	}
	return at
}

// autolink takes the angle brackets off <https://…> and returns where to go
// on.
func (s *stripper) autolink(at, end int) int {
	closing := s.find(at+1, end, '>')
	if closing < 0 {
		return at
	}
	inner := s.text[at+1 : closing]
	scheme, rest, ok := strings.Cut(inner, "://")
	if !ok || scheme == "" || rest == "" || strings.ContainsAny(inner, " \t<") || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+.-") != "" {
		return at
	}
	s.set(at, at+1, dropped)
	s.set(at+1, closing, literal)
	s.set(closing, closing+1, dropped)
	return closing
}
