package liquid

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ParseError says where a template is broken. Line and Column count from 1;
// columns are characters.
type ParseError struct {
	Line, Column int
	Message      string
	Limit        bool // the template is too long or too deeply nested

	at int
}

// Error is the message with its place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// RenderError says why a template that parsed could not be rendered. Line and
// Column point at the output or tag that failed.
type RenderError struct {
	Line, Column int
	Message      string
	Limit        bool // the budget is spent

	at     int
	placed bool
}

// Error is the message with its place.
func (e *RenderError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

func overBudget(message string) error { return &RenderError{Message: message, Limit: true} }

// failed is a run-time error in the words of the Ruby engine.
func failed(format string, args ...any) error {
	return &RenderError{Message: fmt.Sprintf(format, args...)}
}

// broken is a parse error at a byte offset of the source.
func broken(at int, format string, args ...any) error {
	return &ParseError{at: at, Message: fmt.Sprintf(format, args...)}
}

func tooDeep(at int) error {
	return &ParseError{at: at, Message: "The template is nested too deeply", Limit: true}
}

func located(source string, err error) error {
	var e *ParseError
	if errors.As(err, &e) {
		e.Line, e.Column = position(source, e.at)
	}
	return err
}

func (t *Template) renderError(err error) error {
	var e *RenderError
	if errors.As(err, &e) {
		e.Line, e.Column = position(t.source, e.at)
	}
	return err
}

// position turns a byte offset into line and column.
func position(source string, at int) (line, column int) {
	before := source[:min(max(at, 0), len(source))]
	start := strings.LastIndexByte(before, '\n') + 1
	return 1 + strings.Count(before, "\n"), 1 + utf8.RuneCountInString(before[start:])
}
