// Package message turns a connection's templates and the facts of one sign-in
// into the SMS or e-mail that is sent. Its functions are pure: they read and
// store nothing, so the worker that sends, the preview in the Dashboard and the
// tests all see the same text.
//
// A template is parsed once (ParseSMS, ParseMail) and rendered for each
// message; parsed templates are safe for concurrent use. The path of an SMS is
//
//	Liquid and @@macros@@ → Markdown marks taken off → trimmed → autofill line
//
// and that of an e-mail body is
//
//	Liquid and @@macros@@ → (Markdown to HTML, if it has no tags) → text part
//
// Two promises shape the code. Values are data: package liquid never reads them
// as source, and reports which bytes of its output came from them, so that the
// Markdown steps pass them by and the name "*Acme*" keeps its stars. And nothing
// here can be made slow: rendering has a budget, and every later step takes time
// linear in the text, or has a cap measured for it.
//
// To add a variable, add it to variables.go and to the lists beside it.
package message

import (
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/liquid"
)

// Vars are the values a message may show. An empty one counts as nil, so that
// "{% if support_url %}" asks whether there is one. Control characters and line
// breaks in values are dropped, and invalid UTF-8 is too.
type Vars struct {
	Code, Link, PhoneNumber, Email string
	ApplicationName, ClientID      string

	// RequestLanguage is the header as it was sent, such as
	// "fr-FR,fr;q=0.9" or "dutch": templates look for parts of it.
	RequestLanguage string

	// ExpiresMinutes is how long the code is valid: whole minutes, rounded
	// down, at least 1.
	ExpiresMinutes int

	Send      string // "code" or "link"
	Operation string // "change_email", or empty

	TenantName, SupportEmail, SupportURL string

	// Now is what "now" means to the filter date. The zero time stands for
	// the moment of rendering.
	Now time.Time
}

// Syntax is the option "syntax" of a connection. Liquid and macros work in
// both; Markdown marks are taken off only where it is Markdown.
type Syntax string

// The values of Syntax. Any other counts as Liquid.
const (
	Liquid   Syntax = "liquid"
	Markdown Syntax = "md_with_macros"
)

// ParseError says where a template is broken. Line and Column count from 1;
// columns are characters.
type ParseError struct {
	Field        string // "body", "subject" or "from"
	Line, Column int
	Message      string // a sentence without its full stop
}

// Error is the message with its place.
func (e *ParseError) Error() string {
	return fmt.Sprintf("%s, line %d, column %d: %s", e.Field, e.Line, e.Column, e.Message)
}

// RenderError says why a template that parsed gave no message: it went over
// its budget, or it did something impossible, such as dividing by zero.
type RenderError struct {
	Field        string // "body", "subject" or "from"
	Line, Column int    // 0 if the message as a whole is at fault
	Message      string // a sentence without its full stop
	Limit        bool   // the template costs too much
}

// Error is the message with its place, if it has one.
func (e *RenderError) Error() string {
	if e.Line == 0 {
		return e.Field + ": " + e.Message
	}
	return fmt.Sprintf("%s, line %d, column %d: %s", e.Field, e.Line, e.Column, e.Message)
}

// Problem is something in a template that renders but will not be what its
// author meant, such as a variable that does not exist.
type Problem struct {
	Field        string // "body", "subject" or "from"
	Line, Column int
	Message      string
}

// The fields of templates, as errors name them.
const (
	bodyField    = "body"
	subjectField = "subject"
	fromField    = "from"
)

// parse reads the template of a field.
func parse(field, source string, macros map[string]string, limits liquid.Limits) (*liquid.Template, error) {
	t, err := liquid.Parse(source, liquid.Options{Macros: macros, Limits: limits})
	var pe *liquid.ParseError
	if errors.As(err, &pe) {
		return nil, &ParseError{Field: field, Line: pe.Line, Column: pe.Column, Message: pe.Message}
	}
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", field, err)
	}
	return t, nil
}

// renderError names the field that failed.
func renderError(field string, err error) error {
	var re *liquid.RenderError
	if errors.As(err, &re) {
		return &RenderError{Field: field, Line: re.Line, Column: re.Column, Message: re.Message, Limit: re.Limit}
	}
	return fmt.Errorf("render %s: %w", field, err)
}

// problems are what the strict check finds in a field.
func problems(field string, t *liquid.Template, known func(string) bool) []Problem {
	var all []Problem
	for _, p := range t.Check(known) {
		all = append(all, Problem{Field: field, Line: p.Line, Column: p.Column, Message: p.Message})
	}
	return all
}

func showsCode(t *liquid.Template) bool { return t.Shows("code") || t.Shows("password") }
