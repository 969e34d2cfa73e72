package dashboard_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/testkit/textbrowser"
)

// A program is one that uses the Management API.
type program struct {
	*world
	token string
}

func (w *world) program() *program {
	w.t.Helper()
	_, _, answer := w.once(http.MethodPost, "/oauth/token", url.Values{
		"grant_type": {"client_credentials"}, "client_id": {w.Ready.ManagementClientID},
		"client_secret": {w.Ready.ManagementClientSecret}, "audience": {w.Ready.Issuer + "api/v2/"},
	})
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &tokens); err != nil || tokens.AccessToken == "" {
		w.t.Fatalf("no token: %v %s", err, answer)
	}
	return &program{w, tokens.AccessToken}
}

// call sends one request and reads the answer.
func (p *program) call(method, path, body string) map[string]any {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.URL+"/api/v2/"+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	if res.StatusCode > 299 {
		p.t.Fatalf("%s %s: %d %s", method, path, res.StatusCode, raw)
	}
	var answer map[string]any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&answer); err != nil {
		p.t.Fatalf("%s %s: %v %s", method, path, err, raw)
	}
	delete(answer, "updated_at")
	return answer
}

// asSent is a form as a browser sends it: line breaks are two characters.
func asSent(f *textbrowser.Form) *textbrowser.Form {
	for _, values := range f.Values {
		for i := range values {
			values[i] = strings.ReplaceAll(strings.ReplaceAll(values[i], "\r\n", "\n"), "\n", "\r\n")
		}
	}
	return f
}

// put is the answer with a value at a path, whose parts have dots between them;
// nil takes away what is there.
func put(answer map[string]any, path string, value any) {
	name, rest, deeper := strings.Cut(path, ".")
	if deeper {
		put(answer[name].(map[string]any), rest, value) //nolint:forcetypeassert // of a test
		return
	}
	if value == nil {
		delete(answer, name)
		return
	}
	answer[name] = value
}

// A stored thing has a form that knows some of its members.
type storedThing struct {
	name  string
	make  string // "POST path"; empty: it is there already
	path  string // of the thing, or of the list that it is made in
	page  func(id string) string
	field string // that the form has
	body  string // every member, of the form and not
	edits []oneEdit
}

// An edit of one field changes one member and no other.
type oneEdit struct {
	field, value string // an empty value of a box unticks it
	path         string
	want         any
}

const everyClientMember = `"description":" sells \n things ","logo_uri":"https://shop.example.com/logo.png","initiate_login_uri":"https://shop.example.com/login",
	"callbacks":["https://shop.example.com/cb","com.example.shop://cb"],"allowed_logout_urls":["https://shop.example.com/bye"],
	"web_origins":["https://shop.example.com"],"allowed_origins":["https://www.example.com"],"client_aliases":["https://alias.example.com"],
	"allowed_clients":["another"],"grant_types":["urn:example:own","refresh_token","authorization_code","http://auth0.com/oauth/grant-type/passwordless/otp"],
	"jwt_configuration":{"alg":"RS256","lifetime_in_seconds":601,"secret_encoded":false,"scopes":{"a":{}}},
	"refresh_token":{"rotation_type":"rotating","expiration_type":"expiring","leeway":3,"token_lifetime":9000,"infinite_token_lifetime":false,
		"idle_token_lifetime":77,"infinite_idle_token_lifetime":true,"policies":[{"audience":"https://a.example.com","scope":["read:a"]}],"kept":true},
	"client_metadata":{"team":"a"},"sso":true,"sso_disabled":false,"is_first_party":true,"is_token_endpoint_ip_header_trusted":true,
	"cross_origin_authentication":true,"cross_origin_loc":"https://shop.example.com/co","custom_login_page_on":false,"custom_login_page":"<p>",
	"form_template":"<form>","require_pushed_authorization_requests":true,"par_request_expiry":60,"require_proof_of_possession":true,
	"oidc_logout":{"backchannel_logout_urls":["https://shop.example.com/out"],"backchannel_logout_initiators":{"mode":"all"}},
	"mobile":{"ios":{"team_id":"A"}},"native_social_login":{"apple":{"enabled":false}},"addons":{"samlp":{}},"organization_usage":"deny",
	"organization_require_behavior":"no_prompt","session_transfer":{"can_create_session_transfer_token":false},"compliance_level":"none",
	"signed_request_object":{"required":false},"token_quota":{"client_credentials":{"enforce":false}}`

