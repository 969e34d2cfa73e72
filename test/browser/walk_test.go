package browser

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
	"github.com/doorcode/doorcode/internal/testkit/smtptest"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// A walk goes from an empty database to a person who is signed in.
type walk struct {
	*site
	hand
	serve   bool
	method  string // sms or email
	service bool   // SMS by a Messaging Service, not from a number
	twilio  *twiliotest.Server
	smtp    *smtptest.Server
	back    chan url.Values // what the application was called back with
	app     string          // its address
	client  string
}

// The founding walk by mouse, and for e-mail on a phone: an administrator lets
// themselves in, creates an application, switches a method on, sets it up, tries
// it, and then somebody signs in to the application.
func TestFoundingWalk(t *testing.T) { walks(t, false) }

// D19: the same by keyboard alone.
func TestD19FoundingWalkByKeyboard(t *testing.T) { walks(t, true) }

func walks(t *testing.T, keys bool) {
	browser := chromium.New(t)
	for _, way := range []struct {
		name    string
		method  string
		service bool
		keys    bool
		width   int64
	}{
		{"SMS from a number, by mouse", "sms", false, false, 1280},
		{"SMS by a Messaging Service, by keyboard", "sms", true, true, 1280},
		{"SMS from a number, by keyboard", "sms", false, true, 1280},
		{"SMS by a Messaging Service, by mouse", "sms", true, false, 1280},
		{"e-mail, by mouse on a phone", "email", false, false, 390},
		{"e-mail, by keyboard", "email", false, true, 1280},
		{"e-mail, by mouse", "email", false, false, 1280},
	} {
		if way.keys != keys {
			continue
		}
		for _, serve := range []bool{true, false} {
			name := way.name + ", in dev"
			if serve {
				name = way.name + ", in serve"
			}
			t.Run(name, func(t *testing.T) {
				w := newWalk(t, newTab(t, browser), serve)
				w.method, w.service, w.hand = way.method, way.service, mouse{w.site}
				if way.keys {
					w.hand = keyboard{w.site}
				}
				w.run(emulation.SetDeviceMetricsOverride(way.width, 844, 1, way.width < 500))
				w.enter()
				w.createApplication()
				w.switchOn()
				w.setUp()
				w.try()
				w.signIn()
				for _, f := range w.faults() {
					t.Error(f)
				}
			})
		}
	}
}

func newWalk(t *testing.T, tab context.Context, serve bool) *walk {
	t.Helper()
	w := &walk{serve: serve, back: make(chan url.Values, 1)}
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		rw.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/callback" {
			select {
			case w.back <- r.URL.Query():
			default:
			}
		}
		_, _ = fmt.Fprint(rw, `<!doctype html><html lang="en"><title>App</title><link rel="icon" href="data:,"><p id="app">here</p>`)
	}))
	t.Cleanup(app.Close)
	w.app = strings.Replace(app.URL, "127.0.0.1", "localhost", 1)
	if !serve {
		w.site = newSiteIn(t, tab)
		return w
	}
	w.twilio, w.smtp = twiliotest.Start(t), smtptest.Start(t, smtptest.Options{Mechanisms: []string{"LOGIN"}})
	w.site = newSiteIn(t, tab, w.configure(t))
	return w
}

// mailServer is what an operator has set before anybody opens the Dashboard.
const mailServer = `
emailProvider:
  name: smtp
  enabled: true
  default_from_address: no-reply@example.com
  credentials: {smtp_host: 127.0.0.1, smtp_port: %d, smtp_user: %s, smtp_pass: %q}
`

// configure makes it a server for people, whose providers are stand-ins.
func (w *walk) configure(t *testing.T) func(*config.Config) {
	t.Helper()
	dir, addr := t.TempDir(), freeAddress(t)
	file := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, mailServer, w.smtp.Port, smtptest.User, smtptest.Password), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: addr, PrivateAddr: "127.0.0.1:0", PublicURL: "http://" + strings.Replace(addr, "127.0.0.1", "localhost", 1),
			Database: "sqlite:" + filepath.Join(dir, "serve.db"), File: file, TwilioURL: w.twilio.URL,
			Key: base64.StdEncoding.EncodeToString(secret.Bytes(secret.RootSize)),
		}
	}
}

// freeAddress is one where nothing listens: the public URL has to be known
// before the server starts.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// at waits for a heading.
func (w *walk) at(heading string) {
	w.t.Helper()
	w.run(chromedp.WaitVisible(fmt.Sprintf(`//h1[normalize-space()=%q]`, heading), chromedp.BySearch))
}

// enter lets the administrator in: by the link that serve prints, or as the
// developer.
func (w *walk) enter() {
	w.t.Helper()
	if w.serve {
		link, err := w.SetupURL(w.t.Context())
		if err != nil || link == "" {
			w.t.Fatalf("no link: %v", err)
		}
		w.run(chromium.Open(link))
		w.fill("#email", "owner@mail.example")
		w.press("#go")
	} else {
		w.run(chromium.Open(w.URL + "/dashboard"))
		w.press("#developer")
	}
	w.run(chromedp.WaitVisible("form.me", chromedp.ByQuery))
}

// open goes by the navigation, which is behind a button on a phone.
func (w *walk) open(path string) {
	w.t.Helper()
	var folded bool
	w.run(chromedp.Evaluate(`getComputedStyle(document.querySelector("details.menu")).display !== "none"`, &folded))
	inside := "nav.side[aria-label=Main] "
	if folded {
		inside = "details.menu nav "
		w.press("details.menu summary")
	}
	w.press(inside + fmt.Sprintf("a[href=%q]", path))
}

