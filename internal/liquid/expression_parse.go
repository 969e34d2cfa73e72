package liquid

import (
	"strconv"
	"strings"
)

// reader reads expressions from the inside of one output or tag. Its source
// ends where the braces close, so its offsets are offsets of the template.
type reader struct {
	source string
	at     int
	depth  int
	parser *parser
	shown  bool
}

func (r *reader) done() bool { return r.at >= len(r.source) }

func (r *reader) space() {
	for !r.done() && strings.IndexByte(spaces, r.source[r.at]) >= 0 {
		r.at++
	}
}

// rest is a short piece of source for error messages.
func (r *reader) rest(at int) string {
	s := r.source[min(at, len(r.source)):]
	if runes := []rune(s[:min(len(s), 80)]); len(runes) > 20 {
		return string(runes[:20]) + "…"
	}
	return s
}

func (r *reader) accept(s string) bool {
	if !strings.HasPrefix(r.source[r.at:], s) {
		return false
	}
	r.at += len(s)
	return true
}

func (r *reader) acceptName(s string) bool {
	if nameLength(r.source[r.at:]) != len(s) {
		return false
	}
	return r.accept(s)
}

// nameLength is how many bytes of s are a name. Names may have dashes and end
// in a question mark.
func nameLength(s string) int {
	i := 0
	for i < len(s) && (s[i] == '_' || isLetter(s[i]) || i > 0 && (s[i] == '-' || isDigit(s[i]))) {
		i++
	}
	if i > 0 && i < len(s) && s[i] == '?' {
		i++
	}
	return i
}

func (r *reader) name() string {
	r.space()
	n := nameLength(r.source[r.at:])
	r.at += n
	return r.source[r.at-n : r.at]
}

func (r *reader) deeper() error {
	if r.depth++; r.depth > r.parser.limits.Depth {
		return tooDeep(r.at)
	}
	return nil
}

// value reads a literal, a range or a variable.
func (r *reader) value() (expression, error) {
	if err := r.deeper(); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	r.space()
	if r.done() {
		return nil, broken(r.at, "A value is missing")
	}
	c := r.source[r.at]
	switch {
	case c == '"' || c == '\'':
		return r.quoted(c)
	case isDigit(c) || c == '-' && r.at+1 < len(r.source) && isDigit(r.source[r.at+1]):
		return r.number()
	case c == '(':
		return r.interval()
	case c == '[':
		at := r.at
		by, err := r.bracket()
		if err != nil {
			return nil, err
		}
		return r.keys(variable{by: by}, "", at)
	case c == '@':
		if e := r.macro(); e != nil {
			return e, nil
		}
	}
	at := r.at
	name := r.name()
	if name == "" {
		return nil, broken(at, "Unexpected '%s'", r.rest(at))
	}
	if r.done() || r.source[r.at] != '.' && r.source[r.at] != '[' {
		switch name {
		case "true":
			return literal{true}, nil
		case "false":
			return literal{false}, nil
		case "nil", "null":
			return literal{nil}, nil
		case "empty", "blank":
			return literal{special(name)}, nil
		}
	}
	return r.keys(variable{name: name}, name, at)
}

// macro reads @@name@@ where a variable could stand.
func (r *reader) macro() expression {
	if !r.accept("@@") {
		return nil
	}
	name, _, closed := strings.Cut(r.source[r.at:], "@@")
	if _, known := r.parser.macros[name]; !closed || !known {
		r.at -= 2
		return nil
	}
	at := r.at - 2
	r.at += len(name) + 2
	return r.parser.macro(name, at)
}

func (r *reader) quoted(quote byte) (expression, error) {
	start := r.at + 1
	n := strings.IndexByte(r.source[start:], quote)
	if n < 0 {
		return nil, broken(r.at, "A quoted text is not closed")
	}
	r.at = start + n + 1
	if len(r.parser.macros) == 0 {
		return literal{r.source[start : start+n]}, nil
	}
	return r.mixture(start, start+n), nil
}

// mixture reads the inside of a quoted string, in which known macros are
// values. "{% if '@@request_language@@' contains 'fr' %}" is common.
func (r *reader) mixture(start, end int) expression {
	var parts []expression
	for {
		at, name := r.parser.facts.nextMacro(r.source, start, end, r.parser.macros)
		if at < 0 {
			break
		}
		if start < at {
			parts = append(parts, literal{r.source[start:at]})
		}
		e := r.parser.macro(name, at)
		r.parser.facts.uses[len(r.parser.facts.uses)-1].shown = r.shown
		parts = append(parts, e)
		start = at + 4 + len(name)
	}
	if parts == nil {
		return literal{r.source[start:end]}
	}
	if start < end {
		parts = append(parts, literal{r.source[start:end]})
	}
	return mixture{parts}
}

func (r *reader) number() (expression, error) {
	start, dot := r.at, false
	for r.at++; !r.done(); r.at++ {
		c := r.source[r.at]
		if c == '.' && !dot && r.at+1 < len(r.source) && isDigit(r.source[r.at+1]) {
			dot = true
		} else if !isDigit(c) {
			break
		}
	}
	s := r.source[start:r.at]
	if !dot {
		if n, err := strconv.ParseInt(s, 10, 64); err == nil {
			return literal{n}, nil
		}
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return nil, broken(start, "The number is too large")
	}
	return literal{f}, nil
}

func (r *reader) interval() (expression, error) {
	r.at++
	from, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.space(); !r.accept("..") {
		return nil, broken(r.at, "A range is written (1..5)")
	}
	to, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.space(); !r.accept(")") {
		return nil, broken(r.at, "A range is written (1..5)")
	}
	return rangeOf{from, to}, nil
}

func (r *reader) bracket() (expression, error) {
	r.at++
	e, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.space(); !r.accept("]") {
		return nil, broken(r.at, "A ']' is missing")
	}
	return e, nil
}

// keys reads what follows the name of a variable and notes the use. The noted
// path ends where it stops being constant.
func (r *reader) keys(v variable, path string, start int) (expression, error) {
	constant := v.by == nil
	if l, ok := v.by.(literal); ok {
		if s, ok := l.value.(string); ok {
			v.name, v.by, path, constant = s, nil, s, true
		}
	}
	for !r.done() {
		var key expression
		switch {
		case r.source[r.at] == '.' && !strings.HasPrefix(r.source[r.at:], ".."):
			r.at++
			name := r.name()
			if name == "" {
				return nil, broken(r.at, "A name is missing behind the '.'")
			}
			key = literal{name}
		case r.source[r.at] == '[':
			var err error
			if key, err = r.bracket(); err != nil {
				return nil, err
			}
		default:
			r.note(path, start)
			return v, nil
		}
		v.keys = append(v.keys, key)
		l, _ := key.(literal)
		if s, ok := l.value.(string); ok && constant {
			path += "." + s
		} else {
			constant = false
		}
	}
	r.note(path, start)
	return v, nil
}

func (r *reader) note(path string, at int) {
	r.parser.facts.uses = append(r.parser.facts.uses, use{path, at, r.shown})
}
