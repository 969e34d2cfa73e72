package hosted_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const bye = "http://localhost:3000/bye?registered=1"

// admin sends a request to the Management API.
func (w *world) admin(method, path string, body any) {
	w.t.Helper()
	doc, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.manage(method, "/api/v2"+path, string(doc))
}

// newLeaver returns a world whose application has logout URLs, and more as its
// body.
func newLeaver(t *testing.T, more ...any) *world {
	w := newWorld(t)
	body := map[string]any{"allowed_logout_urls": []string{bye, "http://localhost:3000"}}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i].(string)] = more[i+1]
	}
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, body)
	return w
}

// idToken signs somebody in and returns their ID token.
func (w *world) idToken(b *textbrowser.Browser, number string) string {
	w.t.Helper()
	_, tokens := w.redeem(w.signIn(b, w.query("prompt", "login"), number).Get("code"))
	id, _ := tokens["id_token"].(string)
	if id == "" {
		w.t.Fatalf("%v", tokens)
	}
	return id
}

// signedIn reports whether a browser is signed in.
func (w *world) signedIn(b *textbrowser.Browser) bool {
	w.t.Helper()
	return w.left(w.get(b, "/authorize?"+w.query("prompt", "none"))).Get("code") != ""
}

func oidc(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return "/oidc/logout?" + q.Encode()
}

// OAU-19: a logout that an application asks for.
func TestOAU19RPInitiatedLogout(t *testing.T) {
	w := newLeaver(t)
	const state = "a b+c&d=e#f%25\"'<>[]^`{|}~ä"
	id := w.idToken(w.browser, "+447700900301")
	p := w.get(w.browser, oidc("id_token_hint", id, "post_logout_redirect_uri", bye, "state", state))
	if p.Left == nil || p.Left.URL.Query().Get("state") != state || !strings.HasPrefix(p.Left.URL.String(), bye+"&state=") {
		t.Fatalf("%d, left for %+v", p.Status, p.Left)
	}
	if w.signedIn(w.browser) {
		t.Error("still signed in")
	}
	// An hour after the token's end it still says who sent the person.
	id = w.idToken(w.browser, "+447700900301")
	w.Clock.Advance(11 * time.Hour)
	if p = w.get(w.browser, oidc("id_token_hint", id, "post_logout_redirect_uri", bye)); p.Left == nil || p.Left.URL.String() != bye {
		t.Errorf("with an expired hint: %d %s", p.Status, p.Text())
	}
	if w.signedIn(w.browser) {
		t.Error("still signed in after a logout with an expired hint")
	}
}

