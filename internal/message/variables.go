package message

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/liquid"
)

// smsMacros are the macros of SMS templates with the variables they show.
func smsMacros() map[string]string {
	return map[string]string{
		"password":         "password",
		"code":             "code",
		"phone_number":     "phone_number",
		"application.name": "application.name",
		"request_language": "request_language",
	}
}

// mailMacros are those of e-mail templates.
func mailMacros() map[string]string {
	m := smsMacros()
	m["email"] = "email"
	m["link"] = "link"
	return m
}

// knownPaths are the variables that exist, for the check on saving.
func knownPaths() []string {
	return []string{
		"password", "code", "link", "phone_number", "email",
		"application.name", "application.clientID", "client.name",
		"user.phone_number", "user.email",
		"request_language", "send", "operation", "expires_minutes",
		"tenant", "friendly_name", "support_email", "support_url",
	}
}

// objects are the names that stand before a dot. Alone they show nothing, but
// "{% if user %}" is no mistake.
func objects() []string { return []string{"application", "client", "user"} }

func isKnown(path string) bool {
	return slices.Contains(knownPaths(), path) || slices.Contains(objects(), path)
}

// variables shows Vars to templates. The object types below are the same
// struct again, so that no map is made for a message.
type variables Vars

var _ liquid.Object = (*variables)(nil)

// Field returns the variable with that name.
func (v *variables) Field(name string) (any, bool) {
	switch name {
	case "code", "password":
		return value(v.Code)
	case "link":
		return value(v.Link)
	case "phone_number":
		return value(v.PhoneNumber)
	case "email":
		return value(v.Email)
	case "request_language":
		return value(v.RequestLanguage)
	case "send":
		return value(v.Send)
	case "operation":
		return value(v.Operation)
	case "tenant", "friendly_name":
		return value(v.TenantName)
	case "support_email":
		return value(v.SupportEmail)
	case "support_url":
		return value(v.SupportURL)
	case "expires_minutes":
		return max(v.ExpiresMinutes, 1), true
	case "application":
		return (*application)(v), true
	case "client":
		return (*client)(v), true
	case "user":
		return (*user)(v), true
	}
	return nil, false
}

type application Vars

// Field returns application.name or application.clientID.
func (a *application) Field(name string) (any, bool) {
	switch name {
	case "name":
		return value(a.ApplicationName)
	case "clientID":
		return value(a.ClientID)
	}
	return nil, false
}

type client Vars

// Field returns client.name.
func (c *client) Field(name string) (any, bool) {
	if name == "name" {
		return value(c.ApplicationName)
	}
	return nil, false
}

type user Vars

// Field returns user.phone_number or user.email.
func (u *user) Field(name string) (any, bool) {
	switch name {
	case "phone_number":
		return value(u.PhoneNumber)
	case "email":
		return value(u.Email)
	}
	return nil, false
}

func value(s string) (any, bool) {
	if s == "" {
		return nil, true
	}
	return oneLine(s), true
}

// oneLine drops what could end a line or a header, or is no text at all:
// control characters, Unicode line and paragraph separators, and bytes that are
// not UTF-8. An application named "X\r\nBcc: all@example.com" adds no header,
// and one named "X\n@evil.example #1" no line a phone fills in by itself.
func oneLine(s string) string {
	clean := true
	for i, r := range s {
		if isBreak(r) || r == utf8.RuneError && isBadByte(s[i:]) {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	return strings.Map(func(r rune) rune {
		if isBreak(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func isBreak(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func isBadByte(s string) bool {
	_, n := utf8.DecodeRuneInString(s)
	return n == 1
}

// options are the render options all fields share.
func (v *Vars) options(escape bool) liquid.RenderOptions {
	now := v.Now
	if now.IsZero() {
		now = time.Now().UTC()
	}
	return liquid.RenderOptions{EscapeHTML: escape, Now: now}
}
