package settings

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/tenant"
)

func TestMergeOptions(t *testing.T) {
	const stored = `{"name":"sms","twilio_sid":"AC1","from":"+1","template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"}}`
	for _, c := range []struct {
		name    string
		channel tenant.Channel
		patch   string
		how     Merge
		want    string
	}{
		{
			"one option leaves the others (F6)", tenant.SMS, `{"request_language":"en-US"}`, Auto,
			`{"name":"sms","twilio_sid":"AC1","from":"+1","template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"},"request_language":"en-US"}`,
		},
		{
			"a message and a name replace, and ours survive", tenant.SMS, `{"name":"sms","template":"new"}`, Auto,
			`{"name":"sms","template":"new","doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"a message and an account replace", tenant.SMS, `{"twilio_sid":"AC2","template":"new"}`, Auto,
			`{"twilio_sid":"AC2","template":"new","doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"a message and a provider replace", tenant.SMS, `{"provider":"sms_gateway","template":"new"}`, Auto,
			`{"provider":"sms_gateway","template":"new","doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"a message alone is merged", tenant.SMS, `{"template":"new"}`, Auto,
			`{"name":"sms","twilio_sid":"AC1","from":"+1","template":"new","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"an account alone is merged", tenant.SMS, `{"twilio_sid":"AC2","from":null}`, Auto,
			`{"name":"sms","twilio_sid":"AC2","template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"email is the message of e-mail connections only", tenant.SMS, `{"name":"sms","email":{"subject":"x"}}`, Auto,
			`{"name":"sms","twilio_sid":"AC1","from":"+1","template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"},"email":{"subject":"x"}}`,
		},
		{
			"there it replaces", tenant.Email, `{"name":"email","email":{"subject":"x"}}`, Auto,
			`{"name":"email","email":{"subject":"x"},"doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"objects are merged one level, null removes inside", tenant.SMS, `{"totp":{"length":8,"time_step":null},"extra":{"b":{"c":2}},"doorcode":{"numbers":null}}`, Auto,
			`{"name":"sms","twilio_sid":"AC1","from":"+1","template":"old @@password@@","syntax":"md_with_macros","totp":{"length":8},"extra":{"a":1,"b":{"c":2}},"doorcode":{"autofill":true}}`,
		},
		{
			"null removes inside an object that is not there, too", tenant.SMS, `{"email":{"from":null,"subject":"x"},"gateway_authentication":{"subject":null},"empty":{},"doorcode":{"sns":{"region":"eu-west-1","max_price":null}}}`, Auto,
			`{"name":"sms","twilio_sid":"AC1","from":"+1","template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid","sns":{"region":"eu-west-1"}},"email":{"subject":"x"},"empty":{}}`,
		},
		{
			"an object takes the place of what is none", tenant.SMS, `{"from":{"x":1},"extra":5}`, Keep,
			`{"name":"sms","twilio_sid":"AC1","from":{"x":1},"template":"old @@password@@","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":5,"doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{
			"merging can be forced", tenant.SMS, `{"name":"x","template":"new"}`, Keep,
			`{"name":"x","twilio_sid":"AC1","from":"+1","template":"new","syntax":"md_with_macros","totp":{"time_step":300,"length":6},"extra":{"a":1},"doorcode":{"autofill":true,"numbers":"valid"}}`,
		},
		{"replacing can be forced", tenant.SMS, `{"from":"+2"}`, Replace, `{"from":"+2","doorcode":{"autofill":true,"numbers":"valid"}}`},
		{"a replacement that names ours is merged into them", tenant.SMS, `{"doorcode":{"resend":"new","autofill":false}}`, Replace, `{"doorcode":{"autofill":false,"numbers":"valid","resend":"new"}}`},
		{"null removes ours", tenant.SMS, `{"name":"x","template":"y","doorcode":null}`, Auto, `{"name":"x","template":"y"}`},
		{"null stays in a replacement", tenant.SMS, `{"name":"x","template":"y","messaging_service_sid":null,"doorcode":null}`, Auto, `{"name":"x","template":"y","messaging_service_sid":null}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := parse(t, stored)
			got := MergeOptions(before, parse(t, c.patch), c.channel, c.how)
			if diff := cmp.Diff(c.want, string(got.Bytes())); diff != "" {
				t.Errorf("MergeOptions (-want +got):\n%s", diff)
			}
			if string(before.Bytes()) != stored {
				t.Errorf("what was stored is changed: %s", before.Bytes())
			}
		})
	}
}

func TestSecretsFollowTheirAccount(t *testing.T) {
	const start = `{"name":"sms","strategy":"sms","options":{"name":"sms","template":"t","twilio_sid":"AC1","twilio_token":"tok-1","gateway_url":"https://g/","gateway_authentication":{"method":"bearer","audience":"a","secret":"sec-1"}}}`
	both := map[string]string{SecretTwilio: "tok-1", SecretGateway: "sec-1"}
	gateway := map[string]string{SecretGateway: "sec-1"}
	token := map[string]string{SecretTwilio: "tok-1"}
	for _, c := range []struct {
		name, patch string
		want        map[string]string
	}{
		{"another option keeps them", `{"request_language":"de"}`, both},
		{"what a masked answer has keeps them", `{"name":"sms","template":"t2","twilio_sid":"AC1","gateway_url":"https://g/","gateway_authentication":{"method":"bearer","audience":"a"}}`, both},
		{"an empty one counts as left out", `{"twilio_token":""}`, both},
		{"a new one is taken", `{"twilio_token":"tok-2"}`, map[string]string{SecretTwilio: "tok-2", SecretGateway: "sec-1"}},
		{"null removes one", `{"twilio_token":null}`, gateway},
		{"another account drops its token", `{"twilio_sid":"AC2"}`, gateway},
		{"another account brings its own", `{"twilio_sid":"AC2","twilio_token":"tok-2"}`, map[string]string{SecretTwilio: "tok-2", SecretGateway: "sec-1"}},
		{"another gateway brings its own", `{"gateway_url":"https://h/","gateway_authentication":{"secret":"sec-2"}}`, map[string]string{SecretTwilio: "tok-1", SecretGateway: "sec-2"}},
		{"no gateway, no secret", `{"gateway_authentication":null}`, token},
		{"a replacement without the account drops all", `{"name":"sms","template":"t"}`, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			created, err := NewConnection("con_x", parse(t, start))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ChangeConnection(&created.Connection, parse(t, `{"options":`+c.patch+`}`), Auto)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Connection.Secrets); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
			for _, s := range []string{"tok-", "sec-"} {
				if bytes.Contains(got.Connection.Doc, []byte(s)) {
					t.Errorf("a secret is in the document: %s", got.Connection.Doc)
				}
			}
		})
	}
	t.Run("another gateway does not get the secret of the first", func(t *testing.T) {
		created, err := NewConnection("con_x", parse(t, start))
		if err != nil {
			t.Fatal(err)
		}
		got, err := ChangeConnection(&created.Connection, parse(t, `{"options":{"gateway_url":"https://evil/"}}`), Auto)
		if err == nil {
			t.Errorf("secrets are %v, want a refusal", got.Connection.Secrets)
		}
	})
}

