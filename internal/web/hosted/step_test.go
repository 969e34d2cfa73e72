package hosted_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/delivery/outbox"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// SES-08: a step that is not due is not taken, whatever is sent and in whatever
// order.
func TestSES08SkippedSteps(t *testing.T) {
	w := newWorld(t)
	b := w.newBrowser()
	p := w.get(b, "/authorize?"+w.query("prompt", "login consent"))
	state := p.URL.Query().Get("state")
	sent := 0
	try := func(where string, forms []url.Values, paths ...string) {
		t.Helper()
		for _, path := range paths {
			for _, s := range []string{state, "", "0", strings.ToUpper(state), state + "0", state[:31]} {
				for _, form := range forms {
					f := *p.Forms()[0]
					u, err := url.Parse(w.URL + path + "?state=" + url.QueryEscape(s))
					if err != nil {
						t.Fatal(err)
					}
					f.Action, f.Values, f.Method, f.Buttons = u, form, http.MethodPost, nil
					got := w.submit(b, &f)
					sent++
					if got.Left != nil || w.cookies(b)["dc_session"] != "" {
						t.Fatalf("%s: %s with %v leads to %v", where, path, form, got.Left)
					}
				}
			}
		}
	}
	odd := []url.Values{{}, {"code": {""}}, {"code": {"000000"}}, {"action": {"accept"}}, {"action": {"resend"}}, {"action": {"default"}}, {"action": {"skip"}}}
	try("before anything", odd, "/u/login/passwordless-sms-challenge", "/u/login/passwordless-email-challenge", "/u/consent")
	try("before anything", []url.Values{{}, {"username": {""}}, {"connection": {"sms"}}, {"connection": {"fax"}, "username": {person}}}, "/u/login/identifier")
	if now := w.get(b, "/u/consent?state="+state); now.URL.Path != "/u/login/identifier" {
		t.Errorf("it is at %s", now.URL.Path)
	}
	p = w.submit(b, w.get(b, "/u/login/identifier?state="+state).Form("username").Set("username", person))
	try("with a code sent", []url.Values{{}, {"code": {""}}, {"code": {"12345"}}, {"action": {"accept"}}, {"action": {"skip"}, "code": {w.code(person)}}, {"code": {"1234567890"}}},
		"/u/consent", "/u/login/passwordless-sms-challenge")
	t.Logf("measured: SES-08 %d requests, none of which leads on", sent)
	if sent < 100 {
		t.Errorf("%d requests, want 100", sent)
	}
	p = w.submit(b, w.get(b, "/u/login/identifier?state="+state).Form("code").Set("code", w.code(person)).Press("default"))
	if p.URL.Path != "/u/consent" || p.Left != nil {
		t.Fatalf("after the right code at %s", p.URL)
	}
	got := w.left(w.submit(b, p.Form("action").Press("accept")))
	if !got.Has("code") {
		t.Fatalf("in their order: %v", got)
	}
	// It is over: nothing of it can be done again.
	if again := w.submit(b, p.Form("action").Press("accept")); again.Status != http.StatusBadRequest || again.Left != nil {
		t.Errorf("consent for the second time: %d", again.Status)
	}
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
