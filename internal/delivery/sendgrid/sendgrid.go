// Package sendgrid sends e-mail through SendGrid, with the tenant's e-mail
// provider.
//
// Tracking of clicks and openings is switched off for each message: it rewrites
// links, and with them what lets somebody in.
package sendgrid

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent through SendGrid carry, and that of
// the e-mail provider (Auth0: email provider).
const Provider = "sendgrid"

// KeyOption is the name of the API key among the provider's Secrets.
const KeyOption = "api_key"

// A Client makes senders. It is safe for use by many goroutines.
type Client struct {
	http *call.Client
	base string
}

// New returns a client. base replaces the addresses of all regions, for
// stand-ins; empty for none. It is refused if credentials would travel to it in
// the clear.
func New(http *call.Client, base string) (*Client, error) {
	if base == "" {
		return &Client{http: http}, nil
	}
	base, err := call.Base("SendGrid", base)
	if err != nil {
		return nil, err
	}
	return &Client{http: http, base: base}, nil
}

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what the settings lack.
func (c *Client) Sender(p *tenant.EmailProvider, conn *tenant.Connection) (delivery.Sender, error) {
	s := &sender{client: c, base: c.base, key: p.Secrets[KeyOption], provider: p}
	if s.key == "" {
		return nil, &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "The email provider lacks the API key of SendGrid.",
			Fix: "Set the email provider's credentials.api_key.",
		}
	}
	if err := delivery.CheckLine("API key", s.key); err != nil {
		return nil, &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration, Text: "The API key of SendGrid has a character in it that cannot be sent.",
			Fix: "Enter the email provider's credentials.api_key again.",
		}
	}
	if err := envelope.CheckFrom(p, conn); err != nil {
		return nil, err
	}
	switch {
	case s.base != "":
	case p.Region == "eu":
		s.base = "https://api.eu.sendgrid.com"
	default:
		s.base = "https://api.sendgrid.com"
	}
	return s, nil
}

// Check asks what the API key may do (SendGrid: GET /v3/scopes).
func (s *sender) Check(ctx context.Context) []delivery.Finding {
	const name = "credentials"
	p := s.party(delivery.Outgoing{})
	a, err := s.ask(ctx, p, http.MethodGet, "/v3/scopes", "")
	if err != nil {
		return []delivery.Finding{delivery.Failed(name, err)}
	}
	var got struct {
		Scopes []string `json:"scopes"`
	}
	if err := json.Unmarshal(a.Body, &got); err != nil || got.Scopes == nil {
		return []delivery.Finding{delivery.Failed(name, p.BadAnswer(a))}
	}
	if !slices.Contains(got.Scopes, "mail.send") {
		return []delivery.Finding{{
			Name: name, Verdict: delivery.Fail, Detail: "SendGrid knows the API key, and it may not send.", Fix: fixKey,
		}}
	}
	return []delivery.Finding{{Name: name, Verdict: delivery.OK, Detail: "SendGrid knows the API key, and it may send."}}
}

// ask makes one call. An answer that is no success is an error.
func (s *sender) ask(ctx context.Context, p call.Party, method, path, body string) (*call.Answer, error) {
	req, err := newRequest(ctx, method, s.base+path, body)
	if err != nil {
		return nil, fmt.Errorf("make request to SendGrid: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+s.key)
	a, err := s.client.http.Do(req, p)
	if err != nil || a.Good() {
		return a, err
	}
	return nil, s.refusal(p, a)
}
