package authapi_test

import (
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Roles and permissions decide what tokens for an API with policies say, and
// nothing else; what is taken away is missing from the next token.
func TestPermissionsInTokens(t *testing.T) {
	w := newWorld(t)
	const plain = "https://plain.example.test/"
	w.api(testAPI, map[string]any{
		"name": "Test API", "scopes": []map[string]string{{"value": "read", "description": "Read it"}, {"value": "write"}, {"value": "admin"}},
		"allow_offline_access": true, "enforce_policies": true, "token_dialect": "access_token_authz",
	})
	w.api(plain, map[string]any{"scopes": scopes("read", "write")})
	app := w.person(map[string]any{})
	ask := func(audience string) map[string]any {
		t.Helper()
		more := map[string]string{"audience": audience, "scope": "openid offline_access read write"}
		return w.signIn(app, number, more).want(t, 200)
	}
	says := func(got map[string]any, scope string, permissions ...any) {
		t.Helper()
		if permissions == nil {
			permissions = []any{}
		}
		c := claimsOf(t, got["access_token"].(string))
		if c["scope"] != scope {
			t.Errorf("scope %q, want %q", c["scope"], scope)
		}
		if diff := cmp.Diff(any(permissions), c["permissions"]); diff != "" {
			t.Errorf("permissions (-want +got):\n%s", diff)
		}
	}
	got := ask(testAPI)
	says(got, "openid offline_access")
	user := claimsOf(t, got["id_token"].(string))["sub"].(string)
	path := "/users/" + url.PathEscape(user)

	role := w.manage("POST", "/roles", map[string]any{"name": "Editor"}).want(t, 200)["id"].(string)
	if got := w.manage("POST", "/roles", map[string]any{"name": "Editor"}); got.status != 409 {
		t.Errorf("a second role of the name: %d %s", got.status, got.body)
	}
	one := func(names ...string) map[string]any {
		var list []map[string]string
		for _, n := range names {
			list = append(list, map[string]string{"resource_server_identifier": testAPI, "permission_name": n})
		}
		return map[string]any{"permissions": list}
	}
	w.manage("POST", "/roles/"+role+"/permissions", one("read", "none")).want(t, 400)
	w.manage("POST", "/roles/"+role+"/permissions", one("read", "admin")).want(t, 201)
	w.manage("POST", path+"/roles", map[string]any{"roles": []string{role}}).want(t, 204)
	w.manage("POST", path+"/roles", map[string]any{"roles": []string{"rol_none"}}).want(t, 404)
	w.manage("POST", path+"/permissions", one("write", "admin")).want(t, 201)
	got = ask(testAPI)
	says(got, "openid offline_access read write", "admin", "read", "write")
	refresh := got["refresh_token"].(string)

	held := w.manage("GET", path+"/permissions", nil)
	want := `[{"permission_name":"admin","description":"","resource_server_name":"Test API","resource_server_identifier":"https://api.example.test/","sources":[{"source_id":"","source_name":"","source_type":"DIRECT"},{"source_id":"` + role + `","source_name":"Editor","source_type":"ROLE"}]},` +
		`{"permission_name":"read","description":"Read it","resource_server_name":"Test API","resource_server_identifier":"https://api.example.test/","sources":[{"source_id":"` + role + `","source_name":"Editor","source_type":"ROLE"}]},` +
		`{"permission_name":"write","description":"","resource_server_name":"Test API","resource_server_identifier":"https://api.example.test/","sources":[{"source_id":"","source_name":"","source_type":"DIRECT"}]}]`
	if diff := cmp.Diff(want, trim(held.body)); diff != "" {
		t.Errorf("permissions of the user (-want +got):\n%s", diff)
	}

	w.manage("DELETE", path+"/permissions", one("write", "admin")).want(t, 204)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access read", "admin", "read")
	w.manage("DELETE", "/roles/"+role+"/permissions", one("admin")).want(t, 200)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access read", "read")
	// A scope that the API has no more is nobody's.
	w.manage("PATCH", "/resource-servers/"+url.PathEscape(testAPI), map[string]any{"scopes": scopes("write")}).want(t, 200)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access")
	w.manage("PATCH", "/resource-servers/"+url.PathEscape(testAPI), map[string]any{"scopes": scopes("read", "write")}).want(t, 200)
	w.manage("DELETE", path+"/roles", map[string]any{"roles": []string{role}}).want(t, 204)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access")
	w.manage("POST", "/roles/"+role+"/users", map[string]any{"users": []string{user}}).want(t, 200)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access read", "read")
	if got := w.manage("GET", "/roles/"+role+"/users?include_totals=true", nil).want(t, 200); got["total"] != 1.0 {
		t.Errorf("users of the role: %v", got)
	}
	w.manage("DELETE", "/roles/"+role, nil).want(t, 200)
	says(w.refresh(app, refresh, nil).want(t, 200), "openid offline_access")
	w.manage("GET", "/roles/"+role, nil).want(t, 404)

	c := claimsOf(t, ask(plain)["access_token"].(string))
	if _, ok := c["permissions"]; ok || c["scope"] != "openid read write" {
		t.Errorf("an API without policies: %v", c)
	}
}

func trim(s string) string {
	for len(s) > 0 && s[len(s)-1] == '\n' {
		s = s[:len(s)-1]
	}
	return s
}

// RFC 8707: resource is an audience where the tenant says so, and audience wins.
func TestResourceParameter(t *testing.T) {
	w := newWorld(t)
	const other = "https://other.example.test/"
	w.api(testAPI, map[string]any{})
	w.api(other, map[string]any{})
	id, secret := w.machine(testAPI, map[string]any{})
	w.manage("POST", "/client-grants", map[string]any{"client_id": id, "audience": other, "scope": []string{}}).want(t, 201)
	ask := func(more map[string]string) reply {
		return w.token(and(map[string]string{"grant_type": "client_credentials", "client_id": id, "client_secret": secret}, more))
	}
	if got := ask(map[string]string{"resource": testAPI}); got.status != 400 || got.code() != "invalid_request" {
		t.Errorf("resource is taken though the tenant does not say so: %d %s", got.status, got.body)
	}
	w.manage("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "compatibility"}).want(t, 200)
	if got := claimsOf(t, ask(map[string]string{"resource": testAPI}).want(t, 200)["access_token"].(string)); got["aud"] != testAPI {
		t.Errorf("aud %v", got["aud"])
	}
	if got := claimsOf(t, ask(map[string]string{"resource": testAPI, "audience": other}).want(t, 200)["access_token"].(string)); got["aud"] != other {
		t.Errorf("aud %v", got["aud"])
	}
	for _, bad := range []string{"api", "/relative", testAPI + "#part", "%"} {
		if got := ask(map[string]string{"resource": bad}); got.status != 400 || got.code() != "invalid_target" {
			t.Errorf("resource %q: %d %s", bad, got.status, got.body)
		}
	}
	w.manage("PATCH", "/tenants/settings", map[string]any{"resource_parameter_profile": "both"}).want(t, 400)
}
