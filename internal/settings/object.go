package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// An Object is a JSON object that keeps its members in order and their values
// as they were written, so that what a client sends comes back whole. The zero
// value has no members. It is not safe for concurrent changes.
type Object struct {
	members []member
}

type member struct {
	name  string
	value json.RawMessage
}

// ParseObject reads a JSON object. It expects what has been checked for
// duplicate names already; of such names the last counts.
func ParseObject(doc []byte) (*Object, error) {
	dec := json.NewDecoder(bytes.NewReader(doc))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errNotObject
	}
	o := &Object{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, fmt.Errorf("read object: %w", err)
		}
		name, ok := t.(string)
		if !ok {
			return nil, errNotObject
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, fmt.Errorf("read member of object: %w", err)
		}
		o.SetRaw(name, value)
	}
	if _, err := dec.Token(); err != nil {
		return nil, fmt.Errorf("read object: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errNotObject
	}
	return o, nil
}

var errNotObject = errors.New("not a JSON object")

// Clone returns a copy that can be changed without changing o.
func (o *Object) Clone() *Object {
	if o == nil {
		return &Object{}
	}
	return &Object{members: append([]member(nil), o.members...)}
}

// Len returns the number of members.
func (o *Object) Len() int { return len(o.members) }

// Names lists the names in order.
func (o *Object) Names() []string {
	names := make([]string, len(o.members))
	for i := range o.members {
		names[i] = o.members[i].name
	}
	return names
}

// find is the place of a member, or -1. An object that is not there has none.
func (o *Object) find(name string) int {
	if o == nil {
		return -1
	}
	for i := range o.members {
		if o.members[i].name == name {
			return i
		}
	}
	return -1
}

// Has reports whether there is such a member, even a null one.
func (o *Object) Has(name string) bool { return o.find(name) >= 0 }

// Raw returns the text of a member's value, or nil if there is none.
func (o *Object) Raw(name string) json.RawMessage {
	if i := o.find(name); i >= 0 {
		return o.members[i].value
	}
	return nil
}

// Text returns a member that is a string, and "" for any other.
func (o *Object) Text(name string) string {
	var s string
	if raw := o.Raw(name); raw == nil || json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// Object returns a member that is an object, and nil for any other.
func (o *Object) Object(name string) *Object {
	raw := o.Raw(name)
	if kindOf(raw) != "object" {
		return nil
	}
	inner, err := ParseObject(raw)
	if err != nil {
		return nil
	}
	return inner
}

// Null reports whether there is such a member and it is null.
func (o *Object) Null(name string) bool { return kindOf(o.Raw(name)) == "null" }

// SetRaw sets a member to a JSON value: in its place if there is one by that
// name, else at the end.
func (o *Object) SetRaw(name string, value json.RawMessage) {
	if i := o.find(name); i >= 0 {
		o.members[i].value = value
		return
	}
	o.members = append(o.members, member{name, value})
}

// Set is SetRaw for a value that is still to be encoded. It must be one that
// encoding/json takes.
func (o *Object) Set(name string, value any) { o.SetRaw(name, encode(value)) }

// SetDefault sets a member that is not there.
func (o *Object) SetDefault(name string, value any) {
	if !o.Has(name) {
		o.Set(name, value)
	}
}

// insertAfter sets a member that is not there behind another, or at the end.
func (o *Object) insertAfter(after, name string, value any) {
	at := o.find(after)
	if at < 0 || o.Has(name) {
		o.Set(name, value)
		return
	}
	o.members = append(o.members[:at+1:at+1],
		append([]member{{name, encode(value)}}, o.members[at+1:]...)...)
}

// Remove takes a member away, if it is there.
func (o *Object) Remove(name string) {
	if i := o.find(name); i >= 0 {
		o.members = append(o.members[:i:i], o.members[i+1:]...)
	}
}

// Keep returns an object of the members that keep wants, in order.
func (o *Object) Keep(keep func(name string) bool) *Object {
	out := &Object{}
	for _, m := range o.members {
		if keep(m.name) {
			out.members = append(out.members, m)
		}
	}
	return out
}

// Bytes returns the object as JSON.
func (o *Object) Bytes() []byte {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o.members {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(encode(m.name))
		b.WriteByte(':')
		b.Write(m.value)
	}
	b.WriteByte('}')
	return b.Bytes()
}

// MarshalJSON implements json.Marshaler.
func (o *Object) MarshalJSON() ([]byte, error) { return o.Bytes(), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (o *Object) UnmarshalJSON(doc []byte) error {
	p, err := ParseObject(doc)
	if err != nil {
		return err
	}
	o.members = p.members
	return nil
}

// encode writes a value of ours without the escapes that HTML would need.
func encode(v any) json.RawMessage {
	if raw, ok := v.(json.RawMessage); ok {
		return raw
	}
	if inner, ok := v.(*Object); ok {
		return inner.Bytes()
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return json.RawMessage("null") // strings, numbers and lists of them always encode
	}
	return bytes.TrimSpace(b.Bytes())
}

// kindOf names the type of a JSON value in the words of JSON schema. Numbers
// are told apart by numberKind.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "boolean"
	case 'n':
		return "null"
	}
	return numberKind(raw)
}

// Kind names the type of a JSON value in the words of JSON schema.
func Kind(raw json.RawMessage) string {
	return kindOf(bytes.TrimLeft(raw, " \t\r\n"))
}
