package dashboard_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const emailed = "/dashboard/login/link"

// ask asks for a code at a page and returns the page for it and the message.
// Nothing else may be on its way to the address.
func (w *world) ask(b *textbrowser.Browser, path, email string) (*textbrowser.Page, outbox.Message) {
	w.t.Helper()
	before := len(w.Outbox.Messages(outbox.Filter{To: strings.ToLower(email)}))
	p := w.submit(b, w.get(b, path).Form("email").Set("email", email))
	w.at(p, "/dashboard/login/code")
	return p, w.arrived(strings.ToLower(email), before+1)
}

// arrived waits until somebody has been sent so many messages, and returns the
// newest.
func (w *world) arrived(to string, n int) outbox.Message {
	w.t.Helper()
	for range 500 {
		if m := w.Outbox.Messages(outbox.Filter{To: to}); len(m) >= n {
			return m[0]
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%s was not sent %d messages", to, n)
	return outbox.Message{}
}

// open opens the link of a message, as it is without scripts, and presses its
// button.
func (w *world) open(b *textbrowser.Browser, m outbox.Message) *textbrowser.Page {
	w.t.Helper()
	at, secret, _ := strings.Cut(m.Link, "#")
	if at != w.URL+emailed || len(secret) < 40 || !strings.Contains(m.HTML, m.Link) || !strings.Contains(m.Text, m.Link) || !strings.Contains(m.Text, m.Code) {
		w.t.Fatalf("the message has the link %q:\n%s", m.Link, m.Text)
	}
	p := w.get(b, emailed)
	w.at(p, emailed)
	return w.submit(b, p.Form("secret").Set("secret", secret))
}

// R20: the link beside a code signs in once, in the browser that asked, and leads
// where the sign-in would have; code and link end together, whichever is used.
func TestLinkBesideCode(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const email = "editor@mail.example"
	w.administrator(email, "editor")

	b, other := w.newBrowser(), w.newBrowser()
	p, m := w.ask(b, passwordless, email)
	q := w.open(other, m)
	w.says(q, "works in the browser that asked for it")
	if q.Status != http.StatusUnprocessableEntity || w.get(other, home).URL.Path != "/dashboard/login" {
		t.Errorf("another browser gets %d and %s", q.Status, q.URL)
	}
	kept := w.newBrowser()
	kept.SetCookies(p.URL, b.Cookies(p.URL))
	w.at(w.open(b, m), passwordless)
	w.says(w.submit(kept, p.Form("code").Set("code", m.Code)), "cannot be used any more")
	w.at(w.get(b, passwordless), passwordless)

	// The code first.
	b = w.newBrowser()
	p, m = w.ask(b, home, email)
	kept = w.newBrowser()
	kept.SetCookies(p.URL, b.Cookies(p.URL))
	w.at(w.submit(b, p.Form("code").Set("code", m.Code)), home)
	w.says(w.open(kept, m), "cannot be used any more")

	// A link that is not the newest, one with another ending, and one that is
	// as old as its code.
	b = w.newBrowser()
	_, first := w.ask(b, home, email)
	_, m = w.ask(b, home, email)
	w.says(w.open(b, first), "until that asks again")
	for _, secret := range []string{"", "x", strings.Repeat("A", 43), strings.Repeat("A", 5000)} {
		if p := w.submit(b, w.get(b, emailed).Form("secret").Set("secret", secret)); p.Status != http.StatusUnprocessableEntity {
			t.Errorf("the secret %.50q gives %d", secret, p.Status)
		}
	}
	w.Clock.Advance(10 * time.Minute)
	w.says(w.open(b, m), "cannot be used any more")
	if strings.Contains(w.Log.String(), m.Code) || strings.Contains(w.Log.String(), strings.SplitN(m.Link, "#", 2)[1]) {
		t.Error("the log has a code or a link in it")
	}
}

// SES-07: nobody is signed in to somebody else's account by a link or a code that
// was sent to them: not by opening it, not by a form of another site, and not by
// pressing the button of the page that it opens.
func TestSES07LoginCSRF(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.administrator("attacker@mail.example", "owner")
	victim := w.administrator("victim@mail.example", "editor")
	_, m := w.ask(w.newBrowser(), home, "attacker@mail.example")
	_, secret, _ := strings.Cut(m.Link, "#")
	still := func(what string) {
		t.Helper()
		p := w.get(victim, home)
		if p.URL.Path != home || !strings.Contains(p.Text(), "victim@mail.example") || strings.Contains(p.Text(), "attacker@mail.example") {
			t.Errorf("%s: the victim sees %s\n%s", what, p.URL, p.Text())
		}
	}
	w.get(victim, emailed+"?secret="+secret)
	still("the e-mailed link is opened")
	w.open(victim, m)
	still("its button is pressed")
	waiting, _ := w.ask(victim, "/dashboard/login?again=1", "victim@mail.example")
	w.open(victim, m)
	still("its button is pressed while a code is chromium.Awaited")
	if p := w.submit(victim, waiting.Form("code").Set("code", m.Code)); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("the code of another gives %d", p.Status)
	}
	still("the attacker's code is typed")

	links := admin.Service{Ledger: w.Store, Keys: w.Secrets, Now: w.Clock.Now}
	setup, err := links.NewLink(t.Context(), "attacker@mail.example", tenant.Owner, false)
	if err != nil {
		t.Fatal(err)
	}
	if p := w.get(victim, "/dashboard/setup?secret="+setup+"&email=attacker@mail.example"); p.Form("secret", "email") == nil || strings.Contains(p.Body, setup) {
		t.Errorf("a set-up link gives\n%s", p.Body)
	}
	still("a set-up link is opened")
	for path, form := range map[string]url.Values{
		emailed: {"secret": {secret}}, "/dashboard/login/code": {"code": {m.Code}},
		"/dashboard/setup": {"secret": {setup}, "email": {"attacker@mail.example"}},
	} {
		// Post is a form of another site.
		if p, err := victim.Post(t.Context(), w.URL+path, form); err != nil || p.Status != http.StatusForbidden {
			t.Errorf("a form of another site to %s: %d %v", path, p.Status, err)
		}
		still("a form of another site to " + path)
	}
}

// Of many requests at once with the same code and the link beside it, one is
// given a session.
func TestCodeAndLinkAtOnce(t *testing.T) {
	w := newWorld(t)
	w.developer()
	const email = "viewer@mail.example"
	w.administrator(email, "viewer")
	b := w.newBrowser()
	p, m := w.ask(b, home, email)
	_, secret, _ := strings.Cut(m.Link, "#")
	var cookies []string
	for _, c := range b.Cookies(p.URL) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	var signedIn, refused atomic.Int64
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			path, form := "/dashboard/login/code", url.Values{"code": {m.Code}}
			if i%2 == 0 {
				path, form = emailed, url.Values{"secret": {secret}}
			}
			status, header, _ := w.once(http.MethodPost, path, form, "Cookie", strings.Join(cookies, "; "))
			switch session := strings.Contains(fmt.Sprint(header["Set-Cookie"]), "dc_admin="); {
			case status == http.StatusSeeOther && session:
				signedIn.Add(1)
			case status == http.StatusUnprocessableEntity && !session:
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if signedIn.Load() != 1 || refused.Load() != 39 {
		t.Errorf("%d were signed in and %d refused", signedIn.Load(), refused.Load())
	}
}

// In a real browser the link is opened from another site, to which our cookie
// does not go: the page takes the secret out of the address, and one press
// signs in.
func TestChromiumLinkBesideCode(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	const email = "editor@mail.example"
	w.administrator(email, "editor")
	before := len(w.Outbox.Messages(outbox.Filter{To: email}))
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+"/dashboard/login"),
		chromedp.WaitVisible("#email", chromedp.ByQuery),
		chromedp.SendKeys("#email", email, chromedp.ByQuery),
		chromedp.Click("#send", chromedp.ByQuery),
		chromedp.WaitVisible("#code", chromedp.ByQuery),
	); err != nil {
		t.Fatal(err)
	}
	m := w.arrived(email, before+1)
	mail := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		_, _ = fmt.Fprintf(rw, `<!DOCTYPE html><title>Mail</title><a id="link" href=%q>Continue</a>`, m.Link)
	}))
	defer mail.Close()
	var at, said string
	if err := chromedp.Run(ctx,
		chromium.Open(mail.URL),
		chromedp.Click("#link", chromedp.ByQuery),
		chromedp.WaitVisible("#go", chromedp.ByQuery),
		chromium.Becomes(`document.getElementById("typed").hidden`),
		chromedp.Location(&at),
		chromedp.Click("#go", chromedp.ByQuery),
		chromedp.WaitVisible("main .ph", chromedp.ByQuery),
		chromedp.Text("body", &said, chromedp.ByQuery),
	); err != nil {
		t.Fatal(err)
	}
	if at != w.URL+emailed {
		t.Errorf("the page is at %s", at)
	}
	if !strings.Contains(said, email) {
		t.Errorf("the first page says\n%s", said)
	}
}
