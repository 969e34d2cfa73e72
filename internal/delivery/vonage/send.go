package vonage

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/message"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The shortest and longest time that Vonage tries to deliver for.
const (
	minLife = 20 * time.Second
	maxLife = 604800 * time.Second
)

// tokenLife is how long a token is good for: long enough for clocks that differ.
const tokenLife = 5 * time.Minute

// sender is one account.
type sender struct {
	client      *Client
	base        string
	api         string
	from        string
	key, secret string
	application string
	pem         string
	private     *rsa.PrivateKey // nil: key and secret are used
	connection  tenant.ConnectionID
	reports     bool // Vonage is asked for them, and they can be believed
}

// Provider is the name of the provider.
func (s *sender) Provider() string { return Provider }

// Account names the account and its credentials: new ones are worth a new try.
func (s *sender) Account() string {
	return delivery.AccountKey(s.base, s.api, s.key, s.secret, s.application, s.pem)
}

// Send asks Vonage to send the message (Vonage: Messages API, SMS API).
func (s *sender) Send(ctx context.Context, m delivery.Outgoing) (delivery.Receipt, error) {
	from := s.from
	if m.From != "" {
		from = m.From
	}
	for _, f := range []struct{ what, value string }{{"recipient", m.To}, {"sender", from}, {"application ID", s.application}} {
		if err := delivery.CheckLine(f.what, f.value); err != nil {
			return delivery.Receipt{}, err
		}
	}
	if !call.Number(m.To) {
		return delivery.Receipt{}, &delivery.Error{
			Code: "invalid_number", Class: delivery.Permanent, Text: "The recipient is not a valid phone number.", Fix: fixNumber,
		}
	}
	if call.Number(from) {
		from = from[1:]
	}
	if s.api == smsAPI {
		return s.sendSMS(ctx, m, from)
	}
	return s.sendMessage(ctx, m, from)
}

// party is whom calls go to, and what is not to be told of them.
func (s *sender) party(m delivery.Outgoing) call.Party {
	return call.Party{Name: "Vonage", Hidden: []string{s.key + ":" + s.secret, s.secret, s.pem, m.Link, m.Code}}
}

// life is how long Vonage is to try; zero if nobody said.
func (s *sender) life(m delivery.Outgoing) time.Duration {
	if m.Expires.IsZero() {
		return 0
	}
	return min(max(m.Expires.Sub(s.client.http.Now()), minLife), maxLife)
}

// outgoing is the body of the Messages API.
type outgoing struct {
	Type    string   `json:"message_type"`
	Channel string   `json:"channel"`
	To      string   `json:"to"`
	From    string   `json:"from"`
	Text    string   `json:"text"`
	TTL     int      `json:"ttl,omitempty"` // seconds
	Ref     string   `json:"client_ref,omitempty"`
	SMS     encoding `json:"sms"`
	// Where reports go, and in which form.
	Webhook string `json:"webhook_url,omitempty"`
	Version string `json:"webhook_version,omitempty"`
}

type encoding struct {
	Type string `json:"encoding_type"`
}

