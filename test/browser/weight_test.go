package browser

import (
	"bytes"
	"compress/gzip"
	"context"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// What a page may weigh in gzip with all that it loads.
const (
	heaviest      = 60 << 10
	heaviestLogin = 15 << 10 // of a page that people sign in on
)

// A load is what a page asked for.
type load struct {
	mu   sync.Mutex
	list []*network.EventRequestWillBeSent
}

func (l *load) take() []*network.EventRequestWillBeSent {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.list
	l.list = nil
	return list
}

// D26, L35: no page of the Dashboard weighs more than 60 KB with what it loads, and
// none that people sign in on more than 15 KB; none loads anything from elsewhere.
func TestD26Weight(t *testing.T) {
	s := newSite(t, true)
	loaded := &load{}
	chromedp.ListenTarget(s.tab, func(e any) {
		if e, ok := e.(*network.EventRequestWillBeSent); ok {
			loaded.mu.Lock()
			loaded.list = append(loaded.list, e)
			loaded.mu.Unlock()
		}
	})
	s.run(network.Enable(), network.SetCacheDisabled(true))
	for _, p := range append(s.pages(), s.authorize("connection", "sms"), s.URL+"/dashboard/login") {
		loaded.take()
		s.run(chromium.Open(p), chromedp.WaitReady("main", chromedp.ByQuery))
		weight, seen := 0, 0
		for _, e := range loaded.take() {
			u, err := url.Parse(e.Request.URL)
			if err != nil || u.Scheme == "data" || e.Type == network.ResourceTypeEventSource {
				continue
			}
			if !strings.HasPrefix(e.Request.URL, s.URL+"/") {
				t.Errorf("%s loads %s", p, e.Request.URL)
				continue
			}
			weight += s.weigh(e.RequestID)
			seen++
		}
		most := heaviest
		if strings.HasPrefix(p, s.URL+"/authorize") {
			most = heaviestLogin
		}
		if seen < 2 || weight == 0 || weight > most {
			t.Errorf("%s: %d requests weigh %d bytes, of at most %d", p, seen, weight, most)
		}
	}
}

// weigh is the size of an answer in gzip; that of one without a body is 0.
func (s *site) weigh(id network.RequestID) int {
	var body []byte
	err := chromedp.Run(s.tab, chromedp.ActionFunc(func(ctx context.Context) (err error) {
		body, err = network.GetResponseBody(id).Do(ctx)
		return err
	}))
	if err != nil {
		return 0 // a redirect
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Len()
}
