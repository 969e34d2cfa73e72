package twilio_test

import (
	"testing"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/testkit/twiliotest"
)

// Connections with the same credentials are one account, whatever they send
// from; other credentials are another.
func TestSharedAccount(t *testing.T) {
	name := func(sid, token, from string) string {
		c := connection()
		c.ID, c.Sender.TwilioSID, c.Secrets["twilio_token"], c.Sender.From = "con_"+c.ID, sid, token, from
		return open(t, "http://127.0.0.1:1", c).(delivery.Accounted).Account()
	}
	first := name(twiliotest.SID, twiliotest.Token, twiliotest.From)
	if second := name(twiliotest.SID, twiliotest.Token, "Acme"); second != first {
		t.Error("two connections with one account count as two")
	}
	if name(twiliotest.SID, "another token", twiliotest.From) == first || name("AC2", twiliotest.Token, twiliotest.From) == first {
		t.Error("other credentials count as the same account")
	}
}