func (w *walk) createApplication() {
	w.t.Helper()
	w.open("/dashboard/applications")
	w.press(`main a[href="/dashboard/applications/new"]`)
	w.fill("#name", "Shop")
	w.check(`input[name=app_type][value=spa]`)
	w.press("main form button.btn-p")
	w.at("Shop")
	var at string
	w.run(chromedp.Location(&at))
	w.client = strings.Split(strings.TrimPrefix(at, w.URL+"/dashboard/applications/"), "/")[0]
	w.press(fmt.Sprintf(`nav.tabs a[href="/dashboard/applications/%s/settings"]`, w.client))
	w.fill("#callbacks", w.app+"/callback")
	w.save()
}

// save saves the form and waits for the page to say so.
func (w *walk) save() {
	w.t.Helper()
	w.press("#save")
	w.run(chromedp.WaitVisible(`//p[@role="status" and .="Saved."]`, chromedp.BySearch))
}

// switchOn lets people sign in to the application by the method. In dev it is
// on already, also for a new application.
func (w *walk) switchOn() {
	w.t.Helper()
	w.open("/dashboard/connections/passwordless")
	if w.serve {
		w.press(fmt.Sprintf(`.method form:has(input[value=%q]) button`, w.method))
		w.check(fmt.Sprintf(`input[name="client.%s"]`, w.client))
		w.press("main form .btn-p")
		w.run(chromedp.WaitVisible("#settings", chromedp.ByQuery))
		return
	}
	id := w.connection(w.method)
	w.press(fmt.Sprintf(`.method a[href^="/dashboard/connections/passwordless/%s"]`, id))
	w.press(fmt.Sprintf(`nav.tabs a[href$="%s/applications"]`, id))
	w.run(chromedp.WaitVisible(`main button.switch[aria-label="Shop"][aria-checked=true]`, chromedp.ByQuery))
	w.press(fmt.Sprintf(`nav.tabs a[href$="%s/settings"]`, id))
}

// setUp says who sends, what the message is and how long a code lives.
func (w *walk) setUp() {
	w.t.Helper()
	if w.method == "sms" {
		w.fill("#twilio_sid", twiliotest.SID)
		w.fill("#twilio_token", twiliotest.Token)
		if w.service {
			w.check("input[name=source][value=service]")
			w.fill("#messaging_service_sid", twiliotest.Service)
		} else {
			w.check("input[name=source][value=from]")
			w.fill("#from", twiliotest.From)
		}
		w.fill("#template", "{{ code }} lets you in to {{ application.name }}")
	} else {
		w.fill("#mail_from", "Shop <shop@example.com>")
		w.fill("#subject", "{{ code }} lets you in to {{ application.name }}")
	}
	w.fill("#time_step", "240")
	w.fill("#length", "7")
	w.save()
}

// to is who is sent a code: who the trial is for, and who signs in.
func (w *walk) to(who int) string {
	if w.method == "sms" {
		return fmt.Sprintf("+44770090012%d", who)
	}
	return fmt.Sprintf("person%d@mail.example", who)
}

// sent waits for the message to somebody and returns its code.
func (w *walk) sent(to string) string {
	w.t.Helper()
	text := ""
	switch {
	case !w.serve:
		return w.code(to)
	case w.method == "sms":
		r, err := w.twilio.Wait(w.t.Context(), to)
		if err != nil {
			w.t.Fatal(err)
		}
		from, service := r.Form.Get("From"), r.Form.Get("MessagingServiceSid")
		if w.service && service != twiliotest.Service || !w.service && from != twiliotest.From {
			w.t.Errorf("sent from %q, by service %q", from, service)
		}
		text = r.Form.Get("Body")
	default:
		m, err := w.smtp.Wait(w.t.Context(), to)
		if err != nil {
			w.t.Fatal(err)
		}
		if m.Header.Get("From") != `"Shop" <shop@example.com>` {
			w.t.Errorf("sent from %s", m.Header.Get("From"))
		}
		text = m.Header.Get("Subject")
	}
	found := regexp.MustCompile(`^([0-9]{7}) lets you in to Shop`).FindStringSubmatch(text)
	if found == nil {
		w.t.Fatalf("the message is %q", text)
	}
	return found[1]
}

// try sends a code from the Dashboard and exchanges it.
func (w *walk) try() {
	w.t.Helper()
	w.press(`nav.tabs a[href$="/try"]`)
	w.fill("#to", w.to(3))
	w.run(chromedp.SetValue("#client", w.client, chromedp.ByQuery))
	w.press("#send")
	w.run(chromedp.WaitVisible("#exchange", chromedp.ByQuery))
	w.fill("#code", w.sent(w.to(3)))
	w.press("#exchange")
	w.run(chromedp.WaitVisible(`//h2[.="Signed in"]`, chromedp.BySearch))
}

// signIn is what the walk is for: somebody signs in to the application.
func (w *walk) signIn() {
	w.t.Helper()
	q := url.Values{
		"client_id": {w.client}, "redirect_uri": {w.app + "/callback"}, "response_type": {"code"}, "connection": {w.method},
		"scope": {"openid"}, "state": {"xyz"}, "code_challenge_method": {"S256"}, "code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"},
	}
	w.run(chromium.Open(w.URL + "/authorize?" + q.Encode()))
	w.fill("#username", w.to(4))
	w.press("#continue")
	w.run(chromedp.WaitVisible("#code", chromedp.ByQuery))
	w.fill("#code", w.sent(w.to(4)))
	w.press("#continue")
	w.run(chromedp.WaitVisible("#app", chromedp.ByQuery))
	if got := <-w.back; !got.Has("code") || got.Get("state") != "xyz" {
		w.t.Errorf("the application got %v", got)
	}
}