func (s *sender) sendMessage(ctx context.Context, m delivery.Outgoing, from string) (delivery.Receipt, error) {
	out := outgoing{
		Type: "text", Channel: "sms", To: m.To[1:], From: from, Text: m.Text, TTL: int(s.life(m) / time.Second),
		Ref: m.MessageID, SMS: encoding{Type: "auto"},
	}
	// Vonage reports about messages of applications only.
	if s.reports && s.private != nil {
		out.Webhook, out.Version = delivery.CallbackURL(s.client.reports, Provider, s.connection, m.MessageID), "v1"
	}
	doc, err := json.Marshal(out)
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("write message: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/v1/messages", strings.NewReader(string(doc)))
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("make request to Vonage: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	p := s.party(m)
	if s.private == nil {
		req.SetBasicAuth(s.key, s.secret)
	} else {
		token, err := s.token()
		if err != nil {
			return delivery.Receipt{}, err
		}
		p.Hidden = append(p.Hidden, token)
		req.Header.Set("Authorization", "Bearer "+token)
	}
	a, err := s.client.http.Do(req, p)
	if err != nil {
		return delivery.Receipt{}, err
	}
	if !a.Good() {
		return delivery.Receipt{}, s.refusal(p, a)
	}
	var got struct {
		ID string `json:"message_uuid"`
	}
	// A page of some proxy may come with 200 as well.
	if err := json.Unmarshal(a.Body, &got); err != nil || p.ID(got.ID) == "" {
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	return delivery.Receipt{ProviderID: p.ID(got.ID), State: tenant.MessageAccepted}, nil
}

// claims are those of a token (Vonage: authentication with an application).
type claims struct {
	Application string `json:"application_id"`
	IssuedAt    int64  `json:"iat"`
	Expires     int64  `json:"exp"`
	ID          string `json:"jti"`
}

// token makes what Vonage knows the application by: RS256 with its key (RFC
// 7515, RFC 7518 §3.3).
func (s *sender) token() (string, error) {
	now := s.client.http.Now()
	payload, err := json.Marshal(claims{
		Application: s.application, IssuedAt: now.Unix(), Expires: now.Add(tokenLife).Unix(), ID: rand.Text(),
	})
	if err != nil {
		return "", fmt.Errorf("write claims: %w", err)
	}
	enc := base64.RawURLEncoding
	signed := enc.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + enc.EncodeToString(payload)
	sum := sha256.Sum256([]byte(signed))
	sig, err := rsa.SignPKCS1v15(nil, s.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sign token for Vonage: %w", err)
	}
	return signed + "." + enc.EncodeToString(sig), nil
}

// refusal is the error of an answer of the Messages API that is no success.
func (s *sender) refusal(p call.Party, a *call.Answer) error {
	var got struct {
		Type     string `json:"type"`
		Title    string `json:"title"`
		Detail   string `json:"detail"`
		Instance string `json:"instance"`
	}
	_ = json.Unmarshal(a.Body, &got) // what is not an error document has no code
	_, code, _ := strings.Cut(got.Type, "#")
	text := got.Detail
	if text == "" {
		text = got.Title
	}
	e := s.client.http.Refusal(p, a, code, text)
	e.RequestID = p.ID(got.Instance)
	if v, ok := judgeMessage(code); ok {
		v.apply(e)
	} else if a.Status == http.StatusUnprocessableEntity {
		verdict{class: delivery.Configuration, fix: fixSetting}.apply(e)
	}
	return e
}

// parts is the answer of the SMS API: its status is always 200, and each part
// of the message has one of its own. Numbers come as text.
type parts struct {
	Messages []struct {
		ID     string `json:"message-id"`
		Status string `json:"status"`
		Error  string `json:"error-text"`
	} `json:"messages"`
}

func (s *sender) sendSMS(ctx context.Context, m delivery.Outgoing, from string) (delivery.Receipt, error) {
	kind := "text"
	if encoding, _ := message.Segments(m.Text); encoding == message.UCS2 {
		kind = "unicode"
	}
	form := url.Values{
		"api_key": {s.key}, "api_secret": {s.secret}, "from": {from}, "to": {m.To[1:]}, "text": {m.Text}, "type": {kind},
	}
	if len(m.MessageID) <= 40 && m.MessageID != "" {
		form.Set("client-ref", m.MessageID)
	}
	if life := s.life(m); life > 0 {
		form.Set("ttl", strconv.FormatInt(life.Milliseconds(), 10))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/sms/json", strings.NewReader(form.Encode()))
	if err != nil {
		return delivery.Receipt{}, fmt.Errorf("make request to Vonage: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	p := s.party(m)
	a, err := s.client.http.Do(req, p)
	if err != nil {
		return delivery.Receipt{}, err
	}
	if !a.Good() {
		return delivery.Receipt{}, s.client.http.Refusal(p, a, "", "")
	}
	return s.readParts(p, a)
}

// readParts reads the answer of the SMS API. If one part was refused the text
// arrives in pieces or not at all, and if another was taken it may be a second
// time that it arrives.
func (s *sender) readParts(p call.Party, a *call.Answer) (delivery.Receipt, error) {
	var got parts
	if err := json.Unmarshal(a.Body, &got); err != nil || len(got.Messages) == 0 {
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	r := delivery.Receipt{State: tenant.MessageAccepted, Segments: len(got.Messages)}
	taken := 0
	var refused *delivery.Error
	for _, part := range got.Messages {
		switch {
		case part.Status == "0":
			taken++
			if r.ProviderID == "" {
				r.ProviderID = p.ID(part.ID)
			}
		case refused == nil:
			refused = s.client.http.Refusal(p, &call.Answer{Status: http.StatusBadRequest}, part.Status, part.Error)
			if v, ok := judgeStatus(part.Status); ok {
				v.apply(refused)
			}
		}
	}
	switch {
	case refused != nil:
		refused.Unanswered = refused.Unanswered || taken > 0 && refused.Class == delivery.Temporary
		return delivery.Receipt{}, refused
	case r.ProviderID == "":
		return delivery.Receipt{}, p.BadAnswer(a)
	}
	return r, nil
}
