package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/fault"
)

// Invalid is the fault for a body that breaks a rule, in the words the
// Management API has for it. The path is as in "options.totp.length", or empty
// for the body itself.
func Invalid(path, format string, args ...any) *fault.Error {
	text := "Payload validation error: '" + fmt.Sprintf(format, args...) + "'"
	if path != "" {
		text += " on property " + printable(path)
	}
	return fault.New(fault.Invalid, "invalid_body", text+".").Because(&At{path})
}

// At is the cause of a fault about a property, for whoever knows where that
// was written.
type At struct{ Property string }

// Error names the property.
func (a *At) Error() string { return "at " + strconv.Quote(printable(a.Property)) }

// Within is an error about a property of an object that stands in another by
// that name.
func Within(name string, err error) error {
	var where *At
	var f *fault.Error
	if !errors.As(err, &where) || !errors.As(err, &f) {
		return err
	}
	return f.Because(&At{join(name, where.Property)})
}

// A rule says what a JSON value may be. Messages are those of the schema
// validator behind the Management API, which tools and people look for.
type rule struct {
	kinds    []string // of JSON schema; empty means any
	min      int      // least length of strings and lists, least value of numbers
	max      int      // the same at the other end; 0 means none
	enum     []string
	pattern  *regexp.Regexp
	format   *format
	members  map[string]rule // nil means any
	open     bool            // members without a rule are taken too
	required []string
	items    *rule
	each     *rule // every member of an object
}

// A format is a test of strings that has a name in messages.
type format struct {
	name string
	ok   func(string) bool
}

// orNull lets a value be null as well.
func (r rule) orNull() rule {
	r.kinds = append(slices.Clone(r.kinds), "null")
	return r
}

// check reports the first thing about a value that breaks the rule.
func (r rule) check(path string, raw json.RawMessage) error {
	kind := kindOf(raw)
	if !r.takes(kind) {
		return Invalid(path, "Expected type %s but found type %s", strings.Join(r.kinds, ","), kind)
	}
	switch kind {
	case "string":
		return r.checkText(path, raw)
	case "integer", "number":
		return r.checkNumber(path, raw)
	case "array":
		return r.checkList(path, raw)
	case "object":
		return r.checkObject(path, raw)
	}
	return nil
}

func (r rule) takes(kind string) bool {
	return len(r.kinds) == 0 || slices.Contains(r.kinds, kind) ||
		kind == "integer" && slices.Contains(r.kinds, "number")
}

func (r rule) checkText(path string, raw json.RawMessage) error {
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return Invalid(path, "Expected type string")
	}
	n := utf8.RuneCountInString(s)
	switch {
	case r.enum != nil && !slices.Contains(r.enum, s):
		return Invalid(path, "No enum match for: %s", printable(s))
	case n < r.min:
		return Invalid(path, "String is too short (%d chars), minimum %d", n, r.min)
	case r.max > 0 && n > r.max:
		return Invalid(path, "String is too long (%d chars), maximum %d", n, r.max)
	case r.pattern != nil && !r.pattern.MatchString(s):
		return Invalid(path, "String does not match pattern %s: %s", r.pattern, printable(s))
	case r.format != nil && !r.format.ok(s):
		return Invalid(path, "Object didn't pass validation for format %s: %s", r.format.name, printable(s))
	}
	return nil
}

func (r rule) checkNumber(path string, raw json.RawMessage) error {
	f, err := strconv.ParseFloat(string(raw), 64)
	switch {
	case err != nil:
		return Invalid(path, "Expected type number")
	case f < float64(r.min):
		return Invalid(path, "Value %s is less than minimum %d", raw, r.min)
	case r.max > 0 && f > float64(r.max):
		return Invalid(path, "Value %s is greater than maximum %d", raw, r.max)
	}
	return nil
}

func (r rule) checkList(path string, raw json.RawMessage) error {
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return Invalid(path, "Expected type array")
	}
	switch {
	case len(list) < r.min:
		return Invalid(path, "Array is too short (%d), minimum %d", len(list), r.min)
	case r.max > 0 && len(list) > r.max:
		return Invalid(path, "Array is too long (%d), maximum %d", len(list), r.max)
	case r.items == nil:
		return nil
	}
	for i, item := range list {
		if err := r.items.check(fmt.Sprintf("%s[%d]", path, i), item); err != nil {
			return err
		}
	}
	return nil
}

func (r rule) checkObject(path string, raw json.RawMessage) error {
	o, err := ParseObject(raw)
	if err != nil {
		return Invalid(path, "Expected type object")
	}
	return r.checkMembers(path, o)
}

func (r rule) checkMembers(path string, o *Object) error {
	for _, name := range r.required {
		if !o.Has(name) {
			return Invalid(path, "Missing required property: %s", name)
		}
	}
	switch {
	case o.Len() < r.min:
		return Invalid(path, "Too few properties defined (%d), minimum %d", o.Len(), r.min)
	case r.max > 0 && o.Len() > r.max:
		return Invalid(path, "Too many properties defined (%d), maximum %d", o.Len(), r.max)
	}
	for _, m := range o.members {
		inner, known := r.members[m.name]
		switch {
		case known:
		case r.each != nil:
			inner = *r.each
		case r.members != nil && !r.open:
			return Invalid(path, "Additional properties not allowed: %s", printable(m.name)).Because(&At{join(path, m.name)})
		default:
			continue
		}
		if err := inner.check(join(path, m.name), m.value); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	if name == "" {
		return path
	}
	return path + "." + name
}

// numberKind tells whole numbers from others, however they are written.
func numberKind(raw json.RawMessage) string {
	f, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.IsInf(f, 0) || f != math.Trunc(f) {
		return "number"
	}
	return "integer"
}

// printable bounds and cleans text of a client's that goes back to it.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if utf8.RuneCountInString(s) > 128 {
		return string([]rune(s)[:128]) + "…"
	}
	return s
}

// Rules that many documents share.
var (
	flag   = rule{kinds: []string{"boolean"}}
	object = rule{kinds: []string{"object"}}
)

func text(least, most int) rule { return rule{kinds: []string{"string"}, min: least, max: most} }

func oneOf(values ...string) rule { return rule{kinds: []string{"string"}, enum: values} }

func matching(p *regexp.Regexp) rule { return rule{kinds: []string{"string"}, pattern: p} }

func whole(least, most int) rule { return rule{kinds: []string{"integer"}, min: least, max: most} }

func listOf(items rule, most int) rule {
	return rule{kinds: []string{"array"}, max: most, items: &items}
}

// metadata is an object of at most ten texts (Auth0: client_metadata,
// connection metadata).
func metadata() rule {
	value := text(0, 255).orNull()
	return rule{kinds: []string{"object"}, max: 10, each: &value}
}
