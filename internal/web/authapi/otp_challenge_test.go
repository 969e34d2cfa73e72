package authapi_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// A challenge answers alike for everybody, sends to those it may, and takes a
// code with its own session alone.
func TestOTPChallenge(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	ask := func(to string, more map[string]string) reply {
		t.Helper()
		w.Outbox.Clear()
		return w.form("/otp/challenge", and(and(app, map[string]string{"connection": "sms", "phone_number": to}), more))
	}
	session := func(r reply) string {
		t.Helper()
		got := r.want(t, 200)
		if len(got) != 1 || got["auth_session"] == "" {
			t.Fatalf("answer %v", got)
		}
		return got["auth_session"].(string)
	}
	finish := func(client map[string]string, session, code string) reply {
		return w.token(and(client, map[string]string{"grant_type": otp, "auth_session": session, "otp": code, "scope": "openid"}))
	}
	wrong := func(what string, got reply) {
		t.Helper()
		if got.status != 403 || got.code() != "invalid_grant" || got.body != finish(app, "x", "123456").body {
			t.Errorf("%s: %d %s", what, got.status, got.body)
		}
	}
	unknown := session(ask(number, nil))
	time.Sleep(50 * time.Millisecond)
	if got := w.Outbox.Messages(outbox.Filter{To: number}); len(got) > 0 {
		t.Errorf("somebody unknown got %q", got[0].Text)
	}
	wrong("somebody unknown", finish(app, unknown, "123456"))

	first := session(ask(number, map[string]string{"allow_signup": "true"}))
	code := w.received(number)
	wrong("a session in which nobody may sign up", finish(app, unknown, "000000"))
	other := w.person(map[string]any{})
	wrong("another application", finish(other, first, code))
	wrong("a longer session", finish(app, first+"A", code))
	wrong("half a session", finish(app, first[:len(first)/2], code))
	if got := w.token(and(app, map[string]string{"grant_type": otp, "realm": "sms", "username": number, "otp": code})); got.status != 403 {
		t.Errorf("the code is taken without its session: %d %s", got.status, got.body)
	}
	if got := finish(app, first, "").want(t, 400); got["error"] != "invalid_request" {
		t.Errorf("no code: %v", got)
	}
	sub := claimsOf(t, finish(app, first, code).want(t, 200)["id_token"].(string))["sub"]
	wrong("a code for the second time", finish(app, first, code))

	known := session(ask(number, nil)) // who is known needs no sign-up
	if got := claimsOf(t, finish(app, known, w.received(number)).want(t, 200)["id_token"].(string))["sub"]; got != sub {
		t.Errorf("sub %v, want %v", got, sub)
	}
	w.Clock.Advance(time.Minute)
	called := session(ask(number, map[string]string{"delivery_method": "voice"}))
	code = w.received(number)
	if m := w.Outbox.Messages(outbox.Filter{To: number})[0]; m.Spoken != "en-US" || !strings.Contains(m.Text, strings.Join(strings.Split(code, ""), ", ")) {
		t.Errorf("the call says %q in %q", m.Text, m.Spoken)
	}
	finish(app, called, code).want(t, 200)
	if got := w.form("/otp/challenge", and(app, map[string]string{"connection": "email", "email": "a@example.test", "delivery_method": "voice"})); got.status != 400 || got.code() != "invalid_request" {
		t.Errorf("an e-mail is read out: %d %s", got.status, got.body)
	}
	late := session(ask(number, nil))
	code = w.received(number)
	w.Clock.Advance(4 * time.Minute)
	wrong("too late", finish(app, late, code))
	for _, more := range []map[string]string{
		{"phone_number": ""},
		{"email": "a@example.test"},
		{"connection": ""},
		{"connection": "none"},
		{"phone_number": "1"},
		{"delivery_method": "fax"},
		{"allow_signup": "maybe"},
	} {
		if got := ask(number, more); got.status != 400 || got.code() != "invalid_request" {
			t.Errorf("%v: %d %s", more, got.status, got.body)
		}
	}
	w.form("/otp/challenge", map[string]string{"client_id": app["client_id"], "connection": "sms", "phone_number": number}).want(t, 401)
}

// OTP-06: each auth_session has a code and tries of its own. Whoever asks for
// somebody's number cannot use up the tries of the code that they wait for.
func TestOTP06ChallengesAreApart(t *testing.T) {
	w := newWorld(t)
	app := w.app()
	ask := func(more map[string]string) (session, code string) {
		t.Helper()
		w.Outbox.Clear()
		params := and(app, map[string]string{"connection": "sms", "phone_number": number, "allow_signup": "true"})
		got := w.form("/otp/challenge", and(params, more)).want(t, 200)
		return got["auth_session"].(string), w.received(number)
	}
	finish := func(session, code string) reply {
		return w.token(and(app, map[string]string{"grant_type": otp, "auth_session": session, "otp": code, "scope": "openid"}))
	}
	session, code := ask(nil)
	strange, other := ask(nil)
	for range 3 {
		finish(strange, not(other)).want(t, 403)
	}
	if got := finish(strange, other); got.status != 403 {
		t.Errorf("a code is taken after three wrong tries: %d %s", got.status, got.body)
	}
	if got := finish(strange, code); got.status != 403 && code != other {
		t.Errorf("a code is taken with another session: %d %s", got.status, got.body)
	}
	again, same := ask(map[string]string{"auth_session": session})
	if same != code {
		t.Error("asked for again with its session, the code is another")
	}
	finish(again, not(code)).want(t, 403)
	finish(session, code).want(t, 200)
	finish(again, code).want(t, 403) // it is the same code, and used

	// A session that is not good begins nothing it could spoil.
	last, code := ask(map[string]string{"auth_session": session + "A"})
	finish(last, code).want(t, 200)
}

// not is a code that is wrong where the given one is right.
func not(code string) string {
	last := byte('0')
	if code[len(code)-1] == '0' {
		last = '1'
	}
	return code[:len(code)-1] + string(last)
}

// Nothing is sent for an application that could not use the code.
func TestChallengeNeedsTheGrant(t *testing.T) {
	w := newWorld(t)
	for name, body := range map[string]map[string]any{
		"without the grant":              {"grant_types": []string{"authorization_code"}},
		"a native one without the grant": {"app_type": "native", "token_endpoint_auth_method": "none", "grant_types": []string{"refresh_token"}},
		"of a single page":               {"app_type": "spa", "token_endpoint_auth_method": "none", "grant_types": []string{otp}},
	} {
		id, secret := w.client(body)
		params := map[string]string{"client_id": id, "connection": "sms", "phone_number": number, "allow_signup": "true"}
		if body["token_endpoint_auth_method"] == nil {
			params["client_secret"] = secret
		}
		if got := w.form("/otp/challenge", params); got.status != 403 || got.code() != "unauthorized_client" {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if n := w.manage("GET", "/logs?q=type:cs", nil); n.body != "[]" {
		t.Errorf("codes were sent: %s", n.body)
	}
	for name, body := range map[string]map[string]any{
		"a native application": {"app_type": "native", "token_endpoint_auth_method": "none"}, "one with a secret": {},
	} {
		app := w.person(body)
		w.Outbox.Clear()
		got := w.form("/otp/challenge", and(app, map[string]string{"connection": "sms", "phone_number": number, "allow_signup": "true"})).want(t, 200)
		token := w.token(and(app, map[string]string{"grant_type": otp, "auth_session": got["auth_session"].(string), "otp": w.received(number)}))
		if token.status != 200 {
			t.Errorf("%s: %d %s", name, token.status, token.body)
		}
	}
}
