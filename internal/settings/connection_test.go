package settings

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// An exchange is a request to Auth0 and its answer, as somebody recorded it.
type exchange struct {
	Source  string
	Request struct{ Body json.RawMessage }
	Status  int
	// Response is the whole answer.
	Response json.RawMessage
}

func exchanges(t *testing.T, file string) []exchange {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var all struct{ Exchanges []exchange }
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	if len(all.Exchanges) == 0 {
		t.Fatalf("%s has no exchanges", file)
	}
	return all.Exchanges
}

func parse(t *testing.T, doc string) *Object {
	t.Helper()
	o, err := ParseObject([]byte(doc))
	if err != nil {
		t.Fatalf("ParseObject(%s): %v", doc, err)
	}
	return o
}

// compact is JSON without the white space of the file it came from.
func compact(t *testing.T, doc []byte) string {
	t.Helper()
	var v json.RawMessage
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestConnectionsAreCreatedAsRecorded(t *testing.T) {
	for _, x := range exchanges(t, "connections.json") {
		t.Run(x.Source, func(t *testing.T) {
			want := parse(t, string(x.Response))
			got, err := NewConnection(tenant.ConnectionID(want.Text("id")), parse(t, string(x.Request.Body)))
			if err != nil {
				t.Fatal(err)
			}
			o, err := ConnectionAnswer(&got.Connection, true)
			if err != nil {
				t.Fatal(err)
			}
			// Byte for byte, so the order of members too.
			if diff := cmp.Diff(compact(t, x.Response), compact(t, o.Bytes())); diff != "" {
				t.Errorf("answer (-Auth0 +ours):\n%s", diff)
			}
		})
	}
}

func TestRecordedChangesOfOptionsReplace(t *testing.T) {
	for _, x := range exchanges(t, "connection_patches.json") {
		t.Run(x.Source, func(t *testing.T) {
			want := parse(t, string(x.Response))
			body := parse(t, string(x.Request.Body))
			created, err := NewConnection("con_x", parse(t, `{"name":"`+want.Text("name")+`","strategy":"`+want.Text("strategy")+
				`","options":{"name":"before","gone":1,"brute_force_protection":true}}`))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ChangeConnection(&created.Connection, body, Auto)
			if err != nil {
				t.Fatal(err)
			}
			o, err := ConnectionAnswer(&got.Connection, true)
			if err != nil {
				t.Fatal(err)
			}
			// Auth0 sorts the members of stored options by length; we keep the
			// order they were sent in.
			var a, b any
			if json.Unmarshal(want.Raw("options"), &a) != nil || json.Unmarshal(o.Raw("options"), &b) != nil {
				t.Fatal("options are no JSON")
			}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("options (-Auth0 +ours):\n%s", diff)
			}
			if diff := cmp.Diff(compact(t, body.Raw("options")), compact(t, o.Raw("options"))); diff != "" {
				t.Errorf("options do not come back as sent (-sent +answered):\n%s", diff)
			}
		})
	}
}

