// Package browser tests the pages as people meet them: in a real browser, at the
// sizes and in the colours that they use, with a checker of accessibility, and
// along the ways that administrators and people who sign in take.
package browser

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// axe reads the checker.
func axe(t *testing.T) string {
	t.Helper()
	path := filepath.Join("node_modules", "axe-core", "axe.min.js")
	text, err := os.ReadFile(path)
	if err != nil {
		binary.Missing(t, "the packages of test/browser are not installed (npm ci)")
	}
	return string(text)
}

// A site is a server with a few things in it, and a browser whose developer is
// signed in to its Dashboard.
type site struct {
	*testkit.Server
	t   *testing.T
	tab context.Context

	mu     sync.Mutex
	errors []string // what pages threw, logged as errors or were not allowed
}

const (
	person = "+447700900123"
	reader = "ada@mail.example"
)

// newSite starts one. Where administrators are not to be signed in, signedIn is
// false.
func newSite(t *testing.T, signedIn bool, change ...func(*config.Config)) *site {
	t.Helper()
	s := newSiteIn(t, chromium.New(t), change...)
	if signedIn {
		s.developer()
	}
	return s
}

// newTab opens a tab that shares nothing with the others of its browser.
func newTab(t *testing.T, browser context.Context) context.Context {
	t.Helper()
	// A context has no window at first, and without one no tab can be opened.
	own := cdp.WithExecutor(browser, chromedp.FromContext(browser).Browser)
	space, err := target.CreateBrowserContext().WithDisposeOnDetach(true).Do(own)
	if err != nil {
		t.Fatal(err)
	}
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(space).WithNewWindow(true).Do(own)
	if err != nil {
		t.Fatal(err)
	}
	tab, done := chromedp.NewContext(browser, chromedp.WithTargetID(id))
	t.Cleanup(func() {
		done()
		_ = target.DisposeBrowserContext(space).Do(own)
	})
	if err := chromedp.Run(tab); err != nil {
		t.Fatal(err)
	}
	return tab
}

// developer signs the developer in to the Dashboard.
func (s *site) developer() {
	s.t.Helper()
	s.run(
		chromium.Open(s.URL+"/dashboard"),
		chromedp.Click("#developer", chromedp.ByQuery),
		chromedp.WaitVisible("form.me", chromedp.ByQuery),
	)
}

// newSiteIn starts a server that is looked at in a tab.
func newSiteIn(t *testing.T, tab context.Context, change ...func(*config.Config)) *site {
	t.Helper()
	s := &site{t: t, Server: testkit.Start(t, change...), tab: tab}
	chromedp.ListenTarget(s.tab, func(e any) {
		switch e := e.(type) {
		case *runtime.EventExceptionThrown:
			s.note(fmt.Sprint("thrown: ", e.ExceptionDetails.Text))
		case *cdplog.EventEntryAdded:
			// A form with a mistake in it is answered with 422, which browsers
			// write down as an error too.
			if e.Entry.Level == cdplog.LevelError && e.Entry.Source != cdplog.SourceNetwork {
				s.note(fmt.Sprint("logged: ", e.Entry.Text))
			}
		}
	})
	return s
}

func (s *site) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errors = append(s.errors, what)
}

// faults returns what went wrong in pages since it was last asked.
func (s *site) faults() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.errors
	s.errors = nil
	return list
}

// run fails the test unless all of it can be done.
func (s *site) run(actions ...chromedp.Action) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.tab, 10*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var at, text string
		_ = chromedp.Run(s.tab, chromedp.Location(&at), chromedp.Text("body", &text, chromedp.ByQuery))
		s.t.Fatalf("%v\nat %s:\n%.800s", err, at, text)
	}
}

// code is the newest code for somebody.
func (s *site) code(to string) string {
	s.t.Helper()
	return s.Newest(s.t, to).Code
}

// call sends JSON and returns the answer.
func (s *site) call(method, path string, body any, header ...string) map[string]any {
	s.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		s.t.Fatal(err)
	}
	status, _, text := s.Do(s.t, method, path, string(raw), append(header, "Content-Type", "application/json")...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(text), &answer); err != nil || status >= http.StatusBadRequest {
		s.t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	return answer
}

// manage calls the Management API.
func (s *site) manage(method, path string, body any) map[string]any {
	s.t.Helper()
	token := s.call(http.MethodPost, "/oauth/token", map[string]string{
		"grant_type": "client_credentials", "client_id": s.Ready.ManagementClientID, "client_secret": s.Ready.ManagementClientSecret,
		"audience": s.Ready.Issuer + "api/v2/",
	})
	return s.call(method, path, body, "Authorization", "Bearer "+fmt.Sprint(token["access_token"]))
}

// signIn signs somebody in through the API and returns their id.
func (s *site) signIn(connection, to string) string {
	s.t.Helper()
	start := map[string]string{"client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret, "connection": connection, "phone_number": to}
	if connection == "email" {
		start["email"], start["send"] = to, "code"
		delete(start, "phone_number")
	}
	s.call(http.MethodPost, "/passwordless/start", start)
	tokens := s.call(http.MethodPost, "/oauth/token", map[string]string{
		"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "client_id": s.Ready.ClientID, "client_secret": s.Ready.ClientSecret,
		"realm": connection, "username": to, "otp": s.code(to), "scope": "openid profile email phone offline_access",
	})
	who := s.call(http.MethodGet, "/userinfo", nil, "Authorization", "Bearer "+fmt.Sprint(tokens["access_token"]))
	return fmt.Sprint(who["sub"])
}

// authorize is the address of a sign-in on the login pages.
func (s *site) authorize(pairs ...string) string {
	q := url.Values{
		"client_id": {s.Ready.ClientID}, "redirect_uri": {"http://localhost:3000/callback"}, "response_type": {"code"},
		"scope": {"openid profile"}, "state": {"xyz"},
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return s.URL + "/authorize?" + q.Encode()
}

// connection is the id of the connection of that name.
func (s *site) connection(name string) string {
	s.t.Helper()
	c, err := s.Store.Connection(s.t.Context(), name)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(c.ID)
}

// below is an address of the Dashboard.
func (s *site) below(parts ...string) string {
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return s.URL + "/dashboard/" + strings.Join(parts, "/")
}
