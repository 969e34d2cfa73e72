package ses

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/aws"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
	"github.com/doorcode/doorcode/internal/tenant"
)

// MessageTag is the tag that our name for a message travels as.
const MessageTag = "doorcode_message"

// sender is one account.
type sender struct {
	client   *Client
	base     string
	account  aws.Account
	provider *tenant.EmailProvider
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the account and its key: a new key is worth a new try.
func (s *sender) Account() string {
	return delivery.AccountKey(s.base, s.account.AccessKey, s.account.Secret)
}

// The request (Amazon SES API v2: SendEmail).
type (
	outgoing struct {
		From             string      `json:"FromEmailAddress"`
		Destination      destination `json:"Destination"`
		Content          content     `json:"Content"`
		ConfigurationSet string      `json:"ConfigurationSetName,omitempty"`
		Tags             []pair      `json:"EmailTags,omitempty"`
	}
	destination struct {
		To []string `json:"ToAddresses"`
	}
	content struct {
		Simple simple `json:"Simple"`
	}
	simple struct {
		Subject part   `json:"Subject"`
		Body    body   `json:"Body"`
		Headers []pair `json:"Headers,omitempty"`
	}
	body struct {
		Text *part `json:"Text,omitempty"`
		HTML *part `json:"Html,omitempty"`
	}
	part struct {
		Data    string `json:"Data"`
		Charset string `json:"Charset"`
	}
	pair struct {
		Name  string `json:"Name"`
		Value string `json:"Value"`
	}
)

// Send asks SES to send the message.
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	e, err := envelope.Seal(s.provider, m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	doc := outgoing{From: e.From.String(), Destination: destination{To: []string{e.To}}}
	doc.ConfigurationSet = s.provider.ConfigurationSet
	doc.Content.Simple.Subject = *text(e.Subject)
	if m.Text != "" || m.HTML == "" {
		doc.Content.Simple.Body.Text = text(m.Text)
	}
	if m.HTML != "" {
		doc.Content.Simple.Body.HTML = text(m.HTML)
	}
	for _, h := range e.Headers {
		// Its name for a configuration set at its mail servers.
		if strings.EqualFold(h.Name, "X-SES-Configuration-Set") {
			doc.ConfigurationSet = cmp.Or(doc.ConfigurationSet, h.Value)
			continue
		}
		doc.Content.Simple.Headers = append(doc.Content.Simple.Headers, pair(h))
	}
	if e.Ref != "" {
		doc.Tags = []pair{{MessageTag, e.Ref}}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("write message: %w", err)
	}
	p := s.party(m)
	a, err := s.ask(ctx, p, http.MethodPost, "/v2/email/outbound-emails", string(raw))
	if err != nil {
		return delivery.Receipt{}, err
	}
	var got struct {
		ID string `json:"MessageId"`
	}
	// A page of some proxy may come with 200 as well.
	if err := json.Unmarshal(a.Body, &got); err != nil || p.ID(got.ID) == "" {
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	return delivery.Receipt{ProviderID: p.ID(got.ID), State: tenant.MessageAccepted}, nil
}

func text(s string) *part { return &part{Data: s, Charset: "UTF-8"} }

// party is whom calls go to, and what is not to be told of them.
func (s *sender) party(m delivery.Outgoing) call.Party {
	return call.Party{Name: "Amazon SES", Hidden: []string{s.account.Secret, s.account.AccessKey, m.Link, m.Code}}
}

// ask makes one signed call. An answer that is no success is an error.
func (s *sender) ask(ctx context.Context, p call.Party, method, path, body string) (*call.Answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.base+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request to SES: %w", err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if err := s.account.Sign(ctx, req, body, "ses", s.client.http.Now()); err != nil {
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
		Type    string `json:"__type"`
		Message string `json:"message"` // or Message, which encoding/json takes too
	}
	_ = json.Unmarshal(a.Body, &got) // what is not an error document has no text
	code := aws.Code(cmp.Or(a.Header.Get("X-Amzn-Errortype"), got.Type))
	e := s.client.http.Refusal(p, a, code, got.Message)
	e.RequestID = p.ID(a.Header.Get("X-Amzn-Requestid"))
	if class, fix, ok := judge(code, got.Message); ok {
		e.Fix = fix
		if scope := aws.Scope(code); scope != delivery.ByClass {
			e.Scope = scope
		}
		if e.Class != delivery.Temporary {
			e.Class = class
		}
	}
	return e
}

// judge says what an error code means for the messages after it, and what to do
// about it. It is false for codes that are not in the list.
func judge(code, text string) (class delivery.Class, fix string, ok bool) {
	text = strings.ToLower(text)
	switch code {
	case "MessageRejected":
		if strings.Contains(text, "not verified") {
			return delivery.Configuration, "SES sends only from addresses and domains that are verified in its region, and in the sandbox only to such. Verify From, or ask AWS to move the account out of the sandbox.", true
		}
		return delivery.Configuration, "SES does not take the message as it is. Check the template of the connection.", true
	case "AccountSuspended", "SendingPaused":
		return delivery.Configuration, "AWS has paused sending for the account or the configuration set. See the reputation page of the SES console.", true
	case "MailFromDomainNotVerified":
		return delivery.Configuration, "The custom MAIL FROM domain is not verified. Check its MX and SPF records in the SES console.", true
	case "LimitExceeded":
		return delivery.Configuration, "The account has used up its quota. Ask AWS for a higher one.", true
	case "NotFound":
		return delivery.Configuration, "SES does not know the configuration set. Correct settings.message.configuration_set_name of the email provider.", true
	case "BadRequest", "InvalidParameterValue":
		if strings.Contains(text, "address") && !strings.Contains(text, "from") {
			return delivery.Permanent, "SES does not take the recipient's address.", true
		}
		return delivery.Configuration, "SES does not accept a setting. Check the email provider and From of the connection.", true
	}
	return aws.Judge(code)
}
