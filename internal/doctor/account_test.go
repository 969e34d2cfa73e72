package doctor_test

import (
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/doctor"
)

func TestProviderAccounts(t *testing.T) {
	examine := func(held []delivery.AccountState) []doctor.Finding {
		s := well()
		s.accounts = func() []delivery.AccountState { return held }
		var got []doctor.Finding
		for _, f := range s.examine(t, false).Findings {
			if f.Check == "provider_accounts" {
				got = append(got, f)
			}
		}
		return got
	}
	if got := examine(nil); len(got) != 1 || got[0].Verdict != delivery.OK {
		t.Errorf("nothing is held: %+v", got)
	}
	got := examine([]delivery.AccountState{
		{Provider: "smtp", Standing: delivery.Held, Since: now.Add(-time.Minute), Last: delivery.Error{Code: "421", Text: "Too busy."}},
		{
			Provider: "twilio", Standing: delivery.Held, Refused: true, Since: now,
			Last: delivery.Error{Code: "20003", Text: "Authenticate", Fix: "Check the Auth Token."},
		},
	})
	want := []doctor.Finding{
		{Check: "provider_accounts", Verdict: delivery.Warn, Detail: "smtp has not taken a message since 11:59:00 UTC: Too busy (421). Messages wait, and one is tried every few seconds."},
		{Check: "provider_accounts", Verdict: delivery.Fail, Detail: "twilio has refused this server's account since 12:00:00 UTC: Authenticate (20003). Messages fail.", Fix: "Check the Auth Token."},
	}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}
