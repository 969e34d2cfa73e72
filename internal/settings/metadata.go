package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
)

// Metadata are both kinds of a user's metadata.
type Metadata struct{ User, App map[string]any }

// NewMetadata reads metadata that somebody typed. The fault names the field and
// says in which line and column it is wrong.
func NewMetadata(user, app string) (Metadata, error) {
	var m Metadata
	var err error
	if m.User, err = typedObject("user_metadata", user); err != nil {
		return m, err
	}
	m.App, err = typedObject("app_metadata", app)
	return m, err
}

func typedObject(name, text string) (map[string]any, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	if len(text) > maxMetadata {
		return nil, fault.New(fault.Invalid, "invalid_body", fmt.Sprintf("This is too long: %d bytes, at most %d.", len(text), maxMetadata)).Because(&At{name})
	}
	wrong := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "invalid_body", fmt.Sprintf(format, args...)).Because(&At{name})
	}
	dec := json.NewDecoder(strings.NewReader(text))
	var m map[string]any
	err := dec.Decode(&m)
	at := dec.InputOffset()
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return nil, wrong("%s: this is not JSON. %s.", position(text, syntax.Offset-1), sentence(syntax.Error()))
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, wrong("%s: the JSON ends too early. A bracket or a quote is not closed.", position(text, int64(len(text))))
	case errors.As(err, &kind) || err == nil && m == nil:
		return nil, wrong("Line 1, column 1: write a JSON object, such as {\"plan\": \"gold\"}.")
	case err != nil:
		return nil, wrong("This is not JSON.")
	}
	if rest := strings.TrimLeft(text[at:], " \t\r\n"); rest != "" {
		return nil, wrong("%s: there is more behind the object.", position(text, int64(len(text)-len(rest))))
	}
	return m, nil
}

// position says where in a text an offset is, in lines and characters.
func position(text string, offset int64) string {
	before := text[:max(0, min(offset, int64(len(text))))]
	line := strings.Count(before, "\n") + 1
	column := len([]rune(before[strings.LastIndexByte(before, '\n')+1:])) + 1
	return fmt.Sprintf("Line %d, column %d", line, column)
}

func sentence(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
