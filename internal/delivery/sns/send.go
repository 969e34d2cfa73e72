package sns

import (
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/aws"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/tenant"
)

// version is that of the API (Amazon SNS: API reference).
const version = "2010-03-31"

// sender is one account.
type sender struct {
	client  *Client
	base    string
	account aws.Account
	from    string
	price   string
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the account and its key: a new key is worth a new try.
func (s *sender) Account() string {
	return delivery.AccountKey(s.base, s.account.AccessKey, s.account.Secret)
}

// Send asks SNS to send the message (Amazon SNS: Publish).
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	form, err := s.publish(m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	p := s.party(m)
	a, err := s.ask(ctx, p, form)
	if err != nil {
		return delivery.Receipt{}, err
	}
	var got struct {
		ID string `xml:"PublishResult>MessageId"`
	}
	// A page of some proxy may come with 200 as well.
	if err := xml.Unmarshal(a.Body, &got); err != nil || p.ID(got.ID) == "" {
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	return delivery.Receipt{ProviderID: p.ID(got.ID), State: tenant.MessageAccepted}, nil
}

// party is whom calls go to, and what is not to be told of them.
func (s *sender) party(m delivery.Outgoing) call.Party {
	return call.Party{Name: "Amazon SNS", Hidden: []string{s.account.Secret, s.account.AccessKey, m.Link, m.Code}}
}

// publish is what is sent. Codes are transactional: the other kind is sent when
// it is cheap.
func (s *sender) publish(m delivery.Outgoing) (url.Values, error) {
	from := s.from
	if m.From != "" {
		from = m.From
	}
	for _, f := range []struct{ what, value string }{{"recipient", m.To}, {"sender", from}} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return nil, err
		}
	}
	if !call.Number(m.To) {
		return nil, &delivery.Error{
			Code: "InvalidParameter", Class: delivery.Permanent, Text: "The recipient is not a valid phone number.", Fix: fixNumber,
		}
	}
	form := url.Values{"Action": {"Publish"}, "Version": {version}, "PhoneNumber": {m.To}, "Message": {m.Text}}
	attributes := [][3]string{{"AWS.SNS.SMS.SMSType", "String", "Transactional"}}
	if call.Number(from) {
		attributes = append(attributes, [3]string{"AWS.MM.SMS.OriginationNumber", "String", from})
	} else if from != "" {
		attributes = append(attributes, [3]string{"AWS.SNS.SMS.SenderID", "String", from})
	}
	if s.price != "" {
		attributes = append(attributes, [3]string{"AWS.SNS.SMS.MaxPrice", "Number", s.price})
	}
	for i, a := range attributes {
		entry := fmt.Sprintf("MessageAttributes.entry.%d.", i+1)
		form.Set(entry+"Name", a[0])
		form.Set(entry+"Value.DataType", a[1])
		form.Set(entry+"Value.StringValue", a[2])
	}
	return form, nil
}

// ask makes one signed call. An answer that is no success is an error.
func (s *sender) ask(ctx context.Context, p call.Party, form url.Values) (*call.Answer, error) {
	body := form.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/", strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request to SNS: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if err := s.account.Sign(ctx, req, body, "sns", s.client.http.Now()); err != nil {
		return nil, err
	}
	a, err := s.client.http.Do(req, p)
	if err != nil || a.Good() {
		return a, err
	}
	return nil, s.refusal(p, a)
}

// refusal is the error of an answer that is no success.
func (s *sender) refusal(p call.Party, a *call.Answer) error {
	var got struct {
		Code      string `xml:"Error>Code"`
		Message   string `xml:"Error>Message"`
		RequestID string `xml:"RequestId"`
	}
	_ = xml.Unmarshal(a.Body, &got) // what is not an error document has no code
	e := s.client.http.Refusal(p, a, aws.Code(got.Code), got.Message)
	if e.RequestID = p.ID(got.RequestID); e.RequestID == "" {
		e.RequestID = p.ID(a.Header.Get("X-Amzn-Requestid"))
	}
	if class, fix, ok := judge(e.Code, got.Message); ok {
		e.Fix, e.Scope = fix, aws.Scope(e.Code)
		if e.Class != delivery.Temporary {
			e.Class = class
		}
	}
	return e
}

const fixNumber = "The number is not valid. It must be complete, with + and country code."

// judge says what an error code means for the messages after it, and what to do
// about it. It is false for codes that are not in the list.
func judge(code, text string) (class delivery.Class, fix string, ok bool) {
	text = strings.ToLower(text)
	switch code {
	case "OptedOut", "EndpointDisabled":
		return delivery.Permanent, fixOptedOut, true
	case "InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue":
		switch {
		case strings.Contains(text, "opted out"):
			return delivery.Permanent, fixOptedOut, true
		case strings.Contains(text, "phonenumber"), strings.Contains(text, "phone number"):
			return delivery.Permanent, fixNumber, true
		case strings.Contains(text, "too long"), strings.Contains(text, "message"):
			return delivery.Configuration, "SNS takes messages of up to 1,600 characters. Shorten the template of the connection.", true
		}
		return delivery.Configuration, "SNS does not accept a setting. Check From and options.doorcode.sns of the connection.", true
	case "UserError", "Verification":
		return delivery.Configuration, "The AWS account is in the SMS sandbox: it sends only to numbers that are verified in the SNS console. Ask AWS to move it out.", true
	case "NotFound", "ResourceNotFound":
		return delivery.Configuration, "SNS does not know the number in From, or does not send text messages in this region. Check From and the region.", true
	case "KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired", "KMSThrottling":
		return delivery.Configuration, "A key of AWS KMS cannot be used. Check it in the AWS console.", true
	}
	return aws.Judge(code)
}

const fixOptedOut = "The person has answered STOP. SNS lets a number be opted in again once in 30 days, in its console; or they can sign in by e-mail."
