package authapi_test

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/tenant"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// OAU-21: the device flow from the device's side, with somebody who answers.
func TestOAU21DeviceFlow(t *testing.T) {
	w := newWorld(t)
	tv := w.person(map[string]any{"app_type": "native", "grant_types": []string{deviceGrant, "refresh_token"}})
	other := w.person(map[string]any{"app_type": "native", "grant_types": []string{deviceGrant}})
	who := claimsOf(t, w.signIn(w.app(), number, nil).want(t, 200)["id_token"].(string))
	by := tenant.Session{ID: "session", User: tenant.UserID(who["sub"].(string)), AuthTime: w.Clock.Now()}
	start := func() map[string]any {
		t.Helper()
		return w.form("/oauth/device/code", and(tv, map[string]string{"scope": "openid offline_access"})).want(t, 200)
	}
	poll := func(client map[string]string, code any) reply {
		t.Helper()
		return w.token(and(client, map[string]string{"grant_type": deviceGrant, "device_code": fmt.Sprint(code)}))
	}
	refused := func(what string, got reply, status int, code string) {
		t.Helper()
		if got.status != status || got.code() != code {
			t.Errorf("%s: %d %s, want %d %s", what, got.status, got.body, status, code)
		}
	}
	wait := func() { w.Clock.Advance(6 * time.Second) }

	d := start()
	if !regexp.MustCompile(`^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$`).MatchString(d["user_code"].(string)) ||
		d["verification_uri"] != w.Ready.Issuer+"activate" || d["expires_in"] != 900.0 || d["interval"] != 5.0 ||
		d["verification_uri_complete"] != w.Ready.Issuer+"activate?user_code="+d["user_code"].(string) {
		t.Errorf("the device is told %v", d)
	}
	refused("nobody has answered", poll(tv, d["device_code"]), 403, "authorization_pending")
	fast := poll(tv, d["device_code"])
	refused("at once", fast, 429, "slow_down")
	if fast.header.Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q, want five seconds more", fast.header.Get("Retry-After"))
	}
	wait()
	refused("sooner than it was told", poll(tv, d["device_code"]), 429, "slow_down")
	w.Clock.Advance(16 * time.Second)
	refused("another application's", poll(other, d["device_code"]), 403, "invalid_grant")
	refused("the code that people type", poll(tv, d["user_code"]), 403, "invalid_grant")
	refused("half a code", poll(tv, d["device_code"].(string)[:20]), 403, "invalid_grant")
	refused("no code", poll(tv, ""), 400, "invalid_request")
	typed := strings.ToLower(strings.ReplaceAll(d["user_code"].(string), "-", " "))
	if err := w.Devices().DecideDevice(t.Context(), grant.Decision{UserCode: typed, Session: by, Allow: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.Devices().DecideDevice(t.Context(), grant.Decision{UserCode: typed}); !fault.Has(err, fault.NotFound) {
		t.Errorf("a second answer counts: %v", err)
	}
	var mu sync.Mutex
	var tokens []map[string]any
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			got := poll(tv, d["device_code"])
			mu.Lock()
			defer mu.Unlock()
			if got.status == 200 {
				tokens = append(tokens, got.want(t, 200))
			}
		})
	}
	wg.Wait()
	if len(tokens) != 1 {
		t.Fatalf("%d polls got tokens, want one", len(tokens))
	}
	if c := claimsOf(t, tokens[0]["id_token"].(string)); c["sub"] != who["sub"] || c["sid"] != "session" || tokens[0]["refresh_token"] == nil {
		t.Errorf("tokens of the device: %v %v", c, tokens[0])
	}
	wait()
	refused("after its tokens", poll(tv, d["device_code"]), 403, "invalid_grant")

	d = start()
	if err := w.Devices().DecideDevice(t.Context(), grant.Decision{UserCode: d["user_code"].(string)}); err != nil {
		t.Fatal(err)
	}
	refused("denied", poll(tv, d["device_code"]), 403, "access_denied")
	wait()
	refused("denied, again", poll(tv, d["device_code"]), 403, "invalid_grant")

	d = start()
	w.Clock.Advance(16 * time.Minute)
	if err := w.Devices().DecideDevice(t.Context(), grant.Decision{UserCode: d["user_code"].(string), Session: by, Allow: true}); !fault.Has(err, fault.NotFound) {
		t.Errorf("a code that is over is approved: %v", err)
	}
	refused("over", poll(tv, d["device_code"]), 403, "expired_token")
	refused("over, again", poll(tv, d["device_code"]), 403, "invalid_grant")

	if got := w.form("/oauth/device/code", w.native()); got.status != 403 || got.code() != "unauthorized_client" {
		t.Errorf("without the grant: %d %s", got.status, got.body)
	}
	w.manage("PATCH", "/tenants/settings", map[string]any{"device_flow": map[string]any{"charset": "digits", "mask": "*** *** ***"}}).want(t, 200)
	if d = start(); !regexp.MustCompile(`^[0-9]{3} [0-9]{3} [0-9]{3}$`).MatchString(d["user_code"].(string)) {
		t.Errorf("user_code %v", d["user_code"])
	}
	w.manage("PATCH", "/tenants/settings", map[string]any{"device_flow": map[string]any{"mask": "***"}}).want(t, 400)
}

