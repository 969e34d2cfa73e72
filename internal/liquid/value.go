package liquid

import (
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Object is a value with named fields. Templates reach them by "object.name"
// and "object['name']".
//
// Values are nil, bool, string, int, int64, float64, time.Time, []any, Map and
// Object. Anything else prints as nothing.
type Object interface {
	// Field returns the value with that name and whether there is one. It
	// must be safe for concurrent use if the object is shared.
	Field(name string) (any, bool)
}

// Map is an Object that keeps the order of its entries, so that a for loop
// over it and its printed form are always the same. It is meant for small
// collections: a lookup walks it.
type Map []Entry

// Entry is one name and value of a Map.
type Entry struct {
	Name  string
	Value any
}

// Field returns the entry with that name.
func (m Map) Field(name string) (any, bool) {
	for i := range m {
		if m[i].Name == name {
			return m[i].Value, true
		}
	}
	return nil, false
}

// safe is text that is HTML already.
type safe string

// special is one of the words empty and blank.
type special string

// interval is a lazy range such as (1..5).
type interval struct{ from, to int64 }

func (i interval) size() int64 {
	if i.to < i.from {
		return 0
	}
	if n := uint64(i.to) - uint64(i.from); n < math.MaxInt32 {
		return int64(n) + 1
	}
	return math.MaxInt32 // more than any budget allows
}

// normal brings the numbers a caller may hand in to the two kinds used inside.
func normal(v any) any {
	switch x := v.(type) {
	case int:
		return int64(x)
	case int32:
		return int64(x)
	case float32:
		return float64(x)
	}
	return v
}

// plain turns HTML text back into an ordinary string, for filters and
// comparisons that look at characters.
func plain(v any) any {
	if s, ok := v.(safe); ok {
		return string(s)
	}
	return v
}

func truthy(v any) bool { return v != nil && v != false }

// text is a value as it is printed. Only composite values cost memory.
func (r *run) text(v any) (string, error) {
	switch x := v.(type) {
	case nil:
		return "", nil
	case string:
		return x, nil
	case safe:
		return string(x), nil
	case bool:
		return strconv.FormatBool(x), nil
	case int64:
		return strconv.FormatInt(x, 10), nil
	case float64:
		return formatFloat(x), nil
	case interval:
		return strconv.FormatInt(x.from, 10) + ".." + strconv.FormatInt(x.to, 10), nil
	case time.Time:
		return x.Format("2006-01-02 15:04:05 -0700"), nil
	case []any, Map:
		var b strings.Builder
		err := r.print(&b, x, 0)
		return b.String(), err
	}
	return "", nil
}

// print writes a composite value: a list as its elements one after the other,
// a map in the form Ruby prints hashes in.
func (r *run) print(b *strings.Builder, v any, depth int) error {
	if err := r.spend(1); err != nil {
		return err
	}
	if depth > 16 {
		return overBudget("A value is nested too deeply")
	}
	switch x := v.(type) {
	case []any:
		for _, item := range x {
			if err := r.print(b, normal(item), depth+1); err != nil {
				return err
			}
		}
		return nil
	case Map:
		return r.inspect(b, x, depth)
	}
	s, err := r.text(v)
	if err == nil {
		err = r.reserve(len(s))
	}
	if err == nil {
		b.WriteString(s)
	}
	return err
}

// inspect writes a value as Ruby's inspect does: strings in quotes, nil by name.
func (r *run) inspect(b *strings.Builder, v any, depth int) error {
	if err := r.spend(1); err != nil {
		return err
	}
	if depth > 16 {
		return overBudget("A value is nested too deeply")
	}
	switch x := v.(type) {
	case nil:
		b.WriteString("nil")
		return nil
	case string:
		if err := r.reserve(2 + 4*len(x)); err != nil {
			return err
		}
		b.WriteString(strconv.Quote(x))
		return nil
	case []any:
		b.WriteByte('[')
		for i, item := range x {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := r.inspect(b, normal(item), depth+1); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case Map:
		b.WriteByte('{')
		for i, e := range x {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := r.inspect(b, e.Name, depth+1); err != nil {
				return err
			}
			b.WriteString("=>")
			if err := r.inspect(b, normal(e.Value), depth+1); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	}
	return r.print(b, v, depth)
}

func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if a := math.Abs(f); a != 0 && (a >= 1e16 || a < 1e-4) {
		return scientific(f)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}

// scientific is Ruby's form of very large and very small floats: 1.0e+20.
func scientific(f float64) string {
	s := strconv.FormatFloat(f, 'e', -1, 64)
	mantissa, exponent, _ := strings.Cut(s, "e")
	if !strings.Contains(mantissa, ".") {
		mantissa += ".0"
	}
	return mantissa + "e" + exponent
}

// index is value.key or value[key].
func (r *run) index(v, key any) (any, error) {
	key = plain(key)
	switch x := plain(v).(type) {
	case Map:
		name, err := r.text(key)
		if err == nil {
			err = r.spend(len(x) / 8) // a lookup walks the map
		}
		if err != nil {
			return nil, err
		}
		if value, ok := x.Field(name); ok {
			return normal(value), nil
		}
		return countOrEdge(key, len(x), func(i int) any { return []any{x[i].Name, x[i].Value} }), nil
	case Object:
		name, err := r.text(key)
		if err != nil {
			return nil, err
		}
		value, _ := x.Field(name)
		return normal(value), nil
	case []any:
		if i, ok := key.(int64); ok {
			if i < 0 {
				i += int64(len(x))
			}
			if i < 0 || i >= int64(len(x)) {
				return nil, nil
			}
			return normal(x[i]), nil
		}
		return countOrEdge(key, len(x), func(i int) any { return normal(x[i]) }), nil
	case string:
		if key == "size" {
			return int64(utf8.RuneCountInString(x)), r.decode(len(x))
		}
	case interval:
		return countOrEdge(key, int(x.size()), func(i int) any { return x.from + int64(i) }), nil
	}
	return nil, nil
}

// countOrEdge answers the keys size, first and last of a collection.
func countOrEdge(key any, n int, at func(int) any) any {
	switch {
	case key == "size":
		return int64(n)
	case n > 0 && key == "first":
		return at(0)
	case n > 0 && key == "last":
		return at(n - 1)
	}
	return nil
}
