package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// A found item, as the palette is told it.
type found struct{ Name, What, Address string }

// D22: the search finds pages, settings by Auth0's names, applications, people
// by any form of their number, and messages; as JSON and as a page.
func TestD22Search(t *testing.T) {
	w := newWorld(t)
	w.developer()
	w.person("sms", "+447700900123", "Ada Ash")
	id := string(w.signedIn("sms", "+447700900123"))
	sms := passwordless + "/" + string(w.connection("sms").ID)
	sent, err := w.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
	if err != nil || len(sent.Items) != 1 || sent.Items[0].ProviderID == "" {
		t.Fatalf("%v %v", sent.Items, err)
	}
	message := sent.Items[0]
	for _, tt := range []struct{ typed, name, address string }{
		{"", "Passwordless", passwordless},
		{"admin", "Administrators", administrators},
		{"twilio auth", "Twilio Auth Token", sms + "/settings#twilio_token"},
		{"copilot", "Twilio Messaging Service SID (Copilot)", sms + "/settings#messaging_service_sid"},
		{"otp exp", "OTP Expiry", sms + "/settings#time_step"},
		{"send test", "Send a test: SMS", sms + "/try"},
		{"my app", "My app", "/dashboard/applications/" + w.Ready.ClientID + "/settings"},
		{w.Ready.ClientID, "My app", "/dashboard/applications/" + w.Ready.ClientID + "/settings"},
		{"07700 900123", "Ada Ash, ", users + "/" + id},
		{"ada", "Ada Ash, ", users + "/" + id},
		{id, "Ada Ash, ", users + "/" + id},
		{message.ID, message.ID, "/dashboard/messages/" + message.ID},
		{message.ProviderID, message.ProviderID, "/dashboard/messages/" + message.ID},
	} {
		p, err := w.browser.Get(t.Context(), w.URL+"/dashboard/search?q="+strings.NewReplacer(" ", "+", "|", "%7C").Replace(tt.typed))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(p.Text(), strings.TrimSuffix(tt.name, ", ")) {
			t.Errorf("the page of %q does not have %s:\n%s", tt.typed, tt.name, p.Text())
		}
		if strings.Contains(p.Body, "7700900123") {
			t.Errorf("the page of %q has a whole number on it", tt.typed)
		}
		got := w.searched(tt.typed)
		has := false
		for _, f := range got {
			has = has || strings.HasPrefix(f.Name, tt.name) && (f.Address == tt.address || strings.ReplaceAll(f.Address, "%7C", "|") == tt.address)
		}
		if !has || len(got) > 40 {
			t.Errorf("%q finds %d: %v, not %s at %s", tt.typed, len(got), got, tt.name, tt.address)
		}
	}
	if got := w.searched("nothing of that name"); len(got) != 0 {
		t.Errorf("nonsense finds %v", got)
	}
	viewer := w.administrator("viewer@mail.example", "viewer")
	p := w.get(viewer, "/dashboard/search?q=administrators")
	if strings.Contains(p.Body, administrators) {
		t.Error("a viewer finds the administrators")
	}
}

// searched is what the palette is answered.
func (w *world) searched(text string) []found {
	w.t.Helper()
	jar := w.get(w.browser, home)
	var pair []string
	for _, c := range w.browser.Cookies(jar.URL) {
		pair = append(pair, c.Name+"="+c.Value)
	}
	query := strings.NewReplacer(" ", "+", "|", "%7C").Replace(text)
	status, _, body := w.once(http.MethodGet, "/dashboard/search?q="+query, nil, "Accept", "application/json", "Cookie", strings.Join(pair, "; "))
	var a struct{ Items []found }
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != http.StatusOK {
		w.t.Fatalf("%q: %d %v %s", text, status, err, body)
	}
	return a.Items
}

// press sends a key with modifiers, as a keyboard does.
func press(key string, modifiers ...input.Modifier) chromedp.Action {
	return chromedp.KeyEvent(key, chromedp.KeyModifiers(modifiers...))
}

