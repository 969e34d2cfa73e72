package token

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

func findTest(_ context.Context, id tenant.ClientID) (*tenant.Client, error) {
	c := testClient()
	switch id {
	case c.ID:
		return c, nil
	case "hmac":
		c.ID, c.IDTokenAlg = id, "HS256"
		return c, nil
	case testAPI: // somebody chose an API's identifier that is an application's id
		c.ID = id
		return c, nil
	case "broken":
		return nil, errors.New("disk on fire")
	}
	return nil, fault.New(fault.NotFound, "not_found", "no client")
}

// tokensOfAllKinds makes one token of each kind there is.
func tokensOfAllKinds(t *testing.T, i *Issuer) map[string]string {
	t.Helper()
	made := map[string]string{}
	normal := person("openid read:a")
	normal.Nonce = "n"
	tokens := mustIssue(t, i, normal)
	made["user access"], made["ID"] = tokens.AccessToken, tokens.IDToken

	bare := person("openid") // neither nonce nor session
	bare.Grant.SessionID, bare.WithoutAccess = "", true
	made["bare ID"] = mustIssue(t, i, bare).IDToken
	mac := person("openid")
	mac.Client.ID, mac.Client.IDTokenAlg, mac.WithoutAccess = "hmac", "HS256", true
	made["HS256 ID"] = mustIssue(t, i, mac).IDToken
	legacy := person("openid azp scope favorite_color") // user_metadata tries to look like an access token
	legacy.Form.Attributes, legacy.WithoutAccess = true, true
	made["legacy ID"] = mustIssue(t, i, legacy).IDToken
	same := person("openid") // its audience is an API's identifier
	same.Client.ID, same.WithoutAccess = testAPI, true
	made["ID for an API's name"] = mustIssue(t, i, same).IDToken

	made["user access, no openid"] = mustIssue(t, i, person("read:a")).AccessToken
	made["application access"] = mustIssue(t, i, application("read:a")).AccessToken
	rfc := application("read:a")
	rfc.API.Profile = "rfc9068_profile"
	made["RFC 9068 access"] = mustIssue(t, i, rfc).AccessToken
	named := person("") // its audience is an application's id
	named.API.Identifier = string(named.Client.ID)
	made["access for an application's name"] = mustIssue(t, i, named).AccessToken
	management := application("read:users")
	management.API.Identifier = testIssuer + "api/v2/"
	made["management access"] = mustIssue(t, i, management).AccessToken
	opaque := person("openid")
	opaque.API = nil
	made["opaque access"] = mustIssue(t, i, opaque).AccessToken
	made["refresh"], _ = i.NewRefresh()

	logout := fmt.Sprintf(`{"iss":%q,"aud":%q,"iat":%d,"exp":%d,"jti":"1","sub":"sms|1","sid":"s","events":{"x":{}}}`,
		testIssuer, testClient().ID, testNow.Unix(), testNow.Add(time.Minute).Unix())
	for _, typ := range []string{signing.TypLogout, signing.TypJWT, signing.TypAccess} {
		token, err := i.Keys.Sign(t.Context(), signing.Draft{Alg: "RS256", Typ: typ, Claims: []byte(logout)})
		if err != nil {
			t.Fatal(err)
		}
		made["logout as "+typ] = token
	}
	made["another sealed value"] = string(i.Secrets.Seal(secret.Opaque, []byte{1}, "elsewhere"))
	return made
}

// TOK-03: each token is taken where its kind is expected, and nowhere else.
func TestKindsAreNotConfused(t *testing.T) {
	i := newIssuer()
	readers := map[string]func(string) error{
		"API": func(s string) error { _, err := i.VerifyAccess(t.Context(), s, testAPI); return err },
		"API named as an application": func(s string) error {
			_, err := i.VerifyAccess(t.Context(), s, string(testClient().ID))
			return err
		},
		"management": func(s string) error { _, err := i.VerifyAccess(t.Context(), s, testIssuer+"api/v2/"); return err },
		"userinfo":   func(s string) error { _, err := i.VerifyUserinfo(t.Context(), s); return err },
		"opaque":     func(s string) error { _, err := i.OpenAccess(s); return err },
		"ID token":   func(s string) error { _, err := i.VerifyIDToken(t.Context(), s, findTest); return err },
		"hint":       func(s string) error { _, err := i.VerifyHint(t.Context(), s, findTest); return err },
	}
	taken := map[string]string{
		"user access": "API userinfo", "user access, no openid": "API", "application access": "API",
		"RFC 9068 access": "API", "management access": "management", "opaque access": "userinfo opaque",
		"access for an application's name": "API named as an application",
		"ID":                               "ID token hint", "bare ID": "ID token hint", "HS256 ID": "ID token hint", "legacy ID": "ID token hint",
		"ID for an API's name": "ID token hint",
	}
	cells := 0
	for kind, token := range tokensOfAllKinds(t, i) {
		for reader, read := range readers {
			want := strings.Contains(taken[kind], reader)
			if reader == "API" || reader == "ID token" { // names that are parts of others
				want = strings.HasPrefix(taken[kind], reader) && taken[kind] != "API named as an application"
			}
			cells++
			if err := read(token); (err == nil) != want {
				t.Errorf("%s token at %s: %v, want accepted: %v", kind, reader, err, want)
			} else if err != nil && !errors.Is(err, signing.ErrToken) {
				t.Errorf("%s token at %s: %v is not a refusal", kind, reader, err)
			}
		}
	}
	t.Logf("%d pairs of a token and a reader", cells)
}

