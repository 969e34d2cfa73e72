package oauth_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Vectors of redirect URIs that somebody might get a code sent to (OAU-01).
func TestOAU01RedirectURIs(t *testing.T) {
	const good = "https://app.example.com/callback"
	client := &tenant.Client{AppType: "regular_web", Callbacks: []string{good, "https://app.example.com/other?a=1"}}
	for _, uri := range []string{good, "https://app.example.com/other?a=1"} {
		if got, err := oauth.Redirect(client, uri, true); err != nil || got != uri {
			t.Errorf("%s: %q, %v", uri, got, err)
		}
	}
	refused := []string{
		"https://app.example.com/callback/", "https://app.example.com/callback/x", "https://app.example.com/callbackx",
		"https://app.example.com/callback?x=1", "https://app.example.com/callback?", "https://app.example.com/callback#",
		"https://app.example.com/callback#x", "https://app.example.com/callback;x", "https://app.example.com/Callback",
		"https://APP.example.com/callback", "HTTPS://app.example.com/callback", "Https://app.example.com/callback",
		"http://app.example.com/callback", "https://app.example.com:443/callback", "https://app.example.com:8443/callback",
		"https://app.example.com:/callback", "https://app.example.com./callback", "https://app.example.com//callback",
		"https://app.example.com/./callback", "https://app.example.com/x/../callback", "https://app.example.com/callback/..",
		"https://app.example.com/callback/../../evil", "https://app.example.com/callback/..;/evil",
		"https://app.example.com/callback%2f..%2fevil", "https://app.example.com/callback/%2e%2e/evil",
		"https://app.example.com/%63allback", "https://app.example.com/call%62ack", "https://app.example.com/callback%00",
		"https://app.example.com/callback%0a", "https://app.example.com/callback%20", "https://app.example.com/callback%23",
		"https://app.example.com/callback\\", "https://app.example.com\\@evil.example/callback", "https:\\\\app.example.com\\callback",
		"https://app.example.com/callback\t", "https://app.example.com/callback\n", " https://app.example.com/callback",
		"https://app.example.com/callback ", "https://app.example.com/\tcallback", "https://app.\nexample.com/callback",
		"https://app.example.com\x00.evil.example/callback", "https://app.example.com/callback\x00", "\x00" + good,
		"https://evil.example/callback", "https://fooapp.example.com/callback", "https://fooaexample.com/callback",
		"https://app.example.com.evil.example/callback", "https://app.example.comevil.example/callback",
		"https://appxexample.com/callback", "https://app-example.com/callback", "https://app.example.co/callback",
		"https://app.example.com@evil.example/callback", "https://app.example.com:x@evil.example/callback",
		"https://evil.example@app.example.com/callback", "https://user@app.example.com/callback", "https://@app.example.com/callback",
		"https://evil.example/https://app.example.com/callback", "https://evil.example?https://app.example.com/callback",
		"https://evil.example#https://app.example.com/callback", "https://evil.example/?x=https://app.example.com/callback",
		"//app.example.com/callback", "///app.example.com/callback", "/callback", "callback", "app.example.com/callback",
		"?", "#", "https:", "https:/", "https://", "https:///callback", "https:app.example.com/callback", "https:/app.example.com/callback",
		"https://xn--pp-fka.example.com/callback", "https://аpp.example.com/callback", "https://app。example。com/callback",
		"https://app.example.com/cаllback", "https://app.example.com/callback\u200b", "https://app.example.com/callback\u202e",
		"https://ａpp.example.com/callback", "https://app.example.com/callback\ufeff", "https://app.example.com∕callback",
		"https://[::1]/callback", "https://[app.example.com]/callback", "https://127.0.0.1/callback", "https://0x7f.1/callback",
		"https://app.example.com/callback&code=x", "https://app.example.com/callback?code=x", "https://app.example.com/callback?state=x",
		"https://app.example.com/callback?error=x", "https://app.example.com/callback?redirect_uri=https://evil.example",
		"https://*.example.com/callback", "https://app.example.com/*", "*", "https://app.example.com/callback*",
		"https://app.example.com/other", "https://app.example.com/other?a=2", "https://app.example.com/other?a=1&b=2",
		"https://app.example.com/other?b=2&a=1", "https://app.example.com/other?A=1", "https://app.example.com/other?a=%31",
		"https://app.example.com/other?a=1#", "https://app.example.com/other?a=1&", "https://app.example.com/other?&a=1",
		"https://app.example.com/other/?a=1", "https://app.example.com/callback?a=1", "https://app.example.com/other;a=1",
		"javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", "javascript://app.example.com/callback%0aalert(1)",
		"data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.example.com/x", "about:blank",
		"view-source:https://app.example.com/callback", "filesystem:https://app.example.com/x", "ftp://app.example.com/callback",
		"ws://app.example.com/callback", "com.example.app:/callback", "intent://app.example.com/callback", "mailto:a@example.com",
		"https://app.example.com/callback,https://evil.example/", "https://app.example.com/callback https://evil.example/",
		"https://app.example.com/callback|", "https://app.example.com/callback\"", "https://app.example.com/callback<",
		"https://app.example.com/callback'", "https://app.example.com/callback`", "https://app.example.com/callback%",
		"https://app.example.com/callback%zz", "https://app.example.com:99999/callback", "https://app.example.com:x/callback",
	}
	if len(refused) < 120 {
		t.Errorf("%d vectors", len(refused))
	}
	for _, uri := range refused {
		if got, err := oauth.Redirect(client, uri, true); err == nil {
			t.Errorf("%q is taken: %q", uri, got)
		}
	}
}

