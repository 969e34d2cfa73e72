package liquid

import "strings"

// tokenKind says what a piece of source is.
type tokenKind uint8

const (
	textToken   tokenKind = iota
	outputToken           // {{ … }}
	tagToken              // {% … %}
	macroToken            // @@name@@
)

// token is a piece of source: source[start:end], where for outputs and tags
// the range is what stands inside the braces, without surrounding space, and
// for macros the name.
type token struct {
	kind       tokenKind
	start, end int
}

const spaces = " \t\r\n\v\f"

// scanner cuts source into tokens. Comments and raw blocks are resolved here,
// since what stands in them follows no syntax.
type scanner struct {
	source string
	macros map[string]string
	tokens []token
	facts  *facts
	most   int  // tokens; reading on would cost more than rendering may
	trim   bool // the last tag ended in "-": the next text loses its left space
}

func (s *scanner) scan() error {
	for at := 0; at < len(s.source); {
		open := s.nextOpening(at)
		if open < 0 {
			s.text(at, len(s.source), false, true)
			return nil
		}
		next, err := s.markup(at, open)
		if err != nil {
			return err
		}
		at = next
		if len(s.tokens) > s.most {
			return &ParseError{at: open, Message: "The template has too many parts", Limit: true}
		}
	}
	return nil
}

// nextOpening finds the next "{{" or "{%".
func (s *scanner) nextOpening(at int) int {
	for {
		i := strings.IndexByte(s.source[at:], '{')
		if i < 0 || at+i+1 >= len(s.source) {
			return -1
		}
		at += i
		if c := s.source[at+1]; c == '{' || c == '%' {
			return at
		}
		at++
	}
}

// markup reads the text from at to open and the output or tag that begins
// there, and returns where to go on.
func (s *scanner) markup(at, open int) (int, error) {
	kind, closing := outputToken, "}}"
	if s.source[open+1] == '%' {
		kind, closing = tagToken, "%}"
	}
	length := strings.Index(s.source[open+2:], closing)
	if length < 0 {
		what := "Output"
		if kind == tagToken {
			what = "Tag"
		}
		return 0, broken(open, "%s '%s' was not properly terminated with '%s'", what, s.source[open:open+2], closing)
	}
	start, end, left, right := trimmed(s.source, open+2, open+2+length)
	s.text(at, open, left, true)
	s.trim = right
	next := open + 2 + length + 2
	if kind == tagToken {
		switch name := word(s.source[start:end]); name {
		case "raw", "comment":
			return s.opaque(name, open, next)
		}
	}
	s.tokens = append(s.tokens, token{kind, start, end})
	return next, nil
}

// opaque skips to the end of a raw or comment block; of raw it keeps the text.
func (s *scanner) opaque(name string, open, next int) (int, error) {
	depth := 1
	for at := next; ; {
		i := strings.Index(s.source[at:], "{%")
		if i < 0 {
			return 0, broken(open, "'%s' tag was never closed", name)
		}
		i += at
		length := strings.Index(s.source[i+2:], "%}")
		if length < 0 {
			return 0, broken(open, "'%s' tag was never closed", name)
		}
		start, end, left, right := trimmed(s.source, i+2, i+2+length)
		inner := s.source[start:end]
		switch {
		case inner == "end"+name:
			depth--
		case name == "comment" && word(inner) == "comment":
			depth++
		}
		after := i + 2 + length + 2
		if depth == 0 {
			if name == "raw" {
				s.text(next, i, left, false)
			}
			s.trim = right
			return after, nil
		}
		// In raw text the braces need not pair up: "{% {% endraw %}" ends it.
		at = i + 2
		if name == "comment" {
			at = after
		}
	}
}

// text adds source[start:end] as text, split at macros unless it is raw.
func (s *scanner) text(start, end int, trimRight, macros bool) {
	if s.trim {
		for start < end && strings.IndexByte(spaces, s.source[start]) >= 0 {
			start++
		}
		s.trim = false
	}
	if trimRight {
		for start < end && strings.IndexByte(spaces, s.source[end-1]) >= 0 {
			end--
		}
	}
	for macros && len(s.macros) > 0 {
		at, name := s.facts.nextMacro(s.source, start, end, s.macros)
		if at < 0 {
			break
		}
		s.plain(start, at)
		s.tokens = append(s.tokens, token{macroToken, at + 2, at + 2 + len(name)})
		start = at + 4 + len(name)
	}
	s.plain(start, end)
}

func (s *scanner) plain(start, end int) {
	if start < end {
		s.tokens = append(s.tokens, token{textToken, start, end})
	}
}

// maxMacroName bounds how far a macro is looked for behind its "@@".
const maxMacroName = 64

// nextMacro finds the first known macro in source[start:end] and notes the
// unknown ones it passes. It returns -1 if there is none.
func (f *facts) nextMacro(source string, start, end int, macros map[string]string) (int, string) {
	for at := start; at < end; at++ {
		i := strings.Index(source[at:end], "@@")
		if i < 0 {
			return -1, ""
		}
		at += i
		n := 0
		for n < maxMacroName && at+2+n < end && isMacroByte(source[at+2+n]) {
			n++
		}
		if n == 0 || !strings.HasPrefix(source[at+2+n:end], "@@") {
			continue
		}
		name := source[at+2 : at+2+n]
		if _, ok := macros[name]; ok {
			return at, name
		}
		f.unknownMacros = append(f.unknownMacros, mention{name, at})
	}
	return -1, ""
}

func isMacroByte(c byte) bool {
	return c == '_' || c == '.' || c == '-' || isLetter(c) || isDigit(c)
}

// trimmed takes the dashes and spaces off the inside of an output or tag and
// reports which dashes there were.
func trimmed(source string, start, end int) (from, to int, left, right bool) {
	if start < end && source[start] == '-' {
		start, left = start+1, true
	}
	if start < end && source[end-1] == '-' {
		end, right = end-1, true
	}
	for start < end && strings.IndexByte(spaces, source[start]) >= 0 {
		start++
	}
	for start < end && strings.IndexByte(spaces, source[end-1]) >= 0 {
		end--
	}
	return start, end, left, right
}

// word is the name a tag begins with.
func word(s string) string {
	i := 0
	for i < len(s) && (s[i] == '_' || isLetter(s[i]) || i > 0 && isDigit(s[i])) {
		i++
	}
	if i == 0 && strings.HasPrefix(s, "#") {
		return "#"
	}
	return s[:i]
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
