package message

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/liquid"
)

// stripMarks takes the Markdown marks of emphasis, links and headings off a
// text: "**now**" becomes "now", "[here](https://a.example)" becomes
// "here https://a.example", "# Hello" becomes "Hello". Every other byte stays,
// and so does all that lies in values. It takes time linear in the text.
//
// It follows CommonMark where that matters to people: snake_case, "2 * 3 * 4",
// "#1234", addresses with underscores, images and code spans stay as they are.
func stripMarks(text string, values []liquid.Span) string {
	if !strings.ContainsAny(text, "*_[#<") {
		return text
	}
	s := &stripper{text: text, fate: make([]fate, len(text))}
	for _, v := range values {
		for i := v.Start; i < v.End; i++ {
			s.fate[i] = held
		}
	}
	for start := 0; start < len(text); {
		end := s.paragraphEnd(start)
		s.paragraph(start, end)
		start = end
	}
	return s.result()
}

// fate is what becomes of a byte.
type fate uint8

const (
	open    fate = iota // not decided: it stays unless found to be a mark
	held                // part of a value: it stays and is no mark
	literal             // part of an address or code span: it stays and is no mark
	dropped             // a mark
	toSpace             // a mark that leaves a space behind
)

type stripper struct {
	text string
	fate []fate
}

func (s *stripper) result() string {
	var b strings.Builder
	b.Grow(len(s.text))
	for i := range len(s.text) {
		switch s.fate[i] {
		case dropped:
		case toSpace:
			b.WriteByte(' ')
		default:
			b.WriteByte(s.text[i])
		}
	}
	return b.String()
}

// is reports whether the byte at i is c and part of the template's own text.
func (s *stripper) is(i, end int, c byte) bool {
	return i < end && s.text[i] == c && s.fate[i] == open
}

func (s *stripper) set(start, end int, f fate) {
	for i := start; i < end; i++ {
		s.fate[i] = f
	}
}

// paragraphEnd finds where marks stop having to do with each other: behind a
// blank line.
func (s *stripper) paragraphEnd(start int) int {
	blank := false
	for i := start; i < len(s.text); i++ {
		switch s.text[i] {
		case '\n':
			if blank {
				return i + 1
			}
			blank = true
		case ' ', '\t', '\r':
		default:
			blank = false
		}
	}
	return len(s.text)
}

func (s *stripper) paragraph(start, end int) {
	for line := start; line < end; {
		next := end
		if i := strings.IndexByte(s.text[line:end], '\n'); i >= 0 {
			next = line + i + 1
		}
		s.heading(line, next)
		line = next
	}
	s.codeSpans(start, end)
	s.links(start, end)
	s.addresses(start, end)
	s.emphasis(start, end)
}

// heading drops "# " to "###### " at the beginning of a line and a closing
// " ##" at its end.
func (s *stripper) heading(start, end int) {
	at := start
	for at < end && at-start < 3 && s.is(at, end, ' ') {
		at++
	}
	marks := at
	for s.is(marks, end, '#') {
		marks++
	}
	if marks == at || marks-at > 6 || !s.is(marks, end, ' ') && !s.is(marks, end, '\t') {
		return
	}
	content := marks
	for s.is(content, end, ' ') || s.is(content, end, '\t') {
		content++
	}
	stop := end
	for stop > content && s.fate[stop-1] == open && strings.IndexByte(" \t\r\n", s.text[stop-1]) >= 0 {
		stop--
	}
	if stop == content {
		return // nothing but the mark: not a heading anybody meant
	}
	s.set(at, content, dropped)
	closing := stop
	for closing > content && s.is(closing-1, end, '#') {
		closing--
	}
	if closing < stop && closing > content && (s.is(closing-1, end, ' ') || s.is(closing-1, end, '\t')) {
		for closing > content && (s.is(closing-1, end, ' ') || s.is(closing-1, end, '\t')) {
			closing--
		}
		s.set(closing, stop, dropped)
	}
}

// codeSpans keeps what stands between backticks from being read as marks.
func (s *stripper) codeSpans(start, end int) {
	// unclosed[n] is set once no further run of n backticks is known to follow,
	// so that the search for one is not made again and again.
	var unclosed [16]bool
	for i := start; i < end; i++ {
		if !s.is(i, end, '`') {
			continue
		}
		n := s.run(i, end, '`')
		if n >= len(unclosed) || unclosed[n] {
			i += n - 1
			continue
		}
		closing := i + n
		for closing < end {
			if m := s.run(closing, end, '`'); m == n {
				break
			} else if m > 0 {
				closing += m
			} else {
				closing++
			}
		}
		if closing >= end {
			unclosed[n] = true
			i += n - 1
			continue
		}
		s.set(i, closing+n, literal)
		i = closing + n - 1
	}
}

// run is how many bytes c stand together at i.
func (s *stripper) run(i, end int, c byte) int {
	n := 0
	for s.is(i+n, end, c) {
		n++
	}
	return n
}

// addresses keeps bare web addresses from being read as marks, up to marks at
// their end, which rather belong to emphasis around them.
func (s *stripper) addresses(start, end int) {
	for at := start; at < end; {
		i := strings.Index(s.text[at:end], "://")
		if i < 0 {
			return
		}
		at += i
		stop := at
		for stop < end && (s.fate[stop] == held || s.fate[stop] == open && s.text[stop] > ' ' && s.text[stop] != '<') {
			stop++
		}
		next := max(stop, at+3)
		for stop > at && s.fate[stop-1] == open && strings.IndexByte("*_.,;:!?)'\"", s.text[stop-1]) >= 0 {
			stop--
		}
		s.set(at, stop, literal)
		at = next
	}
}

// around are the characters beside a run of marks; line ends count as space,
// and values as letters, whatever they hold.
func (s *stripper) around(i, n, start, end int) (before, after rune) {
	before, after = ' ', ' '
	if i > start {
		before, _ = utf8.DecodeLastRuneInString(s.text[start:i])
		if s.fate[i-1] == held {
			before = 'a'
		}
	}
	if i+n < end {
		after, _ = utf8.DecodeRuneInString(s.text[i+n : end])
		if s.fate[i+n] == held {
			after = 'a'
		}
	}
	return before, after
}

func isPunctuation(r rune) bool { return unicode.IsPunct(r) || unicode.IsSymbol(r) }
