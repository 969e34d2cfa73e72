package hosted_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const foreign = "https://evil.example"

// SES-11: a page of another origin learns nothing of a silent sign-in that it
// has a browser ask for, not even whether anybody is signed in.
func TestSES11SilentAnswers(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	silent := func(pairs ...string) string {
		return "/authorize?" + w.query(append([]string{"prompt", "none", "response_mode", "web_message"}, pairs...)...)
	}
	headers := func(h http.Header) string {
		h = h.Clone()
		for _, name := range []string{"Set-Cookie", "X-Request-Id", "Date", "Content-Length"} { // pages of others see none of them
			h.Del(name)
		}
		return fmt.Sprint(h)
	}
	t.Run("an answer may be framed by the application alone", func(t *testing.T) {
		for name, b := range map[string]*textbrowser.Browser{"signed in": w.browser, "not signed in": w.newBrowser()} {
			p := w.get(b, silent())
			if csp := p.Header.Get("Content-Security-Policy"); !strings.HasSuffix(csp, "frame-ancestors http://localhost:3000") {
				t.Errorf("%s: %s", name, csp)
			}
			if !strings.Contains(p.Body, `"target":"http://localhost:3000"`) {
				t.Errorf("%s: %s", name, p.Body)
			}
		}
	})
	t.Run("nobody but the application chooses where it goes", func(t *testing.T) {
		for _, name := range []string{"web_message_target", "web_message_uri", "target", "origin", "relay"} {
			p := w.get(w.browser, silent(name, foreign))
			if strings.Contains(p.Body+fmt.Sprint(p.Header), "evil") {
				t.Errorf("%s: %s", name, p.Body)
			}
		}
	})
	t.Run("an address of another origin gets no answer", func(t *testing.T) {
		for _, to := range []string{foreign, foreign + "/callback", "http://localhost:3000.evil.example/callback", "http://localhost:3001/callback"} {
			p := w.get(w.browser, silent("redirect_uri", to))
			if p.Left != nil || p.Status/100 != 4 || strings.Contains(p.Body, `id="message"`) ||
				!strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
				t.Errorf("%s: %d %v %s", to, p.Status, p.Left, p.Header)
			}
		}
	})
	t.Run("what may not be framed at all is not, in every other mode", func(t *testing.T) {
		p := w.get(w.browser, "/authorize?"+w.query("prompt", "none", "response_mode", "form_post"))
		if !strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") {
			t.Errorf("%v", p.Header)
		}
	})
	session := w.session()
	ask := func(cookies string) (int, http.Header) {
		status, h, _ := w.Do(t, http.MethodGet, silent(), "", "Cookie", cookies, "Origin", foreign, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Dest", "iframe")
		return status, h
	}
	t.Run("a script that fetches it reads nothing", func(t *testing.T) {
		_, h := ask(session)
		for _, name := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Timing-Allow-Origin"} {
			if h.Get(name) != "" {
				t.Errorf("%s: %s", name, h.Get(name))
			}
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%v", h)
		}
	})
	t.Run("signed in or not, status and headers are the same", func(t *testing.T) {
		in, inHeaders := ask(session)
		out, outHeaders := ask("")
		if in != out || headers(inHeaders) != headers(outHeaders) {
			t.Errorf("signed in %d %s\nelse %d %s", in, headers(inHeaders), out, headers(outHeaders))
		}
	})
}

// session is the cookie of the session that the browser has.
func (w *world) session() string {
	w.t.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	var pairs []string
	for _, c := range w.browser.Cookies(u) {
		pairs = append(pairs, c.Name+"="+c.Value)
	}
	if len(pairs) == 0 {
		w.t.Fatal("there is no cookie")
	}
	return strings.Join(pairs, "; ")
}

// SES-11 in a real browser, to which a page at another port is of the same site:
// it sends the session's cookie with a frame of that page too.
func TestSES11Chromium(t *testing.T) {
	ctx := chromium.New(t)
	w, app, other := newWorld(t), newApplication(t), newApplication(t)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, fmt.Sprintf(`{"callbacks":[%q]}`, app.URL+"/callback"))
	address := func(pairs ...string) string {
		return w.URL + "/authorize?" + w.query(append([]string{"redirect_uri", app.URL + "/callback"}, pairs...)...)
	}
	if err := chromedp.Run(ctx, chromium.Open(address()), chromedp.SendKeys("#username", person), chromedp.Click("#continue"), chromedp.WaitVisible("#code")); err != nil {
		t.Fatal(err)
	}
	if err := chromedp.Run(ctx, chromedp.SendKeys("#code", w.code(person)+"\r"), chromedp.WaitVisible("#app")); err != nil {
		t.Fatal(err)
	}
	silent := address("prompt", "none", "response_mode", "web_message")
	told := func(origin, how string) []string {
		t.Helper()
		var heard []string
		ask := fmt.Sprintf(`new Promise((resolve) => {
			const heard = [];
			window.addEventListener("message", (e) => { heard.push(JSON.stringify(e.data)); resolve(heard); });
			setTimeout(() => resolve(heard), %d);
			if (%q === "popup") { if (!window.open(%q)) resolve(["no popup was opened"]); return; }
			const frame = document.createElement("iframe");
			frame.src = %q;
			document.body.append(frame);
		})`, (1500 * time.Millisecond).Milliseconds(), how, silent, silent)
		if err := chromedp.Run(ctx, chromium.Open(origin+"/"), chromedp.Evaluate(ask, &heard, chromedp.EvalAsValue, chromium.Awaited,
			func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithUserGesture(true) })); err != nil {
			t.Fatal(err)
		}
		return heard
	}
	for _, how := range []string{"frame", "popup"} {
		if heard := told(other.URL, how); len(heard) != 0 {
			t.Errorf("a foreign page hears from its %s: %v", how, heard)
		}
	}
	if heard := told(app.URL, "frame"); len(heard) != 1 || !strings.Contains(heard[0], `"code"`) {
		t.Errorf("the application hears %v", heard)
	}
}
