package hosted_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery/outbox"
)

// inScript writes a code in the digits of another script.
func inScript(code string, zero rune) string {
	return strings.Map(func(r rune) rune { return zero + r - '0' }, code)
}

// L13: the page takes a code in any digits, and the message that it came in.
func TestL13PastedCodes(t *testing.T) {
	w := newWorld(t)
	w.smsOptions(map[string]any{"autofill": true})
	for i, write := range []func(m outbox.Message) string{
		func(m outbox.Message) string { return m.Text },
		func(m outbox.Message) string { return strings.ReplaceAll(m.Text, "\n", "") }, // as some browsers paste
		func(m outbox.Message) string { return "Your code is " + m.Code + ". It expires in 5 minutes." },
		func(m outbox.Message) string { return m.Code[:3] + " " + m.Code[3:] + "\n" },
		func(m outbox.Message) string { return m.Code[:3] + "." + m.Code[3:] },
		func(m outbox.Message) string { return inScript(m.Code, '٠') },
		func(m outbox.Message) string { return inScript(m.Code, '۰') },
		func(m outbox.Message) string { return inScript(m.Code, '०') },
		func(m outbox.Message) string { return inScript(m.Code, '０') },
		func(m outbox.Message) string { return "認証コードは" + inScript(m.Code, '０') + "です" },
	} {
		number := fmt.Sprintf("+4477009002%02d", i)
		b, p := w.atCode(number, w.query())
		w.code(number)
		m := w.Outbox.Messages(outbox.Filter{To: number})[0]
		if !strings.Contains(m.Text, "#"+m.Code) || len(m.Text) > 500 {
			t.Fatalf("the message reads %q", m.Text)
		}
		if p = w.submit(b, p.Form("code").Set("code", write(m)).Press("default")); p.Left == nil {
			t.Errorf("%q: at %s\n%s", write(m), p.URL, p.Text())
		}
	}
}

// L16: what cannot be the code costs no try, and what can costs one.
func TestL16WhatCostsATry(t *testing.T) {
	w := newWorld(t)
	b, p := w.atCode(person, w.query())
	code := w.code(person)
	wrong := wrongFor(code)
	enter := func(text string) string {
		t.Helper()
		if p = w.submit(b, p.Form("code").Set("code", text).Press("default")); p.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%q: %d\n%s", text, p.Status, p.Text())
		}
		return p.Text()
	}
	for text, want := range map[string]string{
		"":                                  "The code has 6 digits.",
		"12345":                             "The code has 6 digits. You entered 5.",
		"१२३":                               "The code has 6 digits. You entered 3.",
		code + wrong:                        "You entered 12.",
		"no code":                           "Enter only those.",
		"order " + wrong + ": code " + code: "Enter only those.",
		code + " is it, not " + wrong:       "Enter only those.",
		"https://x.example/" + wrong + "a":  "Enter only those.",
		"call +44 7700 900123":              "Enter only those.",
	} {
		if got := enter(text); !strings.Contains(got, want) || strings.Contains(got, "left") {
			t.Errorf("%q is answered:\n%s", text, got)
		}
	}
	for _, guess := range []struct{ text, want string }{
		{"your code is " + wrong + ", again: " + wrong, "2 tries left"},
		{inScript(wrong, '०'), "1 try left"},
	} {
		if got := enter(guess.text); !strings.Contains(got, guess.want) {
			t.Errorf("%q is answered, want %q:\n%s", guess.text, guess.want, got)
		}
	}
	if got := w.left(w.submit(b, p.Form("code").Set("code", "your code is "+code).Press("default"))); !got.Has("code") {
		t.Errorf("the right one with the last try: %v", got)
	}
}

// OTP-12: what the page takes from people, the API does not take from programs.
func TestOTP12PageAndAPI(t *testing.T) {
	w := newWorld(t)
	code := w.start(person)
	for _, text := range []string{"your code is " + code, inScript(code, '०')} {
		status, answer := w.post("/oauth/token", map[string]string{
			"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "client_id": w.Ready.ClientID, "client_secret": w.Ready.ClientSecret,
			"realm": "sms", "username": person, "otp": text,
		})
		if status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("%q: %d %v", text, status, answer)
		}
	}
}
