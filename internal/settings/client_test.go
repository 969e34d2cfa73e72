package settings

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

func decode(t *testing.T, doc []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(doc, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// Members of the recorded answers that we do not have, with the reason.
func notOurs() []string {
	return []string{
		"signing_keys",            // of SAML and WS-Federation, which are not served
		"cross_origin_auth",       // an old name of cross_origin_authentication
		"encrypted",               // an artefact of Auth0's storage
		"oidc_backchannel_logout", // an old name of oidc_logout
		"client_secret", "tenant", // not the same
	}
}

func TestApplicationsAreCreatedAsRecorded(t *testing.T) {
	for _, x := range exchanges(t, "clients.json") {
		t.Run(x.Source, func(t *testing.T) {
			want := decode(t, x.Response)
			id, _ := want["client_id"].(string)
			got, err := NewClient(tenant.ClientID(id), parse(t, string(x.Request.Body)))
			if err != nil {
				t.Fatal(err)
			}
			o, err := ClientAnswer(&got.Client, "t", "s")
			if err != nil {
				t.Fatal(err)
			}
			have := decode(t, o.Bytes())
			for name, value := range want {
				if slices.Contains(notOurs(), name) {
					continue
				}
				if diff := cmp.Diff(value, have[name]); diff != "" {
					t.Errorf("%s (-Auth0 +ours):\n%s", name, diff)
				}
			}
			for name, value := range decode(t, x.Request.Body) {
				if name == "refresh_token" {
					continue // completed
				}
				if diff := cmp.Diff(value, have[name]); diff != "" {
					t.Errorf("%s does not come back as sent:\n%s", name, diff)
				}
			}
		})
	}
}

func TestClientView(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       tenant.Client
	}{
		{
			"defaults", `{"name":"A"}`,
			tenant.Client{
				Name: "A", FirstParty: true, IDTokenAlg: "RS256", IDTokenLifetime: 10 * time.Hour,
				GrantTypes: []string{"authorization_code", "implicit", "refresh_token", "client_credentials"},
			},
		},
		{
			"a single-page application is public", `{"name":"A","app_type":"spa","grant_types":["x"],"oidc_conformant":true}`,
			tenant.Client{Name: "A", AppType: "spa", AuthMethod: "none", FirstParty: true, IDTokenAlg: "RS256", IDTokenLifetime: 10 * time.Hour, GrantTypes: []string{"x"}, SaysConformant: true},
		},
		{
			"legacy only when it says so", `{"name":"A","grant_types":[],"oidc_conformant":false,"is_first_party":false,"token_endpoint_auth_method":"none"}`,
			tenant.Client{Name: "A", AuthMethod: "none", IDTokenAlg: "RS256", SaysLegacy: true, IDTokenLifetime: 10 * time.Hour, GrantTypes: []string{}},
		},
		{
			"rotating refresh tokens that expire",
			`{"name":"A","grant_types":[],"refresh_token":{"rotation_type":"rotating","expiration_type":"expiring","leeway":3,"token_lifetime":100,"idle_token_lifetime":50},"jwt_configuration":{"alg":"HS256","lifetime_in_seconds":60},"is_token_endpoint_ip_header_trusted":true,"callbacks":["https://a.example/cb"],"web_origins":["https://b.example"],"allowed_origins":["https://c.example"]}`,
			tenant.Client{
				Name: "A", FirstParty: true, IDTokenAlg: "HS256", IDTokenLifetime: time.Minute, GrantTypes: []string{},
				Refresh:        tenant.RefreshPolicy{Rotating: true, Leeway: 3 * time.Second, Lifetime: 100 * time.Second, Idle: 50 * time.Second},
				TrustsIPHeader: true, Callbacks: []string{"https://a.example/cb"}, WebOrigins: []string{"https://b.example"}, AllowedOrigins: []string{"https://c.example"},
			},
		},
		{
			"one that proves itself by keys has no other way", `{"name":"A","grant_types":[],"client_authentication_methods":{"private_key_jwt":{"credentials":[]}}}`,
			tenant.Client{Name: "A", AuthMethod: "private_key_jwt", FirstParty: true, IDTokenAlg: "RS256", IDTokenLifetime: 10 * time.Hour, GrantTypes: []string{}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			change, err := NewClient("id", parse(t, c.body))
			if err != nil {
				t.Fatal(err)
			}
			got := change.Client
			got.Doc, c.want.ID = nil, "id"
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Client (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChangesOfApplications(t *testing.T) {
	created, err := NewClient("id", parse(t, `{"name":"A","description":"d","client_metadata":{"a":"1","b":"2"},"token_endpoint_auth_method":"client_secret_basic","jwt_configuration":{"alg":"RS256"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, body, member, want string }{
		{"a member is replaced", `{"description":"e"}`, "description", `"e"`},
		{"null removes", `{"token_endpoint_auth_method":null}`, "token_endpoint_auth_method", ``},
		{"metadata is merged", `{"client_metadata":{"a":null,"c":"3"}}`, "client_metadata", `{"b":"2","c":"3"}`},
		{"the JWT configuration is merged", `{"jwt_configuration":{"lifetime_in_seconds":60}}`, "jwt_configuration", `{"alg":"RS256","lifetime_in_seconds":60,"secret_encoded":false}`},
		{"keys take the place of the method", `{"client_authentication_methods":{"private_key_jwt":{"credentials":[]}}}`, "token_endpoint_auth_method", ``},
		{"a secret is not part of the document", `{"client_secret":"s3"}`, "client_secret", ``},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ChangeClient(&created.Client, parse(t, c.body))
			if err != nil {
				t.Fatal(err)
			}
			doc := parse(t, string(got.Client.Doc))
			if have := string(doc.Raw(c.member)); have != c.want {
				t.Errorf("%s is %s, want %s", c.member, have, c.want)
			}
		})
	}
	for _, body := range []string{
		`{}`, `{"client_id":"other"}`, `{"tenant":"x"}`, `{"global":true}`, `{"name":"<b>"}`, `{"name":""}`, `{"grant_types":"all"}`,
		`{"callbacks":["javascript:alert(1)"]}`, `{"callbacks":["no address"]}`, `{"logo_uri":"data:image/svg+xml,x"}`,
		`{"token_endpoint_auth_method":"private_key_jwt"}`, `{"app_type":"toaster"}`, `{"signing_keys":[]}`, `{"doorcode":{}}`,
		`{"initiate_login_uri":"http://a.example"}`, `{"is_first_party":"yes"}`, `{"jwt_configuration":{"alg":"none"}}`, `{"jwt_configuration":{"alg":"RS512"}}`,
		`{"refresh_token":{"rotation_type":"sometimes"}}`, `{"description":"` + strings.Repeat("d", 141) + `"}`,
	} {
		if _, err := ChangeClient(&created.Client, parse(t, body)); !fault.Has(err, fault.Invalid) {
			t.Errorf("ChangeClient(%s) = %v, want a refusal", body, err)
		}
	}
	for _, body := range []string{
		`{"callbacks":["https://*.example.com/cb","com.example.app://cb/x","http://localhost:3000/callback"]}`,
		`{"logo_uri":""}`, `{"allowed_logout_urls":["https://a.example"],"web_origins":[]}`,
	} {
		if _, err := ChangeClient(&created.Client, parse(t, body)); err != nil {
			t.Errorf("ChangeClient(%s) = %v", body, err)
		}
	}
}

func TestAPIsAndTenant(t *testing.T) {
	a, err := NewAPI("1", parse(t, `{"identifier":"https://api/","scopes":[{"value":"read:x","description":"d"},{"value":"read:x"}],"token_lifetime":60,"allow_offline_access":true,"token_dialect":"rfc9068_profile"}`))
	if err != nil {
		t.Fatal(err)
	}
	a.Doc = nil
	want := tenant.API{ID: "1", Identifier: "https://api/", Name: "https://api/", Scopes: []string{"read:x"}, SigningAlg: "RS256", TokenLifetime: time.Minute, WebTokenLifetime: 2 * time.Hour, AllowOfflineAccess: true, Profile: "rfc9068_profile"}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("API (-want +got):\n%s", diff)
	}
	for _, body := range []string{`{}`, `{"identifier":""}`, `{"identifier":"x","signing_alg":"HS256"}`, `{"identifier":"x","scopes":["a"]}`, `{"identifier":"x","is_system":true}`} {
		if _, err := NewAPI("1", parse(t, body)); !fault.Has(err, fault.Invalid) {
			t.Errorf("NewAPI(%s) = %v, want a refusal", body, err)
		}
	}
	fresh, err := Tenant([]byte(`{}`))
	if err != nil || !fresh.Flags.ClientAuthOnStart || !fresh.Flags.ClientConnections || fresh.Flags.StandardsStrict {
		t.Errorf("Tenant({}) = %+v, %v", fresh, err)
	}
	doc, err := ChangeTenant([]byte(`{"friendly_name":"A","flags":{"standards_strict":true}}`), parse(t, `{"support_url":"https://s","friendly_name":null,"flags":{"enable_client_connections":false}}`))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"flags":{"standards_strict":true,"enable_client_connections":false},"support_url":"https://s"}`; string(doc) != want {
		t.Errorf("ChangeTenant = %s, want %s", doc, want)
	}
}
