package web

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ok(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func TestSecure(t *testing.T) {
	for _, https := range []bool{false, true} {
		w := httptest.NewRecorder()
		Secure(http.HandlerFunc(ok), https).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		for name, want := range map[string]string{
			"X-Content-Type-Options":  "nosniff",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":         "no-referrer",
			"Cache-Control":           "no-store",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if got := w.Header().Get("Strict-Transport-Security"); (got != "") != https {
			t.Errorf("https %v: HSTS %q", https, got)
		}
	}
	w := httptest.NewRecorder()
	Secure(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'self'")
		w.Header().Set("Cache-Control", "max-age=300")
	}), true).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if h := w.Header(); h.Get("Content-Security-Policy") != "default-src 'self'" || h.Get("Cache-Control") != "max-age=300" {
		t.Errorf("what a handler says does not count: %v", h)
	}
}

// OAU-25: what is posted to a path that ServeMux would put right is not sent
// once more to the right one; what is in a name there, escaped, is as it was.
func TestOAU25UncleanPaths(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/oauth/token", ok)
	mux.HandleFunc("/users/{id}", ok)
	mux.HandleFunc("/users/{id}/sessions", ok)
	mux.HandleFunc("/tree/", ok)
	h := Secure(mux, true)
	unclean := []string{
		"//oauth/token", "/oauth//token", "/oauth/token//", "///oauth/token", "/./oauth/token", "/oauth/./token", "/oauth/token/.",
		"/../oauth/token", "/x/../oauth/token", "/oauth/token/x/..", "//x/..//oauth/token", "/x/%2e%2e/../../oauth/token", "//", "/.", "/..",
		"/users//a", "/users/a//sessions", "/tree//", "/users/a%2Fb//sessions", "//oauth/token?state=x", "http://x//oauth/token", "http://x",
	}
	clean := map[string]string{
		"/users/sms%7Cabc": "sms|abc", "/users/a%2Fb": "a/b", "/users/a%2f%2fb/sessions": "a//b", "/users/https%3A%2F%2Fapi.example.com%2F": "https://api.example.com/",
		"/users/%2e%2e/sessions": "..", "/users/%2E": ".", "/users/%2F%2E%2E%2F": "/../", "/users/...": "...", "/users/a..b": "a..b", "/users/.a": ".a",
		"/users/a%20b": "a b", "/users/é": "é", "/oauth/token": "", "/tree/": "", "/tree/a.b/": "", "/tree/?x=//../": "",
	}
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		for _, path := range unclean {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
			if w.Code != http.StatusNotFound || w.Header().Get("Location") != "" {
				t.Errorf("%s %s: %d to %q", method, path, w.Code, w.Header().Get("Location"))
			}
		}
		for path, id := range clean {
			w, r := httptest.NewRecorder(), httptest.NewRequest(method, path, nil)
			h.ServeHTTP(w, r)
			if w.Code != http.StatusOK || r.PathValue("id") != id {
				t.Errorf("%s %s: %d, id %q", method, path, w.Code, r.PathValue("id"))
			}
		}
	}
	// Who asks for a page brings nothing that could be sent twice.
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "//oauth/token", nil))
	if w.Code/100 != 3 || w.Header().Get("Location") != "/oauth/token" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("GET: %d %v", w.Code, w.Header())
	}
}

// HTT-04: what is not a method of HTTP's common ones is 405 everywhere, and
// ServeMux says 405 for those a route has not.
func TestHTT04Methods(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /page", ok)
	mux.HandleFunc("POST /api", ok)
	mux.HandleFunc("/any", ok)
	h := Secure(mux, true)
	for path, allowed := range map[string]string{"/page": "GET HEAD", "/api": "POST", "/any": "GET HEAD POST PUT PATCH DELETE OPTIONS"} {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "TRACK", "get", "FOO"} {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(method, "http://x"+path, nil))
			want := http.StatusMethodNotAllowed
			if strings.Contains(" "+allowed+" ", " "+method+" ") {
				want = http.StatusOK
			}
			if w.Code != want || want == 405 && w.Header().Get("Allow") == "" {
				t.Errorf("%s %s: %d, Allow %q, want %d", method, path, w.Code, w.Header().Get("Allow"), want)
			}
		}
	}
}

