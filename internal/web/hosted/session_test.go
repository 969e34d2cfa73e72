package hosted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// cookies are what a browser holds for the server, by name.
func (w *world) cookies(b *textbrowser.Browser) map[string]string {
	w.t.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	held := map[string]string{}
	for _, c := range b.Cookies(u) {
		held[c.Name] = c.Value
	}
	return held
}

// plant puts a cookie into a browser.
func (w *world) plant(b *textbrowser.Browser, name, value string) {
	w.t.Helper()
	u, err := url.Parse(w.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	b.SetCookies(u, []*http.Cookie{{Name: name, Value: value, Path: "/"}})
}

// atCode is a browser at the page that asks for a code, and that page.
func (w *world) atCode(number string, query string) (*textbrowser.Browser, *textbrowser.Page) {
	w.t.Helper()
	b := w.newBrowser()
	p := w.get(b, "/authorize?"+query)
	p = w.submit(b, p.Form("username").Set("username", number))
	if !strings.Contains(p.URL.Path, "challenge") {
		w.t.Fatalf("at %s:\n%s", p.URL, p.Text())
	}
	return b, p
}

// SES-01: nothing that somebody puts into a browser before its owner signs in is
// worth anything after, and a sign-in goes on in its own browser only.
func TestSES01Fixation(t *testing.T) {
	w := newWorld(t)
	// A session value of the attacker's choice.
	w.plant(w.browser, "dc_session", "chosen-by-somebody-else")
	w.signIn(w.browser, w.query(), person)
	first := w.cookies(w.browser)["dc_session"]
	if first == "" || first == "chosen-by-somebody-else" {
		t.Fatalf("the session is %q", first)
	}
	// The attacker's own session, which the owner then signs in over.
	attacker := w.newBrowser()
	w.signIn(attacker, w.query(), "+447700900666")
	theirs := w.cookies(attacker)["dc_session"]
	victim := w.newBrowser()
	w.plant(victim, "dc_session", theirs)
	w.signIn(victim, w.query("prompt", "login"), person)
	if got := w.left(w.get(attacker, "/authorize?"+w.query("prompt", "none"))); got.Get("error") != "login_required" {
		t.Errorf("the planted session gives %v", got)
	}
	// A value from before a second proof.
	w.signIn(w.browser, w.query("prompt", "login"), person)
	old := w.newBrowser()
	w.plant(old, "dc_session", first)
	if got := w.left(w.get(old, "/authorize?"+w.query("prompt", "none"))); got.Get("error") != "login_required" {
		t.Errorf("the value from before gives %v", got)
	}
	// A sign-in begun by the attacker and finished by the victim, and the reverse.
	_, theirsAtCode := w.atCode("+447700900101", w.query())
	page := w.get(w.newBrowser(), strings.TrimPrefix(theirsAtCode.URL.String(), w.URL))
	if page.Status != http.StatusBadRequest || !strings.Contains(page.Text(), "timed out") {
		t.Errorf("a sign-in of another browser: %d\n%s", page.Status, page.Text())
	}
	stranger := w.newBrowser()
	if p := w.submit(stranger, theirsAtCode.Form("code").Set("code", w.code("+447700900101")).Press("default")); p.Status != http.StatusBadRequest || len(w.cookies(stranger)) > 0 {
		t.Errorf("the right code in another browser: %d, holds %v", p.Status, w.cookies(stranger))
	}
	wrong := w.newBrowser()
	id := theirsAtCode.URL.Query().Get("state")
	w.plant(wrong, "dc_tx_"+id[:8], "guess")
	if p := w.get(wrong, "/u/login/identifier?state="+id); p.Status != http.StatusBadRequest {
		t.Errorf("a guessed cookie: %d", p.Status)
	}
}

// SES-02: cookies, where the server is reached by https.
func TestSES02Cookies(t *testing.T) {
	s := testkit.Start(t, func(c *config.Config) { c.PublicURL = "https://id.example.com" })
	plain := "http://" + s.Addr()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	held := map[string]*http.Cookie{}
	send := func(method, path, form string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, plain+path, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "id.example.com"
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", "https://id.example.com")
		for _, c := range held {
			req.AddCookie(&http.Cookie{Name: c.Name, Value: c.Value})
		}
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusSeeOther {
			t.Fatalf("%s %s: %d", method, path, res.StatusCode)
		}
		for _, c := range res.Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-dc_") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || len(c.String()) > 4096 {
				t.Errorf("cookie %s", c)
			}
			site := http.SameSiteLaxMode
			if c.Name == "__Host-dc_session" {
				site = http.SameSiteNoneMode
			}
			if c.SameSite != site {
				t.Errorf("cookie %s, want SameSite %v", c, site)
			}
			held[c.Name] = c
		}
		return res
	}
	w := &world{t: t, Server: s}
	res := send(http.MethodGet, "/authorize?"+w.query("scope", "openid"), "")
	res = send(http.MethodPost, res.Header.Get("Location"), "connection=sms&username=%2B447700900123")
	res = send(http.MethodPost, res.Header.Get("Location"), "code="+w.code(person))
	if !strings.HasPrefix(res.Header.Get("Location"), callback+"?code=") {
		t.Errorf("sent to %q", res.Header.Get("Location"))
	}
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range held {
			if !yield(name) {
				return
			}
		}
	})
	want := []string{"__Host-dc_country", "__Host-dc_device", "__Host-dc_session"}
	if len(names) != 4 || !slices.Equal(names[:3], want) || held[names[3]].MaxAge >= 0 {
		t.Errorf("cookies %v; the sign-in's own is to be removed: %v", names, held)
	}
}

