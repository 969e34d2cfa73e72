package signing

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"unicode/utf8"
)

// maxDepth is how deep a claim may be nested.
const maxDepth = 32

// A member is one name and value of a JSON object, the value as it was written.
type member struct {
	name  string
	value []byte
}

var (
	errJSON      = errors.New("not a JSON object in UTF-8")
	errDuplicate = errors.New("a name is used twice in one object")
	errDeep      = errors.New("nested too deeply")
)

// object reads a JSON object. Unlike encoding/json it tells names apart by case
// and refuses an object that has a name twice, at any depth: two readers could
// otherwise see two different tokens (RFC 7515 §4, RFC 7519 §4, RFC 8725 §2.4).
func object(doc []byte) ([]member, error) {
	if !utf8.Valid(doc) || !json.Valid(doc) {
		return nil, errJSON
	}
	s := &scanner{doc: doc}
	s.space()
	if s.doc[s.at] != '{' {
		return nil, errJSON
	}
	return s.object(0)
}

// scanner walks over a document that is known to be valid JSON.
type scanner struct {
	doc []byte
	at  int
}

func (s *scanner) space() {
	for s.at < len(s.doc) && strings.IndexByte(" \t\r\n", s.doc[s.at]) >= 0 {
		s.at++
	}
}

func (s *scanner) object(depth int) ([]member, error) {
	if depth > maxDepth {
		return nil, errDeep
	}
	var members []member
	seen := map[string]bool{}
	for s.at++; ; s.at++ { // past the brace, and then past each comma
		if s.space(); s.doc[s.at] == '}' {
			break
		}
		name, err := text(s.string())
		if err != nil {
			return nil, err
		}
		if seen[name] {
			return nil, errDuplicate
		}
		seen[name] = true
		s.space()
		s.at++ // past the colon
		value, err := s.value(depth)
		if err != nil {
			return nil, err
		}
		members = append(members, member{name, value})
		if s.space(); s.doc[s.at] == '}' {
			break
		}
	}
	s.at++
	return members, nil
}

// value steps over a value and returns it as it is written.
func (s *scanner) value(depth int) ([]byte, error) {
	s.space()
	from := s.at
	var err error
	switch s.doc[s.at] {
	case '{':
		_, err = s.object(depth + 1)
	case '[':
		err = s.array(depth + 1)
	case '"':
		s.string()
	default:
		for s.at < len(s.doc) && strings.IndexByte(" \t\r\n,]}", s.doc[s.at]) < 0 {
			s.at++
		}
	}
	return s.doc[from:s.at], err
}

func (s *scanner) array(depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	for s.at++; ; s.at++ { // past the bracket, and then past each comma
		if s.space(); s.doc[s.at] == ']' {
			break
		}
		if _, err := s.value(depth); err != nil {
			return err
		}
		if s.space(); s.doc[s.at] == ']' {
			break
		}
	}
	s.at++
	return nil
}

// string steps over a string and returns it with its quotes.
func (s *scanner) string() []byte {
	from := s.at
	for s.at++; s.doc[s.at] != '"'; s.at++ {
		if s.doc[s.at] == '\\' {
			s.at++
		}
	}
	s.at++
	return s.doc[from:s.at]
}

// text decodes a JSON string.
func text(raw []byte) (string, error) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", errJSON
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil
	}
	var out string
	if err := json.Unmarshal(raw, &out); err != nil {
		return "", errJSON
	}
	return out, nil
}

// texts decodes a JSON array of strings.
func texts(raw []byte) ([]string, error) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, errJSON
	}
	var list []*string // pointers, because encoding/json takes null for a string
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, errJSON
	}
	out := make([]string, len(list))
	for i, s := range list {
		if s == nil {
			return nil, errJSON
		}
		out[i] = *s
	}
	return out, nil
}
