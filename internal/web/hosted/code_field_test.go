package hosted_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// A tab is a browser at the pages of a world, and counts the forms it sends.
type tab struct {
	*world
	ctx  context.Context
	app  *application
	slow time.Duration // how long forms are on their way
	sent atomic.Int32
}

func newTab(t *testing.T, change ...func(*config.Config)) *tab {
	t.Helper()
	b := &tab{ctx: chromium.New(t), world: newWorld(t, change...), app: newApplication(t)}
	b.manage(http.MethodPatch, "/api/v2/clients/"+b.Ready.ClientID, fmt.Sprintf(`{"callbacks":[%q]}`, b.app.URL+"/callback"))
	chromedp.ListenTarget(b.ctx, func(e any) {
		if e, ok := e.(*fetch.EventRequestPaused); ok {
			if e.Request.Method == http.MethodPost {
				b.sent.Add(1)
			}
			go func() {
				if e.Request.Method == http.MethodPost {
					time.Sleep(b.slow)
				}
				_ = chromedp.Run(b.ctx, fetch.ContinueRequest(e.RequestID))
			}()
		}
	})
	b.run(fetch.Enable())
	return b
}

func (b *tab) run(actions ...chromedp.Action) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// before has a script run before those of every page.
func (b *tab) before(script string) (id page.ScriptIdentifier) {
	b.t.Helper()
	b.run(chromedp.ActionFunc(func(ctx context.Context) (err error) {
		id, err = page.AddScriptToEvaluateOnNewDocument(script).Do(ctx)
		return err
	}))
	return id
}

// open asks to be signed in to the application.
func (b *tab) open(pairs ...string) chromedp.Action {
	return chromedp.Tasks{
		chromium.Open(b.URL + "/authorize?" + b.query(append([]string{"redirect_uri", b.app.URL + "/callback"}, pairs...)...)),
		chromedp.WaitVisible("#username"),
	}
}

// atCode opens the page that asks for the code of a number, and returns the code.
func (b *tab) atCode(number string) string {
	b.t.Helper()
	b.run(
		b.open("prompt", "login"),
		chromedp.SendKeys("#username", number), chromedp.Click("#continue"), chromedp.WaitVisible("#code"),
		// The script says of the hint that it belongs to the field.
		chromium.Becomes(`document.getElementById("code").getAttribute("aria-describedby").includes("hint")`),
	)
	b.sent.Store(0)
	return b.code(number)
}

// arrives fails unless the application gets a code, after one form.
func (b *tab) arrives(how string) {
	b.t.Helper()
	if err := chromedp.Run(b.ctx, chromium.Becomes(`document.getElementById("app") !== null`)); err != nil {
		b.t.Fatalf("%s: %v", how, err)
	}
	if got := b.app.last(); !got.Has("code") || b.sent.Load() != 1 {
		b.t.Errorf("%s: %d forms brought %v", how, b.sent.Load(), got)
	}
}

// stays fails if the form is sent.
func (b *tab) stays(how, want string) {
	b.t.Helper()
	time.Sleep(300 * time.Millisecond)
	var got string
	b.run(chromedp.Value("#code", &got))
	if got != want || b.sent.Load() != 0 {
		b.t.Fatalf("%s: %d forms were sent, the field has %q, want %q", how, b.sent.Load(), got, want)
	}
}

// byHand has a script do what only a person may: use the clipboard.
func byHand(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithUserGesture(true) }

// paste puts a text into the field as the keys for that do.
func paste(text string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.Evaluate(fmt.Sprintf(`(() => {
			const field = document.getElementById("code");
			const [from, to] = [field.selectionStart, field.selectionEnd];
			const copied = document.createElement("textarea");
			copied.value = %q;
			document.body.append(copied);
			copied.select();
			document.execCommand("copy");
			copied.remove();
			field.focus();
			field.setSelectionRange(from, to);
		})()`, text), nil, byHand),
		input.DispatchKeyEvent(input.KeyRawDown).WithKey("v").WithModifiers(input.ModifierCtrl).WithCommands([]string{"paste"}),
		input.DispatchKeyEvent(input.KeyUp).WithKey("v").WithModifiers(input.ModifierCtrl),
	}
}

