package hosted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// phone shows pages as a phone with a keyboard on its screen does.
var phone = emulation.SetDeviceMetricsOverride(390, 664, 1, true)

// seen asks the page for something.
func seen[T any](b *tab, script string) (v T) {
	b.t.Helper()
	b.run(chromedp.Evaluate(script, &v))
	return v
}

// describe returns a function of the page that tells about a field.
const describe = `(id) => {
	const field = document.getElementById(id);
	const label = field.labels[0];
	const box = label.getBoundingClientRect();
	const described = (field.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join(" ");
	return {
		type: field.type, mode: field.inputMode, autocomplete: field.autocomplete, dir: field.dir, longest: field.maxLength,
		capitals: field.autocapitalize, size: parseFloat(getComputedStyle(field).fontSize), high: field.offsetHeight,
		label: label.textContent, shown: box.width > 0 && box.height > 0,
		invalid: field.ariaInvalid ?? "", described, value: field.value, scrolled: scrollY,
		title: document.querySelector("h1").getBoundingClientRect().top >= 0,
		codes: document.querySelectorAll("[autocomplete=one-time-code]").length,
		alerts: Array.from(document.querySelectorAll("[role=alert]"), (e) => e.textContent.trim()), page: document.title,
	};
}`

type fieldSeen struct {
	Type, Mode, Autocomplete, Dir, Capitals, Label, Invalid, Described, Value, Page string
	Longest, Codes                                                                  int
	Size, High, Scrolled                                                            float64
	Shown, Title                                                                    bool
	Alerts                                                                          []string
}

// field waits until a field has the focus, which a page gives it once it is shown,
// and tells about it.
func (b *tab) field(id string) fieldSeen {
	b.t.Helper()
	b.run(chromium.Becomes(fmt.Sprintf(`document.activeElement?.id === %q`, id)))
	return seen[fieldSeen](b, fmt.Sprintf("(%s)(%q)", describe, id))
}

// L1, L7, L9, L11, L12: the fields are what browsers and screen readers need, have
// the focus with the title in view, and say what was wrong.
func TestL11Fields(t *testing.T) {
	b := newTab(t)
	b.run(phone, b.open("connection", "sms"))
	f := b.field("username")
	if f.Type != "tel" || f.Mode != "tel" || f.Autocomplete != "tel" || f.Dir != "ltr" || f.Label != "Mobile number" || !f.Shown || f.Size < 16 || !f.Title {
		t.Errorf("the field for a number: %+v", f)
	}
	b.run(chromedp.SendKeys("#username", "+44 1"), chromedp.Click("#continue"), chromedp.WaitVisible("#error"))
	f = b.field("username")
	if f.Invalid != "true" || !strings.Contains(f.Described, "Enter a mobile number") || f.Value != "+44 1" || len(f.Alerts) != 1 || !strings.HasPrefix(f.Page, "Error: ") {
		t.Errorf("after a number that is none: %+v", f)
	}
	b.run(b.open("connection", "email"))
	f = b.field("username")
	if f.Type != "email" || f.Mode != "email" || f.Autocomplete != "email" || f.Capitals != "none" || f.Label != "E-mail address" || !f.Shown || f.Size < 16 {
		t.Errorf("the field for an address: %+v", f)
	}
	b.atCode("+447700900601")
	f = b.field("code")
	if f.Type != "text" || f.Mode != "numeric" || f.Autocomplete != "one-time-code" || f.Dir != "ltr" || f.Label != "6-digit code" || !f.Shown || f.Longest < 20 || f.Codes != 1 || f.Size < 24 {
		t.Errorf("the field for a code: %+v", f)
	}
	if !f.Title || f.Scrolled != 0 {
		t.Errorf("on a phone the field for a code: %+v", f)
	}
}

