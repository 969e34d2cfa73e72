package manage

import (
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/fault"
)

// The limits of a search. They keep what is asked of the database small,
// whatever is sent.
const (
	maxQuery = 1024 // bytes
	maxTerms = 8
)

// A term is one condition of a search: a field that has a value, or lies in a
// range of times.
type term struct {
	field, value string
	from, to     time.Time // with ranged; from is included, to is not
	ranged       bool
}

// badQuery is the fault of a search that is not understood.
func badQuery(what string) *fault.Error {
	return fault.New(fault.Invalid, "invalid_query_string",
		"Query validation error: '"+what+"' on property q (conditions as in type:\"s\" AND date:[2026-01-01 TO *]).")
}

// parseQuery reads the part of Lucene's query syntax that searches need:
// conditions joined by AND, each a field with a value, plain or in quotes, or
// with a range of dates. Whatever else is there is refused: half a search must
// not look like a whole one.
func parseQuery(q string) ([]term, error) {
	if len(q) > maxQuery || !utf8.ValidString(q) || strings.ContainsFunc(q, unicode.IsControl) {
		return nil, badQuery("Too long, or characters that cannot be")
	}
	p := &queryParser{rest: strings.TrimSpace(q)}
	var terms []term
	for p.rest != "" {
		if len(terms) > 0 && !p.word("AND") {
			return nil, badQuery("Conditions are joined by AND")
		}
		t, err := p.term()
		if err != nil {
			return nil, err
		}
		for _, other := range terms {
			if other.field == t.field {
				return nil, badQuery("A field is named twice")
			}
		}
		if terms = append(terms, t); len(terms) > maxTerms {
			return nil, badQuery("Too many conditions")
		}
	}
	return terms, nil
}

type queryParser struct{ rest string }

// word takes a word and the space behind it.
func (p *queryParser) word(w string) bool {
	rest, ok := strings.CutPrefix(p.rest, w+" ")
	if ok {
		p.rest = strings.TrimLeft(rest, " ")
	}
	return ok
}

func (p *queryParser) term() (term, error) {
	n := strings.IndexFunc(p.rest, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r == '_' || r == '.')
	})
	if n <= 0 || p.rest[n] != ':' {
		return term{}, badQuery("A field and a colon are expected")
	}
	t := term{field: p.rest[:n]}
	p.rest = p.rest[n+1:]
	var err error
	switch {
	case p.rest == "":
		err = badQuery("A value is missing")
	case p.rest[0] == '"':
		t.value, err = p.quoted()
	case p.rest[0] == '[' || p.rest[0] == '{':
		t.ranged = true
		t.from, t.to, err = p.dates()
	default:
		t.value, err = p.plain()
	}
	if err != nil {
		return t, err
	}
	if p.rest != "" && p.rest[0] != ' ' {
		return t, badQuery("A space is expected behind a condition")
	}
	p.rest = strings.TrimLeft(p.rest, " ")
	return t, nil
}

// quoted reads a value in quotes; a backslash takes the next character as it
// is.
func (p *queryParser) quoted() (string, error) {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; c {
		case '"':
			p.rest = p.rest[i+1:]
			return b.String(), nil
		case '\\':
			if i++; i < len(p.rest) {
				b.WriteByte(p.rest[i])
			}
		default:
			b.WriteByte(c)
		}
	}
	return "", badQuery("A quote does not end")
}

// plain reads a value up to the next space.
func (p *queryParser) plain() (string, error) {
	value, _, _ := strings.Cut(p.rest, " ")
	p.rest = p.rest[len(value):]
	if strings.ContainsAny(value, `*?()[]{}^~"\/&!:`) {
		// An address of IPv6 and other values with such characters in them
		// can be put in quotes.
		return "", badQuery("A value with special characters needs quotes; wildcards are not supported")
	}
	return value, nil
}

// dates reads "[a TO b]", with a brace for an end that is not included.
func (p *queryParser) dates() (from, to time.Time, err error) {
	end := strings.IndexAny(p.rest, "]}")
	if end < 0 {
		return from, to, badQuery("A range does not end")
	}
	open, last, inner := p.rest[0], p.rest[end], p.rest[1:end]
	p.rest = p.rest[end+1:]
	a, b, ok := strings.Cut(inner, " TO ")
	if !ok {
		return from, to, badQuery("A range is written as [a TO b]")
	}
	start, afterStart, err := moment(a)
	if err != nil {
		return from, to, err
	}
	finish, afterFinish, err := moment(b)
	if err != nil {
		return from, to, err
	}
	if from = start; open == '{' {
		from = afterStart
	}
	if to = afterFinish; last == '}' {
		to = finish
	}
	return from, to, nil
}

// moment reads a date or time, and returns when it begins and when the next
// one does. A star is no limit.
func moment(s string) (begin, next time.Time, err error) {
	s = strings.Trim(strings.TrimSpace(s), `"`)
	if s == "*" {
		return begin, next, nil
	}
	if t, err := time.Parse(time.DateOnly, s); err == nil {
		return t, t.AddDate(0, 0, 1), nil
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, s); err == nil && t.Year() >= 0 && t.Year() <= 9999 {
			return t, t.Add(time.Millisecond), nil
		}
	}
	return begin, next, badQuery("A date is written as 2026-01-31 or 2026-01-31T12:00:00Z")
}
