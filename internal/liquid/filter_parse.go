package liquid

import "strings"

// piped reads a value and the filters behind it.
func (r *reader) piped() (expression, error) {
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	var calls []call
	for {
		if r.space(); r.done() {
			break
		}
		if r.source[r.at] != '|' {
			// The engine we follow reads over words it does not expect.
			r.parser.facts.problem(r.at, "'%s' is not understood here and is ignored", r.rest(r.at))
			next := strings.IndexByte(r.source[r.at:], '|')
			if next < 0 {
				break
			}
			r.at += next
		}
		r.at++
		c, err := r.call()
		if err != nil {
			return nil, err
		}
		calls = append(calls, c)
	}
	if calls == nil {
		return v, nil
	}
	return piped{v, calls}, nil
}

func (r *reader) call() (call, error) {
	r.space()
	at := r.at
	name := r.name()
	if name == "" {
		return call{}, broken(at, "The name of a filter is missing behind the '|'")
	}
	f, known := filterNamed(name)
	if !known {
		// Unknown filters change nothing, as in the Ruby engine.
		f = filter{html: true, apply: unchanged}
		r.parser.facts.problem(at, "There is no filter '%s'", name)
	}
	c := call{filter: f}
	if r.space(); !r.accept(":") {
		return c, nil
	}
	for {
		if err := r.argument(&c); err != nil {
			return c, err
		}
		if r.space(); !r.accept(",") {
			return c, nil
		}
	}
}

func (r *reader) argument(c *call) error {
	r.space()
	start := r.at
	name := r.name()
	r.space()
	named := name != "" && r.accept(":")
	if !named {
		r.at = start
	}
	e, err := r.value()
	if err != nil {
		return err
	}
	switch {
	case named:
		c.named = append(c.named, namedArg{name, e})
	case len(c.args) == maxArguments:
		return broken(start, "The filter has too many arguments")
	default:
		c.args = append(c.args, e)
	}
	return nil
}

// list reads values separated by commas or the word "or".
func (r *reader) list() ([]expression, error) {
	var list []expression
	for {
		e, err := r.value()
		if err != nil {
			return nil, err
		}
		list = append(list, e)
		if r.space(); r.done() {
			return list, nil
		}
		if at := r.at; !r.accept(",") && !r.acceptName("or") {
			return nil, broken(at, "Unexpected '%s'", r.rest(at))
		}
	}
}

// condition reads comparisons joined by and, or. Both bind alike and to the
// right, as in the Ruby engine: "a or b and c" is "a or (b and c)", and
// "a and b or c" is "a and (b or c)".
func (r *reader) condition() (expression, error) {
	if err := r.deeper(); err != nil {
		return nil, err
	}
	defer func() { r.depth-- }()
	left, err := r.comparison()
	if err != nil {
		return nil, err
	}
	if r.space(); r.done() {
		return left, nil
	}
	at := r.at
	or := r.acceptName("or")
	if !or && !r.acceptName("and") {
		return nil, broken(at, "Unexpected '%s' in the condition", r.rest(at))
	}
	right, err := r.condition()
	return logical{or, left, right}, err
}

func (r *reader) comparison() (expression, error) {
	left, err := r.value()
	if err != nil {
		return nil, err
	}
	r.space()
	op := r.operator()
	if op == "" {
		return left, nil
	}
	right, err := r.value()
	return comparison{op, left, right}, err
}

func (r *reader) operator() string {
	for _, op := range [...]string{"==", "!=", "<>", "<=", ">=", "<", ">"} {
		if r.accept(op) {
			return op
		}
	}
	if r.acceptName("contains") {
		return "contains"
	}
	return ""
}
