package settings

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/tenant"
)

func parsed(t *testing.T, doc string) *Object {
	t.Helper()
	o, err := ParseObject([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const mailProvider = `{"name":"smtp","default_from_address":"a@example.com","credentials":{"smtp_host":"mail.example.com","smtp_port":587,"smtp_user":"u","smtp_pass":"hunter2"},
	"settings":{"headers":{"X-SES-Configuration-Set":"logins"},"doorcode":{"security":"tls"}}}`

func TestNewEmailProvider(t *testing.T) {
	p, err := NewEmailProvider(parsed(t, mailProvider))
	if err != nil {
		t.Fatal(err)
	}
	doc := string(p.Doc)
	p.Doc = nil
	want := tenant.EmailProvider{
		Name: "smtp", Enabled: true, From: "a@example.com", Headers: map[string]string{"X-SES-Configuration-Set": "logins"},
		Server:  tenant.MailServer{Host: "mail.example.com", Port: 587, User: "u", Security: "tls"},
		Secrets: map[string]string{"smtp_pass": "hunter2"},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("provider (-want +got):\n%s", diff)
	}
	if strings.Contains(doc, "hunter2") || strings.Contains(doc, "smtp_pass") {
		t.Errorf("the document has the secret: %s", doc)
	}
	for _, c := range []struct{ body, want string }{
		{`{"name":"smtp"}`, "Missing required property: credentials"},
		{`{"credentials":{}}`, "Missing required property: name"},
		{`{"name":"pigeon","credentials":{}}`, "No enum match for: pigeon' on property name"},
		{`{"name":"smtp","credentials":{},"x":1}`, "Additional properties not allowed: x"},
		{`{"name":"smtp","credentials":{}}`, "Missing required property: smtp_host' on property credentials"},
		{`{"name":"smtp","credentials":{"smtp_host":"h","smtp_user":"u"}}`, "Missing required property: smtp_pass' on property credentials"},
		{`{"name":"smtp","credentials":{"smtp_host":"h","smtp_port":"587"}}`, "on property credentials.smtp_port"},
		{`{"name":"smtp","credentials":{"smtp_host":"h","smtp_port":70000}}`, "on property credentials.smtp_port"},
		{`{"name":"smtp","credentials":{"smtp_host":"unix:///run/x"}}`, "on property credentials.smtp_host"},
		{`{"name":"smtp","credentials":{"smtp_host":"a\r\nb"}}`, "on property credentials.smtp_host"},
		{`{"name":"smtp","credentials":{"smtp_host":"h"},"default_from_address":"no address"}`, "on property default_from_address"},
		{`{"name":"smtp","credentials":{"smtp_host":"h"},"default_from_address":"a@example.com\r\nBcc: b@example.com"}`, "on property default_from_address"},
		{`{"name":"smtp","credentials":{"smtp_host":"h"},"settings":{"headers":{"X-A":"a\nBcc: b"}}}`, "on property settings.headers.X-A"},
		{`{"name":"smtp","credentials":{"smtp_host":"h"},"settings":{"doorcode":{"security":"hope"}}}`, "on property settings.doorcode.security"},
		{`{"name":"ses","credentials":{"region":1}}`, "on property credentials.region"},
		{`{"name":"sendgrid","credentials":{}}`, "Missing required property: api_key' on property credentials"},
		{`{"name":"mandrill","credentials":{"api_key":""}}`, "Missing required property: api_key' on property credentials"},
		{`{"name":"mailgun","credentials":{"api_key":"k"}}`, "Missing required property: domain' on property credentials"},
		{`{"name":"ms365","credentials":{"tenantId":"t","clientId":"c"}}`, "Missing required property: clientSecret' on property credentials"},
		{`{"name":"ses","credentials":{"accessKeyId":"k","region":"eu-west-1"}}`, "Missing required property: secretAccessKey' on property credentials"},
		{`{"name":"ses","credentials":{"accessKeyId":"k","secretAccessKey":"s","region":"evil.com/"}}`, "on property credentials.region"},
		{`{"name":"ses","credentials":{"accessKeyId":"k","secretAccessKey":"s","region":"eu-west-1"},"settings":{"message":{"configuration_set_name":"a b"}}}`, "on property settings.message.configuration_set_name"},
	} {
		if _, err := NewEmailProvider(parsed(t, c.body)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.body, err, c.want)
		}
	}
}

// A password goes with the server, port and user it was entered for, and with
// the way there.
func TestChangeEmailProvider(t *testing.T) {
	for _, c := range []struct {
		name, patch string
		how         Merge
		doc         string // "" for a refusal
		password    string
	}{
		{"one member", `{"enabled":false}`, Auto, `{"name":"smtp","enabled":false,"default_from_address":"a@example.com","credentials":{"smtp_host":"mail.example.com","smtp_port":587,"smtp_user":"u"},"settings":{"headers":{"X-SES-Configuration-Set":"logins"},"doorcode":{"security":"tls"}}}`, "hunter2"},
		{"the same account", `{"credentials":{"smtp_host":"mail.example.com","smtp_port":587,"smtp_user":"u"},"settings":{}}`, Auto, `{"name":"smtp","enabled":true,"default_from_address":"a@example.com","credentials":{"smtp_host":"mail.example.com","smtp_port":587,"smtp_user":"u"},"settings":{"doorcode":{"security":"tls"}}}`, "hunter2"},
		{"another password", `{"credentials":{"smtp_pass":"new"},"default_from_address":null,"settings":null}`, Auto, "", ""}, // the way is another one, but the password is there
		{"another host", `{"credentials":{"smtp_host":"evil.example.com"}}`, Auto, "", ""},
		{"another port", `{"credentials":{"smtp_port":25}}`, Auto, "", ""},
		{"another user", `{"credentials":{"smtp_user":"v"}}`, Auto, "", ""},
		{"an open way", `{"settings":{"doorcode":{"security":"none"}}}`, Auto, "", ""},
		{"another host with the password", `{"credentials":{"smtp_host":"h","smtp_pass":"p"},"settings":null}`, Auto, `{"name":"smtp","enabled":true,"default_from_address":"a@example.com","credentials":{"smtp_host":"h","smtp_port":587,"smtp_user":"u"}}`, "p"},
		{"no user", `{"credentials":{"smtp_user":null,"smtp_pass":null}}`, Auto, `{"name":"smtp","enabled":true,"default_from_address":"a@example.com","credentials":{"smtp_host":"mail.example.com","smtp_port":587},"settings":{"headers":{"X-SES-Configuration-Set":"logins"},"doorcode":{"security":"tls"}}}`, ""},
		{"another provider", `{"name":"ses","credentials":{"accessKeyId":"k","secretAccessKey":"s","region":"eu-west-1"}}`, Auto, `{"name":"ses","enabled":true,"default_from_address":"a@example.com","credentials":{"region":"eu-west-1"}}`, ""},
		{"another provider without credentials", `{"name":"ses"}`, Auto, "", ""},
		{"nothing", `{}`, Auto, "", ""},
		{"a whole one", `{"name":"smtp","credentials":{"smtp_host":"mail.example.com","smtp_user":"u"},"settings":{"doorcode":{"security":"tls"}}}`, Replace, `{"name":"smtp","enabled":true,"credentials":{"smtp_host":"mail.example.com","smtp_user":"u"},"settings":{"doorcode":{"security":"tls"}}}`, "hunter2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, err := NewEmailProvider(parsed(t, mailProvider))
			if err != nil {
				t.Fatal(err)
			}
			p, err := ChangeEmailProvider(&before, parsed(t, c.patch), c.how)
			if c.name == "another password" {
				if err != nil || p.Secrets["smtp_pass"] != "new" || strings.Contains(string(p.Doc), "default_from_address") {
					t.Errorf("provider is %+v, %v", p, err)
				}
				return
			}
			if (err == nil) != (c.doc != "") {
				t.Fatalf("error is %v", err)
			}
			if err == nil && (string(p.Doc) != c.doc || p.Secrets["smtp_pass"] != c.password) {
				t.Errorf("document %s\nwant     %s\nsecrets %v", p.Doc, c.doc, p.Secrets)
			}
		})
	}
}

// A secret key goes with the access key that it was made with.
func TestKeysOfAmazon(t *testing.T) {
	const ses = `{"name":"ses","credentials":{"accessKeyId":"AK1","secretAccessKey":"sec-1","region":"eu-west-1"},"settings":{"message":{"configuration_set_name":"logins"}}}`
	for _, c := range []struct{ name, patch, access, secret, region string }{
		{"another setting", `{"enabled":false}`, "AK1", "sec-1", "eu-west-1"},
		{"another region", `{"credentials":{"region":"us-east-1"}}`, "AK1", "sec-1", "us-east-1"},
		{"the same access key", `{"credentials":{"accessKeyId":"AK1"}}`, "AK1", "sec-1", "eu-west-1"},
		{"both keys", `{"credentials":{"accessKeyId":"AK2","secretAccessKey":"sec-2"}}`, "AK2", "sec-2", "eu-west-1"},
		{"a new secret", `{"credentials":{"secretAccessKey":"sec-2"}}`, "AK1", "sec-2", "eu-west-1"},
		{"another access key alone", `{"credentials":{"accessKeyId":"AK2"}}`, "", "", ""},
		{"no secret", `{"credentials":{"secretAccessKey":null}}`, "", "", ""},
	} {
		before, err := NewEmailProvider(parsed(t, ses))
		if err != nil {
			t.Fatal(err)
		}
		if before.ConfigurationSet != "logins" || strings.Contains(string(before.Doc), "AK1") || strings.Contains(string(before.Doc), "sec-1") {
			t.Fatalf("provider is %+v with %s", before, before.Doc)
		}
		p, err := ChangeEmailProvider(&before, parsed(t, c.patch), Auto)
		if (err == nil) != (c.access != "") {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if err == nil && (p.Secrets[SecretAccessKey] != c.access || p.Secrets[SecretSES] != c.secret || p.Region != c.region) {
			t.Errorf("%s: %+v", c.name, p)
		}
	}
}