// Addresses that must not be redirect URIs even where somebody has registered
// them (OAU-02).
func TestOAU02Schemes(t *testing.T) {
	var refused []string
	for _, scheme := range []string{"javascript", "data", "vbscript", "file", "blob", "about", "filesystem", "view-source", "ws", "ftp"} {
		for _, s := range []string{scheme, string(scheme[0]-32) + scheme[1:], upper(scheme), mixed(scheme)} {
			refused = append(refused, s+":x", s+"://app.example.com/cb")
		}
	}
	refused = append(refused, "http://app.example.com/cb", "http://192.168.1.1/cb", "http://localhost.example.com/cb",
		"https://u:p@app.example.com/cb", "https://app.example.com/cb#x", "https://*.example.com/cb", "https://app.example.com/cb?code=1",
		"https://app.example.com/cb?a=1&iss=2", "https://app.example.com/c b", "https://app.example.com/\\cb", ":", "::", "1http://x")
	if len(refused) < 60 {
		t.Errorf("%d vectors", len(refused))
	}
	for _, uri := range refused {
		client := &tenant.Client{AppType: "native", Callbacks: []string{uri}}
		if _, err := oauth.Redirect(client, uri, true); err == nil {
			t.Errorf("%q is taken", uri)
		}
	}
	for _, uri := range []string{
		"https://app.example.com/cb", "http://localhost:3000/cb", "http://127.0.0.1/cb", "http://[::1]:8080/cb",
		"com.example.app:/cb", "com.example.app://cb", "myapp://callback",
	} {
		client := &tenant.Client{AppType: "native", Callbacks: []string{uri}}
		if _, err := oauth.Redirect(client, uri, true); err != nil {
			t.Errorf("%q is refused: %v", uri, err)
		}
	}
	// A server that is itself reached by plain http is for development.
	client := &tenant.Client{Callbacks: []string{"http://app:3000/cb"}}
	if _, err := oauth.Redirect(client, "http://app:3000/cb", false); err != nil {
		t.Errorf("plain http in development: %v", err)
	}
}

func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'a' && c <= 'z' {
			b[i] = c - 32
		}
	}
	return string(b)
}

func mixed(s string) string {
	b := []byte(upper(s))
	for i := 1; i < len(b); i += 2 {
		b[i] = s[i]
	}
	return string(b)
}

// Only the port of a loopback address is free, and only for applications that
// run on the person's own machine.
func TestLoopbackPort(t *testing.T) {
	native := &tenant.Client{AppType: "native", Callbacks: []string{"http://127.0.0.1/cb", "http://[::1]:1/cb?x=1", "http://localhost:3000/cb"}}
	for uri, want := range map[string]bool{
		"http://127.0.0.1/cb": true, "http://127.0.0.1:51004/cb": true, "http://[::1]:9/cb?x=1": true,
		"http://127.0.0.1:51004/cb2": false, "http://127.0.0.1:51004/cb?x": false, "http://127.0.0.2:1/cb": false,
		"http://127.0.0.12/cb": false, "http://127.0.0.123/cb": false, "http://127.0.0.12:1/cb": false,
		"http://127.0.0.1:1@evil.example/cb": false, "http://127.0.0.1:51004.evil.example/cb": false,
		"http://127.0.0.1:x/cb": false, "http://127.0.0.1.evil.example/cb": false, "http://[::1]:9/cb": false,
		"https://127.0.0.1:51004/cb": false, "http://localhost:51004/cb": false, "http://127.0.0.1:51004": false,
	} {
		if _, err := oauth.Redirect(native, uri, true); (err == nil) != want {
			t.Errorf("%s: %v, want taken %v", uri, err, want)
		}
	}
	web := &tenant.Client{AppType: "regular_web", Callbacks: native.Callbacks}
	if _, err := oauth.Redirect(web, "http://127.0.0.1:51004/cb", true); err == nil {
		t.Error("a web application has a free port")
	}
}

func TestRedirectLeftOut(t *testing.T) {
	one := &tenant.Client{Callbacks: []string{"https://a.example/cb"}}
	if got, err := oauth.Redirect(one, "", true); err != nil || got != "https://a.example/cb" {
		t.Errorf("the only callback: %q, %v", got, err)
	}
	for _, c := range []*tenant.Client{{}, {Callbacks: []string{"https://a.example/cb", "https://b.example/cb"}}} {
		if got, err := oauth.Redirect(c, "", true); err == nil {
			t.Errorf("of %v, %q is taken", c.Callbacks, got)
		}
	}
}
