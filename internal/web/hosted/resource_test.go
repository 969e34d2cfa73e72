package hosted_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

const readAPI = "https://api.example.com"

// api makes an API with the scope read:a, and the members that are named.
func (w *world) api(identifier string, more map[string]any) {
	w.t.Helper()
	body := map[string]any{"identifier": identifier, "name": "API", "scopes": []map[string]string{{"value": "read:a"}}}
	for name, v := range more {
		body[name] = v
	}
	w.admin("POST", "/resource-servers", body)
}

// allowed asks /authorize, allows what it asks for, and returns the answer.
func (w *world) allowed(b *textbrowser.Browser, query string) url.Values {
	w.t.Helper()
	p := w.get(b, "/authorize?"+query)
	if p.Left == nil && p.URL.Path == "/u/consent" {
		p = w.submit(b, p.Form("action").Press("accept"))
	}
	return w.left(p)
}

// isFor reports whether a token is one for an API.
func isFor(token any, audience string) bool {
	text, _ := token.(string)
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	doc, err := base64.RawURLEncoding.DecodeString(parts[1])
	var c struct {
		Audience json.RawMessage `json:"aud"`
	}
	if err != nil || json.Unmarshal(doc, &c) != nil {
		return false
	}
	var one string
	var list []string
	if json.Unmarshal(c.Audience, &one) == nil {
		list = []string{one}
	} else if json.Unmarshal(c.Audience, &list) != nil {
		return false
	}
	return slices.Contains(list, audience)
}

