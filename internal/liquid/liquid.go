// Package liquid is the template language of messages: Liquid, as Shopify's
// Ruby engine and LiquidJS render it, made safe to run on templates that
// somebody hostile wrote.
//
// Work happens in two stages. Parse turns source into a Template: scan.go cuts
// it into text, outputs and tags, parse.go and tags.go build the tree, and
// expression_parse.go reads what stands inside the braces. Render walks the
// tree; a Template never changes after Parse, so any number of goroutines may
// render one at the same time.
//
// Three rules hold everywhere and are the reason this is not a library from
// elsewhere:
//
//   - Every loop turn, filter, comparison and byte of output is paid for out of
//     a budget (budget.go), before the memory is taken. A template that costs
//     too much ends with an error, never with a slow or dead process.
//   - Values are data. What a value holds is written out and never read as
//     template source, so "{{ code }}" or "@@code@@" inside a name stays those
//     letters.
//   - Nothing is reachable but the values handed to Render: no files, no
//     network, no clock, and no way to include another template.
//
// Older templates write macros, "@@code@@". With Options.Macros they become
// output nodes when the template is parsed, so they obey the same rules.
//
// To add a filter, add a case to the family it belongs to (filters_text.go,
// filters_number.go, filters_list.go, filters_html.go) and charge the budget
// for what it reads and makes.
package liquid

import (
	"strings"
	"time"
)

// Options say how a template is parsed. The zero value reads plain Liquid
// within DefaultLimits.
type Options struct {
	// Macros maps the name of a macro to the path of the variable it shows,
	// such as "application.name". The macro is written "@@name@@" and works in
	// text and inside quoted strings, but not inside {% raw %}, which is the
	// way to show one literally. Names that are not in the map stay text.
	Macros map[string]string

	// Limits bound the template. A field that is zero takes its value from
	// DefaultLimits.
	Limits Limits
}

// Template is a parsed template. It does not change and may be rendered by
// several goroutines at once.
type Template struct {
	source string
	body   block
	limits Limits
	facts  facts
}

// RenderOptions say how values are written.
type RenderOptions struct {
	// EscapeHTML writes values with &, <, >, " and ' as HTML entities, except
	// those that went through the filters raw, escape, escape_once or
	// newline_to_br, and blocks captured by the template, which hold values
	// escaped already.
	EscapeHTML bool

	// Now is what the inputs "now" and "today" of the filter date mean. With
	// the zero time they stay as they are.
	Now time.Time

	// InlineErrors writes "Liquid error: …" into the output where a node
	// fails and goes on, as the Ruby engine does by default. Going over the
	// budget ends the rendering all the same.
	InlineErrors bool
}

// Span is a half-open range of bytes in rendered output.
type Span struct{ Start, End int }

// Parse reads a template. Errors are of type *ParseError.
func Parse(source string, o Options) (*Template, error) {
	limits := o.Limits.orDefault()
	if len(source) > limits.Source {
		return nil, &ParseError{Line: 1, Column: 1, Message: "The template is too long", Limit: true}
	}
	p := &parser{source: source, macros: o.Macros, limits: limits}
	body, err := p.template()
	if err != nil {
		return nil, located(source, err)
	}
	return &Template{source: source, body: body, limits: limits, facts: p.facts}, nil
}

// Render writes the template with the given variables; vars may be nil.
// Errors are of type *RenderError; the text is then empty.
func (t *Template) Render(vars Object, o RenderOptions) (string, error) {
	text, _, err := t.render(vars, o, false)
	return text, err
}

// RenderSpans does what Render does and also reports, in order, which parts of
// the output came from values rather than from the template's own text. A
// later step, such as Markdown, can then leave them alone. Empty values have
// no span.
func (t *Template) RenderSpans(vars Object, o RenderOptions) (string, []Span, error) {
	return t.render(vars, o, true)
}

func (t *Template) render(vars Object, o RenderOptions, spans bool) (string, []Span, error) {
	r := t.start(vars, o, spans)
	if err := r.block(t.body); err != nil {
		return "", nil, t.renderError(err)
	}
	return r.main.String(), r.spans, nil
}

func (t *Template) start(vars Object, o RenderOptions, spans bool) *run {
	r := &run{budget: budget{limits: t.limits}, vars: vars, options: o, marking: spans}
	r.out = &r.main
	r.main.Grow(min(len(t.source)+32, t.limits.Output))
	return r
}

// Literal returns the template's own text, without outputs, macros and tags.
func (t *Template) Literal() string {
	var b strings.Builder
	for _, s := range t.facts.texts {
		b.WriteString(s)
	}
	return b.String()
}
