package mgmtapi_test

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestTestIdentities(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		sms := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		sv.must(201, "POST /api/v2/connections", `{"name":"email","strategy":"email"}`)
		app := text(sv.must(201, "POST /api/v2/clients", `{"name":"App"}`)["client_id"])

		made := sv.must(201, "POST /api/doorcode/v1/test-identities",
			`{"connection":"sms","phone_number":"+15005550006","clients":["`+app+`"],"note":"Review"}`)
		code, id := text(made["code"]), text(made["id"])
		if len(code) != 6 || !strings.HasPrefix(id, "tid_") || !strings.HasPrefix(text(made["user_id"]), "sms|") || made["active"] != true ||
			text(made["phone_number"]) != "+15005550006" || text(made["connection"]) != "sms" {
			t.Fatalf("the answer is %v", made)
		}
		created, err := time.Parse(time.RFC3339, text(made["created_at"]))
		ends, err2 := time.Parse(time.RFC3339, text(made["expires_at"]))
		if err != nil || err2 != nil || ends.Sub(created) != 30*24*time.Hour {
			t.Errorf("made %v, ends %v", made["created_at"], made["expires_at"])
		}
		second := sv.must(201, "POST /api/doorcode/v1/test-identities",
			`{"connection":"`+text(sv.must(200, "GET /api/v2/connections/"+sms, "")["id"])+`","phone_number":"+15005550007","code":"48291305","clients":["`+app+`"],"expires_at":"2026-06-01T00:00:00Z"}`)
		if text(second["code"]) != "48291305" {
			t.Errorf("the answer is %v", second)
		}

		// The code is told once, kept nowhere, and in no log.
		for _, path := range []string{"", "/" + id, "?take=1"} {
			if a := sv.ask("scopes.read-test_identities", "GET /api/doorcode/v1/test-identities"+path, ""); a.status != 200 || strings.Contains(a.body, `"code"`) {
				t.Errorf("%s: %d %s", path, a.status, a.body)
			}
		}
		for _, column := range []string{"logs.doc", "test_identities.clients", "test_identities.note"} {
			table, name, _ := strings.Cut(column, ".")
			var n int
			if err := sv.db.QueryRow(`SELECT COUNT(*) FROM `+table+` WHERE `+name+` LIKE $1 OR `+name+` LIKE $2`, "%"+code+"%", "%48291305%").Scan(&n); err != nil || n != 0 {
				t.Errorf("%s has a code in %d rows (%v)", column, n, err)
			}
		}

		one := sv.ask("scopes.read-test_identities", "GET /api/doorcode/v1/test-identities?take=1", "").body
		next := text(sv.must(200, "GET /api/doorcode/v1/test-identities?take=1", "")["next"])
		two := sv.ask("scopes.read-test_identities", "GET /api/doorcode/v1/test-identities?take=1&from="+next, "").body
		if !strings.Contains(one, id) || !strings.Contains(two, text(second["id"])) || strings.Contains(two, "next") {
			t.Errorf("pages %s and %s", one, two)
		}

		// Its user is there, and told apart.
		user := sv.must(200, "GET /api/v2/users/"+text(made["user_id"]), "")
		if own, _ := user["doorcode"].(map[string]any); own["test"] != true {
			t.Errorf("the user is %v", user)
		}
		sv.must(204, "DELETE /api/doorcode/v1/test-identities/"+id, "")
		sv.must(404, "GET /api/v2/users/"+text(made["user_id"]), "")
		sv.wants(sv.ask("all-and-secrets", "DELETE /api/doorcode/v1/test-identities/"+id, ""), 404,
			`{"statusCode":404,"error":"Not Found","message":"The test identity does not exist.","errorCode":"inexistent_test_identity"}`)

		// Deleting the connection takes them along.
		sv.must(202, "DELETE /api/v2/connections/"+sms, "")
		if list := sv.ask("all-and-secrets", "GET /api/doorcode/v1/test-identities", ""); list.body != `{"test_identities":[]}` {
			t.Errorf("after the connection is gone: %s", list.body)
		}
	})
}

