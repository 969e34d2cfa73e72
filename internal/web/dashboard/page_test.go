package dashboard_test

import (
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// That something was copied is shown on the button and announced, also in a
// drawer, beside which nothing is.
func TestCopiedIsAnnounced(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.asksFor("sms", "+447700900123")
	m := w.settled(tenant.MessageAccepted)
	w.enter(ctx)
	allow := browser.SetPermission(&browser.PermissionDescriptor{Name: "clipboard-write"}, browser.PermissionSettingGranted)
	for path, said := range map[string]string{
		applications + "/" + w.Ready.ClientID + "/settings": `document.getElementById("copied")`,
		messages + "?open=" + m.ID:                          `document.querySelector("dialog:modal [data-copied]")`,
	} {
		if err := chromedp.Run(ctx, allow, chromium.Open(w.URL+path), chromium.Becomes(said+` !== null && document.querySelector("[data-copy]:not([hidden])") !== null`)); err != nil {
			t.Fatal(err)
		}
		var ok bool
		w.evaluate(ctx, `new Promise((resolve) => {
			const said = `+said+`, button = document.querySelector("[data-copy]");
			new MutationObserver((_, watch) => { watch.disconnect(); resolve(said.role === "status" && said.textContent === button.textContent && said.textContent !== "Copy"); }).observe(said, {childList: true});
			button.click();
		})`, &ok)
		if !ok {
			t.Errorf("%s: it is not announced what the button says", path)
		}
		w.becomes(ctx, said+`.textContent === "" && document.querySelector("[data-copy]").textContent === "Copy"`)
	}
}

// On a phone the tab that is shown is in sight, though it is the last.
func TestTabIsInSight(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	sms := passwordless + "/" + string(w.connection("sms").ID)
	if err := chromedp.Run(ctx, emulation.SetDeviceMetricsOverride(320, 800, 1, true)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{sms + "/code", sms + "/settings", applications + "/" + w.Ready.ClientID + "/code"} {
		if err := chromedp.Run(ctx, chromium.Open(w.URL+path), chromedp.WaitVisible(".tabs", chromedp.ByQuery)); err != nil {
			t.Fatal(err)
		}
		w.becomes(ctx, `(() => {
			const bar = document.querySelector(".tabs").getBoundingClientRect(), tab = document.querySelector(".tabs [aria-current=page]").getBoundingClientRect();
			return scrollY === 0 && tab.left >= bar.left - 1 && tab.right <= bar.right + 1 && tab.right <= innerWidth;
		})()`)
	}
}
