package hosted_test

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// mailed is the newest e-mail to somebody.
func (w *world) mailed(to string, after int) outbox.Message {
	w.t.Helper()
	for range 250 {
		if m := w.Outbox.Messages(outbox.Filter{To: to}); len(m) > after {
			return m[0]
		}
		time.Sleep(20 * time.Millisecond)
	}
	w.t.Fatalf("nothing was sent to %s", to)
	return outbox.Message{}
}

// askLink asks for a link by the API and returns what was answered.
func (w *world) askLink(to string, params map[string]any, header ...string) (int, string) {
	w.t.Helper()
	body := map[string]any{
		"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": "email", "email": to, "send": "link",
	}
	if params != nil {
		body["authParams"] = params
	}
	doc, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	status, _, answer := w.Post(w.t, "/passwordless/start", string(doc), header...)
	return status, answer
}

// link asks for a link and returns its path, as the e-mail has it.
func (w *world) link(to string, params map[string]any) string {
	w.t.Helper()
	sent := len(w.Outbox.Messages(outbox.Filter{To: to}))
	if status, answer := w.askLink(to, params); status != http.StatusOK {
		w.t.Fatalf("%d %s", status, answer)
	}
	return w.path(w.mailed(to, sent))
}

func (w *world) path(m outbox.Message) string {
	w.t.Helper()
	path, ok := strings.CutPrefix(m.Link, w.URL)
	if !ok || !strings.Contains(m.HTML, strings.ReplaceAll(m.Link, "&", "&amp;")) || !strings.Contains(m.Text, m.Link) {
		w.t.Fatalf("link %q, text %q", m.Link, m.Text)
	}
	return path
}

// tap opens a link and taps on its button.
func (w *world) tap(b *textbrowser.Browser, path string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(b, path)
	f := p.Form("token")
	if f == nil {
		w.t.Fatalf("%d, left %+v:\n%s", p.Status, p.Left, p.Text())
	}
	return w.submit(b, f)
}

// fragment is the answer that went to the callback.
func fragment(p *textbrowser.Page) url.Values {
	if p.Left == nil {
		return nil
	}
	v, _ := url.ParseQuery(p.Left.URL.EscapedFragment())
	return v
}

// linkHost is a world whose pages send links.
func linkHost(t *testing.T, change ...func(*config.Config)) *world {
	w := &world{t: t, Server: testkit.Start(t, change...)}
	w.browser = w.newBrowser()
	w.hostedLinks()
	return w
}

func (w *world) hostedLinks() {
	w.t.Helper()
	var list []struct{ ID string }
	if err := json.Unmarshal([]byte(w.manage("GET", "/api/v2/connections?name=email", "")), &list); err != nil || len(list) != 1 {
		w.t.Fatal(list, err)
	}
	w.admin("PATCH", "/connections/"+list[0].ID, map[string]any{"options": map[string]any{"doorcode": map[string]any{"send": "link"}}})
}

// mailedTo begins a sign-in by e-mail and returns the page that waits.
func (w *world) mailedTo(b *textbrowser.Browser, to, query string) (*textbrowser.Page, outbox.Message) {
	w.t.Helper()
	sent := len(w.Outbox.Messages(outbox.Filter{To: to}))
	p := w.get(b, "/authorize?"+query)
	p = w.submit(b, p.Form("username").Set("username", to))
	if p.URL.Path != "/u/login/passwordless-email-challenge" || !strings.Contains(p.Text(), "Open the link we sent") {
		w.t.Fatalf("at %s:\n%s", p.URL, p.Text())
	}
	return p, w.mailed(to, sent)
}

var linkForm = regexp.MustCompile(`^/u/link\?token=msg_[a-z0-9A-Z]{24}\.([A-Za-z0-9_-]{43})$`)

// ML-01: a link has 256 bits that nobody can make without the key, and nothing
// of them is stored.
func TestML01LinksAreUnguessable(t *testing.T) {
	address := storetest.SQLite(t)
	w := linkHost(t, func(c *config.Config) {
		c.Database, c.KeyFile = address, t.TempDir()+"/key"
	})
	db := storetest.SQL(t, address)
	seen := map[string]bool{}
	for i := range 20 {
		m := linkForm.FindStringSubmatch(w.link(fmt.Sprintf("ml01-%d@mail.example", i), nil))
		if m == nil || seen[m[1]] {
			t.Fatalf("link %v", m)
		}
		seen[m[1]] = true
	}
	for proof := range seen {
		for _, table := range []string{"messages", "codes", "transactions", "logs"} {
			if dumps(t, db, table, proof) {
				t.Errorf("the table %s has the secret of a link in it", table)
			}
		}
	}
	path := w.link("ml01@mail.example", nil)
	at := len(path) - 20
	for _, forged := range []string{
		path[:at] + "A" + path[at+1:], path[:at] + "B" + path[at+1:], path[:len(path)-43], path + "A", "/u/link", "/u/link?token=",
		strings.Replace(path, "msg_", "msg-", 1), path[:20] + strings.ToUpper(path[20:24]) + path[24:], "/u/link?token=" + strings.Repeat("x", 3000),
	} {
		if forged == path {
			continue
		}
		if p := w.get(w.browser, forged); p.Status/100 != 4 || p.Form("token") != nil || p.Left != nil {
			t.Errorf("%s: %d", forged, p.Status)
		}
	}
	if got := fragment(w.tap(w.browser, path)); got == nil {
		t.Error("the link itself does not work")
	}
}

