package hosted_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// told redeems a code and returns what its ID token and userinfo tell.
func (w *world) told(answer url.Values) (id, info map[string]any) {
	w.t.Helper()
	status, tokens := w.redeem(answer.Get("code"))
	if status != http.StatusOK {
		w.t.Fatalf("%v: %d %v", answer, status, tokens)
	}
	access, _ := tokens["access_token"].(string)
	status, _, text := w.Do(w.t, http.MethodGet, "/userinfo", "", "Authorization", "Bearer "+access)
	if err := json.Unmarshal([]byte(text), &info); status != http.StatusOK || err != nil {
		w.t.Fatalf("%d %s", status, text)
	}
	return claims(w.t, tokens["id_token"]), info
}

// Claims that are asked for by name are told where they were asked for, and
// nowhere else (OpenID Connect Core 1.0 §5.5).
func TestClaimsParameter(t *testing.T) {
	w := newWorld(t)
	w.manage(http.MethodPost, "/api/v2/resource-servers", `{"identifier":"https://claims.example","name":"Claims","scopes":[{"value":"read"}]}`)
	w.signIn(w.browser, w.query(), person)
	silent := func(pairs ...string) url.Values {
		return w.left(w.get(w.browser, "/authorize?"+w.query(append([]string{"prompt", "none", "scope", "openid"}, pairs...)...)))
	}
	const both = `{"userinfo":{"name":{"essential":true},"email":null},"id_token":{"phone_number":null,"nobody":{"value":1}}}`
	// An application on this device asks before it gets a token for an API.
	p := w.get(w.browser, "/authorize?"+w.query("scope", "openid", "audience", "https://claims.example", "claims", both))
	w.submit(w.browser, p.Form("action").Press("accept"))
	for _, audience := range []string{"", "https://claims.example"} {
		id, info := w.told(silent("claims", both, "audience", audience))
		if id["phone_number"] != person || id["name"] != nil || info["name"] == nil || info["phone_number"] != nil || info["email"] != nil {
			t.Errorf("for %q: ID token %v, userinfo %v", audience, id, info)
		}
	}
	id, info := w.told(silent())
	if id["phone_number"] != nil || info["name"] != nil {
		t.Errorf("without the parameter: %v, %v", id, info)
	}
	for text, want := range map[string]string{
		`{"id_token":{"sub":{"value":"sms|000000000000000000000000"}}}`:       "login_required",
		`{"id_token":{"sub":{"value":1}}}`:                                    "invalid_request",
		`{"id_token":{"sub":{"value":"a"}},"userinfo":{"sub":{"value":"b"}}}`: "invalid_request",
		`{"id_token":`:                        "invalid_request",
		`[]`:                                  "invalid_request",
		`{"id_token":{"name":"x"}}`:           "invalid_request",
		`"` + strings.Repeat("x", 4096) + `"`: "invalid_request",
	} {
		if got := silent("claims", text); got.Get("error") != want {
			t.Errorf("%.60s: %v, want %s", text, got, want)
		}
	}
	sub, _ := json.Marshal(map[string]any{"id_token": map[string]any{"sub": map[string]any{"value": id["sub"]}}})
	if got := silent("claims", string(sub)); got.Get("code") == "" {
		t.Errorf("for whoever is signed in: %v", got)
	}
}

// The one class that there is is told where it is asked for.
func TestACR(t *testing.T) {
	w := newWorld(t)
	w.signIn(w.browser, w.query(), person)
	const ours = "urn:doorcode:acr:one-time-code"
	for _, c := range []struct {
		pairs []string
		want  any
		fault string
	}{
		{nil, nil, ""},
		{[]string{"acr_values", "1 2"}, nil, ""},
		{[]string{"acr_values", "1 " + ours}, ours, ""},
		{[]string{"claims", `{"id_token":{"acr":null}}`}, ours, ""},
		{[]string{"claims", `{"id_token":{"acr":{"essential":true,"values":["1","` + ours + `"]}}}`}, ours, ""},
		{[]string{"claims", `{"id_token":{"acr":{"values":["1"]}}}`, "acr_values", ours}, nil, ""},
		{[]string{"claims", `{"id_token":{"acr":{"essential":true,"value":"1"}}}`}, nil, "unmet_authentication_requirements"},
	} {
		got := w.left(w.get(w.browser, "/authorize?"+w.query(append([]string{"prompt", "none"}, c.pairs...)...)))
		if c.fault != "" {
			if got.Get("error") != c.fault {
				t.Errorf("%v: %v, want %s", c.pairs, got, c.fault)
			}
			continue
		}
		if id, _ := w.told(got); id["acr"] != c.want {
			t.Errorf("%v: acr %v, want %v", c.pairs, id["acr"], c.want)
		}
	}
	// Through the browser as well.
	w.allowImplicit()
	got := w.left(w.get(w.browser, "/authorize?"+w.query("prompt", "none", "response_type", "id_token", "acr_values", ours)))
	if id := claims(t, got.Get("id_token")); id["acr"] != ours {
		t.Errorf("%v", id)
	}
}