// The secret of a Twilio API key is one of ours, and goes with its key.
func TestTwilioKeySecret(t *testing.T) {
	const start = `{"name":"sms","strategy":"sms","options":{"name":"sms","template":"t","twilio_sid":"AC1","doorcode":{"twilio_api_key":"SK1","twilio_api_secret":"sec-1","twilio_region":"ie1","twilio_edge":"dublin"}}}`
	kept := map[string]string{SecretTwilioKey: "sec-1"}
	for _, c := range []struct {
		name, patch string
		want        map[string]string
	}{
		{"another option keeps it", `{"from":"+1"}`, kept},
		{"another option of ours keeps it", `{"doorcode":{"resend":"new"}}`, kept},
		{"a replacement keeps it, as it does ours", `{"name":"sms","template":"t2","twilio_sid":"AC1"}`, kept},
		{"an empty one counts as left out", `{"doorcode":{"twilio_api_secret":""}}`, kept},
		{"a new one is taken", `{"doorcode":{"twilio_api_secret":"sec-2"}}`, map[string]string{SecretTwilioKey: "sec-2"}},
		{"null removes it", `{"doorcode":{"twilio_api_secret":null}}`, map[string]string{}},
		{"another key drops it", `{"doorcode":{"twilio_api_key":"SK2"}}`, map[string]string{}},
		{"no key, no secret", `{"doorcode":{"twilio_api_key":null}}`, map[string]string{}},
		{"none of ours, no secret", `{"doorcode":null}`, map[string]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			created, err := NewConnection("con_x", parse(t, start))
			if err != nil {
				t.Fatal(err)
			}
			a := created.Connection.Sender
			if a.TwilioAPIKey != "SK1" || a.TwilioRegion != "ie1" || a.TwilioEdge != "dublin" {
				t.Errorf("the account is %+v", a)
			}
			got, err := ChangeConnection(&created.Connection, parse(t, `{"options":`+c.patch+`}`), Auto)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Connection.Secrets); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
			if bytes.Contains(got.Connection.Doc, []byte("sec-")) {
				t.Errorf("a secret is in the document: %s", got.Connection.Doc)
			}
		})
	}
	t.Run("it is answered beside its key", func(t *testing.T) {
		created, err := NewConnection("con_x", parse(t, start))
		if err != nil {
			t.Fatal(err)
		}
		for with, want := range map[bool]string{
			true:  `"doorcode":{"twilio_api_key":"SK1","twilio_api_secret":"sec-1","twilio_region":"ie1","twilio_edge":"dublin"}`,
			false: `"doorcode":{"twilio_api_key":"SK1","twilio_region":"ie1","twilio_edge":"dublin"}`,
		} {
			o, err := ConnectionAnswer(&created.Connection, with)
			if err != nil || !bytes.Contains(o.Bytes(), []byte(want)) {
				t.Errorf("answer is %s, %v; want %s in it", o.Bytes(), err, want)
			}
		}
	})
}

