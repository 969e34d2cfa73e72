package browser

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// callback is where the ready-made application of dev takes people back, to a
// program that its developer has not written yet.
const callback = "http://localhost:3000/callback"

// X1: from doorcode dev in an empty folder to somebody who is signed in takes a
// minute at most, with a browser and nothing else: no step, no setting and no
// account anywhere.
func TestX1FirstMinute(t *testing.T) {
	binary.Path(t) // building it is not part of the minute, nor is the browser
	login := &site{t: t, tab: chromium.New(t)}
	back := login.answer(callback)
	run := binary.New(t)
	run.Note(person)

	began := time.Now()
	server := run.Start() // in a new folder, without a setting in the environment
	ready := time.Since(began)
	q := url.Values{
		"client_id": {server.ClientID}, "redirect_uri": {callback}, "response_type": {"code"}, "scope": {"openid profile phone"}, "state": {"xyz"},
	}
	login.run(chromium.Open(server.URL + "/authorize?" + q.Encode()))
	mouse{login}.fill("#username", person)
	mouse{login}.press("#continue")
	login.run(chromedp.WaitVisible("#code", chromedp.ByQuery))

	box := login.beside(server.OutboxURL)
	box.run(chromedp.WaitVisible("article .big", chromedp.ByQuery))
	code := strings.TrimSpace(box.text("article .big"))
	run.Note(code)

	login.run(page.BringToFront())
	mouse{login}.fill("#code", code)
	mouse{login}.press("#continue")
	var got url.Values
	select {
	case got = <-back:
	case <-time.After(10 * time.Second):
		t.Fatalf("nobody came back: %s", login.text("body"))
	}
	if got.Get("code") == "" || got.Get("state") != "xyz" {
		t.Fatalf("the application got %v", got)
	}
	a := server.App().Redeem(t.Context(), binary.AuthorizationCode{Code: got.Get("code"), RedirectURI: callback})
	took := time.Since(began)
	if !a.OK() || a.IDToken == "" || a.AccessToken == "" {
		t.Fatalf("the code gives %v", a)
	}
	t.Logf("measured: ready after %v, first login after %v", ready, took)
	if limit := time.Minute; took > limit {
		t.Errorf("the first login took %v, want %v", took, limit)
	}
	server.Stop()
}

// answer stands in for a program at an address, and hands on what comes there.
func (s *site) answer(address string) <-chan url.Values {
	s.t.Helper()
	back := make(chan url.Values, 1)
	chromedp.ListenTarget(s.tab, func(e any) {
		asked, ok := e.(*fetch.EventRequestPaused)
		if !ok {
			return
		}
		at, err := url.Parse(asked.Request.URL)
		if err == nil {
			select {
			case back <- at.Query():
			default:
			}
		}
		go func() { _ = chromedp.Run(s.tab, fetch.FulfillRequest(asked.RequestID, 200)) }()
	})
	s.run(fetch.Enable().WithPatterns([]*fetch.RequestPattern{{URLPattern: address + "*"}}))
	return back
}

// beside opens an address in another tab of the same browser.
func (s *site) beside(address string) *site {
	s.t.Helper()
	tab, done := chromedp.NewContext(s.tab)
	s.t.Cleanup(done)
	if err := chromedp.Run(tab, chromium.Open(address)); err != nil {
		s.t.Fatal(err)
	}
	return &site{t: s.t, tab: tab}
}
