package hosted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// The two founding requests to /authorize (F12), as they are written.
const (
	olderRequest = "response_type=code&scope=openid email favorite_color offline_access&client_id=123&state=af0ifjsldkj" +
		"&redirect_uri=https://app.example.com/callback&device=my-device-name"
	conformantRequest = "response_type=code&scope=openid email offline_access&client_id=123&state=af0ifjsldkj" +
		"&redirect_uri=https://app.example.com/callback"

	foundingCallback = "https://app.example.com/callback"
	foundingSecret   = "a-secret-of-the-example-application"
	foundingAPI      = "https://api.example.com"
)

// foundingFile is the configuration under which they run. What it leaves to fill
// in is whether the application is OIDC-conformant.
const foundingFile = `
clients:
  - name: Acme
    client_id: "123"
    client_secret: ` + foundingSecret + `
    app_type: regular_web
    oidc_conformant: %v
    callbacks: [` + foundingCallback + `]
    grant_types:
      - authorization_code
      - implicit
      - refresh_token
      - client_credentials
      - http://auth0.com/oauth/grant-type/passwordless/otp
      - http://auth0.com/oauth/legacy/grant-type/ro
      - http://auth0.com/oauth/legacy/grant-type/delegation/refresh_token
connections:
  - name: sms
    strategy: sms
    enabled_clients: [Acme]
resourceServers:
  - name: API
    identifier: ` + foundingAPI + `
    signing_alg: RS256
    allow_offline_access: true
    skip_consent_for_verifiable_first_party_clients: true
clientGrants:
  - client_id: Acme
    audience: ` + foundingAPI + `
    scope: []
`

// A founding is the application of the examples, and somebody whose favourite
// colour is known, who is signed in in a browser.
type founding struct {
	*world
	number string
	sub    string
}

func newFounding(t *testing.T, conformant bool) *founding {
	t.Helper()
	file := filepath.Join(t.TempDir(), "doorcode.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, foundingFile, conformant), 0o600); err != nil {
		t.Fatal(err)
	}
	address := storetest.SQLite(t)
	f := &founding{number: "+447700900501", world: &world{t: t, Server: testkit.Start(t, func(c *config.Config) {
		c.File, c.Database, c.KeyFile = file, address, filepath.Join(t.TempDir(), "key")
	})}}
	_, tokens := f.exchange(f.signInTo(f.newBrowser(), conformantRequest))
	f.sub = fmt.Sprint(claims(t, tokens["id_token"])["sub"])
	f.admin(http.MethodPatch, "/users/"+url.PathEscape(f.sub), map[string]any{
		"user_metadata": map[string]string{"favorite_color": "blue"}, "app_metadata": map[string]string{"favorite_food": "cake"},
	})
	f.browser = f.newBrowser()
	f.signInTo(f.browser, conformantRequest)
	return f
}

// request sends one of the requests literally, but for the spaces, which no
// address has.
func (f *founding) request(b *textbrowser.Browser, query string, more ...string) *textbrowser.Page {
	f.t.Helper()
	return f.get(b, "/authorize?"+strings.ReplaceAll(query, " ", "%20")+strings.Join(more, ""))
}

// signInTo goes through the pages from a request to its answer.
func (f *founding) signInTo(b *textbrowser.Browser, query string) url.Values {
	f.t.Helper()
	p := f.request(b, query)
	f.Outbox.Clear()
	p = f.submit(b, p.Form("username").Set("username", f.number))
	return f.answered(f.submit(b, p.Form("code").Set("code", f.code(f.number)).Press("default")))
}

// answered is what the application is told.
func (f *founding) answered(p *textbrowser.Page) url.Values {
	f.t.Helper()
	if p.Left == nil || p.Left.Method != http.MethodGet || !strings.HasPrefix(p.Left.URL.String(), foundingCallback) {
		f.t.Fatalf("at %s (%d), left for %v:\n%s", p.URL, p.Status, p.Left, p.Text())
	}
	if p.Left.URL.Fragment != "" {
		return fragment(p)
	}
	return p.Left.URL.Query()
}

// silently asks again, with what the session is enough for.
func (f *founding) silently(query string, more ...string) url.Values {
	f.t.Helper()
	return f.answered(f.request(f.browser, query, append(more, "&prompt=none")...))
}

