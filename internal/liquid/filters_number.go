package liquid

import (
	"math"
	"math/bits"
	"strconv"
	"strings"
)

// numberFilter finds the filters that calculate.
func numberFilter(name string) (filter, bool) {
	switch name {
	case "plus":
		return calculating('+'), true
	case "minus":
		return calculating('-'), true
	case "times":
		return calculating('*'), true
	case "divided_by":
		return calculating('/'), true
	case "modulo":
		return calculating('%'), true
	case "abs":
		return filter{apply: func(_ *run, in any, _ *arguments) (any, error) { return absolute(numberOf(in)), nil }}, true
	case "ceil":
		return rounding(math.Ceil), true
	case "floor":
		return rounding(math.Floor), true
	case "round":
		return filter{apply: round}, true
	case "at_least":
		return filter{needs: 1, apply: func(_ *run, in any, a *arguments) (any, error) {
			return larger(numberOf(in), numberOf(a.at[0])), nil
		}}, true
	case "at_most":
		return filter{needs: 1, apply: func(_ *run, in any, a *arguments) (any, error) {
			if x, y := numberOf(in), numberOf(a.at[0]); floatOf(y) < floatOf(x) {
				return y, nil
			}
			return numberOf(in), nil
		}}, true
	}
	return filter{}, false
}

// numberOf reads a number from a value; what is none counts as 0.
func numberOf(v any) any {
	switch x := plain(v).(type) {
	case int64, float64:
		return x
	case string:
		if x = strings.Trim(x, spaces); len(x) > 64 {
			return int64(0)
		}
		if n, err := strconv.ParseInt(x, 10, 64); err == nil {
			return n
		}
		if f, err := strconv.ParseFloat(x, 64); err == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return f
		}
	}
	return int64(0)
}

func floatOf(v any) float64 {
	f, _ := number(v)
	return f
}

func larger(x, y any) any {
	if floatOf(x) < floatOf(y) {
		return y
	}
	return x
}

func absolute(v any) any {
	switch x := v.(type) {
	case int64:
		if x == math.MinInt64 {
			return -float64(x)
		}
		return max(x, -x)
	case float64:
		return math.Abs(x)
	}
	return v
}

func calculating(op byte) filter {
	return filter{needs: 1, apply: func(_ *run, in any, a *arguments) (any, error) {
		return calculate(op, numberOf(in), numberOf(a.at[0]))
	}}
}

// calculate works on whole numbers while both sides are and the result fits,
// and on floats otherwise.
func calculate(op byte, a, b any) (any, error) {
	x, whole1 := a.(int64)
	y, whole2 := b.(int64)
	if whole1 && whole2 {
		if (op == '/' || op == '%') && y == 0 {
			return nil, failed("divided by 0")
		}
		if v, ok := whole(op, x, y); ok {
			return v, nil
		}
	}
	f, g := floatOf(a), floatOf(b)
	switch op {
	case '+':
		f += g
	case '-':
		f -= g
	case '*':
		f *= g
	case '/':
		f /= g
	default:
		if m := math.Mod(f, g); m != 0 && (m < 0) != (g < 0) {
			f = m + g // the sign of the divisor, as Ruby has it
		} else {
			f = m
		}
	}
	if math.Abs(f) > 1e3 {
		return f, nil // rounding below would lose digits that count
	}
	// 0.1 + 0.2 is 0.3 here: the Ruby engine calculates in decimals.
	return math.Round(f*1e12) / 1e12, nil
}

// whole calculates with int64 and reports whether the result fits.
func whole(op byte, x, y int64) (int64, bool) {
	switch op {
	case '+':
		s := x + y
		return s, (s > x) == (y > 0)
	case '-':
		s := x - y
		return s, (s < x) == (y > 0)
	case '*':
		hi, lo := bits.Mul64(magnitude(x), magnitude(y))
		return x * y, hi == 0 && lo <= math.MaxInt64
	}
	if x == math.MinInt64 && y == -1 {
		return 0, op == '%'
	}
	q, rest := x/y, x%y
	if rest != 0 && (rest < 0) != (y < 0) {
		q, rest = q-1, rest+y // round down, as Ruby does
	}
	if op == '/' {
		return q, true
	}
	return rest, true
}

func magnitude(x int64) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}

func rounding(f func(float64) float64) filter {
	return filter{apply: func(_ *run, in any, _ *arguments) (any, error) {
		if n, ok := numberOf(in).(int64); ok {
			return n, nil
		}
		return truncated(f(floatOf(numberOf(in)))), nil
	}}
}

func round(_ *run, in any, a *arguments) (any, error) {
	v := numberOf(in)
	n, whole := v.(int64)
	places, _ := integer(a.at[0])
	switch {
	case whole:
		return n, nil
	case places <= 0:
		return truncated(math.Round(floatOf(v))), nil
	}
	p := math.Pow10(int(min(places, 15)))
	if f := floatOf(v) * p; !math.IsInf(f, 0) {
		return math.Round(f) / p, nil
	}
	return v, nil
}
