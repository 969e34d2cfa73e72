package mgmtapi_test

import (
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/tenant"
)

func TestUsersAreMadeChangedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		sms := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		sv.must(201, "POST /api/v2/connections", `{"name":"post","strategy":"email"}`)

		t.Run("by number, with an id of their own", func(t *testing.T) {
			a := sv.ask("scopes.create-users", "POST /api/v2/users", `{"connection":"sms","phone_number":"+14258831929","phone_verified":true,"user_id":"560ebaeef609ee1adaa7c551","user_metadata":{"color":"blue"},"app_metadata":{"roles":["AppAdmin"]}}`)
			at := text(sv.must(200, "GET /api/v2/users/sms%7C560ebaeef609ee1adaa7c551", "")["created_at"])
			sv.wants(a, 201, `{"created_at":"`+at+`","identities":[{"connection":"sms","user_id":"560ebaeef609ee1adaa7c551","provider":"sms","isSocial":false}],"name":"+14258831929","phone_number":"+14258831929","phone_verified":true,"updated_at":"`+at+`","user_id":"sms|560ebaeef609ee1adaa7c551","user_metadata":{"color":"blue"},"app_metadata":{"roles":["AppAdmin"]},"logins_count":0}`)
		})
		t.Run("by address, which is kept in lower case", func(t *testing.T) {
			v := sv.must(201, "POST /api/v2/users", `{"connection":"post","email":"Jo@Example.com","given_name":"Jo","blocked":true,"verify_email":false}`)
			id := text(v["user_id"])
			if v["email"] != "jo@example.com" || v["email_verified"] != false || v["nickname"] != "jo" || v["given_name"] != "Jo" ||
				v["blocked"] != true || !strings.HasPrefix(id, "email|") || len(id) != len("email|")+24 {
				t.Errorf("%v", v)
			}
			// What the profile has of the address follows it; the rest stays.
			v = sv.must(200, "PATCH /api/v2/users/"+escape(id), `{"connection":"post","email":"JO2@example.com","email_verified":true,"client_id":"x","blocked":false,"given_name":null}`)
			if v["email"] != "jo2@example.com" || v["email_verified"] != true || v["name"] != "jo2@example.com" || v["nickname"] != "jo2" || v["given_name"] != nil || v["blocked"] != nil {
				t.Errorf("%v", v)
			}
			if a := sv.ask(everything, "GET /api/v2/users-by-email?email=jo@example.com", ""); a.body != "[]" {
				t.Errorf("the old address is somebody's: %s", a.body)
			}
			for typ, want := range map[string]string{"sce": "1", "scpn": "0"} {
				if n := sv.value(`SELECT COUNT(*) FROM logs WHERE type = $1`, typ); n != want {
					t.Errorf("%s events of type %s", n, typ)
				}
			}
		})
		const path = "/api/v2/users/sms%7C560ebaeef609ee1adaa7c551"
		t.Run("metadata are merged at the first level", func(t *testing.T) {
			for _, step := range []struct{ body, want string }{
				{`{"user_metadata":{"a":{"b":1},"size":9}}`, `"user_metadata":{"a":{"b":1},"color":"blue","size":9}`},
				{`{"user_metadata":{"a":{"c":2},"color":null}}`, `"user_metadata":{"a":{"c":2},"size":9}`},
				{`{"name":"Kim"}`, `"user_metadata":{"a":{"c":2},"size":9},"app_metadata":{"roles":["AppAdmin"]}`},
			} {
				if a := sv.ask("scopes.update-users", "PATCH "+path, step.body); a.status != 200 || !strings.Contains(a.body, step.want) {
					t.Errorf("%s: %d %s", step.body, a.status, a.body)
				}
			}
			v := sv.must(200, "PATCH "+path, `{"user_metadata":{}}`)
			if v["user_metadata"] != nil || v["app_metadata"] == nil || v["name"] != "Kim" {
				t.Errorf("%v", v)
			}
		})
		t.Run("with the scope for app_metadata only that", func(t *testing.T) {
			const token = "scopes.update-users_app_metadata"
			if a := sv.ask(token, "PATCH "+path, `{"app_metadata":{"x":1}}`); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
			sv.wants(sv.ask(token, "PATCH "+path, `{"app_metadata":{"x":1},"blocked":true}`), 403,
				`{"statusCode":403,"error":"Forbidden","message":"Insufficient scope, expected any of: update:users","errorCode":"insufficient_scope"}`)
		})
		t.Run("of a number that is somebody's", func(t *testing.T) {
			const taken = `{"statusCode":409,"error":"Conflict","message":"The user already exists.","errorCode":"auth0_idp_error"}`
			sv.must(201, "POST /api/v2/users", `{"connection":"sms","phone_number":"+15550107","user_id":"x"}`)
			app := text(sv.must(201, "POST /api/v2/clients", `{"name":"A"}`)["client_id"])
			sv.must(201, "POST /api/doorcode/v1/test-identities", `{"connection":"sms","phone_number":"+15550109","code":"493817","clients":["`+app+`"]}`)
			test := ""
			for _, u := range sv.must(200, "GET /api/v2/users?include_totals=true&q="+escape(`phone_number:"+15550109"`), "")["users"].([]any) {
				test = text(u.(map[string]any)["user_id"])
			}
			for _, request := range [][2]string{
				{"POST /api/v2/users", `{"connection":"sms","phone_number":"+15550107"}`},
				{"POST /api/v2/users", `{"connection":"sms","phone_number":"+15550107","user_id":"y"}`},
				{"POST /api/v2/users", `{"connection":"sms","phone_number":"+15550108","user_id":"x"}`},
				{"POST /api/v2/users", `{"connection":"sms","phone_number":"+15550109"}`},
				{"PATCH " + path, `{"phone_number":"+15550107"}`},
				{"PATCH " + path, `{"connection":"sms","phone_number":"+15550109"}`},
			} {
				sv.wants(sv.ask(everything, request[0], request[1]), 409, taken)
			}
			if a := sv.ask(everything, "PATCH /api/v2/users/"+escape(test), `{"phone_number":"+15550110"}`); a.status != 400 || !strings.Contains(a.body, "test identity") {
				t.Errorf("a test identity's number: %d %s", a.status, a.body)
			}
		})
		t.Run("what is given by a sign-in is gone with the user", func(t *testing.T) {
			person(t, sv, "sms|person", identity{sms, "sms", "person", "+15550111"})
			if a := sv.ask("scopes.delete-users", "DELETE /api/v2/users/sms%7Cperson", ""); a.status != 204 || a.body != "" {
				t.Errorf("%d %s", a.status, a.body)
			}
			if n := sv.value(`SELECT COUNT(*) FROM grants WHERE user_id = 'sms|person'`); n != "0" {
				t.Errorf("%s grants are left", n)
			}
			sv.wants(sv.ask(everything, "GET /api/v2/users/sms%7Cperson", ""), 404,
				`{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`)
			sv.must(204, "DELETE /api/v2/users/sms%7Cperson", "") // there is none
			if n := sv.value(`SELECT COUNT(*) FROM logs WHERE type = 'sdu'`); n != "1" {
				t.Errorf("%s deletions in the log", n)
			}
		})
		sv.wants(sv.ask(everything, "PATCH /api/v2/users/nobody", `{"name":"x"}`), 404,
			`{"statusCode":404,"error":"Not Found","message":"The user does not exist.","errorCode":"inexistent_user"}`)
		// LOG-01: the numbers and addresses of people are in no entry.
		if n := sv.value(`SELECT COUNT(*) FROM logs WHERE type IN ('sapi', 'sdu', 'sce', 'scpn') AND (doc LIKE '%1555%' OR doc LIKE '%1425%' OR doc LIKE '%jo@%' OR doc LIKE '%jo2@%')`); n != "0" {
			t.Errorf("%s log entries name a person", n)
		}
	})
}

