package message

import "strings"

// withAutofill appends the line by which phones recognise a code and the site
// it belongs to: "@host #code", the last line of the message
// (wicg.github.io/sms-one-time-codes). It is left out if the template ends in
// it already, or if host or code cannot stand in it.
func withAutofill(text, host, code string) string {
	host = hostOnly(host)
	if !isAutofillWord(host) || !isAutofillWord(code) {
		return text
	}
	if h, c, ok := ReadAutofill(text); ok && h == host && c == code {
		return text
	}
	line := "@" + host + " #" + code
	if text == "" {
		return line
	}
	return text + "\n\n" + line
}

// hostOnly drops a port, which the line has no place for.
func hostOnly(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 {
		return host[:i]
	}
	return host
}

// isAutofillWord reports whether s can be read back from the line whole.
func isAutofillWord(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte(autofillStops+"/:", c) >= 0 {
			return false
		}
	}
	return true
}

// autofillStops end a host or code in the line, as white space does.
const autofillStops = "#%@"

// ReadAutofill reads host and code from the last line of a message as a phone
// does, by the algorithm of wicg.github.io/sms-one-time-codes. What follows
// the code on that line, such as the host of a frame, is ignored.
func ReadAutofill(body string) (host, code string, ok bool) {
	line := body[strings.LastIndexAny(body, "\r\n")+1:]
	rest, ok := strings.CutPrefix(line, "@")
	if !ok {
		return "", "", false
	}
	host, rest = autofillWord(rest)
	rest, ok = strings.CutPrefix(rest, " #")
	if !ok || host == "" {
		return "", "", false
	}
	code, rest = autofillWord(rest)
	if code == "" || rest != "" && rest[0] != ' ' {
		return "", "", false
	}
	return host, code, true
}

func autofillWord(s string) (word, rest string) {
	if i := strings.IndexAny(s, " \t\n\f\r"+autofillStops); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}
