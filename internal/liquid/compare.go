package liquid

import (
	"math"
	"strconv"
	"strings"
)

// equal is the operator ==. Numbers compare by value; a number never equals a
// string.
func (r *run) equal(a, b any) (bool, error) {
	a, b = plain(a), plain(b)
	if err := r.spend(1); err != nil {
		return false, err
	}
	if s, ok := a.(special); ok {
		a, b = b, s
	}
	switch y := b.(type) {
	case special:
		return isEmpty(a, y == "blank"), nil
	case nil, bool:
		return a == b, nil
	case string:
		x, ok := a.(string)
		if !ok || len(x) != len(y) {
			return false, nil
		}
		return x == y, r.read(len(x))
	case int64:
		if x, ok := a.(int64); ok {
			return x == y, nil
		}
	case []any:
		return r.equalLists(a, y)
	case interval:
		return a == b, nil
	}
	p, ok1 := number(a)
	q, ok2 := number(b)
	return ok1 && ok2 && p == q, nil
}

func (r *run) equalLists(a any, y []any) (bool, error) {
	x, ok := a.([]any)
	if !ok || len(x) != len(y) {
		return false, nil
	}
	for i := range x {
		same, err := r.equal(normal(x[i]), normal(y[i]))
		if err != nil || !same {
			return false, err
		}
	}
	return true, nil
}

// isEmpty compares with the words empty and blank; blank is also true for nil,
// false and strings of white space.
func isEmpty(v any, blank bool) bool {
	switch x := v.(type) {
	case string:
		if blank {
			return strings.TrimLeft(x, " \t\r\n\v\f") == ""
		}
		return x == ""
	case []any:
		return len(x) == 0
	case Map:
		return len(x) == 0
	case nil:
		return blank
	case bool:
		return blank && !x
	}
	return false
}

// less is one of < > <= >=. Comparing with nil is false; comparing what has no
// order is an error.
func (r *run) less(op string, a, b any) (any, error) {
	a, b = plain(a), plain(b)
	if a == nil || b == nil {
		return false, nil
	}
	if x, ok := a.(string); ok {
		if y, ok := b.(string); ok {
			return ordered(strings.Compare(x, y), op), r.read(min(len(x), len(y)))
		}
	}
	x, ok1 := number(a)
	y, ok2 := number(b)
	if !ok1 || !ok2 {
		return nil, failed("comparison of %s with %s failed", kindName(a), kindName(b))
	}
	switch {
	case x < y:
		return ordered(-1, op), nil
	case x > y:
		return ordered(1, op), nil
	}
	return ordered(0, op), nil
}

func ordered(d int, op string) bool {
	switch op {
	case "<":
		return d < 0
	case ">":
		return d > 0
	case "<=":
		return d <= 0
	}
	return d >= 0
}

// contains looks for a part of a string, an element of a list or a name of a
// map.
func (r *run) contains(a, b any) (bool, error) {
	b = plain(b)
	if b == nil {
		return false, nil
	}
	switch x := plain(a).(type) {
	case string:
		part, err := r.text(b)
		if err == nil {
			err = r.read(len(x) + len(part))
		}
		return err == nil && strings.Contains(x, part), err
	case []any:
		for _, item := range x {
			same, err := r.equal(normal(item), b)
			if err != nil || same {
				return same, err
			}
		}
	case Map:
		name, err := r.text(b)
		if err == nil {
			err = r.spend(len(x) / 8)
		}
		_, ok := x.Field(name)
		return ok, err
	}
	return false, nil
}

// kindName is what error messages call a value.
func kindName(v any) string {
	switch v.(type) {
	case string:
		return "String"
	case int64:
		return "Integer"
	case float64:
		return "Float"
	case []any:
		return "Array"
	case Map:
		return "Hash"
	case bool:
		return "Boolean"
	}
	return "Object"
}

// number is the value of a number; strings are none.
func number(v any) (float64, bool) {
	switch x := v.(type) {
	case int64:
		return float64(x), true
	case float64:
		return x, true
	}
	return 0, false
}

// integer reads a whole number from a number or a string of digits.
func integer(v any) (int64, bool) {
	switch x := plain(v).(type) {
	case int64:
		return x, true
	case float64:
		return truncated(x), !math.IsNaN(x)
	case string:
		if len(x) > 64 {
			return 0, false
		}
		n, err := strconv.ParseInt(strings.TrimSpace(x), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// truncated converts without the undefined results Go has outside the range.
func truncated(f float64) int64 {
	switch {
	case f >= math.MaxInt64:
		return math.MaxInt64
	case f <= math.MinInt64:
		return math.MinInt64
	case f != f:
		return 0
	}
	return int64(f)
}