// L13, L14: a code that comes in one piece is sent, in whatever form it comes; one
// that is typed waits for Enter.
func TestL14WholeCodes(t *testing.T) {
	b := newTab(t)
	b.smsOptions(map[string]any{"autofill": true})
	next := 0
	number := func() string { next++; return fmt.Sprintf("+4477009005%02d", next) }
	for how, fill := range map[string]func(code, message string) chromedp.Action{
		"a program sets the value": func(code, _ string) chromedp.Action {
			return chromedp.Evaluate(fmt.Sprintf(`(() => {
				const field = document.getElementById("code");
				field.value = %q;
				field.dispatchEvent(new Event("input", { bubbles: true }));
			})()`, code), nil)
		},
		"a keyboard offers it":   func(code, _ string) chromedp.Action { return input.InsertText(code) },
		"pasted":                 func(code, _ string) chromedp.Action { return paste(code) },
		"pasted with a space":    func(code, _ string) chromedp.Action { return paste(code[:3] + " " + code[3:] + "\n") },
		"pasted with a hyphen":   func(code, _ string) chromedp.Action { return paste(code[:3] + "-" + code[3:]) },
		"pasted in other digits": func(code, _ string) chromedp.Action { return paste(inScript(code, '٠')) },
		"pasted in wide digits":  func(code, _ string) chromedp.Action { return paste(inScript(code, '０')) },
		"the message is pasted":  func(_, message string) chromedp.Action { return paste(message) },
		"pasted over what was mistyped": func(code, _ string) chromedp.Action {
			return chromedp.Tasks{chromedp.SendKeys("#code", wrongFor(code)), chromedp.Evaluate(`document.getElementById("code").select()`, nil), paste(code)}
		},
	} {
		to := number()
		code := b.atCode(to)
		b.run(fill(code, "Your code is "+code+". It expires in 5 minutes.\n\n@localhost #"+code))
		b.arrives(how)
	}

	code := b.atCode(number())
	b.run(chromedp.SendKeys("#code", code))
	b.stays("typed", code)
	b.run(chromedp.SendKeys("#code", "\b"))
	b.stays("taken back", code[:5])
	b.run(paste(code[5:]))
	b.stays("its end pasted", code)
	b.run(chromedp.SendKeys("#code", "\b\b\b"))
	for _, typed := range []string{code[:4], code[:5], code} {
		b.run(chromedp.Evaluate(fmt.Sprintf(`(() => {
			const field = document.getElementById("code");
			field.value = %q;
			field.dispatchEvent(new Event("input"));
		})()`, typed), nil))
	}
	b.stays("typed by a program", code)
	b.run(chromedp.SendKeys("#code", "\r"))
	b.arrives("Enter")

	code = b.atCode(number())
	for _, text := range []string{code[:5], code + "1", "call 07700 900123 or " + code + " or " + wrongFor(code)} {
		b.run(chromedp.Evaluate(`document.getElementById("code").select()`, nil), paste(text))
		b.stays("no code", text)
	}
}

// Where scripts are switched off the page does not say that codes are sent by
// themselves, and takes them as ever.
func TestL33CodeWithoutScripts(t *testing.T) {
	b := newTab(t)
	code := b.atCode(person)
	var picture []byte
	b.run(chromedp.Screenshot("#hint", &picture), emulation.SetScriptExecutionDisabled(true), chromedp.Reload(), chromedp.WaitReady("#code"))
	short, cancel := context.WithTimeout(b.ctx, time.Second)
	defer cancel()
	if err := chromedp.Run(short, chromedp.Screenshot("#hint", &picture)); err == nil {
		t.Error("the hint is shown")
	}
	b.run(input.InsertText(code), chromedp.Sleep(300*time.Millisecond))
	if n := b.sent.Load(); n != 0 {
		t.Errorf("%d forms", n)
	}
	b.run(chromedp.KeyEvent("\r"), emulation.SetScriptExecutionDisabled(false))
	b.arrives("without scripts")
}

