package token

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// memory stores keys and nothing else.
type memory struct{ keys []tenant.SigningKey }

func (m *memory) SigningKeys(context.Context) ([]tenant.SigningKey, error) { return m.keys, nil }

func (m *memory) AddSigningKeys(_ context.Context, keys []tenant.SigningKey) error {
	m.keys = keys
	return nil
}

func (m *memory) RotateSigningKeys(context.Context, string, string, tenant.SigningKey, time.Time) error {
	panic("not used")
}
func (m *memory) RevokeSigningKey(context.Context, string, time.Time) error { panic("not used") }

const (
	testIssuer = "https://login.example.com/"
	testAPI    = "https://api.example.com"
)

var testNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func testSecrets() *secret.Ring {
	s, err := secret.NewRing(bytes.Repeat([]byte{7}, secret.RootSize))
	if err != nil {
		panic(err)
	}
	return s
}

// keyRing is one for all tests: making RSA keys is slow.
var keyRing = sync.OnceValue(func() *signing.Ring {
	r := &signing.Ring{Store: &memory{}, Secrets: testSecrets(), Now: func() time.Time { return testNow }, Name: "login.example.com"}
	if err := r.Load(context.Background()); err != nil {
		panic(err)
	}
	return r
})

func newIssuer() *Issuer {
	return &Issuer{Issuer: testIssuer, Keys: keyRing(), Secrets: testSecrets(), Now: func() time.Time { return testNow }}
}

func testClient() *tenant.Client {
	return &tenant.Client{
		ID: "kRBnTaFHpqbYb4pZyGNxCFMWpTrAWqvy", Secret: strings.Repeat("s", 64), AuthMethod: "client_secret_post",
		IDTokenLifetime: 36000 * time.Second, IDTokenAlg: "RS256",
	}
}

func testUser() *tenant.User {
	return &tenant.User{
		ID: "email|58fa3bd1c7eae3e1b2a6b1c2", Email: "jo@example.com", EmailVerified: true, Name: "jo@example.com",
		Nickname: "jo", Picture: "https://s.gravatar.com/avatar/0", Phone: "+15550100", PhoneVerified: true,
		CreatedAt: testNow.Add(-time.Hour), UpdatedAt: time.Date(2026, 6, 14, 21, 36, 26, 399e6, time.UTC),
		UserMetadata: map[string]any{"favorite_color": "blue", "email_verified": true, "azp": "x", "scope": "x", "sub": "x"},
		AppMetadata:  map[string]any{"plan": "gold"},
		Identities:   []tenant.Identity{{Name: "email", Channel: tenant.Email, UserID: "58fa3bd1c7eae3e1b2a6b1c2"}},
	}
}

func testGrant() *tenant.Grant { return &tenant.Grant{ID: "grant1", SessionID: "session1"} }

func testResource() *tenant.API {
	return &tenant.API{Identifier: testAPI, Scopes: []string{"read:a", "write:a"}, SigningAlg: "RS256", TokenLifetime: 24 * time.Hour}
}

// person asks for tokens for somebody, application for its own.
func person(scope string) Request {
	return Request{
		Client: testClient(), API: testResource(), User: testUser(), Grant: testGrant(),
		Scope: scope, AskedScope: scope, GrantType: tenant.GrantOTP,
	}
}

func application(scope string) Request {
	return Request{
		Client: testClient(), API: testResource(), Scope: scope, AskedScope: scope, GrantType: tenant.GrantClientCredentials,
	}
}

func mustIssue(t testing.TB, i *Issuer, r Request) Tokens {
	t.Helper()
	tokens, err := i.Issue(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// read verifies a token with go-jose and our published keys, and returns its
// header and claims.
func read(t testing.TB, token string, key any) (jose.Header, map[string]any) {
	t.Helper()
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.PS256, jose.HS256})
	if err != nil {
		t.Fatalf("go-jose cannot read %q: %v", token, err)
	}
	if key == nil {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(keyRing().JWKS(), &set); err != nil {
			t.Fatal(err)
		}
		key = set.Key(parsed.Headers[0].KeyID)[0].Key
	}
	claims := map[string]any{}
	if err := parsed.Claims(key, &claims); err != nil {
		t.Fatalf("go-jose refuses %q: %v", token, err)
	}
	return parsed.Headers[0], claims
}

