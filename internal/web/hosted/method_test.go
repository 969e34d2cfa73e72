package hosted_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// instead is where the link to the other method leads.
func instead(t *testing.T, p *textbrowser.Page, connection string) string {
	t.Helper()
	links := slices.DeleteFunc(p.Links(), func(at string) bool { return !strings.Contains(at, "connection="+connection) })
	if len(links) != 1 || !strings.Contains(p.Text(), " instead") {
		t.Fatalf("%d links to %s at %s:\n%s", len(links), connection, p.URL, p.Text())
	}
	return links[0]
}

// L8: the other method is one visible action away, on each page, also for whoever
// waits for a code that does not come; and the page says that it may be another
// account (R19).
func TestL8OtherMethod(t *testing.T) {
	w := newWorld(t)
	const number, mail = "+447700900821", "other@mail.example"
	for _, edits := range []bool{false, true} {
		b, p := w.atCode(number, w.query("prompt", "login"))
		if edits {
			p = w.submit(b, p.Form("action").Press("edit"))
		}
		p = w.get(b, instead(t, p, "email"))
		f := p.Form("username")
		if p.Form("country") != nil || f.Values.Get("connection") != "email" || f.Values.Get("username") != "" ||
			!strings.Contains(p.Text(), "another account than the one you sign in to with your number") {
			t.Fatalf("at %s:\n%s", p.URL, p.Text())
		}
		// A slip of the fingers leads to the same page.
		if p = w.submit(b, f.Set("username", "nobody@")); p.Form("username").Values.Get("connection") != "email" || !strings.Contains(p.Text(), "Enter an e-mail address") {
			t.Fatalf("at %s:\n%s", p.URL, p.Text())
		}
		p = w.submit(b, p.Form("username").Set("username", mail))
		if !strings.Contains(p.Text(), mail) {
			t.Fatalf("at %s:\n%s", p.URL, p.Text())
		}
		code := w.code(mail)
		// And back again, which changes nothing before it is sent.
		back := w.get(b, instead(t, p, "sms"))
		if back.Form("username").Values.Get("connection") != "sms" || !strings.Contains(back.Text(), "than the one you sign in to by e-mail") {
			t.Fatalf("at %s:\n%s", back.URL, back.Text())
		}
		if got := w.left(w.submit(b, p.Form("code").Set("code", code).Press("default"))); !got.Has("code") {
			t.Errorf("by e-mail after all: %v", got)
		}
	}
	// Whoever has chosen for people is not second-guessed.
	_, p := w.atCode(number, w.query("connection", "sms", "prompt", "login"))
	if strings.Contains(p.Text(), "instead") || strings.Contains(w.get(w.newBrowser(), "/authorize?"+w.query()).Text(), "another account") {
		t.Errorf("the page says:\n%s", p.Text())
	}
}
