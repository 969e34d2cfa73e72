package app_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/testkit"
)

// INJ-05: no parameter of a route that asks the database for something is a part
// of a statement: quotes and what follows them find nothing and break nothing.
// (That statements are constant is a test of package archtest.)
func TestINJ05HostileParameters(t *testing.T) {
	s := testkit.Start(t)
	quote := func(v string) string { b, _ := json.Marshal(v); return string(b[1 : len(b)-1]) }
	body := `{"grant_type":"client_credentials","client_id":"` + s.Ready.ManagementClientID + `","client_secret":"` + s.Ready.ManagementClientSecret + `","audience":"` + s.URL + `/api/v2/"}`
	_, _, answer := s.Post(t, "/oauth/token", body)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &token); err != nil || token.AccessToken == "" {
		t.Fatal(answer)
	}
	bearer := "Bearer " + token.AccessToken
	get := func(path string) func(v string) (int, string) {
		return func(v string) (int, string) {
			st, _, b := s.Do(t, http.MethodGet, strings.ReplaceAll(path, "%", url.PathEscape(v)), "", "Authorization", bearer)
			return st, b
		}
	}
	post := func(path, body string) func(v string) (int, string) {
		return func(v string) (int, string) {
			st, _, b := s.Post(t, path, strings.ReplaceAll(body, "%", quote(v)))
			return st, b
		}
	}
	app := `"client_id":"` + s.Ready.ClientID + `","client_secret":"` + s.Ready.ClientSecret + `"`
	routes := map[string]func(v string) (int, string){
		"start, client":       post("/passwordless/start", `{"client_id":"%","connection":"sms","phone_number":"+447700900123"}`),
		"start, connection":   post("/passwordless/start", `{`+app+`,"connection":"%","phone_number":"+447700900123"}`),
		"start, number":       post("/passwordless/start", `{`+app+`,"connection":"sms","phone_number":"+44%"}`),
		"start, address":      post("/passwordless/start", `{`+app+`,"connection":"email","send":"code","email":"a%@example.com"}`),
		"token, username":     post("/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+app+`,"realm":"sms","username":"%","otp":"123456"}`),
		"token, realm":        post("/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+app+`,"realm":"%","username":"+447700900123","otp":"123456"}`),
		"token, otp":          post("/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+app+`,"realm":"sms","username":"+447700900123","otp":"%"}`),
		"token, refresh":      post("/oauth/token", `{"grant_type":"refresh_token",`+app+`,"refresh_token":"%"}`),
		"token, code":         post("/oauth/token", `{"grant_type":"authorization_code",`+app+`,"code":"%","redirect_uri":"%"}`),
		"revoke":              post("/oauth/revoke", `{`+app+`,"token":"%"}`),
		"authorize, client":   get("/authorize?response_type=code&redirect_uri=%&client_id=%"),
		"state":               get("/u/login/identifier?state=%"),
		"user":                get("/api/v2/users/%"),
		"client":              get("/api/v2/clients/%"),
		"connection":          get("/api/v2/connections/%"),
		"connections by name": get("/api/v2/connections?name=%&strategy=sms"),
		"log":                 get("/api/v2/logs/%"),
		"logs, from":          get("/api/v2/logs?take=5&from=%"),
		"logs, query":         get("/api/v2/logs?q=%"),
		"logs, sort":          get("/api/v2/logs?sort=%"),
		"logs, page":          get("/api/v2/logs?page=%&per_page=%"),
		"blocks":              get("/api/v2/user-blocks?identifier=%"),
		"message":             get("/api/doorcode/v1/messages/%"),
		"messages":            get("/api/doorcode/v1/messages?to=%&from=%"),
		"outbox":              get("/outbox/api/messages?to=%&since=%"),
	}
	count := func() string {
		_, clients := get("/api/v2/clients?fields=client_id")("")
		_, connections := get("/api/v2/connections?fields=id")("")
		return clients + connections
	}
	if st, b := get("/api/v2/users/%")("sms|nobody"); st != http.StatusNotFound {
		t.Fatalf("the token reads no users: %d %s", st, b)
	}
	before := count()
	if !strings.Contains(before, s.Ready.ClientID) {
		t.Fatalf("the token reads no clients: %s", before)
	}
	for name, try := range routes {
		for _, v := range []string{
			`'`, `"`, `''`, `' OR '1'='1`, `' OR 1=1 --`, `'; DROP TABLE users; --`, `') OR ('1'='1`, `1 OR 1=1`, `$1`, `?1`, `:a`, `%27`, `\'`, "`", `/*`, `--`, `'||(SELECT 1)||'`,
			`' UNION SELECT NULL--`, `x' AND SLEEP(5)--`, `'; SELECT pg_sleep(5)--`, "a\x00b", `%`, `_`, `ʼ OR 1=1`, `＇ OR 1=1`,
		} {
			if st, body := try(v); st >= 500 || strings.Contains(strings.ToLower(body), "syntax error") || strings.Contains(body, "SQLSTATE") {
				t.Errorf("%s with %q: %d %.200s", name, v, st, body)
			}
		}
	}
	if after := count(); after != before {
		t.Errorf("there was %s before and is %s", before, after)
	}
}
