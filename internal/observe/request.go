package observe

import (
	"context"
	"crypto/rand"
)

// RequestIDKey is the key of the context value that holds a request's id, a
// string. NewHandler adds it to records made with such a context.
type RequestIDKey struct{}

// WithRequestID returns a context that carries id, for work that is not done
// within an HTTP request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, RequestIDKey{}, id)
}

// RequestIDOf returns the id that ctx carries, or "".
func RequestIDOf(ctx context.Context) string {
	id, _ := ctx.Value(RequestIDKey{}).(string)
	return id
}

// NewRequestID returns an id that no other request has.
func NewRequestID() string { return rand.Text() }

// ValidRequestID reports whether an id that came from outside may be used: at
// most 64 letters, digits, hyphens and underscores.
func ValidRequestID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; !alphanumeric(c) && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
