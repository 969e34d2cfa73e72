package app_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit"
	"github.com/doorcode/doorcode/internal/testkit/awstest"
	"github.com/doorcode/doorcode/internal/testkit/sendgridtest"
	"github.com/doorcode/doorcode/internal/testkit/sestest"
	"github.com/doorcode/doorcode/internal/testkit/snstest"
	"github.com/doorcode/doorcode/internal/testkit/standin"
	"github.com/doorcode/doorcode/internal/testkit/vonagetest"
)

// providersFile has an application that may use the Management API, and no
// connection: those are made through it.
const providersFile = `
clients:
  - name: Acme
    client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    client_secret: "a secret that nobody guesses 0123456789"
    grant_types: ["http://auth0.com/oauth/grant-type/passwordless/otp", client_credentials]
clientGrants:
  - client_id: 4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf
    audience: https://login.example.com/api/v2/
    scope: ["create:connections", "read:connections", "update:connections", "create:email_provider", "read:email_provider", "update:email_provider"]
`

// A provided is a production server whose providers are stand-ins.
type provided struct {
	*testkit.Server

	token string // for the Management API
}

func serveProviders(t *testing.T, urls ...string) *provided {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "doorcode.yaml")
	if err := os.WriteFile(file, []byte(providersFile), 0o600); err != nil {
		t.Fatal(err)
	}
	s := testkit.Start(t, func(c *config.Config) {
		*c = config.Config{
			Mode: config.Serve, Addr: "127.0.0.1:0", PublicURL: "https://login.example.com", File: file,
			Database: "sqlite:" + filepath.Join(dir, "serve.db"), ProviderURLs: urls,
			Key: base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		}
	})
	s.URL = "http://" + s.Addr() // the public URL is a proxy's
	st, _, answer := s.Post(t, "/oauth/token", `{"grant_type":"client_credentials",`+acme+`,"audience":"https://login.example.com/api/v2/"}`)
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &token); err != nil || st != 200 {
		t.Fatal(st, answer, err)
	}
	return &provided{Server: s, token: token.AccessToken}
}

// manage sends a request to the Management API, and wants no secret in the
// answer.
func (p *provided) manage(t *testing.T, call, body string, secrets ...string) string {
	t.Helper()
	method, path, _ := strings.Cut(call, " ")
	st, _, answer := p.Do(t, method, path, body, "Authorization", "Bearer "+p.token)
	if st != 200 && st != 201 {
		t.Fatalf("%s: %d %s", call, st, answer)
	}
	for _, secret := range secrets {
		if strings.Contains(answer, secret) {
			t.Errorf("%s answers a secret: %s", call, answer)
		}
	}
	return answer
}

// signIn starts a sign-in, takes the code from the stand-in and redeems it.
// What must not be in the log is not.
func (p *provided) signIn(t *testing.T, wait func(to string) (standin.Request, error), realm, to string, secrets ...string) standin.Request {
	t.Helper()
	member := "phone_number"
	if realm == "email" {
		member = "email"
	}
	if st, _, body := p.Post(t, "/passwordless/start", fmt.Sprintf(`{%s,"connection":%q,"send":"code",%q:%q}`, acme, realm, member, to)); st != 200 {
		t.Fatal(st, body)
	}
	got, err := wait(to)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`\b[0-9]{6}\b`).FindString(got.Message.Text)
	st, _, body := p.Post(t, "/oauth/token", `{"grant_type":"http://auth0.com/oauth/grant-type/passwordless/otp",`+acme+
		`,"realm":"`+realm+`","username":"`+to+`","otp":"`+code+`","scope":"openid"}`)
	if code == "" || st != 200 || !strings.Contains(body, "id_token") {
		t.Errorf("the message is %q; tokens: %d %s", got.Message.Text, st, body)
	}
	m := settled(t, p.Server)
	if !reached(m, tenant.MessageAccepted) || m.ProviderID != got.ID {
		t.Errorf("the message is %s as %q, want it accepted as %q", m.State, m.ProviderID, got.ID)
	}
	for _, secret := range append(secrets, code, to, got.Header.Get("Authorization"), p.token) {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret))} {
			if form != "" && strings.Contains(p.Log.String(), form) {
				t.Errorf("the log has %q in it", form)
			}
		}
	}
	return got
}

