package mgmtapi_test

import (
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/store/storetest"
)

const providerPath = " /api/v2/emails/provider"

const allFields = "?fields=name%2Cenabled%2Cdefault_from_address%2Ccredentials%2Csettings&include_fields=true"

// The exchanges are those that were recorded of Auth0.
func TestEmailProvider(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		none := `{"statusCode":404,"error":"Not Found","message":"There is not a configured email provider","errorCode":"inexistent_email_provider"}`
		for _, c := range []struct {
			name, request, body string
			status              int
			want                string
		}{
			{"none", "GET" + providerPath + allFields, "", 404, none},
			{"none to change", "PATCH" + providerPath, `{"enabled":true}`, 404, none},
			{"none to delete", "DELETE" + providerPath, "", 404, none},
			{
				"create", "POST" + providerPath, `{"name":"smtp","enabled":true,"default_from_address":"no-reply@example.com","credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"user","smtp_pass":"hunter2"}}`, 201,
				`{"name":"smtp","enabled":true,"default_from_address":"no-reply@example.com","credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"user"}}`,
			},
			{"create again", "POST" + providerPath, `{"name":"mandrill","credentials":{"api_key":"k"}}`, 409, `{"statusCode":409,"error":"Conflict","message":"Email provider is already configured.","errorCode":"conflict"}`},
			{"by default the name", "GET" + providerPath, "", 200, `{"name":"smtp","enabled":true}`},
			{"without some fields", "GET" + providerPath + "?fields=credentials&include_fields=false", "", 200, `{"name":"smtp","enabled":true,"default_from_address":"no-reply@example.com"}`},
			{
				"update without the password", "PATCH" + providerPath, `{"name":"smtp","enabled":false,"default_from_address":"info@example.com","credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"user"},"settings":{}}`, 200,
				`{"name":"smtp","enabled":false,"default_from_address":"info@example.com","credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"user"},"settings":{}}`,
			},
			{"read", "GET" + providerPath + allFields, "", 200, `{"name":"smtp","enabled":false,"default_from_address":"info@example.com","credentials":{"smtp_host":"smtp.example.com","smtp_port":587,"smtp_user":"user"},"settings":{}}`},
			{"to SES", "PATCH" + providerPath, `{"name":"ses","enabled":true,"default_from_address":"accounts@example.com","credentials":{"accessKeyId":"hunter2id","secretAccessKey":"hunter2","region":"us-east-1"},"settings":{"message":{"configuration_set_name":"example"}}}`, 200, `{"name":"ses","enabled":true,"default_from_address":"accounts@example.com","credentials":{"region":"us-east-1"},"settings":{"message":{"configuration_set_name":"example"}}}`},
			{"to Mandrill", "PATCH" + providerPath, `{"name":"mandrill","enabled":true,"default_from_address":"accounts@example.com","credentials":{"api_key":"hunter2"}}`, 200, `{"name":"mandrill","enabled":true,"default_from_address":"accounts@example.com","credentials":{}}`},
			{"as deploy-cli does", "PATCH" + providerPath, `{"name":"mandrill","default_from_address":"auth0-user@auth0.com","enabled":false}`, 200, `{"name":"mandrill","enabled":false,"default_from_address":"auth0-user@auth0.com","credentials":{}}`},
			{"to Azure", "PATCH" + providerPath, `{"name":"azure_cs","enabled":true,"default_from_address":"accounts@example.com","credentials":{"connectionString":"hunter2"}}`, 200, `{"name":"azure_cs","enabled":true,"default_from_address":"accounts@example.com","credentials":{}}`},
			{"to one's own", "PATCH" + providerPath, `{"name":"custom","credentials":{}}`, 200, `{"name":"custom","enabled":true,"default_from_address":"accounts@example.com","credentials":{}}`},
			{"delete", "DELETE" + providerPath, "", 204, ""},
			{"gone", "GET" + providerPath, "", 404, none},
		} {
			sv.wants(sv.ask(everything, c.request, c.body), c.status, c.want)
		}
		if a := sv.ask(everything, "GET"+providerPath+"?fields=smtp_pass", ""); a.status != 400 || !strings.Contains(a.body, "invalid_query_string") {
			t.Errorf("an unknown field: %d %s", a.status, a.body)
		}
		for request, scope := range map[string]string{"GET": "read", "POST": "create", "PATCH": "update", "DELETE": "delete"} {
			if a := sv.ask("scopes.read-tenant_settings", request+providerPath, `{}`); a.status != 403 || !strings.Contains(a.body, scope+":email_provider") {
				t.Errorf("%s without its scope: %d %s", request, a.status, a.body)
			}
		}
		if a := sv.ask(everything, "GET /api/v2/logs?per_page=100", ""); strings.Contains(a.body, "hunter2") || !strings.Contains(a.body, "Delete email provider") {
			t.Errorf("the log: %s", a.body)
		}
	})
}

// R2: credentials are for who has the scope for them, and reading them is in
// the log.
func TestEmailProviderSecrets(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		sv, db := serve(t, storetest.Open(t, address)), storetest.SQL(t, address)
		body := `{"name":"smtp","credentials":{"smtp_host":"h","smtp_user":"u","smtp_pass":"hunter2"}}`
		if a := sv.ask(everything, "POST"+providerPath, body); a.status != 201 {
			t.Fatal(a)
		}
		if a := sv.ask(everything, "GET"+providerPath+allFields, ""); strings.Contains(a.body, "hunter2") {
			t.Errorf("without the scope: %s", a.body)
		}
		a := sv.ask("all-and-secrets", "GET"+providerPath+allFields, "")
		sv.wants(a, 200, `{"name":"smtp","enabled":true,"credentials":{"smtp_host":"h","smtp_user":"u","smtp_pass":"hunter2"}}`)
		if a := sv.ask(everything, "GET /api/v2/logs", ""); !strings.Contains(a.body, `"Get email provider"`) {
			t.Errorf("the log: %s", a.body)
		}
		var doc string
		var sealed []byte
		if err := db.QueryRow(`SELECT doc, credentials FROM email_provider`).Scan(&doc, &sealed); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(doc+string(sealed), "hunter2") {
			t.Errorf("the table shows the password: %s %q", doc, sealed)
		}
		// Another process reads the same.
		p, err := storetest.Open(t, address).EmailProvider(t.Context())
		if err != nil || p.Secrets["smtp_pass"] != "hunter2" || p.Server.Host != "h" || p.Managed {
			t.Errorf("provider is %+v, %v", p, err)
		}
	})
}
