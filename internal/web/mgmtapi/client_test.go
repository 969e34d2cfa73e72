package mgmtapi_test

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

func TestLifeOfAnApplication(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		conn := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		created := sv.must(201, "POST /api/v2/clients", `{"name":"App","app_type":"regular_web","callbacks":["https://app.example/cb"],"mobile":{"ios":{"team_id":"x"}}}`)
		id, secret := text(created["client_id"]), text(created["client_secret"])
		if !regexp.MustCompile(`^[A-Za-z0-9]{32}$`).MatchString(id) || !regexp.MustCompile(`^[A-Za-z0-9]{64}$`).MatchString(secret) {
			t.Errorf("id %q, secret %q", id, secret)
		}
		if created["tenant"] != "doorcode" || created["global"] != false || created["oidc_conformant"] != false {
			t.Errorf("created %v", created)
		}
		t.Run("it may use every connection", func(t *testing.T) {
			c, err := sv.store.ConnectionByID(t.Context(), tenant.ConnectionID(conn))
			if err != nil || !c.Admits(tenant.ClientID(id)) {
				t.Errorf("%+v, %v", c, err)
			}
		})
		t.Run("the stored one has its secret, and the table has not", func(t *testing.T) {
			var sealed []byte
			if err := sv.db.QueryRowContext(t.Context(), `SELECT secret FROM clients WHERE id = $1`, id).Scan(&sealed); err != nil || len(sealed) < 64 || strings.Contains(string(sealed), secret) {
				t.Errorf("the column has %q, %v", sealed, err)
			}
			c, err := sv.store.Client(t.Context(), tenant.ClientID(id))
			if err != nil || c.Secret != secret || c.SaysLegacy {
				t.Errorf("%+v, %v", c, err)
			}
			if strings.Contains(string(c.Doc), secret) {
				t.Error("the secret is in the document")
			}
		})
		t.Run("secrets are for those who may read keys", func(t *testing.T) {
			for token, shown := range map[string]bool{"scopes.read-clients": false, "scopes.read-client_summary": false, "scopes.read-client_keys": true, everything: true} {
				for _, request := range []string{"GET /api/v2/clients/" + id, "GET /api/v2/clients"} {
					if a := sv.ask(token, request, ""); a.status != 200 || strings.Contains(a.body, secret) != shown {
						t.Errorf("%s with %s answered %d %s", request, token, a.status, a.body)
					}
				}
			}
			if a := sv.ask("scopes.create-clients", "POST /api/v2/clients", `{"name":"B","client_secret":"canary-own-secret"}`); a.status != 201 || strings.Contains(a.body, "client_secret") {
				t.Errorf("creating without read:client_keys answered %d %s", a.status, a.body)
			}
		})
		t.Run("a summary is a summary", func(t *testing.T) {
			sv.wants(sv.ask("scopes.read-client_summary", "GET /api/v2/clients/"+id, ""), 200,
				`{"tenant":"doorcode","name":"App","app_type":"regular_web","client_id":"`+id+`"}`)
		})
		t.Run("a change merges, and keys are not members", func(t *testing.T) {
			got := sv.must(200, "PATCH /api/v2/clients/"+id, `{"description":"d","token_endpoint_auth_method":"none"}`)
			if got["description"] != "d" || got["name"] != "App" || got["client_secret"] != secret {
				t.Errorf("changed %v", got)
			}
			for token, body := range map[string]string{"scopes.update-clients": `{"client_secret":"x"}`, "scopes.update-client_keys": `{"name":"x"}`} {
				if a := sv.ask(token, "PATCH /api/v2/clients/"+id, body); a.status != 403 {
					t.Errorf("%s with %s answered %d %s", body, token, a.status, a.body)
				}
			}
			sv.must(200, "PATCH /api/v2/clients/"+id, `{"client_secret":"canary-new-secret"}`)
			if c, err := sv.store.Client(t.Context(), tenant.ClientID(id)); err != nil || c.Secret != "canary-new-secret" || !c.Public() {
				t.Errorf("%+v, %v", c, err)
			}
		})
		t.Run("rotating makes a new secret", func(t *testing.T) {
			a := sv.ask("scopes.update-client_keys", "POST /api/v2/clients/"+id+"/rotate-secret", "")
			var v map[string]any
			if err := json.Unmarshal([]byte(a.body), &v); err != nil || a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
			c, err := sv.store.Client(t.Context(), tenant.ClientID(id))
			if err != nil || len(c.Secret) != 64 || c.Secret != v["client_secret"] || c.Secret == secret {
				t.Errorf("%+v, %v", c, err)
			}
		})
		t.Run("deleting it twice is 204", func(t *testing.T) {
			sv.must(204, "DELETE /api/v2/clients/"+id, "")
			sv.must(204, "DELETE /api/v2/clients/"+id, "")
			gone := `{"statusCode":404,"error":"Not Found","message":"The client does not exist","errorCode":"inexistent_client"}`
			sv.wants(sv.ask(everything, "GET /api/v2/clients/"+id, ""), 404, gone)
			sv.wants(sv.ask(everything, "PATCH /api/v2/clients/"+id, `{"name":"x"}`), 404, gone)
			sv.wants(sv.ask(everything, "POST /api/v2/clients/"+id+"/rotate-secret", ``), 404, gone)
			if c, err := sv.store.Connection(t.Context(), "sms"); err != nil || c.Admits(tenant.ClientID(id)) {
				t.Errorf("its connection still admits it: %+v, %v", c, err)
			}
		})
		t.Run("no secret is in the log", func(t *testing.T) {
			a := sv.ask(everything, "GET /api/v2/logs?per_page=100", "")
			if strings.Contains(a.body, "canary") || strings.Contains(a.body, secret) || !strings.Contains(a.body, "Rotate a client secret") {
				t.Errorf("%s", a.body)
			}
		})
	})
}