// A connection that sends through another provider than Twilio is set up through
// the Management API, keeps its secrets to itself, and works.
func TestServeThroughSMSProviders(t *testing.T) {
	const body = `{"name":"sms","strategy":"sms","enabled_clients":["4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf"],"options":{"name":"sms","from":"Acme","template":"Your code is @@password@@","provider":%q,"doorcode":{%q:%s}}}`
	const number = "+447700900123"
	vonages := func(t *testing.T) *standin.Server { return vonagetest.Start(t).Server }
	for _, tt := range []struct {
		name, provider, account string
		start                   func(t *testing.T) *standin.Server
		secret, to              string
	}{
		{"Vonage", "vonage", `{"api_key":"` + vonagetest.Key + `","api_secret":"` + vonagetest.Secret + `"}`, vonages, vonagetest.Secret, number[1:]},
		{"Vonage's SMS API", "vonage", `{"api":"sms","api_key":"` + vonagetest.Key + `","api_secret":"` + vonagetest.Secret + `"}`, vonages, vonagetest.Secret, number[1:]},
		{
			"Amazon SNS", "sns", `{"access_key_id":"` + awstest.AccessKey + `","secret_access_key":"` + awstest.Secret + `","region":"` + awstest.Region + `"}`,
			func(t *testing.T) *standin.Server { return snstest.Start(t).Server }, awstest.Secret, number,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stand := tt.start(t)
			p := serveProviders(t, tt.provider+"="+stand.URL)
			created := p.manage(t, "POST /api/v2/connections", fmt.Sprintf(body, tt.provider, tt.provider, tt.account), tt.secret)
			var c struct {
				ID string `json:"id"`
			}
			if err := json.Unmarshal([]byte(created), &c); err != nil {
				t.Fatal(err)
			}
			// A change of something else keeps the secret (R1, R2).
			p.manage(t, "PATCH /api/v2/connections/"+c.ID, `{"options":{"request_language":"en"}}`, tt.secret)
			p.manage(t, "GET /api/v2/connections/"+c.ID, "", tt.secret)
			wait := func(string) (standin.Request, error) { return stand.Wait(t.Context(), tt.to) }
			if got := p.signIn(t, wait, "sms", number, tt.secret); got.Message.From != "Acme" {
				t.Errorf("the message is from %q", got.Message.From)
			}
			// Another account without its secret is not ready, and tells why.
			account := map[string]string{"vonage": `{"api_key":"other"}`, "sns": `{"access_key_id":"AKIAOTHER"}`}[tt.provider]
			p.manage(t, "PATCH /api/v2/connections/"+c.ID, `{"options":{"doorcode":{"`+tt.provider+`":`+account+`}}}`, tt.secret)
			st, _, answer := p.Post(t, "/passwordless/start", `{`+acme+`,"connection":"sms","phone_number":"+447700900124"}`)
			if st != 400 || !strings.Contains(answer, "No SMS provider is configured.") || !strings.Contains(p.Log.String(), "connection is not ready") {
				t.Errorf("a start without credentials gave %d %s", st, answer)
			}
			if n := len(stand.Requests()); n != 1 {
				t.Errorf("the provider got %d requests", n)
			}
		})
	}
}

// The tenant's e-mail provider is set up through the Management API, keeps its
// credentials to itself, and works. A change of it counts at once.
func TestServeThroughMailProviders(t *testing.T) {
	for _, tt := range []struct {
		name, provider, credentials string
		start                       func(t *testing.T) *standin.Server
		secrets                     []string
		change, missing             string // credentials that are not enough, and what is said of them
	}{
		{
			"Amazon SES", "ses", `{"accessKeyId":"` + awstest.AccessKey + `","secretAccessKey":"` + awstest.Secret + `","region":"` + awstest.Region + `"}`,
			func(t *testing.T) *standin.Server { return sestest.Start(t).Server },
			[]string{awstest.Secret, awstest.AccessKey},
			`{"accessKeyId":"AKIAOTHER"}`, "secretAccessKey",
		},
		{
			"SendGrid", "sendgrid", `{"api_key":"` + sendgridtest.Key + `"}`, func(t *testing.T) *standin.Server { return sendgridtest.Start(t).Server },
			[]string{sendgridtest.Key},
			`{"api_key":null}`, "api_key",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			stand := tt.start(t)
			p := serveProviders(t, tt.provider+"="+stand.URL)
			p.manage(t, "POST /api/v2/connections", `{"name":"email","strategy":"email","enabled_clients":["4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf"]}`)
			start := `{` + acme + `,"connection":"email","email":"jo@example.com","send":"code"}`
			if st, _, body := p.Post(t, "/passwordless/start", start); st != 400 || !strings.Contains(body, "No email provider is configured.") {
				t.Errorf("a start without a provider gave %d %s", st, body)
			}
			p.manage(t, "POST /api/v2/emails/provider", `{"name":"`+tt.provider+`","default_from_address":"no-reply@example.com","credentials":`+tt.credentials+`}`, tt.secrets...)
			p.manage(t, "PATCH /api/v2/emails/provider", `{"settings":{"headers":{"X-Team":"growth"}}}`, tt.secrets...)
			p.manage(t, "GET /api/v2/emails/provider", "", tt.secrets...)
			wait := func(to string) (standin.Request, error) { return stand.Wait(t.Context(), to) }
			got := p.signIn(t, wait, "email", "jo@example.com", tt.secrets...).Message
			if !strings.Contains(got.From, "<no-reply@example.com>") || !strings.Contains(got.Subject, "sign-in code for Acme") || got.HTML == "" ||
				got.Headers["Auto-Submitted"] != "auto-generated" || got.Headers["X-Team"] != "growth" {
				t.Errorf("the letter is %+v", got)
			}
			st, _, body := p.Do(t, "PATCH", "/api/v2/emails/provider", `{"credentials":`+tt.change+`}`, "Authorization", "Bearer "+p.token)
			if st != 400 || !strings.Contains(body, "Missing required property: "+tt.missing) {
				t.Errorf("a change without credentials gave %d %s", st, body)
			}
			p.manage(t, "PATCH /api/v2/emails/provider", `{"enabled":false}`, tt.secrets...)
			if st, _, body := p.Post(t, "/passwordless/start", start); st != 400 || !strings.Contains(body, "No email provider is configured.") {
				t.Errorf("a start with the provider switched off gave %d %s", st, body)
			}
		})
	}
}

