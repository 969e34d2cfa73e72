package delivery

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class says what a failure means for the messages after it.
type Class uint8

// The classes.
const (
	Permanent     Class = iota // this message will never be taken: a wrong number, an opt-out
	Temporary                  // trying again may help
	Configuration              // nothing will be taken until an operator has changed something
)

// String names the class as metrics and logs do.
func (c Class) String() string {
	switch c {
	case Temporary:
		return "temporary"
	case Configuration:
		return "configuration"
	}
	return "permanent"
}

// Error is why a message was not taken.
type Error struct {
	// Code is the provider's own number, such as "21211", or one of the codes
	// below for what no provider has said.
	Code string
	Text string // the provider's words
	Fix  string // what to do about it, in ours; may be empty

	Class      Class
	Scope      Scope         // whether other messages of the account fare alike
	RetryAfter time.Duration // how long the provider asks to be left alone
	// Unanswered says that the request was written, or may have been, and no
	// answer came: the provider may have the message all the same.
	Unanswered bool
	RequestID  string // the provider's name for the exchange, for its support

	cause error
}

// The codes of failures that no provider has a number for.
const (
	CodeNoAnswer    = "no_answer"     // the request was written, and then nothing
	CodeUnreachable = "unreachable"   // no connection, so nothing was written
	CodeBadAnswer   = "bad_answer"    // the answer is not the provider's
	CodeNoSender    = "no_sender"     // the connection has nobody to send through
	CodeNoAccount   = "no_account"    // the account's settings are incomplete
	CodeBadAddress  = "bad_address"   // what the message is for or from cannot be written
	CodeForbidden   = "forbidden"     // the provider's address is not one that may be called
	CodeTemplate    = "template"      // the message cannot be rendered
	CodeGone        = "no_connection" // the connection was deleted meanwhile
	CodeInternal    = "internal"      // a defect or outage of ours
	CodeExpired     = "expired"       // too late to be of use
	CodeHeld        = "provider_down" // the account takes nothing at the moment
)

// Because returns a copy of e that carries err for the operator's log.
func (e *Error) Because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// Error is written for logs.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Code + ": " + e.Text
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Text, e.cause)
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Refusal is the error in the words that callers of the Authentication API get
// (Auth0: sms_provider_error). Those about gateways end in their code already.
func (e *Error) Refusal() string {
	if strings.HasSuffix(e.Text, ": "+e.Code) {
		return e.Text
	}
	return e.Text + " (Code: " + e.Code + ")"
}

// sendError is what a Sender's error amounts to. An error that is none of ours
// says nothing about what the provider has, so the worst is assumed.
func sendError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	text := "The attempt broke off without an answer."
	if errors.Is(err, context.DeadlineExceeded) {
		text = "The provider did not answer in time."
	}
	return (&Error{Code: CodeNoAnswer, Text: text, Class: Temporary, Unanswered: true}).Because(err)
}
