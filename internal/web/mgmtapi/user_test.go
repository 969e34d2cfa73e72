package mgmtapi_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
)

type identity struct{ connection, channel, external, identifier string }

// person makes a user by signing them in by the first identity, and links the
// others to them.
func person(t *testing.T, sv *server, id tenant.UserID, identities ...identity) {
	t.Helper()
	now := time.Date(2026, 5, 1, 10, 0, len(string(id)), 123e6, time.UTC)
	one := identities[0]
	c := passwordless.Complete{
		Now: now, To: tenant.Recipient{Connection: tenant.ConnectionID(one.connection), Channel: tenant.Channel(one.channel), Identifier: one.identifier},
		Identifier: one.identifier, IP: "203.0.113.7",
		Grant: tenant.Grant{ID: "grant-" + string(id), Client: "the-client", AuthTime: now, CreatedAt: now},
		NewUser: func(int64) tenant.User {
			u := tenant.User{
				ID: id, Name: one.identifier, CreatedAt: now, UpdatedAt: now,
				Identities: []tenant.Identity{{Connection: tenant.ConnectionID(one.connection), Channel: tenant.Channel(one.channel), UserID: one.external, Identifier: one.identifier}},
			}
			if one.channel == "sms" {
				u.Phone, u.PhoneVerified = one.identifier, true
			} else {
				u.Email, u.EmailVerified, u.Nickname = one.identifier, true, strings.Split(one.identifier, "@")[0]
			}
			return u
		},
		Events:  []tenant.LogEvent{event.New(event.Login, now)},
		SignUp:  event.New(event.SignUp, now),
		Refused: event.New(event.LoginFailed, now),
	}
	if out, err := sv.store.Complete(t.Context(), c); err != nil || out.Outcome != passwordless.SignedIn {
		t.Fatalf("sign in: %+v, %v", out, err)
	}
	for _, more := range identities[1:] {
		if _, err := sv.db.ExecContext(t.Context(), `INSERT INTO identities (connection_id, identifier, user_id, channel, external_id) VALUES ($1, $2, $3, $4, $5)`,
			more.connection, more.identifier, string(id), more.channel, more.external); err != nil {
			t.Fatal(err)
		}
	}
}

func TestUsers(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		sms := text(sv.must(201, "POST /api/v2/connections", `{"name":"sms","strategy":"sms"}`)["id"])
		mail := text(sv.must(201, "POST /api/v2/connections", `{"name":"post","strategy":"email"}`)["id"])
		person(t, sv, "sms|58fa3bd1c7eae3e1b2a6b1c1", identity{sms, "sms", "58fa3bd1c7eae3e1b2a6b1c1", "+15550100"})
		person(t, sv, "email|1", identity{mail, "email", "1", "jo@example.com"})

		t.Run("one by SMS, as documented", func(t *testing.T) {
			want := `{"created_at":"2026-05-01T10:00:28.123Z","identities":[{"connection":"sms","user_id":"58fa3bd1c7eae3e1b2a6b1c1","provider":"sms","isSocial":false}],"name":"+15550100","phone_number":"+15550100","phone_verified":true,"updated_at":"2026-05-01T10:00:28.123Z","user_id":"sms|58fa3bd1c7eae3e1b2a6b1c1","last_ip":"203.0.113.7","last_login":"2026-05-01T10:00:28.123Z","logins_count":1}`
			sv.wants(sv.ask("scopes.read-users", "GET /api/v2/users/sms%7C58fa3bd1c7eae3e1b2a6b1c1", ""), 200, want)
		})
		t.Run("by e-mail address, in any case", func(t *testing.T) {
			for _, address := range []string{"jo@example.com", "JO@example.com"} {
				a := sv.ask("scopes.read-users", "GET /api/v2/users-by-email?fields=user_id,email&email="+address, "")
				sv.wants(a, 200, `[{"email":"jo@example.com","user_id":"email|1"}]`)
			}
			sv.wants(sv.ask("scopes.read-users", "GET /api/v2/users-by-email?email=nobody@example.com", ""), 200, `[]`)
			if a := sv.ask("scopes.read-users", "GET /api/v2/users-by-email", ""); a.status != 400 {
				t.Errorf("without an address: %d %s", a.status, a.body)
			}
		})
		for q, want := range map[string]string{
			"":                                       "email|1 sms|5",
			`email:"jo@example.com"`:                 "email|1",
			`phone_number:"+15550100"`:               "sms|5",
			`identities.connection:"post"`:           "email|1",
			`identities.connection:"nobody"`:         "",
			`user_id:"email|1" AND blocked:false`:    "email|1",
			`user_id:"email|1" AND blocked:true`:     "",
			`nickname:jo`:                            "email|1",
			`name:"' OR 1=1 --"`:                     "",
			`identities.connection:sms AND name:"x"`: "",
		} {
			v := sv.must(200, "GET /api/v2/users?include_totals=true&fields=user_id&search_engine=v3&q="+escape(q), "")
			ids := ""
			for _, u := range v["users"].([]any) {
				ids += " " + text(u.(map[string]any)["user_id"])[:min(7, len(text(u.(map[string]any)["user_id"])))]
			}
			ids = strings.ReplaceAll(strings.TrimSpace(ids), "sms|58f", "sms|5")
			if ids != want || v["length"] != v["total"] {
				t.Errorf("%s finds %q of %v, want %q", q, ids, v["total"], want)
			}
		}
		for query, code := range map[string]string{
			"q=shoesize:9": "invalid_query_string", "q=email:a+OR+email:b": "invalid_query_string", "q=email:a*": "invalid_query_string",
			"q=created_at:[2020-01-01+TO+*]": "invalid_query_string", "sort=name:1": "invalid_query_string", "page=20": "invalid_paging",
			"q=" + strings.Repeat("x", 1025): "invalid_query_string",
		} {
			if a := sv.ask("scopes.read-users", "GET /api/v2/users?"+query, ""); a.status != 400 || !strings.Contains(a.body, code) {
				t.Errorf("%.40s answered %d %s", query, a.status, a.body)
			}
		}
		// INJ-05 and bad ids: nothing but "no such user".
		for _, id := range []string{"nobody", "sms%7C%27%3B--", strings.Repeat("x", 600)} {
			if a := sv.ask("scopes.read-users", "GET /api/v2/users/"+id, ""); a.status != 404 {
				t.Errorf("user %.20q answered %d %s", id, a.status, a.body)
			}
		}
		for _, request := range []string{"/a%00b", "/a%ffb", "?q=email:%00", "?fields=%ff", "?page=%zz", "?a;b"} {
			if a := sv.ask("scopes.read-users", "GET /api/v2/users"+request, ""); a.status != 400 || !strings.Contains(a.body, "validation error") {
				t.Errorf("%q answered %d %s", request, a.status, a.body)
			}
		}
	})
}

