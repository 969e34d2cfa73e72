// Package ses sends e-mail through Amazon SES, with the tenant's e-mail
// provider.
//
// SES gives messages a Message-ID of its own and takes no name for a request
// that is repeated. Our name for the message travels as a tag, which SES's
// events repeat.
package ses

import (
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/aws"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/delivery/envelope"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent through SES carry, and that of the
// e-mail provider (Auth0: email provider).
const Provider = "ses"

// The names of the keys among the provider's Secrets.
const (
	AccessKeyOption = "accessKeyId"
	SecretOption    = "secretAccessKey"
)

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
	base, err := call.Base("Amazon SES", base)
	if err != nil {
		return nil, err
	}
	return &Client{http: http, base: base}, nil
}

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what the settings lack.
func (c *Client) Sender(p *tenant.EmailProvider, conn *tenant.Connection) (delivery.Sender, error) {
	account := aws.Account{AccessKey: p.Secrets[AccessKeyOption], Secret: p.Secrets[SecretOption], Region: p.Region}
	if missing := account.Missing(); missing != nil {
		return nil, &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration,
			Text: fmt.Sprintf("The email provider lacks %s of Amazon SES.", strings.Join(missing, " and ")),
			Fix:  "Complete the email provider's credentials.",
		}
	}
	if err := envelope.CheckFrom(p, conn); err != nil {
		return nil, err
	}
	base := c.base
	if base == "" {
		base, _ = aws.Endpoint("email", account.Region) // Missing has looked at it
	}
	return &sender{client: c, base: base, account: account, provider: p}, nil
}