// HTT-06.
func TestHTT06LongURI(t *testing.T) {
	h := Secure(http.HandlerFunc(ok), true)
	for n, want := range map[int]int{maxURI: 200, maxURI + 1: 414} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/"+strings.Repeat("x", n-1), nil))
		if w.Code != want {
			t.Errorf("%d bytes: %d, want %d", n, w.Code, want)
		}
	}
}

// HTT-05.
func TestHTT05Hosts(t *testing.T) {
	h := Hosts(http.HandlerFunc(ok), func(host string) bool { return host == "login.example.com" || host == "::1" })
	for host, want := range map[string]int{
		"login.example.com": 200, "login.example.com:8787": 200, "LOGIN.example.com": 200, "[::1]:8787": 200,
		"": 421, "evil.example": 421, "login.example.com.evil.example": 421, "login.example.com@evil.example": 421,
		"login.example.com.": 421, "login.example.com:80:80": 421, "127.0.0.1": 421, " login.example.com": 421,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		r.Header.Set("X-Forwarded-Host", "login.example.com")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
	}
}

func TestCORS(t *testing.T) {
	const app = "https://app.example.com"
	allowed := func(origin string) bool { return origin == app }
	tests := []struct {
		name, method string
		header       http.Header
		status       int
		handled      bool
		want         map[string]string
	}{
		{"no origin", "POST", http.Header{}, 200, false, map[string]string{"Vary": "Origin"}},
		{
			"allowed", "POST",
			http.Header{"Origin": {app}},
			200, false,
			map[string]string{"Vary": "Origin", "Access-Control-Allow-Origin": app, "Access-Control-Expose-Headers": exposed},
		},
		{"another origin", "POST", http.Header{"Origin": {"https://evil.example"}}, 200, false, map[string]string{"Vary": "Origin"}},
		{"null", "POST", http.Header{"Origin": {"null"}}, 200, false, map[string]string{"Vary": "Origin"}},
		{"suffix", "POST", http.Header{"Origin": {app + ".evil.example"}}, 200, false, map[string]string{"Vary": "Origin"}},
		{"scheme", "POST", http.Header{"Origin": {"http://app.example.com"}}, 200, false, map[string]string{"Vary": "Origin"}},
		{"two origins", "POST", http.Header{"Origin": {app, "https://evil.example"}}, 200, false, map[string]string{"Vary": "Origin"}},
		{
			"preflight", "OPTIONS",
			http.Header{"Origin": {app}, "Access-Control-Request-Method": {"POST"}, "Access-Control-Request-Headers": {"auth0-client,content-type"}},
			204, true,
			map[string]string{"Access-Control-Allow-Origin": app, "Access-Control-Allow-Methods": "POST", "Access-Control-Allow-Headers": "auth0-client,content-type", "Access-Control-Max-Age": "600"},
		},
		{"preflight of another", "OPTIONS", http.Header{"Origin": {"https://evil.example"}, "Access-Control-Request-Method": {"POST"}}, 204, true, nil},
		{
			"preflight for odd things", "OPTIONS",
			http.Header{"Origin": {app}, "Access-Control-Request-Method": {"TRACE"}, "Access-Control-Request-Headers": {"a: b"}},
			204, true,
			map[string]string{"Access-Control-Allow-Origin": app, "Access-Control-Max-Age": "600"},
		},
		{
			"OPTIONS that is no preflight", "OPTIONS",
			http.Header{"Origin": {app}},
			200, false,
			map[string]string{"Vary": "Origin", "Access-Control-Allow-Origin": app, "Access-Control-Expose-Headers": exposed},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/oauth/token", nil)
			r.Header = tt.header
			w := httptest.NewRecorder()
			if handled := CORS(w, r, allowed); handled != tt.handled || w.Code != tt.status {
				t.Errorf("handled %v, status %d", handled, w.Code)
			}
			if w.Header().Get("Vary") != "Origin" {
				t.Errorf("Vary %q", w.Header()["Vary"])
			}
			for name := range w.Header() {
				if name != "Vary" && w.Header().Get(name) != tt.want[name] {
					t.Errorf("%s: %q, want %q", name, w.Header().Get(name), tt.want[name])
				}
			}
			for name, want := range tt.want {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
	r := httptest.NewRequest("POST", "/co/authenticate", nil)
	r.Header.Set("Origin", app)
	w := httptest.NewRecorder()
	CORSWithCookies(w, r, allowed)
	if got := w.Header().Get("Access-Control-Allow-Credentials"); got != "true" {
		t.Errorf("credentials %q", got)
	}
}
