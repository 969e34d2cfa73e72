package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	// maxNodes bounds what aliases can blow a file up to.
	maxNodes = 100_000
	// maxNesting is how deep documents may go, as deep as in the API.
	maxNesting = 32
)

// A fileReader turns the nodes of a file into documents.
type fileReader struct {
	path   string
	env    func(name string) (string, bool)
	budget int
}

func (r *fileReader) fail(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", r.path, line, fmt.Sprintf(format, args...))
}

// pairs calls fn for each member of a mapping.
func (r *fileReader) pairs(node *yaml.Node, fn func(name string, key, value *yaml.Node) error) error {
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == "!!merge" {
			return r.fail(key.Line, "a plain name is expected before the colon")
		}
		if seen[key.Value] {
			return r.fail(key.Line, "%q is there twice", key.Value)
		}
		seen[key.Value] = true
		for value.Kind == yaml.AliasNode {
			value = value.Alias
		}
		if err := fn(key.Value, key, value); err != nil {
			return err
		}
	}
	return nil
}

// document turns a mapping into JSON.
func (r *fileReader) document(node *yaml.Node) (Document, error) {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	d := Document{Line: node.Line, lines: map[string]int{}}
	if node.Kind != yaml.MappingNode {
		return d, r.fail(node.Line, "names with values are expected here, such as \"name: My app\"")
	}
	var b bytes.Buffer
	err := r.write(&b, node, place{d.lines, "", 0})
	d.JSON = b.Bytes()
	return d, err
}

// A place is where in a document a node is.
type place struct {
	lines map[string]int
	path  string
	depth int
}

func (p place) member(name string) place {
	if p.path != "" {
		name = p.path + "." + name
	}
	return place{p.lines, name, p.depth + 1}
}

func (p place) item(i int) place {
	return place{p.lines, fmt.Sprintf("%s[%d]", p.path, i), p.depth + 1}
}

func (r *fileReader) write(b *bytes.Buffer, node *yaml.Node, at place) error {
	r.budget--
	switch {
	case r.budget < 0:
		return r.fail(node.Line, "the file is too large with its aliases")
	case at.depth > maxNesting:
		return r.fail(node.Line, "nested too deeply")
	}
	switch node.Kind {
	case yaml.AliasNode:
		return r.write(b, node.Alias, at)
	case yaml.MappingNode:
		return r.writeObject(b, node, at)
	case yaml.SequenceNode:
		b.WriteByte('[')
		for i, item := range node.Content {
			if i > 0 {
				b.WriteByte(',')
			}
			at.item(i).note(item)
			if err := r.write(b, item, at.item(i)); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	return r.writeScalar(b, node)
}

func (p place) note(node *yaml.Node) { p.lines[p.path] = node.Line }

func (r *fileReader) writeObject(b *bytes.Buffer, node *yaml.Node, at place) error {
	b.WriteByte('{')
	first := true
	err := r.pairs(node, func(name string, key, value *yaml.Node) error {
		if !first {
			b.WriteByte(',')
		}
		first = false
		encode(b, name)
		b.WriteByte(':')
		at.member(name).note(key)
		return r.write(b, value, at.member(name))
	})
	b.WriteByte('}')
	return err
}

func encode(b *bytes.Buffer, s string) {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // texts always encode
	b.Truncate(b.Len() - 1)
}

func (r *fileReader) writeScalar(b *bytes.Buffer, node *yaml.Node) error {
	text, err := r.substituted(node)
	if err != nil {
		return err
	}
	plain := *node
	if text != node.Value {
		plain.Value = text
		if node.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle|yaml.LiteralStyle|yaml.FoldedStyle) == 0 && !strings.Contains(node.Value, markEncoded) {
			plain.Tag = "" // what the variable holds decides, as if it had been written here
		} else {
			plain.Tag = "!!str"
		}
	}
	switch plain.ShortTag() {
	case "!!null":
		b.WriteString("null")
	case "!!bool":
		var v bool
		if err := plain.Decode(&v); err != nil {
			return r.fail(node.Line, "true or false is expected")
		}
		b.WriteString(strconv.FormatBool(v))
	case "!!int":
		var v int64
		if err := plain.Decode(&v); err != nil {
			return r.fail(node.Line, "the number is too large; put it in quotes if it is a text")
		}
		b.WriteString(strconv.FormatInt(v, 10))
	case "!!float":
		var v float64
		if err := plain.Decode(&v); err != nil || math.IsInf(v, 0) || math.IsNaN(v) {
			return r.fail(node.Line, "this is not a number JSON has; put it in quotes if it is a text")
		}
		b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
	case "!!str", "!!timestamp":
		if strings.ContainsRune(text, 0) {
			return r.fail(node.Line, "the text has a NUL in it")
		}
		encode(b, text)
	default:
		return r.fail(node.Line, "values of the type %s are not read", plain.ShortTag())
	}
	return nil
}

// Variables are marked before the file is parsed, since "##X##" would begin a
// comment and "@@X@@" no value at all, and filled in afterwards, so that what a
// variable holds can never be taken for a part of the file. Marks are
// characters that nobody writes.
const (
	markOpen    = "\ue000"
	markClose   = "\ue001"
	markPlain   = markOpen + "#"
	markEncoded = markOpen + "@"
)

// Names of variables are in capitals. That tells "@@NAME@@" from the
// placeholders of messages, such as "@@password@@".
var (
	variableText = regexp.MustCompile(`"@@([A-Z_][A-Z0-9_]*)@@"|'@@([A-Z_][A-Z0-9_]*)@@'|@@([A-Z_][A-Z0-9_]*)@@|##([A-Z_][A-Z0-9_]*)##`)
	markText     = regexp.MustCompile(markOpen + `([#@])([A-Z_][A-Z0-9_]*)` + markClose)
)

func markVariables(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte(markOpen), []byte("?"))
	return variableText.ReplaceAllFunc(text, func(m []byte) []byte {
		name := bytes.Trim(m, `"'@#`)
		if bytes.HasPrefix(m, []byte("##")) {
			return []byte(markPlain + string(name) + markClose)
		}
		return []byte(markEncoded + string(name) + markClose)
	})
}

// substituted is the text of a value with its variables filled in. "##X##" is
// what the variable holds; "@@X@@" is the same as a JSON string, which as a
// whole value means the text itself.
func (r *fileReader) substituted(node *yaml.Node) (string, error) {
	if !strings.Contains(node.Value, markOpen) {
		return node.Value, nil
	}
	var missing string
	whole := markText.FindString(node.Value) == node.Value
	text := markText.ReplaceAllStringFunc(node.Value, func(m string) string {
		name := strings.Trim(m, markOpen+markClose+"#@")
		value, ok := r.env(name)
		if !ok {
			missing = name
		}
		if whole || strings.HasPrefix(m, markPlain) {
			return value
		}
		var b bytes.Buffer
		encode(&b, value)
		return b.String()
	})
	if missing != "" {
		return "", r.fail(node.Line, "the environment variable %s is not set", missing)
	}
	return text, nil
}