// However many sign-ins are begun in a browser, it holds the cookies of the last
// few, and those can be finished.
func TestManySignIns(t *testing.T) {
	w := newWorld(t)
	var last *textbrowser.Page
	for range 25 {
		last = w.get(w.browser, "/authorize?"+w.query())
	}
	if n := len(w.cookies(w.browser)); n != 10 {
		t.Errorf("the browser holds %d cookies, want those of 10 sign-ins", n)
	}
	p := w.submit(w.browser, last.Form("username").Set("username", person))
	if got := w.left(w.submit(w.browser, p.Form("code").Set("code", w.code(person)).Press("default"))); !got.Has("code") {
		t.Errorf("the last one: %v", got)
	}
}

// A browser may say anything of itself: half a letter where it is cut, or bytes
// that are no text.
func TestUserAgentIsText(t *testing.T) {
	w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) {
		c.Database, c.KeyFile = storetest.Postgres(t), filepath.Join(t.TempDir(), "key")
	})}
	for i, agent := range []string{strings.Repeat("x", 511) + "é", "\xff\xfe"} {
		number := fmt.Sprintf("+4477009001%02d", i)
		b := textbrowser.New(agentOf(agent), func(u *url.URL) bool { return u.Scheme+"://"+u.Host != w.URL })
		if got := w.signIn(b, w.query(), number); !got.Has("code") {
			t.Errorf("%q: %v", agent, got)
		}
	}
}

// agentOf sends requests with a User-Agent.
type agentOf string

func (a agentOf) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("User-Agent", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

// SES-03 and SES-04, as applications see them: a session that idled, ended or
// whose person is blocked is none.
func TestSES03SilentlyAfterTheEnd(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	w.Clock.Advance(71 * time.Hour)
	if got := w.silent(); !got.Has("code") {
		t.Errorf("after 71 hours: %v", got)
	}
	w.Clock.Advance(73 * time.Hour)
	if got := w.silent(); got.Get("error") != "login_required" {
		t.Errorf("after 73 hours without use: %v", got)
	}
	w.signIn(w.browser, w.query(), person)
	for range 3 {
		w.Clock.Advance(50 * time.Hour)
		w.silent()
	}
	w.Clock.Advance(19 * time.Hour)
	if got := w.silent(); got.Get("error") != "login_required" {
		t.Errorf("after 169 hours: %v", got)
	}
	w.signIn(w.browser, w.query(), person)
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"idle_session_lifetime":1}`)
	w.Clock.Advance(61 * time.Minute)
	if got := w.silent(); got.Get("error") != "login_required" {
		t.Errorf("with a shorter life of sessions: %v", got)
	}
}

// Consent: what is declined is told, what is allowed is remembered.
func TestOAU28Consent(t *testing.T) {
	w := newWorld(t)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"is_first_party":false}`)
	b, p := w.atCode(person, w.query())
	p = w.submit(b, p.Form("code").Set("code", w.code(person)).Press("default"))
	if p.URL.Path != "/u/consent" || !strings.Contains(p.Text(), "See your phone number") {
		t.Fatalf("at %s:\n%s", p.URL, p.Text())
	}
	if got := w.left(w.submit(b, p.Form("action").Press("decline"))); got.Get("error") != "access_denied" || got.Get("state") == "" {
		t.Errorf("declined: %v", got)
	}
	if got := w.left(w.get(b, "/authorize?"+w.query("prompt", "none"))); got.Get("error") != "consent_required" {
		t.Errorf("silently before consent: %v", got)
	}
	p = w.get(b, "/authorize?"+w.query())
	if p.URL.Path != "/u/consent" {
		t.Fatalf("at %s", p.URL)
	}
	if got := w.left(w.submit(b, p.Form("action").Press("accept"))); !got.Has("code") {
		t.Errorf("allowed: %v", got)
	}
	if got := w.left(w.get(b, "/authorize?"+w.query("prompt", "none", "scope", "openid phone"))); !got.Has("code") {
		t.Errorf("silently, less than was allowed: %v", got)
	}
	if got := w.left(w.get(b, "/authorize?"+w.query("prompt", "none", "scope", "openid phone offline_access"))); got.Get("error") != "consent_required" {
		t.Errorf("silently, more than was allowed: %v", got)
	}
	// Who allows a request that asks for nothing has been asked, too.
	other, _ := w.application(map[string]any{"is_first_party": false})
	nothing := []string{"client_id", other, "scope", ""}
	p = w.get(b, "/authorize?"+w.query(nothing...))
	if p.URL.Path != "/u/consent" {
		t.Fatalf("at %s", p.URL)
	}
	if got := w.left(w.submit(b, p.Form("action").Press("accept"))); !got.Has("code") {
		t.Errorf("allowed, without a scope: %v", got)
	}
	if got := w.left(w.get(b, "/authorize?"+w.query(append(nothing, "prompt", "none")...))); !got.Has("code") {
		t.Errorf("silently, without a scope: %v", got)
	}
	if p := w.get(b, "/authorize?"+w.query(nothing...)); p.Left == nil {
		t.Errorf("asked again, without a scope: at %s", p.URL)
	}
	if got := w.left(w.get(b, "/authorize?"+w.query("client_id", other, "scope", "openid", "prompt", "none"))); got.Get("error") != "consent_required" {
		t.Errorf("silently, a scope after none: %v", got)
	}
	// Whoever the page was shown to has to be signed in still.
	p = w.get(b, "/authorize?"+w.query("prompt", "consent"))
	w.plant(b, "dc_session", "gone")
	if got := w.submit(b, p.Form("action").Press("accept")); got.Left != nil || got.Status != http.StatusBadRequest {
		t.Errorf("consent of nobody: %d", got.Status)
	}
}

