package load

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// codeCallback is where codes for the application of the code grant go.
const codeCallback = "https://app.load.example/callback"

// maxSessions is how many people are signed in at most, while codes are asked
// for on their behalf.
const maxSessions = 200

// A codeRun is what people cost who come by /authorize, with a session that is
// enough for it: first the codes, then their exchange.
type codeRun struct {
	authorize, exchange result
	refresh             []string
}

// each is what both cost together, for one sign-in.
func (c codeRun) each() float64 { return c.authorize.each() + c.exchange.each() }

// sessions signs people in on the login pages and returns the header in which
// each one's browser sends its cookies. It is not measured.
func (b *bench) sessions(n int) []string {
	b.t.Helper()
	inbox := b.run.Inbox()
	stop := inbox.Live(b.server)
	defer stop()
	headers := make([]string, min(n, maxSessions))
	for i := range headers {
		number := fmt.Sprintf("+447700900%03d", i) // the pages take only numbers that can be
		b.run.Note(number)
		header, err := b.signIn(inbox, number)
		if err != nil {
			b.t.Fatal(err)
		}
		headers[i] = header
	}
	return headers
}

// An inbox is where messages arrive.
type inbox interface {
	Wait(ctx context.Context, to string, after int) (binary.Message, error)
}

// signIn goes through the login pages.
func (b *bench) signIn(messages inbox, number string) (string, error) {
	ctx, cancel := context.WithTimeout(b.t.Context(), time.Minute)
	defer cancel()
	jar, err := cookiejar.New(nil)
	if err != nil {
		return "", err
	}
	browser := *b.server.HTTP
	browser.Jar = jar
	page, err := visit(ctx, &browser, http.MethodGet, b.request("openid", ""), nil)
	if err != nil {
		return "", err
	}
	page, err = visit(ctx, &browser, http.MethodPost, b.server.URL+page, url.Values{"connection": {"sms"}, "username": {number}})
	if err != nil {
		return "", err
	}
	m, err := messages.Wait(ctx, number, 0)
	if err != nil {
		return "", err
	}
	page, err = visit(ctx, &browser, http.MethodPost, b.server.URL+page, url.Values{"code": {m.Code}})
	if err != nil {
		return "", err
	}
	if !strings.HasPrefix(page, codeCallback) {
		return "", fmt.Errorf("a right code leads to %s", page)
	}
	at, err := url.Parse(b.server.URL)
	if err != nil {
		return "", err
	}
	var all []string
	for _, c := range jar.Cookies(at) {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; "), nil
}

// visit sends what a browser sends and returns where it is sent on to.
func visit(ctx context.Context, browser *http.Client, method, to string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, method, to, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := browser.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.Header.Get("Location") == "" {
		err = fmt.Errorf("%s %s: %d %s", method, req.URL.Path, res.StatusCode, text)
	}
	return res.Header.Get("Location"), err
}

// request is the address of a request to /authorize.
func (b *bench) request(scope, audience string) string {
	q := url.Values{
		"client_id": {codeID}, "redirect_uri": {codeCallback}, "response_type": {"code"}, "scope": {scope}, "state": {"s"}, "nonce": {"n"},
	}
	if audience != "" {
		q.Set("audience", audience)
	}
	return b.server.URL + "/authorize?" + q.Encode()
}

// codeGrant measures codes for people who are signed in, and their exchange. The
// codes are made in parts, so that none gets too old.
func (b *bench) codeGrant(sessions []string, callers, n int, audience string) codeRun {
	b.t.Helper()
	at := b.request("openid offline_access", audience)
	c := codeRun{refresh: make([]string, n)}
	codes := make([]string, n)
	c.authorize = b.must("authorize", loop(b.meter, callers, n, func(i int) binary.Answer {
		req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, at, http.NoBody)
		if err != nil {
			return binary.Answer{Err: err}
		}
		req.Header.Set("Cookie", sessions[i%len(sessions)])
		a := b.server.Do(req)
		to, err := url.Parse(a.Header.Get("Location"))
		if err != nil {
			return binary.Answer{Err: err}
		}
		if codes[i] = to.Query().Get("code"); codes[i] == "" {
			a.Err = fmt.Errorf("/authorize answers %d %s", a.Status, to)
		}
		b.run.Note(codes[i])
		a.Status = http.StatusOK // as far as a loop is concerned
		return a
	}))
	c.exchange = b.must("exchange", loop(b.meter, callers, n, func(i int) binary.Answer {
		a := b.exchange(codes[i])
		c.refresh[i] = a.RefreshToken
		return a
	}))
	return c
}

func (b *bench) exchange(code string) binary.Answer {
	return b.code.Redeem(b.t.Context(), binary.AuthorizationCode{Code: code, RedirectURI: codeCallback})
}

// besideCodes measures starts of one caller while others have codes made and
// exchanged.
func (b *bench) besideCodes(sessions []string, n int) result {
	b.t.Helper()
	return b.besides(func() { b.codeGrant(sessions, b.sizes.callers, n, audience) })
}

// besides measures starts of one caller while something else is done.
func (b *bench) besides(others func()) result {
	b.t.Helper()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		defer close(done)
		others()
	})
	var times []time.Duration
	for busy := true; busy; {
		select {
		case <-done:
			busy = false
		default:
			sent := time.Now()
			if a := b.app.Start(b.t.Context(), binary.Start{To: b.run.Phone()}); !a.OK() {
				b.t.Errorf("start beside others: %v", a)
			}
			times = append(times, time.Since(sent))
			time.Sleep(2 * time.Millisecond)
		}
	}
	wg.Wait()
	return timed(times)
}