func dumps(t *testing.T, db *sql.DB, table, text string) bool {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, _ := rows.Columns()
	for rows.Next() {
		row := make([]any, len(columns))
		for i := range row {
			row[i] = new(any)
		}
		if err := rows.Scan(row...); err != nil {
			t.Fatal(err)
		}
		for _, v := range row {
			if strings.Contains(fmt.Sprintf("%s", *v.(*any)), text) {
				return true
			}
		}
	}
	return false
}

// ML-02, L26: nothing but a form of our own page uses a link up.
func TestML02OpeningChangesNothing(t *testing.T) {
	w := linkHost(t)
	path := w.link("ml02@mail.example", nil)
	for i := range 60 {
		method := http.MethodGet
		if i%6 == 0 {
			method = http.MethodHead
		}
		status, header, _ := w.Do(t, method, path, "", "User-Agent", "Mozilla/5.0 SafeLinks", "Sec-Purpose", "prefetch")
		if status != http.StatusOK || len(header.Values("Set-Cookie")) > 0 {
			t.Fatalf("%s: %d, cookies %v", method, status, header.Values("Set-Cookie"))
		}
	}
	token := strings.TrimPrefix(path, "/u/link?")
	for _, header := range [][]string{
		{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Origin", "null"},
	} {
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		if status, h, _ := w.Post(t, "/u/link", token, header...); status/100 != 4 || len(h.Values("Set-Cookie")) > 0 {
			t.Errorf("%v: %d", header, status)
		}
	}
	for _, method := range []string{http.MethodOptions, http.MethodPut, http.MethodDelete} {
		if status, _, _ := w.Do(t, method, path, ""); status/100 == 2 {
			t.Errorf("%s: %d", method, status)
		}
	}
	page := w.get(w.browser, path)
	if !strings.Contains(page.Text(), "My app") || !strings.Contains(page.Text(), "ml02@mail.example") {
		t.Errorf("the page does not say who signs in to what: %s", page.Text())
	}
	if got := fragment(w.tap(w.browser, path)); got == nil && !w.signedIn(w.browser) {
		t.Error("the person's own tap does not sign in")
	}
}

// ML-03, L28: elsewhere a link of a hosted sign-in signs nobody in. It shows the
// code, which works in the browser that began it.
func TestML03AnotherBrowserIsShownTheCode(t *testing.T) {
	w := linkHost(t)
	here, m := w.mailedTo(w.browser, "ml03@mail.example", w.query("connection", "email"))
	path := w.path(m)
	for range 20 {
		other := w.newBrowser()
		p := w.get(other, path)
		if p.Form("token") != nil || p.Left != nil || !strings.Contains(p.Text(), m.Code) || !strings.Contains(p.Text(), "Never read this code") {
			t.Fatalf("%d\n%s", p.Status, p.Text())
		}
		if forced := w.force(other, path); forced.StatusCode != http.StatusOK || len(forced.Cookies()) > 0 {
			t.Fatalf("another browser was signed in: %d %v", forced.StatusCode, forced.Cookies())
		}
	}
	if got := w.left(w.submit(w.browser, here.Form("code").Set("code", m.Code).Press("default"))); got.Get("code") == "" || got.Get("state") != "af0ifjsldkj" {
		t.Errorf("the code does not work where it was asked for: %v", got)
	}
	if p := w.get(w.newBrowser(), path); p.Status != http.StatusGone || strings.Contains(p.Text(), m.Code) {
		t.Errorf("a used link: %d %s", p.Status, p.Text())
	}
}

// L27, ML-08: in the browser that began the sign-in one tap finishes it, with
// everything the request had.
func TestML08LinkRestoresTheRequest(t *testing.T) {
	w := linkHost(t)
	for i := range 20 {
		b, state := w.newBrowser(), fmt.Sprintf("state-%d &=#ä", i)
		_, m := w.mailedTo(b, fmt.Sprintf("ml08-%d@mail.example", i), w.query("state", state, "nonce", fmt.Sprint("n", i),
			"code_challenge", challenge(), "code_challenge_method", "S256", "connection", "email"))
		answer := w.left(w.tap(b, w.path(m)))
		if answer.Get("state") != state {
			t.Fatalf("state %q, want %q", answer.Get("state"), state)
		}
		if status, _ := w.redeem(answer.Get("code"), "code_verifier", strings.Repeat("x", 50)); status == http.StatusOK {
			t.Fatal("PKCE is lost")
		}
		status, tokens := w.redeem(answer.Get("code"), "code_verifier", verifier)
		if status != http.StatusOK || claims(t, tokens["id_token"])["nonce"] != fmt.Sprint("n", i) {
			t.Fatalf("%d %v", status, tokens)
		}
	}
}

// ML-04, RAC-03: of many who tap on one link at once, one is signed in. The
// link of the API and that of a page, on both databases.
func TestML04LinksAreUsedOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		w := linkHost(t, func(c *config.Config) { c.Database, c.KeyFile = address, t.TempDir()+"/key" })
		api := w.link("ml04@mail.example", map[string]any{"response_type": "code", "redirect_uri": callback})
		w.race(api, nil)
		_, m := w.mailedTo(w.browser, "ml04-page@mail.example", w.query("connection", "email"))
		w.race(w.path(m), w.browser)
	})
}

