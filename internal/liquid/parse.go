package liquid

// parser builds the tree of nodes.
type parser struct {
	source string
	macros map[string]string
	limits Limits
	facts  facts

	tokens []token
	next   int
	depth  int
}

// block is a list of nodes; each carries the offset that errors point at.
type block []element

type element struct {
	at   int
	node node
}

// node is a part of a template that writes something or changes the state.
type node interface{ render(r *run) error }

// ending is the tag that closed a block: its name and the range of the
// arguments behind it.
type ending struct {
	name           string
	at, start, end int
}

func (p *parser) template() (block, error) {
	s := scanner{source: p.source, macros: p.macros, facts: &p.facts, most: p.limits.Steps}
	if err := s.scan(); err != nil {
		return nil, err
	}
	p.tokens = s.tokens
	b, _, err := p.block(nil)
	return b, err
}

// opener is the tag a block belongs to, with the tags that may end the block.
// A nil opener is the whole template.
type opener struct {
	name string
	at   int
	ends []string
}

func (o *opener) endedBy(name string) bool {
	if o == nil {
		return false
	}
	for _, e := range o.ends {
		if e == name {
			return true
		}
	}
	return false
}

// block reads nodes up to one of the opener's ending tags.
func (p *parser) block(o *opener) (block, ending, error) {
	p.depth++
	defer func() { p.depth-- }()
	if p.depth > p.limits.Depth {
		at := len(p.source)
		if o != nil {
			at = o.at
		}
		return nil, ending{}, tooDeep(at)
	}
	var b block
	for p.next < len(p.tokens) {
		t := p.tokens[p.next]
		p.next++
		n, end, err := p.node(t, o)
		if err != nil || end.name != "" {
			return b, end, err
		}
		if n != nil {
			b = append(b, element{t.start, n})
		}
	}
	if o != nil {
		return nil, ending{}, broken(o.at, "'%s' tag was never closed", o.name)
	}
	return b, ending{}, nil
}

// node reads one token, or a tag with its blocks. It returns an ending instead
// if the token closes the current block.
func (p *parser) node(t token, o *opener) (node, ending, error) {
	switch t.kind {
	case textToken:
		s := p.source[t.start:t.end]
		p.facts.texts = append(p.facts.texts, s)
		return text(s), ending{}, nil
	case macroToken:
		return output{p.macro(p.source[t.start:t.end], t.start-2)}, ending{}, nil
	case outputToken:
		if t.start == t.end {
			return nil, ending{}, nil
		}
		e, err := p.reader(t.start, t.end, true).piped()
		return output{e}, ending{}, err
	}
	inner := p.source[t.start:t.end]
	name := word(inner)
	args := t.start + len(name)
	if o.endedBy(name) {
		return nil, ending{name, t.start, args, t.end}, nil
	}
	n, err := p.tag(name, t.start, args, t.end)
	return n, ending{}, err
}

// reader reads expressions in source[start:end]. shown says whether what they
// yield can reach the output.
func (p *parser) reader(start, end int, shown bool) *reader {
	return &reader{source: p.source[:end], at: start, parser: p, shown: shown}
}

// macro is the expression a known macro stands for.
func (p *parser) macro(name string, at int) expression {
	path := p.macros[name]
	p.facts.uses = append(p.facts.uses, use{path, at, true})
	return variableAt(path)
}
