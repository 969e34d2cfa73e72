package liquid

import "strings"

// Limits bound what one template may cost.
type Limits struct {
	Source int // bytes of source
	Depth  int // blocks inside blocks, and brackets inside brackets
	Steps  int // units of work while rendering; see below
	Output int // bytes of output
	Memory int // bytes of strings and lists made while rendering
}

// DefaultLimits are far above what messages need (a usual one takes about
// twenty steps) and keep the worst template we know under five milliseconds.
//
// One step is one loop turn, lookup, comparison, filter or output, or the
// handling of 64 bytes in a way that is a plain copy or search, or of 16 bytes
// where each character is looked at. So a step stays in the order of 100 ns
// whatever it does, and a limit on steps is a limit on time.
func DefaultLimits() Limits {
	return Limits{Source: 64 << 10, Depth: 64, Steps: 10_000, Output: 64 << 10, Memory: 512 << 10}
}

func (l Limits) orDefault() Limits {
	d := DefaultLimits()
	pick := func(v *int, def int) {
		if *v <= 0 {
			*v = def
		}
	}
	pick(&l.Source, d.Source)
	pick(&l.Depth, d.Depth)
	pick(&l.Steps, d.Steps)
	pick(&l.Output, d.Output)
	pick(&l.Memory, d.Memory)
	return l
}

// budget is what is left of the limits during one rendering. Every method
// charges first, so that a refusal comes before the work or the allocation.
type budget struct {
	steps, memory, output int // spent so far
	limits                Limits
}

const (
	copyUnit = 64 // bytes a step copies or searches
	runeUnit = 16 // bytes a step decodes
)

func (b *budget) spend(steps int) error {
	if steps < 0 || steps > b.limits.Steps-b.steps {
		b.steps = b.limits.Steps
		return overBudget("The template takes too many steps")
	}
	b.steps += steps
	return nil
}

// read pays for one pass over n bytes by copy or search.
func (b *budget) read(n int) error { return b.spend(1 + n/copyUnit) }

// decode pays for one pass over n bytes character by character.
func (b *budget) decode(n int) error { return b.spend(1 + n/runeUnit) }

// reserve pays for making n bytes of strings or lists.
func (b *budget) reserve(n int) error {
	if n < 0 || n > b.limits.Memory-b.memory {
		b.memory = b.limits.Memory
		return overBudget("The template takes too much memory")
	}
	b.memory += n
	return b.spend(n / copyUnit)
}

// emit pays for n bytes of output.
func (b *budget) emit(n int) error {
	if n > b.limits.Output-b.output {
		b.output = b.limits.Output
		return overBudget("The message gets too long")
	}
	b.output += n
	return b.spend(1 + n/copyUnit)
}

// elementSize is what one element of a list counts for: an interface value.
const elementSize = 16

// reserveList pays for a list of n elements that are each touched once.
func (b *budget) reserveList(n int) error {
	if err := b.spend(n); err != nil {
		return err
	}
	return b.reserve(n * elementSize)
}

// run is the state of one rendering.
type run struct {
	budget
	options RenderOptions
	vars    Object // what the caller handed in

	main    strings.Builder
	out     *strings.Builder // main, or the innermost capture
	marking bool
	spans   []Span

	scopes   []scope // loops around the current node, outermost first
	assigned map[string]any
	counters map[string]int64
	cycles   map[string]int
	offsets  map[string]int // where "offset: continue" goes on
	changed  *string        // last content of ifchanged
	leaving  leave
}

type scope struct {
	name string // the loop's variable
	item any
	loop *loopState
}

// leave says whether a break or continue is on its way to its loop.
type leave uint8

const (
	staying leave = iota
	breaking
	continuing
)

func (r *run) lookup(name string) any {
	for i := len(r.scopes) - 1; i >= 0; i-- {
		s := &r.scopes[i]
		if s.name == name {
			return s.item
		}
		if s.loop.name == name {
			return s.loop
		}
	}
	if v, ok := r.assigned[name]; ok {
		return v
	}
	if r.vars != nil {
		if v, ok := r.vars.Field(name); ok {
			return normal(v)
		}
	}
	if v, ok := r.counters[name]; ok {
		return v
	}
	return nil
}

func (r *run) assign(name string, v any) {
	if r.assigned == nil {
		r.assigned = map[string]any{}
	}
	r.assigned[name] = v
}

// writeText writes the template's own text.
func (r *run) writeText(s string) error {
	if err := r.charge(len(s)); err != nil {
		return err
	}
	r.out.WriteString(s)
	return nil
}

// charge pays for n bytes written to the output or to a capture.
func (r *run) charge(n int) error {
	if r.out == &r.main {
		return r.emit(n)
	}
	if err := r.spend(1); err != nil {
		return err
	}
	return r.reserve(n)
}

// writeValue writes what an output shows: escaped if asked for, and marked.
func (r *run) writeValue(v any) error {
	s, err := r.text(v)
	if err != nil || s == "" {
		if err == nil {
			err = r.spend(1)
		}
		return err
	}
	_, ready := v.(safe)
	escape := r.options.EscapeHTML && !ready
	size := len(s)
	if escape {
		if err := r.decode(len(s)); err != nil {
			return err
		}
		size = escapedSize(s)
	}
	if err := r.charge(size); err != nil {
		return err
	}
	if r.marking && r.out == &r.main {
		at := r.main.Len()
		r.spans = append(r.spans, Span{at, at + size})
	}
	if escape && size != len(s) {
		writeEscaped(r.out, s)
	} else {
		r.out.WriteString(s)
	}
	return nil
}

// aside renders a block into a string of its own.
func (r *run) aside(b block) (string, error) {
	var sb strings.Builder
	outer := r.out
	r.out = &sb
	err := r.block(b)
	r.out = outer
	return sb.String(), err
}