// OAU-28: what is asked for claim by claim is asked of the person like the scope
// that covers it.
func TestOAU28ConsentForClaims(t *testing.T) {
	w := newWorld(t)
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"is_first_party":false}`)
	query := func(pairs ...string) string { return w.query(append([]string{"scope", "openid"}, pairs...)...) }
	b, p := w.atCode(person, query())
	p = w.submit(b, p.Form("code").Set("code", w.code(person)).Press("default"))
	if got := w.left(w.submit(b, p.Form("action").Press("accept"))); !got.Has("code") {
		t.Fatalf("allowed: %v", got)
	}
	const asked = `{"userinfo":{"phone_number":null}}`
	if got := w.left(w.get(b, "/authorize?"+query("prompt", "none", "claims", asked))); got.Get("error") != "consent_required" {
		t.Errorf("silently: %v", got)
	}
	p = w.get(b, "/authorize?"+query("claims", asked))
	if p.URL.Path != "/u/consent" || !strings.Contains(p.Text(), "See your phone number") {
		t.Fatalf("at %s:\n%s", p.URL, p.Text())
	}
	if _, info := w.told(w.left(w.submit(b, p.Form("action").Press("accept")))); info["phone_number"] != person {
		t.Errorf("userinfo tells %v", info)
	}
	if got := w.left(w.get(b, "/authorize?"+query("prompt", "none", "claims", asked))); !got.Has("code") {
		t.Errorf("silently, once it was allowed: %v", got)
	}
}

// OAU-28: whom the person has to be asked about before an API is used, by what
// the API says and where the answer goes.
func TestOAU28WhoIsAskedAbout(t *testing.T) {
	w := newWorld(t)
	w.manage(http.MethodPost, "/api/v2/resource-servers", `{"identifier":"https://asks.example","name":"Asks"}`)
	w.manage(http.MethodPost, "/api/v2/resource-servers", `{"identifier":"https://skips.example","name":"Skips","skip_consent_for_verifiable_first_party_clients":true}`)
	const https, loopback, scheme = "https://app.example.com/cb", "http://127.0.0.1/cb", "com.example.app:/cb"
	w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, `{"callbacks":["`+callback+`","`+https+`","`+loopback+`","`+scheme+`"]}`)
	w.signIn(w.browser, w.query(), person)
	for _, first := range []bool{true, false} {
		w.manage(http.MethodPatch, "/api/v2/clients/"+w.Ready.ClientID, fmt.Sprintf(`{"is_first_party":%t}`, first))
		for _, audience := range []string{"", "https://asks.example", "https://skips.example"} {
			for _, to := range []string{https, loopback, scheme} {
				p := w.get(w.browser, "/authorize?"+w.query("prompt", "none", "audience", audience, "redirect_uri", to))
				if p.Left == nil {
					t.Fatalf("not sent to %s: %d %s", to, p.Status, p.Text())
				}
				got := p.Left.URL.Query()
				asked := got.Get("error") == "consent_required"
				if asked == got.Has("code") {
					t.Errorf("to %s: %v", to, got)
				}
				if want := !first || audience == "https://asks.example" || audience != "" && to != https; asked != want {
					t.Errorf("own application %t, API %q, to %s: asked %t, want %t", first, audience, to, asked, want)
				}
			}
		}
	}
}
