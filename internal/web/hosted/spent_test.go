package hosted_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/testkit"
)

// useUp takes the ten wrong tries of a day from somebody, by the API, as whoever
// knows the number or address can: until no code is sent any more because of it.
func (w *world) useUp(connection, field, to string) {
	w.t.Helper()
	for range 5 {
		status, answer := w.post("/passwordless/start", map[string]string{
			"client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret, "connection": connection, field: to, "send": "code",
		})
		if status == http.StatusTooManyRequests && answer["error"] == "too_many_attempts" {
			return
		}
		if status != http.StatusOK {
			w.t.Fatalf("%d %v", status, answer)
		}
		for range 3 {
			form := url.Values{
				"grant_type": {"http://auth0.com/oauth/grant-type/passwordless/otp"}, "client_id": {w.Ready.ClientID},
				"client_secret": {w.Ready.ClientSecret}, "realm": {connection}, "username": {to}, "otp": {"000000"},
			}
			w.Post(w.t, "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		}
		w.Clock.Advance(pause)
	}
	w.t.Fatal("fifteen wrong tries, and more are let in")
}

// pause is longer than there has to be between two codes.
const pause = 15 * time.Minute

// BRU-08, R4: whoever has used up the ten tries of a day has not locked their
// owner out: a browser that was here before goes on as ever, a new one gets a
// code of ten digits.
func TestBRU08OwnerSignsInWhenTheDayIsUsedUp(t *testing.T) {
	w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.Limits = "strict" })}
	w.browser = w.newBrowser()
	const victim = "+447700900341"
	w.signIn(w.browser, w.query(), victim)
	w.Clock.Advance(pause)
	w.useUp("sms", "phone_number", victim)
	if got := w.signIn(w.browser, w.query("prompt", "login"), victim); got.Get("code") == "" {
		t.Errorf("in a known browser: %v", got)
	}
	if n := len(w.code(victim)); n != 6 {
		t.Errorf("a known browser gets %d digits, want 6", n)
	}
	w.Clock.Advance(pause)
	stranger := w.newBrowser()
	if got := w.signIn(stranger, w.query(), victim); got.Get("code") == "" {
		t.Errorf("in a new browser: %v", got)
	}
	if n := len(w.code(victim)); n != 10 {
		t.Errorf("a new browser gets %d digits, want 10", n)
	}
}

// BRU-08, R4: nor from the links of a sign-in under way, and of the next one.
func TestBRU08LinksWorkWhenTheDayIsUsedUp(t *testing.T) {
	w := linkHost(t, func(c *config.Config) { c.Limits = "strict" })
	const victim = "bru08day@mail.example"
	w.useUp("email", "email", victim)
	_, m := w.mailedTo(w.browser, victim, w.query("connection", "email"))
	if got := w.left(w.tap(w.browser, w.path(m))); got.Get("code") == "" {
		t.Errorf("%v", got)
	}
}
