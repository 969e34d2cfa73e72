package delivery_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Providers are given an address of ours only if they can reach it.
func TestCallbackBase(t *testing.T) {
	for public, want := range map[string]string{
		"https://login.example.com":      "https://login.example.com",
		"https://login.example.com/":     "https://login.example.com",
		"https://login.example.com:8443": "https://login.example.com:8443",
		"https://8.8.8.8":                "https://8.8.8.8",
		"https://[2606:4700::1111]":      "https://[2606:4700::1111]",
		"http://login.example.com":       "", // in the clear
		"http://localhost:8787":          "",
		"https://localhost":              "",
		"https://login":                  "",
		"https://login.localhost":        "",
		"https://login.local.":           "",
		"https://login.corp.internal":    "",
		"https://nas.home.arpa":          "",
		"https://127.0.0.1:8787":         "",
		"https://10.1.2.3":               "",
		"https://192.168.1.2":            "",
		"https://169.254.169.254":        "",
		"https://[::1]":                  "",
		"https://[fd00::1]":              "",
		"https://[::ffff:10.0.0.1]":      "",
		"https://login_a.example.com":    "",
		"https://u:p@login.example.com":  "",
		"https://login.example.com?a=b":  "",
		"login.example.com":              "",
		"":                               "",
		"://":                            "",
	} {
		if got := delivery.CallbackBase(public); got != want {
			t.Errorf("CallbackBase(%q) = %q, want %q", public, got, want)
		}
	}
}

func TestCallbackURLStaysInItsPath(t *testing.T) {
	got := delivery.CallbackURL("https://login.example.com", "twilio", "con_1", "msg_1")
	if want := "https://login.example.com/hooks/twilio/con_1/msg_1"; got != want {
		t.Errorf("CallbackURL = %q, want %q", got, want)
	}
	got = delivery.CallbackURL("https://login.example.com", "twilio", "../x?y", "a/b#c")
	if want := "https://login.example.com/hooks/twilio/..%2Fx%3Fy/a%2Fb%23c"; got != want {
		t.Errorf("CallbackURL = %q, want %q", got, want)
	}
}