// TOK-05: the tokens of each kind are written out here in full, in Auth0's shape
// and in that of RFC 9068.
func TestTOK05Tokens(t *testing.T) {
	iat := testNow.Unix()
	subject, app := "email|58fa3bd1c7eae3e1b2a6b1c2", "kRBnTaFHpqbYb4pZyGNxCFMWpTrAWqvy"
	base := fmt.Sprintf(`"iss":%q,"iat":%d`, testIssuer, iat)
	forPerson := base + fmt.Sprintf(`,"sub":%q`, subject)
	given := forPerson + `,"grant_id":"grant1"` // what access tokens have and ID tokens do not
	forApp := base + fmt.Sprintf(`,"sub":"%s@clients"`, app)
	both := fmt.Sprintf(`"aud":[%q,"%suserinfo"]`, testAPI, testIssuer)
	tests := []struct {
		name   string
		req    Request
		change func(*Request)
		typ    string
		access string // "" for an opaque one
		id     string // "" for none
	}{
		{
			"a person, an API, no openid", person("read:a"), nil, "JWT",
			given + fmt.Sprintf(`,"aud":%q,"exp":%d,"scope":"read:a","azp":%q`, testAPI, iat+86400, app), "",
		},
		{
			"a person, an API, openid", person("openid read:a"), nil, "JWT",
			given + fmt.Sprintf(`,%s,"exp":%d,"scope":"openid read:a","azp":%q`, both, iat+86400, app),
			forPerson + fmt.Sprintf(`,"aud":%q,"exp":%d,"sid":"session1"`, app, iat+36000),
		},
		{
			"a refresh", person("openid email"), func(r *Request) { r.GrantType = tenant.GrantRefreshToken }, "JWT",
			given + fmt.Sprintf(`,%s,"exp":%d,"scope":"openid email","gty":"refresh_token","azp":%q`, both, iat+86400, app),
			forPerson + fmt.Sprintf(`,"aud":%q,"exp":%d,"sid":"session1","email":"jo@example.com","email_verified":true`, app, iat+36000),
		},
		{
			"an application of its own", application("read:a write:a"), nil, "JWT",
			forApp + fmt.Sprintf(`,"aud":%q,"exp":%d,"scope":"read:a write:a","gty":"client-credentials","azp":%q`, testAPI, iat+86400, app), "",
		},
		{
			"openid does not make an application a person", application("openid"), nil, "JWT",
			forApp + fmt.Sprintf(`,"aud":%q,"exp":%d,"scope":"openid","gty":"client-credentials","azp":%q`, testAPI, iat+86400, app), "",
		},
		{
			"no scope", application(""), nil, "JWT",
			forApp + fmt.Sprintf(`,"aud":%q,"exp":%d,"gty":"client-credentials","azp":%q`, testAPI, iat+86400, app), "",
		},
		{
			"RFC 9068", application("read:a"), func(r *Request) { r.API.Profile = "rfc9068_profile" }, "at+jwt",
			forApp + fmt.Sprintf(`,"aud":%q,"exp":%d,"scope":"read:a","jti":"*","client_id":%q`, testAPI, iat+86400, app), "",
		},
		{
			"RFC 9068 with permissions", person("read:a"), func(r *Request) {
				r.API.Profile, r.Permissions = "rfc9068_profile_authz", []string{"read:a"}
			}, "at+jwt",
			given + fmt.Sprintf(`,"aud":%q,"exp":%d,"scope":"read:a","jti":"*","client_id":%q,"permissions":["read:a"]`, testAPI, iat+86400, app), "",
		},
		{
			"permissions where there are none", person(""), func(r *Request) { r.API.Profile = "access_token_authz" }, "JWT",
			given + fmt.Sprintf(`,"aud":%q,"exp":%d,"azp":%q,"permissions":[]`, testAPI, iat+86400, app), "",
		},
		{
			"permissions where they are not wanted", person(""), func(r *Request) {
				r.API.Profile, r.Permissions = "access_token", []string{"read:a"}
			}, "JWT", given + fmt.Sprintf(`,"aud":%q,"exp":%d,"azp":%q`, testAPI, iat+86400, app), "",
		},
		{
			"nonce and time of sign-in", person("openid"), func(r *Request) {
				r.Nonce, r.AuthTime, r.WithoutAccess, r.Grant.SessionID = "n-0S6", testNow.Add(-time.Minute), true, ""
			}, "", "none",
			forPerson + fmt.Sprintf(`,"aud":%q,"exp":%d,"auth_time":%d,"nonce":"n-0S6"`, app, iat+36000, iat-60),
		},
		{
			"no API", person("openid phone"), func(r *Request) { r.API = nil; r.Form.Strict = true }, "", "",
			forPerson + fmt.Sprintf(`,"aud":%q,"exp":%d,"sid":"session1","at_hash":"*","phone_number":"+15550100","phone_number_verified":true`, app, iat+36000),
		},
		{"userinfo as the API", person("profile"), func(r *Request) { r.API.Identifier = testIssuer + "userinfo" }, "", "", ""},
		{"no ID token wanted", person("openid"), func(r *Request) { r.API = nil; r.WithoutID = true }, "", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.change != nil {
				tt.change(&tt.req)
			}
			tokens := mustIssue(t, newIssuer(), tt.req)
			switch tt.access {
			case "none":
				if tokens.AccessToken != "" || tokens.ExpiresIn != 0 {
					t.Errorf("there is an access token nobody asked for: %+v", tokens)
				}
			case "":
				if strings.Contains(tokens.AccessToken, ".") || len(tokens.AccessToken) < 100 {
					t.Errorf("%q does not look opaque", tokens.AccessToken)
				}
			default:
				compare(t, tokens.AccessToken, tt.typ, tt.access)
			}
			if tt.id == "" {
				if tokens.IDToken != "" {
					t.Errorf("there is an ID token nobody asked for: %q", tokens.IDToken)
				}
				return
			}
			compare(t, tokens.IDToken, "JWT", tt.id)
		})
	}
}

