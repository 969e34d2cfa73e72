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

// heaviest is how much a page may weigh in gzip with all that it loads.
const heaviest = 60 << 10

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

// D26: no page weighs more than 60 KB with what it loads, and none loads
// anything from elsewhere.
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
		if seen < 2 || weight == 0 || weight > heaviest {
			t.Errorf("%s: %d requests weigh %d bytes, of at most %d", p, seen, weight, heaviest)
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
