package web

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
)

func withAuth(values ...string) *http.Request {
	r := httptest.NewRequest("POST", "/oauth/token?client_id=q&client_secret=q&access_token=q", nil)
	if values != nil {
		r.Header["Authorization"] = values
	}
	return r
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

// OAU-12: what Basic authentication says is read in one way or refused.
func TestBasicCredentials(t *testing.T) {
	tests := []struct {
		name   string
		header []string
		want   Credentials
		found  bool
		fails  bool
	}{
		{"no header", nil, Credentials{}, false, false},
		{"plain", []string{"Basic " + b64("app:secret")}, Credentials{"app", "secret"}, true, false},
		{"scheme in any case", []string{"bAsIC " + b64("app:secret")}, Credentials{"app", "secret"}, true, false},
		{"more spaces", []string{"Basic   " + b64("app:secret") + " "}, Credentials{"app", "secret"}, true, false},
		{"URL-encoded", []string{"Basic " + b64("my%3Aapp:s%2Be%25+c%C3%A9")}, Credentials{"my:app", "s+e% cé"}, true, false},
		{"colons in the secret", []string{"Basic " + b64("app:a:b")}, Credentials{"app", "a:b"}, true, false},
		{"empty secret", []string{"Basic " + b64("app:")}, Credentials{"app", ""}, true, false},
		{"another scheme", []string{"Bearer abc"}, Credentials{}, false, false},
		{"scheme as a prefix", []string{"Basically " + b64("a:b")}, Credentials{}, false, false},
		{"nothing after the scheme", []string{"Basic"}, Credentials{}, true, true},
		{"no colon", []string{"Basic " + b64("app")}, Credentials{}, true, true},
		{"not base64", []string{"Basic app:secret"}, Credentials{}, true, true},
		{"bad escape", []string{"Basic " + b64("app:100%")}, Credentials{}, true, true},
		{"NUL", []string{"Basic " + b64("app:a%00b")}, Credentials{}, true, true},
		{"line break", []string{"Basic " + b64("app%0d%0aX:b")}, Credentials{}, true, true},
		{"invalid UTF-8", []string{"Basic " + b64("app:\xff")}, Credentials{}, true, true},
		{"too long", []string{"Basic " + b64("app:"+strings.Repeat("x", 4000))}, Credentials{}, true, true},
		{"two headers", []string{"Basic " + b64("a:b"), "Basic " + b64("c:d")}, Credentials{}, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found, err := BasicCredentials(withAuth(tt.header...))
			if got != tt.want || found != tt.found || (err != nil) != tt.fails {
				t.Errorf("got %+v, %v, %v", got, found, err)
			}
			if tt.fails && (!errors.Is(err, ErrBasic) || fault.Of(err).Kind != fault.Denied) {
				t.Errorf("not ErrBasic: %v", err)
			}
		})
	}
}

// OAU-16: tokens come in the header, in whatever case the scheme is.
func TestBearerToken(t *testing.T) {
	long := strings.Repeat("x", maxBearer)
	tests := []struct {
		name   string
		header []string
		want   string
		found  bool
		fails  bool
	}{
		{"no header", nil, "", false, false},
		{"plain", []string{"Bearer abc.DEF-_~+/09=="}, "abc.DEF-_~+/09==", true, false},
		{"lower case", []string{"bearer abc"}, "abc", true, false},
		{"upper case", []string{"BEARER  abc "}, "abc", true, false},
		{"another scheme", []string{"Basic abc"}, "", false, false},
		{"DPoP", []string{"DPoP abc"}, "", false, false},
		{"empty", []string{"Bearer "}, "", true, true},
		{"only padding", []string{"Bearer =="}, "", true, true},
		{"padding inside", []string{"Bearer a=b"}, "", true, true},
		{"two tokens", []string{"Bearer a b"}, "", true, true},
		{"a comma", []string{"Bearer a,b"}, "", true, true},
		{"control", []string{"Bearer a\x00"}, "", true, true},
		{"not ASCII", []string{"Bearer é"}, "", true, true},
		{"as long as may be", []string{"Bearer " + long}, long, true, false},
		{"too long", []string{"Bearer " + long + "x"}, "", true, true},
		{"two headers", []string{"Bearer a", "Bearer b"}, "", true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, found, err := BearerToken(withAuth(tt.header...))
			if got != tt.want || found != tt.found || (err != nil) != tt.fails || tt.fails && !errors.Is(err, ErrBearer) {
				t.Errorf("got %.20q, %v, %v", got, found, err)
			}
		})
	}
}

// TOK-02: a megabyte of dots and ten of anything cost nothing to refuse.
func TestTOK02HugeTokens(t *testing.T) {
	for _, huge := range []string{strings.Repeat(".", 1<<20), strings.Repeat("a", 10<<20)} {
		r := withAuth("Bearer " + huge)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, err := BearerToken(r)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrBearer) {
			t.Errorf("%v", err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > 64<<10 {
			t.Errorf("%d bytes allocated", n)
		}
	}
}