func TestListsOfApplications(t *testing.T) {
	sv := one(t)
	for _, body := range []string{`{"name":"a","app_type":"spa"}`, `{"name":"b","app_type":"native","is_first_party":false}`, `{"name":"c"}`} {
		sv.must(201, "POST /api/v2/clients", body)
	}
	for query, want := range map[string]string{
		"":                         `["a","b","c"]`,
		"app_type=spa,native":      `["a","b"]`,
		"is_first_party=true":      `["a","c"]`,
		"is_global=true":           `[]`,
		"is_global=false":          `["a","b","c"]`,
		"page=1&per_page=2":        `["c"]`,
		"take=1":                   `["a"]`,
		"fields=name&per_page=100": `["a","b","c"]`,
	} {
		a := sv.ask("scopes.read-clients", "GET /api/v2/clients?"+query, "")
		got := []string{}
		for _, m := range regexp.MustCompile(`"name":"(.)"`).FindAllStringSubmatch(a.body, -1) {
			got = append(got, m[1])
		}
		if b, _ := json.Marshal(got); string(b) != want {
			t.Errorf("%s lists %s, want %s", query, b, want)
		}
	}
	a := sv.ask("scopes.read-clients", "GET /api/v2/clients?fields=client_id&include_totals=true&per_page=1", "")
	if !regexp.MustCompile(`^{"start":0,"limit":1,"total":3,"clients":\[{"tenant":"doorcode","client_id":"\w{32}"}\]}$`).MatchString(a.body) {
		t.Errorf("%s", a.body)
	}
}

// Deleting an application or a connection takes with it what nobody can use.
func TestDeletingEndsWhatWasGranted(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		app := tenant.ClientID(text(sv.must(201, "POST /api/v2/clients", `{"name":"A"}`)["client_id"]))
		sms := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		mail := text(sv.must(201, "POST /api/v2/connections", `{"name":"email","strategy":"email"}`)["id"])
		sv.must(201, "POST /api/v2/resource-servers", `{"identifier":"https://api/"}`)
		sv.must(201, "POST /api/v2/client-grants", `{"client_id":"`+string(app)+`","audience":"https://api/","scope":["read:x"]}`)
		// One who can only be reached by SMS, and one by both.
		person(t, sv, "sms|1", identity{sms, "sms", "1", "+15550001"})
		person(t, sv, "sms|2", identity{sms, "sms", "2", "+15550002"}, identity{mail, "email", "9", "two@example.com"})
		both := sv.ask(everything, "GET /api/v2/users/sms%7C2?fields=identities", "")
		sv.wants(both, 200, `{"identities":[{"connection":"sms","user_id":"2","provider":"sms","isSocial":false},{"connection":"email","user_id":"9","provider":"email","isSocial":false,"profileData":{"email":"two@example.com","name":"two@example.com"}}]}`)
		sv.must(202, "DELETE /api/v2/connections/"+sms, "")
		sv.wants(sv.ask(everything, "GET /api/v2/users/sms%7C1", ""), 404, `{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`)
		if a := sv.ask(everything, "GET /api/v2/users/sms%7C2", ""); a.status != 200 || strings.Count(a.body, `"provider"`) != 1 {
			t.Errorf("the other user: %d %s", a.status, a.body)
		}
		if _, _, err := sv.store.GrantUser(t.Context(), "grant-sms|1"); !fault.Has(err, fault.NotFound) {
			t.Errorf("a grant of the deleted user holds: %v", err)
		}
		if _, _, err := sv.store.GrantUser(t.Context(), "grant-sms|2"); err != nil {
			t.Errorf("the grant of the other user: %v", err)
		}
		sv.must(204, "DELETE /api/v2/clients/the-client", "")
		if _, _, err := sv.store.GrantUser(t.Context(), "grant-sms|2"); err != nil {
			t.Errorf("deleting nothing ended a grant: %v", err)
		}
		sv.must(204, "DELETE /api/v2/clients/"+string(app), "")
		if _, err := sv.store.ClientGrant(t.Context(), app, "https://api/"); !fault.Has(err, fault.NotFound) {
			t.Errorf("its client grant is still there: %v", err)
		}
	})
}

