package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func TestClaims(t *testing.T) {
	bare := &tenant.User{ID: "sms|1"}
	const sub = `{"sub":"email|58fa3bd1c7eae3e1b2a6b1c2"`
	const profile = `,"nickname":"jo","name":"jo@example.com","picture":"https://s.gravatar.com/avatar/0","updated_at":`
	legacy := Form{Attributes: true}
	tests := []struct {
		name, scope string
		user        *tenant.User
		form        Form
		want        string
	}{
		{"openid alone", "openid", testUser(), Form{}, sub + `}`},
		{"profile", "openid profile", testUser(), Form{}, sub + profile + `"2026-06-14T21:36:26.399Z"}`},
		{"profile in the standard's form", "openid profile", testUser(), Form{Strict: true}, sub + profile + `1781472986}`},
		{"email", "openid email", testUser(), Form{}, sub + `,"email":"jo@example.com","email_verified":true}`},
		{"phone", "openid phone", testUser(), Form{}, sub + `,"phone_number":"+15550100","phone_number_verified":true}`},
		{"nothing is known", "openid profile email phone address", bare, Form{}, `{"sub":"sms|1"}`},
		{"attributes without the legacy pipeline", "openid favorite_color nickname", testUser(), Form{}, sub + `}`},
		{"an attribute of user_metadata", "openid favorite_color", testUser(), legacy, sub + `,"favorite_color":"blue"}`},
		{"an attribute of the profile", "openid nickname created_at", testUser(), legacy, sub + `,"nickname":"jo","created_at":"2026-11-22T11:00:00.000Z"}`},
		{"an attribute of app_metadata", "openid plan app_metadata user_metadata", testUser(), legacy, sub + `}`},
		{"an attribute that a scope covers", "openid email email_verified", testUser(), legacy, sub + `,"email":"jo@example.com","email_verified":true}`},
		{"nobody verifies themselves", "openid email_verified phone_verified", &tenant.User{
			ID: "sms|1", UserMetadata: map[string]any{"email_verified": true, "phone_verified": true, "email": "x@y"},
		}, legacy, `{"sub":"sms|1"}`},
		{"identities", "openid identities", testUser(), legacy, sub +
			`,"identities":[{"connection":"email","isSocial":false,"provider":"email","user_id":"58fa3bd1c7eae3e1b2a6b1c2"}]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendClaims(nil, Claims(tt.user, oauth.ParseScopes(tt.scope), nil, tt.form))
			if err != nil || string(got) != tt.want {
				t.Errorf("claims are\n%s (%v), want\n%s", got, err, tt.want)
			}
		})
	}
}

// TOK-11: no attribute passes for a claim that the server gives a meaning.
func TestReservedClaims(t *testing.T) {
	names := strings.Fields(`acr act active amr at_hash ath attest aud auth_time authorization_details azp c_hash client_id
		cnf cty dest entitlements events exp groups gty htm htu iat internalService iss jcard jku jti jwe jwk kid may_act mky
		nbf nonce object_id org_id org_name orig origid permissions roles rph s_hash scope sid sip_callid sip_cseq_num sip_date
		sip_from_tag sip_via_branch sub sub_jwk toe txn typ uuid vot vtm x5t#S256`)
	user := &tenant.User{ID: "sms|1", UserMetadata: map[string]any{}}
	for _, n := range names {
		user.UserMetadata[n] = "mine"
	}
	got, err := AppendClaims(nil, Claims(user, oauth.ParseScopes(names...), nil, Form{Attributes: true}))
	if err != nil || string(got) != `{"sub":"sms|1"}` {
		t.Errorf("claims are %s (%v)", got, err)
	}
}

func TestAppendClaims(t *testing.T) {
	claims := []Claim{
		{"text", "a\"b\\c\x00\n\u2028é🔑"},
		{"bad", "a\xffb"},
		{"yes", true},
		{"n", int64(-5)},
		{"list", []string{"a", "<&>"}},
		{"empty", []string{}},
		{"none", []string(nil)},
		{"null", nil},
		{"object", map[string]any{"a": []any{1.5, nil}}},
	}
	doc, err := AppendClaims(nil, claims)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	want := map[string]any{
		"text": "a\"b\\c\x00\n\u2028é🔑", "bad": "a\ufffdb", "yes": true, "n": -5.0, "list": []any{"a", "<&>"},
		"empty": []any{}, "none": []any{}, "null": nil, "object": map[string]any{"a": []any{1.5, nil}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := AppendClaims(nil, []Claim{{"x", func() {}}}); err == nil {
		t.Error("a function was written as JSON")
	}
}

// FuzzString holds our JSON strings against encoding/json.
func FuzzString(f *testing.F) {
	for _, s := range []string{"", "a", "\"\\/\b\f\n\r\t", "\x00\x1f\x7f", "é漢🔑", "\xff\xc3", "\u2028\u2029<>&", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		doc := appendString(nil, s)
		var got, want string
		if err := json.Unmarshal(doc, &got); err != nil {
			t.Fatalf("%q: %v", doc, err)
		}
		ref, _ := json.Marshal(s)
		if err := json.Unmarshal(ref, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%q is written %q and read %q, want %q", s, doc, got, want)
		}
	})
}

func BenchmarkIDClaims(b *testing.B) {
	m := minting{Request: person("openid profile email phone"), issuer: newIssuer(), now: testNow}
	m.scopes = oauth.ParseScopes(m.Scope)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.idDraft(""); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccessClaims(b *testing.B) {
	m := minting{Request: person("openid profile email phone"), issuer: newIssuer(), now: testNow}
	m.scopes = oauth.ParseScopes(m.Scope)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.accessDraft(time.Hour); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkIssue(b *testing.B) {
	for _, alg := range []string{"RS256", "ES256"} {
		for _, opaque := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/opaque=%v", alg, opaque), func(b *testing.B) {
				i, req := newIssuer(), person("openid profile email")
				req.Client.IDTokenAlg, req.API.SigningAlg = alg, alg
				if opaque {
					req.API = nil
				}
				b.ReportAllocs()
				for b.Loop() {
					mustIssue(b, i, req)
				}
			})
		}
	}
}

func BenchmarkOpenAccess(b *testing.B) {
	i, req := newIssuer(), person("openid profile")
	req.API = nil
	token := mustIssue(b, i, req).AccessToken
	b.ReportAllocs()
	for b.Loop() {
		if _, err := i.OpenAccess(token); err != nil {
			b.Fatal(err)
		}
	}
}
