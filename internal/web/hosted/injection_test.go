package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// elsewhere are addresses that a browser or a careless check takes for another
// than they are. Each is tried as it stands and behind addresses of the
// application's.
func elsewhere() []string {
	hosts := []string{
		"https://evil.example", "//evil.example", "///evil.example", `/\evil.example`, `\/evil.example`, `\\evil.example`, "https:evil.example", "https:/evil.example",
		`https:\\evil.example`, "https:///evil.example", "http:evil.example", "javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", "data:text/html,x",
		"vbscript:x", "//evil.example\\@localhost:3000", "https://localhost:3000@evil.example", "https://evil.example#localhost:3000", "https://evil.example?localhost:3000",
		"http://localhost:3000.evil.example", "http://localhost:3000@evil.example/", "http://localhost:30000", "http://localhost", "https://localhost:3000/callback",
		"http://LOCALHOST:3000/callback/", "http://localhost:3000/callback/..//evil.example", "http://localhost:3000//evil.example", "//evil.example/%2f..", "/%09/evil.example",
		"/%5cevil.example", "//evil%E3%80%82example", "https://evil。example", "%2f%2fevil.example", "%0d%0aLocation:https://evil.example", "\r\nLocation: https://evil.example",
		"http://localhost:3000/callback%0d%0aLocation:https://evil.example", "http://localhost:3000/callback\r\nX: y", " https://evil.example", "\x00https://evil.example", "?", "#", ".", "/",
		"http://localhost:3000/callback?next=https://evil.example", "http://localhost:3000/callback#https://evil.example", "blob:http://localhost:3000/x", "ftp://localhost:3000/callback",
	}
	var out []string
	for _, h := range hosts {
		out = append(out, h, h+"/callback", "http://localhost:3000/callback"+h, url.QueryEscape(h), h+"%00.localhost:3000")
	}
	return out
}

// INJ-10: whatever address a request names, nobody is sent anywhere but to an
// address that the application or the tenant has listed.
func TestINJ10OpenRedirects(t *testing.T) {
	w := newLeaver(t)
	payloads := elsewhere()
	if len(payloads) < 200 {
		t.Fatalf("%d payloads, want 200", len(payloads))
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	sinks := map[string]func(p string) string{
		"redirect_uri": func(p string) string { return "/authorize?" + w.query("redirect_uri", p) },
		"redirect_uri, silent": func(p string) string {
			return "/authorize?" + w.query("redirect_uri", p, "prompt", "none")
		},
		"redirect_uri, of nobody": func(p string) string { return "/authorize?" + w.query("redirect_uri", p, "client_id", "nobody") },
		"returnTo":                func(p string) string { return "/v2/logout?returnTo=" + url.QueryEscape(p) },
		"returnTo, of one": func(p string) string {
			return "/v2/logout?client_id=" + w.Ready.ClientID + "&returnTo=" + url.QueryEscape(p)
		},
		"post_logout_redirect_uri": func(p string) string { return oidc("client_id", w.Ready.ClientID, "post_logout_redirect_uri", p) },
	}
	for name, path := range sinks {
		for _, p := range payloads {
			res, err := client.Get(w.URL + path(p))
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			to := res.Header.Get("Location")
			u, err := url.Parse(to)
			// A form that asks is no redirect; one to our own pages is none.
			if err != nil || to != "" && (u.Host != "" || u.Scheme != "" || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`)) && !strings.HasPrefix(to, w.URL+"/") {
				t.Errorf("%s=%q leads to %q", name, p, to)
			}
			if res.StatusCode >= 500 || strings.ContainsAny(to, "\r\n") {
				t.Errorf("%s=%q: %d", name, p, res.StatusCode)
			}
		}
	}
}

// INJ-11: a language is text of a bounded length and a key of nothing else: no
// file is opened by it, and no page breaks.
func TestINJ11Languages(t *testing.T) {
	w := newWorld(t)
	for _, l := range []string{
		"nl", "fr-FR, en;q=0.5", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "/etc/passwd", `..\..\windows`, "en\x00", strings.Repeat("en,", 2300), strings.Repeat("a", 7000),
		strings.Repeat("en-US;q=0.9999999999,", 300), "*", "-", "--", ";q=", "en;q=9999999999999999999999", "{{7*7}}", "<script>alert(1)</script>", "' OR '1'='1", "en_US@calendar=x", "é", "\xff\xfe", "",
	} {
		header := strings.Map(func(r rune) rune {
			if r < ' ' {
				return -1 // which no request can carry
			}
			return r
		}, l)
		st, _, body := w.Post(t, "/passwordless/start", `{"client_id":"`+w.Ready.ClientID+`","client_secret":"`+w.Ready.ClientSecret+`","connection":"sms","phone_number":"`+person+`"}`,
			"x-request-language", header, "Accept-Language", header)
		if st != 200 {
			t.Errorf("%.40q: %d %s", l, st, body)
		}
		q := w.query("ui_locales", l)
		if len(q) > 7000 {
			continue // longer than any address may be
		}
		st, _, body = w.Do(t, "GET", "/authorize?"+q, "", "Accept-Language", header)
		if st >= 500 || strings.Contains(strings.ReplaceAll(body, ourScript, ""), "<script") || strings.Contains(body, "root:") {
			t.Errorf("ui_locales %.40q: %d", l, st)
		}
	}
	if st, _, body := w.Do(t, "GET", "/outbox/api/messages?to="+url.QueryEscape(person), ""); st != 200 || strings.Contains(body, strings.Repeat("a", 201)) {
		t.Errorf("a language of more than 200 bytes was kept: %d", st)
	}
}
