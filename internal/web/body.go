package web

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
)

// Bodies allowed, by who is asking.
const (
	AuthLimit   = 64 << 10 // Authentication API
	ManageLimit = 1 << 20  // Management API
)

// What can be wrong with a body before it is looked at. StatusOf knows them.
var (
	ErrTooLarge = fault.New(fault.Invalid, "payload_too_large", "The request body is too large.")
	ErrEncoded  = fault.New(fault.Invalid, "unsupported_media_type", "Compressed request bodies are not accepted.")
)

// ErrNoBody is the cause of the fault for a body that is missing or blank, for
// endpoints to which a body is optional.
var ErrNoBody = errors.New("no request body")

// ReadJSON reads the body into dst, as encoding/json does. It goes by the body
// alone: clients in use send JSON without a content type, or as text/plain.
//
// It is stricter than encoding/json. Beyond limit bytes, 32 levels of nesting,
// numbers that no float64 holds, invalid UTF-8, half surrogates and NUL (which
// PostgreSQL cannot store), it refuses names that occur twice in one object:
// whoever checks a request and whoever acts on it must not read different
// values. Since encoding/json matches names of struct fields in any case,
// names at the top that differ only in case count as the same.
//
// The error is a fault with the code "invalid_request", or ErrTooLarge or
// ErrEncoded. When a value has the wrong type, a *json.UnmarshalTypeError is
// in its chain.
func ReadJSON(w http.ResponseWriter, r *http.Request, limit int64, dst any) error {
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return err
	}
	s := scanner{src: body, fold: true}
	if err := s.document(); err != nil {
		return err
	}
	if err := json.Unmarshal(body, dst); err != nil {
		return mistyped(err)
	}
	return nil
}

// ReadObject reads a body that must be a JSON object and returns its members
// as they were sent, so that a caller can tell an absent member from a null
// one. It is as strict as ReadJSON, except that names may differ only in case.
func ReadObject(w http.ResponseWriter, r *http.Request, limit int64) (map[string]json.RawMessage, error) {
	body, err := ReadBody(w, r, limit)
	if err != nil {
		return nil, err
	}
	members, err := scanObject(body, false)
	if err != nil {
		return nil, err
	}
	object := make(map[string]json.RawMessage, len(members))
	for _, m := range members {
		object[string(m.name)] = json.RawMessage(m.value)
	}
	return object, nil
}

// scanObject checks an object and lists its members.
func scanObject(body []byte, fold bool) ([]member, error) {
	s := scanner{src: body, fold: fold, collect: true}
	if err := s.document(); err != nil {
		return nil, err
	}
	if !s.object {
		return nil, invalid("The request body must be an object.")
	}
	return s.members, nil
}

// firstRead bounds what is set aside for a body before any of it has arrived,
// so that announcing large bodies costs the server nothing.
const firstRead = 16 << 10

// ReadBody returns the whole body. The slice is the caller's to keep. The error is
// a fault with the code "invalid_request", or ErrTooLarge or ErrEncoded.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if e := r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return nil, ErrEncoded
	}
	if r.Body == nil || r.Body == http.NoBody {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, tooLarge(w)
	}
	size := int64(512)
	if r.ContentLength >= 0 {
		size = min(r.ContentLength+1, firstRead) // the one more makes room to see the end
	}
	src := http.MaxBytesReader(w, r.Body, limit)
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := src.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if err == io.EOF {
			return body, nil
		}
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, tooLarge(w)
		}
		if err != nil {
			return nil, invalid("The request body could not be read.").Because(err)
		}
	}
}

// tooLarge gives up on the connection too: the rest of the body would have to
// be read before it could be used again.
func tooLarge(w http.ResponseWriter) error {
	w.Header().Set("Connection", "close")
	return ErrTooLarge
}

// invalid is the fault of a request that cannot be read.
func invalid(message string) *fault.Error {
	return fault.New(fault.Invalid, "invalid_request", message)
}

// mistyped says which member of a body has a value of the wrong type.
func mistyped(err error) error {
	var f *fault.Error
	if errors.As(err, &f) { // from a type that reads itself
		return f
	}
	var t *json.UnmarshalTypeError
	if !errors.As(err, &t) {
		return invalid("The request body is not as expected.").Because(err)
	}
	subject := "The request body"
	if t.Field != "" {
		subject = printable(t.Field)
	}
	return invalid(subject + " must be " + kindName(t.Type) + ".").Because(err)
}

// kindName says in JSON's words what values of a type look like.
func kindName(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Map, reflect.Struct:
		return "an object"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number in range"
	case reflect.Float32, reflect.Float64:
		return "a number"
	}
	return "of another type"
}

// printable shortens and cleans text of a client's that goes into a message
// for that client.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f {
			return '?'
		}
		return r
	}, s)
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