// compare holds a token against what it should say. "*" stands for any text.
func compare(t *testing.T, token, typ, want string) {
	t.Helper()
	header, claims := read(t, token, nil)
	if header.ExtraHeaders["typ"] != typ || header.KeyID == "" {
		t.Errorf("header is %+v, want typ %q and a kid", header, typ)
	}
	wanted := map[string]any{}
	if err := json.Unmarshal([]byte("{"+want+"}"), &wanted); err != nil {
		t.Fatal(err)
	}
	for name, v := range wanted {
		if text, ok := claims[name].(string); v == "*" && ok && len(text) > 10 {
			claims[name] = "*"
		}
	}
	got, _ := json.Marshal(claims)
	exp, _ := json.Marshal(wanted)
	if !bytes.Equal(got, exp) {
		t.Errorf("claims are\n%s, want\n%s", got, exp)
	}
}

func TestIDTokenAlgorithms(t *testing.T) {
	long := strings.Repeat("s", 64)
	tests := []struct{ name, alg, method, secret, want string }{
		{"not said", "", "client_secret_post", long, "RS256"},
		{"RS256", "RS256", "client_secret_post", long, "RS256"},
		{"ES256", "ES256", "none", "", "ES256"},
		{"PS256", "PS256", "client_secret_post", long, "PS256"},
		{"PS256 of a public application", "PS256", "none", "", "RS256"},
		{"one that was taken once, and that there is no key for", "RS512", "client_secret_post", long, "RS256"},
		{"HS256", "HS256", "client_secret_basic", long, "HS256"},
		{"HS256 of a public application", "HS256", "none", long, "RS256"},
		{"HS256 without a secret", "HS256", "client_secret_post", "", "RS256"},
		{"HS256 with a short secret", "HS256", "client_secret_post", long[:31], "RS256"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req := person("openid")
			req.Client.IDTokenAlg, req.Client.AuthMethod, req.Client.Secret = tt.alg, tt.method, tt.secret
			var key any
			if tt.want == "HS256" {
				key = []byte(tt.secret)
			}
			header, _ := read(t, mustIssue(t, newIssuer(), req).IDToken, key)
			if header.Algorithm != tt.want {
				t.Errorf("signed by %s, want %s", header.Algorithm, tt.want)
			}
		})
	}
}

func TestAccessTokenAlgorithms(t *testing.T) {
	for alg, want := range map[string]string{
		"": "RS256", "RS256": "RS256", "ES256": "ES256", "PS256": "PS256",
		"RS512": "RS256", "HS256": "RS256", // from elsewhere, and not to keep anybody out
	} {
		req := person("openid")
		req.API.SigningAlg = alg
		token := mustIssue(t, newIssuer(), req).AccessToken
		if header, _ := read(t, token, nil); header.Algorithm != want {
			t.Errorf("%q: signed by %s, want %s", alg, header.Algorithm, want)
		}
		if a, err := newIssuer().VerifyUserinfo(t.Context(), token); err != nil || a.User != testUser().ID {
			t.Errorf("%q: VerifyUserinfo = %v, %v", alg, a.User, err)
		}
	}
}