// RFC 8707: where the tenant takes it, resource names the API at /authorize, in
// a pushed request and behind a link, and can name no other when the code is
// redeemed.
func TestResourceAtAuthorize(t *testing.T) {
	w := newWorld(t)
	w.api(readAPI, nil)
	w.signIn(w.browser, w.query(), person)
	ask := func(pairs ...string) url.Values {
		t.Helper()
		return w.allowed(w.browser, w.query(append([]string{"scope", "openid read:a"}, pairs...)...))
	}
	if _, tokens := w.redeem(ask("resource", readAPI).Get("code")); isFor(tokens["access_token"], readAPI) || tokens["access_token"] == nil {
		t.Errorf("a tenant that does not take it: %v", tokens)
	}
	w.admin("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "compatibility"})
	status, tokens := w.redeem(ask("resource", readAPI).Get("code"))
	if status != http.StatusOK || !isFor(tokens["access_token"], readAPI) || claims(t, tokens["access_token"])["scope"] != "openid read:a" {
		t.Errorf("resource: %d %v", status, tokens)
	}
	for _, c := range []struct{ audience, resource, want string }{
		{"", "no address", "invalid_target"},
		{"", readAPI + "#part", "invalid_target"},
		{"", "https://unknown.example", "access_denied"},
		{"", w.URL + "/api/v2/", "access_denied"},
		{readAPI, "https://unknown.example", ""}, // the audience goes before it
	} {
		if got := ask("audience", c.audience, "resource", c.resource); got.Get("error") != c.want || got.Has("code") == (c.want != "") {
			t.Errorf("%+v: %v", c, got)
		}
		status, body := w.push(w.query("audience", c.audience, "resource", c.resource))
		if code, _ := body["error"].(string); code != c.want {
			t.Errorf("pushed, %+v: %d %v", c, status, body)
		}
	}
	_, pushed := w.push(w.query("scope", "openid read:a", "resource", readAPI))
	uri, _ := pushed["request_uri"].(string)
	answer := w.allowed(w.browser, url.Values{"client_id": {w.Ready.ClientID}, "request_uri": {uri}}.Encode())
	if _, tokens := w.redeem(answer.Get("code")); !isFor(tokens["access_token"], readAPI) {
		t.Errorf("pushed: %v", tokens)
	}
	path := w.link("resource@mail.example", map[string]any{"response_type": "code", "scope": "openid read:a", "resource": readAPI})
	p := w.tap(w.newBrowser(), path)
	if p.URL.Path != "/u/consent" {
		t.Fatalf("a link leads to %s:\n%s", p.URL, p.Text())
	}
	if status, answer := w.askLink("resource@mail.example", map[string]any{"resource": "no address"}); status != http.StatusBadRequest || !strings.Contains(answer, "bad.authParams") {
		t.Errorf("a link with a bad resource: %d %s", status, answer)
	}
}

// RFC 8707 §2.2: a code gives tokens for what it was asked for, and a request
// for something else leaves it to be used.
func TestResourceOfACode(t *testing.T) {
	w := newWorld(t)
	const other = "https://other.example.com"
	w.api(readAPI, nil)
	w.api(other, nil)
	w.admin("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "compatibility"})
	w.signIn(w.browser, w.query(), person)
	for asked, wrong := range map[string][]string{
		readAPI: {other, "https://unknown.example", w.URL + "/userinfo"},
		"":      {readAPI},
	} {
		for _, right := range []string{"", asked, w.URL + "/userinfo"} {
			if right != "" && (right == asked) == (asked == "") {
				continue
			}
			code := w.allowed(w.browser, w.query("scope", "openid read:a", "resource", asked)).Get("code")
			for _, resource := range wrong {
				if status, answer := w.redeem(code, "resource", resource); status != http.StatusBadRequest || answer["error"] != "invalid_target" {
					t.Errorf("a code for %q with %q: %d %v", asked, resource, status, answer)
				}
			}
			if status, answer := w.redeem(code, "resource", "no address"); status != http.StatusBadRequest || answer["error"] != "invalid_target" {
				t.Errorf("a code for %q with no address: %d %v", asked, status, answer)
			}
			status, tokens := w.redeem(code, "resource", right)
			if status != http.StatusOK || isFor(tokens["access_token"], readAPI) != (asked != "") {
				t.Errorf("a code for %q with %q: %d %v", asked, right, status, tokens)
			}
		}
	}
	// Where the tenant does not take it, it is one of the parameters that are
	// passed over.
	code := w.allowed(w.browser, w.query("scope", "openid read:a", "resource", readAPI)).Get("code")
	w.admin("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "audience"})
	if status, tokens := w.redeem(code, "resource", other); status != http.StatusOK || !isFor(tokens["access_token"], readAPI) {
		t.Errorf("a tenant that does not take it: %d %v", status, tokens)
	}
}

// push sends a request ahead.
func (w *world) push(query string, header ...string) (int, map[string]any) {
	w.t.Helper()
	status, _, body := w.Post(w.t, "/oauth/par", query+"&client_secret="+url.QueryEscape(w.Ready.ClientSecret),
		append(header, "Content-Type", "application/x-www-form-urlencoded")...)
	var answer map[string]any
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		w.t.Fatalf("%d %s", status, body)
	}
	return status, answer
}

// What an application pushes is refused as /authorize would refuse it, in the
// same words, and taken where it would be.
func TestPushedAsAuthorizeReads(t *testing.T) {
	w := newWorld(t)
	w.allowImplicit()
	w.api("https://bound.example.com", map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true}})
	_, tokens := w.redeem(w.signIn(w.browser, w.query(), person).Get("code"))
	hint := tokens["id_token"].(string)
	for want, changes := range map[string][][]string{
		"": {
			nil,
			{"connection", "sms"},
			{"id_token_hint", hint},
			{"response_type", "id_token"},
			{"nonce", ""},
			{"audience", "https://bound.example.com"},
			{"response_type", "code id_token", "audience", "https://bound.example.com"},
		},
		"invalid_request": {
			{"connection", "fax"},
			{"id_token_hint", "x.y.z"},
			{"id_token_hint", hint + "x"},
			{"response_type", "id_token", "nonce", ""},
			{"response_type", "code id_token", "nonce", ""},
			{"response_type", ""},
			{"response_mode", "pigeon"},
			{"prompt", "none login"},
			{"max_age", "soon"},
			{"state", strings.Repeat("x", 4097)},
			{"response_type", "token", "audience", "https://bound.example.com"},
		},
		"login_required":            {{"id_token_hint", hint, "claims", `{"id_token":{"sub":{"value":"sms|other"}}}`}},
		"access_denied":             {{"audience", "https://nowhere.example"}},
		"unsupported_response_type": {{"response_type", "none"}},
		"request_not_supported":     {{"request", "eyJhbGciOiJub25lIn0.e30."}},
	} {
		for _, change := range changes {
			res, _ := w.ask(http.MethodPost, w.query(change...))
			told := told(t, res)
			if told.Get("error") != want {
				t.Errorf("/authorize with %.60q: %v, want %q", change, told, want)
			}
			status, body := w.push(w.query(change...))
			got, _ := body["error"].(string)
			if got != want || want == "" && status != http.StatusCreated {
				t.Errorf("pushed with %.60q: %d %v, want %q", change, status, body, want)
			}
			if words, _ := body["error_description"].(string); want != "" && !strings.HasPrefix(told.Get("error_description"), words[:min(len(words), 20)]) {
				t.Errorf("%.60q is refused with %q, pushed with %q", change, told.Get("error_description"), words)
			}
		}
	}
	w.enable("sms", w.Ready.ClientID, false)
	w.enable("email", w.Ready.ClientID, false)
	if status, body := w.push(w.query()); body["error"] != "unauthorized_client" {
		t.Errorf("an application that nobody can sign in to: %d %v", status, body)
	}
}

