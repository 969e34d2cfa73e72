package sns

import (
	"context"
	"encoding/xml"
	"errors"
	"net/url"
	"strconv"

	"github.com/doorcode/doorcode/internal/delivery"
)

// Check asks whether the keys are good, whether the account is in the sandbox
// (Amazon SNS: GetSMSSandboxAccountStatus), and what it may spend in a month
// (Amazon SNS: GetSMSAttributes). A key that may only send is enough.
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	var status struct {
		Sandbox bool `xml:"GetSMSSandboxAccountStatusResult>IsInSandbox"`
	}
	err := s.query(ctx, "GetSMSSandboxAccountStatus", &status)
	if denied(err) {
		return []delivery.Finding{
			{Name: "credentials", Verdict: delivery.OK, Detail: "AWS knows the access key."},
			{
				Name: "account", Verdict: delivery.Warn, Detail: "The access key may not look at the SMS settings of the account, so that they are not checked.",
				Fix: "Allow sns:GetSMSSandboxAccountStatus and sns:GetSMSAttributes, or send a message to a phone of yours.",
			},
		}
	}
	if err != nil {
		return []delivery.Finding{delivery.Failed("credentials", err)}
	}
	found := []delivery.Finding{{Name: "credentials", Verdict: delivery.OK, Detail: "AWS knows the access key."}}
	sandbox := delivery.Finding{Name: "account", Verdict: delivery.OK, Detail: "The account may send to any number."}
	if status.Sandbox {
		sandbox = delivery.Finding{
			Name: "account", Verdict: delivery.Warn, Detail: "The account is in the SMS sandbox: it sends only to numbers that are verified in the SNS console.",
			Fix: "Ask AWS to move the account out of the SMS sandbox.",
		}
	}
	return append(found, sandbox, s.spending(ctx))
}

// spending is what the account may spend. SNS takes messages beyond it and
// drops them without a word.
func (s *sender) spending(ctx context.Context) delivery.Finding {
	var got struct {
		Entries []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"GetSMSAttributesResult>attributes>entry"`
	}
	const name = "spending"
	if err := s.query(ctx, "GetSMSAttributes", &got); err != nil {
		f := delivery.Failed(name, err)
		f.Verdict = delivery.Warn
		return f
	}
	for _, e := range got.Entries {
		if limit, err := strconv.Atoi(e.Value); e.Key == "MonthlySpendLimit" && err == nil && limit > 1 {
			return delivery.Finding{Name: name, Verdict: delivery.OK, Detail: "The account may spend " + e.Value + " US dollars a month on text messages."}
		}
	}
	return delivery.Finding{
		Name: name, Verdict: delivery.Warn, Detail: "The account may spend one US dollar a month on text messages. SNS drops those beyond that and says nothing.",
		Fix: "Raise the monthly SMS spending quota in the SNS console.",
	}
}

// query makes a call that only asks.
func (s *sender) query(ctx context.Context, action string, into any) error {
	p := s.party(delivery.Outgoing{})
	a, err := s.ask(ctx, p, url.Values{"Action": {action}, "Version": {version}})
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(a.Body, into); err != nil {
		return p.BadAnswer(a)
	}
	return nil
}

// denied reports whether the account may not do what was asked, though its keys
// are good.
func denied(err error) bool {
	var e *delivery.Error
	return errors.As(err, &e) && (e.Code == "AccessDenied" || e.Code == "AuthorizationError")
}
