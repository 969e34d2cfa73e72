package liquid

import (
	"encoding/base64"
	"html"
	"net/url"
	"strings"
)

// htmlFilter finds the filters that encode and decode, for HTML and addresses.
func htmlFilter(name string) (filter, bool) {
	switch name {
	case "raw":
		return filter{html: true, apply: raw}, true
	case "escape", "h":
		return filter{html: true, apply: escape}, true
	case "escape_once":
		return filter{html: true, apply: escapeOnce}, true
	case "newline_to_br":
		return filter{html: true, apply: newlineToBr}, true
	case "strip_html":
		return onText(1, stripHTML), true
	case "url_encode":
		return onText(3, url.QueryEscape), true
	case "url_decode":
		return onText(1, func(s string) string {
			d, err := url.QueryUnescape(s)
			if err != nil {
				return s
			}
			return d
		}), true
	case "base64_encode":
		return onText(2, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), true
	case "base64_decode":
		return filter{apply: decodeBase64}, true
	}
	return filter{}, false
}

// raw declares a value to be HTML, so that it is written as it is.
func raw(r *run, in any, _ *arguments) (any, error) {
	s, err := r.text(in)
	return safe(s), err
}

// ready is text that was escaped: HTML when values are written as HTML, and an
// ordinary string otherwise.
func (r *run) ready(s string) any {
	if r.options.EscapeHTML {
		return safe(s)
	}
	return s
}

func escape(r *run, in any, _ *arguments) (any, error) {
	s, err := r.escaped(in)
	if err != nil {
		return nil, err
	}
	return r.ready(s), nil
}

// escaped is the value as HTML text; nil stays empty.
func (r *run) escaped(in any) (string, error) {
	s, err := r.text(in)
	if err == nil {
		err = r.decode(len(s))
	}
	if err != nil {
		return "", err
	}
	size := escapedSize(s)
	if size == len(s) {
		return s, nil
	}
	if err := r.reserve(size); err != nil {
		return "", err
	}
	var b strings.Builder
	b.Grow(size)
	writeEscaped(&b, s)
	return b.String(), nil
}

// escapeOnce escapes what is not an entity already.
func escapeOnce(r *run, in any, _ *arguments) (any, error) {
	s, err := r.text(in)
	if err == nil {
		err = r.decode(2 * len(s))
	}
	if err == nil {
		err = r.reserve(len(s))
	}
	if err != nil {
		return nil, err
	}
	once, err := r.escaped(html.UnescapeString(s))
	if err != nil {
		return nil, err
	}
	return r.ready(once), nil
}

func newlineToBr(r *run, in any, _ *arguments) (any, error) {
	s, err := r.text(in)
	if err != nil {
		return nil, err
	}
	if _, ready := in.(safe); r.options.EscapeHTML && !ready {
		if s, err = r.escaped(s); err != nil {
			return nil, err
		}
	}
	v, err := r.replace(every, s, "\n", "<br />\n")
	if err != nil {
		return nil, err
	}
	return r.ready(v.(string)), nil
}

func decodeBase64(r *run, in any, _ *arguments) (any, error) {
	s, err := r.text(in)
	if err == nil {
		err = r.reserve(len(s))
	}
	if err != nil {
		return nil, err
	}
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return nil, failed("invalid base64 provided to base64_decode")
	}
	return strings.ToValidUTF8(string(b), "\uFFFD"), nil
}

// stripHTML drops what stands between < and >.
func stripHTML(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			break
		}
		b.WriteString(s[:i])
		s = s[i+n+1:]
	}
	b.WriteString(s)
	return b.String()
}

func entity(c byte) string {
	switch c {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\'':
		return "&#39;"
	}
	return ""
}

func escapedSize(s string) int {
	n := len(s)
	for i := range len(s) {
		if e := entity(s[i]); e != "" {
			n += len(e) - 1
		}
	}
	return n
}

func writeEscaped(b *strings.Builder, s string) {
	from := 0
	for i := range len(s) {
		if e := entity(s[i]); e != "" {
			b.WriteString(s[from:i])
			b.WriteString(e)
			from = i + 1
		}
	}
	b.WriteString(s[from:])
}
