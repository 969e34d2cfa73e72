package authapi_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// OAU-26: a page reads answers only from an origin that the application allows,
// compared as a whole; /authorize is for no script at all.
func TestOAU26Origins(t *testing.T) {
	w := newWorld(t)
	w.crossOrigin()
	foreign := []string{
		"null", "*", "http://localhost", "https://localhost:3000", "http://localhost:3000/", "http://localhost:3000.evil.example",
		"http://localhost:30000", "http://evil.example", "http://LOCALHOST:3000", "http://localhost:3000,http://evil.example",
		"http://evil.example#http://localhost:3000", "http://user@localhost:3000",
	}
	token := `{"grant_type":"refresh_token","refresh_token":"x","client_id":"` + w.Ready.ClientID + `","client_secret":"` + w.Ready.ClientSecret + `"}`
	start := `{"client_id":"` + w.Ready.ClientID + `","client_secret":"` + w.Ready.ClientSecret + `","connection":"sms"}`
	co, _ := json.Marshal(map[string]string{
		"client_id": w.Ready.ClientID, "username": "+447700900431", "otp": "1", "realm": "sms",
		"credential_type": "http://auth0.com/oauth/grant-type/passwordless/otp",
	})
	for _, c := range []struct{ method, path, body string }{
		{http.MethodPost, "/oauth/token", token},
		{http.MethodPost, "/passwordless/start", start},
		{http.MethodPost, "/co/authenticate", string(co)},
		{http.MethodPost, "/passwordless/challenge", `{"state":"s"}`},
		{http.MethodOptions, "/co/authenticate", ""},
		{http.MethodGet, "/user/ssodata?client_id=" + w.Ready.ClientID, ""},
		{http.MethodGet, "/user/ssodata", ""},
		{http.MethodOptions, "/user/ssodata", ""},
	} {
		ask := func(origin string) http.Header {
			header := []string{"Origin", origin, "Content-Type", "application/json"}
			if c.method == http.MethodOptions {
				header = append(header, "Access-Control-Request-Method", http.MethodPost)
			}
			_, h, _ := w.Do(t, c.method, c.path, c.body, header...)
			return h
		}
		for _, origin := range foreign {
			if h := ask(origin); h.Get("Access-Control-Allow-Origin") != "" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s %s from %s: %v", c.method, c.path, origin, h)
			}
		}
		h := ask(appOrigin)
		if h.Get("Access-Control-Allow-Origin") != appOrigin {
			t.Errorf("%s %s from the application: %v", c.method, c.path, h)
		}
		if credentials := h.Get("Access-Control-Allow-Credentials") == "true"; credentials != (strings.HasPrefix(c.path, "/co/") || strings.HasPrefix(c.path, "/user/ssodata")) {
			t.Errorf("%s %s allows cookies: %v", c.method, c.path, credentials)
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodOptions} {
		req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/authorize?client_id="+w.Ready.ClientID, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", appOrigin)
		req.Header.Set("Access-Control-Request-Method", "GET")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s /authorize: %v", method, res.Header)
		}
	}
}

// BRU-07: the tries of a code are the same whichever endpoint it is brought to.
func TestBRU07LegacyPaths(t *testing.T) {
	w := newWorld(t)
	w.patchClient(w.Ready.ClientID, `{"cross_origin_authentication":true,"oidc_conformant":false,"grant_types":["authorization_code","http://auth0.com/oauth/grant-type/passwordless/otp","http://auth0.com/oauth/legacy/grant-type/ro"]}`)
	const number = "+447700900432"
	paths := map[string]func(code string) reply{
		"/oauth/token": func(code string) reply {
			return w.token(and(w.app(), map[string]string{
				"grant_type": "http://auth0.com/oauth/grant-type/passwordless/otp", "realm": "sms", "username": number, "otp": code,
			}))
		},
		"/co/authenticate": func(code string) reply {
			status, h, answer := w.co(number, code)
			return reply{status, h, answer["error_description"]}
		},
		"/oauth/ro": func(code string) reply {
			return w.form("/oauth/ro", and(w.app(), map[string]string{"connection": "sms", "grant_type": "password", "username": number, "password": code}))
		},
		"/passwordless/verify": func(code string) reply {
			return w.form("/passwordless/verify", and(w.app(), map[string]string{"connection": "sms", "grant_type": "password", "username": number, "password": code}))
		},
		"/passwordless/verify of a page": func(code string) reply {
			return w.form("/passwordless/verify", and(w.app(), map[string]string{"connection": "sms", "phone_number": number, "verification_code": code}))
		},
	}
	paths["/passwordless/verify_redirect"] = func(code string) reply { return w.verifyRedirect(number, code) }
	code := w.code(w.app(), number)
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	dead := 0
	for range 5 {
		for name, ask := range paths {
			got := ask(wrong)
			if got.status == http.StatusOK {
				t.Errorf("%s took a wrong code", name)
			}
			if strings.Contains(got.body, "maximum number of attempts") {
				dead++
			}
		}
	}
	if judged := 5*len(paths) - dead; judged > 2 {
		t.Errorf("%d wrong tries were judged before the code was dead, want 2", judged)
	}
	for name, ask := range paths {
		if got := ask(code); got.status == http.StatusOK {
			t.Errorf("%s took a code that was dead", name)
		}
	}
}

// verifyRedirect agrees to go on with a code, as the page there asks. The answer
// is 200 if it signs in, and else what the application is told.
func (w *world) verifyRedirect(number, code string) reply {
	w.t.Helper()
	form := url.Values{
		"client_id": {w.Ready.ClientID}, "redirect_uri": {appOrigin + "/callback"}, "response_type": {"code"}, "scope": {"openid"},
		"connection": {"sms"}, "phone_number": {number}, "verification_code": {code},
	}
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+"/passwordless/verify_redirect", strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", w.URL)
	res, err := http.DefaultTransport.RoundTrip(req) // follows no redirect
	if err != nil {
		w.t.Fatal(err)
	}
	_ = res.Body.Close()
	to, err := res.Location()
	if err != nil || !strings.HasPrefix(to.String(), appOrigin) {
		w.t.Fatalf("%d %v %v", res.StatusCode, to, err)
	}
	if to.Query().Has("code") {
		return reply{http.StatusOK, res.Header, ""}
	}
	return reply{http.StatusUnauthorized, res.Header, to.Query().Get("error_description")}
}
