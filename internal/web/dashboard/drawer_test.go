package dashboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// D1, D11: a message opens beside the list that it is in, at an address that has
// both; without scripts it stands above the list, with a link that leaves it.
func TestD11Drawer(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.asksFor("sms", "+447700900123")
	m := w.settled(tenant.MessageAccepted)
	p := w.get(w.browser, messages+"?channel=sms&open="+m.ID)
	for _, want := range []string{"Message to +44••••••0123", "Asked for", "Rendered", "Handed over", "Everything about this message", "1 message"} {
		w.says(p, want)
	}
	if strings.Contains(p.Body, "7700900123") || !strings.Contains(p.Body, `<a class="btn" href="`+messages+`?channel=sms" data-close-drawer>`) {
		t.Error("the drawer shows the number, or does not lead back to the search")
	}
	if p := w.get(w.browser, messages+"?open=msg_none"); p.Status != http.StatusNotFound {
		t.Errorf("a message that is not there gives %d", p.Status)
	}
}

// D1, D11: in a real browser the drawer takes the focus and gives it back, closes
// by Esc and by its button, and by Back and Forward comes and goes.
func TestD11DrawerInABrowser(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.asksFor("sms", "+447700900123")
	w.settled(tenant.MessageAccepted)
	w.enter(ctx)
	const open, closed = `document.querySelector("dialog.drawer:modal") !== null && location.search.includes("open=msg_")`,
		`document.querySelector("dialog.drawer") === null && !location.search.includes("open=")`
	var ok bool
	do := func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	do(chromium.Open(w.URL+messages+"?channel=sms"), chromedp.Click("a[data-open]", chromedp.ByQuery))
	w.becomes(ctx, open+` && document.querySelector("dialog.drawer").contains(document.activeElement) && location.search.includes("channel=sms") &&
		[...document.querySelectorAll("dialog.drawer [data-copy]")].every((b) => !b.hidden) && document.querySelector("dialog.drawer [data-copy]") !== null`)
	do(chromedp.KeyEvent(kb.Escape))
	w.becomes(ctx, closed+` && location.search === "?channel=sms" && document.activeElement.matches("a[data-open]")`)
	w.evaluate(ctx, `history.forward(); true`, &ok)
	w.becomes(ctx, open)
	do(chromedp.Click("[data-close-drawer]", chromedp.ByQuery))
	w.becomes(ctx, closed)
	do(chromedp.Click("a[data-open]", chromedp.ByQuery))
	w.becomes(ctx, open)
	do(chromedp.Reload())
	w.becomes(ctx, open)
	w.evaluate(ctx, `history.back(); true`, &ok)
	w.becomes(ctx, closed+` && document.querySelector("a[data-open]") !== null`)
}
