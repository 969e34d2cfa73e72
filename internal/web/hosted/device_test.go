package hosted_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code"

// A television is a device that asks to be let in.
type television struct {
	w          *world
	client     string
	deviceCode string
	userCode   string
	complete   string
}

func (w *world) television() *television {
	w.t.Helper()
	var client struct {
		ID string `json:"client_id"`
	}
	answer := w.manage(http.MethodPost, "/api/v2/clients", `{"name":"Telly","app_type":"native","token_endpoint_auth_method":"none",
		"oidc_conformant":true,"grant_types":["`+deviceGrant+`","refresh_token"]}`)
	if err := json.Unmarshal([]byte(answer), &client); err != nil {
		w.t.Fatal(err)
	}
	tv := &television{w: w, client: client.ID}
	tv.ask()
	return tv
}

func (tv *television) post(path string, form url.Values) (int, map[string]any) {
	tv.w.t.Helper()
	form.Set("client_id", tv.client)
	status, _, body := tv.w.Post(tv.w.t, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		tv.w.t.Fatalf("%d %s", status, body)
	}
	return status, answer
}

// ask gets a new code.
func (tv *television) ask() {
	tv.w.t.Helper()
	status, d := tv.post("/oauth/device/code", url.Values{"scope": {"openid profile phone offline_access"}})
	if status != http.StatusOK {
		tv.w.t.Fatalf("%d %v", status, d)
	}
	tv.deviceCode, tv.userCode = d["device_code"].(string), d["user_code"].(string)
	tv.complete = strings.TrimPrefix(d["verification_uri_complete"].(string), tv.w.URL)
}

// poll asks whether somebody has let it in, after the time it has to wait.
func (tv *television) poll() (int, map[string]any) {
	tv.w.t.Helper()
	tv.w.Clock.Advance(6 * time.Second)
	return tv.post("/oauth/token", url.Values{"grant_type": {deviceGrant}, "device_code": {tv.deviceCode}})
}

func (tv *television) refused(code string) {
	tv.w.t.Helper()
	if status, got := tv.poll(); got["error"] != code {
		tv.w.t.Errorf("the device is told %d %v, want %s", status, got, code)
	}
}

// at checks which page somebody is at.
func at(t *testing.T, p *textbrowser.Page, path, says string) {
	t.Helper()
	if p.URL.Path != path || !strings.Contains(p.Text(), says) {
		t.Fatalf("at %s (%d), want %s with %q:\n%s", p.URL, p.Status, path, says, p.Text())
	}
}

// activate types a code, signs in where that is asked for, and comes to the
// question.
func (w *world) activate(b *textbrowser.Browser, userCode string) *textbrowser.Page {
	w.t.Helper()
	p := w.get(b, "/activate")
	p = w.submit(b, p.Form("user_code").Set("user_code", userCode))
	if p.URL.Path == "/u/login/identifier" {
		p = w.submit(b, p.Form("username").Set("username", person))
		at(w.t, p, "/u/login/passwordless-sms-challenge", "6-digit code")
		p = w.submit(b, p.Form("code").Set("code", w.code(person)).Press("default"))
	}
	at(w.t, p, "/u/device", userCode)
	return p
}

// OAU-21: a person lets a device in: code, sign-in, question, tokens. Nothing
// but the answer to the question lets it in.
func TestOAU21Activate(t *testing.T) {
	w := newWorld(t)
	tv := w.television()
	p := w.get(w.browser, tv.complete)
	at(t, p, "/activate", "Enter the code")
	if !strings.Contains(p.Body, `value="`+tv.userCode+`"`) {
		t.Errorf("the link does not fill in the code:\n%s", p.Body)
	}
	tv.refused("authorization_pending")
	typed := strings.ToLower(strings.ReplaceAll(tv.userCode, "-", " – "))
	p = w.submit(w.browser, p.Form("user_code").Set("user_code", typed))
	at(t, p, "/u/login/identifier", "Sign in to Telly")
	p = w.submit(w.browser, p.Form("username").Set("username", person))
	p = w.submit(w.browser, p.Form("code").Set("code", w.code(person)).Press("default"))
	at(t, p, "/u/device", tv.userCode)
	for _, says := range []string{"Telly", person[:3], "Keep access while you are away"} {
		if !strings.Contains(p.Text(), says) {
			t.Errorf("the question does not say %q:\n%s", says, p.Text())
		}
	}
	tv.refused("authorization_pending")
	// The question is asked again as often as it is looked at, and the answer to
	// another question is none.
	p = w.get(w.browser, p.URL.RequestURI())
	consent := p.Form().Press("confirm").Set("action", "accept")
	consent.Action = &url.URL{Scheme: p.URL.Scheme, Host: p.URL.Host, Path: "/u/consent", RawQuery: p.URL.RawQuery}
	at(t, w.submit(w.browser, consent), "/u/device", tv.userCode)
	if status := w.foreign(w.browser, p.URL, url.Values{"action": {"confirm"}}); status != http.StatusForbidden {
		t.Errorf("an answer from another site: %d", status)
	}
	tv.refused("authorization_pending")
	p = w.submit(w.browser, p.Form().Press("confirm"))
	at(t, p, "/u/device", "The device is connected")
	status, tokens := tv.poll()
	if status != http.StatusOK || tokens["refresh_token"] == nil || claims(t, tokens["id_token"])["phone_number"] != person {
		t.Fatalf("%d %v", status, tokens)
	}
	tv.refused("invalid_grant")
	if again := w.get(w.browser, p.URL.RequestURI()); again.Status < 400 {
		t.Errorf("the question is asked again after its answer:\n%s", again.Text())
	}
	p = w.get(w.browser, "/activate")
	p = w.submit(w.browser, p.Form("user_code").Set("user_code", tv.userCode))
	at(t, p, "/activate", "No device is waiting for this code")
	if p.Status != http.StatusUnprocessableEntity {
		t.Errorf("status %d", p.Status)
	}
}

