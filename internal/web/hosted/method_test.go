package hosted_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
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

// Within the wait after a code for a number, another sign-in has none and says so,
// and one that comes back to the number asks for the code that it has.
func TestWaitBetweenSignIns(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits = "strict" })
	const number, mail = "+447700900831", "wait@mail.example"
	w.atCode(number, w.query())
	code := w.code(number)
	other, q := w.atCode(number, w.query())
	const said = "The last code that was sent to this number does not work here. You can ask for another in "
	if q.Form("code") != nil || !strings.Contains(q.Text(), said) {
		t.Errorf("the other sign-in is told:\n%s", q.Text())
	}
	// Its code is none here, whoever sends it; it costs no try.
	for range 4 {
		form := resend(q)
		form.Values = url.Values{"action": {"default"}, "code": {code}}
		sent := w.submit(other, form)
		if sent.Status != http.StatusUnprocessableEntity || sent.Left != nil || !strings.Contains(sent.Text(), said) {
			t.Fatalf("%d, left for %v:\n%s", sent.Status, sent.Left, sent.Text())
		}
	}
	if sent := w.submit(other, q.Form("action").Press("edit")); sent.Form("username") == nil {
		t.Errorf("Edit leads to %s", sent.URL)
	}
	q = w.submit(other, w.get(other, q.URL.RequestURI()).Form("username").Set("username", number))
	w.Clock.Advance(31 * time.Second)
	q = w.submit(other, resend(q))
	if got := w.left(w.submit(other, q.Form("code").Set("code", w.code(number)).Press("default"))); !got.Has("code") {
		t.Errorf("with a code of its own: %v", got)
	}

	// One that is used up within the wait is not said to be waited for, also when
	// the page is loaded again.
	w.Clock.Advance(2 * time.Hour)
	spent, p := w.atCode(number, w.query("prompt", "login"))
	for range 3 {
		p = w.submit(spent, p.Form("code").Set("code", wrongFor(w.code(number))).Press("default"))
	}
	if p = w.submit(spent, resend(p)); p.Status != http.StatusTooManyRequests || p.Form("code") != nil {
		t.Errorf("asked for again: %d\n%s", p.Status, p.Text())
	}
	if p = w.get(spent, p.URL.RequestURI()); p.Form("code") != nil || !strings.Contains(p.Text(), said) {
		t.Errorf("loaded again:\n%s", p.Text())
	}

	// To e-mail and back, with as many digits as the code has.
	w.Clock.Advance(2 * time.Hour)
	w.useUp("sms", "phone_number", number)
	w.Clock.Advance(2 * time.Hour)
	first, p := w.atCode(number, w.query("prompt", "login"))
	code = w.code(number)
	if len(code) != 10 || !strings.Contains(p.Text(), "10-digit code") {
		t.Fatalf("the code has %d digits:\n%s", len(code), p.Text())
	}
	p = w.submit(first, w.get(first, instead(t, p, "email")).Form("username").Set("username", mail))
	p = w.submit(first, w.get(first, instead(t, p, "sms")).Form("username").Set("username", number))
	if !strings.Contains(p.Text(), "10-digit code") {
		t.Errorf("back again:\n%s", p.Text())
	}
	if got := w.left(w.submit(first, p.Form("code").Set("code", code).Press("default"))); !got.Has("code") {
		t.Errorf("with the code from before: %v", got)
	}
}

// resend is the form that asks for another code.
func resend(p *textbrowser.Page) *textbrowser.Form {
	forms := p.Forms()
	return forms[len(forms)-1].Press("resend")
}
