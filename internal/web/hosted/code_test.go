package hosted_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const person = "+447700900123"

// silent is what the browser's session is enough for.
func (w *world) silent(pairs ...string) url.Values {
	w.t.Helper()
	return w.left(w.get(w.browser, "/authorize?"+w.query(append([]string{"prompt", "none"}, pairs...)...)))
}

// OAU-06: a code is good once. The second time ends what it gave, however long
// after.
func TestOAU06CodeReuse(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	for _, later := range []time.Duration{0, time.Second, 30 * time.Second} {
		code := w.silent("scope", "openid offline_access").Get("code")
		status, tokens := w.redeem(code)
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, tokens)
		}
		access, refresh := tokens["access_token"].(string), tokens["refresh_token"].(string)
		w.Clock.Advance(later)
		if status, answer := w.redeem(code); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("after %v again: %d %v", later, status, answer)
		}
		if status, _, _ := w.Do(t, http.MethodGet, "/userinfo", "", "Authorization", "Bearer "+access); status != http.StatusUnauthorized {
			t.Errorf("after %v the access token gives %d", later, status)
		}
		status, answer := w.redeem("", "grant_type", "refresh_token", "refresh_token", refresh)
		if status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("after %v the refresh token gives %d %v", later, status, answer)
		}
	}
}

// OAU-07: a code lives for 60 seconds.
func TestOAU07CodeLifetime(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	for after, want := range map[time.Duration]int{
		tenant.AuthorizationCodeLifetime - 5*time.Second: http.StatusOK,
		tenant.AuthorizationCodeLifetime:                 http.StatusForbidden,
		tenant.AuthorizationCodeLifetime + time.Second:   http.StatusForbidden,
	} {
		code := w.silent().Get("code")
		w.Clock.Advance(after)
		if status, answer := w.redeem(code); status != want {
			t.Errorf("after %v: %d %v, want %d", after, status, answer, want)
		}
	}
}

// OAU-08, through the token endpoint: what is not the right exchange gets
// nothing and spoils nothing.
func TestOAU08Swaps(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	code := w.silent("code_challenge", challenge(), "code_challenge_method", "S256").Get("code")
	plain := w.silent().Get("code")
	for name, change := range map[string][]string{
		"another application":      {"client_id", w.Ready.SPAClientID, "client_secret", "", "code_verifier", verifier},
		"a native application":     {"client_id", w.Ready.NativeClientID, "client_secret", "", "code_verifier", verifier},
		"another redirect URI":     {"redirect_uri", callback + "/", "code_verifier", verifier},
		"no redirect URI":          {"redirect_uri", "", "code_verifier", verifier},
		"no verifier":              {},
		"another verifier":         {"code_verifier", strings.Repeat("a", 43)},
		"the challenge itself":     {"code_verifier", challenge()},
		"a verifier for no reason": {"code", plain, "code_verifier", verifier},
	} {
		status, answer := w.redeem(code, change...)
		if status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("%s: %d %v", name, status, answer)
		}
	}
	if status, answer := w.redeem(code, "client_secret", "wrong", "code_verifier", verifier); status != http.StatusUnauthorized {
		t.Errorf("with a wrong secret: %d %v", status, answer)
	}
	if status, answer := w.redeem(code, "code_verifier", verifier); status != http.StatusOK {
		t.Errorf("the right exchange after all these: %d %v", status, answer)
	}
	if status, answer := w.redeem(plain); status != http.StatusOK {
		t.Errorf("the right exchange without PKCE: %d %v", status, answer)
	}
}

// A public application gets its tokens by nothing but the verifier.
func TestPublicApplication(t *testing.T) {
	w := newWorld(t)
	query := w.query("client_id", w.Ready.SPAClientID, "code_challenge", challenge(), "code_challenge_method", "S256", "scope", "openid offline_access")
	answer := w.signIn(w.browser, query, person)
	status, tokens := w.redeem(answer.Get("code"), "client_id", w.Ready.SPAClientID, "client_secret", "", "code_verifier", verifier)
	if status != http.StatusOK || tokens["refresh_token"] == nil {
		t.Errorf("%d %v", status, tokens)
	}
}

// The statuses of refusals are Auth0's, or the standard's where the tenant says
// so (R23).
func TestStrictStatus(t *testing.T) {
	w := newWorld(t)
	if status, answer := w.redeem("nonsense"); status != http.StatusForbidden || answer["error"] != "invalid_grant" ||
		answer["error_description"] != "Invalid authorization code" {
		t.Errorf("%d %v", status, answer)
	}
	w.manage(http.MethodPatch, "/api/v2/tenants/settings", `{"flags":{"standards_strict":true}}`)
	if status, answer := w.redeem("nonsense"); status != http.StatusBadRequest || answer["error"] != "invalid_grant" {
		t.Errorf("strict: %d %v", status, answer)
	}
}