func (f *founding) with(pairs ...string) map[string]string {
	m := map[string]string{"client_id": "123", "client_secret": foundingSecret}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// exchange redeems the code of an answer, which is the same in both pipelines.
func (f *founding) exchange(answer url.Values) (int, map[string]any) {
	f.t.Helper()
	if answer.Get("code") == "" || answer.Get("state") != "af0ifjsldkj" || answer.Get("iss") != f.Ready.Issuer {
		f.t.Fatalf("the answer is %v", answer)
	}
	return f.post("/oauth/token", f.with("grant_type", "authorization_code", "code", answer.Get("code"), "redirect_uri", foundingCallback))
}

// tokens checks the members that a token response has in both pipelines, and
// returns the tokens.
func (f *founding) tokens(what string, answer url.Values) (access, refresh string, id, all map[string]any) {
	f.t.Helper()
	status, all := f.exchange(answer)
	if status != http.StatusOK || all["token_type"] != "Bearer" || all["expires_in"] == nil {
		f.t.Fatalf("%s: %d %v", what, status, all)
	}
	access, _ = all["access_token"].(string)
	refresh, _ = all["refresh_token"].(string)
	id = claims(f.t, all["id_token"])
	if access == "" || id["sub"] != f.sub || id["iss"] != f.Ready.Issuer || id["aud"] != "123" || id["exp"] == nil || id["iat"] == nil {
		f.t.Errorf("%s: %v, ID token %v", what, all, id)
	}
	if alg := headerOf(f.t, all["id_token"].(string))["alg"]; alg != "RS256" {
		f.t.Errorf("%s: the ID token is signed with %v", what, alg)
	}
	if id["favorite_food"] != nil {
		f.t.Errorf("%s: what is the application's own goes out: %v", what, id)
	}
	if status, info := f.userinfo(access); status != http.StatusOK || info["sub"] != f.sub || info["favorite_color"] != nil {
		f.t.Errorf("%s: /userinfo %d %v", what, status, info)
	}
	return access, refresh, id, all
}

func (f *founding) userinfo(access string) (int, map[string]any) {
	f.t.Helper()
	status, _, body := f.Do(f.t, http.MethodGet, "/userinfo", "", "Authorization", "Bearer "+access)
	var info map[string]any
	_ = json.Unmarshal([]byte(body), &info)
	return status, info
}

func (f *founding) delegated(refresh string) (int, map[string]any) {
	f.t.Helper()
	return f.post("/delegation", f.with("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer",
		"refresh_token", refresh, "scope", "openid favorite_color"))
}

func (f *founding) refreshed(refresh string) (int, map[string]any) {
	f.t.Helper()
	return f.post("/oauth/token", f.with("grant_type", "refresh_token", "refresh_token", refresh))
}

// Both requests of an application of the legacy pipeline.
func TestFoundingRequestsInTheLegacyPipeline(t *testing.T) {
	f := newFounding(t, false)
	access, refresh, id, all := f.tokens("the older request", f.signInTo(f.newBrowser(), olderRequest))
	if strings.Contains(access, ".") || refresh == "" || id["favorite_color"] != "blue" || all["scope"] != nil {
		t.Errorf("the older request: %v, ID token %v", all, id)
	}
	for range 2 { // it is used at /delegation, and not replaced
		status, answer := f.delegated(refresh)
		if got := claims(t, answer["id_token"]); status != http.StatusOK || got["sub"] != f.sub || got["favorite_color"] != "blue" {
			t.Errorf("/delegation: %d %v", status, answer)
		}
	}
	// What it gives can be narrowed to an attribute.
	if status, answer := f.post("/oauth/token", f.with("grant_type", "refresh_token", "refresh_token", refresh, "scope", "favorite_color")); status != http.StatusOK || answer["scope"] != "favorite_color" {
		t.Errorf("a refresh for an attribute alone: %d %v", status, answer)
	}
	f.ofDevice(refresh)
	// The other one names no device, and no attribute.
	access, refresh, id, all = f.tokens("the conformant request", f.signInTo(f.newBrowser(), conformantRequest))
	if strings.Contains(access, ".") || refresh != "" || id["favorite_color"] != nil {
		t.Errorf("the conformant request: %v, ID token %v", all, id)
	}
	// With an audience a request is conformant, whoever sends it.
	access, refresh, id, all = f.tokens("the older request with an audience", f.silently(olderRequest, "&audience="+foundingAPI))
	if strings.Count(access, ".") != 2 || refresh == "" || id["favorite_color"] != nil || all["scope"] != "openid email offline_access" {
		t.Errorf("the older request with an audience: %v, ID token %v", all, id)
	}
	if status, answer := f.refreshed(refresh); status != http.StatusOK {
		t.Errorf("its refresh token: %d %v", status, answer)
	}
	f.legacyRows()
}

// ofDevice finds a refresh token among those of devices, and ends it there.
func (f *founding) ofDevice(refresh string) {
	f.t.Helper()
	var list []struct {
		ID     string
		Device string `json:"device_name"`
	}
	path := "/api/v2/device-credentials?type=refresh_token&client_id=123&user_id=" + url.QueryEscape(f.sub)
	if err := json.Unmarshal([]byte(f.manage(http.MethodGet, path, "")), &list); err != nil {
		f.t.Fatal(err)
	}
	if len(list) != 1 || list[0].Device != "my-device-name" {
		f.t.Fatalf("device credentials %+v", list)
	}
	f.manage(http.MethodDelete, "/api/v2/device-credentials/"+list[0].ID, "")
	if status, answer := f.delegated(refresh); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
		f.t.Errorf("the refresh token of a device that was removed: %d %v", status, answer)
	}
}

