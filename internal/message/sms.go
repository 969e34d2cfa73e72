package message

import (
	"strings"

	"github.com/doorcode/doorcode/internal/liquid"
)

// SMS is a message ready to be sent, with what it costs.
type SMS struct {
	Body     string
	Encoding Encoding
	Segments int // how many messages a provider bills
}

// SMSTemplate is a parsed SMS template. It does not change and may be rendered
// by several goroutines at once.
type SMSTemplate struct {
	body     *liquid.Template
	markdown bool
}

// smsLimits leave room for the 5,120 characters a template may have, in any
// script. No provider takes messages as long as the output may get.
func smsLimits() liquid.Limits { return liquid.Limits{Source: 24 << 10, Output: 8 << 10} }

// ParseSMS reads an SMS template. Errors are of type *ParseError.
func ParseSMS(src string, syntax Syntax) (*SMSTemplate, error) {
	t, err := parse(bodyField, src, smsMacros(), smsLimits())
	if err != nil {
		return nil, err
	}
	return &SMSTemplate{body: t, markdown: syntax == Markdown}, nil
}

// Render writes the message. With autofillHost, the host of the page the code
// is typed into, its last line lets phones offer the code there and nowhere
// else; without, no line is added. Errors are of type *RenderError.
func (t *SMSTemplate) Render(v Vars, autofillHost string) (SMS, error) {
	vars := (*variables)(&v)
	var text string
	var err error
	if t.markdown {
		var values []liquid.Span
		if text, values, err = t.body.RenderSpans(vars, v.options(false)); err == nil {
			text = stripMarks(text, values)
		}
	} else {
		text, err = t.body.Render(vars, v.options(false))
	}
	if err != nil {
		return SMS{}, renderError(bodyField, err)
	}
	body := withAutofill(strings.TrimSpace(text), autofillHost, v.Code)
	encoding, segments := Segments(body)
	return SMS{Body: body, Encoding: encoding, Segments: segments}, nil
}

// ShowsCode reports whether the template has an output or macro for the code
// anywhere, even in a branch that is rarely taken.
func (t *SMSTemplate) ShowsCode() bool { return showsCode(t.body) }

// Check reports variables, filters and macros that do not exist, and words
// that are ignored, for whoever saves the template.
func (t *SMSTemplate) Check() []Problem { return problems(bodyField, t.body, isKnown) }
