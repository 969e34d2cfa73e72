package dashboard_test

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// A switch that was pressed by keyboard keeps the focus, says in words that name
// it what was done, and has the way back beside it: on both pages that switch a
// connection for an application, and on the cards.
func TestSwitchesByKeyboard(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	sms := string(w.connection("sms").ID)
	on := func() bool { return w.connection("sms").Admits(w.client(tenant.ClientID(w.Ready.NativeClientID)).ID) }
	for _, tt := range []struct{ path, name, off, on string }{
		{passwordless + "/" + sms + "/applications", "My native app", "SMS was switched off for My native app.", "SMS was switched on for My native app."},
		{applications + "/" + w.Ready.NativeClientID + "/connections", "SMS (Twilio)", "SMS was switched off for My native app.", "SMS was switched on for My native app."},
		{passwordless, "SMS", "SMS was switched off for 5 applications.", "SMS was switched on for 5 applications."},
	} {
		button := `document.querySelector('button.switch[aria-label="` + tt.name + `"]')`
		state := func(checked, said string) {
			t.Helper()
			w.becomes(ctx, `document.activeElement === `+button+` && `+button+`.ariaChecked === "`+checked+`" && location.pathname === "`+tt.path+`" &&
				document.getElementById(`+button+`.getAttribute("aria-describedby")).textContent === "`+said+`"`)
		}
		var ok bool
		if err := chromedp.Run(ctx, chromium.Open(w.URL+tt.path), chromedp.WaitVisible("button.switch", chromedp.ByQuery)); err != nil {
			t.Fatal(err)
		}
		w.evaluate(ctx, button+`.focus(); true`, &ok)
		if err := chromedp.Run(ctx, chromedp.KeyEvent(" ")); err != nil {
			t.Fatal(err)
		}
		state("false", tt.off)
		if on() {
			t.Errorf("%s: it is on still", tt.path)
		}
		// Undo is the next thing that the keyboard comes to.
		if err := chromedp.Run(ctx, chromedp.KeyEvent(kb.Tab), chromium.Becomes(`document.activeElement.textContent === "Undo"`), chromedp.KeyEvent(kb.Enter)); err != nil {
			t.Fatal(err)
		}
		state("true", tt.on)
		if !on() {
			t.Errorf("%s: it is not on again", tt.path)
		}
	}
}

// What a switch said is not said any more when it is no longer so.
func TestSwitchedIsStale(t *testing.T) {
	w := newWorld(t)
	w.developer()
	sms := string(w.connection("sms").ID)
	for path, id := range map[string]string{
		passwordless + "/" + sms + "/applications":             w.Ready.ClientID,
		applications + "/" + w.Ready.ClientID + "/connections": sms,
		passwordless: sms,
	} {
		if p := w.get(w.browser, path+"?switched="+id+"&to=off&client="+w.Ready.ClientID); strings.Contains(p.Body, "was switched") || strings.Contains(p.Body, "Undo") {
			t.Errorf("%s says that it was switched off: %s", path, p.Text())
		}
	}
}
