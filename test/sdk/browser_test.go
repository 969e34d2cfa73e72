package sdk

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/doorcode/doorcode/internal/testkit/binary"
	"github.com/doorcode/doorcode/internal/testkit/chromium"
)

// The libraries are those that applications load, unmodified: only the login
// widget, which comes in parts, is put together first.
const (
	auth0JS = "browser/node_modules/auth0-js/dist/auth0.min.js"
	spaJS   = "browser/node_modules/@auth0/auth0-spa-js/dist/auth0-spa-js.production.js"
	lock    = "browser/node_modules/auth0-lock/package.json"
)

// A page is a single-page application in a browser, at an origin of its own.
type page struct {
	t      *testing.T
	server *binary.Server
	tab    context.Context
	origin string
	// foreign is where the same application is on another site, whose frames
	// and requests the browser sends without our cookies.
	foreign string
	client  string
}

// serveApplication serves an application's pages, which have nothing in them but
// a library, and registers it. Its first origin is of the login server's own
// site, as where both have names below one domain; the other is foreign to it.
func serveApplication(t *testing.T, s *binary.Server, script string) (origin, foreign, client string) {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /library.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
	mux.HandleFunc("GET /", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Application</title>` +
			`<link rel="icon" href="data:,"><script src="/library.js"></script></head><body><main>Application</main></body></html>`))
	})
	own, other := httptest.NewTLSServer(mux), httptest.NewServer(mux)
	t.Cleanup(own.Close)
	t.Cleanup(other.Close)
	origin, foreign = strings.Replace(own.URL, "127.0.0.1", "localhost", 1), other.URL
	m := s.Manage(t.Context())
	var made struct {
		ID string `json:"client_id"`
	}
	m.Must(t.Context(), http.MethodPost, "/api/v2/clients", map[string]any{
		"name": "Browser application", "app_type": "spa", "token_endpoint_auth_method": "none", "oidc_conformant": true,
		"callbacks": []string{origin + "/callback", foreign + "/callback"}, "web_origins": []string{origin, foreign},
		"allowed_logout_urls":         []string{origin + "/", origin + "/?out=1"},
		"cross_origin_authentication": true,
		"grant_types":                 []string{"authorization_code", "implicit", "refresh_token", binary.GrantOTP},
		"refresh_token": map[string]any{
			"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 0, "token_lifetime": 3600, "idle_token_lifetime": 1800,
		},
	}, &made)
	return origin, foreign, made.ID
}

// open opens an application in a new browser.
func open(t *testing.T, s *binary.Server, script string) *page {
	t.Helper()
	origin, foreign, client := serveApplication(t, s, script)
	p := &page{t: t, server: s, tab: chromium.New(t), origin: origin, foreign: foreign, client: client}
	p.visit("/")
	return p
}

func (p *page) run(actions ...chromedp.Action) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.tab, 40*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var at, text string
		_ = chromedp.Run(p.tab, chromedp.Location(&at), chromedp.Evaluate(`document.body.innerText`, &text))
		p.t.Fatalf("%v at %s:\n%s", err, at, text)
	}
}

func (p *page) visit(path string) { p.t.Helper(); p.run(chromium.Open(p.origin + path)) }

// call runs a script in the page and waits for what it promises. An error that
// it throws ends the test.
func (p *page) call(script string, out *map[string]any) {
	p.t.Helper()
	body := `(async () => { try { return {ok: await (async () => {` + script + `})()}; } ` +
		`catch (e) { return {error: [e.error || e.code || e.name, e.error_description || e.description || e.message].join(": ")}; } })()`
	var done struct {
		OK    map[string]any `json:"ok"`
		Error string         `json:"error"`
	}
	p.run(chromedp.Evaluate(body, &done, func(e *runtime.EvaluateParams) *runtime.EvaluateParams {
		return e.WithAwaitPromise(true)
	}))
	if done.Error != "" {
		p.t.Fatalf("the library says %s, in\n%s", done.Error, script)
	}
	*out = done.OK
}

// start runs a script after which the browser leaves the page.
func (p *page) start(script string) {
	p.t.Helper()
	p.run(chromedp.Evaluate(`void (async () => {`+script+`})()`, nil))
}

// signIn goes through the login pages, back to the application.
func (p *page) signIn(number string) {
	p.t.Helper()
	p.run(chromedp.WaitVisible("#username"), chromedp.SendKeys("#username", number), chromedp.Click("#continue"),
		chromedp.WaitVisible("#code"))
	p.run(chromedp.SendKeys("#code", p.code(number)), chromedp.Click("#continue"))
	p.back()
}

// typed types into a field once it takes what is typed: widgets move theirs in.
func (p *page) typed(field, text string) {
	p.t.Helper()
	ready := fmt.Sprintf(`(() => { const e = document.querySelector(%q); if (!e || getComputedStyle(e).visibility !== "visible") return false;
		e.focus(); return document.activeElement === e; })()`, field)
	p.run(chromedp.Poll(ready, nil, chromedp.WithPollingInterval(100*time.Millisecond)), chromedp.Sleep(time.Second), chromedp.SendKeys(field, text))
}

// back waits until the browser is at the application's callback.
func (p *page) back() *url.URL { p.t.Helper(); return p.at("/callback") }

// at waits until the browser is at a page of the application.
func (p *page) at(path string) *url.URL {
	p.t.Helper()
	var at string
	for range 200 {
		p.run(chromedp.Location(&at))
		if strings.HasPrefix(at, p.origin+path) {
			p.run(chromedp.WaitReady("main"))
			u, err := url.Parse(at)
			if err != nil {
				p.t.Fatal(err)
			}
			return u
		}
		time.Sleep(50 * time.Millisecond)
	}
	var text string
	p.run(chromedp.Evaluate(`document.body.innerText`, &text))
	p.t.Fatalf("still at %s:\n%s", at, text)
	return nil
}

// code is the newest code that was sent to somebody.
func (p *page) code(to string) string {
	p.t.Helper()
	for range 500 {
		if m := p.server.Messages(p.t.Context(), to); len(m) > 0 && m[0].Code != "" && m[0].ID != lastRead(p.server, to, m[0].ID) {
			return m[0].Code
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.t.Fatalf("nothing was sent to %s", to)
	return ""
}

var messagesRead sync.Map

// lastRead returns the id of the message that was read last of those that a
// server sent somebody, and notes the one that is read now.
func lastRead(s *binary.Server, to, now string) string {
	before, _ := messagesRead.Swap(s.OutboxURL+" "+to, now)
	id, _ := before.(string)
	return id
}

// libraries installs what is not there.
func libraries(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not with -short")
	}
	binary.Tool(t, "chromium", "DOORCODE_TEST_CHROMIUM")
	if _, err := os.Stat(lock); err != nil {
		run(t, "browser", nil, binary.Tool(t, "npm", ""), "ci", "--ignore-scripts", "--no-audit", "--no-fund")
	}
}

// TestBrowserLibraries runs Auth0's libraries for browsers in one: what they
// send, keep and check is theirs.
func TestBrowserLibraries(t *testing.T) {
	libraries(t)
	s := serve(t)
	t.Run("auth0-spa-js signs in by redirect, and silently by frame", func(t *testing.T) { spaFrame(t, s) })
	t.Run("auth0-spa-js signs out", func(t *testing.T) { spaLogout(t, s) })
	t.Run("auth0-spa-js refreshes with a token that rotates", func(t *testing.T) { spaRefresh(t, s) })
	t.Run("auth0.js signs in across origins", func(t *testing.T) { crossOrigin(t, s) })
	t.Run("auth0.js checks a code and goes on with it", func(t *testing.T) { verifyRedirect(t, s) })
	t.Run("auth0.js in a browser that keeps cookies from other sites", func(t *testing.T) { withoutCookies(t, s) })
	t.Run("Lock signs in with a code by SMS", func(t *testing.T) { lockSMS(t, s) })
	s.NoteOutbox()
	s.Stop()
}

// spaClient makes the client of auth0-spa-js.
func (p *page) spaClient(more string) string {
	return fmt.Sprintf(`const client = await auth0.createAuth0Client({domain: %q, clientId: %q,
		authorizationParams: {redirect_uri: %q}%s}); window.client = client;`, p.server.Domain, p.client, p.origin+"/callback", more)
}

func spaFrame(t *testing.T, s *binary.Server) {
	p := open(t, s, spaJS)
	const number = "+447700900301"
	p.start(p.spaClient("") + `await client.loginWithRedirect({appState: {target: "/here"}});`)
	p.signIn(number)
	var got map[string]any
	p.call(p.spaClient("")+`
		const back = await client.handleRedirectCallback();
		const claims = await client.getIdTokenClaims();
		return {target: back.appState.target, user: await client.getUser(), token: await client.getTokenSilently(), sid: claims.sid};`, &got)
	user, _ := got["user"].(map[string]any)
	if got["target"] != "/here" || user["name"] != number || got["token"] == "" {
		t.Errorf("signed in: %v", got)
	}
	token := got["token"]
	var again map[string]any
	p.call(`const token = await client.getTokenSilently({cacheMode: "off"});
		const claims = await client.getIdTokenClaims();
		return {token, sid: claims.sid};`, &again)
	if again["token"] == token || again["token"] == nil || again["sid"] != got["sid"] {
		t.Errorf("by frame the same token or another session: %v, after %v", again["sid"], got["sid"])
	}
	var other map[string]any
	p.call(`try { await client.getTokenSilently({cacheMode: "off", authorizationParams: {max_age: 0}}); return {error: ""}; }
		catch (e) { return {error: e.error}; }`, &other)
	if other["error"] != "login_required" {
		t.Errorf("a silent request that needs a new proof: %v", other)
	}
}

// Signing out ends the session here as well as what the library keeps.
func spaLogout(t *testing.T, s *binary.Server) {
	p := open(t, s, spaJS)
	p.start(p.spaClient("") + `await client.loginWithRedirect();`)
	p.signIn("+447700900307")
	var got map[string]any
	p.call(p.spaClient("")+`await client.handleRedirectCallback(); return {in: await client.isAuthenticated()};`, &got)
	if got["in"] != true {
		t.Fatalf("signed in: %v", got)
	}
	p.start(fmt.Sprintf(`await window.client.logout({logoutParams: {returnTo: %q}});`, p.origin+"/?out=1"))
	p.at("/?out=1")
	p.call(p.spaClient("")+`const inside = await client.isAuthenticated();
		try { await client.getTokenSilently({cacheMode: "off"}); return {in: inside, error: ""}; }
		catch (e) { return {in: inside, error: e.error}; }`, &got)
	if got["in"] != false || got["error"] != "login_required" {
		t.Errorf("signed out: %v", got)
	}
}

func spaRefresh(t *testing.T, s *binary.Server) {
	p := open(t, s, spaJS)
	const options = `, useRefreshTokens: true, cacheLocation: "localstorage"`
	p.start(p.spaClient(options) + `await client.loginWithRedirect();`)
	p.signIn("+447700900302")
	var got map[string]any
	p.call(p.spaClient(options)+`
		await client.handleRedirectCallback();
		const refresh = () => Object.keys(localStorage).map(k => JSON.parse(localStorage[k])).map(v => v.body && v.body.refresh_token).find(Boolean);
		const first = {token: await client.getTokenSilently(), refresh: refresh()};
		const second = {token: await client.getTokenSilently({cacheMode: "off"}), refresh: refresh()};
		return {first, second};`, &got)
	first, _ := got["first"].(map[string]any)
	second, _ := got["second"].(map[string]any)
	for _, name := range []string{"token", "refresh"} {
		if first[name] == nil || second[name] == nil || first[name] == second[name] {
			t.Errorf("%s did not change with the exchange", name)
		}
	}
}

// webAuth makes the client of auth0.js, with its callbacks as promises.
func (p *page) webAuth() string {
	return fmt.Sprintf(`const web = new auth0.WebAuth({domain: %q, clientID: %q, redirectUri: %q,
		responseType: "token id_token", scope: "openid profile phone"});
		const ask = (f, ...a) => new Promise((ok, no) => f(...a, (err, r) => err ? no(err) : ok(r || {})));`,
		p.server.Domain, p.client, p.origin+"/callback")
}

// sendCode asks for a code from the application's page.
func (p *page) sendCode(number string) {
	p.t.Helper()
	var got map[string]any
	p.call(p.webAuth()+fmt.Sprintf(`return await ask(web.passwordlessStart.bind(web), {connection: "sms", send: "code", phoneNumber: %q});`, number), &got)
	if id, _ := got["Id"].(string); id == "" || got["phoneNumber"] != number {
		p.t.Errorf("passwordlessStart answers %v", got)
	}
}

func crossOrigin(t *testing.T, s *binary.Server) {
	p := open(t, s, auth0JS)
	const number = "+447700900303"
	p.sendCode(number)
	var wrong map[string]any
	p.call(p.webAuth()+fmt.Sprintf(`try { await ask(web.passwordlessLogin.bind(web), {connection: "sms", phoneNumber: %q, verificationCode: "000000"}); return {}; }
		catch (e) { return {code: e.code, description: e.description}; }`, number), &wrong)
	if wrong["code"] != "access_denied" || wrong["description"] != binary.WrongSMS {
		t.Errorf("a wrong code: %v", wrong)
	}
	p.start(p.webAuth() + fmt.Sprintf(`web.passwordlessLogin({connection: "sms", phoneNumber: %q, verificationCode: %q}, e => { document.title = JSON.stringify(e); });`,
		number, p.code(number)))
	p.back()
	var got map[string]any
	p.call(p.webAuth()+`
		const hash = await ask(web.parseHash.bind(web), {hash: location.hash});
		const user = await ask(web.client.userInfo.bind(web.client), hash.accessToken);
		const again = await ask(web.checkSession.bind(web), {});
		return {number: hash.idTokenPayload.phone_number, sub: hash.idTokenPayload.sub, user: user.sub, again: again.idTokenPayload.sub};`, &got)
	if got["number"] != number || got["sub"] == nil || got["user"] != got["sub"] || got["again"] != got["sub"] {
		t.Errorf("signed in across origins: %v", got)
	}
	// What its getSSOData asks on a login page, which libraries before it asked
	// from everywhere.
	s.Manage(t.Context()).Must(t.Context(), http.MethodPatch, "/api/v2/clients/"+p.client, map[string]any{"oidc_conformant": false}, nil)
	var known map[string]any
	p.call(p.webAuth()+`return await ask(web._universalLogin.getSSOData.bind(web._universalLogin), true);`, &known)
	if known["sso"] != true || known["lastUsedUserID"] != got["sub"] || known["lastUsedUsername"] != number {
		t.Errorf("who is signed in: %v", known)
	}
}

// passwordlessVerify checks the code from the application's page and leads the
// browser on with it, to our page that asks.
func verifyRedirect(t *testing.T, s *binary.Server) {
	p := open(t, s, auth0JS)
	const number = "+447700900308"
	p.sendCode(number)
	var wrong map[string]any
	p.call(p.webAuth()+fmt.Sprintf(`try { await ask(web.passwordlessVerify.bind(web), {connection: "sms", phoneNumber: %q, verificationCode: "000000"}); return {}; }
		catch (e) { return {code: e.code, description: e.description}; }`, number), &wrong)
	if wrong["code"] != "invalid_user_password" || wrong["description"] != binary.WrongSMS {
		t.Errorf("a wrong code: %v", wrong)
	}
	p.start(p.webAuth() + fmt.Sprintf(`web.passwordlessVerify({connection: "sms", phoneNumber: %q, verificationCode: %q}, e => { document.title = JSON.stringify(e); });`,
		number, p.code(number)))
	var asked string
	p.run(chromedp.WaitVisible("#continue"), chromedp.Text("main", &asked), chromedp.Click("#continue"))
	if !strings.Contains(asked, "+44 7700 900308") {
		t.Errorf("the page that asks says %q", asked)
	}
	p.back()
	var got map[string]any
	p.call(p.webAuth()+`
		const hash = await ask(web.parseHash.bind(web), {hash: location.hash});
		const again = await ask(web.checkSession.bind(web), {});
		return {number: hash.idTokenPayload.phone_number, sub: hash.idTokenPayload.sub, again: again.idTokenPayload.sub};`, &got)
	if got["number"] != number || got["sub"] == nil || got["again"] != got["sub"] {
		t.Errorf("signed in by a code that was checked: %v", got)
	}
}

// A browser that keeps no cookies of other sites cannot show that a ticket is its
// own: the person signs in on our pages, and gets there all the same. Nobody who
// was signed in there before is taken for them.
func withoutCookies(t *testing.T, s *binary.Server) {
	p := open(t, s, auth0JS)
	p.origin = p.foreign
	p.visit("/")
	const before, number = "+447700900309", "+447700900305"
	p.start(p.webAuth() + `web.authorize();`)
	p.signIn(before)
	p.numberIs("signed in on our pages", before)
	p.sendCode(number)
	p.start(p.webAuth() + fmt.Sprintf(`web.passwordlessLogin({connection: "sms", phoneNumber: %q, verificationCode: %q}, e => { document.title = JSON.stringify(e); });`,
		number, p.code(number)))
	p.signIn("+447700900306")
	p.numberIs("signed in without cookies", "+447700900306")
}

// numberIs checks whose tokens the page was given.
func (p *page) numberIs(what, number string) {
	p.t.Helper()
	var got map[string]any
	p.call(p.webAuth()+`const hash = await ask(web.parseHash.bind(web), {hash: location.hash}); return {number: hash.idTokenPayload.phone_number};`, &got)
	if got["number"] != number {
		p.t.Errorf("%s: %v, want %s", what, got, number)
	}
}