// L17, L18, L20: what the page says of a code that is wrong, used up or late, and
// what becomes of it.
func TestL17WrongCodes(t *testing.T) {
	b := newTab(t)
	code := b.atCode("+447700900611")
	for n, want := range []string{"2 tries left", "1 try left", "Too many tries"} {
		b.run(chromedp.SendKeys("#code", wrongFor(code)+"\r"), chromium.Becomes(fmt.Sprintf(`document.querySelector("[role=alert]")?.textContent.includes(%q)`, want)))
		if n < 2 {
			b.field("code")
		}
	}
	if got := seen[string](b, `Array.from(document.querySelectorAll(".btn-p"), (e) => e.textContent).join()`); got != "Send a new code" {
		t.Errorf("the main button says %q", got)
	}
	// The code is dead also for whoever still has the page with the field.
	b.run(chromedp.Evaluate(fmt.Sprintf(`(() => {
		const form = document.createElement("form");
		form.method = "post";
		form.innerHTML = '<input name="action" value="default"><input name="code" value="%s">';
		document.body.append(form);
		form.submit();
	})()`, code), nil), chromium.Becomes(`document.forms.length === 2 && document.querySelector("[role=alert]")?.textContent.includes("Too many tries")`))
	b.run(chromedp.Click("#resend"), chromedp.WaitVisible("#code"))
	b.sent.Store(0)
	b.run(chromedp.SendKeys("#code", b.code("+447700900611")+"\r"))
	b.arrives("the new one")

	code = b.atCode("+447700900612")
	b.Clock.Advance(11 * time.Minute)
	b.run(chromedp.SendKeys("#code", code+"\r"), chromium.Becomes(`document.querySelector("[role=alert]")?.textContent.includes("expired")`))
	b.run(chromedp.Click("#resend"), chromedp.WaitVisible("#code"))
	b.sent.Store(0)
	b.run(chromedp.SendKeys("#code", b.code("+447700900612")+"\r"))
	b.arrives("another after the late one")

	code = b.atCode("+447700900613")
	b.run(chromedp.Click(`button[value=edit]`), chromedp.WaitVisible("#username"))
	if f := b.field("username"); f.Value != "07700 900613" {
		t.Errorf("after Edit: %+v", f)
	}
	b.run(chromedp.SetValue("#username", "+447700900614"), chromedp.Click("#continue"), chromedp.WaitVisible("#code"))
	b.run(chromedp.SendKeys("#code", code+"\r"), chromedp.WaitVisible("#error"))
	if f := b.field("code"); !strings.Contains(f.Described, "isn't right") {
		t.Errorf("the code of the number before: %+v", f)
	}
}

// L34, L35: the pages break no rule of their policy and load little.
func TestL34Policy(t *testing.T) {
	b := newTab(t)
	b.before(`window.broken = [];
		document.addEventListener("securitypolicyviolation", (event) => broken.push(event.violatedDirective + " " + event.blockedURI));`)
	check := func(page string) {
		t.Helper()
		if broken := seen[[]string](b, `broken`); len(broken) > 0 {
			t.Errorf("%s breaks its policy: %q", page, broken)
		}
		loaded := seen[[]struct {
			Name string
			Size int
		}](b, `performance.getEntries().filter((e) => ["navigation", "resource"].includes(e.entryType) && !e.name.startsWith("data:")).map((e) => ({ name: e.name, size: e.decodedBodySize }))`)
		for _, l := range loaded {
			if !strings.HasPrefix(l.Name, b.URL+"/") {
				t.Errorf("%s loads %s", page, l.Name)
			}
		}
		if len(loaded) < 3 || len(loaded) > 4 {
			t.Errorf("%s takes %d requests", page, len(loaded))
		}
		if handlers := seen[int](b, `Array.from(document.querySelectorAll("*")).filter((e) => e.getAttributeNames().some((name) => name.startsWith("on") || name === "style")).length`); handlers > 0 {
			t.Errorf("%s has %d elements with scripts or styles of their own", page, handlers)
		}
	}
	for _, connection := range []string{"sms", "email"} {
		b.run(b.open("connection", connection))
		check(connection)
	}
	b.atCode("+447700900621")
	check("code")
	b.run(chromedp.SendKeys("#code", "000\r"), chromedp.WaitVisible("#error"))
	check("wrong code")
	b.run(chromium.Open(b.URL + "/u/login/identifier?state=none"))
	if got := seen[[]string](b, `broken`); len(got) > 0 {
		t.Errorf("the page for what has timed out breaks its policy: %q", got)
	}
	b.run(chromium.Open(b.URL+"/oidc/logout"), chromedp.WaitReady("h1"))
	if got := seen[[]string](b, `broken`); len(got) > 0 {
		t.Errorf("the page after a logout breaks its policy: %q", got)
	}
}

