package liquid

import "strings"

// tag reads a tag and, if it has any, its blocks. at is where the tag's name
// stands, source[args:end] what follows the name.
func (p *parser) tag(name string, at, args, end int) (node, error) {
	switch name {
	case "#":
		return nil, nil
	case "echo":
		e, err := p.reader(args, end, true).piped()
		return output{e}, err
	case "assign":
		return p.assignTag(at, args, end)
	case "capture":
		return p.captureTag(at, args, end)
	case "if", "unless":
		return p.ifTag(name, at, args, end)
	case "case":
		return p.caseTag(at, args, end)
	case "for", "tablerow":
		return p.loopTag(name, at, args, end)
	case "break":
		return leaveNode(breaking), nil
	case "continue":
		return leaveNode(continuing), nil
	case "cycle":
		return p.cycleTag(at, args, end)
	case "increment", "decrement":
		variable := strings.Trim(p.source[args:end], spaces)
		if variable == "" || nameLength(variable) != len(variable) {
			return nil, broken(at, "Syntax Error in '%s' - Valid syntax: %s name", name, name)
		}
		p.facts.local(variable)
		return counter{variable, name == "increment"}, nil
	case "ifchanged":
		b, _, err := p.block(&opener{name, at, []string{"endifchanged"}})
		return ifChanged{b}, err
	case "liquid":
		return p.liquidTag(args, end)
	case "include", "render", "layout":
		// The engine we follow fails here at run time, so a stored template
		// with such a tag in a branch that is never taken goes on working.
		p.facts.problem(at, "The tag '%s' is not available: a message cannot include other templates", name)
		return unavailable{}, nil
	}
	return nil, broken(at, "Unknown tag '%s'", name)
}

func (p *parser) assignTag(at, args, end int) (node, error) {
	r := p.reader(args, end, true)
	name := r.name()
	r.space()
	if name == "" || !r.accept("=") {
		return nil, broken(at, "Syntax Error in 'assign' - Valid syntax: assign [var] = [source]")
	}
	e, err := r.piped()
	p.facts.local(name)
	return assignment{name, e}, err
}

func (p *parser) captureTag(at, args, end int) (node, error) {
	name := strings.Trim(p.source[args:end], spaces+"'\"")
	if name == "" {
		return nil, broken(at, "Syntax Error in 'capture' - Valid syntax: capture [var]")
	}
	p.facts.local(name)
	b, _, err := p.block(&opener{"capture", at, []string{"endcapture"}})
	return capture{name, b}, err
}

func (p *parser) ifTag(name string, at, args, end int) (node, error) {
	c, err := p.reader(args, end, false).condition()
	if err != nil {
		return nil, err
	}
	if name == "unless" {
		c = negation{c}
	}
	n := &conditional{}
	o := &opener{name, at, []string{"elsif", "else", "end" + name}}
	for {
		b, closing, err := p.block(o)
		if err != nil {
			return nil, err
		}
		n.branches = append(n.branches, branch{c, b})
		switch closing.name {
		case "else":
			c = literal{true}
		case "elsif":
			if c, err = p.reader(closing.start, closing.end, false).condition(); err != nil {
				return nil, err
			}
		default:
			return n, nil
		}
	}
}

func (p *parser) caseTag(at, args, end int) (node, error) {
	subject, err := p.reader(args, end, false).value()
	if err != nil {
		return nil, err
	}
	n := &choice{subject: subject}
	o := &opener{"case", at, []string{"when", "else", "endcase"}}
	_, closing, err := p.block(o) // what stands before the first "when" is dropped
	for err == nil && closing.name != "endcase" {
		w := when{isElse: closing.name == "else"}
		if !w.isElse {
			if w.values, err = p.reader(closing.start, closing.end, false).list(); err != nil {
				return nil, err
			}
		}
		w.body, closing, err = p.block(o)
		n.whens = append(n.whens, w)
	}
	return n, err
}

func (p *parser) cycleTag(at, args, end int) (node, error) {
	source := p.source[args:end]
	group := strings.Trim(source, spaces)
	if i := strings.IndexByte(source, ':'); i > 0 && !strings.ContainsAny(source[:i], ",'\"") {
		group, args = strings.Trim(source[:i], spaces), args+i+1
	}
	values, err := p.reader(args, end, true).list()
	if err == nil && len(values) == 0 {
		err = broken(at, "Syntax Error in 'cycle' - Valid syntax: cycle [name :] var [, var2, var3 ...]")
	}
	return cycle{group, values}, err
}

// liquidTag reads one tag per line.
func (p *parser) liquidTag(args, end int) (node, error) {
	inner := &parser{source: p.source, macros: p.macros, limits: p.limits, facts: p.facts, depth: p.depth}
	for start := args; start < end; {
		stop := end
		if i := strings.IndexByte(p.source[start:end], '\n'); i >= 0 {
			stop = start + i
		}
		from, to := start, stop
		for from < to && strings.IndexByte(spaces, p.source[from]) >= 0 {
			from++
		}
		for from < to && strings.IndexByte(spaces, p.source[to-1]) >= 0 {
			to--
		}
		if from < to {
			inner.tokens = append(inner.tokens, token{tagToken, from, to})
		}
		start = stop + 1
	}
	b, _, err := inner.block(nil)
	p.facts = inner.facts
	return group(b), err
}

func (p *parser) loopTag(name string, at, args, end int) (node, error) {
	r := p.reader(args, end, true)
	variable := r.name()
	r.space()
	if variable == "" || r.name() != "in" {
		return nil, broken(at, "Syntax Error in '%s loop' - Valid syntax: %s [item] in [collection]", name, name)
	}
	r.space()
	from := r.at
	list, err := r.value()
	if err != nil {
		return nil, err
	}
	l := &loop{name: variable, list: list, key: variable + "-" + p.source[from:r.at], table: name == "tablerow"}
	if err := r.loopArguments(l); err != nil {
		return nil, err
	}
	p.facts.local(variable)
	p.facts.local(l.stateName())
	endTag := "end" + name
	var closing ending
	if l.body, closing, err = p.block(&opener{name, at, []string{"else", endTag}}); err != nil {
		return nil, err
	}
	if closing.name == "else" {
		l.otherwise, _, err = p.block(&opener{name, at, []string{endTag}})
	}
	return l, err
}

// loopArguments reads reversed, limit, offset and cols.
func (r *reader) loopArguments(l *loop) error {
	for {
		r.space()
		if r.done() {
			return nil
		}
		if r.accept(",") {
			continue
		}
		at := r.at
		name := r.name()
		if name == "reversed" {
			l.reversed = true
			continue
		}
		if r.space(); name == "" || !r.accept(":") {
			return broken(at, "Unexpected '%s' behind the collection", r.rest(at))
		}
		if r.space(); name == "offset" && r.acceptName("continue") {
			l.goOn = true
			continue
		}
		e, err := r.value()
		if err != nil {
			return err
		}
		switch name {
		case "limit":
			l.limit = e
		case "offset":
			l.offset = e
		case "cols":
			l.columns = e
		default:
			r.parser.facts.problem(at, "A loop has no argument '%s'", name)
		}
	}
}
