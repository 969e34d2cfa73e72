package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// sight is what a page shows: its heading, its text without how long ago things
// were, and what its fields hold.
const sight = `document.title + "\n" + document.querySelector("main").innerText.replace(/just now|\d+ (second|minute)s? ago/g, "lately") + "\n" +
	JSON.stringify([...document.querySelectorAll("main input, main select, main textarea")].filter((e) => e.type !== "hidden").map((e) => [e.name, e.value, e.checked]))`

// D1: every page is an address: what it shows is there again after a reload, by
// the way back, and in another tab, with its search, its filters and its tab.
func TestD1Addresses(t *testing.T) {
	s := newSite(t, true)
	list := s.pages()
	for _, query := range []string{
		"users?q=07700+900123", "users?status=blocked", "messages?channel=sms&state=accepted", "messages?q=nobody@mail.example",
		"logs?q=type:s", "search?q=sms",
	} {
		list = append(list, s.below()+query)
	}
	list = append(list, s.below("connections", "passwordless", s.connection("sms"), "try")+"?language=fr-FR")
	for _, p := range list {
		name := strings.TrimPrefix(p, s.URL)
		s.run(chromium.Open(p), chromedp.WaitReady("main", chromedp.ByQuery), chromedp.Location(&p)) // some lead on
		first := s.settled()
		for how, action := range map[string]chromedp.Tasks{
			"after a reload":  {chromedp.Reload()},
			"by the way back": {chromium.Open(s.URL + "/dashboard/settings?from=here"), chromium.Back()},
		} {
			s.run(action...)
			if shown := s.seen(p, first); shown != first {
				t.Errorf("%s %s is another page:\n%s\nit was:\n%s", name, how, shown, first)
			}
		}
	}
	s.inAnotherTab(list[len(list)-2])
	for _, f := range s.faults() {
		t.Error(f)
	}
}

// settled is what the page shows when its scripts have done their part: when
// that stays the same.
func (s *site) settled() string {
	s.t.Helper()
	before, shown := "", ""
	for range 50 {
		s.run(chromedp.Evaluate(sight, &shown))
		if shown == before {
			break
		}
		before = shown
		time.Sleep(100 * time.Millisecond)
	}
	return shown
}

// seen is what the page at the address shows, which is waited for.
func (s *site) seen(address, want string) (shown string) {
	s.t.Helper()
	for range 100 {
		var at string
		err := chromedp.Run(s.tab, chromedp.Location(&at), chromedp.Evaluate(`document.querySelector("main") ? `+sight+` : ""`, &shown))
		if err == nil && at == address && shown == want {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return shown
}

// inAnotherTab compares a page with the same in a second tab of the person.
func (s *site) inAnotherTab(p string) {
	s.t.Helper()
	s.run(chromium.Open(p), chromedp.WaitReady("main", chromedp.ByQuery))
	here, there := s.settled(), ""
	c := chromedp.FromContext(s.tab)
	own := cdp.WithExecutor(s.tab, c.Browser)
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(c.BrowserContextID).Do(own)
	if err != nil {
		s.t.Fatal(err)
	}
	second, done := chromedp.NewContext(s.tab, chromedp.WithTargetID(id))
	defer done()
	if err := chromedp.Run(second, chromium.Open(p), chromedp.WaitReady("main", chromedp.ByQuery), chromedp.Evaluate(sight, &there)); err != nil {
		s.t.Fatal(err)
	}
	if here != there {
		s.t.Errorf("another tab shows:\n%s\nthe first:\n%s", there, here)
	}
}