// manage sends a request to the Management API.
func (w *world) manage(method, path, body string) string {
	w.t.Helper()
	_, tokens := w.redeem("", "grant_type", "client_credentials", "client_id", w.Ready.ManagementClientID,
		"client_secret", w.Ready.ManagementClientSecret, "audience", w.URL+"/api/v2/", "code", "", "redirect_uri", "")
	token, _ := tokens["access_token"].(string)
	status, _, answer := w.Do(w.t, method, path, body, "Authorization", "Bearer "+token, "Content-Type", "application/json")
	if status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer
}

// allowImplicit lets the ready-made application have every response type.
func (w *world) allowImplicit() {
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID,
		`{"grant_types":["authorization_code","implicit","refresh_token","http://auth0.com/oauth/grant-type/passwordless/otp"]}`)
}

// Every response type has in its answer what it names, with the hashes that tie
// its parts to each other.
func TestResponseTypes(t *testing.T) {
	w := newWorld(t)
	w.allowImplicit()
	w.signIn(w.browser, w.query(), person)
	for _, kind := range []string{"code", "token", "id_token", "code token", "code id_token", "id_token token", "token id_token code"} {
		p := w.get(w.browser, "/authorize?"+w.query("prompt", "none", "response_type", kind, "scope", "openid offline_access"))
		got := w.left(p)
		has := func(name string) bool { return strings.Contains(" "+kind+" ", " "+name+" ") }
		if got.Has("code") != has("code") || got.Has("id_token") != has("id_token") || got.Has("access_token") != has("token") {
			t.Errorf("%s: %v", kind, got)
		}
		if got.Has("access_token") && (got.Get("token_type") != "Bearer" || got.Get("expires_in") != "7200") {
			t.Errorf("%s: %v", kind, got)
		}
		if got.Has("refresh_token") {
			t.Errorf("%s: a refresh token goes through the browser", kind)
		}
		if front := kind != "code"; front != (p.Left.URL.Fragment != "") || front == (p.Left.URL.RawQuery != "") {
			t.Errorf("%s is answered to %s", kind, p.Left.URL)
		}
		if has("id_token") {
			c := claims(t, got.Get("id_token"))
			if c["nonce"] != "n-0S6_WzA2Mj" || (c["at_hash"] != nil) != has("token") || (c["c_hash"] != nil) != has("code") {
				t.Errorf("%s: %v", kind, c)
			}
		}
		if has("code") {
			if status, tokens := w.redeem(got.Get("code")); status != http.StatusOK {
				t.Errorf("%s: the code gives %d %v", kind, status, tokens)
			}
		}
		if has("token") {
			if status, _, body := w.Do(t, http.MethodGet, "/userinfo", "", "Authorization", "Bearer "+got.Get("access_token")); status != http.StatusOK {
				t.Errorf("%s: userinfo %d %s", kind, status, body)
			}
		}
	}
}