func TestLifetimes(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Request)
		want   time.Duration
	}{
		{"of the API", func(r *Request) { r.API.TokenLifetime = 5 * time.Minute }, 5 * time.Minute},
		{"not said", func(r *Request) { r.API.TokenLifetime = 0 }, 24 * time.Hour},
		{"opaque", func(r *Request) { r.API = nil }, 24 * time.Hour},
		{"to a browser", func(r *Request) { r.FrontChannel = true }, 2 * time.Hour},
		{"to a browser, API shorter", func(r *Request) { r.FrontChannel, r.API.TokenLifetime = true, time.Minute }, time.Minute},
		{"to a browser, as the API says", func(r *Request) { r.FrontChannel, r.API.WebTokenLifetime = true, 10*time.Minute }, 10 * time.Minute},
		{"to a browser, longer", func(r *Request) { r.FrontChannel, r.API.WebTokenLifetime = true, 5*time.Hour }, 5 * time.Hour},
		{"to a browser, longer than elsewhere", func(r *Request) { r.FrontChannel, r.API.WebTokenLifetime = true, 48*time.Hour }, 24 * time.Hour},
		{"to a browser, opaque", func(r *Request) { r.FrontChannel, r.API = true, nil }, 2 * time.Hour},
		{"not to a browser, though the API says", func(r *Request) { r.API.WebTokenLifetime = 10 * time.Minute }, 24 * time.Hour},
		{"asked for", func(r *Request) { r.Lifetime = time.Hour }, time.Hour},
		{"asked for longer than allowed", func(r *Request) { r.Lifetime = 1000 * time.Hour }, 24 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			req, i := person("openid"), newIssuer()
			tt.change(&req)
			tokens := mustIssue(t, i, req)
			a, err := i.VerifyUserinfo(t.Context(), tokens.AccessToken)
			if err != nil || tokens.ExpiresIn != tt.want || !a.Expires.Equal(testNow.Add(tt.want)) {
				t.Errorf("lives %v until %v (%v), want %v", tokens.ExpiresIn, a.Expires, err, tt.want)
			}
		})
	}
}

func TestFrontChannelBindsTokens(t *testing.T) {
	req := person("openid")
	req.FrontChannel = true
	tokens := mustIssue(t, newIssuer(), req)
	_, claims := read(t, tokens.IDToken, nil)
	if claims["at_hash"] != halfHash(tokens.AccessToken) {
		t.Errorf("at_hash is %v", claims["at_hash"])
	}
}

// The example of OpenID Connect Core 1.0 §A.3.
func TestHalfHash(t *testing.T) {
	if got := halfHash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"); got != "77QmUPtjPfzWtF2AnpK9RQ" {
		t.Errorf("at_hash is %s", got)
	}
}

func TestScopeAnswer(t *testing.T) {
	for _, tt := range []struct{ asked, granted, want string }{
		{"openid email", "openid email", ""},
		{"email openid", "openid email", ""},
		{"openid email x", "openid email", "openid email"},
		{"", "read:a", "read:a"},
		{"", "", ""},
	} {
		req := person(tt.granted)
		req.AskedScope = tt.asked
		if got := mustIssue(t, newIssuer(), req).Scope; got != tt.want {
			t.Errorf("asked %q, granted %q: answer %q, want %q", tt.asked, tt.granted, got, tt.want)
		}
	}
}

// OAU-13: the nonce comes back as it was sent.
func TestNonce(t *testing.T) {
	req := person("openid")
	req.Client.IDTokenAlg, req.WithoutAccess = "ES256", true
	for n := range 300 {
		nonce := strings.Repeat(`a%+"\</é漢🔑`+"\t\n\x00\x7f\u2028", n)[:n*7/2]
		nonce = strings.ToValidUTF8(nonce, "") + fmt.Sprint(n)
		req.Nonce = nonce
		_, claims := read(t, mustIssue(t, newIssuer(), req).IDToken, nil)
		if claims["nonce"] != nonce {
			t.Fatalf("nonce %q came back as %q", nonce, claims["nonce"])
		}
	}
}

func TestDefectiveRequests(t *testing.T) {
	noGrant, noClient := person(""), person("")
	noGrant.Grant, noClient.Client = nil, nil
	nothing := application("")
	nothing.API = nil
	for name, req := range map[string]Request{
		"no grant": noGrant, "no client": noClient, "no API": nothing,
	} {
		if tokens, err := newIssuer().Issue(t.Context(), req); !fault.Has(err, fault.Internal) {
			t.Errorf("%s: Issue = %+v, %v", name, tokens, err)
		}
	}
}

func TestRefresh(t *testing.T) {
	i := newIssuer()
	token, digest := i.NewRefresh()
	t.Run("it has 256 random bits", func(t *testing.T) {
		again, _ := i.NewRefresh()
		if len(token) != 43 || again == token {
			t.Errorf("%q, %q", token, again)
		}
	})
	t.Run("it is found by its digest, also after the root key has changed", func(t *testing.T) {
		later := newIssuer()
		var err error
		later.Secrets, err = secret.NewRing(bytes.Repeat([]byte{9}, 32), bytes.Repeat([]byte{7}, 32))
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []*Issuer{i, later} {
			if !slices.ContainsFunc(i.RefreshDigests(token), func(d []byte) bool { return bytes.Equal(d, digest) }) {
				t.Error("the digest is not among those looked for")
			}
		}
	})
}
