package authapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// messages counts what the server has been made to send.
func (w *world) messages() int {
	w.t.Helper()
	status, _, body := w.Do(w.t, http.MethodGet, "/api/doorcode/v1/messages?take=100", "", "Authorization", "Bearer "+w.admin)
	var page struct {
		Messages []json.RawMessage `json:"messages"`
		Next     string            `json:"next"`
	}
	if err := json.Unmarshal([]byte(body), &page); err != nil || status != http.StatusOK || page.Next != "" {
		w.t.Fatalf("list the messages: %d %s %v", status, body, err)
	}
	return len(page.Messages)
}

// A browser that fetches ahead of time, and a page of another site, have nobody
// pay for a message.
func TestStartsNobodyAskedFor(t *testing.T) {
	w := newWorld(t)
	const number = "+447700900440"
	query := "/passwordless/start?" + url.Values{
		"client_id": {w.Ready.NativeClientID}, "connection": {"sms"}, "phone_number": {number},
	}.Encode()
	body := `{"client_id":"` + w.Ready.NativeClientID + `","connection":"sms","phone_number":"` + number + `"}`
	w.patchClient(w.Ready.NativeClientID, `{"web_origins":["`+appOrigin+`"]}`)
	tests := []struct {
		name   string
		header []string
		want   int
	}{
		{"a program", nil, 200},
		{"a program that names an origin", []string{"Origin", "https://evil.example"}, 200},
		{"the address bar", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},
		{"a page of the server's own", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"a page of the application", []string{"Sec-Fetch-Site", "cross-site", "Origin", appOrigin}, 200},
		{"a page of the application on the same site", []string{"Sec-Fetch-Site", "same-site", "Origin", appOrigin}, 200},
		{"a prefetch", []string{"Sec-Purpose", "prefetch", "Sec-Fetch-Site", "none"}, 403},
		{"a page that is rendered ahead of time", []string{"Sec-Purpose", "prefetch;prerender"}, 403},
		{"a prefetch of an older browser", []string{"Purpose", "prefetch"}, 403},
		{"a prefetch of a page of the application", []string{"Purpose", "prefetch", "Sec-Fetch-Site", "cross-site", "Origin", appOrigin}, 403},
		{"an image", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"an image on a neighbour's page", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		{"a foreign page", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403},
		{"a neighbour's page", []string{"Sec-Fetch-Site", "same-site", "Origin", "http://localhost:3001"}, 403},
		{"a page without an origin", []string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, 403},
		{"what a browser may say one day", []string{"Sec-Fetch-Site", "elsewhere"}, 403},
	}
	for _, strict := range []string{"false", "true"} {
		w.manage(http.MethodPatch, "/tenants/settings", map[string]any{"flags": map[string]any{"standards_strict": strict == "true"}}).want(t, 200)
		for _, tt := range tests {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				before := w.messages()
				path, sent := query, ""
				if method == http.MethodPost {
					path, sent = "/passwordless/start", body
				}
				status, _, answer := w.Do(t, method, path, sent, tt.header...)
				made := w.messages() - before
				refused := strings.Contains(answer, `"error":"access_denied"`) && strings.Contains(answer, `"error_description":"`)
				if status != tt.want || made != map[int]int{200: 1, 403: 0}[tt.want] || refused != (tt.want == 403) {
					t.Errorf("%s of %s, strict %s: %d %s, %d messages, want %d", method, tt.name, strict, status, answer, made, tt.want)
				}
			}
		}
	}
	t.Run("HEAD is safe (RFC 9110 §9.2.1)", func(t *testing.T) {
		before := w.messages()
		status, h, _ := w.Do(t, http.MethodHead, query, "")
		if status != http.StatusMethodNotAllowed || h.Get("Allow") != "GET, OPTIONS, POST" || w.messages() != before {
			t.Errorf("%d, Allow %q, %d messages", status, h.Get("Allow"), w.messages()-before)
		}
	})
	t.Run("a challenge is a start too", func(t *testing.T) {
		before := w.messages()
		got := w.form("/otp/challenge", map[string]string{"client_id": w.Ready.NativeClientID, "connection": "sms", "phone_number": number, "allow_signup": "true"},
			"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example")
		if got.status != http.StatusForbidden || got.code() != "access_denied" || w.messages() != before {
			t.Errorf("%d %s", got.status, got.body)
		}
	})
}

