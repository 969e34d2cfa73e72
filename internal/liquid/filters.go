package liquid

// filter is what stands behind a "|".
type filter struct {
	needs int  // arguments it cannot do without
	html  bool // it wants to know whether its input is HTML already
	apply func(r *run, in any, a *arguments) (any, error)
}

const maxArguments = 4

// arguments are what a template handed to a filter; those not given are nil.
type arguments struct {
	at         [maxArguments]any
	given      int
	allowFalse bool
}

// filterNamed finds a filter by its name in templates.
func filterNamed(name string) (filter, bool) {
	for _, family := range [...]func(string) (filter, bool){textFilter, htmlFilter, numberFilter, listFilter} {
		if f, ok := family(name); ok {
			return f, true
		}
	}
	switch name {
	case "default":
		return filter{html: true, apply: defaultTo}, true
	case "date":
		return filter{apply: dateFilter}, true
	}
	return filter{}, false
}

func unchanged(_ *run, in any, _ *arguments) (any, error) { return in, nil }

func defaultTo(_ *run, in any, a *arguments) (any, error) {
	if in == false && a.allowFalse {
		return in, nil
	}
	if !truthy(in) || isEmpty(plain(in), false) {
		return a.at[0], nil
	}
	return in, nil
}

// onText makes a filter of a function on strings. growth is by how much the
// result may be longer than the input.
func onText(growth int, f func(string) string) filter {
	return filter{apply: func(r *run, in any, _ *arguments) (any, error) {
		s, err := r.text(in)
		if err == nil {
			err = r.decode(len(s))
		}
		if err == nil {
			err = r.reserve(len(s) * growth)
		}
		if err != nil {
			return nil, err
		}
		return f(s), nil
	}}
}
