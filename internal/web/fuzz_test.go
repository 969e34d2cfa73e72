package web

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/doorcode/doorcode/internal/fault"
)

// FuzzJSON holds the scanner against encoding/json: what it accepts, that
// accepts too, with the same members and no surprises.
func FuzzJSON(f *testing.F) {
	for _, body := range refused() {
		if len(body) < 500 {
			f.Add([]byte(body))
		}
	}
	f.Add([]byte(`{"client_id":"app","connection":"sms","phone_number":"+15550100","authParams":{"scope":"openid"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s := scanner{src: body, collect: true}
		err := s.document()
		if err != nil {
			if f := fault.Of(err); f.Kind != fault.Invalid || f.Code != "invalid_request" || !utf8.ValidString(f.Message) {
				t.Fatalf("fault %v", err)
			}
			return
		}
		var v any
		dec := json.NewDecoder(bytes.NewReader(body))
		dec.UseNumber()
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("encoding/json refuses %q: %v", body, err)
		}
		object, ok := v.(map[string]any)
		if ok != s.object || len(object) != len(s.members) {
			t.Fatalf("%q: %d members, want %d", body, len(s.members), len(object))
		}
		for _, m := range s.members {
			if _, ok := object[string(m.name)]; !ok || !json.Valid(m.value) {
				t.Errorf("%q: member %q = %q", body, m.name, m.value)
			}
		}
		if !utf8.Valid(body) || bytes.Contains(body, []byte(`\u0000`)) && !bytes.Contains(body, []byte(`\\u0000`)) {
			t.Errorf("accepted %q", body)
		}
	})
}

// FuzzParams holds form reading against net/url: no value that differs, and
// none sent twice.
func FuzzParams(f *testing.F) {
	f.Add("application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=a%2Bb&client_id=app")
	f.Add("", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp","otp":123456,"scope":["a"]}`)
	f.Add("", "a=1&a=2")
	f.Add("text/plain", "a;b=%41&=&%=")
	f.Fuzz(func(t *testing.T, contentType, body string) {
		r := post(body)
		r.Header.Set("Content-Type", contentType)
		p, err := ReadParams(httptest.NewRecorder(), r, AuthLimit)
		if err != nil {
			if f := fault.Of(err); f.Kind != fault.Invalid {
				t.Fatalf("fault %v", err)
			}
			return
		}
		seen := map[string]bool{}
		for _, name := range p.Names() {
			if seen[name] || !utf8.ValidString(p.Get(name)) || strings.Contains(p.Get(name), "\x00") {
				t.Errorf("%q: parameter %q twice or bad", body, name)
			}
			seen[name] = true
			p.Strings(name)
		}
		if p.JSON() || strings.Contains(body, ";") { // net/url refuses semicolons
			return
		}
		want, err := url.ParseQuery(body)
		if err != nil {
			t.Fatalf("net/url refuses %q: %v", body, err)
		}
		for name := range want {
			if name != "" && (want.Get(name) != p.Get(name) || len(want[name]) != 1) {
				t.Errorf("%q: %q = %q, want %q", body, name, p.Get(name), want[name])
			}
		}
	})
}

func FuzzAuthorization(f *testing.F) {
	f.Add("Basic YXBwOnNlY3JldA==")
	f.Add("bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln")
	f.Add("Basic YTolMDA=")
	f.Add("DPoP x")
	f.Fuzz(func(t *testing.T, header string) {
		r := withAuth(header)
		c, basic, err := BasicCredentials(r)
		if err != nil && (c != Credentials{} || !basic) {
			t.Errorf("%q: credentials %+v with an error", header, c)
		}
		if strings.ContainsAny(c.ID+c.Secret, "\x00\r\n") || !utf8.ValidString(c.ID+c.Secret) {
			t.Errorf("%q: credentials %q", header, c)
		}
		token, bearer, err := BearerToken(r)
		if err != nil && token != "" || basic && bearer {
			t.Errorf("%q: token %q, %v", header, token, err)
		}
		if token != "" && !strings.Contains(header, token) {
			t.Errorf("%q: token %q is not in it", header, token)
		}
	})
}

// FuzzForwarded checks that a chain only ever yields an address in it, and
// nothing at all counts unless the peer is trusted.
func FuzzForwarded(f *testing.F) {
	for _, v := range forwarded {
		if s := strings.Join(v.header["X-Forwarded-For"], "\n"); len(s) < 300 {
			f.Add(s)
		}
	}
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, lines string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["X-Forwarded-For"] = strings.Split(lines, "\n")
		r.RemoteAddr = "198.51.100.7:1"
		if got := ClientIP(r, trusted); got.String() != "198.51.100.7" {
			t.Errorf("an untrusted peer became %v", got)
		}
		r.RemoteAddr = "10.0.0.1:1"
		got := ClientIP(r, trusted)
		if !got.IsValid() || got.IsUnspecified() || got.Zone() != "" || got.Is4In6() {
			t.Errorf("%q gave %v", lines, got)
		}
		// The right-most entry was written by the proxy, so one of ours to its
		// right changes nothing, and no entry to its left does.
		if last, ok := ParseIP(strings.Trim(lines[strings.LastIndexAny(lines, ",\n")+1:], " \t")); ok && !contains(trusted, last) && got != last {
			t.Errorf("%q gave %v, want %v", lines, got, last)
		}
	})
}
