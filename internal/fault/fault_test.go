package fault

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

var wrong = New(Denied, "invalid_grant", "Wrong code.")

func TestOf(t *testing.T) {
	cause := errors.New("the disk is full")
	tests := []struct {
		name string
		err  error
		kind Kind
		code string
		text string
	}{
		{"a fault", wrong, Denied, "invalid_grant", "Wrong code."},
		{"a fault that is wrapped", fmt.Errorf("finish: %w", wrong), Denied, "invalid_grant", "Wrong code."},
		{"a fault with a cause", wrong.Because(cause), Denied, "invalid_grant", "Wrong code."},
		{"a fault around a fault", New(NotFound, "outer", "Outer.").Because(wrong), NotFound, "outer", "Outer."},
		{"a fault among joined errors", errors.Join(cause, wrong), Denied, "invalid_grant", "Wrong code."},
		{"any other error", cause, Internal, "server_error", "Something went wrong on our side."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Of(tt.err)
			if got.Kind != tt.kind || got.Code != tt.code || got.Message != tt.text {
				t.Errorf("Of(%v) = %v %q %q, want %v %q %q", tt.err, got.Kind, got.Code, got.Message, tt.kind, tt.code, tt.text)
			}
			if !Has(tt.err, tt.kind) {
				t.Errorf("Has(%v, %v) = false", tt.err, tt.kind)
			}
		})
	}
	if Of(nil) != nil || Has(nil, Internal) {
		t.Error("no error has become a fault")
	}
	if !errors.Is(Of(cause), cause) {
		t.Error("the cause of an internal fault is lost")
	}
}

// What a caller may see never has the cause in it; what the log sees does.
func TestCauseIsForTheLog(t *testing.T) {
	err := Of(fmt.Errorf("open: %w", errors.New("password=hunter2")))
	if err.Message != "Something went wrong on our side." || err.Error() != "server_error: "+err.Message+": open: password=hunter2" {
		t.Errorf("message %q, log %q", err.Message, err.Error())
	}
}

func TestIsComparesCodes(t *testing.T) {
	tests := []struct {
		name   string
		target error
		want   bool
	}{
		{"itself", wrong, true},
		{"itself with a cause", wrong.Because(errors.New("x")), true},
		{"itself with a wait", wrong.After(time.Second), true},
		{"another message of the same code", New(Invalid, "invalid_grant", "Expired."), true},
		{"another code", New(Denied, "access_denied", "Wrong code."), false},
		{"a plain error", errors.New("invalid_grant"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := errors.Is(fmt.Errorf("wrapped: %w", wrong), tt.target); got != tt.want {
				t.Errorf("Is(%v) = %v, want %v", tt.target, got, tt.want)
			}
		})
	}
}

// Because and After leave the fault they are called on alone: it is shared.
func TestCopiesAreCopies(t *testing.T) {
	cause := errors.New("x")
	e := wrong.Because(cause).After(time.Minute)
	if e.RetryAfter != time.Minute || !errors.Is(e, cause) {
		t.Errorf("the copy is %+v", e)
	}
	if wrong.RetryAfter != 0 || wrong.Unwrap() != nil {
		t.Errorf("the original has become %+v", wrong)
	}
}
