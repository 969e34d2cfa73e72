package message

import (
	"html"
	"strings"
)

// textOf derives the text part of an e-mail from its HTML: links read
// "text (address)", blocks stand on lines of their own, entities are decoded,
// and head, style and script are left out. It takes time linear in the HTML.
func textOf(body string) string {
	w := textWriter{lower: asciiLower(body)}
	for at := 0; at < len(body); {
		i := strings.IndexByte(body[at:], '<')
		if i < 0 {
			w.text(body[at:])
			break
		}
		w.text(body[at : at+i])
		at = w.markup(body, at+i)
	}
	w.closeLink()
	return strings.TrimSpace(w.out.String())
}

// textWriter collects the text part.
type textWriter struct {
	lower string // the HTML in lower case, byte for byte
	out   strings.Builder

	// Breaks and spaces are owed until a word follows, so that there are
	// never more than needed.
	lines int
	space bool

	link      string // address of the link that is open
	linkStart int    // length of out when it was opened
}

// text writes words, with the white space between them as HTML shows it.
func (w *textWriter) text(s string) {
	if s == "" {
		return
	}
	s = html.UnescapeString(s)
	for s != "" {
		end := strings.IndexAny(s, " \t\r\n\f")
		switch {
		case end == 0:
			w.space = true
			s = s[1:]
			continue
		case end < 0:
			end = len(s)
		}
		w.word(s[:end])
		s = s[end:]
	}
}

func (w *textWriter) word(s string) {
	switch {
	case w.out.Len() == 0:
	case w.lines > 0:
		w.out.WriteString("\n\n"[:min(w.lines, 2)])
	case w.space:
		w.out.WriteByte(' ')
	}
	w.lines, w.space = 0, false
	w.out.WriteString(s)
}

// owe asks for n line breaks before the next word.
func (w *textWriter) owe(n int) { w.lines = max(w.lines, n) }

// markup reads what begins with the "<" at at and returns where to go on.
func (w *textWriter) markup(body string, at int) int {
	rest := body[at:]
	switch {
	case strings.HasPrefix(rest, "<!--"):
		return after(body, at+4, "-->")
	case strings.HasPrefix(rest, "<!"), strings.HasPrefix(rest, "<?"):
		return after(body, at+2, ">")
	}
	start, closing := at+1, false
	if strings.HasPrefix(rest, "</") {
		start, closing = at+2, true
	}
	end := start
	for end < len(body) && (isLetter(body[end]) || end > start && isDigit(body[end])) {
		end++
	}
	if end == start {
		w.text("<") // a sign, not a tag
		return at + 1
	}
	stop := tagEnd(body, end)
	name := w.lower[start:end]
	if closing {
		w.closed(name)
		return stop
	}
	if isHidden(name) {
		// An opening tag that closes itself hides nothing.
		i := strings.Index(w.lower[stop:], "</"+name)
		if i < 0 {
			return len(body)
		}
		return tagEnd(body, stop+i)
	}
	w.opened(name, body[end:stop])
	return stop
}

func isHidden(name string) bool {
	switch name {
	case "head", "script", "style", "title", "template", "noscript":
		return true
	}
	return false
}

func (w *textWriter) opened(name, attributes string) {
	switch name {
	case "br":
		w.lines = min(w.lines+1, 2)
	case "li":
		w.owe(1)
		w.word("-")
		w.space = true
	case "td", "th":
		w.space = true
	case "img":
		w.text(attribute(attributes, "alt"))
	case "a":
		w.closeLink()
		w.link, w.linkStart = attribute(attributes, "href"), w.out.Len()
	default:
		w.owe(breaks(name))
	}
}

func (w *textWriter) closed(name string) {
	if name == "a" {
		w.closeLink()
		return
	}
	w.owe(breaks(name))
}

// breaks is how many line breaks a block element has around it.
func breaks(name string) int {
	switch name {
	case "p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr":
		return 2
	case "div", "tr", "li", "section", "article", "header", "footer", "main", "nav", "aside",
		"address", "center", "dt", "dd", "form", "fieldset", "figure", "body", "html":
		return 1
	}
	return 0
}

// closeLink writes the address behind the text of a link, unless the text says
// it already.
func (w *textWriter) closeLink() {
	address := w.link
	w.link = ""
	if address == "" || strings.HasPrefix(address, "#") {
		return
	}
	shown := strings.TrimSpace(w.out.String()[w.linkStart:])
	bare := strings.TrimPrefix(strings.TrimPrefix(address, "mailto:"), "tel:")
	switch shown {
	case address, bare:
	case "":
		w.word(address)
	default:
		w.space = true
		w.word("(" + address + ")")
	}
}

// tagEnd is where a tag ends, with ">" inside quotes passed by. A tag that
// never ends takes the rest.
func tagEnd(s string, at int) int {
	for at < len(s) {
		i := strings.IndexAny(s[at:], `>"'`)
		if i < 0 {
			return len(s)
		}
		at += i
		if s[at] == '>' {
			return at + 1
		}
		i = strings.IndexByte(s[at+1:], s[at])
		if i < 0 {
			return len(s)
		}
		at += i + 2
	}
	return len(s)
}

func after(s string, at int, mark string) int {
	i := strings.Index(s[at:], mark)
	if i < 0 {
		return len(s)
	}
	return at + i + len(mark)
}

// attribute is the value of an attribute, decoded, on one line.
func attribute(s, name string) string {
	for {
		s = strings.TrimLeft(s, " \t\r\n\f/>")
		if s == "" {
			return ""
		}
		end := strings.IndexAny(s, "= \t\r\n\f/>")
		if end < 0 {
			return ""
		}
		key := s[:max(end, 1)]
		s = strings.TrimLeft(s[len(key):], " \t\r\n\f")
		value := ""
		if v, ok := strings.CutPrefix(s, "="); ok {
			value, s = attributeValue(strings.TrimLeft(v, " \t\r\n\f"))
		}
		if strings.EqualFold(key, name) {
			return headerLine(html.UnescapeString(value))
		}
	}
}

func attributeValue(s string) (value, rest string) {
	if s != "" && (s[0] == '"' || s[0] == '\'') {
		value, rest, _ = strings.Cut(s[1:], s[:1])
		return value, rest
	}
	if i := strings.IndexAny(s, " \t\r\n\f>"); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// asciiLower keeps every byte in its place, which strings.ToLower does not.
func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}
