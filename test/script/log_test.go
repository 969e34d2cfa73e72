package script

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// SEC-01, SEC-02, OTP-08: whatever people and programs send, and wherever they
// put it, no number, address, code, secret or token ends up in a log line or a
// metric. When the run ends, its logs are searched for all of them.
func TestSEC01NothingSecretIsLogged(t *testing.T) {
	for _, format := range []string{"text", "json"} {
		t.Run(format, func(t *testing.T) {
			run := binary.New(t)
			s := run.Start("--log-format", format)
			inbox := run.Inbox(s)
			phone, email := run.Phone(), run.Email()
			var tokens binary.Answer
			for _, to := range []string{phone, email} {
				if a := s.App().Start(t.Context(), binary.Start{To: to}); !a.OK() {
					t.Fatalf("start: %v", a)
				}
				m, err := inbox.Wait(t.Context(), to, 0)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range misplaced(s, to, m.Code) {
					if a := s.Do(r); a.Err != nil || a.Status >= 500 {
						t.Errorf("%s %s: %v", r.Method, r.URL.Path, a)
					}
				}
				if tokens = s.App().Token(t.Context(), binary.Code{To: to, Code: m.Code}); !tokens.OK() {
					t.Errorf("the code after all that: %v", tokens)
				}
			}
			for _, r := range withTokens(s, tokens) {
				if a := s.Do(r); a.Err != nil || a.Status >= 500 {
					t.Errorf("%s %s: %v", r.Method, r.URL.Path, a)
				}
			}
			s.CheckMetrics()
			s.Stop()
		})
	}
}

func request(method, address, body string, header ...string) *http.Request {
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		panic(err) // an address of this file
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// misplaced are requests that put a person's number or address and a code
// where they do not belong.
func misplaced(s *binary.Server, to, code string) []*http.Request {
	q, both := url.QueryEscape(to), url.QueryEscape(to+" "+code)
	text, _ := json.Marshal(to + " " + code)
	post := func(path, body string, header ...string) *http.Request {
		return request(http.MethodPost, s.URL+path, body, header...)
	}
	get := func(path string, header ...string) *http.Request {
		return request(http.MethodGet, s.URL+path, "", header...)
	}
	return []*http.Request{
		get("/" + url.PathEscape(to) + "/" + code),
		get("/api/v2/users/" + url.PathEscape("sms|"+to)),
		get("/api/v2/users-by-email?email=" + q),
		get("/passwordless/start?client_secret=" + s.ClientSecret + "&phone_number=" + q),
		get("/oauth/token?otp=" + code + "&username=" + q),
		get("/userinfo?access_token=" + code),
		get("/outbox/api/messages?to=" + q + "&wait=" + code + "x"),
		get("/userinfo", "Authorization", "Bearer "+to),
		get("/userinfo", "Authorization", to+" "+code),
		post("/oauth/token", "", "Authorization", "Basic "+to),
		post("/passwordless/start", `{"phone_number":"`+to+`"`),
		post("/passwordless/start", `{"`+to+`":"`+code+`"}`),
		post("/passwordless/start", `{"client_id":`+string(text)+`,"connection":`+string(text)+`}`),
		post("/passwordless/start", `{"client_id":"`+s.ClientID+`","client_secret":"`+s.ClientSecret+`","connection":`+string(text)+`,"phone_number":`+string(text)+`}`),
		post("/passwordless/start", `{"client_id":"`+s.ClientID+`","client_secret":"wrong `+s.ClientSecret+`","connection":"sms","phone_number":"`+to+`"}`),
		post("/oauth/token", `{"grant_type":`+string(text)+`,"client_id":"`+s.ClientID+`","client_secret":"`+s.ClientSecret+`"}`),
		post("/oauth/token", `{"grant_type":"`+binary.GrantOTP+`","client_id":"`+s.ClientID+`","client_secret":"`+s.ClientSecret+`","realm":`+string(text)+`,"username":`+string(text)+`,"otp":`+string(text)+`}`),
		post("/oauth/token", `{"grant_type":"refresh_token","client_id":"`+s.ClientID+`","client_secret":"`+s.ClientSecret+`","refresh_token":`+string(text)+`}`),
		post("/oauth/token", "grant_type="+both+"&client_id="+both+"&otp="+code+"&otp="+code, "Content-Type", "application/x-www-form-urlencoded"),
		post("/oauth/token", strings.Repeat(to+" "+code+" ", 8<<10)), // too large
		post("/oauth/revoke", `{"token":`+string(text)+`}`),
		get("/health", "X-Request-ID", to+" "+code, "User-Agent", to+" "+code, "Referer", "https://app.example.com/?to="+q),
		get("/health", "X-Forwarded-For", to, "Forwarded", "for="+to, "Auth0-Forwarded-For", to, "X-Request-Language", to),
		request("BREW", s.URL+"/"+code, to),
		request(http.MethodOptions, s.URL+"/oauth/token", "", "Origin", "https://"+code+".example.com"),
	}
}

// withTokens are requests that carry tokens, where they belong and where not.
func withTokens(s *binary.Server, a binary.Answer) []*http.Request {
	return []*http.Request{
		request(http.MethodGet, s.URL+"/userinfo", "", "Authorization", "Bearer "+a.AccessToken),
		request(http.MethodGet, s.URL+"/userinfo", "", "Authorization", "Bearer "+a.IDToken),
		request(http.MethodGet, s.URL+"/userinfo", "", "Authorization", a.RefreshToken),
		request(http.MethodGet, s.URL+"/userinfo?access_token="+a.AccessToken, ""),
		request(http.MethodGet, s.URL+"/"+a.RefreshToken+"/"+a.IDToken, ""),
		request(http.MethodGet, s.URL+"/api/v2/clients", "", "Authorization", "Bearer "+a.AccessToken),
		request(http.MethodGet, s.URL+"/api/v2/clients", "", "Authorization", "Bearer "+a.IDToken),
		request(http.MethodPost, s.URL+"/oauth/token", `{"grant_type":"refresh_token","client_id":"`+a.RefreshToken+`","refresh_token":"`+a.RefreshToken+`"}`),
		request(http.MethodPost, s.URL+"/oauth/token", `{"client_id":"`+s.ManagementClientID+`","client_secret":"`+s.ManagementClientSecret+`","grant_type":"client_credentials","audience":"`+a.RefreshToken+`"}`),
	}
}
