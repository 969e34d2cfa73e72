package vonage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Check asks for the balance of the account (Vonage: Account API), which is
// known by key and secret alone. Of an application it finds out nothing but
// that its key can be read, which is looked at before.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	if s.key == "" || s.secret == "" {
		return []delivery.Finding{{
			Name: "credentials", Verdict: delivery.Warn, Detail: "Vonage cannot be asked about an application without sending a message.",
			Fix: "Send a message to a phone of yours, or set api_key and api_secret as well.",
		}}
	}
	base := s.client.endpoint(smsAPI, "") // where the account is
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/account/get-balance", nil)
	if err != nil {
		return []delivery.Finding{delivery.Failed("credentials", err)}
	}
	req.SetBasicAuth(s.key, s.secret)
	req.Header.Set("Accept", "application/json")
	p := s.party(delivery.Outgoing{})
	a, err := s.client.http.Do(req, p)
	if err == nil && !a.Good() {
		err = s.refusal(p, a)
	}
	if err != nil {
		return []delivery.Finding{delivery.Failed("credentials", err)}
	}
	var got struct {
		Value *float64 `json:"value"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || got.Value == nil {
		return []delivery.Finding{delivery.Failed("credentials", p.BadAnswer(a))}
	}
	balance := delivery.Finding{Name: "account", Verdict: delivery.OK, Detail: fmt.Sprintf("The balance is %.2f euros.", *got.Value)}
	if *got.Value <= 0 {
		balance.Verdict, balance.Fix = delivery.Fail, "Top the account up in the Vonage dashboard."
	}
	return []delivery.Finding{{Name: "credentials", Verdict: delivery.OK, Detail: "Vonage knows the API key."}, balance}
}