func TestAPIsGrantsAndSettings(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		app := text(sv.must(201, "POST /api/v2/clients", `{"name":"A"}`)["client_id"])
		api := sv.must(201, "POST /api/v2/resource-servers", `{"name":"API","identifier":"https://api.example.com/","scopes":[{"value":"create:bar","description":"d"}]}`)
		if api["signing_alg"] != "RS256" || api["token_lifetime"] != 86400.0 || api["allow_offline_access"] != false {
			t.Errorf("%v", api)
		}
		for _, id := range []string{text(api["id"]), "https:%2F%2Fapi.example.com%2F"} {
			if got := sv.must(200, "GET /api/v2/resource-servers/"+id, ""); got["id"] != api["id"] {
				t.Errorf("%s: %v", id, got)
			}
		}
		sv.wants(sv.ask(everything, "GET /api/v2/resource-servers/this-resource-server-does-not-exist", ""), 404,
			`{"statusCode":404,"error":"Not Found","message":"The resource server does not exist","errorCode":"inexistent_resource_server"}`)
		for _, identifier := range []string{"https://api.example.com/", "http://localhost:8787/api/v2/", "management"} {
			if a := sv.ask(everything, "POST /api/v2/resource-servers", `{"identifier":"`+identifier+`"}`); a.status != 409 {
				t.Errorf("%s answered %d %s", identifier, a.status, a.body)
			}
		}
		grant := sv.must(201, "POST /api/v2/client-grants", `{"client_id":"`+app+`","audience":"https://localhost:8787/api/v2/","scope":["read:users","read:users","read:connections_secrets"]}`)
		want := `{"id":"` + text(grant["id"]) + `","client_id":"` + app + `","audience":"http://localhost:8787/api/v2/","scope":["read:users","read:connections_secrets"],"subject_type":"client"}`
		sv.wants(sv.ask(everything, "GET /api/v2/client-grants/"+text(grant["id"]), ""), 200, want)
		sv.wants(sv.ask(everything, "GET /api/v2/client-grants?client_id="+app+"&audience=https://localhost:8787/api/v2/&include_totals=true", ""), 200,
			`{"start":0,"limit":50,"total":1,"client_grants":[`+want+`]}`)
		sv.wants(sv.ask(everything, "GET /api/v2/client-grants?client_id=nobody", ""), 200, `[]`)
		sv.wants(sv.ask(everything, "GET /api/v2/client-grants/cgr_x", ""), 404, `{"statusCode":404,"error":"Not Found","message":"The grant does not exist.","errorCode":"inexistent_client_grant"}`)
		for body, status := range map[string]int{
			`{"client_id":"` + app + `","audience":"http://localhost:8787/api/v2/","scope":[]}`: 409,
			`{"client_id":"nobody","audience":"https://api.example.com/","scope":[]}`:           404,
			`{"client_id":"` + app + `","audience":"https://nowhere/","scope":[]}`:              400,
			`{"client_id":"` + app + `"}`: 400,
		} {
			if a := sv.ask(everything, "POST /api/v2/client-grants", body); a.status != status {
				t.Errorf("%s answered %d %s, want %d", body, a.status, a.body, status)
			}
		}
		if g, err := sv.store.ClientGrant(context.Background(), tenant.ClientID(app), "management"); err != nil || len(g.Scopes) != 2 {
			t.Errorf("%v, %v", g, err)
		}
		set := sv.must(200, "GET /api/v2/tenants/settings", "")
		if flags, _ := set["flags"].(map[string]any); flags["enforce_client_authentication_on_passwordless_start"] != true {
			t.Errorf("%v", set)
		}
	})
}