// strike presses a key whose letter goes nowhere if a page takes the key itself.
func strike(key string) chromedp.Action {
	return chromedp.Tasks{
		input.DispatchKeyEvent(input.KeyDown).WithKey(key).WithText(key),
		input.DispatchKeyEvent(input.KeyUp).WithKey(key),
	}
}

// D22, WCAG 2.1.4: the palette by keys alone; keys of one letter, which do nothing
// in fields and can be switched off.
func TestD22PaletteAndKeys(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	do := func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	do(chromium.Open(w.URL+passwordless), chromedp.Focus(".find", chromedp.ByQuery), press("k", input.ModifierCtrl))
	w.becomes(ctx, `document.getElementById("palette").open && document.activeElement.id === "palette-q" && document.querySelectorAll("#palette-found [role=option]").length > 5`)
	do(press(kb.Escape))
	w.becomes(ctx, `!document.getElementById("palette").open && document.activeElement.matches(".find")`)
	var opened bool
	w.evaluate(ctx, `(document.dispatchEvent(new KeyboardEvent("keydown", {key: "k", metaKey: true, bubbles: true})), true)`, &opened)
	w.becomes(ctx, `document.activeElement.id === "palette-q"`)
	do(chromedp.KeyEvent("auth tok"))
	w.becomes(ctx, `document.getElementById("palette-said").textContent === "1 found"`)
	do(press(kb.ArrowDown), press(kb.ArrowUp), press(kb.Enter))
	w.becomes(ctx, `location.pathname.endsWith("/settings") && location.hash === "#twilio_token"`)

	do(chromium.Open(w.URL+home), chromedp.KeyEvent("gu"))
	w.becomes(ctx, `location.pathname === "/dashboard/users" && document.readyState === "complete"`)
	do(strike("/"))
	w.becomes(ctx, `document.activeElement.id === "q" && document.activeElement.value === ""`)
	do(strike("g"), strike("a"), strike("?"))
	w.becomes(ctx, `document.getElementById("q").value === "ga?" && location.pathname === "/dashboard/users"`)
	do(chromium.Open(w.URL+home), chromedp.KeyEvent("?"))
	w.becomes(ctx, `document.getElementById("keys").open`)
	do(chromedp.Click("#keys-on", chromedp.ByQuery), press(kb.Escape), chromedp.KeyEvent("gl"), chromedp.KeyEvent("?"))
	var still bool
	w.evaluate(ctx, `location.pathname === "/dashboard" && !document.getElementById("keys").open`, &still)
	if !still {
		t.Error("keys that were switched off do something")
	}
	// The list is reached without them, and they are on again.
	do(chromedp.Click(".side [data-keys]", chromedp.ByQuery), chromedp.Click("#keys-on", chromedp.ByQuery), press(kb.Escape), chromedp.KeyEvent("gl"))
	w.becomes(ctx, `location.pathname === "/dashboard/logs"`)
}