// legacyRows are the rows about what else such an application may do.
func (f *founding) legacyRows() {
	t := f.t
	t.Helper()
	// Implicit: with an ID token and a refresh token, and no nonce.
	answer := f.silently(strings.Replace(olderRequest, "=code", "=token", 1))
	if answer.Get("access_token") == "" || answer.Get("refresh_token") == "" || answer.Get("token_type") != "Bearer" || answer.Get("expires_in") == "" ||
		answer.Get("state") != "af0ifjsldkj" || claims(t, answer.Get("id_token"))["favorite_color"] != "blue" {
		t.Errorf("implicit: %v", answer)
	}
	// Resource owner, and passwordless.
	for _, path := range []string{"/oauth/ro", "/passwordless/verify"} {
		status, tokens := f.post(path, f.with("grant_type", "password", "connection", "sms", "username", f.number, "password", f.started(),
			"scope", "openid favorite_color offline_access", "device", "my-device-name"))
		refresh, _ := tokens["refresh_token"].(string)
		if status != http.StatusOK || refresh == "" || claims(t, tokens["id_token"])["favorite_color"] != "blue" {
			t.Fatalf("%s: %d %v", path, status, tokens)
		}
		if status, answer := f.refreshed(refresh); status != http.StatusForbidden || answer["error"] != "invalid_grant" {
			t.Errorf("the refresh token of %s at /oauth/token: %d %v", path, status, answer)
		}
		idToken := fmt.Sprint(tokens["id_token"])
		if status, info := f.post("/tokeninfo", map[string]string{"id_token": idToken}); status != http.StatusOK || info["clientID"] != "123" || info["user_id"] != f.sub {
			t.Errorf("/tokeninfo: %d %v", status, info)
		}
	}
	// Client credentials, which name an audience and so are conformant.
	status, own := f.post("/oauth/token", f.with("grant_type", "client_credentials", "audience", foundingAPI))
	if access, _ := own["access_token"].(string); status != http.StatusOK || claims(t, access)["aud"] != foundingAPI {
		t.Errorf("client credentials: %d %v", status, own)
	}
	// The SSO check, from a page of ours.
	if sso := f.get(f.browser, "/user/ssodata?client_id=123"); !strings.Contains(sso.Body, `"sso":true`) {
		t.Errorf("/user/ssodata: %s", sso.Body)
	}
	// The whole profile where the tenant has it so.
	access, _, _, _ := f.tokens("before the profile", f.silently(olderRequest))
	f.admin(http.MethodPatch, "/tenants/settings", map[string]any{"flags": map[string]bool{"enable_legacy_profile": true}})
	if status, info := f.userinfo(access); status != http.StatusOK || info["identities"] == nil || info["clientID"] != "123" || info["user_id"] != f.sub || info["created_at"] == nil {
		t.Errorf("/userinfo with the legacy profile: %d %v", status, info)
	}
	_, features := f.events()
	for _, want := range []string{"legacy_pipeline", "legacy_delegation", "legacy_ro", "legacy_tokeninfo", "legacy_ssodata"} {
		if !slices.Contains(features, want) {
			t.Errorf("no deprecation %s among %v", want, features)
		}
	}
}

// started is a code that the API was asked for.
func (f *founding) started() string {
	f.t.Helper()
	f.Outbox.Clear()
	if status, answer := f.post("/passwordless/start", f.with("connection", "sms", "phone_number", f.number, "send", "code")); status != http.StatusOK {
		f.t.Fatalf("%d %v", status, answer)
	}
	return f.code(f.number)
}

