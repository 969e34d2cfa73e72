package mgmtapi_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/tenant"
)

const smsConnection = `{"name":"sms","strategy":"sms","options":{"name":"sms","strategy":"sms","from":"+15005550006","template":"Your code is @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"twilio_sid":"AC0123","twilio_token":"canary-token","messaging_service_sid":null,"disable_signup":false,"brute_force_protection":true,"odd_key":{"kept":true}}}`

func TestLifeOfAConnection(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		app := text(sv.must(201, "POST /api/v2/clients", `{"name":"App"}`)["client_id"])
		created := sv.must(201, "POST /api/v2/connections", smsConnection)
		id := text(created["id"])
		if !regexp.MustCompile(`^con_[A-Za-z0-9]{16}$`).MatchString(id) {
			t.Errorf("the id is %q", id)
		}
		one := "GET /api/v2/connections/" + id

		t.Run("it comes back whole, without its secret", func(t *testing.T) {
			want := `{"id":"` + id + `","options":{"name":"sms","strategy":"sms","from":"+15005550006","template":"Your code is @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"twilio_sid":"AC0123","messaging_service_sid":null,"disable_signup":false,"brute_force_protection":true,"odd_key":{"kept":true}},"strategy":"sms","name":"sms","is_domain_connection":false,"enabled_clients":[],"realms":["sms"]}`
			sv.wants(sv.ask(everything, one, ""), 200, want)
			if log := sv.log.String(); strings.Count(log, "read:connections_secrets") != 1 {
				t.Errorf("the first answer without secrets is not explained once: %s", log)
			}
		})
		t.Run("the founding change sets one option and loses none (F6)", func(t *testing.T) {
			a := sv.ask(everything, "PATCH /api/v2/connections/"+id, `{"options":{"request_language":"en-US"}}`)
			want := `{"id":"` + id + `","options":{"name":"sms","strategy":"sms","from":"+15005550006","template":"Your code is @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"twilio_sid":"AC0123","messaging_service_sid":null,"disable_signup":false,"brute_force_protection":true,"odd_key":{"kept":true},"request_language":"en-US"},"strategy":"sms","name":"sms","is_domain_connection":false,"enabled_clients":[],"realms":["sms"]}`
			sv.wants(a, 200, want)
			c, err := sv.store.Connection(t.Context(), "sms")
			if err != nil || c.RequestLanguage != "en-US" || c.Secrets["twilio_token"] != "canary-token" || c.Code.Digits != 6 {
				t.Errorf("the stored connection is %+v, %v", c, err)
			}
		})
		t.Run("the secret is sealed in the table", func(t *testing.T) {
			var sealed []byte
			var doc string
			err := sv.db.QueryRowContext(t.Context(), `SELECT secrets, doc FROM connections WHERE id = $1`, id).Scan(&sealed, &doc)
			if err != nil || len(sealed) == 0 || strings.Contains(string(sealed)+doc, "canary") {
				t.Errorf("the row has %q and %s, %v", sealed, doc, err)
			}
		})
		t.Run("the scope for secrets shows them (R2)", func(t *testing.T) {
			a := sv.ask("all-and-secrets", one, "")
			if !strings.Contains(a.body, `"twilio_sid":"AC0123","twilio_token":"canary-token"`) {
				t.Errorf("the token is not there: %s", a.body)
			}
			if logs := sv.ask(everything, `GET /api/v2/logs?q=type:mgmt_api_read`, ""); !strings.Contains(logs.body, `"mgmt_api_read"`) {
				t.Errorf("reading secrets is not logged: %s", logs.body)
			}
		})
		t.Run("a change can be told to replace", func(t *testing.T) {
			sv.must(200, "PATCH /api/v2/connections/"+id+"?options=replace", `{"options":{"twilio_sid":"AC0123","template":"x @@password@@"}}`)
			c, err := sv.store.ConnectionByID(t.Context(), tenant.ConnectionID(id))
			if err != nil || c.Sender.From != "" || c.Text.Template != "x @@password@@" || c.Secrets["twilio_token"] != "canary-token" {
				t.Errorf("the stored connection is %+v, %v", c, err)
			}
			sv.wants(sv.ask(everything, "PATCH /api/v2/connections/"+id+"?options=add", `{}`), 400,
				`{"statusCode":400,"error":"Bad Request","message":"Query validation error: 'No enum match for: options is replace or merge' on property options.","errorCode":"invalid_query_string"}`)
		})
		t.Run("applications are switched on and off", func(t *testing.T) {
			clients := "/api/v2/connections/" + id + "/clients"
			sv.must(204, "PATCH "+clients, `[{"client_id":"`+app+`","status":true}]`)
			sv.must(204, "PATCH "+clients, `[{"client_id":"`+app+`","status":true}]`)
			sv.wants(sv.ask(everything, "GET "+clients, ""), 200, `{"clients":[{"client_id":"`+app+`"}]}`)
			if c, err := sv.store.Connection(t.Context(), "sms"); err != nil || !c.Admits(tenant.ClientID(app)) {
				t.Errorf("the connection does not admit the application: %+v, %v", c, err)
			}
			if a := sv.ask(everything, "GET /api/v2/clients/"+app+"/connections", ""); !strings.HasPrefix(a.body, `{"connections":[{"id":"`+id+`"`) {
				t.Errorf("connections of the application: %s", a.body)
			}
			sv.must(204, "PATCH "+clients, `[{"client_id":"`+app+`","status":false}]`)
			sv.wants(sv.ask(everything, "GET "+clients, ""), 200, `{"clients":[]}`)
			for body, want := range map[string]string{
				`{}`:                                  "Expected type array but found type object",
				`[]`:                                  "Array is too short (0), minimum 1",
				`[{"client_id":"x"}]`:                 "Missing required property: status",
				`[{"client_id":"x","status":"true"}]`: "Expected type boolean but found type string",
				`[{"client_id":"x","status":true}]`:   "The client x does not exist.",
				"[" + strings.Repeat(`{"client_id":"x","status":false},`, 50) + `{"client_id":"x","status":false}]`: "Array is too long (51), maximum 50",
			} {
				if a := sv.ask(everything, "PATCH "+clients, body); a.status != 400 || !strings.Contains(a.body, want) {
					t.Errorf("%.60s answered %d %s, want %s", body, a.status, a.body, want)
				}
			}
		})
		t.Run("deleting it twice is 202 and 204", func(t *testing.T) {
			a := sv.ask(everything, "DELETE /api/v2/connections/"+id, "")
			if a.status != 202 || !regexp.MustCompile(`^{"deleted_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"}$`).MatchString(a.body) {
				t.Errorf("the first answered %d %s", a.status, a.body)
			}
			sv.wants(sv.ask(everything, "DELETE /api/v2/connections/"+id, ""), 204, "")
			gone := `{"statusCode":404,"error":"Not Found","message":"The connection does not exist","errorCode":"inexistent_connection"}`
			sv.wants(sv.ask(everything, one, ""), 404, gone)
			sv.wants(sv.ask(everything, "PATCH /api/v2/connections/"+id, `{"options":{"a":1}}`), 404, gone)
			sv.wants(sv.ask(everything, "GET /api/v2/connections/"+id+"/clients", ""), 404, gone)
			sv.wants(sv.ask(everything, "PATCH /api/v2/connections/"+id+"/clients", `[{"client_id":"x","status":true}]`), 404, gone)
		})
		t.Run("every write is in the log, and no secret is", func(t *testing.T) {
			a := sv.ask(everything, "GET /api/v2/logs?per_page=100", "")
			for what, times := range map[string]int{`"description":"Create a connection"`: 1, `"description":"Update a connection"`: 2, `"description":"Delete a connection"`: 1, `"description":"Update enabled clients for a connection"`: 3} {
				if n := strings.Count(a.body, what); n != times {
					t.Errorf("%s is there %d times, want %d", what, n, times)
				}
			}
			if strings.Contains(a.body, "canary") {
				t.Error("a secret is in the log")
			}
			for _, part := range []string{`"jti":"jti-1"`, `"path":"/api/v2/connections"`, `"twilio_token":"*****"`, `"statusCode":201`, `"method":"post"`} {
				if !strings.Contains(a.body, part) {
					t.Errorf("%s is not in the log", part)
				}
			}
		})
	})
}