// Names that are kept and answered, and have no sender here, say so.
func TestMailProvidersThatAreOnlyKept(t *testing.T) {
	p := serveProviders(t)
	p.manage(t, "POST /api/v2/connections", `{"name":"email","strategy":"email","enabled_clients":["4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf"]}`)
	call := "POST"
	for name, credentials := range map[string]string{
		"mailgun": `{"api_key":"k","domain":"example.com","region":null}`, "mandrill": `{"api_key":"k"}`, "sparkpost": `{"api_key":"k"}`, "resend": `{"api_key":"k"}`,
		"azure_cs": `{"connectionString":"k"}`, "ms365": `{"tenantId":"k","clientId":"k","clientSecret":"k"}`, "custom": `{}`,
	} {
		p.manage(t, call+" /api/v2/emails/provider", `{"name":"`+name+`","credentials":`+credentials+`}`, `"k"`)
		call = "PATCH"
		st, _, answer := p.Post(t, "/passwordless/start", `{`+acme+`,"connection":"email","email":"jo@example.com","send":"code"}`)
		if st != 400 || !strings.Contains(answer, "No email provider is configured.") {
			t.Errorf("%s: a start gave %d %s", name, st, answer)
		}
		if log := strings.ReplaceAll(p.Log.String(), `\`, ""); !strings.Contains(log, `does not send through the email provider "`+name+`"`) {
			t.Errorf("%s: the log does not say why", name)
		}
	}
}

// What Vonage reports is in the message's timeline, if Vonage signed it.
func TestReportsOfVonage(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	stand := vonagetest.Start(t)
	stand.Public = &key.PublicKey
	p := serveProviders(t, "vonage="+stand.URL)
	private := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	body, err := json.Marshal(map[string]any{
		"name": "sms", "strategy": "sms", "enabled_clients": []string{"4kWkR7nq2Yt0dUeXo1mZs9vBcPaLh3Gf"},
		"options": map[string]any{
			"name": "sms", "from": "Acme", "template": "Your code is @@password@@", "provider": "vonage", "doorcode": map[string]any{
				"vonage": map[string]string{"application_id": vonagetest.Application, "private_key": private, "signature_secret": vonagetest.SignatureSecret},
			},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	p.manage(t, "POST /api/v2/connections", string(body), "PRIVATE KEY", vonagetest.SignatureSecret)
	wait := func(string) (standin.Request, error) { return stand.Wait(t.Context(), "447700900123") }
	sent := p.signIn(t, wait, "sms", "+447700900123", private, vonagetest.SignatureSecret)
	report := vonagetest.Status(sent.ID, "delivered", 0)
	for secret, want := range map[string]int{"another secret": 403, vonagetest.SignatureSecret: 204} {
		st, err := stand.Report(t.Context(), p.URL, sent, report, vonagetest.Token(secret, "HS256", vonagetest.Claims(time.Now(), report)))
		if err != nil || st != want {
			t.Errorf("a report was answered %d, %v, want %d", st, err, want)
		}
	}
	found, err := p.Store.Messages(t.Context(), manage.MessageQuery{Limit: 1})
	list := found.Items
	if err != nil || len(list) != 1 || !reached(list[0], tenant.MessageDelivered) {
		t.Errorf("the message is %+v, %v", list, err)
	}
}