// force sends the form of a link's button, with the cookies of a browser, whether
// the page had such a button or not.
func (w *world) force(b *textbrowser.Browser, path string) *http.Response {
	form := url.Values{"token": {strings.TrimPrefix(path, "/u/link?token=")}}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/u/link", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Error(err)
		return &http.Response{}
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	if b != nil {
		for _, c := range b.Cookies(req.URL) {
			req.AddCookie(c)
		}
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Error(err)
		return &http.Response{}
	}
	res.Body.Close()
	return res
}

// race taps fifty times at once on a link, in the browser or in fifty.
func (w *world) race(path string, b *textbrowser.Browser) {
	w.t.Helper()
	var in, sessions atomic.Int64
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			res := w.force(b, path)
			if to, err := res.Location(); err == nil && to.Query().Get("code") != "" {
				in.Add(1)
			}
			if slices.ContainsFunc(res.Cookies(), func(c *http.Cookie) bool { return c.Name == "dc_session" && c.Value != "" }) {
				sessions.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 1 || sessions.Load() != 1 {
		w.t.Errorf("%d of 50 were signed in, %d sessions, want one", in.Load(), sessions.Load())
	}
}

// ML-05: where a link of the API leads is checked when it is asked for, and
// again when it is used.
func TestML05RedirectIsCheckedTwice(t *testing.T) {
	w := linkHost(t)
	w.allowImplicit()
	for _, uri := range []string{
		"https://evil.example/", callback + "/more", callback + "?x=1", callback + "#f", "javascript:alert(1)", "http://localhost:3000.evil.example/callback",
		"http://localhost:3000/callback/../evil", "http://localhost:3000@evil.example/callback", "//evil.example", "http://localhost:3000\\callback",
	} {
		if status, answer := w.askLink("ml05@mail.example", map[string]any{"redirect_uri": uri}); status != http.StatusBadRequest || !strings.Contains(answer, "bad.authParams") {
			t.Errorf("%s: %d %s", uri, status, answer)
		}
	}
	for name, params := range map[string]map[string]any{
		"no such response type": {"response_type": "cookie"}, "a number as state": {"state": 1}, "an object": {"scope": map[string]any{"a": 1}},
		"id_token without nonce": {"response_type": "id_token", "scope": "openid"}, "long state": {"state": strings.Repeat("x", 9000)},
	} {
		if status, answer := w.askLink("ml05@mail.example", params); status != http.StatusBadRequest || !strings.Contains(answer, "bad.authParams") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	path := w.link("ml05@mail.example", map[string]any{"redirect_uri": callback})
	open := w.get(w.browser, path).Form("token")
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"callbacks": []string{"https://other.example/callback"}})
	if p := w.get(w.browser, path); p.Left != nil || p.Status != http.StatusBadRequest {
		t.Errorf("shown: %d, left %v", p.Status, p.Left)
	}
	if p := w.submit(w.browser, open); p.Left != nil || p.Status != http.StatusBadRequest {
		t.Errorf("used: %d, left %v", p.Status, p.Left)
	}
}

// ML-06: a link begins with the public URL whatever a request says of itself.
func TestML06HostOfLinks(t *testing.T) {
	w := linkHost(t)
	for i, h := range []string{"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Server", "Forwarded", "X-Host", "X-Original-Host", "X-Forwarded-Port", "X-Original-URL"} {
		to := fmt.Sprintf("ml06-%d@mail.example", i)
		if status, answer := w.askLink(to, nil, h, "evil.example"); status != http.StatusOK {
			t.Fatalf("%s: %d %s", h, status, answer)
		}
		w.path(w.mailed(to, 0))
	}
}

// ML-07: pages about links load nothing from elsewhere and tell no other site
// where they are.
func TestML07LinkPagesTellNobody(t *testing.T) {
	w := linkHost(t)
	path := w.link("ml07@mail.example", nil)
	status, header, body := w.Do(t, "GET", path, "")
	if status != http.StatusOK || header.Get("Referrer-Policy") != "same-origin" || !strings.Contains(header.Get("Cache-Control"), "no-store") ||
		!strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("%d %v", status, header)
	}
	if found := regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//[^"]*"`).FindString(body); found != "" {
		t.Errorf("the page names %s", found)
	}
}