func TestTestIdentitiesThatAreRefused(t *testing.T) {
	sv := one(t)
	sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms","options":{"name":"sms","totp":{"length":8,"time_step":180}}}`)
	sv.must(201, "POST /api/v2/connections", `{"name":"email","strategy":"email"}`)
	app := text(sv.must(201, "POST /api/v2/clients", `{"name":"App"}`)["client_id"])
	with := func(more string) string { return `{"clients":["` + app + `"],` + more + `}` }
	tests := map[string]struct{ body, want string }{
		"no connection":            {with(`"phone_number":"+15005550006"`), "Missing required property: connection"},
		"no clients":               {`{"connection":"sms","phone_number":"+15005550006"}`, "Missing required property: clients"},
		"an empty list of clients": {`{"connection":"sms","phone_number":"+15005550006","clients":[]}`, "Array is too short"},
		"nobody":                   {with(`"connection":"sms"`), "exactly one"},
		"two at once":              {with(`"connection":"sms","phone_number":"+15005550006","email":"a@b.example"`), "exactly one"},
		"an unknown connection":    {with(`"connection":"voice","phone_number":"+15005550006"`), "connection does not exist"},
		"an unknown client":        {`{"connection":"sms","phone_number":"+15005550006","clients":["nobody"]}`, "clients does not exist"},
		"no number":                {with(`"connection":"sms","phone_number":"12"`), "on property phone_number"},
		"a number for e-mail":      {with(`"connection":"email","phone_number":"+15005550006"`), "takes addresses"},
		"an address for SMS":       {with(`"connection":"sms","email":"a@b.example"`), "takes phone numbers"},
		"no address":               {with(`"connection":"email","email":"a@"`), "on property email"},
		"a code with letters":      {with(`"connection":"email","email":"a@b.example","code":"48291a"`), "does not match pattern"},
		"a code as a number":       {with(`"connection":"email","email":"a@b.example","code":482913`), "Expected type string"},
		"a short code":             {with(`"connection":"sms","phone_number":"+15005550006","code":"482913"`), "has 6 digits, and those of the connection have 8"},
		"a weak code":              {with(`"connection":"email","email":"a@b.example","code":"123456"`), "easy to guess"},
		"an end that has passed":   {with(`"connection":"sms","phone_number":"+15005550006","expires_at":"2026-04-30T00:00:00Z"`), "has passed"},
		"an end after 90 days":     {with(`"connection":"sms","phone_number":"+15005550006","expires_at":"2026-08-01T00:00:00Z"`), "90 days at most"},
		"an end without a zone":    {with(`"connection":"sms","phone_number":"+15005550006","expires_at":"2026-06-01T00:00:00"`), "format date-time"},
		"something else":           {with(`"connection":"sms","phone_number":"+15005550006","codes":"482913"`), "Additional properties not allowed: codes"},
		"a long note":              {with(`"connection":"sms","phone_number":"+15005550006","note":"` + strings.Repeat("x", 256) + `"`), "too long"},
		"no object":                {`[]`, "Expected type object"},
	}
	for name, tt := range tests {
		a := sv.ask("all-and-secrets", "POST /api/doorcode/v1/test-identities", tt.body)
		if a.status != 400 || !strings.Contains(a.body, tt.want) || !strings.Contains(a.body, `"errorCode":"invalid_body"`) {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for _, q := range []string{"take=0", "take=101", "take=x", "from=x"} {
		if a := sv.ask("all-and-secrets", "GET /api/doorcode/v1/test-identities?"+q, ""); a.status != 400 {
			t.Errorf("%s answered %d", q, a.status)
		}
	}
	if list := sv.ask("all-and-secrets", "GET /api/doorcode/v1/test-identities", ""); list.body != `{"test_identities":[]}` {
		t.Errorf("something was stored: %s", list.body)
	}
	if n := len(sv.ask("all-and-secrets", "GET /api/v2/users", "").body); n != len("[]") {
		t.Error("users were made")
	}
}

// Of many who make the same one at once, one does; and there are never more
// than a hundred.
func TestTestIdentitiesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)
		app := text(sv.must(201, "POST /api/v2/clients", `{"name":"App"}`)["client_id"])
		create := func(n int) int {
			return sv.ask("all-and-secrets", "POST /api/doorcode/v1/test-identities",
				fmt.Sprintf(`{"connection":"sms","phone_number":"+1500555%04d","clients":["%s"]}`, n, app)).status
		}
		var made, refused atomic.Int32
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				switch create(0) {
				case 201:
					made.Add(1)
				case 409:
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if made.Load() != 1 || refused.Load() != 19 {
			t.Errorf("%d were made and %d refused of 20 for one number", made.Load(), refused.Load())
		}
		for i := 1; i < 95; i++ {
			if status := create(i); status != 201 {
				t.Fatalf("number %d answered %d", i, status)
			}
		}
		made.Store(0)
		for i := 95; i < 110; i++ {
			wg.Go(func() {
				if create(i) == 201 {
					made.Add(1)
				}
			})
		}
		wg.Wait()
		if made.Load() != 5 {
			t.Errorf("%d were made where 5 had room", made.Load())
		}
	})
}