// SES-04: a session that an administrator ends is over at once, and with it,
// where that is asked for, what was granted by it.
func TestSES04EndedSessions(t *testing.T) {
	w := newWorld(t)
	user := url.PathEscape(w.sub(w.signIn(w.browser, w.query(), person)))
	list := func() []map[string]any {
		t.Helper()
		var page struct {
			Sessions []map[string]any `json:"sessions"`
		}
		if err := json.Unmarshal([]byte(w.manage(http.MethodGet, "/api/v2/users/"+user+"/sessions?take=10", "")), &page); err != nil {
			t.Fatal(err)
		}
		return page.Sessions
	}
	have := list()
	if len(have) != 1 {
		t.Fatalf("%v", have)
	}
	id := have[0]["id"].(string)
	var one map[string]any
	if err := json.Unmarshal([]byte(w.manage(http.MethodGet, "/api/v2/sessions/"+id, "")), &one); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(one) != fmt.Sprint(have[0]) || fmt.Sprint(one["clients"]) != fmt.Sprintf("[map[client_id:%s]]", w.Ready.ClientID) {
		t.Errorf("by id %v, in the list %v", one, have[0])
	}
	for _, held := range w.cookies(w.browser) {
		if strings.Contains(fmt.Sprint(one), held) {
			t.Error("what the browser holds is shown")
		}
	}
	w.manage(http.MethodDelete, "/api/v2/sessions/"+id, "")
	if got := w.silent(); got.Get("error") != "login_required" {
		t.Errorf("after it was deleted: %v", got)
	}
	if left := list(); len(left) != 0 {
		t.Errorf("it is still listed: %v", left)
	}
	w.manage(http.MethodDelete, "/api/v2/sessions/"+id, "") // once more is no fault

	_, tokens := w.redeem(w.signIn(w.browser, w.query("scope", "openid offline_access"), person).Get("code"))
	pending := w.silent().Get("code")
	w.manage(http.MethodPost, "/api/v2/sessions/"+list()[0]["id"].(string)+"/revoke", "")
	if status, answer := w.redeem(pending); status != http.StatusForbidden {
		t.Errorf("a code of a revoked session: %d %v", status, answer)
	}
	if status, answer := w.redeem("", "grant_type", "refresh_token", "refresh_token", tokens["refresh_token"].(string)); status != http.StatusForbidden {
		t.Errorf("a refresh token of a revoked session: %d %v", status, answer)
	}
	second := w.newBrowser()
	w.signIn(w.browser, w.query(), person)
	w.signIn(second, w.query(), person)
	if got := list(); len(got) != 2 {
		t.Errorf("in two browsers: %v", got)
	}
	w.manage(http.MethodDelete, "/api/v2/users/"+user+"/sessions", "")
	if got := w.left(w.get(second, "/authorize?"+w.query("prompt", "none"))); got.Get("error") != "login_required" || len(list()) != 0 {
		t.Errorf("after all were deleted: %v", got)
	}
}

// sub is who an answer is about.
func (w *world) sub(answer url.Values) string {
	w.t.Helper()
	_, tokens := w.redeem(answer.Get("code"))
	return fmt.Sprint(claims(w.t, tokens["id_token"])["sub"])
}
