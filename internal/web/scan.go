package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"
)

const (
	maxDepth  = 32 // levels of nesting in a JSON body
	maxNumber = 64 // characters of a number in it
	fewNames  = 16 // up to which names are compared one by one
)

// A scanner checks a JSON document in one pass over its bytes, without
// allocating for ordinary bodies. It accepts less than encoding/json does, and
// nothing that encoding/json refuses.
type scanner struct {
	src     []byte
	pos     int
	depth   int
	fold    bool // names at the top that differ only in case are the same
	collect bool // keep the members of the object at the top

	object  bool     // the document is an object
	members []member // of that object, in order
	names   [][]byte // of the objects being read, innermost last
}

// A member is a name of an object with the text of its value.
type member struct{ name, value []byte }

// document checks the whole of the source.
func (s *scanner) document() error {
	s.space()
	if s.pos == len(s.src) {
		return invalid("The request body is empty.").Because(ErrNoBody)
	}
	var room [fewNames][]byte
	s.names = room[:0]
	switch s.src[s.pos] {
	case '{':
		s.object = true
	case 'n':
		// encoding/json takes null for whatever is wanted and sets nothing.
		return s.fail("null")
	}
	if err := s.value(); err != nil {
		return err
	}
	s.space()
	if s.pos != len(s.src) {
		return s.fail("data after the end")
	}
	return nil
}

// fail returns the fault for a document that is not acceptable JSON. What was
// found is for the log, and never quotes the document.
func (s *scanner) fail(what string) error {
	return invalid("The request body is not valid JSON.").Because(fmt.Errorf("byte %d: %s", s.pos, what))
}

func (s *scanner) space() {
	for s.pos < len(s.src) {
		switch s.src[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next skips white space and consumes c if it comes then.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.pos < len(s.src) && s.src[s.pos] == c {
		s.pos++
		return true
	}
	return false
}

func (s *scanner) value() error {
	s.space()
	if s.pos == len(s.src) {
		return s.fail("unexpected end")
	}
	switch c := s.src[s.pos]; {
	case c == '"':
		_, _, err := s.text()
		return err
	case c == '{', c == '[':
		return s.nested(c == '{')
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.literal("true")
	case c == 'f':
		return s.literal("false")
	case c == 'n':
		return s.literal("null")
	}
	return s.fail("unexpected character")
}

// nested reads an object or a list, one level further down.
func (s *scanner) nested(object bool) error {
	if s.depth == maxDepth {
		return invalid("The request body is nested too deeply.")
	}
	s.pos++
	s.depth++
	var err error
	if object {
		err = s.readObject()
	} else {
		err = s.readArray()
	}
	s.depth--
	return err
}

func (s *scanner) readArray() error {
	if s.next(']') {
		return nil
	}
	for {
		if err := s.value(); err != nil {
			return err
		}
		if s.next(']') {
			return nil
		}
		if !s.next(',') {
			return s.fail("no comma between elements")
		}
	}
}

func (s *scanner) readObject() error {
	if s.next('}') {
		return nil
	}
	seen := names{mark: len(s.names), fold: s.fold && s.depth == 1}
	for {
		s.space()
		name, err := s.name()
		if err != nil {
			return err
		}
		if !seen.add(s, name) {
			return duplicate(string(name))
		}
		if !s.next(':') {
			return s.fail("no colon after a name")
		}
		s.space()
		start := s.pos
		if err := s.value(); err != nil {
			return err
		}
		if s.collect && s.depth == 1 {
			s.members = append(s.members, member{name, s.src[start:s.pos:s.pos]})
		}
		if s.next('}') {
			s.names = s.names[:seen.mark]
			return nil
		}
		if !s.next(',') {
			return s.fail("no comma between members")
		}
	}
}

// name reads the name of a member and undoes its escapes: "\u0061" is "a".
func (s *scanner) name() ([]byte, error) {
	if s.pos == len(s.src) || s.src[s.pos] != '"' {
		return nil, s.fail("a name is missing")
	}
	start := s.pos
	name, escaped, err := s.text()
	if err != nil || !escaped {
		return name, err
	}
	var plain string
	if err := json.Unmarshal(s.src[start:s.pos], &plain); err != nil {
		return nil, s.fail("bad escape in a name")
	}
	return []byte(plain), nil
}

// text reads a string and returns what is between the quotes as it stands, and
// whether that has escapes in it.
func (s *scanner) text() (content []byte, escaped bool, err error) {
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.src); {
		switch c := s.src[i]; {
		case c == '"':
			content = s.src[start:i]
			if !ascii && !utf8.Valid(content) {
				return nil, false, s.fail("invalid UTF-8")
			}
			s.pos = i + 1
			return content, escaped, nil
		case c < ' ':
			return nil, false, s.fail("control character in a string")
		case c == '\\':
			n := escape(s.src[i:])
			if n == 0 {
				return nil, false, s.fail("bad escape in a string")
			}
			escaped = true
			i += n
		default:
			ascii = ascii && c < utf8.RuneSelf
			i++
		}
	}
	return nil, false, s.fail("a string does not end")
}

// escape returns the length of the escape that b begins with, surrogate pairs
// taken as one, and 0 if it is not one or stands for NUL or half a character.
func escape(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	if b[1] != 'u' {
		if bytes.IndexByte([]byte(`"\/bfnrt`), b[1]) < 0 {
			return 0
		}
		return 2
	}
	r, ok := hex4(b)
	switch {
	case !ok || r == 0:
		return 0
	case r < 0xd800 || r > 0xdfff:
		return 6
	case r > 0xdbff:
		return 0
	}
	low, ok := hex4(b[6:])
	if !ok || low < 0xdc00 || low > 0xdfff {
		return 0
	}
	return 12
}

// hex4 reads the four digits of the \u that b begins with.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	for _, c := range b[2:6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		case c >= 'A' && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (s *scanner) literal(word string) error {
	if !bytes.HasPrefix(s.src[s.pos:], []byte(word)) {
		return s.fail("unexpected character")
	}
	s.pos += len(word)
	return nil
}