// Both requests of an application that is OIDC-conformant.
func TestFoundingRequestsInTheConformantPipeline(t *testing.T) {
	f := newFounding(t, true)
	// The device is passed over, and the attribute is no scope.
	access, older, id, all := f.tokens("the older request", f.signInTo(f.newBrowser(), olderRequest))
	if strings.Contains(access, ".") || older == "" || id["favorite_color"] != nil || all["scope"] != "openid email offline_access" {
		t.Errorf("the older request: %v, ID token %v", all, id)
	}
	access, refresh, id, all := f.tokens("the conformant request", f.signInTo(f.newBrowser(), conformantRequest))
	if strings.Contains(access, ".") || refresh == "" || id["favorite_color"] != nil || all["scope"] != nil {
		t.Errorf("the conformant request: %v, ID token %v", all, id)
	}
	for _, r := range []string{older, refresh} {
		if status, answer := f.delegated(r); status != http.StatusForbidden || answer["error"] != "unauthorized_client" {
			t.Errorf("/delegation: %d %v", status, answer)
		}
		if status, answer := f.refreshed(r); status != http.StatusOK || answer["access_token"] == nil {
			t.Errorf("its refresh token: %d %v", status, answer)
		}
	}
	// With an audience the access token is a JWT for the API and /userinfo.
	access, refresh, _, all = f.tokens("with an audience", f.silently(conformantRequest, "&audience="+foundingAPI))
	c := claims(t, access)
	if aud := fmt.Sprint(c["aud"]); aud != "["+foundingAPI+" "+f.Ready.Issuer+"userinfo]" || c["azp"] != "123" || c["sub"] != f.sub ||
		c["iss"] != f.Ready.Issuer || c["scope"] != "openid email offline_access" || refresh == "" || c["exp"].(float64)-c["iat"].(float64) != all["expires_in"] {
		t.Errorf("with an audience: %v, access token %v", all, c)
	}
	f.conformantRows()
}

// conformantRows are the rows about what else such an application may do.
func (f *founding) conformantRows() {
	t := f.t
	t.Helper()
	// Implicit: an access token alone, never a refresh token; an ID token needs a
	// nonce.
	answer := f.silently(strings.Replace(olderRequest, "=code", "=token", 1))
	if answer.Get("access_token") == "" || answer.Has("id_token") || answer.Has("refresh_token") || answer.Get("token_type") != "Bearer" ||
		answer.Get("expires_in") == "" || answer.Get("state") != "af0ifjsldkj" {
		t.Errorf("implicit: %v", answer)
	}
	withID := strings.Replace(conformantRequest, "=code", "=id_token token", 1)
	if answer = f.silently(withID); answer.Get("error") != "invalid_request" {
		t.Errorf("implicit without a nonce: %v", answer)
	}
	if answer = f.silently(withID, "&nonce=n-1"); claims(t, answer.Get("id_token"))["nonce"] != "n-1" || answer.Has("refresh_token") || answer.Get("access_token") == "" {
		t.Errorf("implicit with a nonce: %v", answer)
	}
	// Resource owner and passwordless: at /oauth/token alone.
	code := f.started()
	for _, path := range []string{"/oauth/ro", "/passwordless/verify"} {
		status, refused := f.post(path, f.with("grant_type", "password", "connection", "sms", "username", f.number, "password", code, "scope", "openid"))
		if status != http.StatusForbidden || refused["error"] != "unauthorized_client" {
			t.Errorf("%s: %d %v", path, status, refused)
		}
	}
	status, tokens := f.post("/oauth/token", f.with("grant_type", "http://auth0.com/oauth/grant-type/passwordless/otp", "realm", "sms",
		"username", f.number, "otp", code, "scope", "openid favorite_color"))
	if status != http.StatusOK || claims(t, tokens["id_token"])["favorite_color"] != nil || tokens["scope"] != "openid" {
		t.Errorf("passwordless: %d %v", status, tokens)
	}
	// Client credentials, which the older pipeline did not have.
	status, tokens = f.post("/oauth/token", f.with("grant_type", "client_credentials", "audience", foundingAPI))
	if access, _ := tokens["access_token"].(string); status != http.StatusOK || claims(t, access)["aud"] != foundingAPI {
		t.Errorf("client credentials: %d %v", status, tokens)
	}
	// The claims of the scopes, and prompt=none for the SSO check.
	access, _, _, _ := f.tokens("for /userinfo", f.silently(strings.Replace(conformantRequest, "openid email", "openid phone", 1)))
	if status, info := f.userinfo(access); status != http.StatusOK || info["phone_number"] != f.number || info["identities"] != nil || info["created_at"] != nil {
		t.Errorf("/userinfo: %d %v", status, info)
	}
	if none := f.answered(f.request(f.newBrowser(), conformantRequest, "&prompt=none")); none.Get("error") != "login_required" {
		t.Errorf("the SSO check of nobody: %v", none)
	}
}