// OAU-13: what the application sends as state and nonce, it gets back byte for
// byte.
func TestOAU13StateAndNonce(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	for _, text := range []string{"x", "a+b c%20&=#?", "ünï ☃ 日本語", `"<script>'\`, strings.Repeat("é%+", 100), strings.Repeat("z", 2048), "\u202e\u0001"} {
		answer := w.silent("state", text, "nonce", text)
		if answer.Get("state") != text {
			t.Errorf("state %q came back as %q", text, answer.Get("state"))
		}
		_, tokens := w.redeem(answer.Get("code"))
		if got := claims(t, tokens["id_token"])["nonce"]; got != text {
			t.Errorf("nonce %q came back as %q", text, got)
		}
	}
	// As long as it may be, of characters that take more where they are kept. An
	// address has room for one of them.
	for _, text := range []string{strings.Repeat("<", 2048), strings.Repeat("\u0001", 2048), strings.Repeat("é", 1024)} {
		if got := w.silent("state", text).Get("state"); got != text {
			t.Errorf("state %.10q… came back with %d bytes", text, len(got))
		}
		_, tokens := w.redeem(w.silent("nonce", text).Get("code"))
		if got := claims(t, tokens["id_token"])["nonce"]; got != text {
			t.Errorf("nonce %.10q… came back as another", text)
		}
		b := w.newBrowser() // and by way of a sign-in that is stored
		if got := w.signIn(b, w.query("state", text), "+447700900124").Get("state"); got != text {
			t.Errorf("state %.10q… came back from a sign-in with %d bytes", text, len(got))
		}
		path := w.link("oau13@mail.example", map[string]any{"response_type": "code", "scope": "openid", "state": text, "nonce": text})
		if got := w.left(w.tap(w.newBrowser(), path)).Get("state"); got != text {
			t.Errorf("state %.10q… came back from a link with %d bytes", text, len(got))
		}
	}
	if answer := w.silent("state", "", "nonce", ""); answer.Has("state") {
		t.Errorf("without a state: %v", answer)
	}
}

// OAU-14: every answer says who gives it, a good one and a refusal, in every
// mode there is.
func TestOAU14Issuer(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	for _, mode := range oauth.ResponseModes() {
		for _, prompt := range []string{"none", "none login"} {
			p := w.get(w.browser, "/authorize?"+w.query("response_mode", mode, "prompt", prompt))
			var got url.Values
			switch mode {
			case oauth.ModeFormPost:
				f := p.Form("iss")
				if f == nil || f.Action.String() != callback || f.Method != http.MethodPost {
					t.Fatalf("%s", p.Body)
				}
				got = f.Values
			case oauth.ModeWebMessage:
				got = message(t, p)
			default:
				got = w.left(p)
			}
			if got.Get("iss") != w.Ready.Issuer || got.Get("state") != "af0ifjsldkj" ||
				got.Has("error") != (prompt != "none") || got.Has("code") != (prompt == "none") {
				t.Errorf("%s with prompt %q: %v", mode, prompt, got)
			}
		}
	}
}

// message is the answer that a page of web_message sends.
func message(t *testing.T, p *textbrowser.Page) url.Values {
	t.Helper()
	_, rest, _ := strings.Cut(p.Body, `<script type="application/json" id="message">`)
	text, _, _ := strings.Cut(rest, "</script>")
	var sent struct {
		Target   string
		Response map[string]string
	}
	if err := json.Unmarshal([]byte(text), &sent); err != nil || !strings.HasPrefix(callback, sent.Target+"/") {
		t.Fatalf("%v, %d %s", err, p.Status, p.Body)
	}
	got := url.Values{}
	for name, value := range sent.Response {
		got.Set(name, value)
	}
	return got
}

// The page of form_post sends itself, and has a button where there are no
// scripts.
func TestFormPost(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	p := w.get(w.browser, "/authorize?"+w.query("response_mode", "form_post", "prompt", "none", "state", `"><script>alert(1)</script>`))
	if strings.Contains(p.Body, "<script>alert") {
		t.Error("the state is in the page as it was sent")
	}
	sent := w.submit(w.browser, p.Form("code"))
	if sent.Left == nil || sent.Left.Method != http.MethodPost || sent.Left.Form.Get("state") != `"><script>alert(1)</script>` {
		t.Fatalf("%+v", sent.Left)
	}
	if status, tokens := w.redeem(sent.Left.Form.Get("code")); status != http.StatusOK {
		t.Errorf("%d %v", status, tokens)
	}
}

// OAU-24: a message is for the application's own origin and nobody else, who
// alone may frame the page.
func TestOAU24WebMessage(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	p := w.get(w.browser, "/authorize?"+w.query("response_mode", "web_message", "prompt", "none", "state", "</script><script>alert(1)//"))
	if p.Left != nil || p.Status != http.StatusOK {
		t.Fatalf("%d, left for %v", p.Status, p.Left)
	}
	csp := p.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "frame-ancestors http://localhost:3000") || strings.Contains(csp, "'unsafe") {
		t.Errorf("policy %q", csp)
	}
	if !strings.Contains(p.Body, `"target":"http://localhost:3000"`) || strings.Contains(p.Body, "</script><script>alert") || strings.Contains(p.Body, `"*"`) {
		t.Errorf("%s", p.Body)
	}
	if refused := w.get(w.newBrowser(), "/authorize?"+w.query("response_mode", "web_message", "prompt", "none")); !strings.Contains(refused.Body, `"error":"login_required"`) {
		t.Errorf("%s", refused.Body)
	}
}

