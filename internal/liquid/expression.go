package liquid

import "strings"

// expression is anything that yields a value.
type expression interface{ eval(r *run) (any, error) }

type literal struct{ value any }

func (l literal) eval(*run) (any, error) { return l.value, nil }

// mixture is a quoted string with macros in it.
type mixture struct{ parts []expression }

func (m mixture) eval(r *run) (any, error) {
	var b strings.Builder
	for _, p := range m.parts {
		v, err := p.eval(r)
		if err != nil {
			return nil, err
		}
		s, err := r.text(v)
		if err == nil {
			err = r.reserve(len(s))
		}
		if err != nil {
			return nil, err
		}
		b.WriteString(s)
	}
	return b.String(), nil
}

type negation struct{ of expression }

func (n negation) eval(r *run) (any, error) {
	v, err := n.of.eval(r)
	return !truthy(v), err
}

// variable is a name with the keys behind it: users[0].name.
type variable struct {
	name string
	by   expression // set instead of name for [expression]
	keys []expression
}

// variableAt is the variable at a dotted path.
func variableAt(path string) variable {
	name, rest, more := strings.Cut(path, ".")
	v := variable{name: name}
	for more {
		var key string
		key, rest, more = strings.Cut(rest, ".")
		v.keys = append(v.keys, literal{key})
	}
	return v
}

func (v variable) eval(r *run) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	name := v.name
	if v.by != nil {
		by, err := v.by.eval(r)
		if err == nil {
			name, err = r.text(by)
		}
		if err == nil {
			err = r.read(len(name))
		}
		if err != nil {
			return nil, err
		}
	}
	value := r.lookup(name)
	for _, k := range v.keys {
		key, err := k.eval(r)
		if err != nil {
			return nil, err
		}
		if value, err = r.index(value, key); err != nil {
			return nil, err
		}
	}
	return value, nil
}

type rangeOf struct{ from, to expression }

func (e rangeOf) eval(r *run) (any, error) {
	a, err := e.from.eval(r)
	if err != nil {
		return nil, err
	}
	b, err := e.to.eval(r)
	from, _ := integer(a)
	to, _ := integer(b)
	return interval{from, to}, err
}

// logical is and, or.
type logical struct {
	or          bool
	left, right expression
}

func (e logical) eval(r *run) (any, error) {
	l, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	if truthy(l) == e.or {
		return e.or, nil
	}
	v, err := e.right.eval(r)
	return truthy(v), err
}

type comparison struct {
	op          string
	left, right expression
}

func (e comparison) eval(r *run) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	a, err := e.left.eval(r)
	if err != nil {
		return nil, err
	}
	b, err := e.right.eval(r)
	if err != nil {
		return nil, err
	}
	switch e.op {
	case "==":
		return boolean(r.equal(a, b))
	case "!=", "<>":
		same, err := r.equal(a, b)
		return !same, err
	case "contains":
		return boolean(r.contains(a, b))
	}
	return r.less(e.op, a, b)
}

func boolean(b bool, err error) (any, error) { return b, err }

// piped is a value sent through filters.
type piped struct {
	value expression
	calls []call
}

// call is one filter with its arguments.
type call struct {
	filter filter
	args   []expression
	named  []namedArg
}

type namedArg struct {
	name  string
	value expression
}

func (p piped) eval(r *run) (any, error) {
	v, err := p.value.eval(r)
	if err != nil {
		return nil, err
	}
	for i := range p.calls {
		if v, err = p.calls[i].apply(r, v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (c *call) apply(r *run, v any) (any, error) {
	if err := r.spend(1); err != nil {
		return nil, err
	}
	a := arguments{given: len(c.args)}
	for i, e := range c.args {
		x, err := e.eval(r)
		if err != nil {
			return nil, err
		}
		a.at[i] = plain(x)
	}
	for _, n := range c.named {
		x, err := n.value.eval(r)
		if err != nil {
			return nil, err
		}
		if n.name == "allow_false" {
			a.allowFalse = truthy(x)
		}
	}
	if !c.filter.html {
		v = plain(v)
	}
	if a.given < c.filter.needs {
		return nil, failed("wrong number of arguments (given %d, expected %d)", a.given+1, c.filter.needs+1)
	}
	return c.filter.apply(r, v, &a)
}
