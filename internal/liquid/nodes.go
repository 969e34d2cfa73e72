package liquid

import (
	"errors"
	"strconv"
)

// block renders nodes in order until one fails or asks to leave the loop.
func (r *run) block(b block) error {
	for i := range b {
		if err := b[i].node.render(r); err != nil {
			if err = r.settle(err, b[i].at); err != nil {
				return err
			}
		}
		if r.leaving != staying {
			return nil
		}
	}
	return nil
}

// settle notes where an error came from, or writes it into the output if that
// was asked for.
func (r *run) settle(err error, at int) error {
	var e *RenderError
	if !errors.As(err, &e) {
		return err
	}
	if !e.placed {
		e.at, e.placed = at, true
	}
	if !r.options.InlineErrors || e.Limit {
		return err
	}
	return r.writeText("Liquid error: " + e.Message)
}

type text string

func (t text) render(r *run) error { return r.writeText(string(t)) }

type output struct{ value expression }

func (o output) render(r *run) error {
	v, err := o.value.eval(r)
	if err != nil {
		return err
	}
	return r.writeValue(v)
}

// unavailable stands for tags that would read another template.
type unavailable struct{}

func (unavailable) render(*run) error {
	return failed("This liquid context does not allow includes.")
}

type group block

func (g group) render(r *run) error { return r.block(block(g)) }

type assignment struct {
	name  string
	value expression
}

func (a assignment) render(r *run) error {
	v, err := a.value.eval(r)
	if err == nil {
		err = r.spend(1)
	}
	if err == nil {
		r.assign(a.name, v)
	}
	return err
}

type capture struct {
	name string
	body block
}

func (c capture) render(r *run) error {
	s, err := r.aside(c.body)
	if err != nil {
		return err
	}
	if r.options.EscapeHTML {
		r.assign(c.name, safe(s)) // its values were escaped on the way in
	} else {
		r.assign(c.name, s)
	}
	return nil
}

// conditional is if, elsif, else and unless.
type conditional struct{ branches []branch }

type branch struct {
	condition expression
	body      block
}

func (n *conditional) render(r *run) error {
	for i := range n.branches {
		if err := r.spend(1); err != nil {
			return err
		}
		v, err := n.branches[i].condition.eval(r)
		if err != nil {
			return err
		}
		if truthy(v) {
			return r.block(n.branches[i].body)
		}
	}
	return nil
}

// choice is case. Every matching "when" is rendered, as in the Ruby engine;
// "else" only if none before it matched.
type choice struct {
	subject expression
	whens   []when
}

type when struct {
	isElse bool
	values []expression
	body   block
}

func (n *choice) render(r *run) error {
	subject, err := n.subject.eval(r)
	if err != nil {
		return err
	}
	hit := false
	for i := range n.whens {
		w := &n.whens[i]
		match := w.isElse && !hit
		if !w.isElse {
			if match, err = w.matches(r, subject); err != nil {
				return err
			}
			hit = hit || match
		}
		if match {
			if err := r.block(w.body); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *when) matches(r *run, subject any) (bool, error) {
	for _, e := range w.values {
		v, err := e.eval(r)
		if err != nil {
			return false, err
		}
		same, err := r.equal(subject, v)
		if err != nil || same {
			return same, err
		}
	}
	return false, nil
}

type leaveNode leave

func (l leaveNode) render(r *run) error {
	r.leaving = leave(l)
	return r.spend(1)
}

type cycle struct {
	group  string
	values []expression
}

func (c cycle) render(r *run) error {
	if r.cycles == nil {
		r.cycles = map[string]int{}
	}
	// Two cycles of one group may have different lengths.
	i := r.cycles[c.group] % len(c.values)
	r.cycles[c.group] = i + 1
	v, err := c.values[i].eval(r)
	if err != nil {
		return err
	}
	return r.writeValue(v)
}

type counter struct {
	name string
	up   bool
}

func (c counter) render(r *run) error {
	if r.counters == nil {
		r.counters = map[string]int64{}
	}
	v := r.counters[c.name]
	if c.up {
		r.counters[c.name] = v + 1
	} else {
		v--
		r.counters[c.name] = v
	}
	return r.writeText(strconv.FormatInt(v, 10))
}

// ifChanged writes its block only if it differs from what the last one wrote.
type ifChanged struct{ body block }

func (n ifChanged) render(r *run) error {
	s, err := r.aside(n.body)
	if err == nil {
		err = r.read(len(s))
	}
	if err != nil || r.changed != nil && *r.changed == s {
		return err
	}
	r.changed = &s
	// The content may hold values; marked as one, it is left alone by later
	// steps.
	if r.options.EscapeHTML {
		return r.writeValue(safe(s))
	}
	return r.writeValue(s)
}