// value is the only value that a query finds.
func (sv *server) value(query string, args ...any) string {
	sv.t.Helper()
	var s string
	if err := sv.db.QueryRowContext(sv.t.Context(), query, args...).Scan(&s); err != nil {
		sv.t.Fatal(err)
	}
	return s
}

func TestUserBodiesThatAreRefused(t *testing.T) {
	sv := one(t)
	sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms","options":{"doorcode":{"numbers":"valid"}}}`)
	sv.must(201, "POST /api/v2/connections", `{"name":"post","strategy":"email"}`)
	sv.must(201, "POST /api/v2/users", `{"connection":"sms","phone_number":"+14258831929","user_id":"x"}`)
	long := strings.Repeat("x", 301)
	for body, message := range map[string]string{
		`{}`: "Missing required property: connection",
		`{"connection":"nobody","email":"a@b.example"}`:                            "The connection does not exist.",
		`{"connection":"sms"}`:                                                     "Missing required property: phone_number",
		`{"connection":"post"}`:                                                    "Missing required property: email",
		`{"connection":"sms","phone_number":"07700900123"}`:                        `String does not match pattern ^\\+[0-9]{1,15}$`,
		`{"connection":"sms","phone_number":"+1"}`:                                 "on property phone_number",
		`{"connection":"sms","phone_number":null}`:                                 "Expected type string but found type null",
		`{"connection":"sms","phone_number":"+14258831928","email":"a@b.example"}`: "on property email",
		`{"connection":"sms","phone_number":"+14258831928","email_verified":true}`: "on property email_verified",
		`{"connection":"post","email":"a@b.example","phone_verified":true}`:        "on property phone_verified",
		`{"connection":"post","email":"no address"}`:                               "format email",
		`{"connection":"post","email":"a@b.example","password":"x"}`:               "on property password",
		`{"connection":"post","email":"a@b.example","username":"x"}`:               "on property username",
		`{"connection":"post","email":"a@b.example","verify_email":true}`:          "on property verify_email",
		`{"connection":"post","email":"a@b.example","user_id":"a b"}`:              "on property user_id",
		`{"connection":"post","email":"a@b.example","user_id":"a\u0001b"}`:         "on property user_id",
		`{"connection":"post","email":"a@b.example","name":"` + long + `"}`:        "String is too long (301 chars), maximum 300",
		`{"connection":"post","email":"a@b.example","given_name":""}`:              "String is too short (0 chars), minimum 1",
		`{"connection":"post","email":"a@b.example","picture":"javascript:x"}`:     "format strict-uri",
		`{"connection":"post","email":"a@b.example","user_metadata":[]}`:           "Expected type object but found type array",
		`{"connection":"post","email":"a@b.example","blocked":"true"}`:             "Expected type boolean but found type string",
		`{"connection":"post","email":"a@b.example","shoe_size":9}`:                "Additional properties not allowed: shoe_size",
	} {
		a := sv.ask(everything, "POST /api/v2/users", body)
		if a.status != 400 || !strings.Contains(a.body, message) || !strings.Contains(a.body, `"errorCode":"invalid_body"`) {
			t.Errorf("%s answered %d %s", body, a.status, a.body)
		}
	}
	for body, message := range map[string]string{
		`{}`:                      "Too few properties defined (0), minimum 1",
		`{"user_id":"y"}`:         "Additional properties not allowed: user_id",
		`{"phone_number":null}`:   "Expected type string but found type null",
		`{"email":"a@b.example"}`: "on property email",
		`{"connection":"post","email":"a@b.example"}`: "on property connection",
		`{"connection":"sms","email_verified":true}`:  "on property email_verified",
		`{"verify_phone_number":true}`:                "on property verify_phone_number",
		`{"user_metadata":null}`:                      "Expected type object but found type null",
	} {
		a := sv.ask(everything, "PATCH /api/v2/users/sms%7Cx", body)
		if a.status != 400 || !strings.Contains(a.body, message) {
			t.Errorf("%.80s answered %d %.300s", body, a.status, a.body)
		}
	}
	// Changes that are small enough do not add up without end.
	half := `":"` + strings.Repeat("x", 600<<10) + `"}}`
	sv.must(200, "PATCH /api/v2/users/sms%7Cx", `{"user_metadata":{"a`+half)
	if a := sv.ask(everything, "PATCH /api/v2/users/sms%7Cx", `{"user_metadata":{"b`+half); a.status != 400 || !strings.Contains(a.body, "would be too large") {
		t.Errorf("%d %.300s", a.status, a.body)
	}
	if list := sv.ask(everything, "GET /api/v2/users?fields=user_id", ""); list.body != `[{"user_id":"sms|x"}]` {
		t.Errorf("something was written: %s", list.body)
	}
}

