package browser

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// arrivals notes when the page shows a message.
const arrivals = `(() => {
	window.arrived = {};
	new MutationObserver((changes) => {
		for (const c of changes) for (const e of c.addedNodes) if (e.tagName === "ARTICLE") window.arrived[e.id] = Date.now();
	}).observe(document.getElementById("messages"), {childList: true});
})()`

// start asks for a code, or by e-mail for what is sent.
func (s *site) start(to, send string) {
	s.t.Helper()
	body := map[string]string{"client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret, "connection": "sms", "phone_number": to}
	if send != "" {
		body = map[string]string{"client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret, "connection": "email", "email": to, "send": send}
	}
	s.call(http.MethodPost, "/passwordless/start", body)
}

// message waits for the newest message to somebody.
func (s *site) message(to string) outbox.Message {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	list := s.Outbox.Wait(ctx, outbox.Filter{To: to})
	if len(list) == 0 {
		s.t.Fatalf("no message to %s", to)
	}
	return list[0]
}

// state waits for what the page says about how it learns of messages.
func (s *site) state(text string) {
	s.t.Helper()
	s.run(chromedp.WaitVisible(fmt.Sprintf(`//span[@id="state" and .=%q]`, text), chromedp.BySearch))
}

// X3: while the page is open, text messages and e-mails are on it half a second
// after they are in the outbox.
func TestX3Live(t *testing.T) {
	s := newSite(t, false)
	s.run(chromium.Open(s.URL+"/outbox"), chromedp.WaitVisible("#empty", chromedp.ByQuery))
	s.state("Live")
	s.run(chromedp.Evaluate(arrivals, nil))
	for _, of := range []struct{ channel, person, send string }{{"SMS", "+4477009001%02d", ""}, {"Email", "person%d@mail.example", "code"}} {
		var took []time.Duration
		to := ""
		for i := range 7 {
			to = fmt.Sprintf(of.person, i)
			s.start(to, of.send)
			m := s.message(to)
			var at int64
			s.run(chromedp.WaitVisible("#"+m.ID+" .big", chromedp.ByQuery), chromedp.Evaluate(`window.arrived["`+m.ID+`"]`, &at))
			took = append(took, time.UnixMilli(at).Sub(m.CreatedAt.Truncate(time.Millisecond)))
		}
		// The one in the middle: others use the machine too.
		slices.Sort(took)
		t.Logf("measured: %s on the page after %v, at most %v", of.channel, took[len(took)/2], took[len(took)-1])
		if limit := 500 * time.Millisecond; took[len(took)/2] > limit {
			t.Errorf("%s takes %v, want %v", of.channel, took[len(took)/2], limit)
		}
		if got, want := s.text("#said"), of.channel+" to "+to+" "; !strings.HasPrefix(got, want) {
			t.Errorf("to who does not see it is said %q, want %q", got, want)
		}
	}
	for _, f := range s.faults() {
		t.Error(f)
	}
}

// The next message meets what was chosen, the page says so until then, and the
// message log what became of it.
func TestOutboxFault(t *testing.T) {
	s := newSite(t, false)
	s.run(chromium.Open(s.URL+"/outbox"), chromedp.WaitVisible("#empty", chromedp.ByQuery))
	s.state("Live")
	s.run(chromedp.SetValue("#fault", "refused", chromedp.ByQuery), chromedp.Click("#next-form button", chromedp.ByQuery), chromedp.WaitVisible("#next", chromedp.ByQuery))
	if got := s.text("#next"); !strings.Contains(got, "is refused, with Twilio’s code 21608") || s.text("#said") != got {
		t.Errorf("the page says %q, and to who does not see it %q", got, s.text("#said"))
	}
	s.start(person, "")
	s.run(chromedp.WaitNotPresent("#next", chromedp.ByQuery))
	var chosen string
	s.run(chromedp.Value("#fault", &chosen, chromedp.ByQuery))
	found, err := s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
	for range 100 {
		if err != nil || len(found.Items) == 1 && found.Items[0].State == tenant.MessageFailed {
			break
		}
		time.Sleep(20 * time.Millisecond)
		found, err = s.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
	}
	if err != nil || chosen != "" || found.Items[0].State != tenant.MessageFailed || found.Items[0].ErrorCode != "21608" {
		t.Errorf("%v, chosen is %q, the message is %+v", err, chosen, found.Items)
	}
	s.start("+447700900124", "")
	s.message("+447700900124")
	for _, f := range s.faults() {
		t.Error(f)
	}
}

// text is that of an element.
func (s *site) text(selector string) string {
	s.t.Helper()
	var text string
	s.run(chromedp.Evaluate(fmt.Sprintf(`document.querySelector(%q).textContent`, selector), &text))
	return text
}

// X3: Copy copies, and says so.
func TestX3Copy(t *testing.T) {
	s := newSite(t, false)
	s.start(person, "")
	m := s.message(person)
	own := cdp.WithExecutor(s.tab, chromedp.FromContext(s.tab).Browser)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		if err := browser.SetPermission(&browser.PermissionDescriptor{Name: name}, browser.PermissionSettingGranted).Do(own); err != nil {
			t.Fatal(err)
		}
	}
	s.run(emulation.SetFocusEmulationEnabled(true), chromium.Open(s.URL+"/outbox"))
	button := "#" + m.ID + " [data-copy]"
	mouse{s}.press(button)
	s.run(chromedp.WaitVisible(`//button[.="Copied"]`, chromedp.BySearch))
	if got := s.text("#said"); got != "Copied" {
		t.Errorf("it is said: %q", got)
	}
	var got string
	s.run(chromedp.Evaluate(`navigator.clipboard.readText()`, &got, chromium.Awaited))
	if got != m.Code || m.Code == "" {
		t.Errorf("%q was copied, want %q", got, m.Code)
	}
	s.run(chromedp.WaitVisible(`//button[.="Copy code"]`, chromedp.BySearch))
	// Where copying is not allowed, the code is selected instead.
	s.run(chromedp.Evaluate(`navigator.clipboard.writeText = () => Promise.reject(new Error("no"))`, nil))
	mouse{s}.press(button)
	s.run(chromedp.WaitVisible(`//button[.="Select it and copy"]`, chromedp.BySearch), chromedp.Evaluate(`getSelection().toString().trim()`, &got))
	if got != m.Code {
		t.Errorf("%q is selected, want %q", got, m.Code)
	}
}

// opened presses a link that opens a tab and goes on in that.
func (s *site) opened(selector, address string) *site {
	s.t.Helper()
	id := chromedp.WaitNewTarget(s.tab, func(i *target.Info) bool { return strings.HasPrefix(i.URL, address) })
	mouse{s}.press(selector)
	select {
	case id := <-id:
		return s.attach(id)
	case <-time.After(10 * time.Second):
		s.t.Fatalf("%s opens no tab at %s", selector, address)
	}
	return nil
}

// attach goes on in another tab or frame.
func (s *site) attach(id target.ID) *site {
	s.t.Helper()
	tab, done := chromedp.NewContext(s.tab, chromedp.WithTargetID(id))
	s.t.Cleanup(done)
	// It lasts as long as the context it is first used with.
	if err := chromedp.Run(tab); err != nil {
		s.t.Fatal(err)
	}
	return &site{Server: s.Server, t: s.t, tab: tab}
}

// X3: an e-mailed link opens, and the e-mail opens as its reader sees it: with
// its own style and no scripts.
func TestX3LinkOpens(t *testing.T) {
	s := newSite(t, false)
	s.start(reader, "link")
	m := s.message(reader)
	s.run(chromium.Open(s.URL + "/outbox"))
	link := s.opened(fmt.Sprintf("#%s a[href=%q]", m.ID, m.Link), s.URL)
	link.run(chromedp.WaitVisible("main form button", chromedp.ByQuery))
	if got := link.text("h1"); got != "Sign in to My app?" {
		t.Errorf("the link opens a page about %q", got)
	}
	own := "/outbox/html/" + m.ID
	mail := s.opened(fmt.Sprintf("#%s a[href=%q]", m.ID, own), s.URL+own)
	s.run(page.BringToFront()) // frames of tabs that nobody sees wait
	mouse{s}.press("#" + m.ID + " summary")
	for name, mail := range map[string]*site{"in a tab": mail, "in the page": s.frame(s.URL + own)} {
		var colour string
		mail.run(chromedp.WaitVisible(fmt.Sprintf("a[href=%q]", m.Link), chromedp.ByQuery),
			chromedp.Evaluate(`getComputedStyle(document.body).backgroundColor`, &colour))
		if colour == "rgba(0, 0, 0, 0)" {
			t.Errorf("the e-mail has lost its style %s", name)
		}
	}
	for _, f := range s.faults() {
		t.Error(f)
	}
}

// frame waits for what the page frames at an address, which browsers keep in a
// process of its own.
func (s *site) frame(address string) *site {
	s.t.Helper()
	for range 500 {
		all, err := chromedp.Targets(s.tab)
		if err != nil {
			s.t.Fatal(err)
		}
		if i := slices.IndexFunc(all, func(i *target.Info) bool { return i.Type == "iframe" && i.URL == address }); i >= 0 {
			return s.attach(all[i].TargetID)
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.t.Fatalf("nothing is framed at %s", address)
	return nil
}

// X3: a stream that breaks is said, messages come all the same, and it is said
// when it is there again: with the server ended and started, and where only
// streams do not get through.
func TestX3StreamBreaks(t *testing.T) {
	t.Run("the server is gone and comes back", func(t *testing.T) {
		run := binary.New(t)
		server := run.Start()
		s := &site{t: t, tab: chromium.New(t)}
		s.run(chromium.Open(server.OutboxURL), chromedp.WaitVisible("#empty", chromedp.ByQuery))
		s.state("Live")
		server.Kill()
		s.state("Not connected")
		s.run(chromedp.WaitVisible(`//*[@id="notice"]/p[contains(., "reconnects")]`, chromedp.BySearch))
		if checker := axe(t); checker != "" {
			s.inspect("the notice", checker)
		}
		server.Restart()
		s.run(chromedp.WaitVisible(`//*[@id="notice"]/p[.="Connected again."]`, chromedp.BySearch))
		s.state("Live")
		run.Note(person)
		if a := server.App().Start(t.Context(), binary.Start{To: person}); !a.OK() {
			t.Fatal(a)
		}
		m := server.Messages(t.Context(), person)
		s.run(chromedp.WaitVisible("#"+m[0].ID, chromedp.ByQuery), chromedp.WaitNotPresent("#notice p", chromedp.ByQuery))
		server.Stop()
	})
	t.Run("streams do not get through", func(t *testing.T) {
		s := newSite(t, false)
		to, err := url.Parse(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		var broken atomic.Bool
		pass := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
		between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if broken.Load() && r.URL.Path == "/outbox/events" {
				http.Error(w, "no streams", http.StatusServiceUnavailable)
				return
			}
			pass.ServeHTTP(w, r)
		}))
		t.Cleanup(func() {
			// The page would hold its stream, and come back with another.
			_ = between.Listener.Close()
			between.CloseClientConnections()
			between.Close()
		})
		s.run(chromium.Open(between.URL + "/outbox"))
		s.state("Live")
		broken.Store(true)
		between.CloseClientConnections()
		s.state("Not live")
		s.run(chromedp.WaitVisible(`//*[@id="notice"]/p[contains(., "every two seconds")]`, chromedp.BySearch))
		s.start(person, "")
		s.run(chromedp.WaitVisible("#"+s.message(person).ID, chromedp.ByQuery))
		s.state("Not live")
		broken.Store(false)
		s.state("Live")
		s.start(reader, "code")
		s.run(chromedp.WaitVisible("#"+s.message(reader).ID, chromedp.ByQuery))
	})
}

// The filter is in the address and holds for what comes; Clear all forgets
// everything, and the page is as usable empty as it is full.
func TestOutboxFilter(t *testing.T) {
	checker := axe(t)
	s := newSite(t, false)
	s.start(person, "")
	s.start(reader, "code")
	sms, mail := s.message(person).ID, s.message(reader).ID
	s.run(chromium.Open(s.URL+"/outbox"), chromedp.WaitVisible("#"+mail, chromedp.ByQuery))
	s.state("Live")
	mouse{s}.fill("#to", "+44 7700 9001") // as it comes, and as it is written
	s.run(chromedp.WaitNotPresent("#"+mail, chromedp.ByQuery), chromedp.WaitVisible("#"+sms, chromedp.ByQuery))
	s.start("grace@mail.example", "code")
	s.start("+447700900124", "")
	other := s.message("+447700900124").ID
	s.run(chromedp.WaitVisible("#"+other, chromedp.ByQuery), chromedp.WaitNotPresent("#"+s.message("grace@mail.example").ID, chromedp.ByQuery))
	s.inspect("filtered", checker)
	var at string
	s.run(chromedp.Location(&at), chromium.Open("about:blank"))
	s.run(chromium.Open(at), chromedp.WaitVisible("#"+other, chromedp.ByQuery))
	s.run(chromedp.WaitNotPresent("#"+mail, chromedp.ByQuery), chromedp.SetValue("#channel", "email", chromedp.ByQuery))
	s.run(chromedp.Evaluate(`document.getElementById("channel").dispatchEvent(new Event("input", {bubbles: true}))`, nil))
	s.run(chromedp.WaitVisible(`//h2[.="No such message"]`, chromedp.BySearch))
	s.inspect("nothing found", checker)
	mouse{s}.press("#empty a")
	s.run(chromedp.WaitVisible("#"+mail, chromedp.ByQuery))
	mouse{s}.press("#clear button")
	s.run(chromedp.WaitVisible(`//h2[.="Waiting for messages"]`, chromedp.BySearch))
	if left := s.Outbox.Messages(outbox.Filter{}); len(left) > 0 {
		t.Errorf("%d messages are left", len(left))
	}
	for _, l := range append(looks(0), looks(1)...) {
		for _, direction := range []string{"ltr", "rtl"} {
			s.run(l.apply(), chromium.Open(s.URL+"/outbox"), chromedp.WaitVisible("#empty", chromedp.ByQuery), chromedp.Evaluate(fmt.Sprintf(`document.documentElement.dir = %q`, direction), nil))
			s.inspect("empty, "+direction+", at "+l.String(), checker)
		}
	}
}