// SSR-01: region and edge become part of a host's name, so they are names and
// nothing else.
func TestSSR01TwilioRegionsAreNames(t *testing.T) {
	for _, value := range []string{
		"evil.example", "ie1.evil.example", "ie1/", "ie1#", "ie1?", "ie1@evil", "ie1:443", "IE1", "ie1\\n", "127.0.0.1", "ie", "-", "..", "ie1.", "①②⑦",
	} {
		for _, option := range []string{"twilio_region", "twilio_edge"} {
			if option == "twilio_edge" && value == "ie" {
				continue
			}
			body := `{"name":"x","strategy":"sms","options":{"doorcode":{"` + option + `":"` + value + `"}}}`
			if _, err := NewConnection("con_x", parse(t, body)); err == nil {
				t.Errorf("%s %q was taken", option, value)
			}
		}
	}
	for _, ours := range []string{
		`{"twilio_region":"us1"}`, `{"twilio_region":"jp2","twilio_edge":"osaka"}`, `{"twilio_edge":"sao-paulo"}`,
		`{"twilio_region":"","twilio_edge":null}`,
	} {
		if _, err := NewConnection("con_x", parse(t, `{"name":"x","strategy":"sms","options":{"doorcode":`+ours+`}}`)); err != nil {
			t.Errorf("%s was refused: %v", ours, err)
		}
	}
}

func TestObjectsKeepWhatTheyWereMadeOf(t *testing.T) {
	for _, doc := range []string{
		`{}`, `{"b":1,"a":2}`, `{"z":{"y":[1,{"x":null}],"a":"<&>"},"1":1.50,"big":123456789012345678901234567890}`,
		`{"name":"\u00e9 \" \\","":true}`,
	} {
		if got := string(parse(t, doc).Bytes()); got != doc {
			t.Errorf("%s became %s", doc, got)
		}
	}
	for _, doc := range []string{``, `null`, `[]`, `"x"`, `{"a":1`, `{"a":1}{}`, `{"a" 1}`, `{"a":}`} {
		if _, err := ParseObject([]byte(doc)); err == nil {
			t.Errorf("%q was read", doc)
		}
	}
}

