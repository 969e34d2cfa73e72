package message

import (
	"html"
	"strings"

	"github.com/doorcode/doorcode/internal/liquid"
)

// guardAttributes looks after the places in HTML where escaping a value is not
// enough: an address that a value begins may not be one that runs script, and
// a value without quotes around it may not begin another attribute.
func guardAttributes(body string, values []liquid.Span) string {
	var b strings.Builder
	done := 0
	for _, v := range values {
		before := strings.TrimRight(body[max(0, v.Start-200):v.Start], " \t\r\n")
		quoted := strings.TrimRight(before, `"'`)
		attribute, isValue := strings.CutSuffix(strings.TrimRight(quoted, " \t\r\n"), "=")
		if !isValue {
			continue
		}
		value := body[v.Start:v.End]
		guarded := value
		if holdsAddress(attribute) && !isSafeAddress(html.UnescapeString(value)) {
			guarded = "#"
		} else if quoted == before {
			guarded = unquotedValue().Replace(value)
		}
		if guarded != value {
			b.WriteString(body[done:v.Start])
			b.WriteString(guarded)
			done = v.End
		}
	}
	if done == 0 {
		return body
	}
	b.WriteString(body[done:])
	return b.String()
}

// unquotedValue writes what would end an attribute value without quotes as
// entities, which are resolved only after the value has ended.
func unquotedValue() *strings.Replacer {
	return strings.NewReplacer(" ", "&#32;", "\t", "&#9;", "\n", "&#10;", "\r", "&#13;", "\f", "&#12;", "=", "&#61;", "`", "&#96;")
}

func holdsAddress(attribute string) bool {
	attribute = strings.ToLower(strings.TrimRight(attribute, " \t\r\n"))
	for _, name := range [...]string{"href", "src", "action", "background", "cite", "poster", "data"} {
		if strings.HasSuffix(attribute, name) {
			return true
		}
	}
	return false
}

// isSafeAddress reports whether an address has no scheme, or one that opens a
// page, a mail or a call.
func isSafeAddress(s string) bool {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' {
			return -1 // browsers ignore these inside a scheme
		}
		return r
	}, s)
	end := strings.IndexAny(s, ":/?#")
	if end < 0 || s[end] != ':' {
		return true
	}
	switch scheme := strings.ToLower(s[:end]); scheme {
	case "http", "https", "mailto", "tel", "sms":
		return true
	default:
		// A native application's link has a scheme of its own; only those
		// that run or carry content are dangerous.
		return scheme != "javascript" && scheme != "vbscript" && scheme != "data" && scheme != "file"
	}
}
