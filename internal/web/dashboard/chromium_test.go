package dashboard_test

import (
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// typing changes the message and waits for the frame that shows it anew: after
// how many milliseconds that was.
const typing = `new Promise((resolve) => {
	const old = document.querySelector("iframe[name=preview]");
	let typed = 0;
	new MutationObserver(() => {
		const fresh = document.querySelector("iframe[name=preview]");
		fresh.addEventListener("load", () => resolve(performance.now() - typed));
	}).observe(old.parentNode, {childList: true});
	const field = document.getElementById("template");
	field.value = "{{ code }} typed";
	field.dispatchEvent(new Event("input", {bubbles: true}));
	typed = performance.now();
})`

// soonest is how long the preview may take after somebody stopped typing, in
// milliseconds: the best of several, since the machine has other things to do.
const soonest = 500

// D2, D6, D18: in a real browser, a link of Auth0's documents leads here by way
// of signing in; the message is shown again when it is typed, nothing of it is
// blocked by the policy, and what is not saved is said.
func TestChromium(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	var at, said string
	var took []float64
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+"/#/connections/passwordless"),
		chromedp.WaitVisible("#developer", chromedp.ByQuery),
		chromedp.Click("#developer", chromedp.ByQuery),
		chromedp.WaitVisible(".method", chromedp.ByQuery),
		chromedp.Location(&at),
	); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(at, passwordless) {
		t.Errorf("the link leads to %s", at)
	}
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+passwordless+"/"+string(w.connection("sms").ID)+"/settings"),
		chromedp.WaitVisible("#template", chromedp.ByQuery),
		chromedp.Evaluate(`document.getElementById("changed").textContent`, &said),
	); err != nil {
		t.Fatal(err)
	}
	if said != "" {
		t.Errorf("before anything is typed the page says %q", said)
	}
	for tries := 0; tries < 3 || tries < 10 && slices.Min(took) > soonest; tries++ {
		var one float64
		if err := chromedp.Run(ctx, chromedp.Evaluate(typing, &one, chromium.Awaited)); err != nil {
			t.Fatal(err)
		}
		took = append(took, one)
	}
	if err := chromedp.Run(ctx, chromedp.Evaluate(`document.getElementById("changed").textContent`, &said)); err != nil {
		t.Fatal(err)
	}
	if slices.Min(took) > soonest || said != "Not saved yet" {
		t.Errorf("after typing: preview after %v ms, %q", took, said)
	}
	if err := chromedp.Run(ctx,
		chromedp.Click("#save", chromedp.ByQuery),
		chromedp.WaitVisible(".alert-s", chromedp.ByQuery),
		chromedp.Text(".alert-s", &said, chromedp.ByQuery),
	); err != nil {
		t.Fatal(err)
	}
	if got := w.connection("sms").Text.Template; said != "Saved." || got != "{{ code }} typed" {
		t.Errorf("the page says %q, stored is %q", said, got)
	}
}

// D2: links to the pages of Auth0's console, which stand behind a fragment, lead
// to ours, also to one application and one person.
func TestD2HashRoutes(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	page := w.person("sms", "+447700900123", "Ada").URL.Path
	id, err := url.PathUnescape(strings.TrimPrefix(page, users+"/"))
	if err != nil {
		t.Fatal(err)
	}
	w.enter(ctx)
	app := w.Ready.ClientID
	for hash, want := range map[string]string{
		"/connections/passwordless":            passwordless,
		"/authentication/passwordless?x=1":     passwordless,
		"/applications":                        applications,
		"/applications/" + app:                 applications + "/" + app + "/settings",
		"/applications/" + app + "/quickstart": applications + "/" + app + "/quickstart",
		"/apis":                                "/dashboard/apis",
		"/users":                               users,
		"/users/" + base64.StdEncoding.EncodeToString([]byte(id)): users + "/" + url.PathEscape(id),
		"/users/" + url.PathEscape(id):                            users + "/" + url.PathEscape(id),
		"/logs":                                                   logs,
		"/tenant":                                                 "/dashboard/settings",
		"/tenant/admins":                                          administrators,
		"/unheard-of":                                             home,
	} {
		var at string
		if err := chromedp.Run(ctx, chromium.Open("about:blank"), chromium.Open(w.URL+"/#"+hash)); err != nil {
			t.Fatal(err)
		}
		for range 100 {
			if err := chromedp.Run(ctx, chromedp.Evaluate("location.pathname", &at)); err == nil && at == want {
				break
			}
			time.Sleep(20 * time.Millisecond)
		}
		var text string
		if err := chromedp.Run(ctx, chromedp.WaitReady("main", chromedp.ByQuery), chromedp.Text("main", &text, chromedp.ByQuery)); err != nil {
			t.Fatal(err)
		}
		if at != want || strings.Contains(text, "There is no such page") || strings.Contains(text, "Not found") {
			t.Errorf("%s leads to %s, want %s:\n%.200s", hash, at, want, text)
		}
	}
}