// The accounts of ours keep their secrets by the same rule, one object deeper.
func TestSecretsOfOurAccounts(t *testing.T) {
	const start = `{"name":"sms","strategy":"sms","options":{"name":"sms","template":"t","provider":"vonage","doorcode":{"resend":"new",
		"vonage":{"api_key":"key1","api_secret":"sec-1","application_id":"app1","private_key":"sec-2","api":"sms"},
		"sns":{"access_key_id":"AK1","secret_access_key":"sec-3","region":"eu-west-1"}}}}`
	all := map[string]string{SecretVonage: "sec-1", SecretVonagePrivate: "sec-2", SecretSNS: "sec-3"}
	for _, c := range []struct {
		name, patch string
		want        map[string]string
		account     tenant.VonageAccount
	}{
		{"another option keeps them", `{"request_language":"de"}`, all, tenant.VonageAccount{APIKey: "key1", ApplicationID: "app1", API: "sms"}},
		{"a replacement that does not name them keeps them", `{"name":"sms","template":"t2"}`, all, tenant.VonageAccount{APIKey: "key1", ApplicationID: "app1", API: "sms"}},
		{
			"a member leaves the others", `{"doorcode":{"vonage":{"region":"eu","api":null}}}`, all,
			tenant.VonageAccount{APIKey: "key1", ApplicationID: "app1", Region: "eu"},
		},
		{
			"another account drops its secret, and no other", `{"doorcode":{"vonage":{"api_key":"key2"}}}`,
			map[string]string{SecretVonagePrivate: "sec-2", SecretSNS: "sec-3"},
			tenant.VonageAccount{APIKey: "key2", ApplicationID: "app1", API: "sms"},
		},
		{
			"another account brings its own", `{"doorcode":{"vonage":{"api_key":"key2","api_secret":"sec-4"},"sns":{"access_key_id":"AK2"}}}`,
			map[string]string{SecretVonage: "sec-4", SecretVonagePrivate: "sec-2"},
			tenant.VonageAccount{APIKey: "key2", ApplicationID: "app1", API: "sms"},
		},
		{"null removes one", `{"doorcode":{"sns":{"secret_access_key":null},"vonage":null}}`, map[string]string{}, tenant.VonageAccount{}},
		{"nothing of ours, no secret", `{"doorcode":null}`, map[string]string{}, tenant.VonageAccount{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			created, err := NewConnection("con_x", parse(t, start))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ChangeConnection(&created.Connection, parse(t, `{"options":`+c.patch+`}`), Auto)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got.Connection.Secrets); diff != "" {
				t.Errorf("secrets (-want +got):\n%s", diff)
			}
			if got.Connection.Sender.Vonage != c.account {
				t.Errorf("account is %+v, want %+v", got.Connection.Sender.Vonage, c.account)
			}
			if bytes.Contains(got.Connection.Doc, []byte("sec-")) {
				t.Errorf("a secret is in the document: %s", got.Connection.Doc)
			}
			shown, err := ConnectionAnswer(&got.Connection, true)
			if err != nil {
				t.Fatal(err)
			}
			for name, secret := range c.want {
				if textAt(shown.Object("options"), name) != secret {
					t.Errorf("with secrets the answer is %s", shown.Bytes())
				}
			}
		})
	}
}

// What becomes part of a host or an attribute is held to its form.
func TestOptionsOfOurAccountsAreChecked(t *testing.T) {
	for _, options := range []string{
		`{"vonage":{"region":"evil"}}`, `{"vonage":{"api":"telex"}}`, `{"vonage":{"url":"https://x/"}}`, `{"vonage":"x"}`,
		`{"sns":{"region":"evil.com/"}}`, `{"sns":{"region":"eu-west-1\n"}}`, `{"sns":{"max_price":"-1"}}`, `{"sns":{"max_price":"1.5\r\n"}}`, `{"sns":{"endpoint":"http://10.0.0.1"}}`,
	} {
		if _, err := NewConnection("con_x", parse(t, `{"name":"sms","strategy":"sms","options":{"doorcode":`+options+`}}`)); err == nil {
			t.Errorf("%s was taken", options)
		}
	}
	if _, err := NewConnection("con_x", parse(t, `{"name":"sms","strategy":"sms","options":{"doorcode":{"sns":{"region":"","max_price":"0.50"},"vonage":{"region":"ap"}}}}`)); err != nil {
		t.Error(err)
	}
}