// The same in a browser, which decides by itself what it says of a page.
func TestStartsOfPages(t *testing.T) {
	w := newWorld(t)
	started := func(number string) string {
		return w.URL + "/passwordless/start?" + url.Values{
			"client_id": {w.Ready.NativeClientID}, "connection": {"sms"}, "phone_number": {number},
		}.Encode()
	}
	var asked atomic.Int64
	page := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		rw.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = rw.Write([]byte("<!doctype html><title>A page</title>"))
	}))
	t.Cleanup(page.Close)
	ctx := chromium.New(t)
	run := func(address, script string) (out string) {
		t.Helper()
		if err := chromedp.Run(ctx, chromium.Open(address), chromedp.Evaluate(script, &out, chromium.Awaited)); err != nil {
			t.Fatal(err)
		}
		return out
	}
	neighbour := strings.Replace(page.URL, "127.0.0.1", "localhost", 1)
	for _, foreign := range []string{page.URL, neighbour} {
		before := w.messages()
		run(foreign, `new Promise(done => { const i = new Image(); i.onload = i.onerror = () => done("over"); i.src = "`+started("+447700900441")+`" })`)
		run(foreign, `fetch("`+started("+447700900442")+`", {mode: "no-cors"}).then(() => "over", () => "over")`)
		run(foreign, `fetch("`+w.URL+`/passwordless/start", {method: "POST", body: JSON.stringify({client_id: "`+w.Ready.NativeClientID+`", connection: "sms", phone_number: "+447700900443"})}).then(() => "over", () => "over")`)
		if n := w.messages() - before; n != 0 {
			t.Errorf("a page at %s has had %d messages sent", foreign, n)
		}
		if err := chromedp.Run(ctx, chromium.Open(foreign), navigate(started("+447700900444")), chromium.Becomes(`document.body.innerText.includes("access_denied")`)); err != nil {
			t.Errorf("a link from %s: %v", foreign, err)
		}
		if n := w.messages() - before; n != 0 {
			t.Errorf("a link from %s has had %d messages sent", foreign, n)
		}
	}
	w.patchClient(w.Ready.NativeClientID, `{"web_origins":["`+page.URL+`"],"allowed_origins":["`+neighbour+`"]}`)
	for i, own := range []string{page.URL, neighbour} {
		before := w.messages()
		number := []string{"+447700900445", "+447700900446"}[i]
		answer := run(own, `fetch("`+w.URL+`/passwordless/start", {method: "POST", headers: {"Content-Type": "application/json", "Auth0-Client": "e30="},
			body: JSON.stringify({client_id: "`+w.Ready.NativeClientID+`", connection: "sms", phone_number: "`+number+`"})}).then(r => r.text(), e => "" + e)`)
		if !strings.Contains(answer, number) || w.messages() != before+1 {
			t.Errorf("a page of the application at %s: %s, %d messages", own, answer, w.messages()-before)
		}
	}
	// By hand, from the address bar.
	before := w.messages()
	if err := chromedp.Run(ctx, chromium.Open(started("+447700900447")), chromium.Becomes(`document.body.innerText.includes("+447700900447")`)); err != nil {
		t.Error(err)
	}
	if n := w.messages() - before; n != 1 {
		t.Errorf("the address bar: %d messages", n)
	}
	if asked.Load() == 0 {
		t.Error("the pages were not opened")
	}
}

// navigate has the page that is shown go to an address, as a link does.
func navigate(address string) chromedp.Action {
	return chromium.Script(`const a = document.createElement("a"); a.href = "` + address + `"; document.body.append(a); a.click()`)
}