func TestConnectionView(t *testing.T) {
	for _, c := range []struct {
		name, doc string
		want      tenant.Connection
	}{
		{
			"an empty connection has defaults", `{"id":"con_a","name":"sms","strategy":"sms","options":{},"realms":["sms"]}`,
			tenant.Connection{
				ID: "con_a", Name: "sms", Channel: tenant.SMS, Realms: []string{"sms"}, BruteForce: true,
				Code: tenant.CodePolicy{Digits: 6, Lifetime: 3 * time.Minute},
			},
		},
		{
			"options of an SMS connection",
			`{"id":"con_a","name":"x","strategy":"sms","options":{"totp":{"length":4,"time_step":600},"disable_signup":true,"brute_force_protection":false,"request_language":"nl","authParams":{"scope":"openid"},"template":"T","syntax":"liquid","provider":"twilio","twilio_sid":"AC1","from":"+1","messaging_service_sid":null,"doorcode":{"autofill":true,"resend":"new","numbers":"valid","wait_for_provider_ms":250}}}`,
			tenant.Connection{
				ID: "con_a", Name: "x", Channel: tenant.SMS, NoSignUp: true, RequestLanguage: "nl",
				Code:       tenant.CodePolicy{Digits: 4, Lifetime: 10 * time.Minute},
				AuthParams: map[string]any{"scope": "openid"}, Text: tenant.MessageText{Template: "T", Syntax: "liquid"},
				Sender:   tenant.SenderAccount{Provider: "twilio", TwilioSID: "AC1", From: "+1"},
				Autofill: true, Resend: "new", Numbers: "valid", WaitForProvider: 250 * time.Millisecond,
			},
		},
		{
			"options of an e-mail connection, authParams as a text",
			`{"id":"con_a","name":"email","strategy":"email","options":{"authParams":"{\"scope\":\"openid\"}","email":{"from":"F","subject":"S","body":"B","syntax":"liquid"}}}`,
			tenant.Connection{
				ID: "con_a", Name: "email", Channel: tenant.Email, BruteForce: true,
				Code: tenant.CodePolicy{Digits: 6, Lifetime: 3 * time.Minute}, AuthParams: map[string]any{"scope": "openid"},
				Text: tenant.MessageText{From: "F", Subject: "S", Body: "B", Syntax: "liquid"},
			},
		},
		{
			"what has the wrong type is left out", `{"id":"con_a","name":"sms","strategy":"sms","options":{"template":7,"totp":{"length":"x","time_step":1e300},"disable_signup":"yes","syntax":"liquid"}}`,
			tenant.Connection{
				ID: "con_a", Name: "sms", Channel: tenant.SMS, BruteForce: true, Text: tenant.MessageText{Syntax: "liquid"},
				Code: tenant.CodePolicy{Digits: 6, Lifetime: maxSeconds * time.Second},
			},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := Connection([]byte(c.doc), nil)
			if err != nil {
				t.Fatal(err)
			}
			got.Doc = nil
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("Connection (-want +got):\n%s", diff)
			}
		})
	}
	if _, err := Connection([]byte(`[]`), nil); err == nil {
		t.Error("a document that is no object was read")
	}
}