func (s *scanner) number() error {
	start := s.pos
	if s.src[s.pos] == '-' {
		s.pos++
	}
	first := s.pos
	n := s.digits()
	if n == 0 || n > 1 && s.src[first] == '0' {
		return s.fail("bad number")
	}
	if s.at('.') {
		s.pos++
		if s.digits() == 0 {
			return s.fail("bad number")
		}
	}
	scaled := s.at('e') || s.at('E')
	if scaled {
		s.pos++
		if s.at('+') || s.at('-') {
			s.pos++
		}
		if s.digits() == 0 {
			return s.fail("bad number")
		}
	}
	if s.pos-start > maxNumber {
		return s.fail("number too long")
	}
	if scaled {
		if _, err := strconv.ParseFloat(string(s.src[start:s.pos]), 64); err != nil {
			return s.fail("number too large")
		}
	}
	return nil
}

func (s *scanner) at(c byte) bool { return s.pos < len(s.src) && s.src[s.pos] == c }

// digits skips digits and returns how many there were.
func (s *scanner) digits() int {
	start := s.pos
	for s.pos < len(s.src) && s.src[s.pos] >= '0' && s.src[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// names is the set of names of one object. Those of small objects are kept on
// the scanner's stack and compared one by one, which costs no allocation; a
// map takes over before that would become slow.
type names struct {
	mark int // where this object's names begin on the stack
	fold bool
	many map[string]struct{}
}

// add reports whether the name is new, and notes it.
func (n *names) add(s *scanner, name []byte) bool {
	own := s.names[n.mark:]
	if n.many == nil && len(own) < fewNames {
		for _, other := range own {
			if bytes.Equal(other, name) || n.fold && bytes.EqualFold(other, name) {
				return false
			}
		}
		s.names = append(s.names, name)
		return true
	}
	if n.many == nil {
		n.many = make(map[string]struct{}, 4*fewNames)
		for _, other := range own {
			n.many[n.key(other)] = struct{}{}
		}
	}
	before := len(n.many)
	n.many[n.key(name)] = struct{}{}
	return len(n.many) > before
}

// key is equal for names that are the same, as encoding/json sees it.
func (n *names) key(name []byte) string {
	if !n.fold {
		return string(name)
	}
	return string(bytes.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r { // the smallest of those that are alike
				return next
			}
			r = next
		}
	}, name))
}
