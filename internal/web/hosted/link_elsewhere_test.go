package hosted_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// force sends the form of a link's button, with the cookies of a browser, whether
// the page had such a button or not. The headers are pairs of name and value.
func (w *world) force(b *textbrowser.Browser, path string, header ...string) *http.Response {
	return w.forceAt(strings.TrimPrefix(w.URL, "http://"), b, path, header...)
}

// forceAt is force at another process, which has the address and the same name.
func (w *world) forceAt(address string, b *textbrowser.Browser, path string, header ...string) *http.Response {
	form := url.Values{"token": {strings.TrimPrefix(path, "/u/link?token=")}}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/u/link", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Error(err)
		return &http.Response{}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	if b != nil {
		for _, c := range b.Cookies(req.URL) {
			req.AddCookie(c)
		}
	}
	req.Host, req.URL.Host = req.URL.Host, address
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Error(err)
		return &http.Response{}
	}
	res.Body.Close()
	return res
}

func isSession(c *http.Cookie) bool { return c.Name == "dc_session" && c.Value != "" }

// A stranger is whoever else opens a link of a sign-in that was begun elsewhere.
type stranger struct {
	name    string
	header  []string
	prepare func(w *world, b *textbrowser.Browser)
}

const ml03 = "ml03@mail.example"

func strangers() []stranger {
	list := []stranger{
		{name: "a browser with nothing"},
		{name: "a browser that somebody else is signed in to", prepare: func(w *world, b *textbrowser.Browser) {
			w.signIn(b, w.query("connection", "sms"), person)
		}},
		{name: "a browser that is signing somebody else in", prepare: func(w *world, b *textbrowser.Browser) {
			w.mailedTo(b, "ml03-other@mail.example", w.query("connection", "email"))
		}},
		{name: "a browser that is signing in the same address", prepare: func(w *world, b *textbrowser.Browser) {
			w.mailedTo(b, ml03, w.query("connection", "email"))
		}},
		{name: "a browser with cookies by the right names", prepare: func(w *world, b *textbrowser.Browser) {
			at, err := url.Parse(w.URL)
			if err != nil {
				w.t.Fatal(err)
			}
			var forged []*http.Cookie
			for _, c := range w.browser.Cookies(at) {
				forged = append(forged, &http.Cookie{Name: c.Name, Value: strings.Repeat("A", len(c.Value)), Path: "/"})
			}
			if len(forged) == 0 {
				w.t.Error("the browser of the sign-in has no cookie")
			}
			b.SetCookies(at, forged)
		}},
	}
	for name, header := range map[string][]string{
		"Safe Links": {"User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) SafeLinks"}, "Outlook": {"User-Agent", "Microsoft Office/16.0 (Microsoft Outlook 16.0)"},
		"Slack": {"User-Agent", "Slackbot-LinkExpanding 1.0"}, "WhatsApp": {"User-Agent", "WhatsApp/2.23"}, "Googlebot": {"User-Agent", "Googlebot/2.1"},
		"Barracuda": {"User-Agent", "BarracudaCentral"}, "Proofpoint": {"User-Agent", "Proofpoint URL Defense"}, "Mimecast": {"User-Agent", "Mimecast URL Protect"}, "curl": {"User-Agent", "curl/8"},
		"no name": {"User-Agent", ""}, "a prefetch": {"Sec-Purpose", "prefetch"}, "a rendering ahead of time": {"Sec-Purpose", "prefetch;prerender"},
		"another site": {"Sec-Fetch-Site", "cross-site"}, "the person's address": {"X-Forwarded-For", "127.0.0.1"}, "a program that wants JSON": {"Accept", "application/json"},
	} {
		list = append(list, stranger{name: name, header: header})
	}
	return list
}