func TestVerifyAccess(t *testing.T) {
	i := newIssuer()
	t.Run("of a person", func(t *testing.T) {
		a, err := i.VerifyAccess(t.Context(), mustIssue(t, i, person("openid read:a")).AccessToken, "other", testAPI)
		if err != nil {
			t.Fatal(err)
		}
		if a.User != testUser().ID || a.Client != testClient().ID || !a.Scopes.Has("read:a") ||
			!a.Expires.Equal(testNow.Add(24*time.Hour)) || !a.IssuedAt.Equal(testNow) || len(a.Audience) != 2 {
			t.Errorf("read %+v", a)
		}
	})
	t.Run("of an application there is no user", func(t *testing.T) {
		a, err := i.VerifyAccess(t.Context(), mustIssue(t, i, application("read:a")).AccessToken, testAPI)
		if err != nil || a.User != "" || a.Subject != string(a.Client)+"@clients" {
			t.Errorf("read %+v, %v", a, err)
		}
	})
	t.Run("of RFC 9068", func(t *testing.T) {
		req := person("read:a")
		req.API.Profile, req.Permissions = "rfc9068_profile_authz", []string{"read:a"}
		a, err := i.VerifyAccess(t.Context(), mustIssue(t, i, req).AccessToken, testAPI)
		if err != nil || a.ID == "" || a.Client != testClient().ID || len(a.Permissions) != 1 {
			t.Errorf("read %+v, %v", a, err)
		}
	})
}

