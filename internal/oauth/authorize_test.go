package oauth_test

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

const verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" // RFC 7636, appendix B

func challengeOf(v string) string {
	sum := sha256.Sum256([]byte(v))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// request is a good one, with pairs set or, where the value is empty, left out.
func request(pairs ...string) url.Values {
	q := url.Values{
		"client_id": {"app"}, "redirect_uri": {"https://app.example.com/cb"}, "response_type": {"code"},
		"scope": {"openid email"}, "state": {"s"}, "nonce": {"n"},
	}
	for i := 0; i < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	return q
}

func webApp() *tenant.Client {
	return &tenant.Client{
		ID: "app", AuthMethod: "client_secret_post", GrantTypes: []string{tenant.GrantAuthorizationCode, tenant.GrantImplicit},
		Callbacks: []string{"https://app.example.com/cb"},
	}
}

func TestReadAuthorize(t *testing.T) {
	q := request("max_age", "60", "prompt", "login consent login", "code_challenge", challengeOf(verifier), "code_challenge_method", "S256",
		"connection", "sms", "login_hint", "+44", "device", "d", "audience", "https://api", "response_type", "id_token code")
	got, err := oauth.ReadAuthorize(&tenant.Settings{}, webApp(), "https://app.example.com/cb", q)
	if err != nil {
		t.Fatal(err)
	}
	want := tenant.AuthorizeRequest{
		Client: "app", RedirectURI: "https://app.example.com/cb", RedirectGiven: true, ResponseType: "code id_token",
		ResponseMode: "fragment", Scope: "openid email", Audience: "https://api", State: "s", Nonce: "n",
		Challenge: challengeOf(verifier), Prompt: []string{"login", "consent"}, MaxAge: time.Minute, HasMaxAge: true,
		LoginHint: "+44", Connection: "sms", Device: "d",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Which API a request is for: its audience, its resource where the tenant takes
// that (RFC 8707), or the tenant's default. Without any, an application from
// before OpenID Connect is answered as such.
func TestReadAuthorizeAudience(t *testing.T) {
	old := webApp()
	old.SaysLegacy = true
	const a, r, d = "https://a.example", "https://r.example", "https://d.example"
	for _, c := range []struct {
		takes                         bool
		audience, resource, byDefault string
		want                          string // or the code of the fault
	}{
		{false, "", "", "", ""},
		{false, "", r, "", ""},
		{false, "", "not an address", d, d},
		{false, a, r, d, a},
		{true, "", "", "", ""},
		{true, "", "", d, d},
		{true, "", r, "", r},
		{true, "", r, d, r},
		{true, a, r, d, a},
		{true, a, "not an address", "", a},
		{true, "", "not an address", d, "invalid_target"},
		{true, "", r + "#part", "", "invalid_target"},
	} {
		set := &tenant.Settings{ResourceParameter: c.takes, DefaultAudience: c.byDefault}
		got, err := oauth.ReadAuthorize(set, old, "https://app.example.com/cb", request("audience", c.audience, "resource", c.resource))
		if err != nil {
			got.Audience = fault.Of(err).Code
		}
		if got.Audience != c.want || err == nil && got.Legacy != (c.want == "") {
			t.Errorf("%+v: %q, legacy %v, %v", c, got.Audience, got.Legacy, err)
		}
	}
}

func TestReadAuthorizeRefuses(t *testing.T) {
	spa := webApp()
	spa.AuthMethod = "none"
	machine := webApp()
	machine.GrantTypes = []string{tenant.GrantClientCredentials}
	codeOnly := webApp()
	codeOnly.GrantTypes = []string{tenant.GrantAuthorizationCode}
	long := strings.Repeat("x", 5000)
	for _, c := range []struct {
		name   string
		client *tenant.Client
		change []string
		code   string
	}{
		{"a request object", webApp(), []string{"request", "eyJ"}, "request_not_supported"},
		{"a request object before its response type", webApp(), []string{"request", "eyJ", "response_type", ""}, "request_not_supported"},
		{"a request by reference", webApp(), []string{"request_uri", "https://app.example.com/r"}, "request_uri_not_supported"},
		{"no response type", webApp(), []string{"response_type", ""}, "invalid_request"},
		{"an unknown response type", webApp(), []string{"response_type", "cookie"}, "unsupported_response_type"},
		{"a response type twice", webApp(), []string{"response_type", "code code"}, "unsupported_response_type"},
		{"response type none", webApp(), []string{"response_type", "none"}, "unsupported_response_type"},
		{"an unknown response mode", webApp(), []string{"response_mode", "pigeon"}, "invalid_request"},
		{"a token in the query", webApp(), []string{"response_type", "token", "response_mode", "query"}, "invalid_request"},
		{"a code without the grant type", machine, nil, "unauthorized_client"},
		{"a token without implicit", codeOnly, []string{"response_type", "token"}, "unauthorized_client"},
		{"a hybrid type without implicit", codeOnly, []string{"response_type", "code id_token"}, "unauthorized_client"},
		{"a public application without PKCE", spa, nil, "invalid_request"},
		{"an ID token without a nonce", webApp(), []string{"response_type", "id_token", "nonce", ""}, "invalid_request"},
		{"an ID token without openid", webApp(), []string{"response_type", "id_token", "scope", "email"}, "invalid_request"},
		{"an unknown prompt", webApp(), []string{"prompt", "now"}, "invalid_request"},
		{"prompt none with another", webApp(), []string{"prompt", "none login"}, "invalid_request"},
		{"members of an organization", webApp(), []string{"organization", "org_1"}, "invalid_request"},
		{"an invitation", webApp(), []string{"invitation", "i"}, "invalid_request"},
		{"a max_age that is no number", webApp(), []string{"max_age", "soon"}, "invalid_request"},
		{"a negative max_age", webApp(), []string{"max_age", "-1"}, "invalid_request"},
		{"a max_age beyond all", webApp(), []string{"max_age", "99999999999"}, "invalid_request"},
		{"a state that is too long", webApp(), []string{"state", long}, "invalid_request"},
		{"a nonce that is too long", webApp(), []string{"nonce", long}, "invalid_request"},
		{"a login hint that is too long", webApp(), []string{"login_hint", long}, "invalid_request"},
	} {
		_, err := oauth.ReadAuthorize(&tenant.Settings{}, c.client, "https://app.example.com/cb", request(c.change...))
		if got := fault.Of(err); got == nil || got.Code != c.code {
			t.Errorf("%s: %v, want %s", c.name, err, c.code)
		}
	}
}

func TestOAU05PKCE(t *testing.T) {
	good := challengeOf(verifier)
	for _, c := range []struct {
		challenge, method string
		public, taken     bool
	}{
		{"", "", false, true},
		{"", "", true, false},
		{good, "S256", false, true},
		{good, "S256", true, true},
		{good, "", false, false}, // would mean plain
		{good, "", true, false},
		{good, "plain", false, false},
		{good, "plain", true, false},
		{good, "s256", true, false},
		{"", "S256", false, false},
		{"", "plain", true, false},
		{good[:42], "S256", true, false},
		{good + "A", "S256", true, false},
		{good[:42] + "=", "S256", true, false},
		{good[:42] + "+", "S256", true, false},
		{verifier + verifier, "S256", true, false},
	} {
		client := webApp()
		if c.public {
			client.AuthMethod = "none"
		}
		r, err := oauth.ReadAuthorize(&tenant.Settings{}, client, "https://app.example.com/cb",
			request("code_challenge", c.challenge, "code_challenge_method", c.method))
		if (err == nil) != c.taken || err == nil && r.Challenge != c.challenge {
			t.Errorf("challenge %q, method %q, public %v: %q, %v", c.challenge, c.method, c.public, r.Challenge, err)
		}
	}
	for v, want := range map[string]bool{
		"": true, verifier: true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		verifier[:42]: false, verifier[:42] + " ": false, verifier[:42] + "é": false, "plain": false,
	} {
		got, ok := oauth.Challenge(v)
		if ok != want || ok && v != "" && got != challengeOf(v) || v == "" && got != "" {
			t.Errorf("Challenge(%q) = %q, %v", v, got, ok)
		}
	}
}

func TestResponseTypes(t *testing.T) {
	for in, want := range map[string]string{
		"code": "code", "token id_token": "id_token token", "id_token token": "id_token token",
		"token code id_token": "code id_token token", " code ": "code", "": "", "code,token": "", "token token": "",
	} {
		got, ok := oauth.ParseResponseType(in)
		if got.String() != want || ok != (want != "") {
			t.Errorf("ParseResponseType(%q) = %q, %v, want %q", in, got, ok, want)
		}
	}
	for _, name := range oauth.ResponseTypes() {
		if got, ok := oauth.ParseResponseType(name); !ok || got.String() != name {
			t.Errorf("%q is listed and read as %q, %v", name, got, ok)
		}
	}
}

// Whatever the state is, the application gets it back byte for byte (OAU-13).
func TestOAU13State(t *testing.T) {
	states := []string{"a+b", "a b", "%", "%2b", "100%", "ü", "日本", "\u202e", "a&b=c", "#x", "a\tb", `"<>'\`, "{}", "=", "?", strings.Repeat("y", 2048)}
	for r := rune(1); len(states) < 300; r++ {
		states = append(states, strings.Repeat(string(r), int(r)%7+1))
	}
	for _, redirect := range []string{"https://app.example.com/cb", "https://app.example.com/cb?a=1&b=%20", "https://app.example.com/cb?", "com.example.app:/cb"} {
		for _, state := range states {
			for _, mode := range []string{oauth.ModeQuery, oauth.ModeFragment} {
				r := oauth.Reply{RedirectURI: redirect, Mode: mode, State: state, Issuer: "https://id.example.com/"}.With(oauth.Pair{Name: "code", Value: "x"})
				location := r.Location()
				if !strings.HasPrefix(location, redirect) {
					t.Fatalf("%q does not begin with %q", location, redirect)
				}
				u, err := url.Parse(location)
				if err != nil {
					t.Fatal(err)
				}
				raw := u.RawQuery
				if mode == oauth.ModeFragment {
					raw = u.EscapedFragment()
				}
				q, err := url.ParseQuery(raw)
				if err != nil || q.Get("state") != state || q.Get("code") != "x" || q.Get("iss") != "https://id.example.com/" {
					t.Errorf("%s of %q: %q, %v", mode, state, q, err)
				}
			}
		}
	}
}

func TestErrorAnswer(t *testing.T) {
	reply := oauth.Reply{RedirectURI: "https://a.example/cb", Mode: oauth.ModeQuery, State: "s", Issuer: "https://id/"}
	got := reply.Error(fault.New(fault.Invalid, "invalid_request", "a \"quoted\" wörd\nand \\"))
	want := []oauth.Pair{
		{Name: "error", Value: "invalid_request"},
		{Name: "error_description", Value: "a 'quoted' w?rd?and ?"},
		{Name: "state", Value: "s"},
		{Name: "iss", Value: "https://id/"},
	}
	if d := cmp.Diff(want, got.Pairs); d != "" {
		t.Error(d)
	}
	hidden := reply.Error(fault.Of(errors.New("password=hunter2")))
	if hidden.Pairs[0].Value != "server_error" || strings.Contains(hidden.Encoded(), "hunter2") {
		t.Errorf("an internal error is answered with %v", hidden.Pairs)
	}
}

// A request whose response mode cannot be honoured is refused where its type is
// answered, so that the refusal arrives.
func TestReplyFor(t *testing.T) {
	for _, c := range []struct{ typ, mode, redirect, want string }{
		{"code", "", "https://a/cb", "query"},
		{"", "", "https://a/cb", "query"},
		{"token", "", "https://a/cb", "fragment"},
		{"token", "query", "https://a/cb", "fragment"},
		{"code", "pigeon", "https://a/cb", "query"},
		{"code", "form_post", "https://a/cb", "form_post"},
		{"code", "web_message", "https://a/cb", "web_message"},
		{"code", "web_message", "com.app:/cb", "query"},
	} {
		got := oauth.ReplyFor(c.redirect, "https://id/", request("response_type", c.typ, "response_mode", c.mode))
		if got.Mode != c.want {
			t.Errorf("%q with mode %q to %s is answered by %s, want %s", c.typ, c.mode, c.redirect, got.Mode, c.want)
		}
	}
}
