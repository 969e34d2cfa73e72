package hosted_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// pressedWorld is a server whose SMS connection holds messages back where codes
// are not used, after many that were and then as many that were not as it takes.
func pressedWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, func(c *config.Config) { c.Limits = "auth0" })
	sms, err := w.Store.Connection(t.Context(), "sms")
	if err != nil {
		t.Fatal(err)
	}
	w.manage(http.MethodPatch, "/api/v2/connections/"+string(sms.ID), `{"options":{"doorcode":{"fraud":{"adaptive":true,"line_types":false}}}}`)
	app := map[string]string{"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret}
	start := func(i int) string {
		number := fmt.Sprintf("+447700900%03d", i)
		body := map[string]string{"connection": "sms", "phone_number": number}
		for k, v := range app {
			body[k] = v
		}
		if status, answer := w.post("/passwordless/start", body); status != http.StatusOK {
			t.Fatalf("%s: %d %v", number, status, answer)
		}
		return number
	}
	const used = 51 // one more than makes a country warm
	for i := range used {
		number := start(i)
		body := map[string]string{
			"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "realm": "sms", "username": number, "otp": w.code(number),
		}
		for k, v := range app {
			body[k] = v
		}
		if status, answer := w.post("/oauth/token", body); status != http.StatusOK {
			t.Fatalf("%s: %d %v", number, status, answer)
		}
	}
	for i := range 60 {
		start(used + i)
	}
	return w
}

var puzzleText = regexp.MustCompile(`data-seed="([0-9a-f]{32})" data-bits="(\d+)"`)

// puzzle is what the page asks the browser to solve, and its answer.
func (w *world) puzzle(p *textbrowser.Page) string {
	w.t.Helper()
	m := puzzleText.FindStringSubmatch(p.Body)
	if m == nil {
		w.t.Fatalf("%s (%d) has no puzzle:\n%s", p.URL, p.Status, p.Body)
	}
	bits, err := strconv.Atoi(m[2])
	if err != nil {
		w.t.Fatal(err)
	}
	puzzle := attack.Puzzle{Seed: m[1], Bits: bits}
	for n := int64(0); ; n++ {
		if answer := strconv.FormatInt(n, 36); puzzle.Solved(answer) {
			return puzzle.Seed + "." + answer
		}
	}
}

func (w *world) messagesTo(number string) int {
	w.t.Helper()
	return len(w.Arrived(w.t, number))
}

// SMS-06: while codes to numbers like it are not used, a browser has to solve a
// puzzle before one more is sent. The answer is good for one sign-in and number.
func TestSMS06Puzzle(t *testing.T) {
	w := pressedWorld(t)
	const number, other = "+447700900900", "+447700900901"
	p := w.get(w.browser, "/authorize?"+w.query())
	begun := p
	ask := func(number, answer string) *textbrowser.Page {
		t.Helper()
		return w.submit(w.browser, begun.Form("username").Set("username", number).Set("answer", answer))
	}
	first := ask(number, "")
	answer := w.puzzle(first)
	if !strings.Contains(first.Text(), "takes scripts") || !strings.Contains(first.Text(), "Use e-mail instead") {
		t.Errorf("without scripts the page does not say what to do:\n%s", first.Text())
	}
	for name, page := range map[string]*textbrowser.Page{
		"a wrong answer": ask(number, answer+"0"), "the answer for another number": ask(other, answer),
	} {
		if page.Form("code") != nil || page.Form("answer") == nil {
			t.Errorf("%s: at %s\n%s", name, page.URL, page.Text())
		}
	}
	foreign := w.newBrowser()
	theirs := w.get(foreign, "/authorize?"+w.query())
	if page := w.submit(foreign, theirs.Form("username").Set("username", number).Set("answer", answer)); page.Form("code") != nil {
		t.Error("the answer of another sign-in was taken")
	}
	if n := w.messagesTo(number) + w.messagesTo(other); n != 0 {
		t.Fatalf("%d messages before the puzzle was solved", n)
	}
	p = w.submit(w.browser, ask(number, "").Form("answer").Set("username", number).Set("answer", answer))
	if w.messagesTo(number) != 1 {
		t.Fatalf("%d messages after the puzzle was solved", w.messagesTo(number))
	}
	// The answer is used up, and another code has a puzzle of its own.
	for name, page := range map[string]*textbrowser.Page{
		"the same answer again": ask(number, answer), "another code": w.submit(w.browser, p.Forms()[2].Press("resend")),
	} {
		if page.Form("code") != nil || page.Form("answer") == nil || !strings.Contains(page.Body, `data-seed="`) || strings.Contains(page.Body, answer[:32]) {
			t.Errorf("%s: at %s\n%s", name, page.URL, page.Text())
		}
	}
	if w.messagesTo(number) != 1 {
		t.Errorf("%d messages with one puzzle solved", w.messagesTo(number))
	}
	p = w.submit(w.browser, p.Form("code").Set("code", w.code(number)).Press("default"))
	if w.left(p).Get("code") == "" {
		t.Error("no code for the application")
	}
	// The browser has signed the number in: it need not show it again.
	begun = w.get(w.browser, "/authorize?"+w.query()+"&prompt=login")
	if page := ask(number, ""); page.Form("code") == nil {
		t.Errorf("a known browser is challenged:\n%s", page.Text())
	}
}

// SMS-03: an application's own start has no page for a puzzle: it is answered as
// ever, and nothing is sent.
func TestSMS03StartsAreHeldBack(t *testing.T) {
	w := pressedWorld(t)
	const number = "+447700900902"
	status, answer := w.post("/passwordless/start", map[string]string{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "sms", "phone_number": number,
	})
	if status != http.StatusOK {
		t.Errorf("%d %v", status, answer)
	}
	time.Sleep(100 * time.Millisecond)
	if n := w.messagesTo(number); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// SMS-06: a real browser solves it by itself.
func TestSMS06Chromium(t *testing.T) {
	ctx := chromium.New(t)
	w := pressedWorld(t)
	const number = "+447700900903"
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+"/authorize?"+w.query()),
		chromedp.SendKeys("#username", number, chromedp.ByQuery),
		chromedp.Click("#continue", chromedp.ByQuery),
		chromedp.WaitVisible("#code", chromedp.ByQuery),
	); err != nil {
		t.Fatal(err)
	}
	if w.code(number) == "" {
		t.Error("no code")
	}
}