// OAU-23: what has to be bound to a key is not given through the browser, where
// it would be bound to none.
func TestOAU23FrontChannel(t *testing.T) {
	w := newWorld(t)
	w.allowImplicit()
	const required, public = "https://bound.example.com", "https://public.example.com"
	w.api(required, map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true}})
	w.api(public, map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true, "required_for": "public_clients"}})
	w.signIn(w.browser, w.query(), person)
	kinds := []string{"token", "id_token token", "code token", "code id_token token", "code", "id_token", "code id_token"}
	refused := func(what, audience string) {
		t.Helper()
		for _, kind := range kinds {
			got := w.allowed(w.browser, w.query("response_type", kind, "audience", audience, "scope", "openid"))
			want := ""
			if slices.Contains(strings.Fields(kind), "token") {
				want = "invalid_request"
			}
			if got.Get("error") != want || got.Has("access_token") {
				t.Errorf("%s, %s: %v", what, kind, got)
			}
		}
	}
	refused("an API that requires it", required)
	if got := w.allowed(w.browser, w.query("response_type", "token", "audience", public, "scope", "openid")); !isFor(got.Get("access_token"), public) {
		t.Errorf("an API that requires it of public applications: %v", got)
	}
	// It is required while somebody is asked.
	p := w.get(w.browser, "/authorize?"+w.query("response_type", "token", "audience", public, "prompt", "consent"))
	if p.URL.Path != "/u/consent" {
		t.Fatalf("at %s", p.URL)
	}
	w.admin("PATCH", "/resource-servers/"+url.PathEscape(public), map[string]any{"proof_of_possession": map[string]any{"mechanism": "dpop", "required": true}})
	if got := w.left(w.submit(w.browser, p.Form("action").Press("accept"))); got.Get("error") != "invalid_request" || got.Has("access_token") {
		t.Errorf("required while somebody was asked: %v", got)
	}
	w.admin("PATCH", "/clients/"+w.Ready.ClientID, map[string]any{"require_proof_of_possession": true})
	refused("an application that has to", "")
	if status, answer := w.askLink("bound@mail.example", map[string]any{"response_type": "token"}); status != http.StatusBadRequest {
		t.Errorf("a link that gives a token: %d %s", status, answer)
	}
	if got := w.left(w.tap(w.newBrowser(), w.link("bound@mail.example", nil))); !got.Has("code") {
		t.Errorf("a link without a response type: %v", got)
	}
}

// RFC 8707 §2.2: a device that has been let in can name no other API than the one
// it asked for, and what it was given waits for it.
func TestResourceOfADevice(t *testing.T) {
	w := newWorld(t)
	w.admin("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "compatibility"})
	tv := w.television()
	p := w.activate(w.browser, tv.userCode)
	at(t, w.submit(w.browser, p.Form().Press("confirm")), "/u/device", "The device is connected")
	w.Clock.Advance(6 * time.Second)
	form := url.Values{"grant_type": {deviceGrant}, "device_code": {tv.deviceCode}, "resource": {readAPI}}
	if status, got := tv.post("/oauth/token", form); status != http.StatusBadRequest || got["error"] != "invalid_target" {
		t.Errorf("for an API that nobody allowed: %d %v", status, got)
	}
	form.Set("resource", w.URL+"/userinfo")
	if status, got := tv.post("/oauth/token", form); status != http.StatusOK {
		t.Errorf("for what was allowed: %d %v", status, got)
	}
}
