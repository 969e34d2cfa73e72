package observe

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Format is how log lines are written.
type Format string

// The formats.
const (
	Text Format = "text" // key=value
	JSON Format = "json" // one object per line
)

// maxField is how many bytes of one value are written.
const maxField = 1 << 10

// NewLogger returns a logger that writes one line per record, whatever the
// record contains, and masks as NewHandler says.
func NewLogger(w io.Writer, format Format, level slog.Leveler) *slog.Logger {
	return slog.New(NewHandler(w, format, level))
}

// NewHandler returns a log handler for records about people. Attributes whose
// name, or its last word, is that of a secret or of an address are not written
// at all or masked; in all other text whatever Mask recognises is masked.
// Values are cut at 1 KB; what could end a line or steer a terminal is escaped.
// Of values that are neither text, errors nor simple, only the type is written,
// since their fields have no names to go by.
//
// Records made with the context of a request get its request_id.
func NewHandler(w io.Writer, format Format, level slog.Leveler) slog.Handler {
	out := &lines{w: w, json: format == JSON}
	opts := &slog.HandlerOptions{Level: level, ReplaceAttr: replace}
	if format == JSON {
		return handler{slog.NewJSONHandler(out, opts), out}
	}
	return handler{slog.NewTextHandler(out, opts), out}
}

// handler looks at each record first. Most have nothing in them that would have
// to be changed, and are written for a fraction of what slog needs to ask about
// every attribute.
type handler struct {
	slog.Handler
	out *lines // nil if there are attributes or groups that only slog knows of
}

// Handle writes the record.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	if id, ok := ctx.Value(RequestIDKey{}).(string); ok && id != "" {
		r = r.Clone()
		r.AddAttrs(slog.String("request_id", id))
	}
	r.Time = r.Time.UTC().Truncate(time.Microsecond)
	if h.out != nil && harmless(r) {
		return h.out.record(r)
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs returns a handler that writes attrs with each record.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.Handler.WithAttrs(attrs), nil}
}

// WithGroup returns a handler that puts what follows into a group.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.Handler.WithGroup(name), nil}
}

// replace is called for each attribute that is about to be written, also for
// time, level and message.
func replace(groups []string, a slog.Attr) slog.Attr {
	hide := sensitive(a.Key)
	for _, g := range groups {
		hide = hide || sensitive(g)
	}
	if hide {
		a.Value = slog.StringValue(hidden(a.Value))
		return a
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if s := a.Value.String(); !plain(s) {
			a.Value = slog.StringValue(clean(Mask(s), len(s)))
		}
	case slog.KindTime:
		a.Value = slog.TimeValue(a.Value.Time().UTC())
	case slog.KindAny:
		if _, ok := a.Value.Any().(slog.Level); !ok {
			s := describe(a.Value.Any())
			a.Value = slog.StringValue(clean(Mask(s), len(s)))
		}
	}
	return a
}

// hidden is what is written for a sensitive value: a mask if it is an address,
// so that lines about one person can be told apart, and else nothing of it.
func hidden(v slog.Value) string {
	if v.Kind() != slog.KindString || v.String() == "" {
		return redacted
	}
	s := v.String()
	if s[0] == '+' || strings.IndexByte(s, '@') > 0 {
		if from, to, with := finding(s, 0, strings.IndexAny(s, "+@")); from == 0 && to == len(s) {
			return clean(with, 0)
		}
	}
	return redacted
}

// sensitive reports whether a name is that of a value which must not be in a
// log. The last word decides, so that "client_secret" is a "secret".
func sensitive(name string) bool {
	i := len(name) - 1
	for i >= 0 && name[i] != '_' && name[i] != '-' && name[i] != '.' {
		i--
	}
	if i >= 0 {
		switch strings.ToLower(name) {
		case "phone_number", "set_cookie", "set-cookie", "api_key", "private_key", "verification_code":
			return true
		case "status_code", "error_code":
			return false
		}
		name = name[i+1:]
	}
	switch strings.ToLower(name) {
	case "code", "otp", "phone", "phonenumber", "email", "mail", "to", "recipient", "address",
		"token", "secret", "password", "passwd", "authorization", "cookie", "assertion", "jwt",
		"username", "identifier", "dsn", "credentials", "body", "link":
		return true
	}
	return false
}

// describe is the text of a value that is not of a simple type.
func describe(v any) (s string) {
	defer func() {
		if recover() != nil { // such as an error that is a nil pointer
			s = fmt.Sprintf("[%T]", v)
		}
	}()
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case error:
		return v.Error()
	case fmt.Stringer:
		return v.String()
	case []string:
		return strings.Join(v, ",")
	}
	return fmt.Sprintf("[%T]", v)
}

// plain reports whether s can be written as it is. Most values can.
func plain(s string) bool {
	if len(s) > maxField {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c < ' ' || c >= 0x7f, c == '+', c == '@', c == '%':
			return false
		case c == 'e' && strings.HasPrefix(s[i:], "eyJ"):
			return false
		}
	}
	return true
}

// clean cuts s to size and escapes the characters that slog's handlers leave
// alone although a terminal or a line-based reader may act on them: C1 controls,
// line separators, and marks that turn the direction of text. before is how
// long the text was before Mask.
func clean(s string, before int) string {
	const more = "…"
	if len(s) <= maxField && before <= maxLooked && !strings.ContainsFunc(s, unwelcome) {
		return s
	}
	out := make([]byte, 0, min(len(s), maxField)+16)
	cut := before > maxLooked
	whole := 0 // how much of out still leaves room for the mark of a cut
	for _, r := range s {
		if unwelcome(r) {
			q := strconv.AppendQuoteRuneToASCII(nil, r)
			out = append(out, q[1:len(q)-1]...)
		} else {
			out = utf8.AppendRune(out, r)
		}
		if len(out) > maxField {
			cut = true
			break
		}
		if len(out) <= maxField-len(more) {
			whole = len(out)
		}
	}
	if cut {
		return string(out[:whole]) + more
	}
	return string(out)
}

func unwelcome(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
