package hosted_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// outOfTurn are forms that take no step: empty ones, halves, and what would be
// the right answer elsewhere. A code is that of the sign-in, if it has one.
func outOfTurn(code string) []url.Values {
	forms := []url.Values{
		{},
		{"action": {""}},
		{"action": {"default"}},
		{"action": {"skip"}},
		{"action": {"accept"}},
		{"action": {"decline"}},
		{"action": {"confirm"}},
		{"action": {"resend"}},
		{"action": {"edit"}},
		{"code": {"000000"}},
		{"code": {""}},
		{"code": {"12345"}},
		{"code": {"1234567890"}},
		{"action": {"accept"}, "code": {"12345"}},
		{"username": {""}},
		{"connection": {"sms"}},
		{"connection": {"fax"}, "username": {person}},
		{"token": {"x"}},
		{"user_code": {"ABCD-EFGH"}},
		{"logout": {"confirm"}},
		{"state": {"x"}, "code": {"1"}},
	}
	if code != "" {
		forms = append(forms, url.Values{"code": {code}}, url.Values{"action": {"skip"}, "code": {code}}, url.Values{"token": {code}}, url.Values{"verification_code": {code}})
	}
	return forms
}

// A stage is a sign-in that waits for an answer.
type stage struct {
	name string
	// page is where it is, and due says what is not out of turn there. A form of
	// ours is one of that page, unless it has none.
	page *textbrowser.Page
	ours *textbrowser.Form
	due  func(values url.Values) bool
	code string
}

// consentDue, deviceDue and codeDue are what pages wait for. A guess at a code is
// due too: it is counted elsewhere.
func consentDue(v url.Values) bool {
	return v.Get("action") == "accept" || v.Get("action") == "decline"
}

func deviceDue(v url.Values) bool { return v.Get("action") == "confirm" }

func codeDue(v url.Values) bool {
	switch v.Get("action") {
	case "resend", "edit":
		return true
	case "":
		return len(v.Get("code")) == 6
	}
	return false
}

// challenges is how the paths of both pages begin that ask for a code. They are
// one step.
const challenges = "/u/login/passwordless-"

// staysAt sends every form out of turn to every route that takes one, with the
// live state of a sign-in and what its browser holds, and looks after each where
// the sign-in is. It returns how many were sent.
func (w *world) staysAt(b *textbrowser.Browser, s *stage) (sent int) {
	w.t.Helper()
	state, session := s.page.URL.Query().Get("state"), w.cookies(b)["dc_session"]
	if s.ours == nil {
		s.ours = s.page.Forms()[0]
	}
	routes := map[string]bool{}
	for _, c := range postings() {
		routes[c.route] = true
	}
	for _, route := range slices.Sorted(maps.Keys(routes)) {
		for _, values := range outOfTurn(s.code) {
			here := route == s.page.URL.Path || strings.HasPrefix(route, challenges) && strings.HasPrefix(s.page.URL.Path, challenges)
			if here && s.due != nil && s.due(values) {
				continue
			}
			f := *s.ours
			f.Action, f.Values, f.Method, f.Buttons = s.page.URL.ResolveReference(&url.URL{Path: route, RawQuery: "state=" + state}), values, http.MethodPost, nil
			got := w.submit(b, &f)
			sent++
			what := fmt.Sprintf("%s: %s with %v", s.name, route, values)
			if got.Left != nil || w.cookies(b)["dc_session"] != session {
				w.t.Fatalf("%s leads to %+v", what, got.Left)
			}
			if now := w.get(b, "/u/login/identifier?state="+state); now.URL.Path != s.page.URL.Path || now.Status != s.page.Status {
				w.t.Fatalf("%s leads to %s (%d)", what, now.URL.Path, now.Status)
			}
		}
	}
	if sent < 100 {
		w.t.Errorf("%s: %d requests, want 100", s.name, sent)
	}
	return sent
}

// SES-08: a step that is not due is not taken, whatever is sent and in whatever
// order, at every step and wherever a form can be sent.
func TestSES08SkippedSteps(t *testing.T) {
	everyPost(t)
	w := newWorld(t)
	b := w.newBrowser()
	p := w.get(b, "/authorize?"+w.query("prompt", "login consent"))
	sent := w.staysAt(b, &stage{name: "before anything", page: p})
	p = w.submit(b, p.Form("username").Set("username", person))
	sent += w.staysAt(b, &stage{name: "with a code sent", page: p, due: codeDue, code: w.code(person)})
	// Nor is the right code taken for another state than the one it is for.
	state := p.URL.Query().Get("state")
	for _, wrong := range []string{"", "0", strings.ToUpper(state), state + "0", state[:31]} {
		f := p.Form("code").Set("code", w.code(person)).Press("default")
		f.Action.RawQuery = url.Values{"state": {wrong}}.Encode()
		if got := w.submit(b, f); got.Status != http.StatusBadRequest || got.Left != nil || w.cookies(b)["dc_session"] != "" {
			t.Errorf("with the state %q: %d, left %v", wrong, got.Status, got.Left)
		}
	}
	p = w.submit(b, p.Form("code").Set("code", w.code(person)).Press("default"))
	at(t, p, "/u/consent", "")
	sent += w.staysAt(b, &stage{name: "before consent", page: p, due: consentDue, code: w.code(person)})
	if got := w.left(w.submit(b, p.Form("action").Press("accept"))); !got.Has("code") {
		t.Fatalf("in their order: %v", got)
	}
	// It is over: nothing of it can be done again.
	if again := w.submit(b, p.Form("action").Press("accept")); again.Status != http.StatusBadRequest || again.Left != nil {
		t.Errorf("consent for the second time: %d", again.Status)
	}
	ended := w.get(b, "/u/login/identifier?state="+p.URL.Query().Get("state"))
	if ended.Status != http.StatusBadRequest {
		t.Errorf("when it is over: %d", ended.Status)
	}
	w.staysAt(b, &stage{name: "when it is over", page: ended, ours: p.Forms()[0], code: w.code(person)})

	mailed := w.newBrowser()
	const address = "steps@mail.example"
	p = w.atChallenge(mailed, address, "connection", "email")
	sent += w.staysAt(mailed, &stage{name: "with a code e-mailed", page: p, due: codeDue, code: w.code(address)})
	if got := w.left(w.submit(mailed, p.Form("code").Set("code", w.code(address)).Press("default"))); !got.Has("code") {
		t.Errorf("by e-mail: %v", got)
	}

	tv := w.television()
	p = w.activate(b, tv.userCode)
	sent += w.staysAt(b, &stage{name: "before a device is let in", page: p, due: deviceDue})
	tv.refused("authorization_pending")
	if p = w.submit(b, p.Form("action").Press("confirm")); p.Status != http.StatusOK {
		t.Errorf("a device: %d %s", p.Status, p.Text())
	}
	if status, got := tv.poll(); status != http.StatusOK {
		t.Errorf("a device that was let in: %d %v", status, got)
	}
	t.Logf("measured: SES-08 %d requests with a live sign-in, none of which leads on", sent)
}