// seconds is the wait that a page tells of, which may be less on the next.
var seconds = regexp.MustCompile(`data-wait="\d+"|in \d+ seconds`)

// L25: where sign-ups are closed, the screens are the same for people who are known
// and for those who are not.
func TestL25ClosedSignUps(t *testing.T) {
	w := newWorld(t, func(c *config.Config) { c.Limits = "strict" })
	const known, unknown = "+447700900631", "+447700900632"
	w.signIn(w.newBrowser(), w.query(), known)
	w.manage(http.MethodPatch, "/api/v2/connections/"+w.connection("sms"), `{"options":{"disable_signup":true}}`)
	w.Clock.Advance(time.Hour)
	screens := func(number string) (list []string) {
		b, p := w.atCode(number, w.query("connection", "sms"))
		list = append(list, p.Body)
		for _, code := range []string{"12", "000000"} {
			p = w.submit(b, p.Form("code").Set("code", code).Press("default"))
			list = append(list, fmt.Sprint(p.Status)+p.Body)
		}
		p = w.submit(b, p.Forms()[2].Press("resend"))
		list = append(list, fmt.Sprint(p.Status)+p.Body)
		p = w.submit(b, p.Form("action").Press("edit"))
		state := p.URL.Query().Get("state")
		for i := range list {
			list[i] = seconds.ReplaceAllString(list[i], "SECONDS")
			list[i] = strings.NewReplacer(state, "STATE", "+44 7700 "+number[7:], "NUMBER", "&#43;44 7700 "+number[7:], "NUMBER", number, "NUMBER").Replace(list[i])
		}
		return list
	}
	one, other := screens(known), screens(unknown)
	for i := range one {
		if one[i] != other[i] || one[i] == "" {
			a, _ := json.Marshal(one[i])
			b, _ := json.Marshal(other[i])
			t.Errorf("screen %d of somebody known and of nobody:\n%s\n%s", i, a, b)
		}
	}
	if n := w.messagesTo(unknown); n != 0 {
		t.Errorf("%d messages to somebody who cannot sign up", n)
	}
}

// L41: going back and loading again send no message and lose nothing.
func TestL41BackAndReload(t *testing.T) {
	b := newTab(t)
	b.before(`addEventListener("pageshow", () => { sessionStorage.shown = Number(sessionStorage.shown ?? 0) + 1; });`)
	const number = "+447700900641"
	code := b.atCode(number)
	for _, move := range []string{`history.back()`, `history.forward()`, `location.reload()`} {
		before := seen[string](b, `sessionStorage.shown`)
		b.run(chromium.Script(move), chromium.Becomes(fmt.Sprintf(`sessionStorage.shown !== %q && document.readyState === "complete"`, before)))
		if at := seen[string](b, `location.pathname`); at != "/u/login/passwordless-sms-challenge" && at != "/u/login/identifier" {
			t.Errorf("%s leads to %s", move, at)
		}
	}
	if n := b.messagesTo(number); n != 1 {
		t.Errorf("%d messages", n)
	}
	b.sent.Store(0)
	b.run(chromedp.SendKeys("#code", code+"\r"))
	b.arrives("after all that")
}
