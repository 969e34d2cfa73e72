package twilio_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// look checks a connection against an account.
func look(t *testing.T, public string, account func(*twiliotest.Account), change func(*tenant.Connection)) []delivery.Finding {
	t.Helper()
	srv := twiliotest.Start(t)
	a := twiliotest.Account{
		SID: twiliotest.SID, Token: twiliotest.Token, Numbers: []string{twiliotest.From}, Services: []string{twiliotest.Service},
		Balance: "12.34", Keys: map[string]string{"SK1": "secret-of-the-key"},
	}
	if account != nil {
		account(&a)
	}
	srv.SetAccount(a)
	client, err := twilio.New(twilio.Options{BaseURL: srv.URL, PublicURL: public})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := connection()
	if change != nil {
		change(c)
	}
	s, err := client.Sender(c)
	if err != nil {
		t.Fatal(err)
	}
	found := delivery.Check(t.Context(), s)
	for _, f := range found {
		for _, secret := range []string{twiliotest.Token, "secret-of-the-key"} {
			if strings.Contains(fmt.Sprintf("%+v", f), secret) {
				t.Errorf("a finding tells a secret: %+v", f)
			}
		}
		if f.Name == "" || f.Detail == "" || (f.Fix == "") != (f.Verdict == delivery.OK) {
			t.Errorf("%+v: what is not in order needs a fix, and what is has none", f)
		}
	}
	if n := len(srv.Sent()); n != 0 {
		t.Errorf("checking sent %d messages", n)
	}
	return found
}

// outline is the findings' names and verdicts.
func outline(found []delivery.Finding) string {
	var parts []string
	for _, f := range found {
		parts = append(parts, f.Name+" "+string(f.Verdict))
	}
	return strings.Join(parts, ", ")
}

