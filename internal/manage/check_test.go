package manage_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/twilio"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// A check goes from the stored settings to the provider and back, and what is
// missing is a finding and not an error.
func TestCheckSender(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	m, srv := service(t, s), twiliotest.Start(t)
	client, err := twilio.New(twilio.Options{BaseURL: srv.URL})
	if err != nil {
		t.Fatal(err)
	}
	var broken error
	m.Senders = func(_ context.Context, c *tenant.Connection) (delivery.Sender, error) {
		switch {
		case broken != nil:
			return nil, broken
		case c.Channel == tenant.Email:
			return nil, nil
		}
		return client.Sender(c)
	}
	create := func(body string) tenant.ConnectionID {
		t.Helper()
		c, err := m.CreateConnection(t.Context(), manage.Actor{}, object(t, body))
		if err != nil {
			t.Fatal(err)
		}
		return c.ID
	}
	whole := create(`{"name":"sms","strategy":"sms","options":{"twilio_sid":"` + twiliotest.SID + `","twilio_token":"` + twiliotest.Token + `","from":"` + twiliotest.From + `"}}`)
	for _, tt := range []struct {
		name string
		id   tenant.ConnectionID
		want string // the findings' names and verdicts
		says string
	}{
		{"settings that are whole", whole, "credentials ok, account ok, balance ok, sender ok, reports warn", "12.34"},
		{"settings that lack something", create(`{"name":"sms-two","strategy":"sms","options":{"from":"+1"}}`), "settings fail", "lacks the Twilio Account SID"},
		{"no provider", create(`{"name":"email","strategy":"email","options":{}}`), "settings fail", "No provider is configured"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, err := m.CheckSender(t.Context(), tt.id)
			if err != nil {
				t.Fatal(err)
			}
			var parts, told []string
			for _, f := range found {
				parts, told = append(parts, f.Name+" "+string(f.Verdict)), append(told, f.Detail+f.Fix)
			}
			if got := strings.Join(parts, ", "); got != tt.want || !strings.Contains(strings.Join(told, " "), tt.says) {
				t.Errorf("found %s, want %s: %q", got, tt.want, told)
			}
		})
	}
	if _, err := m.CheckSender(t.Context(), "con_unknown"); !errors.Is(err, manage.ErrConnection) {
		t.Errorf("a connection that is not there: %v", err)
	}
	broken = errors.New("the database is away")
	if _, err := m.CheckSender(t.Context(), whole); !errors.Is(err, broken) {
		t.Errorf("a failure of ours: %v", err)
	}
}
