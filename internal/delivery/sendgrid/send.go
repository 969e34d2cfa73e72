package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
	"github.com/doorcode/doorcode/internal/tenant"
)

// MessageArgument is the argument that our name for a message travels as.
// SendGrid's events repeat it.
const MessageArgument = "doorcode_message"

// sender is one account.
type sender struct {
	client   *Client
	base     string
	key      string
	provider *tenant.EmailProvider
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the account by its key: a new key is worth a new try.
func (s *sender) Account() string { return delivery.AccountKey(s.base, s.key) }

// The request (SendGrid: POST /v3/mail/send).
type (
	outgoing struct {
		Personalizations []personalization `json:"personalizations"`
		From             mailbox           `json:"from"`
		Subject          string            `json:"subject"`
		Content          []content         `json:"content"`
		Headers          map[string]string `json:"headers,omitempty"`
		Tracking         tracking          `json:"tracking_settings"`
	}
	personalization struct {
		To   []mailbox         `json:"to"`
		Args map[string]string `json:"custom_args,omitempty"`
	}
	mailbox struct {
		Email string `json:"email"`
		Name  string `json:"name,omitempty"`
	}
	content struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	}
	tracking struct {
		Click clicks `json:"click_tracking"`
		Open  toggle `json:"open_tracking"`
	}
	clicks struct {
		Enable bool `json:"enable"`
		Text   bool `json:"enable_text"`
	}
	toggle struct {
		Enable bool `json:"enable"`
	}
)

// Send asks SendGrid to send the message.
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	e, err := envelope.Seal(s.provider, m)
	if err != nil {
		return delivery.Receipt{}, err
	}
	doc := outgoing{
		Personalizations: []personalization{{To: []mailbox{{Email: e.To}}}},
		From:             mailbox{Email: e.From.Address, Name: e.From.Name}, Subject: e.Subject,
		Headers: map[string]string{"Message-ID": "<" + e.ID + ">"},
	}
	for _, h := range e.Headers {
		doc.Headers[h.Name] = h.Value
	}
	if e.Ref != "" {
		doc.Personalizations[0].Args = map[string]string{MessageArgument: e.Ref}
	}
	// SendGrid wants the plain form first, and none that is empty.
	if m.Text != "" || m.HTML == "" {
		doc.Content = append(doc.Content, content{"text/plain", m.Text})
	}
	if m.HTML != "" {
		doc.Content = append(doc.Content, content{"text/html", m.HTML})
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("write message: %w", err)
	}
	p := s.party(m)
	a, err := s.ask(ctx, p, http.MethodPost, "/v3/mail/send", string(raw))
	if err != nil {
		return delivery.Receipt{}, err
	}
	// The body of a success is empty: the name of the message is in the header.
	id := p.ID(a.Header.Get("X-Message-Id"))
	if id == "" {
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	return delivery.Receipt{ProviderID: id, State: tenant.MessageAccepted}, nil
}

// party is whom calls go to, and what is not to be told of them.
func (s *sender) party(m delivery.Outgoing) call.Party {
	return call.Party{Name: "SendGrid", Hidden: []string{s.key, m.Link, m.Code}}
}

func newRequest(ctx context.Context, method, url, body string) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	if err == nil && body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

const fixKey = "Enter an API key of SendGrid with the permission Mail Send, in credentials.api_key of the email provider. A key of the EU region needs credentials.region: eu."

// refusal is the error of an answer that is no success. SendGrid has no codes
// but the status, and names what it does not like of a request.
func (s *sender) refusal(p call.Party, a *call.Answer) error {
	var got struct {
		Errors []struct {
			Message string `json:"message"`
			Field   string `json:"field"`
		} `json:"errors"`
	}
	_ = json.Unmarshal(a.Body, &got) // what is not an error document has no text
	var text, field string
	if len(got.Errors) > 0 {
		text, field = got.Errors[0].Message, got.Errors[0].Field
	}
	e := s.client.http.Refusal(p, a, "", text)
	switch a.Status {
	case http.StatusBadRequest:
		if strings.HasPrefix(field, "personalizations") && strings.Contains(field, ".to") {
			e.Fix = "SendGrid does not take the recipient's address."
			break
		}
		e.Class, e.Fix = delivery.Configuration, "SendGrid does not accept a setting. Check the email provider and From of the connection."
	case http.StatusUnauthorized:
		e.Scope, e.Fix = delivery.OfAccount, fixKey
		if strings.Contains(strings.ToLower(text), "credits exceeded") {
			e.Fix = "The SendGrid account has used up its messages. Raise its plan, or wait for the next day or month."
		}
	case http.StatusForbidden:
		e.Fix = "SendGrid does not send from this address, or not with this key. Verify the sender or its domain in SendGrid, and give the key the permission Mail Send."
	case http.StatusRequestEntityTooLarge:
		e.Fix = "The message is too large for SendGrid. Shorten the template of the connection."
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		e.Fix = "This is not SendGrid's API. Check the base URL."
	case http.StatusTooManyRequests:
		if e.RetryAfter == 0 {
			e.RetryAfter = s.untilReset(a.Header.Get("X-Ratelimit-Reset"))
		}
	}
	return e
}

// untilReset is how long it is until SendGrid counts anew. The header is a time
// in seconds since 1970.
func (s *sender) untilReset(v string) time.Duration {
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0
	}
	return min(max(time.Unix(n, 0).Sub(s.client.http.Now()), 0), time.Hour)
}
