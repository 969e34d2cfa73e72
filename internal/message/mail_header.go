package message

import (
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/liquid"
)

// headerLine makes a rendered template one line: white space of any kind
// becomes single spaces, control characters go.
func headerLine(s string) string {
	fields := strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || isBreak(r) })
	return strings.Join(fields, " ")
}

// fromLine writes a sender as "name <address>", with the name in quotes where
// it needs them. The address is what stands in the angle brackets of the
// template itself: brackets, commas and quotes that come from values stay
// characters of the name, so that an application named
// "Eve <eve@example.com>," changes nothing about who the sender is.
func fromLine(s string, values []liquid.Span) string {
	bracket := lastOwn(s, '<', values)
	if bracket < 0 {
		return headerLine(s)
	}
	name := unquoted(headerLine(s[:bracket]))
	address := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || isBreak(r) || strings.ContainsRune("<>,;\"", r) {
			return -1
		}
		return r
	}, s[bracket+1:])
	if name == "" {
		return address
	}
	return quotedName(name) + " <" + address + ">"
}

// lastOwn is where the template's own text has c for the last time, or -1.
func lastOwn(s string, c byte, values []liquid.Span) int {
	end := len(s)
	for i := len(values) - 1; i >= -1; i-- {
		start := 0
		if i >= 0 {
			start = values[i].End
		}
		if at := strings.LastIndexByte(s[start:end], c); at >= 0 {
			return start + at
		}
		if i >= 0 {
			end = values[i].Start
		}
	}
	return -1
}

func unquoted(name string) string {
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		return name[1 : len(name)-1]
	}
	return name
}

// quotedName is a display name as RFC 5322 §3.2.4 writes it. Names without
// special characters need no quotes.
func quotedName(name string) string {
	if !strings.ContainsAny(name, "()<>[]:;@\\,.\"") {
		return name
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(name) + `"`
}