// OAU-21: whoever has the code alone, or a link with it, gets as far as signing
// in themselves; the question belongs to the browser that it was typed in.
func TestOAU21ActivateElsewhere(t *testing.T) {
	w := newWorld(t)
	tv := w.television()
	asked := w.activate(w.browser, tv.userCode)
	other := w.newBrowser()
	for _, path := range []string{asked.URL.RequestURI(), "/u/device?state=" + strings.Repeat("0", 32), "/u/device"} {
		if p := w.get(other, path); p.Status < 400 || strings.Contains(p.Text(), tv.userCode) {
			t.Errorf("another browser gets %s: %d\n%s", path, p.Status, p.Text())
		}
	}
	if p := w.submit(other, asked.Form().Press("confirm")); p.Status < 400 {
		t.Errorf("another browser answers: %d\n%s", p.Status, p.Text())
	}
	at(t, w.submit(other, w.get(other, tv.complete).Form("user_code")), "/u/login/identifier", "Sign in to Telly")
	tv.refused("authorization_pending")

	// The session ends while the question stands.
	w.get(w.browser, "/v2/logout?client_id="+w.Ready.ClientID)
	if p := w.submit(w.browser, asked.Form().Press("confirm")); strings.Contains(p.Text(), "is connected") {
		t.Errorf("somebody signed out lets a device in:\n%s", p.Text())
	}
	tv.refused("authorization_pending")
}

// OAU-21: no is no, once; and what is over is over.
func TestOAU21ActivateDeniedAndLate(t *testing.T) {
	w := newWorld(t)
	tv := w.television()
	first := w.activate(w.browser, tv.userCode)
	second := w.activate(w.browser, tv.userCode) // signed in: asked at once
	at(t, w.submit(w.browser, first.Form().Press("cancel")), "/u/device", "The device is not connected")
	at(t, w.submit(w.browser, second.Form().Press("confirm")), "/u/device", "No device is waiting")
	tv.refused("access_denied")
	tv.refused("invalid_grant")

	tv.ask()
	p := w.activate(w.browser, tv.userCode)
	w.Clock.Advance(16 * time.Minute)
	at(t, w.submit(w.browser, p.Form().Press("confirm")), "/u/device", "No device is waiting")
	tv.refused("expired_token")
	p = w.submit(w.browser, w.get(w.browser, "/activate").Form("user_code").Set("user_code", tv.userCode))
	at(t, p, "/activate", "No device is waiting")

	logs := w.manage(http.MethodGet, "/api/v2/logs?per_page=100", "")
	for _, typ := range []string{"fdeac", "fdecc"} {
		if !strings.Contains(logs, `"type":"`+typ+`"`) {
			t.Errorf("nothing is logged as %s", typ)
		}
	}
}

// OAU-21: the codes of devices cannot be guessed on, from one address or in one
// session, with right codes or wrong ones.
func TestOAU21ActivateLimits(t *testing.T) {
	w := newWorld(t)
	tv := w.television()
	try := func(code string) *textbrowser.Page {
		t.Helper()
		return w.submit(w.browser, w.get(w.browser, "/activate").Form("user_code").Set("user_code", code))
	}
	for range 30 {
		at(t, try("BBBB-BBBB"), "/activate", "No device is waiting")
	}
	p := try(tv.userCode)
	at(t, p, "/activate", "Too many codes were tried")
	if p.Status != http.StatusTooManyRequests || p.Header.Get("Retry-After") == "" {
		t.Errorf("%d, Retry-After %q", p.Status, p.Header.Get("Retry-After"))
	}
	w.Clock.Advance(10 * time.Second)
	w.activate(w.browser, tv.userCode)
	w.Clock.Advance(10 * time.Minute) // the address has its tries again, and the session never had as many
	for range 10 {
		at(t, try("BBBB-BBBB"), "/activate", "No device is waiting")
	}
	at(t, try("BBBB-BBBB"), "/activate", "Too many codes were tried")
	w.browser = w.newBrowser()
	at(t, try("BBBB-BBBB"), "/activate", "No device is waiting")
}

// foreign sends a form as another site would have it sent.
func (w *world) foreign(b *textbrowser.Browser, to *url.URL, form url.Values) int {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, to.String(), strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.Header.Set("Origin", "https://evil.example")
	for _, c := range b.Cookies(to) {
		req.AddCookie(c)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