func TestCheckCredentials(t *testing.T) {
	const public = "https://login.example.com"
	service := func(c *tenant.Connection) { c.Sender.From, c.Sender.MessagingServiceSID = "", twiliotest.Service }
	pooled := func(p twiliotest.Pool) func(*twiliotest.Account) {
		return func(a *twiliotest.Account) { a.Pools = map[string]twiliotest.Pool{twiliotest.Service: p} }
	}
	from := func(v string) func(*tenant.Connection) {
		return func(c *tenant.Connection) { c.Sender.From = v }
	}
	key := func(c *tenant.Connection) {
		c.Sender.TwilioAPIKey, c.Secrets[twilio.KeySecretOption] = "SK1", "secret-of-the-key"
	}
	for _, tt := range []struct {
		name    string
		account func(*twiliotest.Account)
		change  func(*tenant.Connection)
		want    string
		says    string // somewhere in the findings
	}{
		{"all is well", nil, nil, "credentials ok, account ok, balance ok, sender ok, reports ok", "12.34 USD"},
		{"a wrong token", nil, func(c *tenant.Connection) { c.Secrets[twilio.TokenOption] = "wrong" }, "credentials fail", "Enter the Twilio Account SID and the Auth Token"},
		{"an account that is not there", nil, func(c *tenant.Connection) { c.Sender.TwilioSID = "AC2" }, "credentials fail", "20003"},
		{"test credentials", func(a *twiliotest.Account) { a.Test = true }, nil, "credentials fail", "test credentials"},
		{"a suspended account", func(a *twiliotest.Account) { a.Status = "suspended" }, nil, "credentials ok, account fail", "is suspended"},
		{"a trial account", func(a *twiliotest.Account) { a.Trial, a.Verified = true, []string{"+1", "+2"} }, nil, "credentials ok, account ok, trial warn, balance ok, sender ok, reports ok", "the 2 verified numbers"},
		{"little money", func(a *twiliotest.Account) { a.Balance = "0.42" }, nil, "credentials ok, account ok, balance warn, sender ok, reports ok", "0.42 USD"},
		{"debts", func(a *twiliotest.Account) { a.Balance = "-7.5" }, nil, "credentials ok, account ok, balance warn, sender ok, reports ok", "-7.50"},
		{"a subaccount", func(a *twiliotest.Account) { a.Balance = "" }, nil, "credentials ok, account ok, balance ok, sender ok, reports ok", "subaccount"},
		{"a balance that is no number", func(a *twiliotest.Account) { a.Balance = "much" }, nil, "credentials ok, account ok, balance warn, sender ok, reports ok", "does not tell"},
		{"somebody else's number", nil, from("+15005550099"), "credentials ok, account ok, balance ok, sender fail, reports ok", "not one of the account's"},
		{"a number for calls", func(a *twiliotest.Account) { a.VoiceOnly = a.Numbers }, nil, "credentials ok, account ok, balance ok, sender fail, reports ok", "does not send text messages"},
		{"a short code", func(a *twiliotest.Account) { a.ShortCodes = []string{"12345"} }, from("12345"), "credentials ok, account ok, balance ok, sender ok, reports ok", "short code 12345"},
		{"somebody else's short code", nil, from("12345"), "credentials ok, account ok, balance ok, sender fail, reports ok", "short code"},
		{"a name", nil, from("Acme Codes"), "credentials ok, account ok, balance ok, sender warn, reports ok", "not in the United States"},
		{"a name that is too long", nil, from("Acme Incorporated"), "credentials ok, account ok, balance ok, sender fail, reports ok", "up to 11"},
		{"another channel", nil, from("whatsapp:+15005550006"), "credentials ok, account ok, balance ok, sender warn, reports ok", "other than SMS"},
		{"a Messaging Service", nil, service, "credentials ok, account ok, balance ok, sender ok, reports ok", "1 numbers"},
		{"no such service", nil, func(c *tenant.Connection) { c.Sender.MessagingServiceSID = "MG2" }, "credentials ok, account ok, balance ok, sender fail, reports ok", "no such Messaging Service"},
		{"a service without senders", pooled(twiliotest.Pool{Use: "verification", Registered: true}), service, "credentials ok, account ok, balance ok, sender fail, reports ok", "no senders"},
		{"a service with a name only", pooled(twiliotest.Pool{Use: "verification", Names: []string{"Acme"}}), service, "credentials ok, account ok, balance ok, sender ok, reports ok", "1 names"},
		{"a service for marketing", pooled(twiliotest.Pool{Use: "marketing", Numbers: []string{"+447700900001"}}), service, "credentials ok, account ok, balance ok, sender ok, use warn, reports ok", "marketing"},
		{"an American service without a campaign", pooled(twiliotest.Pool{Use: "verification", Numbers: []string{"+15005550006"}}), service, "credentials ok, account ok, balance ok, sender ok, registration warn, reports ok", "10DLC"},
		{"a toll-free one without a campaign", pooled(twiliotest.Pool{Use: "verification", Numbers: []string{"+18885550006"}}), service, "credentials ok, account ok, balance ok, sender ok, reports ok", ""},
		{"an API key", nil, key, "credentials ok, account warn, balance ok, sender ok, reports ok", "API key"},
		{"an API key and no token", nil, func(c *tenant.Connection) { key(c); delete(c.Secrets, twilio.TokenOption) }, "credentials ok, account warn, balance ok, sender ok, reports warn", "Auth Token"},
		{"a wrong API key", nil, func(c *tenant.Connection) { key(c); c.Secrets[twilio.KeySecretOption] = "wrong" }, "credentials fail", "API key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found := look(t, public, tt.account, tt.change)
			if got := outline(found); got != tt.want {
				t.Errorf("found %s\nwant  %s\n%+v", got, tt.want, found)
			}
			if all := fmt.Sprintf("%+v", found); !strings.Contains(all, tt.says) {
				t.Errorf("nothing is said of %q: %s", tt.says, all)
			}
		})
	}
	t.Run("a server that Twilio cannot reach", func(t *testing.T) {
		if got := outline(look(t, "http://localhost:8787", nil, nil)); got != "credentials ok, account ok, balance ok, sender ok, reports warn" {
			t.Errorf("found %s", got)
		}
	})
}

// A check ends with its context, and says honestly what it did not find out.
func TestCheckWithoutAnswers(t *testing.T) {
	for name, tt := range map[string]struct {
		fault twiliotest.Fault
		want  delivery.Verdict
	}{
		"silence":              {twiliotest.Fault{Delay: 10 * time.Second}, delivery.Fail},
		"an outage":            {twiliotest.Fault{Status: 503, Code: 20503}, delivery.Warn},
		"a broken connection":  {twiliotest.Fault{Drop: true}, delivery.Fail},
		"a page of some proxy": {twiliotest.Fault{Status: 200, Body: "<html>"}, delivery.Warn},
	} {
		t.Run(name, func(t *testing.T) {
			srv := twiliotest.Start(t)
			srv.Always(&tt.fault)
			s := open(t, srv.URL, connection())
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			began := time.Now()
			found := delivery.Check(ctx, s)
			if len(found) != 1 || found[0].Name != "credentials" || found[0].Verdict != tt.want || found[0].Fix == "" {
				t.Errorf("found %+v", found)
			}
			if took := time.Since(began); took > 3*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
	t.Run("nobody there", func(t *testing.T) {
		found := delivery.Check(t.Context(), open(t, closedPort(t), connection()))
		if outline(found) != "credentials fail" {
			t.Errorf("found %+v", found)
		}
	})
}