func TestVerifyHint(t *testing.T) {
	i := newIssuer()
	token := mustIssue(t, i, person("openid")).IDToken
	later := &Issuer{Issuer: testIssuer, Secrets: i.Secrets, Now: func() time.Time { return testNow.Add(100 * time.Hour) }}
	later.Keys = &signing.Ring{Store: i.Keys.Store, Secrets: i.Secrets, Now: later.Now}
	if err := later.Keys.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := later.VerifyIDToken(t.Context(), token, findTest); !errors.Is(err, signing.ErrExpired) {
		t.Errorf("VerifyIDToken of an expired token: %v, want ErrExpired", err)
	}
	id, err := later.VerifyHint(t.Context(), token, findTest)
	if err != nil || id.Client != testClient().ID || id.User != testUser().ID || id.SessionID != "session1" {
		t.Errorf("VerifyHint = %+v, %v", id, err)
	}
	t.Run("a store that fails is not the token's fault", func(t *testing.T) {
		req := person("openid")
		req.Client.ID = "broken"
		if _, err := i.VerifyHint(t.Context(), mustIssue(t, i, req).IDToken, findTest); !fault.Has(err, fault.Internal) {
			t.Errorf("VerifyHint = %v, want an Internal fault", err)
		}
	})
	t.Run("an application that is gone", func(t *testing.T) {
		req := person("openid")
		req.Client.ID = "gone"
		if _, err := i.VerifyHint(t.Context(), mustIssue(t, i, req).IDToken, findTest); !errors.Is(err, signing.ErrAudience) {
			t.Errorf("VerifyHint = %v, want ErrAudience", err)
		}
	})
	t.Run("HS256 with the secret of an application that signs by RS256", func(t *testing.T) {
		claims := fmt.Sprintf(`{"iss":%q,"sub":"sms|1","aud":%q,"iat":%d,"exp":%d}`,
			testIssuer, testClient().ID, testNow.Unix(), testNow.Add(time.Minute).Unix())
		forged, err := i.Keys.Sign(t.Context(), signing.Draft{
			Alg: "HS256", Typ: signing.TypJWT, Claims: []byte(claims), Secret: []byte(testClient().Secret),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.VerifyHint(t.Context(), forged, findTest); !errors.Is(err, signing.ErrSignature) {
			t.Errorf("VerifyHint = %v, want ErrSignature", err)
		}
	})
}

// TOK-04: an access token names the application that it was given to.
func TestTOK04AuthorizedParty(t *testing.T) {
	i := newIssuer()
	base := fmt.Sprintf(`"iss":%q,"sub":"sms|1","aud":%q,"iat":%d,"exp":%d`,
		testIssuer, testAPI, testNow.Unix(), testNow.Add(time.Hour).Unix())
	for _, tt := range []struct {
		name, typ, claims string
		ok                bool
	}{
		{"an azp", signing.TypJWT, `,"azp":"app"`, true},
		{"no azp", signing.TypJWT, ``, false},
		{"an empty azp", signing.TypJWT, `,"azp":""`, false},
		{"an azp that is no text", signing.TypJWT, `,"azp":["app"]`, false},
		{"RFC 9068's claim in Auth0's shape", signing.TypJWT, `,"client_id":"app"`, false},
		{"a client_id", signing.TypAccess, `,"client_id":"app","jti":"1"`, true},
		{"no client_id", signing.TypAccess, `,"jti":"1"`, false},
		{"Auth0's claim in RFC 9068's shape", signing.TypAccess, `,"azp":"app","jti":"1"`, false},
		{"no jti", signing.TypAccess, `,"client_id":"app"`, false},
	} {
		token, err := i.Keys.Sign(t.Context(), signing.Draft{Alg: signing.ES256, Typ: tt.typ, Claims: []byte("{" + base + tt.claims + "}")})
		if err != nil {
			t.Fatal(err)
		}
		a, err := i.VerifyAccess(t.Context(), token, testAPI)
		if (err == nil) != tt.ok || tt.ok && a.Client != "app" || !tt.ok && !errors.Is(err, signing.ErrToken) {
			t.Errorf("%s: VerifyAccess = %q, %v", tt.name, a.Client, err)
		}
	}
}

// TOK-06: an opaque token is taken whole or not at all.
func TestTOK06OpaqueTokens(t *testing.T) {
	i := newIssuer()
	req := person("openid profile")
	req.API = nil
	token := mustIssue(t, i, req).AccessToken
	t.Run("it says what it was made for", func(t *testing.T) {
		a, err := i.OpenAccess(token)
		if err != nil {
			t.Fatal(err)
		}
		if a.Grant != "grant1" || a.User != testUser().ID || a.Client != testClient().ID || a.Scopes.String() != "openid profile" ||
			!a.IssuedAt.Equal(testNow) || !a.Expires.Equal(testNow.Add(24*time.Hour)) || a.Audience[0] != i.Userinfo() {
			t.Errorf("read %+v", a)
		}
	})
	refused := func(t *testing.T, s string) {
		t.Helper()
		if _, err := i.OpenAccess(s); !errors.Is(err, signing.ErrToken) {
			t.Errorf("OpenAccess(%q) = %v, want ErrToken", s, err)
		}
		if _, err := i.VerifyUserinfo(t.Context(), s); !errors.Is(err, signing.ErrToken) {
			t.Errorf("VerifyUserinfo(%q) = %v, want ErrToken", s, err)
		}
	}
	t.Run("cut short at any byte, from either end", func(t *testing.T) {
		for n := range token {
			refused(t, token[:n])
			if n > 0 {
				refused(t, token[n:])
			}
		}
	})
	t.Run("extended, with anything anywhere", func(t *testing.T) {
		for n := range len(token) + 1 {
			for _, c := range []string{"A", "=", "\n", "\r", " ", ".", "\x00", "AAAA"} {
				refused(t, token[:n]+c+token[n:])
			}
		}
		refused(t, token+token)
		refused(t, token+strings.Repeat("A", 10<<20))
	})
	t.Run("changed in any byte", func(t *testing.T) {
		for n := range token {
			for _, c := range []byte("Aa0-_+/") {
				if token[n] != c {
					refused(t, token[:n]+string(c)+token[n+1:])
				}
			}
		}
	})
	t.Run("over when its time is", func(t *testing.T) {
		later := newIssuer()
		later.Now = func() time.Time { return testNow.Add(24 * time.Hour) }
		if _, err := later.OpenAccess(token); !errors.Is(err, signing.ErrExpired) {
			t.Errorf("OpenAccess = %v, want ErrExpired", err)
		}
	})
	t.Run("sealed for another place or purpose", func(t *testing.T) {
		refused(t, encode(i.Secrets.Seal(secret.Opaque, []byte{1}, "elsewhere")))
		refused(t, encode(i.Secrets.Seal(secret.AtRest, []byte{1}, opaquePlace)))
	})
	t.Run("sealed by us, but not an access token", func(t *testing.T) {
		for _, plain := range []string{
			"", "\x01", strings.Repeat("\x01", 17), "\x01" + strings.Repeat("\x00", 16) + "\x00\x00\x00\x05a",
			"\x01" + strings.Repeat("\x00", 16) + "\x00\x00\x00\x00\x00", "\x01" + strings.Repeat("\x00", 16) + strings.Repeat("\xff", 12),
			"\x02" + strings.Repeat("\x00", 20),
		} {
			refused(t, encode(i.Secrets.Seal(secret.Opaque, []byte(plain), opaquePlace)))
		}
	})
}
