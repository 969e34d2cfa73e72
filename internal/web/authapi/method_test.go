package authapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A method that an endpoint does not have is refused in the form of this API's
// errors, with those that it has.
func TestMethodNotAllowed(t *testing.T) {
	w := newWorld(t)
	for path, allow := range map[string]string{
		"/oauth/token": "OPTIONS, POST", "/oauth/revoke": "OPTIONS, POST", "/oauth/introspect": "POST", "/oauth/par": "OPTIONS, POST",
		"/oauth/device/code": "OPTIONS, POST", "/passwordless/start": "GET, OPTIONS, POST", "/passwordless/verify": "OPTIONS, POST",
		"/passwordless/challenge": "OPTIONS, POST", "/otp/challenge": "OPTIONS, POST", "/oauth/ro": "OPTIONS, POST", "/delegation": "OPTIONS, POST",
		"/tokeninfo": "OPTIONS, POST", "/co/authenticate": "OPTIONS, POST", "/userinfo": "GET, HEAD, OPTIONS, POST", "/user/ssodata": "GET, HEAD, OPTIONS",
		"/user/geoloc/country": "GET, HEAD, OPTIONS", "/info-v1.js": "GET, HEAD", "/client/x.js": "GET, HEAD",
		"/pem": "GET, HEAD", "/fingerprint": "GET, HEAD", "/.well-known/jwks.json": "GET, HEAD", "/.well-known/openid-configuration": "GET, HEAD", "/.well-known/oauth-authorization-server": "GET, HEAD",
	} {
		allowed := strings.Split(allow, ", ")
		for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions} {
			status, h, body := w.Do(t, method, path, "")
			if slices.Contains(allowed, method) {
				if status == http.StatusMethodNotAllowed {
					t.Errorf("%s %s is refused: %s", method, path, body)
				}
				continue
			}
			want := `{"error":"method_not_allowed","error_description":"` + method + ` is not allowed here. Allowed: ` + allow + `."}`
			if method == http.MethodHead {
				want = ""
			}
			if status != http.StatusMethodNotAllowed || body != want || h.Get("Allow") != allow || h.Get("Content-Type") != "application/json; charset=utf-8" {
				t.Errorf("%s %s: %d %s, Allow %q, %s", method, path, status, body, h.Get("Allow"), h.Get("Content-Type"))
			}
		}
	}
}
