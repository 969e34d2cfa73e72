package deliverytest

import (
	"errors"
	"net/mail"
	"strings"
	"testing"
	"unicode"

	"github.com/doorcode/doorcode/internal/delivery"
)

// A Letter is an e-mail as the provider has it.
type Letter struct {
	To, From string // whole, as they are written
	Subject  string
	Text     string
	HTML     string
	// ID is the Message-ID; empty where the provider gives messages its own.
	ID string
	// Headers are the additional ones, by name.
	Headers map[string]string
}

// hostile are values that would begin a line, a header or a recipient (INJ-01).
func hostile() []string {
	return []string{
		"x\r\nBcc: eve@example.com", "x\nBcc: eve@example.com", "x\rBcc: eve@example.com", "x\x00y", "x\u2028y", "x\u2029y", "x\u0085y", "x\vy", "x\fy",
		"\r\n\r\n<script>", "\n", "x\n y", "x\r\n\tBcc: eve@example.com", "\xff\n\xfe", "x\x1b[31m", "x\x7fy",
		"=?utf-8?q?=0ABcc:_eve=40example.com?=", "Eve <eve@example.com>, ", `", <eve@example.com>, "`, "a, eve@example.com; b:",
	}
}

// RunLetters checks what the e-mails of a sender say about themselves, and that
// nothing can be added to that (INJ-01). letters returns what the provider has,
// oldest first. The message of the fixture is from a name and an address.
func RunLetters(t *testing.T, open func(t *testing.T) (Fixture, func() []Letter)) {
	t.Run("a letter says what it must, and no more", func(t *testing.T) {
		f, letters := open(t)
		for range 2 {
			if _, err := f.Sender.Send(t.Context(), f.Message); err != nil {
				t.Fatal(err)
			}
		}
		got := letters()
		if len(got) != 2 || got[0].ID != got[1].ID {
			t.Fatalf("the provider has %+v: a second attempt is a message of the same name", got)
		}
		l := got[0]
		if l.To != f.Message.To || l.Subject != f.Message.Subject || l.Text != f.Message.Text || l.HTML != f.Message.HTML || l.HTML == "" || l.Text == "" {
			t.Errorf("the letter is %+v", l)
		}
		if l.Headers["Auto-Submitted"] != "auto-generated" {
			t.Errorf("holiday notices answer: %v", l.Headers)
		}
		sameSender(t, l.From, f.Message.From)
	})
	t.Run("a letter of one form has the other not at all", func(t *testing.T) {
		for _, plain := range []bool{true, false} {
			f, letters := open(t)
			if plain {
				f.Message.HTML = ""
			} else {
				f.Message.Text = ""
			}
			if _, err := f.Sender.Send(t.Context(), f.Message); err != nil {
				t.Fatal(err)
			}
			if l := letters()[0]; (l.HTML == "") != plain || (l.Text == "") == plain {
				t.Errorf("the letter is %+v", l)
			}
		}
	})
	t.Run("subjects and names arrive as they are", func(t *testing.T) {
		for _, s := range []string{"日本語 ß 👋", `a "quoted" <b> & c`, strings.Repeat("long ", 60) + "end", "=?utf-8?q?x?="} {
			f, letters := open(t)
			f.Message.Subject, f.Message.From = s, (&mail.Address{Name: s, Address: "login@example.org"}).String()
			if _, err := f.Sender.Send(t.Context(), f.Message); err != nil {
				t.Errorf("%q: %v", s, err)
				continue
			}
			l := letters()[0]
			// What looks encoded may be shown decoded: it says the same then.
			if l.Subject != s && !strings.HasPrefix(s, "=?") {
				t.Errorf("the subject %q arrived as %q", s, l.Subject)
			}
			if !strings.HasPrefix(s, "=?") {
				sameSender(t, l.From, f.Message.From)
			}
		}
	})
	t.Run("nothing can be added to it", func(t *testing.T) { additions(t, open) })
}

func sameSender(t *testing.T, got, want string) {
	t.Helper()
	w, err := mail.ParseAddress(want)
	if err != nil {
		t.Fatal(err)
	}
	a, err := mail.ParseAddress(got)
	if err != nil || a.Address != w.Address || strings.Join(strings.Fields(a.Name), " ") != strings.Join(strings.Fields(w.Name), " ") {
		t.Errorf("the letter is from %q, want %q: %v", got, want, err)
	}
}

// additions puts hostile values where values come from outside.
func additions(t *testing.T, open func(t *testing.T) (Fixture, func() []Letter)) {
	sinks := map[string]func(m *delivery.Outgoing, s string){
		"To":             func(m *delivery.Outgoing, s string) { m.To = s },
		"end of To":      func(m *delivery.Outgoing, s string) { m.To += s },
		"From":           func(m *delivery.Outgoing, s string) { m.From = s },
		"name in From":   func(m *delivery.Outgoing, s string) { m.From = s + " <login@example.org>" },
		"quoted name":    func(m *delivery.Outgoing, s string) { m.From = `"` + s + `" <login@example.org>` },
		"Subject":        func(m *delivery.Outgoing, s string) { m.Subject = s },
		"value of X-":    func(m *delivery.Outgoing, s string) { m.Headers = []delivery.Header{{Name: "X-Tag", Value: s}} },
		"name of header": func(m *delivery.Outgoing, s string) { m.Headers = []delivery.Header{{Name: "X-" + s, Value: "v"}} },
		"message id":     func(m *delivery.Outgoing, s string) { m.MessageID = s },
	}
	for sink, put := range sinks {
		for _, s := range hostile() {
			f, letters := open(t)
			plain := f.Message
			put(&f.Message, s)
			_, err := f.Sender.Send(t.Context(), f.Message)
			if err != nil {
				var e *delivery.Error
				if !errors.As(err, &e) || e.Class == delivery.Temporary || e.Unanswered {
					t.Errorf("%q as %s: %v, which would be tried again", s, sink, err)
				}
				if n := len(letters()); n != 0 {
					t.Errorf("%q as %s was refused, and the provider has %d letters", s, sink, n)
				}
				continue
			}
			for _, l := range letters() {
				if l.To != plain.To {
					t.Errorf("%q as %s: the letter is to %q", s, sink, l.To)
				}
				if a, err := mail.ParseAddress(l.From); err != nil || !strings.HasPrefix(a.Address, "login@") && !strings.HasPrefix(a.Address, "no-reply@") {
					t.Errorf("%q as %s: the letter is from %q", s, sink, l.From)
				}
				oneLineEach(t, sink, s, l)
			}
		}
	}
}

// oneLineEach wants no header to be there that nobody set, and none to break.
func oneLineEach(t *testing.T, sink, s string, l Letter) {
	t.Helper()
	lines := map[string]string{"Subject": l.Subject, "From": l.From, "To": l.To, "Message-ID": l.ID}
	for name, value := range l.Headers {
		lines[name] = value
		if strings.EqualFold(name, "Bcc") || strings.EqualFold(name, "Cc") {
			t.Errorf("%q as %s: the letter has a %s", s, sink, name)
		}
	}
	for name, value := range lines {
		if strings.ContainsFunc(name+value, func(r rune) bool { return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) }) {
			t.Errorf("%q as %s: %s is %q", s, sink, name, value)
		}
	}
}
