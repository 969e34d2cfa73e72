package ses

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Check asks whether the keys are good and what the account may send (Amazon SES
// API v2: GetAccount). A key that may only send is enough.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	known := delivery.Finding{Name: "credentials", Verdict: delivery.OK, Detail: "AWS knows the access key."}
	p := s.party(delivery.Outgoing{})
	a, err := s.ask(ctx, p, http.MethodGet, "/v2/email/account", "")
	var e *delivery.Error
	if errors.As(err, &e) && e.Code == "AccessDenied" {
		return []delivery.Finding{known, {
			Name: "account", Verdict: delivery.Warn, Detail: "The access key may not look at the account, so that it is not checked.",
			Fix: "Allow ses:GetAccount, or send a message to a mailbox of yours.",
		}}
	}
	if err != nil {
		return []delivery.Finding{delivery.Failed("credentials", err)}
	}
	var got struct {
		Production *bool  `json:"ProductionAccessEnabled"`
		Sending    bool   `json:"SendingEnabled"`
		Status     string `json:"EnforcementStatus"`
		Quota      struct {
			Max  float64 `json:"Max24HourSend"`
			Sent float64 `json:"SentLast24Hours"`
		} `json:"SendQuota"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || got.Production == nil {
		return []delivery.Finding{delivery.Failed("credentials", p.BadAnswer(a))}
	}
	account := delivery.Finding{Name: "account", Verdict: delivery.OK, Detail: "The account may send to any address."}
	switch {
	case !got.Sending || got.Status == "SHUTDOWN":
		account.Verdict, account.Detail = delivery.Fail, "AWS has paused sending for the account."
		account.Fix = "See the reputation page of the SES console."
	case !*got.Production:
		account.Verdict, account.Detail = delivery.Warn, "The account is in the sandbox: it sends only to addresses that are verified in the SES console."
		account.Fix = "Ask AWS to move the account out of the sandbox."
	case got.Status == "PROBATION":
		account.Verdict, account.Detail = delivery.Warn, "AWS watches the account for bounces and complaints, and may pause it."
		account.Fix = "See the reputation page of the SES console."
	}
	quota := delivery.Finding{Name: "quota", Verdict: delivery.OK, Detail: "There is no quota."}
	if got.Quota.Max >= 0 {
		quota.Detail = fmt.Sprintf("%.0f of %.0f messages a day are used.", got.Quota.Sent, got.Quota.Max)
		if got.Quota.Sent >= 0.9*got.Quota.Max {
			quota.Verdict, quota.Fix = delivery.Warn, "Ask AWS for a higher quota."
		}
	}
	return []delivery.Finding{known, account, quota}
}
