package oauth

import "testing"

// OAU-20: where /v2/logout leads, by what is registered.
func TestOAU20MayReturn(t *testing.T) {
	allowed := []string{
		"https://app.example.com/bye", "https://root.example.com", "https://*.tenants.example.com/out", "https://port.example.com:8443/",
		"com.example.app://host/out", "http://localhost:3000", "https://q.example.com/x?registered=1", "https://*.com", "javascript:alert(1)",
	}
	for _, to := range []string{
		"https://app.example.com/bye", "https://APP.example.com/bye", "HTTPS://app.example.com/bye", "https://app.example.com:443/bye",
		"https://app.example.com/bye?a=b&c=https://evil.example", "https://app.example.com/bye#there", "https://root.example.com/",
		"https://root.example.com?x=1", "https://root.example.com/?x=1", "https://one.tenants.example.com/out", "https://a-1.tenants.example.com/out?x",
		"https://port.example.com:8443", "com.example.app://host/out", "com.example.app://host/out?x=1", "http://localhost:3000/", "https://q.example.com/x",
	} {
		if !MayReturn(allowed, to) {
			t.Errorf("%s is refused", to)
		}
	}
	for _, to := range []string{
		"", "/bye", "//app.example.com/bye", "app.example.com/bye", "http://app.example.com/bye", "https://app.example.com/Bye",
		"https://app.example.com/bye/", "https://app.example.com/bye/more", "https://app.example.com/bye/../bye", "https://app.example.com/%62ye",
		"https://app.example.com", "https://app.example.com.evil.example/bye", "https://evil.example/app.example.com/bye", "https://app.example.com@evil.example/bye",
		"https://evil.example#@app.example.com/bye", "https://evil.example\\@app.example.com/bye", "https:\\\\app.example.com/bye",
		"https://app.example.com:8443/bye", "https://app.example.com:80/bye", "https://app.example.com%2eevil.example/bye", "https://app.example.com./bye",
		"https://tenants.example.com/out", "https://a.b.tenants.example.com/out", "https://.tenants.example.com/out", "https://*.tenants.example.com/out",
		"https://evil.example/.tenants.example.com/out", "https://evil.example%2f.tenants.example.com/out", "https://x@y.tenants.example.com/out",
		"https://a_b.tenants.example.com/out", "https://evil.com", "https://port.example.com/", "com.example.app://other/out", "com.example.app:",
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", " https://app.example.com/bye", "https://app.example.com/bye\n",
		"https://app.example.com\t/bye", "https://аpp.example.com/bye", "https:app.example.com/bye", "https:///app.example.com/bye", "http://localhost:3001/",
		"http://127.0.0.1:3000/", "vbscript:x", "file:///etc/passwd",
	} {
		if MayReturn(allowed, to) {
			t.Errorf("%q is let through", to)
		}
	}
}

func TestFirstReturn(t *testing.T) {
	for _, c := range []struct {
		want    string
		allowed []string
	}{
		{"", nil},
		{"", []string{"https://*.example.com"}},
		{"https://b.example.com", []string{"https://*.example.com", "javascript:x", "https://b.example.com"}},
	} {
		if got := FirstReturn(c.allowed); got != c.want {
			t.Errorf("%v: %q, want %q", c.allowed, got, c.want)
		}
	}
}

// OAU-19: the address has to be the registered one, letter by letter.
func TestOAU19MayReturnExactly(t *testing.T) {
	allowed := []string{"https://app.example.com/out?a=1", "https://*.example.com/out", "https://plain.example.com"}
	for to, want := range map[string]bool{
		"https://app.example.com/out?a=1": true, "https://plain.example.com": true,
		"https://app.example.com/out": false, "https://app.example.com/out?a=1&b": false, "https://APP.example.com/out?a=1": false,
		"https://plain.example.com/": false, "https://x.example.com/out": false, "https://*.example.com/out": false, "": false,
	} {
		if got := MayReturnExactly(allowed, to); got != want {
			t.Errorf("%q: %v", to, got)
		}
	}
}

func TestWithState(t *testing.T) {
	const odd = "!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~ +ä"
	for _, c := range []struct{ uri, state, want string }{
		{"https://a.example/x", "", "https://a.example/x"},
		{"https://a.example/x", "s", "https://a.example/x?state=s"},
		{"https://a.example/x?y=1", "s", "https://a.example/x?y=1&state=s"},
		{"https://a.example/x?y=1#f", "s", "https://a.example/x?y=1&state=s#f"},
		{"https://a.example/x", odd, "https://a.example/x?state=%21%22%23%24%25%26%27%28%29%2A%2C-.%2F%3A%3C%3D%3E%3F%40%5B%5C%5D%5E_%60%7B%7C%7D~+%2B%C3%A4"},
	} {
		if got := WithState(c.uri, c.state); got != c.want {
			t.Errorf("%s with %q: %s", c.uri, c.state, got)
		}
	}
}