// OTP-06: a code works in the sign-in that asked for it and nowhere else, and
// what is tried elsewhere costs it nothing.
func TestOTP06Transaction(t *testing.T) {
	w := newWorld(t)
	first, page := w.atCode(person, w.query())
	code := w.code(person)
	second, other := w.atCode(person, w.query())
	newest := w.code(person)
	if newest == code {
		t.Fatal("two sign-ins have one code") // one in a million
	}
	if p := w.submit(second, other.Form("code").Set("code", code).Press("default")); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a code of another sign-in: %d", p.Status)
	}
	for _, form := range []string{
		fmt.Sprintf(`{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","client_id":%q,"client_secret":%q,"realm":"sms","username":%q,"otp":%q}`,
			w.Ready.ClientID, w.Ready.ClientSecret, person, code),
	} {
		if status, _, body := w.Post(t, "/oauth/token", form); status != http.StatusForbidden {
			t.Errorf("a code of a sign-in at the token endpoint: %d %s", status, body)
		}
	}
	if got := w.left(w.submit(first, page.Form("code").Set("code", code).Press("default"))); !got.Has("code") {
		t.Errorf("where it belongs: %v", got)
	}
	if got := w.left(w.submit(second, other.Form("code").Set("code", newest).Press("default"))); !got.Has("code") {
		t.Errorf("the other one, where it belongs: %v", got)
	}
	// A code of the API is none of a sign-in.
	third, thirdPage := w.atCode(person, w.query())
	w.Post(t, "/passwordless/start", fmt.Sprintf(`{"client_id":%q,"client_secret":%q,"connection":"sms","phone_number":%q,"send":"code"}`,
		w.Ready.ClientID, w.Ready.ClientSecret, person))
	api := w.code(person)
	if p := w.submit(third, thirdPage.Form("code").Set("code", api).Press("default")); p.Status != http.StatusUnprocessableEntity {
		t.Errorf("a code of the API in a sign-in: %d", p.Status)
	}
}

// Three wrong codes end the code; another one can be asked for on the same page.
func TestNewCodeAfterThreeWrong(t *testing.T) {
	w := newWorld(t)
	b, p := w.atCode(person, w.query())
	old := w.code(person)
	for _, want := range []string{"2 tries left", "1 try left", "stopped this code"} {
		p = w.submit(b, p.Form("code").Set("code", wrongFor(old)).Press("default"))
		if !strings.Contains(p.Text(), want) {
			t.Fatalf("%s, want %q", p.Text(), want)
		}
	}
	if p.Form("code") != nil {
		t.Error("a code that cannot be right is asked for")
	}
	p = w.submit(b, p.Form("action").Press("edit"))
	if f := p.Form("username"); f == nil || f.Values.Get("username") != "07700 900123" || f.Values.Get("country") != "GB" {
		t.Fatalf("to edit at %s:\n%s", p.URL, p.Body)
	}
	p = w.submit(b, p.Form("username"))
	code := w.code(person)
	if got := w.left(w.submit(b, p.Form("code").Set("code", code).Press("default"))); !got.Has("code") {
		t.Errorf("with the new code: %v", got)
	}
}

func wrongFor(code string) string {
	if code == "123456" {
		return "654321"
	}
	return "123456"
}

// Asking again too soon sends nothing, and says when to ask. The code that was
// sent goes on working.
func TestResendTooSoon(t *testing.T) {
	w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.Limits = "strict" })}
	b, p := w.atCode(person, w.query())
	code := w.code(person)
	var soon *textbrowser.Page
	for _, f := range p.Forms() {
		if f.Press("resend") != nil {
			soon = w.submit(b, f)
		}
	}
	if soon.Status != http.StatusTooManyRequests || !strings.Contains(soon.Text(), "another code in 30 seconds") || soon.Header.Get("Retry-After") != "30" {
		t.Errorf("%d %q\n%s", soon.Status, soon.Header.Get("Retry-After"), soon.Text())
	}
	if n := len(w.Outbox.Messages(outbox.Filter{To: person})); n != 1 {
		t.Errorf("%d messages", n)
	}
	if got := w.left(w.submit(b, soon.Form("code").Set("code", code).Press("default"))); !got.Has("code") {
		t.Errorf("%v", got)
	}
}
