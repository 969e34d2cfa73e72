package authapi_test

import (
	"encoding/json"
	"net/http"
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