func clientEdits() []oneEdit {
	return []oneEdit{
		{"leeway", "4", "refresh_token.leeway", json.Number("4")},
		{"lifetime_in_seconds", "602", "jwt_configuration.lifetime_in_seconds", json.Number("602")},
		{"description", "buys", "description", "buys"},
		{"callbacks", "https://shop.example.com/cb", "callbacks", []any{"https://shop.example.com/cb"}},
		{"grant.refresh_token", "", "grant_types", []any{"urn:example:own", "authorization_code", "http://auth0.com/oauth/grant-type/passwordless/otp"}},
	}
}

// storedThings are one of each kind that a form of the Dashboard changes.
func storedThings(w *world) []storedThing {
	things := []storedThing{
		{
			name: "tenant settings", path: "tenants/settings", page: func(string) string { return general }, field: "friendly_name",
			body: `{"friendly_name":"Acme","picture_url":"https://example.com/logo.png","support_email":"help@example.com","support_url":"https://example.com/help",
				"default_audience":"https://api.example.com","default_directory":"users","default_redirection_uri":"https://example.com/login",
				"enabled_locales":["en","fr-FR"],"allowed_logout_urls":["https://example.com/bye"],"session_lifetime":24.5,"idle_session_lifetime":1.25,
				"session_cookie":{"mode":"persistent"},"sessions":{"oidc_logout_prompt_enabled":false},"oidc_logout":{"rp_logout_end_session_endpoint_discovery":true},
				"error_page":{"html":"<h1>Oops</h1>","show_log_link":true,"url":"https://example.com/error"},"device_flow":{"charset":"digits","mask":"****-****"},
				"change_password":{"enabled":true,"html":"<p>"},"guardian_mfa_page":{"enabled":false},"sandbox_version":"22","customize_mfa_in_postlogin_action":true,
				"country_codes":{"mode":"deny","list":["GB"]},"resource_parameter_profile":"compatibility","acr_values_supported":["a"],
				"universal_login":{"passwordless":{"allow_magiclink_verify_without_session":true}},"doorcode":{"sms_per_hour":5,"sms_per_day":7},
				"flags":{"standards_strict":true,"enable_legacy_pipeline":true,"enable_client_connections":false,"confirm_logout":true,"revoke_refresh_token_grant":true,
					"allow_legacy_ro_grant_types":false,"enable_custom_domain_in_emails":true}}`,
			edits: []oneEdit{
				{"error_page", "https://example.com/other", "error_page.url", "https://example.com/other"},
				{"error_page", "", "error_page.url", nil},
				{"sms_per_hour", "6", "doorcode.sms_per_hour", json.Number("6")},
				{"standards_strict", "", "flags.standards_strict", false},
				{"enabled_locales", "", "enabled_locales", []any{"en"}},
				{"session_lifetime", "30", "session_lifetime", json.Number("30")},
			},
		},
		{
			name: "API", make: `{"identifier":"https://appointments.example.com","name":"Appointments"}`, path: "resource-servers",
			page: func(id string) string { return apis + "/" + id + "/settings" }, field: "token_lifetime",
			body: `{"name":"Appointments ","scopes":[{"value":"read:a","description":"Read"},{"value":"write:a"}],"signing_alg":"PS256","allow_offline_access":true,
				"allow_online_access":true,"token_lifetime":601,"token_lifetime_for_web":300,"token_dialect":"rfc9068_profile","enforce_policies":true,
				"skip_consent_for_verifiable_first_party_clients":true,"consent_policy":"standard","authorization_details":[{"type":"a"}],
				"subject_type_authorization":{"user":{"policy":"allow_all"}},"proof_of_possession":{"mechanism":"dpop","required":true}}`,
			edits: []oneEdit{{"token_lifetime", "602", "token_lifetime", json.Number("602")}, {"allow_offline_access", "", "allow_offline_access", false}},
		},
	}
	settingsOf := func(id string) string { return passwordless + "/" + id + "/settings" }
	const common = `"totp":{"length":7,"time_step":240},"disable_signup":true,"request_language":"en-GB ","brute_force_protection":true,"own_of_a_tool":{"a":[1]}`
	sms := string(w.connection("sms").ID)
	connectionEdits := []oneEdit{
		{"length", "8", "options.totp.length", json.Number("8")},
		{"disable_signup", "", "options.disable_signup", false},
		{"resend", "", "options.doorcode.resend", nil},
		{"wait", "501", "options.doorcode.wait_for_provider_ms", json.Number("501")},
	}
	things = append(things, storedThing{
		name: "SMS connection", path: "connections/" + sms, page: func(string) string { return settingsOf(sms) }, field: "twilio_sid",
		body: `{"display_name":"Text","metadata":{"a":"b"},"realms":["sms","text"],"options":{` + common + `,"twilio_sid":"` + sid + `","twilio_token":"` + token + `",
			"from":"+15555550100","messaging_service_sid":"MG00000000000000000000000000000001","template":"Code {{ code }}\r\nfor you","syntax":"md_with_macros",
			"doorcode":{"autofill":true,"resend":"new","numbers":"valid","wait_for_provider_ms":500,"default_country":"GB","twilio_region":"ie1","twilio_edge":"dublin",
				"send":"code","fraud":{"sends_per_hour":9}}}}`,
		edits: append(connectionEdits, oneEdit{"template", "Code {{ code }}", "options.template", "Code {{ code }}"},
			oneEdit{"messaging_service_sid", "MG00000000000000000000000000000002", "options.messaging_service_sid", "MG00000000000000000000000000000002"},
			oneEdit{"source", "from", "options.messaging_service_sid", nil}),
	}, storedThing{
		name: "SMS connection with a gateway", make: `{"name":"gateway","strategy":"sms"}`, path: "connections", page: settingsOf, field: "template",
		body: `{"options":{` + common + `,"provider":"sms_gateway","gateway_url":"https://gateway.example.com","from":"Acme","template":"{{ code }}",
			"gateway_authentication":{"method":"bearer","audience":"a","subject":"b","secret":"a secret of the gateway","secret_base64_encoded":false},"forward_req_info":true,
			"doorcode":{"resend":"new","wait_for_provider_ms":500,"vonage":{"api_key":"k"},"sns":{"region":"eu-west-1"}}}}`,
		edits: connectionEdits,
	})
	email := string(w.connection("email").ID)
	things = append(things, storedThing{
		name: "e-mail connection", path: "connections/" + email, page: func(string) string { return settingsOf(email) }, field: "mail_from",
		body: `{"display_name":"Mail","options":{` + common + `,"authParams":{"scope":"openid","max_age":12345678901234567890},
			"email":{"from":"Acme <login@acme.example>","subject":"Code","body":"<p>{{ code }}</p>","syntax":"liquid","own":true},
			"doorcode":{"resend":"new","wait_for_provider_ms":500,"send":"link"}}}`,
		edits: append(connectionEdits, oneEdit{"subject", "Your code", "options.email.subject", "Your code"},
			oneEdit{"auth_params", `{"audience":"a"}`, "options.authParams", map[string]any{"audience": "a"}},
			oneEdit{"auth_params", "", "options.authParams", nil}),
	})
	pageOf := func(id string) string { return applications + "/" + id + "/settings" }
	for _, kind := range []string{
		`"app_type":"native","oidc_conformant":true`, `"app_type":"spa","oidc_conformant":true`, `"app_type":"regular_web","token_endpoint_auth_method":"client_secret_basic"`,
		`"app_type":"non_interactive","oidc_conformant":false`, `"app_type":"sso_integration"`, `"token_endpoint_auth_method":"client_secret_post"`,
	} {
		things = append(things, storedThing{
			name: "application with " + kind, make: `{"name":"Shop",` + kind + `}`, path: "clients", page: pageOf, field: "callbacks",
			body: `{` + everyClientMember + `}`, edits: clientEdits(),
		})
	}
	return things
}