func TestListsOfConnections(t *testing.T) {
	sv := one(t)
	for i := range 5 {
		strategy := "sms"
		if i > 2 {
			strategy = "email"
		}
		sv.must(201, "POST /api/v2/connections", fmt.Sprintf(`{"name":"c%d","strategy":"%s"}`, i, strategy))
	}
	names := func(a answer) string {
		return strings.Join(regexp.MustCompile(`"name":"(c\d)"`).FindAllString(a.body, -1), " ")
	}
	for query, want := range map[string]string{
		"":                             `"name":"c0" "name":"c1" "name":"c2" "name":"c3" "name":"c4"`,
		"?strategy=email":              `"name":"c3" "name":"c4"`,
		"?strategy=email&strategy=sms": `"name":"c0" "name":"c1" "name":"c2" "name":"c3" "name":"c4"`,
		"?name=c2":                     `"name":"c2"`,
		"?page=1&per_page=2":           `"name":"c2" "name":"c3"`,
		"?page=9&per_page=2":           ``,
		"?per_page=0":                  ``,
	} {
		if got := names(sv.ask(everything, "GET /api/v2/connections"+query, "")); got != want {
			t.Errorf("%s lists %s, want %s", query, got, want)
		}
	}
	t.Run("with totals there is an envelope", func(t *testing.T) {
		a := sv.ask(everything, "GET /api/v2/connections?include_totals=true&per_page=2&page=1&fields=name", "")
		var v struct{ Start, Limit, Total int }
		if err := json.Unmarshal([]byte(a.body), &v); err != nil || v.Start != 2 || v.Limit != 2 || v.Total != 5 {
			t.Errorf("%s, %v", a.body, err)
		}
		// Recorded by go-auth0: these two come whatever fields are asked for.
		if strings.Contains(a.body, `"options"`) || strings.Count(a.body, `"is_domain_connection":false`) != 2 || strings.Count(a.body, `"id":`) != 2 {
			t.Errorf("fields: %s", a.body)
		}
	})
	t.Run("fields can be left out", func(t *testing.T) {
		a := sv.ask(everything, "GET /api/v2/connections?include_fields=false&fields=options,realms,strategy", "")
		if strings.Contains(a.body, "options") || strings.Contains(a.body, "realms") || !strings.Contains(a.body, `"name"`) {
			t.Errorf("%s", a.body)
		}
	})
	t.Run("checkpoints reach every one once", func(t *testing.T) {
		seen, from := "", ""
		for range 4 {
			a := sv.ask(everything, "GET /api/v2/connections?include_totals=true&per_page=50&take=2&fields=name"+from, "")
			var v struct {
				Connections []struct{ Name string }
				Next        string
				Total       *int
			}
			if err := json.Unmarshal([]byte(a.body), &v); err != nil || v.Total != nil {
				t.Fatalf("%s, %v", a.body, err)
			}
			for _, c := range v.Connections {
				seen += c.Name
			}
			if v.Next == "" {
				break
			}
			from = "&from=" + v.Next
		}
		if seen != "c0c1c2c3c4" {
			t.Errorf("saw %s", seen)
		}
	})
	for query, want := range map[string]string{
		"page=-1":          "'Value -1 is less than minimum 0' on property page",
		"per_page=101":     "'Value 101 is greater than maximum 100' on property per_page",
		"per_page=many":    "'Expected type integer but found type string' on property per_page",
		"take=0":           "'Value 0 is less than minimum 1' on property take",
		"include_totals=7": "'Expected type boolean but found type string' on property include_totals",
		"from=x":           "'Object didn't pass validation for format checkpoint' on property from",
	} {
		a := sv.ask(everything, "GET /api/v2/connections?"+query, "")
		if a.status != 400 || !strings.Contains(a.body, want) {
			t.Errorf("%s answered %d %s, want %s", query, a.status, a.body, want)
		}
	}
}

