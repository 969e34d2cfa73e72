package delivery

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/observe"
	"github.com/doorcode/doorcode/internal/tenant"
)

// maxExchange bounds each half of an exchange that is kept.
const maxExchange = 2000

// exchangeKey is where a context has the exchange that is noted.
type exchangeKey struct{}

// Noting returns a context in which senders note what they say and hear, and
// where they do.
func Noting(ctx context.Context) (context.Context, *tenant.Exchange) {
	e := &tenant.Exchange{}
	return context.WithValue(ctx, exchangeKey{}, e), e
}

// NoteRequest keeps what a sender says to its provider, if somebody wants to
// know: without what is hidden, and with numbers and addresses masked.
func NoteRequest(ctx context.Context, text string, hidden ...string) {
	if e, ok := ctx.Value(exchangeKey{}).(*tenant.Exchange); ok {
		*e = tenant.Exchange{Request: shown(text, hidden)}
	}
}

// NoteAnswer keeps what the provider answered.
func NoteAnswer(ctx context.Context, status int, body []byte, hidden ...string) {
	NoteReply(ctx, fmt.Sprintf("%d\n%s", status, body[:min(len(body), 8*maxExchange)]), hidden...)
}

// NoteReply is NoteAnswer for a protocol other than HTTP.
func NoteReply(ctx context.Context, text string, hidden ...string) {
	if e, ok := ctx.Value(exchangeKey{}).(*tenant.Exchange); ok {
		e.Answer = shown(text, hidden)
	}
}

// FormText is a form that is sent, for people: a line for each value.
func FormText(method, address string, form url.Values) string {
	var b strings.Builder
	b.WriteString(method + " " + address)
	names := make([]string, 0, len(form))
	for name := range form {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, value := range form[name] {
			fmt.Fprintf(&b, "\n%s: %s", name, value)
		}
	}
	return b.String()
}

// shown is a text from or for a provider as people may read it.
func shown(s string, hidden []string) string {
	for _, h := range hidden {
		if len(h) < 4 {
			continue
		}
		for _, form := range []string{h, url.QueryEscape(h), strings.TrimRight(base64.StdEncoding.EncodeToString([]byte(h)), "=")} {
			s = strings.ReplaceAll(s, form, "[redacted]")
		}
	}
	s = strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = observe.Mask(line)
	}
	if s = strings.TrimSpace(strings.Join(lines, "\n")); len(s) > maxExchange {
		s = strings.ToValidUTF8(s[:maxExchange], "") + "…"
	}
	return s
}
