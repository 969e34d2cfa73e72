package vonage_test

import (
	"errors"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/vonage"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/vonagetest"
)

// Reports are asked for where Vonage makes them and they can be believed.
func TestReportsAreAskedFor(t *testing.T) {
	signs := byApplication()
	signs.Secrets[vonage.SignatureOption] = vonagetest.SignatureSecret
	keyed := connection("")
	keyed.Secrets[vonage.SignatureOption] = vonagetest.SignatureSecret
	for _, tt := range []struct {
		name string
		c    *tenant.Connection
		want string
	}{
		{"an application with a signature secret", signs, "https://login.example.com/hooks/vonage/con_sms/msg_1"},
		{"an application without", byApplication(), ""},
		{"a key and a secret", keyed, ""},
	} {
		srv := start(t)
		if _, err := open(t, srv.URL, tt.c).Send(t.Context(), message()); err != nil {
			t.Fatal(err)
		}
		if got := srv.Taken()[0].Message.Headers["webhook_url"]; got != tt.want {
			t.Errorf("%s: webhook %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestListen(t *testing.T) {
	now := time.Date(2026, 1, 1, 14, 0, 0, 0, time.UTC)
	client, err := vonage.New(call.New(func() time.Time { return now }), vonage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := byApplication()
	c.Secrets[vonage.SignatureOption] = vonagetest.SignatureSecret
	listen := func(c *tenant.Connection, body string, auth ...string) (delivery.Report, error) {
		return client.Listen(c, delivery.Callback{URL: "https://login.example.com/hooks/vonage/con_sms/msg_1", Header: http.Header{"Authorization": auth}, Body: []byte(body)})
	}
	token := func(body string) string {
		return "Bearer " + vonagetest.Token(vonagetest.SignatureSecret, "HS256", vonagetest.Claims(now, body))
	}
	for _, tt := range []struct {
		status string
		code   int
		want   delivery.Report
	}{
		{"submitted", 0, delivery.Report{State: tenant.MessageSent}},
		{"delivered", 0, delivery.Report{State: tenant.MessageDelivered}},
		{"read", 0, delivery.Report{State: tenant.MessageDelivered}},
		{"later", 0, delivery.Report{State: tenant.MessageAccepted}},
		{"rejected", 1240, delivery.Report{State: tenant.MessageFailed, ErrorCode: "1240", Text: "Detail of the error", Fix: "The person has answered STOP to this sender. They can answer START, or sign in by e-mail."}},
		{"undeliverable", 1999, delivery.Report{State: tenant.MessageUndelivered, ErrorCode: "1999", Text: "Detail of the error", Fix: "Look the message up in the Vonage dashboard."}},
		{"undeliverable", 0, delivery.Report{State: tenant.MessageUndelivered, Text: "Vonage gives no reason.", Fix: "Look the message up in the Vonage dashboard."}},
	} {
		body := vonagetest.Status("aaaaaaaa-bbbb", tt.status, tt.code)
		tt.want.ProviderID, tt.want.Status = "aaaaaaaa-bbbb", tt.status
		if got, err := listen(c, body, token(body)); err != nil || got != tt.want {
			t.Errorf("%s %d: %+v, %v, want %+v", tt.status, tt.code, got, err, tt.want)
		}
	}
	body := vonagetest.Status("aaaaaaaa-bbbb", "delivered", 0)
	claims := func(name string, value any) map[string]any {
		m := maps.Clone(vonagetest.Claims(now, body))
		m[name] = value
		return m
	}
	signed := func(claims map[string]any) string {
		return "Bearer " + vonagetest.Token(vonagetest.SignatureSecret, "HS256", claims)
	}
	unset := byApplication()
	keyed := byApplication()
	keyed.Secrets[vonage.SignatureOption], keyed.Sender.Vonage.APIKey = vonagetest.SignatureSecret, "other"
	for name, tt := range map[string]struct {
		c    *tenant.Connection
		auth []string
	}{
		"without a token":                 {c, nil},
		"with two":                        {c, []string{token(body), token(body)}},
		"with another scheme":             {c, []string{"Basic" + token(body)[6:]}},
		"with half of one":                {c, []string{token(body)[:60]}},
		"for another body":                {c, []string{token(body + " ")}},
		"with another secret":             {c, []string{"Bearer " + vonagetest.Token("x", "HS256", vonagetest.Claims(now, body))}},
		"with no secret":                  {c, []string{"Bearer " + vonagetest.Token("", "HS256", vonagetest.Claims(now, body))}},
		"unsigned":                        {c, []string{"Bearer " + vonagetest.Token(vonagetest.SignatureSecret, "none", vonagetest.Claims(now, body))}},
		"of somebody else":                {c, []string{signed(claims("iss", "Evil"))}},
		"for another application":         {c, []string{signed(claims("application_id", "other"))}},
		"for another key":                 {keyed, []string{token(body)}},
		"too old":                         {c, []string{signed(claims("iat", now.Unix()-301))}},
		"from the future":                 {c, []string{signed(claims("iat", now.Unix()+301))}},
		"without a digest":                {c, []string{signed(claims("payload_hash", ""))}},
		"to a connection without secret":  {unset, []string{token(body)}},
		"to it, signed with no secret":    {unset, []string{"Bearer " + vonagetest.Token("", "HS256", vonagetest.Claims(now, body))}},
		"with a claim of the wrong shape": {c, []string{signed(claims("iat", "now"))}},
	} {
		if r, err := listen(tt.c, body, tt.auth...); !errors.Is(err, delivery.ErrForged) || r != (delivery.Report{}) {
			t.Errorf("a report %s: %+v, %v", name, r, err)
		}
	}
	for _, body := range []string{"", "[]", "{", `{"status":"delivered"}`, `{"message_uuid":"x"}`, `{"message_uuid":"x y","status":"delivered"}`} {
		if _, err := listen(c, body, token(body)); !fault.Has(err, fault.Invalid) {
			t.Errorf("%q: %v", body, err)
		}
	}
}
