package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// A HandlerFunc serves a request or says why it could not. When it returns an
// error it should not have written anything.
type HandlerFunc func(w http.ResponseWriter, r *http.Request) error

// An ErrorWriter turns an error into a response in the form its surface uses.
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Handle makes a handler of fn. Errors and panics both go to writeError, a
// panic as an Internal fault whose cause names the place, so that a client
// sees an ordinary 500 and nothing of the stack. When the response has begun
// already, the connection is cut instead, since half an answer must not look
// whole, and Logged logs the error.
func Handle(fn HandlerFunc, writeError ErrorWriter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := track(w)
		if r.Pattern != "" {
			// Middleware below Logged may have copied the request, and the
			// pattern is set on the copy only.
			RecordOf(r.Context()).Route = r.Pattern
		}
		err := call(fn, t, r)
		if err == nil {
			return
		}
		if t.status == 0 {
			writeError(t, r, err)
			return
		}
		RecordOf(r.Context()).late = err
		panic(http.ErrAbortHandler)
	})
}

// call runs fn and returns its panic, if any, as an error.
func call(fn HandlerFunc, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v)
		}
	}()
	return fn(w, r)
}

// recovered describes the panic v. Aborting a response is a panic by which
// handlers talk to net/http, so that one goes on.
func recovered(v any) error {
	if v == http.ErrAbortHandler {
		panic(v)
	}
	return &panicError{value: v, at: frames()}
}

// panicError is a panic on its way to the log.
type panicError struct {
	value any
	at    string
}

// Error tells the value and the calls that led to it, on one line.
func (e *panicError) Error() string { return fmt.Sprintf("panic: %v at %s", e.value, e.at) }

// frames names the calls below the panic, innermost first, in one line.
func frames() string {
	var pcs [24]uintptr
	n := runtime.Callers(3, pcs[:])
	var b strings.Builder
	for it := runtime.CallersFrames(pcs[:n]); ; {
		f, more := it.Next()
		if f.Function == "runtime.gopanic" {
			b.Reset() // what was before is what recovers
		}
		if !strings.HasPrefix(f.Function, "runtime.") && f.Function != "" {
			name := f.Function[strings.LastIndexByte(f.Function, '/')+1:]
			fmt.Fprintf(&b, "%s:%d ", name, f.Line)
		}
		if !more {
			return strings.TrimSpace(b.String())
		}
	}
}

// Status is the status that a fault of the kind has when the protocol at hand
// says nothing else.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.Denied:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Gone:
		return http.StatusGone
	case fault.TooMany:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// StatusOf is Status for an error, with the statuses that HTTP reserves for
// bodies too large or in an encoding that is not read. No error is 200.
func StatusOf(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case errors.Is(err, ErrTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, ErrEncoded):
		return http.StatusUnsupportedMediaType
	}
	return Status(fault.Of(err).Kind)
}

// A Rate is the state of a limit: how many there are, how many are left, and
// when there are more.
type Rate struct {
	Limit, Left int
	Reset       time.Time
}

// SetRate tells the state of a limit (Auth0: rate limit headers). The reset is
// in Unix seconds, the first full one at which there is more.
func SetRate(w http.ResponseWriter, r Rate) {
	h := w.Header()
	h.Set("X-RateLimit-Limit", strconv.Itoa(r.Limit))
	h.Set("X-RateLimit-Remaining", strconv.Itoa(r.Left))
	h.Set("X-RateLimit-Reset", strconv.FormatInt(int64(math.Ceil(float64(r.Reset.UnixMilli())/1000)), 10))
}

// SetRetryAfter tells the client to wait for d, in whole seconds and at least
// one. It does nothing if d is zero.
func SetRetryAfter(w http.ResponseWriter, d time.Duration) {
	if d > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))))
	}
}