func TestConnectionsThatAreRefused(t *testing.T) {
	long := strings.Repeat("x", 129)
	for _, c := range []struct{ name, body, want string }{
		{"no name", `{"strategy":"sms"}`, `Payload validation error: 'Missing required property: name'.`},
		{"no strategy", `{"name":"sms"}`, `Payload validation error: 'Missing required property: strategy'.`},
		{"a name of another type", `{"name":7,"strategy":"sms"}`, `Payload validation error: 'Expected type string but found type integer' on property name.`},
		{"a name with a space", `{"name":"a b","strategy":"sms"}`, `Payload validation error: 'String does not match pattern ^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$: a b' on property name.`},
		{"a long name", `{"name":"` + long + `","strategy":"sms"}`, `Payload validation error: 'String is too long (129 chars), maximum 128' on property name.`},
		{"another strategy", `{"name":"a","strategy":"auth0"}`, `Payload validation error: 'No enum match for: auth0' on property strategy.`},
		{"an unknown member", `{"name":"a","strategy":"sms","id":"con_1"}`, `Payload validation error: 'Additional properties not allowed: id'.`},
		{"options null", `{"name":"a","strategy":"sms","options":null}`, `Payload validation error: 'Expected type object but found type null' on property options.`},
		{"a short code", `{"name":"a","strategy":"sms","options":{"totp":{"length":3}}}`, `Payload validation error: 'Value 3 is less than minimum 4' on property options.totp.length.`},
		{"a long code", `{"name":"a","strategy":"sms","options":{"totp":{"length":41}}}`, `Payload validation error: 'Value 41 is greater than maximum 40' on property options.totp.length.`},
		{"a short life", `{"name":"a","strategy":"sms","options":{"totp":{"time_step":59}}}`, `Payload validation error: 'Value 59 is less than minimum 60' on property options.totp.time_step.`},
		{"half a digit", `{"name":"a","strategy":"sms","options":{"totp":{"length":6.5}}}`, `Payload validation error: 'Expected type integer but found type number' on property options.totp.length.`},
		{"more in totp", `{"name":"a","strategy":"sms","options":{"totp":{"digits":6}}}`, `Payload validation error: 'Additional properties not allowed: digits' on property options.totp.`},
		{"another syntax", `{"name":"a","strategy":"sms","options":{"syntax":"mustache"}}`, `Payload validation error: 'No enum match for: mustache' on property options.syntax.`},
		{"a gateway without a secret", `{"name":"a","strategy":"sms","options":{"gateway_authentication":{"method":"bearer","audience":"a"}}}`, `Payload validation error: 'Missing required property: secret' on property options.gateway_authentication.`},
		{"a token of another type", `{"name":"a","strategy":"sms","options":{"twilio_token":{"a":1}}}`, `Payload validation error: 'Expected type string,null but found type object' on property options.twilio_token.`},
		{"an option of ours that is not", `{"name":"a","strategy":"sms","options":{"doorcode":{"autofil":true}}}`, `Payload validation error: 'Additional properties not allowed: autofil' on property options.doorcode.`},
		{"clients that are no list", `{"name":"a","strategy":"sms","enabled_clients":"x"}`, `Payload validation error: 'Expected type array,null but found type string' on property enabled_clients.`},
		{"a client that is no text", `{"name":"a","strategy":"sms","enabled_clients":["a",1]}`, `Payload validation error: 'Expected type string but found type integer' on property enabled_clients[1].`},
		{"much metadata", `{"name":"a","strategy":"sms","metadata":{"1":"","2":"","3":"","4":"","5":"","6":"","7":"","8":"","9":"","10":"","11":""}}`, `Payload validation error: 'Too many properties defined (11), maximum 10' on property metadata.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewConnection("con_x", parse(t, c.body))
			f := fault.Of(err)
			if f == nil || f.Kind != fault.Invalid || f.Code != "invalid_body" || f.Message != c.want {
				t.Errorf("NewConnection = %v, want %s", err, c.want)
			}
		})
	}
}

func TestReadOnlyMembersStay(t *testing.T) {
	created, err := NewConnection("con_x", parse(t, `{"name":"sms","strategy":"sms"}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{`"id":"con_y"`, `"name":"other"`, `"strategy":"email"`, `"version":9`, `"managed":false`, `"created_at":1`, `"clients":[]`, `"secrets":{}`, `"provisioning_ticket_url":"x"`, `"tenant":"t"`} {
		_, err := ChangeConnection(&created.Connection, parse(t, "{"+member+"}"), Auto)
		if !fault.Has(err, fault.Invalid) {
			t.Errorf("a change of %s is let through: %v", member, err)
		}
	}
	if _, err := ChangeConnection(&created.Connection, &Object{}, Auto); !fault.Has(err, fault.Invalid) {
		t.Errorf("an empty change is let through: %v", err)
	}
}

// The gateway of a connection, as engines see it. forward_req_info is a boolean
// in Auth0's tools and a text in its documents.
func TestGatewayView(t *testing.T) {
	const rest = `"gateway_url":"https://g.example/x?k=1","provider":"sms_gateway","from":"Acme","gateway_authentication":{"method":"bearer","audience":"a","subject":"s","secret_base64_encoded":true}`
	for forward, want := range map[string]bool{
		`true`: true, `"true"`: true, `false`: false, `"false"`: false, `null`: false, `"yes"`: false, `1`: false, `{}`: false,
	} {
		doc := `{"id":"con_1","name":"sms","strategy":"sms","options":{"forward_req_info":` + forward + `,` + rest + `}}`
		c, err := Connection([]byte(doc), map[string]string{SecretGateway: "sec"})
		if err != nil {
			t.Fatal(err)
		}
		account := tenant.SenderAccount{
			Provider: "sms_gateway", From: "Acme", GatewayURL: "https://g.example/x?k=1", ForwardRequestInfo: want,
			GatewayAuth: tenant.GatewayAuth{Method: "bearer", Audience: "a", Subject: "s", SecretIsBase64: true},
		}
		if c.Sender != account || c.Secrets[SecretGateway] != "sec" {
			t.Errorf("forward_req_info %s: the account is %+v", forward, c.Sender)
		}
	}
	c, err := Connection([]byte(`{"strategy":"sms","options":{"gateway_authentication":null,"gateway_url":7,"from":"Acme"}}`), nil)
	if err != nil || c.Sender != (tenant.SenderAccount{From: "Acme"}) {
		t.Errorf("without a gateway the account is %+v, %v", c.Sender, err)
	}
}
