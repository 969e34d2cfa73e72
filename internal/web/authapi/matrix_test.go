package authapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// OAU-11: an application uses the grants it has, and nobody uses others.
func TestOAU11Grants(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{})
	all := []string{"authorization_code", "refresh_token", "client_credentials", otp, deviceGrant, "password"}
	for _, kind := range []string{"native", "spa", "regular_web", "non_interactive"} {
		body := func(grants []string) map[string]any {
			b := map[string]any{"app_type": kind, "grant_types": grants}
			if kind == "native" || kind == "spa" {
				b["token_endpoint_auth_method"] = "none"
			}
			return b
		}
		with := func(grants []string) map[string]string {
			id, secret := w.client(body(grants))
			who := map[string]string{"client_id": id, "client_secret": secret}
			if body(grants)["token_endpoint_auth_method"] == "none" {
				delete(who, "client_secret")
			}
			return who
		}
		none, every := with([]string{}), with(all)
		for _, grant := range all {
			t.Run(fmt.Sprintf("OAU-11 %s %s", kind, grant), func(t *testing.T) {
				params := map[string]string{
					"grant_type": grant, "code": "x", "refresh_token": "x", "audience": testAPI, "device_code": "x",
					"realm": "sms", "username": number, "otp": "000000", "password": "x",
				}
				want := "unauthorized_client"
				if grant == "password" {
					want = "unsupported_grant_type"
				}
				if got := w.token(and(params, none)); got.status != 403 || got.code() != want {
					t.Errorf("without the grant: %d %s", got.status, got.body)
				}
				got := w.token(and(params, every))
				switch {
				case grant == "password":
					want = "unsupported_grant_type"
				case grant == "client_credentials" && (kind == "native" || kind == "spa"):
					want = "unauthorized_client" // it has no secret to be itself with
				case grant == "client_credentials":
					want = "access_denied" // no grant for the API
				default:
					want = "invalid_grant" // the code is wrong, and was looked at
				}
				if got.status != 403 || got.code() != want {
					t.Errorf("with the grant: %d %s, want %s", got.status, got.body, want)
				}
			})
		}
	}
}

// OAU-16: how an access token may be brought to userinfo.
func TestOAU16Userinfo(t *testing.T) {
	w := newWorld(t)
	w.api(testAPI, map[string]any{"scopes": scopes("read")})
	got := w.signIn(w.app(), number, nil).want(t, 200)
	token := got["access_token"].(string)
	narrow := w.signIn(w.app(), number, map[string]string{"audience": testAPI, "scope": "read"}).want(t, 200)["access_token"].(string)
	const form = "application/x-www-form-urlencoded"
	for i, c := range []struct {
		name, method, path, body string
		header                   []string
		status                   int
	}{
		{"in the header", "GET", "/userinfo", "", []string{"Authorization", "Bearer " + token}, 200},
		{"the scheme in another case", "GET", "/userinfo", "", []string{"Authorization", "bEaReR " + token}, 200},
		{"in the header of a POST", "POST", "/userinfo", "", []string{"Authorization", "Bearer " + token}, 200},
		{"in a form", "POST", "/userinfo", "access_token=" + token, []string{"Content-Type", form}, 200},
		{"in the address", "GET", "/userinfo?access_token=" + token, "", nil, 401},
		{"in the address of a POST", "POST", "/userinfo?access_token=" + token, "", []string{"Content-Type", form}, 401},
		{"nowhere", "GET", "/userinfo", "", nil, 401},
		{"an ID token", "GET", "/userinfo", "", []string{"Authorization", "Bearer " + got["id_token"].(string)}, 401},
		{"a refresh token", "GET", "/userinfo", "", []string{"Authorization", "Bearer " + got["refresh_token"].(string)}, 401},
		{"a token without openid", "GET", "/userinfo", "", []string{"Authorization", "Bearer " + narrow}, 401},
		{"a management token", "GET", "/userinfo", "", []string{"Authorization", "Bearer " + w.admin}, 401},
	} {
		t.Run(fmt.Sprintf("OAU-16 %02d %s", i+1, c.name), func(t *testing.T) {
			status, h, body := w.Do(t, c.method, c.path, c.body, c.header...)
			if status != c.status {
				t.Errorf("%d %s, want %d", status, body, c.status)
			}
			if status == 401 && !strings.HasPrefix(h.Get("WWW-Authenticate"), "Bearer ") {
				t.Errorf("WWW-Authenticate %q", h.Get("WWW-Authenticate"))
			}
			if h.Get("Cache-Control") != "no-store" {
				t.Errorf("Cache-Control %q", h.Get("Cache-Control"))
			}
		})
	}
	for origin, allowed := range map[string]bool{
		"http://localhost:3000": true, "https://attacker.example": false, "null": false, "http://localhost:3000.attacker.example": false,
	} {
		_, h, _ := w.Do(t, "GET", "/userinfo", "", "Authorization", "Bearer "+token, "Origin", origin)
		if got := h.Get("Access-Control-Allow-Origin"); (got == origin) != allowed || !allowed && got != "" {
			t.Errorf("origin %s: Access-Control-Allow-Origin %q", origin, got)
		}
	}
}

// OAU-17: the metadata comes from the configuration and from nothing in the
// request, at both addresses, and names addresses that are served.
func TestOAU17Metadata(t *testing.T) {
	w := newWorld(t)
	bodies := map[string]bool{}
	headers := [][]string{nil}
	for _, name := range []string{
		"X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Prefix", "X-Original-Host",
		"X-Host", "X-Real-IP", "Forwarded", "Origin", "Referer", "X-Original-URL", "X-Rewrite-URL", "Via", "Accept-Language", "Accept", "X-Request-Language",
	} {
		headers = append(headers, []string{name, "attacker.example"})
	}
	var meta map[string]any
	for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
		for _, h := range headers {
			status, got, body := w.Do(t, "GET", path, "", h...)
			if status != 200 || !strings.Contains(got.Get("Cache-Control"), "max-age") {
				t.Errorf("%s with %v: %d, Cache-Control %q", path, h, status, got.Get("Cache-Control"))
			}
			bodies[body] = true
			if err := json.Unmarshal([]byte(body), &meta); err != nil {
				t.Fatal(err)
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), "GET", w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "attacker.example"
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if res.StatusCode >= 400 {
			continue // other hosts are not served at all
		}
		var other map[string]any
		if err := json.NewDecoder(res.Body).Decode(&other); err != nil || other["issuer"] != w.Ready.Issuer {
			t.Errorf("with another Host: %v, %v", other["issuer"], err)
		}
	}
	if len(bodies) != 1 {
		t.Errorf("%d different documents", len(bodies))
	}
	if meta["issuer"] != w.Ready.Issuer {
		t.Errorf("issuer %v", meta["issuer"])
	}
	for name, value := range meta {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		at, ok := strings.CutPrefix(fmt.Sprint(value), w.URL)
		if !ok {
			t.Errorf("%s is %v", name, value)
			continue
		}
		method := "POST"
		if name == "jwks_uri" || name == "authorization_endpoint" || name == "end_session_endpoint" {
			method = "GET"
		}
		if status, _, body := w.Do(t, method, at, ""); status == 404 || status == 405 {
			t.Errorf("%s %s is not there: %d %s", name, at, status, body)
		}
	}
}