// OAU-22: a pushed request is good once, for a minute at most, for whoever
// pushed it.
func TestOAU22PushedRequests(t *testing.T) {
	w := newWorld(t)
	params := and(w.app(), map[string]string{
		"response_type": "code", "redirect_uri": "http://localhost:3000/callback", "scope": "openid", "state": "s", "login_hint": "me@example.test",
		"code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", "code_challenge_method": "S256",
	})
	push := func(more map[string]string) reply { return w.form("/oauth/par", and(params, more)) }
	open := func(client, uri string) (int, string) {
		t.Helper()
		status, h, _ := w.fetch("/authorize?client_id=" + client + "&request_uri=" + uri)
		return status, h.Get("Location")
	}
	got := push(nil).want(t, 201)
	uri := got["request_uri"].(string)
	if got["expires_in"] != 30.0 || !strings.HasPrefix(uri, "urn:ietf:params:oauth:request_uri:") {
		t.Errorf("answer %v", got)
	}
	if status, at := open(w.Ready.SPAClientID, uri); status < 400 {
		t.Errorf("another application's request is taken: %d %s", status, at)
	}
	status, at := open(w.Ready.ClientID, uri)
	if status != 302 && status != 303 || strings.Contains(at, "example.test") || strings.Contains(at, "callback") {
		t.Errorf("the request gives %d %s, want our own page and nothing of the parameters in its address", status, at)
	}
	if status, at := open(w.Ready.ClientID, uri); status < 400 && !strings.Contains(at, "invalid_request_uri") {
		t.Errorf("a request is taken twice: %d %s", status, at)
	}
	uri = push(nil).want(t, 201)["request_uri"].(string)
	w.Clock.Advance(31 * time.Second)
	if status, at := open(w.Ready.ClientID, uri); status < 400 && !strings.Contains(at, "invalid_request_uri") {
		t.Errorf("a request that is over is taken: %d %s", status, at)
	}
	// With a good redirect URI beside it the application hears of it; with none,
	// or another, only the person does.
	const gone = "urn:ietf:params:oauth:request_uri:gone&state=s"
	if status, at := open(w.Ready.ClientID, gone+"&redirect_uri=http%3A%2F%2Flocalhost%3A3000%2Fcallback"); status != 303 ||
		!strings.HasPrefix(at, "http://localhost:3000/callback?error=invalid_request_uri") || !strings.Contains(at, "state=s") {
		t.Errorf("with a redirect URI: %d %s", status, at)
	}
	for _, to := range []string{"", "&redirect_uri=https%3A%2F%2Fevil.example%2F"} {
		if status, at := open(w.Ready.ClientID, gone+to); status < 400 || at != "" {
			t.Errorf("with %q: %d %s", to, status, at)
		}
	}
	for _, c := range []struct {
		more map[string]string
		want int
	}{
		{map[string]string{"client_secret": "x"}, 401},
		{map[string]string{"request_uri": uri}, 400},
		{map[string]string{"redirect_uri": "https://attacker.example/"}, 400},
		{map[string]string{"response_type": "none"}, 400},
		{map[string]string{"audience": "https://none.example/"}, 403},
		{map[string]string{"request": "x.y.z"}, 400},
	} {
		if got := push(c.more); got.status != c.want && (c.want == 401 || got.status < 400) {
			t.Errorf("push with %v: %d %s", c.more, got.status, got.body)
		}
	}
	w.manage("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"require_pushed_authorization_requests": true, "par_request_expiry": 600}).want(t, 200)
	if got := push(nil).want(t, 201); got["expires_in"] != 60.0 {
		t.Errorf("expires_in %v, want a minute at most", got["expires_in"])
	}
	if status, h, _ := w.fetch("/authorize?response_type=code&client_id=" + w.Ready.ClientID + "&redirect_uri=http://localhost:3000/callback"); status < 400 && !strings.Contains(h.Get("Location"), "error=") {
		t.Errorf("a request that was not pushed is taken: %d %s", status, h.Get("Location"))
	}
}