// L15: three rapid submits make one form, whatever it is.
func TestL15OneForm(t *testing.T) {
	b := newTab(t)
	b.slow = 500 * time.Millisecond
	press := func(button string) chromedp.Action {
		return chromedp.Evaluate(`new Promise((resolve) => {
			let left = 3;
			const press = () => {
				document.getElementById("`+button+`").click();
				left--;
				setTimeout(left > 0 ? press : resolve, 50);
			};
			press();
		})`, nil, chromium.Awaited)
	}
	const number = "+447700900551"
	b.run(b.open(), chromedp.SendKeys("#username", number), press("continue"), chromedp.WaitVisible("#code"))
	if n := b.messagesTo(number); n != 1 || b.sent.Load() != 1 {
		t.Errorf("%d messages for %d forms", n, b.sent.Load())
	}
	b.sent.Store(0)
	code := b.code(number)
	b.run(chromedp.SendKeys("#code", wrongFor(code)), press("continue"), chromedp.WaitVisible(`[role=alert]`))
	var text string
	if b.run(chromedp.Text("#error", &text)); b.sent.Load() != 1 || !strings.Contains(text, "2 tries left") {
		t.Errorf("after %d forms: %s", b.sent.Load(), text)
	}
	b.sent.Store(0)
	b.run(chromedp.SendKeys("#code", code), press("continue"))
	b.arrives("pressed three times")

	// Whoever stops it, or comes back to the page, can send it again.
	b.atCode("+447700900552")
	isFree := chromium.Becomes(`!("sent" in document.getElementById("code").form.dataset)`)
	stopped := chromedp.Evaluate(`document.getElementById("continue").click(); setTimeout(() => window.stop(), 100)`, nil)
	b.run(
		stopped, isFree, // once patience is over
		stopped, chromedp.Evaluate(`window.dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))`, nil), isFree,
		chromedp.SendKeys("#code", "1\r"), chromedp.WaitVisible("#error"),
	)
	if n := b.sent.Load(); n != 3 {
		t.Errorf("%d forms, want the two that were stopped and another", n)
	}
}

// L24: the browser is asked to read the text message, and is not any more once
// the form is sent. Where it cannot, nothing goes wrong.
func TestL24WebOTP(t *testing.T) {
	b := newTab(t)
	var wrong atomic.Value
	chromedp.ListenTarget(b.ctx, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			wrong.Store(e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			wrong.Store(string(e.Type))
		case *log.EventEntryAdded:
			wrong.Store(e.Entry.Text)
		}
	})
	reader := b.before(`window.OTPCredential = class {};
		navigator.credentials.get = (asked) => new Promise((resolve, reject) => {
			window.asked = JSON.stringify(asked.otp);
			window.bring = (code) => resolve({ code });
			asked.signal.addEventListener("abort", () => {
				localStorage.setItem("aborted", "yes");
				reject(asked.signal.reason);
			});
		});`)
	const number = "+447700900561"
	code := b.atCode(number)
	var asked string
	if b.run(chromedp.Evaluate(`window.asked`, &asked)); asked != `{"transport":["sms"]}` {
		t.Errorf("the browser is asked for %s", asked)
	}
	b.run(chromium.Script(fmt.Sprintf("bring(%q)", code)))
	b.arrives("read by the browser")

	code = b.atCode("+447700900562")
	b.run(chromedp.Evaluate(`localStorage.removeItem("aborted")`, nil), chromedp.SendKeys("#code", wrongFor(code)+"\r"), chromedp.WaitVisible("#error"))
	var aborted string
	if b.run(chromedp.Evaluate(`localStorage.getItem("aborted") ?? ""`, &aborted)); aborted != "yes" {
		t.Error("the browser goes on to look for a message")
	}
	if said := wrong.Load(); said != nil && !strings.Contains(said.(string), "422") {
		t.Errorf("the page says %q", said)
	}
	wrong = atomic.Value{}
	b.run(page.RemoveScriptToEvaluateOnNewDocument(reader))
	b.before(`delete window.OTPCredential;`)
	code = b.atCode("+447700900563")
	b.run(chromedp.SendKeys("#code", code+"\r"))
	b.arrives("without WebOTP")
	if said := wrong.Load(); said != nil {
		t.Errorf("where it cannot, the page says %q", said)
	}
}