// Saving a form changes what was typed, and nothing else of what is stored: not
// what it has no field for, not what a browser sends back in another form than
// it was stored in, and not what its fields show because nothing is set.
func TestFormsLeaveTheRestAlone(t *testing.T) {
	w := newWorld(t)
	w.developer()
	p := w.program()
	for _, thing := range storedThings(w) {
		t.Run(thing.name, func(t *testing.T) {
			outer := w.t
			w.t = t
			defer func() { w.t = outer }()
			id, path := "", thing.path
			if thing.make != "" {
				made := p.call(http.MethodPost, path, thing.make)
				for _, name := range []string{"id", "client_id"} {
					if s, ok := made[name].(string); ok {
						id = s
					}
				}
				path += "/" + id
			}
			save := func(field, value string) {
				t.Helper()
				f := w.get(w.browser, thing.page(id)).Form(thing.field)
				switch {
				case field == "":
				case value == "" && f.Values.Get(field) == "on":
					f.Values.Del(field)
				default:
					f.Set(field, value)
				}
				if page := w.submit(w.browser, asSent(f).Press("save")); !strings.Contains(page.Text(), "Saved.") {
					t.Fatalf("%s = %q: %d %s", field, value, page.Status, page.Text())
				}
			}
			for _, body := range []string{"", thing.body} { // with nothing set, and with all
				if body != "" {
					p.call(http.MethodPatch, path, body)
				}
				before, changes := p.call(http.MethodGet, path, ""), w.changes()
				save("", "")
				if diff := cmp.Diff(before, p.call(http.MethodGet, path, "")); diff != "" {
					t.Errorf("a form that nobody touched has changed (-before +after):\n%s", diff)
				}
				if n := w.changes(); n != changes {
					t.Errorf("a form that nobody touched is %d changes in the log", n-changes)
				}
			}
			for _, e := range thing.edits {
				want := p.call(http.MethodGet, path, "")
				put(want, e.path, e.want)
				save(e.field, e.value)
				if diff := cmp.Diff(want, p.call(http.MethodGet, path, "")); diff != "" {
					t.Errorf("%s = %q changed more than that, or less (-want +got):\n%s", e.field, e.value, diff)
				}
			}
		})
	}
	if c := w.connection("sms"); c.Secrets["twilio_token"] != token {
		t.Error("the token is gone")
	}
}

// changes counts what administrators have changed.
func (w *world) changes() int {
	w.t.Helper()
	events, err := w.Store.ListLogs(w.t.Context(), manage.LogQuery{Type: "sapi", Descending: true}, manage.Window{Limit: 1000})
	if err != nil {
		w.t.Fatal(err)
	}
	return len(events.Items)
}

// What nobody has a form for in a user's metadata stays as well: a form with two
// texts that is saved as it is changes neither.
func TestMetadataIsLeftAlone(t *testing.T) {
	w := newWorld(t)
	w.developer()
	p := w.program()
	user := w.signedIn("sms", "+447700900123")
	path := "users/" + url.PathEscape(string(user))
	p.call(http.MethodPatch, path, `{"user_metadata":{"n":1.50,"text":"a\r\nb","list":[{"a":null}]},"app_metadata":{"plan":"<gold>"},"name":"Ada","nickname":"a"}`)
	before := p.call(http.MethodGet, path, "")
	page := w.get(w.browser, users+"/"+strings.ReplaceAll(string(user), "|", "%7C")+"/metadata")
	w.says(w.submit(w.browser, asSent(page.Form("user_metadata"))), "Saved.")
	if diff := cmp.Diff(before, p.call(http.MethodGet, path, "")); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
}
