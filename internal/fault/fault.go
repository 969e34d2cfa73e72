// Package fault defines the one error type that crosses package borders.
//
// A fault keeps apart three things that error strings tend to mix. Its Kind is
// for code, which branches on it. Its Code and Message are for whoever sent the
// request. Its cause is for the operator, and reaches the log but never a
// response. Because they are separate fields, a handler can print any error it
// is handed without asking what the text might give away.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of thing went wrong. Transports map kinds to statuses;
// nothing else does.
type Kind uint8

const (
	Internal    Kind = iota // a defect or outage of ours; every plain error counts as this
	Invalid                 // the request can never succeed as sent
	Denied                  // the credentials, or what they allow, do not cover it
	NotFound                // the thing named does not exist, or may not be known to exist
	Conflict                // it clashes with something that exists
	Gone                    // it was valid once: expired, used, or replaced
	TooMany                 // a limit was reached; see Error.RetryAfter
	Unavailable             // a service we rely on, such as an SMS provider, failed
)

// Error is a fault. Make one with New and treat it as immutable.
type Error struct {
	Kind       Kind
	Code       string        // stable and machine-readable, such as "invalid_grant"
	Message    string        // safe to show to anybody
	RetryAfter time.Duration // with TooMany: how long to wait

	cause error
}

// New returns a fault without a cause.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Because returns a copy of e that carries err for the operator.
func (e *Error) Because(err error) *Error {
	c := *e
	c.cause = err
	return &c
}

// After returns a copy of e that asks the caller to wait for d.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.RetryAfter = d
	return &c
}

// Error is written for logs. Responses are built from Code and Message.
func (e *Error) Error() string {
	if e.cause == nil {
		return e.Code + ": " + e.Message
	}
	return fmt.Sprintf("%s: %s: %v", e.Code, e.Message, e.cause)
}

// Unwrap returns the cause, if any.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is a fault with the same code, so that
// errors.Is(err, otp.ErrWrongCode) holds with or without a cause attached.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Of returns the outermost fault in err. An error that is not a fault becomes
// an Internal one whose message says nothing, with err as its cause.
// Of(nil) is nil.
func Of(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return internal.Because(err)
}

// Has reports whether err is a fault of the given kind.
func Has(err error, kind Kind) bool {
	return err != nil && Of(err).Kind == kind
}

var internal = New(Internal, "server_error", "Something went wrong on our side.")
