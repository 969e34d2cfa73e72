package dashboard_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// The words of a page that shows by itself what happens.
const (
	liveSays  = `document.getElementById("live").textContent`
	stateSays = `document.getElementById("live-state").textContent`
)

// shows opens a page in a real browser and waits until it has the text.
func (w *world) shows(ctx context.Context, path, text string) {
	w.t.Helper()
	if err := chromedp.Run(ctx, chromium.Open(w.URL+path), chromedp.WaitVisible("#live", chromedp.ByQuery)); err != nil {
		w.t.Fatal(err)
	}
	w.becomes(ctx, liveSays+`.includes("`+text+`")`)
}

// redeems signs somebody in with a code, as an application does.
func (w *world) redeems(to, code string) {
	w.t.Helper()
	if st, _, body := w.Post(w.t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":"`+w.Ready.ClientID+
		`","client_secret":"`+w.Ready.ClientSecret+`","realm":"sms","username":"`+to+`","otp":"`+code+`"}`); st != http.StatusOK {
		w.t.Fatal(st, body)
	}
}

// reports has the provider of a message say something about it.
func (w *world) reports(m tenant.Message, state tenant.MessageState) {
	w.t.Helper()
	if err := w.Store.Report(w.t.Context(), delivery.Reported{
		Message: m.ID, Connection: m.Connection, Provider: m.Provider, At: w.Clock.Now(),
		Report: delivery.Report{Status: string(state), State: state},
	}); err != nil {
		w.t.Fatal(err)
	}
}

// connected lets the pages of a browser reach the server, or not.
func (w *world) connected(ctx context.Context, yes bool) {
	w.t.Helper()
	rules := []*network.Conditions{}
	if !yes {
		rules = append(rules, &network.Conditions{Offline: true, DownloadThroughput: -1, UploadThroughput: -1})
	}
	if err := chromedp.Run(ctx, network.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := network.EmulateNetworkConditionsByRule(rules).Do(ctx)
		return err
	})); err != nil {
		w.t.Fatal(err)
	}
}

// The line of the Quickstart turns into a tick by itself, also where the page was
// opened by its tab, which names no moment from which sign-ins count.
func TestQuickstartTicks(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	path := applications + "/" + w.Ready.ClientID
	if err := chromedp.Run(ctx, chromium.Open(w.URL+path+"/settings"), chromedp.WaitVisible(".tabs", chromedp.ByQuery),
		chromedp.Click(`.tabs a[href$="/quickstart"]`, chromedp.ByQuery), chromedp.WaitVisible("#live", chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	w.becomes(ctx, liveSays+`.includes("Waiting for your first sign-in") && location.search === ""`)
	w.connected(ctx, false)
	w.becomes(ctx, stateSays+` === "Not connected. Trying again."`)
	w.redeems("+447700900123", w.asksFor("sms", "+447700900123"))
	w.connected(ctx, true)
	w.becomes(ctx, liveSays+`.includes("Somebody signed in") && !`+liveSays+`.includes("Waiting") && `+stateSays+` === "" &&
		document.getElementById("live-said").textContent === "Somebody signed in"`)
}

// D10, D17: Try shows the steps of a message as they happen, until nothing more
// can come: handing it over is not the last. Where the server cannot be reached
// meanwhile, the page says so, and goes on when it can. The keyboard stays where
// it is.
func TestD10TryGoesOn(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	path := passwordless + "/" + string(w.connection("sms").ID) + "/try"
	if err := chromedp.Run(ctx, chromium.Open(w.URL+path), chromedp.WaitVisible("#to", chromedp.ByQuery),
		chromedp.SendKeys("#to", "+447700900123", chromedp.ByQuery), chromedp.Click("#send", chromedp.ByQuery), chromedp.WaitVisible("#live", chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	w.becomes(ctx, liveSays+`.includes("Handed over") && `+liveSays+`.includes("Look again")`)
	m := w.settled(tenant.MessageAccepted)
	var ok bool
	w.evaluate(ctx, `document.querySelector('#live a[href^="?message="]').focus(); true`, &ok)
	w.reports(m, tenant.MessageSent)
	w.becomes(ctx, liveSays+`.includes("passed it on") && document.activeElement.textContent === "Look again" && document.getElementById("live").contains(document.activeElement)`)
	w.connected(ctx, false)
	w.becomes(ctx, stateSays+` === "Not connected. Trying again."`)
	w.reports(m, tenant.MessageDelivered)
	w.connected(ctx, true)
	w.becomes(ctx, liveSays+`.includes("has arrived") && `+stateSays+` === "" && document.getElementById("live-said").textContent.startsWith("Delivered.")`)
	w.redeems("+447700900123", w.code("+447700900123"))
	w.becomes(ctx, liveSays+`.includes("Code used") && `+liveSays+`.includes("Look again")`)
}

// The page of a message shows the same, and ends when its code has run out; what
// is reported later is there when somebody looks again.
func TestMessageGoesOn(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	w.asksFor("sms", "+447700900123")
	m := w.settled(tenant.MessageAccepted)
	w.shows(ctx, messages+"/"+m.ID, "Handed over")
	w.connected(ctx, false)
	w.becomes(ctx, stateSays+` === "Not connected. Trying again."`)
	w.connected(ctx, true)
	w.becomes(ctx, stateSays+` === ""`)
	w.reports(m, tenant.MessageSent)
	w.becomes(ctx, liveSays+`.includes("passed it on")`)
	w.Clock.Advance(time.Until(m.CodeExpires) + time.Second)
	w.becomes(ctx, liveSays+`.includes("Code ran out")`)
	p := w.get(w.browser, messages+"/"+m.ID)
	w.says(p, "Look again")
	if over := p.Body; !strings.Contains(over, "data-over") || strings.Contains(over, "live.js") {
		t.Error("the page goes on asking about a message whose code has run out")
	}
	w.reports(m, tenant.MessageUndelivered)
	w.says(w.get(w.browser, messages+"/"+m.ID), "Not delivered")
}

// D17: the log says that it is not connected, and goes on when it is again, with
// what came meanwhile.
func TestD17LogGoesOn(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	if err := chromedp.Run(ctx, chromium.Open(w.URL+logs+"?live=1"), chromedp.WaitVisible("#pause", chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	w.becomes(ctx, stateSays+` === "Live"`)
	w.connected(ctx, false)
	w.becomes(ctx, stateSays+` === "Not connected, trying again"`)
	e := event.New(event.Login, w.Clock.Now())
	if err := w.Store.AddLogs(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	w.connected(ctx, true)
	w.becomes(ctx, `document.querySelector('tr[data-id="`+e.ID+`"]') !== null && `+stateSays+` === "Live"`)
}

// Whoever was signed out meanwhile is told so, once.
func TestLiveSignedOut(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	w.shows(ctx, applications+"/"+w.Ready.ClientID+"/quickstart", "Waiting")
	if err := chromedp.Run(ctx, network.ClearBrowserCookies()); err != nil {
		t.Fatal(err)
	}
	w.becomes(ctx, stateSays+`.startsWith("You were signed out.") && `+liveSays+`.includes("Waiting")`)
}
