// Package sns sends text messages through Amazon SNS, with an account stored in
// the connection.
//
// SNS takes no name for a request that is repeated and no time after which a
// message is worth nothing, so that neither is sent.
package sns

import (
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/aws"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent through SNS carry, and what
// connections call it.
const Provider = "sns"

// SecretOption is the name of the secret access key among a connection's
// Secrets.
const SecretOption = "doorcode.sns.secret_access_key"

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
	base, err := call.Base("Amazon SNS", base)
	if err != nil {
		return nil, err
	}
	return &Client{http: http, base: base}, nil
}

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what its settings lack.
func (c *Client) Sender(conn *tenant.Connection) (delivery.Sender, error) {
	account := aws.Account{
		AccessKey: conn.Sender.SNS.AccessKey, Secret: conn.Secrets[SecretOption], Region: conn.Sender.SNS.Region,
	}
	if missing := account.Missing(); missing != nil {
		return nil, &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration,
			Text: fmt.Sprintf("The connection %q lacks %s of Amazon SNS.", conn.Name, strings.Join(missing, " and ")),
			Fix:  "Complete options.doorcode.sns of the connection.",
		}
	}
	base := c.base
	if base == "" {
		base, _ = aws.Endpoint("sns", account.Region) // Missing has looked at it
	}
	return &sender{client: c, base: base, account: account, from: conn.Sender.From, price: conn.Sender.SNS.MaxPrice}, nil
}
