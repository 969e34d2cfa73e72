package hosted_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
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

// ML-01: the secret part of a link is in no row of the database, and nobody can
// make one without the key. That it has 256 bits package passwordless checks.
func TestML01LinksAreUnguessable(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		w := linkHost(t, func(c *config.Config) { c.Database, c.KeyFile = address, t.TempDir()+"/key" })
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
			raw, err := base64.RawURLEncoding.DecodeString(proof)
			if err != nil {
				t.Fatal(err)
			}
			if found := append(rowsWith(t, db, proof), rowsWith(t, db, string(raw))...); len(found) > 0 {
				t.Errorf("the secret of a link is in %v", found)
			}
		}
		if found := rowsWith(t, db, "ml01-0@mail.example"); len(found) == 0 {
			t.Error("nothing is found in the database")
		}
		w.forgeLinks()
	})
}

// forgeLinks opens links that are no link's.
func (w *world) forgeLinks() {
	w.t.Helper()
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
			w.t.Errorf("%s: %d", forged, p.Status)
		}
	}
	if got := fragment(w.tap(w.browser, path)); got == nil {
		w.t.Error("the link itself does not work")
	}
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
