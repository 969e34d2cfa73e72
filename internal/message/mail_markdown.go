package message

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/yuin/goldmark"

	"github.com/doorcode/doorcode/internal/liquid"
)

// maxMarkdown is how much Markdown a body may hold once rendered, in bytes.
// The parser's time grows with the square of its input for hostile text; this
// and tooTangled keep it within what a worker can spare.
const maxMarkdown = 16 << 10

// markdownHTML turns a Markdown body into HTML. Values are HTML already; words
// stand in for them while the text is read, so that nothing in them is taken
// for a mark.
func markdownHTML(engine goldmark.Markdown, body string, values []liquid.Span) (string, error) {
	source, word := standIns(body, values)
	if len(source) > maxMarkdown {
		return "", &RenderError{Field: bodyField, Message: "The message is too long for Markdown", Limit: true}
	}
	if tooTangled(source) {
		return "", &RenderError{Field: bodyField, Message: "The message has too many Markdown marks", Limit: true}
	}
	var out bytes.Buffer
	if err := engine.Convert([]byte(source), &out); err != nil {
		return "", &RenderError{Field: bodyField, Message: "The Markdown cannot be read: " + err.Error()}
	}
	return restore(out.String(), word, body, values), nil
}

// standIns replaces every value by a word of letters and digits that Markdown
// leaves alone even in addresses. The word holds a digest of the whole text,
// so no text can contain its own.
func standIns(body string, values []liquid.Span) (source, word string) {
	if len(values) == 0 {
		return body, ""
	}
	digest := sha256.Sum256([]byte(body))
	word = "v" + hex.EncodeToString(digest[:8]) + "x"
	var b strings.Builder
	done := 0
	for i, v := range values {
		b.WriteString(body[done:v.Start])
		b.WriteString(word)
		b.WriteString(strconv.Itoa(i))
		b.WriteByte('z')
		done = v.End
	}
	b.WriteString(body[done:])
	return b.String(), word
}

// restore puts the values back in one pass and guards those in attributes.
func restore(out, word, body string, values []liquid.Span) string {
	if word == "" {
		return out
	}
	var b strings.Builder
	var spans []liquid.Span
	for {
		before, rest, found := strings.Cut(out, word)
		b.WriteString(before)
		if !found {
			break
		}
		number, behind, _ := strings.Cut(rest, "z")
		if i, err := strconv.Atoi(number); err == nil && i < len(values) {
			start := b.Len()
			b.WriteString(body[values[i].Start:values[i].End])
			spans = append(spans, liquid.Span{Start: start, End: b.Len()})
		}
		out = behind
	}
	return guardAttributes(b.String(), spans)
}

// tooTangled finds the texts that make the parser slow and that nobody writes:
// hundreds of brackets, or quotes inside quotes inside quotes.
func tooTangled(source string) bool {
	const most, deepest = 400, 24
	if strings.Count(source, "[") > most || strings.Count(source, "`") > most ||
		strings.Count(source, "*")+strings.Count(source, "_") > 4*most {
		return true
	}
	for line := range strings.Lines(source) {
		if nesting(line) > deepest {
			return true
		}
	}
	return false
}

// nesting is how many quotes and list items a line may open inside one
// another.
func nesting(line string) int {
	depth := 0
	for i := range len(line) {
		switch c := line[i]; {
		case c == '>' || c == '+' || (c == '-' || c == '*') && i+1 < len(line) && line[i+1] == ' ':
			depth++
		case c == ')' || c == '.':
			depth++ // the end of a number in front of a list item
		case c == ' ' || c == '\t' || isDigit(c):
		default:
			return depth
		}
	}
	return depth
}