// SES-10 and what OpenID's suite asks about prompts and ages.
func TestSES10Prompts(t *testing.T) {
	w := newWorld(t)
	_, tokens := w.redeem(w.signIn(w.browser, w.query(), person).Get("code"))
	first := claims(t, tokens["id_token"])
	hint := tokens["id_token"].(string)
	w.Clock.Advance(2 * time.Second)
	at := func(pairs ...string) string {
		t.Helper()
		p := w.get(w.browser, "/authorize?"+w.query(pairs...))
		if p.Left != nil {
			return p.Left.URL.Query().Get("error") + "answered"
		}
		return p.URL.Path
	}
	cases := 0
	for _, c := range []struct {
		pairs []string
		want  string
	}{
		{nil, "answered"},
		{[]string{"max_age", "10000"}, "answered"},
		{[]string{"max_age", "1"}, "/u/login/identifier"},
		{[]string{"max_age", "0"}, "/u/login/identifier"},
		{[]string{"prompt", "login"}, "/u/login/identifier"},
		{[]string{"prompt", "select_account"}, "/u/login/identifier"},
		{[]string{"prompt", "create"}, "/u/login/identifier"},
		{[]string{"screen_hint", "signup"}, "/u/login/identifier"},
		{[]string{"prompt", "consent"}, "/u/consent"},
		{[]string{"connection", "sms"}, "/u/login/identifier"}, // Auth0: never a session
		{[]string{"connection", "sms", "prompt", "none"}, "login_requiredanswered"},
		{[]string{"max_age", "1", "prompt", "none"}, "login_requiredanswered"},
		{[]string{"prompt", "none", "id_token_hint", hint}, "answered"},
		{[]string{"prompt", "none", "ui_locales", "se", "claims_locales", "se", "acr_values", "1 2", "display", "popup"}, "answered"},
		{[]string{"prompt", "none", "max_age", "0"}, "login_requiredanswered"},
		{[]string{"prompt", "none", "max_age", "10000"}, "answered"},
		{[]string{"max_age", "-1"}, "invalid_requestanswered"},
		{[]string{"max_age", "soon"}, "invalid_requestanswered"},
		{[]string{"max_age", "99999999999999999999"}, "invalid_requestanswered"},
		{[]string{"prompt", "none login"}, "invalid_requestanswered"},
		{[]string{"prompt", "none consent"}, "invalid_requestanswered"},
		{[]string{"prompt", "sometimes"}, "invalid_requestanswered"},
		{[]string{"prompt", "login consent"}, "/u/login/identifier"},
		{[]string{"id_token_hint", hint}, "answered"},
		{[]string{"id_token_hint", hint, "prompt", "login"}, "/u/login/identifier"},
		{[]string{"id_token_hint", "nobody's"}, "invalid_requestanswered"},
		{[]string{"id_token_hint", hint + "x", "prompt", "none"}, "invalid_requestanswered"},
		{[]string{"login_hint", "sam@mail.example"}, "answered"}, // a hint asks for nothing
		{[]string{"login_hint", "sam@mail.example", "prompt", "none"}, "answered"},
		{[]string{"login_hint", "sam@mail.example", "prompt", "login"}, "/u/login/identifier"},
	} {
		cases++
		if got := at(c.pairs...); got != c.want {
			t.Errorf("%v leads to %s, want %s", c.pairs, got, c.want)
		}
	}
	t.Logf("measured: SES-10 %d requests", cases)
	if cases < 20 {
		t.Errorf("%d requests, want 20", cases)
	}
	_, tokens = w.redeem(w.signIn(w.browser, w.query("prompt", "login", "max_age", "1"), person).Get("code"))
	second := claims(t, tokens["id_token"])
	if second["auth_time"].(float64) <= first["auth_time"].(float64) || second["sub"] != first["sub"] || second["sid"] != first["sid"] {
		t.Errorf("after the second sign-in %v, at first %v", second, first)
	}
	// Somebody else than was meant is told apart.
	other := w.newBrowser()
	if got := w.signIn(other, w.query("id_token_hint", hint), "+447700900999"); got.Get("error") != "login_required" {
		t.Errorf("another person than the hint's gets %v", got)
	}
	if got := w.left(w.get(other, "/authorize?"+w.query("id_token_hint", hint, "prompt", "none"))); got.Get("error") != "login_required" {
		t.Errorf("silently, another person than the hint's gets %v", got)
	}
	hinted := w.get(w.newBrowser(), "/authorize?"+w.query("login_hint", "sam@mail.example"))
	if f := hinted.Form("username"); f.Values.Get("username") != "sam@mail.example" || f.Values.Get("connection") != "email" {
		t.Errorf("the login hint fills in %v", f.Values)
	}
}