// L19: the button for another code says how long it is until there is one, stays
// where the Tab key leads, and tells once when it is over.
func TestL19Resend(t *testing.T) {
	b := newTab(t, func(c *config.Config) { c.Limits = "strict" })
	b.before(`let ahead = 0;
		window.advance = (seconds) => { ahead += seconds * 1000; };
		Date.now = ((now) => () => now() + ahead)(Date.now);
		addEventListener("DOMContentLoaded", () => {
			window.told = [];
			const again = document.getElementById("ready");
			if (again) {
				new MutationObserver(() => told.push(again.textContent)).observe(again, { childList: true });
			}
		});`)
	const number = "+447700900571"
	b.atCode(number)
	says := func(pattern, disabled string) chromedp.Action {
		return chromium.Becomes(fmt.Sprintf(`(() => {
			const button = document.getElementById("resend");
			return /%s/.test(button.textContent) && (button.getAttribute("aria-disabled") ?? "") === %q && button.tabIndex === 0;
		})()`, pattern, disabled))
	}
	b.run(says(`^Send again in (30|2\d) s$`, "true"), says(`^Send again in (29|2\d) s$`, "true"))
	b.run(chromedp.Click("#resend"), chromedp.Focus("#resend"), chromedp.KeyEvent("\r"))
	b.stays("while it waits", "")

	b.run(chromedp.Evaluate(`advance(30)`, nil), says(`^Send again$`, ""))
	var told []string
	if b.run(chromedp.Sleep(time.Second), chromedp.Evaluate(`told`, &told)); len(told) != 1 || told[0] != "You can ask for another code now." {
		t.Errorf("a screen reader is told %q", told)
	}
	// The server goes by its own clock.
	b.run(chromedp.Click("#resend"), chromedp.WaitVisible(`[role=alert]`), says(`^Send again in \d+ s$`, "true"))
	if n := b.messagesTo(number); n != 1 {
		t.Errorf("%d messages within the wait", n)
	}
	b.Clock.Advance(31 * time.Second)
	b.run(chromedp.Evaluate(`advance(31)`, nil), says(`^Send again$`, ""), chromedp.Click("#resend"), says(`^Send again in (60|5\d) s$`, "true"))
	if n := b.messagesTo(number); n != 2 {
		t.Errorf("%d messages after the wait", n)
	}
	b.Clock.Advance(time.Minute)
	b.run(chromedp.Evaluate(`advance(60)`, nil), says(`^Send again$`, ""), chromedp.Click("#resend"), says(`^Send again in 2 min$`, "true"))
	// A page that is loaded again goes on where it was.
	b.Clock.Advance(80 * time.Second)
	b.run(chromedp.Reload(), says(`^Send again in (40|3\d) s$`, "true"))

	// Whoever has used up the code cannot have another at once either.
	code := b.code(number)
	for range 3 {
		b.run(chromedp.SendKeys("#code", wrongFor(code)+"\r"), chromium.Becomes(`document.querySelector("[role=alert]") !== null && !document.getElementById("code")?.value`))
	}
	b.run(says(`^Send a new code in (40|3\d) s$`, "true"))
}
