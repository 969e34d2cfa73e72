package message

import (
	"strings"

	"github.com/yuin/goldmark"

	"github.com/doorcode/doorcode/internal/liquid"
)

// Mail is an e-mail ready to be sent. From and Subject are single lines; their
// characters are not encoded for a header yet.
type Mail struct {
	From, Subject, HTML, Text string
}

// MailTemplate is a parsed e-mail template. It does not change and may be
// rendered by several goroutines at once.
type MailTemplate struct {
	from, subject, body *liquid.Template
	markdown            goldmark.Markdown // nil if the body is HTML
}

// headerLimits leave room for the 1,024 characters a subject may have.
func headerLimits() liquid.Limits { return liquid.Limits{Source: 8 << 10, Output: 4 << 10} }

// bodyLimits leave room for the 20,480 characters a body may have. The memory
// must hold what a body captures before it writes it.
func bodyLimits() liquid.Limits { return liquid.Limits{Source: 82 << 10, Output: 128 << 10} }

// ParseMail reads the templates of an e-mail. A body without any HTML tag is
// Markdown. Errors are of type *ParseError.
func ParseMail(from, subject, body string) (*MailTemplate, error) {
	var t MailTemplate
	var err error
	if t.from, err = parse(fromField, from, mailMacros(), headerLimits()); err != nil {
		return nil, err
	}
	if t.subject, err = parse(subjectField, subject, mailMacros(), headerLimits()); err != nil {
		return nil, err
	}
	if t.body, err = parse(bodyField, body, mailMacros(), bodyLimits()); err != nil {
		return nil, err
	}
	if !hasTag(t.body.Literal()) {
		// Without options goldmark is CommonMark and drops raw HTML and
		// addresses that run script.
		t.markdown = goldmark.New()
	}
	return &t, nil
}

// Render writes the e-mail. Values in the body are escaped as HTML unless they
// pass the filter raw; the text part is derived from the HTML. Errors are of
// type *RenderError.
func (t *MailTemplate) Render(v Vars) (Mail, error) {
	vars := (*variables)(&v)
	var m Mail
	from, spans, err := t.from.RenderSpans(vars, v.options(false))
	if err != nil {
		return Mail{}, renderError(fromField, err)
	}
	m.From = fromLine(from, spans)
	subject, err := t.subject.Render(vars, v.options(false))
	if err != nil {
		return Mail{}, renderError(subjectField, err)
	}
	m.Subject = headerLine(subject)
	body, spans, err := t.body.RenderSpans(vars, v.options(true))
	if err != nil {
		return Mail{}, renderError(bodyField, err)
	}
	if t.markdown != nil {
		if m.HTML, err = markdownHTML(t.markdown, body, spans); err != nil {
			return Mail{}, err
		}
	} else {
		m.HTML = guardAttributes(body, spans)
	}
	m.Text = textOf(m.HTML)
	return m, nil
}

// ShowsCode reports whether body or subject have an output or macro for the
// code anywhere, even in a branch that is rarely taken.
func (t *MailTemplate) ShowsCode() bool { return showsCode(t.body) || showsCode(t.subject) }

// ShowsLink reports whether the body has an output or macro for the link
// anywhere.
func (t *MailTemplate) ShowsLink() bool { return t.body.Shows("link") }

// Check reports variables, filters and macros that do not exist, and words
// that are ignored, for whoever saves the template.
func (t *MailTemplate) Check() []Problem {
	all := problems(fromField, t.from, isKnown)
	all = append(all, problems(subjectField, t.subject, isKnown)...)
	return append(all, problems(bodyField, t.body, isKnown)...)
}

// hasTag reports whether there is anything that looks like an HTML tag or
// comment. "<https://…>" and "<me@example.com>" are none.
func hasTag(s string) bool {
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 || i+1 >= len(s) {
			return false
		}
		s = s[i+1:]
		if strings.HasPrefix(s, "!--") || len(s) > 1 && s[0] == '!' && isLetter(s[1]) {
			return true
		}
		n := strings.TrimPrefix(s, "/")
		end := 0
		for end < len(n) && (isLetter(n[end]) || end > 0 && isDigit(n[end])) {
			end++
		}
		if end > 0 && (end == len(n) || strings.IndexByte(" \t\r\n/>", n[end]) >= 0) {
			return true
		}
	}
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