// hostileAddresses are sixty addresses with schemes that run in a page or lead
// into the machine.
func hostileAddresses() []string {
	var list []string
	for _, scheme := range []string{"javascript", "data", "vbscript", "file", "blob"} {
		mixed := []byte(scheme)
		for i := 0; i < len(mixed); i += 2 {
			mixed[i] -= 'a' - 'A'
		}
		for _, s := range []string{scheme, strings.ToUpper(scheme), string(mixed), strings.ToUpper(scheme[:1]) + scheme[1:]} {
			list = append(list, s+":alert(1)", s+"://app.example.com/cb", s+":https://app.example.com/cb")
		}
	}
	return list
}

// OAU-02: such addresses are refused wherever an application may have one, when
// it is made and when it is changed. Package manage has the test of the file.
func TestOAU02AddressesOfApplications(t *testing.T) {
	sv := one(t)
	app := text(sv.must(201, "POST /api/v2/clients", `{"name":"A"}`)["client_id"])
	vectors := hostileAddresses()
	if len(vectors) != 60 {
		t.Fatalf("%d vectors", len(vectors))
	}
	for _, address := range vectors {
		for _, name := range []string{"callbacks", "allowed_logout_urls", "web_origins", "allowed_origins", "initiate_login_uri", "logo_uri"} {
			member := `"` + name + `":["` + address + `"]`
			if strings.HasSuffix(name, "_uri") {
				member = `"` + name + `":"` + address + `"`
			}
			for request, body := range map[string]string{
				"POST /api/v2/clients":         `{"name":"B",` + member + `}`,
				"PATCH /api/v2/clients/" + app: `{` + member + `}`,
			} {
				a := sv.ask(everything, request, body)
				if a.status != 400 || !strings.Contains(a.body, "didn't pass validation for format") {
					t.Errorf("%s %s answered %d %s", request, body, a.status, a.body)
				}
			}
		}
	}
	if list := sv.ask(everything, "GET /api/v2/clients?fields=client_id", ""); strings.Count(list.body, `"client_id"`) != 1 {
		t.Errorf("something was written: %s", list.body)
	}
	c, err := sv.store.Client(t.Context(), tenant.ClientID(app))
	if err != nil || len(c.Callbacks) != 0 || strings.Contains(strings.ToLower(string(c.Doc)), "alert(1)") {
		t.Errorf("the application has %v, %v", c.Callbacks, err)
	}
}