// D17: when the server or its database fails while a form is sent, the page says
// so where it is, keeps what was typed, and sends it when asked again.
func TestD17FailureInPlace(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	settings := w.URL + passwordless + "/" + string(w.connection("sms").ID) + "/settings"
	do := func(actions ...chromedp.Action) {
		t.Helper()
		if err := chromedp.Run(ctx, actions...); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(text string) string {
		return fmt.Sprintf(`document.getElementById("template").value === "{{ code }} kept" && document.querySelector("[role=alert]")?.textContent.includes(%q) === true && document.activeElement.textContent === "Try again"`, text)
	}
	do(chromium.Open(settings), chromedp.SetValue("#template", "{{ code }} kept", chromedp.ByQuery))
	// What the save finds, a server that is down or a database that is, is made by
	// answering for it.
	for _, tt := range []struct{ name, fetch, says string }{
		{"the server is gone", `() => Promise.reject(new TypeError("Failed to fetch"))`, "does not answer"},
		{"the database is gone", `() => Promise.resolve(new Response("", {status: 500}))`, "could not save"},
		{"gone while it saves", `(url, o) => o?.method === "POST" ? Promise.reject(new TypeError("Failed to fetch")) : window.real(url, o)`, "did not answer in time"},
		{"the database fails while it saves", `(url, o) => o?.method === "POST" ? Promise.resolve(new Response("", {status: 500})) : window.real(url, o)`, "could not save"},
	} {
		var ok bool
		w.evaluate(ctx, `(window.real ??= window.fetch.bind(window), window.fetch = `+tt.fetch+`, true)`, &ok)
		do(chromedp.Click("#save", chromedp.ByQuery))
		w.becomes(ctx, kept(tt.says))
		if got := w.connection("sms").Text.Template; strings.Contains(got, "kept") {
			t.Errorf("%s: it was saved", tt.name)
		}
	}
	var ok bool
	w.evaluate(ctx, `(window.fetch = window.real, true)`, &ok)
	do(press(kb.Enter)) // on "Try again"
	w.becomes(ctx, `document.querySelector("main > .alert-s")?.textContent === "Saved."`)
	if got := w.connection("sms").Text.Template; got != "{{ code }} kept" {
		t.Errorf("stored is %q", got)
	}
	// What is refused is shown as without scripts, with the field marked.
	do(chromedp.SetValue("#template", "no code", chromedp.ByQuery), chromedp.Click("#save", chromedp.ByQuery))
	w.becomes(ctx, `document.title.startsWith("Error: ") && document.getElementById("template")?.getAttribute("aria-invalid") === "true"`)

	// The real thing: the server ends, and forms without a guard say so too.
	do(chromium.Open(w.URL+passwordless), chromedp.WaitVisible(".switch", chromedp.ByQuery))
	w.Stop(t)
	do(chromedp.Click(".switch[aria-checked=true]", chromedp.ByQuery))
	w.becomes(ctx, `document.querySelector("[role=alert]")?.textContent.includes("does not answer") === true && document.querySelector("h1").textContent === "Passwordless"`)
}

// D18: every form that can lose something says that it is not saved, asks before
// it is left, and is saved by Ctrl S.
func TestD18Guard(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	id := strings.TrimPrefix(w.person("sms", "+447700900123", "Ada Ash").URL.Path, users+"/")
	w.enter(ctx)
	for _, tt := range []struct{ path, field string }{
		{passwordless + "/" + string(w.connection("email").ID) + "/settings", "subject"},
		{"/dashboard/applications/" + w.Ready.ClientID + "/settings", "description"},
		{users + "/" + id + "/metadata", "user_metadata"},
	} {
		if err := chromedp.Run(ctx, chromium.Open(w.URL+tt.path), chromedp.WaitVisible("#"+tt.field, chromedp.ByQuery)); err != nil {
			t.Fatal(err)
		}
		asks := `(() => { const e = new Event("beforeunload", {cancelable: true}); dispatchEvent(e); return e.defaultPrevented; })()`
		var before, after bool
		w.evaluate(ctx, asks, &before)
		type_ := fmt.Sprintf(`(() => { const f = document.getElementById(%q); f.value = f.value.trim() === "{}" ? '{"a":1}' : f.value + " {{ code }}"; f.dispatchEvent(new Event("input", {bubbles: true})); return document.querySelector("[data-changed]").textContent === "Not saved yet"; })()`, tt.field)
		var says bool
		w.evaluate(ctx, type_, &says)
		w.evaluate(ctx, asks, &after)
		if before || !after || !says {
			t.Errorf("%s: asks before a change %v, after it %v, says it %v", tt.path, before, after, says)
		}
		if err := chromedp.Run(ctx, chromedp.Focus("#"+tt.field, chromedp.ByQuery), press("s", input.ModifierCtrl)); err != nil {
			t.Fatal(err)
		}
		w.becomes(ctx, `document.querySelector("main > .alert-s") !== null`)
	}
}

// D18: who looks at what was typed as code and goes back finds it in the fields,
// told as not saved, and shown as it would be sent.
func TestD18BackFromTheCode(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	settings := w.URL + passwordless + "/" + string(w.connection("sms").ID) + "/settings"
	const typedHere = `document.getElementById("template")?.value === "{{ code }} typed" && document.getElementById("numbers").value === "valid" && document.querySelector("[name=autofill]").checked && document.getElementById("changed").textContent === "Not saved yet"`
	if err := chromedp.Run(ctx, chromium.Open(settings),
		chromium.Becomes(`document.getElementById("changed")?.textContent === "" && document.getElementById("preview").hidden`),
		chromedp.SetValue("#template", "{{ code }} typed", chromedp.ByQuery),
		chromedp.SetValue("#numbers", "valid", chromedp.ByQuery),
		chromedp.Click("[name=autofill]", chromedp.ByQuery),
		chromium.Becomes(typedHere),
		chromedp.Click("#code", chromedp.ByQuery),
		chromium.Becomes(`document.querySelector("main")?.textContent.includes("This is what you typed.") === true`),
	); err != nil {
		t.Fatal(err)
	}
	// The frame that the page comes with shows what is stored, and one that a
	// script has put in its place what is typed.
	if err := chromedp.Run(ctx, chromium.Back(), chromium.Becomes(typedHere),
		chromium.Becomes(`document.querySelector("iframe[name=preview]").hasAttribute("src") === false`)); err != nil {
		t.Fatal(err)
	}
	var asks bool
	w.evaluate(ctx, `(() => { const e = new Event("beforeunload", {cancelable: true}); dispatchEvent(e); return e.defaultPrevented; })()`, &asks)
	if !asks {
		t.Error("what was typed can be lost without being asked")
	}
}

// D5: while what is typed is broken, the last message stays in its frame, dimmed,
// with what is wrong beside it.
func TestD5LastGoodPreview(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	w.enter(ctx)
	settings := w.URL + passwordless + "/" + string(w.connection("sms").ID) + "/settings"
	write := func(text string) chromedp.Action {
		return chromedp.Evaluate(fmt.Sprintf(`(() => { const f = document.getElementById("template"); f.value = %q; f.dispatchEvent(new Event("input", {bubbles: true})); })()`, text), nil)
	}
	const frame = `document.querySelector("iframe[name=preview]")`
	if err := chromedp.Run(ctx, chromium.Open(settings), chromium.Becomes(`document.getElementById("preview")?.hidden === true`),
		chromedp.Evaluate(`window.first = `+frame+`, true`, nil), write("{{ code }} is good"),
		chromium.Becomes(frame+` !== window.first`),
		chromedp.Evaluate(`window.good = `+frame+`, true`, nil), write("{{ code"),
		chromium.Becomes(`document.getElementById("preview-problem").textContent.startsWith("Line 1, column") && `+frame+` === window.good && window.good.classList.contains("past")`),
		write("{{ code }} again"),
		chromium.Becomes(`document.getElementById("preview-problem").textContent === "" && `+frame+` !== window.good && !`+frame+`.classList.contains("past")`),
	); err != nil {
		t.Fatal(err)
	}
}

// Right to left: nothing runs out of the page, at any width.
func TestRightToLeft(t *testing.T) {
	ctx := chromium.New(t)
	w := newWorld(t)
	w.developer()
	id := strings.TrimPrefix(w.person("sms", "+447700900123", "Ada Ash").URL.Path, users+"/")
	w.enter(ctx)
	for _, path := range []string{
		home, users, users + "/" + id, "/dashboard/applications", "/dashboard/apis", "/dashboard/logs", passwordless, administrators,
		passwordless + "/" + string(w.connection("sms").ID) + "/settings", passwordless + "/" + string(w.connection("sms").ID) + "/try",
		"/dashboard/search", "/dashboard/login?again=1",
	} {
		for _, width := range []int64{320, 768, 1280} {
			var over float64
			if err := chromedp.Run(ctx, chromedp.EmulateViewport(width, 800), chromium.Open(w.URL+path),
				chromedp.Evaluate(`(document.documentElement.dir = "rtl", document.documentElement.scrollWidth - document.documentElement.clientWidth)`, &over)); err != nil {
				t.Fatal(err)
			}
			if over > 0 {
				t.Errorf("%s at %d runs %v out of the page", path, width, over)
			}
		}
	}
}