func TestRecordedConnectionsComeBack(t *testing.T) {
	sv := one(t)
	for _, body := range []string{
		// terraform-provider-auth0: TestAccConnectionSMS
		`{"name":"Acceptance-Test-SMS","strategy":"sms","is_domain_connection":false,"options":{"name":"SMS OTP","from":"+12345678","syntax":"md_with_macros","template":"@@password@@","totp":{"time_step":300,"length":6},"twilio_sid":"ABC123","twilio_token":"DEF456","messaging_service_sid":"GHI789","disable_signup":false,"brute_force_protection":true,"upstream_params":{"screen_name":{"alias":"login_hint"}}}}`,
		// go-auth0: TestConnectionManager_Create, custom SMS
		`{"name":"Test-Custom-SMS","strategy":"sms","options":{"name":"x","from":"+17777777777","syntax":"liquid","template":"Your verification code is { code }}","totp":{"time_step":110,"length":5},"messaging_service_sid":null,"provider":"sms_gateway","gateway_url":"https://test.com/sms-gateway","gateway_authentication":{"method":"bearer","subject":"test.us.auth0.com:sms","audience":"test.com/sms-gateway","secret":"my-secret","secret_base64_encoded":false},"forward_req_info":true,"disable_signup":true,"brute_force_protection":true}}`,
	} {
		var sent map[string]any
		if err := json.Unmarshal([]byte(body), &sent); err != nil {
			t.Fatal(err)
		}
		created := sv.must(201, "POST /api/v2/connections", body)
		read := sv.must(200, "GET /api/v2/connections/"+text(created["id"]), "")
		if diff := cmp.Diff(sent["options"], read["options"]); diff != "" {
			t.Errorf("options (-sent +read):\n%s", diff)
		}
		// What a tool read with secrets it can send back.
		options, err := json.Marshal(read["options"])
		if err != nil {
			t.Fatal(err)
		}
		again := sv.must(200, "PATCH /api/v2/connections/"+text(created["id"]), `{"options":`+string(options)+`}`)
		if diff := cmp.Diff(sent["options"], again["options"]); diff != "" {
			t.Errorf("options after a change (-sent +read):\n%s", diff)
		}
	}
}

// Changes that arrive at once are made one after another: none is lost.
func TestChangesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, sv *server) {
		id := text(sv.must(201, "POST /api/v2/connections", smsConnection)["id"])
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				a := sv.ask(everything, "PATCH /api/v2/connections/"+id, fmt.Sprintf(`{"options":{"key%d":%d}}`, i, i))
				if a.status != 200 {
					t.Errorf("change %d answered %d %s", i, a.status, a.body)
				}
			}()
		}
		wg.Wait()
		options, _ := sv.must(200, "GET /api/v2/connections/"+id, "")["options"].(map[string]any)
		for i := range 20 {
			if options[fmt.Sprintf("key%d", i)] != float64(i) {
				t.Errorf("change %d is lost", i)
			}
		}
		created := make(chan int, 10)
		for range 10 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				created <- sv.ask(everything, "POST /api/v2/connections", `{"name":"once","strategy":"sms"}`).status
			}()
		}
		wg.Wait()
		close(created)
		count := map[int]int{}
		for status := range created {
			count[status]++
		}
		if count[201] != 1 || count[409] != 9 {
			t.Errorf("ten at once answered %v, want one 201 and nine 409", count)
		}
	})
}