// OAU-19: what is wrong with a request leads nowhere, and ends nothing.
func TestOAU19WrongRequests(t *testing.T) {
	w := newLeaver(t)
	id := w.idToken(w.browser, "+447700900302")
	parts := strings.Split(id, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + parts[1] + "."
	_, refresh := w.redeem(w.signIn(w.newBrowser(), w.query("audience", ""), "+447700900303").Get("code"))
	for name, path := range map[string]string{
		"unsigned hint":         oidc("id_token_hint", unsigned, "post_logout_redirect_uri", bye),
		"hint of other content": oidc("id_token_hint", parts[0]+"."+parts[1][:len(parts[1])-4]+"AAAA."+parts[2], "post_logout_redirect_uri", bye),
		"hint without end":      oidc("id_token_hint", parts[0]+"."+parts[1], "post_logout_redirect_uri", bye),
		"access token as hint":  oidc("id_token_hint", fmt.Sprint(refresh["access_token"]), "post_logout_redirect_uri", bye),
		"other address":         oidc("id_token_hint", id, "post_logout_redirect_uri", "http://localhost:3000/other"),
		"other query":           oidc("id_token_hint", id, "post_logout_redirect_uri", "http://localhost:3000/bye"),
		"more query":            oidc("id_token_hint", id, "post_logout_redirect_uri", bye+"&more"),
		"other application":     oidc("id_token_hint", id, "client_id", w.Ready.SPAClientID, "post_logout_redirect_uri", bye),
		"no such application":   oidc("client_id", "nobody", "post_logout_redirect_uri", bye),
		"other session":         oidc("id_token_hint", id, "logout_hint", "another", "post_logout_redirect_uri", bye),
		"without application":   oidc("post_logout_redirect_uri", bye),
		"twice":                 oidc("id_token_hint", id, "post_logout_redirect_uri", bye) + "&post_logout_redirect_uri=" + url.QueryEscape(bye),
		"long state":            oidc("id_token_hint", id, "post_logout_redirect_uri", bye, "state", strings.Repeat("x", 5000)),
	} {
		p := w.get(w.browser, path)
		if p.Left != nil || p.Status/100 != 4 || p.Form("logout") != nil {
			t.Errorf("%s: %d, left %v\n%s", name, p.Status, p.Left, p.Text())
		}
		if !w.signedIn(w.browser) {
			t.Fatalf("%s: signed out", name)
		}
	}
}

// OAU-19: without a hint, or with one about somebody else, the person is asked;
// saying yes sends nobody anywhere that the request could not.
func TestOAU19LogoutIsAskedFor(t *testing.T) {
	w := newLeaver(t)
	id := w.idToken(w.browser, "+447700900304")
	other := w.idToken(w.newBrowser(), "+447700900305")
	for name, c := range map[string]struct{ path, to string }{
		"nothing":              {oidc(), ""},
		"state alone":          {oidc("state", "x"), ""},
		"application alone":    {oidc("client_id", w.Ready.ClientID, "post_logout_redirect_uri", bye), ""},
		"hint of another":      {oidc("id_token_hint", other, "post_logout_redirect_uri", bye, "state", "a&b"), bye + "&state=a%26b"},
		"unknown session hint": {oidc("client_id", w.Ready.ClientID, "logout_hint", "x", "post_logout_redirect_uri", bye), ""},
	} {
		p := w.get(w.browser, c.path)
		f := p.Form("logout")
		if p.Left != nil || p.Status != http.StatusOK || f == nil || p.URL.Path != "/oidc/logout" {
			t.Fatalf("%s: %d, left %v", name, p.Status, p.Left)
		}
		if !w.signedIn(w.browser) {
			t.Fatalf("%s: signed out before saying so", name)
		}
		if stayed := w.submit(w.browser, f.Press("stay")); stayed.Left != nil || !w.signedIn(w.browser) {
			t.Fatalf("%s: not asked, %v", name, stayed.Left)
		}
		done := w.submit(w.browser, w.get(w.browser, c.path).Form("logout").Press("confirm"))
		got := ""
		if done.Left != nil {
			got = done.Left.URL.String()
		}
		if got != c.to || w.signedIn(w.browser) {
			t.Errorf("%s: left for %q, want %q", name, got, c.to)
		}
		id = w.idToken(w.browser, "+447700900304")
	}
	sid, _ := claims(t, id)["sid"].(string)
	p := w.get(w.browser, oidc("logout_hint", sid, "client_id", w.Ready.ClientID, "post_logout_redirect_uri", bye))
	if p.Left == nil || p.Left.URL.String() != bye {
		t.Errorf("the session's id is hint enough: %d %s", p.Status, p.Text())
	}
	w.idToken(w.browser, "+447700900304")
	w.admin("PATCH", "/tenants/settings", map[string]any{"sessions": map[string]any{"oidc_logout_prompt_enabled": false}})
	if p := w.get(w.browser, oidc()); p.Form("logout") != nil || w.signedIn(w.browser) {
		t.Errorf("asked, though the tenant does not want it: %s", p.Text())
	}
}

// The question is answered by a form of our own page and no other.
func TestLogoutIsNotForged(t *testing.T) {
	w := newLeaver(t)
	w.idToken(w.browser, "+447700900306")
	home, _ := url.Parse(w.URL)
	for _, header := range [][2]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-site"}} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, w.URL+"/u/logout", strings.NewReader("endpoint=oidc&logout=confirm"))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set(header[0], header[1])
		for _, c := range w.browser.Cookies(home) {
			req.AddCookie(c)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode/100 == 2 || !w.signedIn(w.browser) {
			t.Errorf("%v: %d", header, res.StatusCode)
		}
	}
}

// OAU-20: /v2/logout as Auth0's SDKs call it.
func TestOAU20Logout(t *testing.T) {
	w := newLeaver(t)
	w.admin("PATCH", "/tenants/settings", map[string]any{"allowed_logout_urls": []string{"https://tenant.example/out"}})
	for _, c := range []struct {
		name, query, to string
		status          int
	}{
		{"the application's", "client_id=" + w.Ready.ClientID + "&returnTo=" + url.QueryEscape(bye+"&x=1"), bye + "&x=1", 302},
		{"federated", "federated&client_id=" + w.Ready.ClientID + "&returnTo=" + url.QueryEscape("http://localhost:3000"), "http://localhost:3000", 302},
		{"the first of the application", "client_id=" + w.Ready.ClientID, bye, 302},
		{"the tenant's", "returnTo=" + url.QueryEscape("https://tenant.example/out?q"), "https://tenant.example/out?q", 302},
		{"the first of the tenant", "", "https://tenant.example/out", 302},
		{"the application's without client_id", "returnTo=" + url.QueryEscape(bye), "", 400},
		{"the tenant's with client_id", "client_id=" + w.Ready.ClientID + "&returnTo=" + url.QueryEscape("https://tenant.example/out"), "", 400},
		{"nobody's", "client_id=" + w.Ready.ClientID + "&returnTo=https%3A%2F%2Fevil.example", "", 400},
		{"no such application", "client_id=nobody", "", 400},
		{"twice", "returnTo=https%3A%2F%2Ftenant.example%2Fout&returnTo=https%3A%2F%2Fevil.example", "", 400},
	} {
		w.idToken(w.browser, "+447700900307")
		p := w.get(w.browser, "/v2/logout?"+c.query)
		got := ""
		if p.Left != nil {
			got = p.Left.URL.String()
		}
		if got != c.to || c.status == 400 && p.Status != 400 {
			t.Errorf("%s: %d, %q, want %d, %q", c.name, p.Status, got, c.status, c.to)
		}
		if w.signedIn(w.browser) != (c.status == 400) {
			t.Errorf("%s: signed in is not what was asked for", c.name)
		}
	}
	w.admin("PATCH", "/tenants/settings", map[string]any{"flags": map[string]any{"confirm_logout": true}})
	w.idToken(w.browser, "+447700900307")
	p := w.get(w.browser, "/v2/logout?client_id="+w.Ready.ClientID)
	if p.Form("logout") == nil || !w.signedIn(w.browser) {
		t.Fatalf("not asked: %d %v", p.Status, p.Left)
	}
	if p = w.submit(w.browser, p.Form("logout").Press("confirm")); p.Left == nil || p.Left.URL.String() != bye || w.signedIn(w.browser) {
		t.Errorf("after the question: %d %v", p.Status, p.Left)
	}
}

// SES-04: a logout ends the session on the server: the cookie that somebody kept
// is refused, a code that was not exchanged is too, and the browser is told to
// forget.
func TestSES04LogoutEndsTheSession(t *testing.T) {
	w := newLeaver(t)
	id := w.idToken(w.browser, "+447700900308")
	home, _ := url.Parse(w.URL)
	kept, _ := cookiejar.New(nil)
	kept.SetCookies(home, w.browser.Cookies(home))
	unused := w.left(w.get(w.browser, "/authorize?"+w.query("prompt", "none"))).Get("code")
	offline := w.left(w.get(w.browser, "/authorize?"+w.query("prompt", "none", "scope", "openid offline_access"))).Get("code")
	_, tokens := w.redeem(offline)

	client := &http.Client{Jar: kept, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(w.URL + oidc("id_token_hint", id, "post_logout_redirect_uri", bye))
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusFound || res.Header.Get("Clear-Site-Data") != `"cache", "storage"` || !strings.Contains(res.Header.Get("Cache-Control"), "no-store") {
		t.Errorf("%d %v", res.StatusCode, res.Header)
	}
	cleared := false
	for _, c := range res.Cookies() {
		cleared = cleared || c.Name == "dc_session" && c.MaxAge < 0 && c.Value == ""
	}
	if !cleared {
		t.Errorf("the cookie is left: %v", res.Cookies())
	}
	// The other browser object still holds the cookie, as a thief would.
	if w.signedIn(w.browser) {
		t.Error("the old cookie still signs in")
	}
	if status, answer := w.redeem(unused); status == http.StatusOK {
		t.Errorf("a code from before the logout is exchanged: %v", answer)
	}
	// Refresh tokens are for when the person is away (Auth0).
	if tokens["refresh_token"] != nil {
		form := url.Values{"grant_type": {"refresh_token"}, "client_id": {w.Ready.ClientID}, "client_secret": {w.Ready.ClientSecret}, "refresh_token": {fmt.Sprint(tokens["refresh_token"])}}
		if status, _, body := w.Post(t, "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded"); status != 200 {
			t.Errorf("the refresh token does not outlive the session: %s", body)
		}
	} else {
		t.Errorf("no refresh token: %v", tokens)
	}
}

// OAU-18: the application is told, with a token that is one of logout and
// nothing else; one that refuses is called again, up to a bound.
func TestOAU18BackchannelLogout(t *testing.T) {
	type call struct{ kind, body string }
	calls := make(chan call, 16)
	answer := make(chan int, 16)
	party := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		calls <- call{r.Header.Get("Content-Type"), r.PostForm.Encode()}
		rw.WriteHeader(<-answer)
	}))
	defer party.Close()
	w := newLeaver(t, "oidc_logout", map[string]any{"backchannel_logout_urls": []string{party.URL + "/logged-out"}})
	id := w.idToken(w.browser, "+447700900309")
	answer <- http.StatusBadGateway
	w.get(w.browser, oidc("id_token_hint", id, "post_logout_redirect_uri", bye))
	got := <-calls
	form, _ := url.ParseQuery(got.body)
	if len(form) != 1 || got.kind != "application/x-www-form-urlencoded" {
		t.Errorf("%+v", got)
	}
	head, said := headerOf(t, form.Get("logout_token")), claims(t, form.Get("logout_token"))
	was := claims(t, id)
	iat, exp := said["iat"].(float64), said["exp"].(float64)
	events, _ := json.Marshal(said["events"])
	if head["typ"] != "logout+jwt" || head["alg"] != "RS256" || said["iss"] != w.Ready.Issuer || said["aud"] != w.Ready.ClientID ||
		exp-iat > 120 || exp <= iat || said["jti"] == nil || said["sub"] != was["sub"] || said["sid"] != was["sid"] || said["nonce"] != nil ||
		string(events) != `{"http://schemas.openid.net/event/backchannel-logout":{}}` {
		t.Errorf("%v %v", head, said)
	}
	// It is not good for anything else.
	if status, _, _ := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+form.Get("logout_token")); status != http.StatusUnauthorized {
		t.Errorf("/userinfo took a logout token: %d", status)
	}
	if p := w.get(w.browser, oidc("id_token_hint", form.Get("logout_token"), "post_logout_redirect_uri", bye)); p.Left != nil {
		t.Error("a logout token was taken as a hint")
	}
	// The second call comes five seconds after the first.
	answer <- http.StatusOK
	select {
	case got = <-calls:
		t.Fatal("called again at once")
	case <-time.After(300 * time.Millisecond):
	}
	w.Clock.Advance(6 * time.Second)
	select {
	case got = <-calls:
	case <-time.After(15 * time.Second):
		t.Fatal("not called again")
	}
	again, _ := url.ParseQuery(got.body)
	if claims(t, again.Get("logout_token"))["jti"] == said["jti"] {
		t.Error("two tokens with one jti")
	}
}

func headerOf(t *testing.T, token string) map[string]any {
	t.Helper()
	doc, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h map[string]any
	if err := json.Unmarshal(doc, &h); err != nil {
		t.Fatal(err)
	}
	return h
}