func escape(s string) string {
	return strings.NewReplacer(" ", "%20", `"`, "%22", "+", "%2B", "|", "%7C", "[", "%5B", "]", "%5D", "{", "%7B", "}", "%7D", "'", "%27", "#", "%23", ";", "%3B", "&", "%26").Replace(s)
}

func TestLogs(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		base := time.Date(2026, 4, 30, 23, 59, 58, 0, time.UTC)
		var ids []string
		for i := range 6 {
			e := event.New([]string{"s", "f", "cs"}[i%3], base.Add(time.Duration(i)*time.Second))
			e.Connection, e.ConnectionID, e.Client, e.User, e.IP = "sms", "con_1", "app", "sms|1", fmt.Sprintf("203.0.113.%d", i)
			e.UserName, e.Description = `100%_"x"\`, "a_b%c"
			e.Details = map[string]any{"body": map[string]any{"connection": "other", "ip": "198.51.100.1"}}
			ids = append(ids, e.ID)
			if err := sv.store.AddLogs(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		order := func(a answer) string {
			got := ""
			for _, m := range regexp.MustCompile(`"log_id":"(\d{56})"`).FindAllStringSubmatch(a.body, -1) {
				for i, id := range ids {
					if id == m[1] {
						got += fmt.Sprint(i)
					}
				}
			}
			return got
		}
		for query, want := range map[string]string{
			"":                                  "543210",
			"sort=date:1":                       "012345",
			"sort=date:-1&per_page=2&page=1":    "32",
			"q=type:s":                          "30",
			`q=type:"s"`:                        "30",
			"q=type:s AND ip:203.0.113.3":       "3",
			`q=ip:"198.51.100.1"`:               "", // in the details, not of the event
			`q=connection:"sms" AND type:cs`:    "52",
			`q=connection:"other"`:              "",
			"q=client_id:app AND user_id:sms|1": "543210",
			"q=connection_id:con_1":             "543210",
			`q=user_name:"100%25_\"x\"\\"`:      "543210",
			`q=description:"aXbYc"`:             "",
			"q=date:[2026-05-01 TO *]":          "5432",
			"q=date:[* TO 2026-04-30]":          "10",
			"q=date:{2026-04-30 TO 2026-05-01]": "5432",
			"q=date:[2026-04-30T23:59:59Z TO 2026-05-01T00:00:01Z}": "21",
			"from=" + ids[3] + "&take=1":                            "4",
			"from=" + ids[0] + "&take=100":                          "12345",
			"from=" + ids[5]:                                        "",
			"take=2":                                                "01",
			"q=type:s&include_totals=true":                          "30",
		} {
			a := sv.ask("scopes.read-logs", "GET /api/v2/logs?"+escapeQuery(query), "")
			if got := order(a); a.status != 200 || got != want {
				t.Errorf("%s lists %q (%d), want %q; %.200s", query, got, a.status, want, a.body)
			}
		}
		t.Run("one has the recorded members", func(t *testing.T) {
			a := sv.ask("scopes.read-logs_users", "GET /api/v2/logs/"+ids[0], "")
			var v map[string]any
			if err := json.Unmarshal([]byte(a.body), &v); err != nil {
				t.Fatal(err)
			}
			// go-auth0, TestLogManager.
			for _, name := range []string{"_id", "log_id", "date", "type", "description", "connection", "connection_id", "organization_id", "organization_name", "client_id", "client_name", "ip", "hostname", "details", "user_id", "user_name", "user_agent", "audience", "strategy", "strategy_type", "isMobile", "location_info"} {
				if _, ok := v[name]; !ok {
					t.Errorf("%s is missing", name)
				}
			}
			if v["date"] != "2026-04-30T23:59:58.000Z" || v["user_agent"] != nil || v["isMobile"] != false {
				t.Errorf("%v", v)
			}
		})
		t.Run("totals are counted", func(t *testing.T) {
			for q, want := range map[string]string{"": `{"start":0,"limit":1,"length":1,"total":6,"logs":`, "&q=ip:203.0.113.3": `{"start":0,"limit":1,"length":1,"total":1,"logs":`} {
				if a := sv.ask("scopes.read-logs", "GET /api/v2/logs?include_totals=true&per_page=1"+q, ""); !strings.HasPrefix(a.body, want) {
					t.Errorf("%s: %.120s", q, a.body)
				}
			}
		})
		t.Run("of one user", func(t *testing.T) {
			if a := sv.ask("scopes.read-logs", "GET /api/v2/users/sms%7C1/logs?per_page=2", ""); order(a) != "54" {
				t.Errorf("%s", a.body)
			}
			sv.wants(sv.ask("scopes.read-logs", "GET /api/v2/users/sms%7C2/logs", ""), 200, `[]`)
		})
		gone := `{"statusCode":404,"error":"Not Found","message":"The log event does not exist.","errorCode":"inexistent_log"}`
		for _, id := range []string{"900", "x", "%27"} {
			sv.wants(sv.ask("scopes.read-logs", "GET /api/v2/logs/"+id, ""), 404, gone)
		}
		for _, query := range []string{
			"q=type:s OR type:f", "q=NOT type:s", "q=(type:s)", "q=type:", "q=type:s*", "q=sms", "q=type:\"s", "q=type:s type:f", "q=type:s AND type:f",
			"q=date:today", "q=date:[2026 TO *]", "q=date:[2026-05-01]", "q=type:[a TO b]", "q=shoe:9", "q=type:s AND", "q=AND type:s",
			"q=type:s AND client_id:a AND ip:b AND connection:c AND user_name:d AND client_name:e AND description:f", "q=type:\"a\x01\"",
			"sort=ip:1", "from=x", "from=-1", "take=101", "page=1000",
		} {
			if a := sv.ask("scopes.read-logs", "GET /api/v2/logs?"+escapeQuery(query), ""); a.status != 400 {
				t.Errorf("%s answered %d %.100s, want 400", query, a.status, a.body)
			}
		}
	})
}

// escapeQuery escapes what stands behind "q=", but no ampersands.
func escapeQuery(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(escape(strings.ReplaceAll(s, "&", "\x00")), "\x00", "&"), "\x01", "%01")
}

func TestCorrelationIDsReachTheLog(t *testing.T) {
	sv := one(t)
	for id, kept := range map[string]bool{"abc-123": true, strings.Repeat("x", 65): false} {
		r := sv.request("POST", "/api/v2/clients", `{"name":"A"}`)
		r.Header.Set("X-Correlation-ID", id)
		resp, err := sv.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		a := sv.ask(everything, "GET /api/v2/logs", "")
		if strings.Contains(a.body, `"references":{"correlation_id":"`+id+`"}`) != kept {
			t.Errorf("%s: %s", id, a.body)
		}
	}
}