// ML-03, L28: elsewhere a link of a hosted sign-in signs nobody in. It shows the
// code, which works in the browser that began it.
func TestML03AnotherBrowserIsShownTheCode(t *testing.T) {
	w := linkHost(t)
	here, m := w.mailedTo(w.browser, ml03, w.query("connection", "email"))
	path := w.path(m)
	all := strangers()
	for _, s := range all {
		other := w.newBrowser()
		if s.prepare != nil {
			s.prepare(w, other)
		}
		status, header, body := w.Do(t, http.MethodGet, path, "", s.header...)
		if status != http.StatusOK || len(header.Values("Set-Cookie")) > 0 || !strings.Contains(body, m.Code) || strings.Contains(body, `name="token"`) {
			t.Errorf("%s: %d, cookies %v\n%s", s.name, status, header.Values("Set-Cookie"), body)
		}
		p := w.get(other, path)
		if p.Form("token") != nil || p.Left != nil || !strings.Contains(p.Text(), m.Code) || !strings.Contains(p.Text(), "Never read this code") {
			t.Errorf("%s: %d\n%s", s.name, p.Status, p.Text())
		}
		if forced := w.force(other, path, s.header...); slices.ContainsFunc(forced.Cookies(), isSession) || forced.Header.Get("Location") != "" {
			t.Errorf("%s was signed in: %d %v", s.name, forced.StatusCode, forced.Cookies())
		}
	}
	if len(all) < 20 {
		t.Errorf("%d variants", len(all))
	}
	t.Run("a browser that runs scripts", func(t *testing.T) { w.scripted(t, path, m.Code) })
	if got := w.left(w.submit(w.browser, here.Form("code").Set("code", m.Code).Press("default"))); got.Get("code") == "" || got.Get("state") != "af0ifjsldkj" {
		t.Errorf("the code does not work where it was asked for: %v", got)
	}
	if p := w.get(w.newBrowser(), path); p.Status != http.StatusGone || strings.Contains(p.Text(), m.Code) {
		t.Errorf("a used link: %d %s", p.Status, p.Text())
	}
}

// scripted opens a link in a real browser, which waits, presses everything on the
// page and sends the form that the page does not have.
func (w *world) scripted(t *testing.T, path, code string) {
	ctx := chromium.New(t)
	send := fmt.Sprintf(`{
		const form = document.createElement("form");
		form.method = "post";
		form.action = "/u/link";
		form.innerHTML = '<input name="token">';
		form.elements.token.value = %q;
		document.body.append(form);
		form.submit();
	}`, strings.TrimPrefix(path, "/u/link?token="))
	var shown string
	var cookies []*network.Cookie
	if err := chromedp.Run(ctx,
		chromium.Open(w.URL+path),
		chromedp.Evaluate(`document.querySelectorAll("button, input, a").forEach((e) => e.click())`, nil),
		chromedp.Sleep(time.Second),
		chromium.Script(send),
		chromium.Becomes(`location.search === "" && document.readyState === "complete"`),
		chromedp.Evaluate(`document.body.innerText`, &shown),
		chromedp.ActionFunc(func(ctx context.Context) (err error) {
			cookies, err = network.GetCookies().WithURLs([]string{w.URL}).Do(ctx)
			return err
		}),
	); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(shown, code) {
		t.Errorf("the answer to the form shows %q", shown)
	}
	if slices.ContainsFunc(cookies, func(c *network.Cookie) bool { return c.Name == "dc_session" }) {
		t.Error("a browser that runs scripts was signed in")
	}
}

// ML-04, RAC-03: of a hundred who tap on one link at once, one is signed in: with
// the link of the API and with that of a page, on both databases, and with two
// processes on PostgreSQL.
func TestML04LinksAreUsedOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		key := t.TempDir() + "/key"
		share := func(c *config.Config) { c.Database, c.KeyFile, c.Ephemeral = address, key, false }
		w := linkHost(t, share)
		nodes := []string{w.Addr()}
		if !strings.HasPrefix(address, "sqlite:") {
			two := testkit.Start(t, share, func(c *config.Config) { c.PublicURL = w.URL })
			nodes = append(nodes, two.Addr())
		}
		for i := range 3 {
			w.race(nodes, w.link(fmt.Sprintf("ml04-%d@mail.example", i), map[string]any{"response_type": "code", "redirect_uri": callback}), nil)
			b := w.newBrowser()
			_, m := w.mailedTo(b, fmt.Sprintf("ml04-page-%d@mail.example", i), w.query("connection", "email"))
			w.race(nodes, w.path(m), b)
		}
		if n := storetest.Value(t, storetest.SQL(t, address), `SELECT COUNT(*) FROM sessions`); n != "6" {
			t.Errorf("%s sessions for six links", n)
		}
	})
}

// race taps a hundred times at once on a link, in the browser or in a hundred, at
// each of the processes in turn.
func (w *world) race(nodes []string, path string, b *textbrowser.Browser) {
	w.t.Helper()
	const taps = 100
	var in, sessions atomic.Int64
	var wg sync.WaitGroup
	for i := range taps {
		wg.Go(func() {
			res := w.forceAt(nodes[i%len(nodes)], b, path)
			if to, err := res.Location(); err == nil && to.Query().Get("code") != "" {
				in.Add(1)
			}
			if slices.ContainsFunc(res.Cookies(), isSession) {
				sessions.Add(1)
			}
			if res.StatusCode >= http.StatusInternalServerError || res.StatusCode == http.StatusMisdirectedRequest {
				w.t.Errorf("status %d", res.StatusCode)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 || sessions.Load() != 1 {
		w.t.Errorf("%d of %d were signed in, %d sessions, want one", in.Load(), taps, sessions.Load())
	}
}
