// Package gateway sends text messages through an HTTP service of the tenant's
// own, in the way that Auth0 does: the message is one POST of JSON, and only
// the status of the answer counts.
//
// The address is the tenant's choice, so it is called through outbound, and
// nothing that it answers is shown to anybody: an answer could come from a
// machine that the tenant cannot reach and would like to read.
package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/outbound"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent through a gateway carry, and what
// connections call it.
const Provider = "sms_gateway"

// SecretOption is the name of the secret that tokens are signed with, among a
// connection's Secrets.
const SecretOption = "gateway_authentication.secret"

// Options are what an operator may set.
type Options struct {
	Outbound outbound.Options
	Issuer   string // what tokens name as theirs
	Now      func() time.Time
}

// A Client holds the connections to the gateways of all tenants. It is safe for
// use by many goroutines.
type Client struct {
	http     *http.Client
	outbound outbound.Options
	issuer   string
	now      func() time.Time
}

// New returns a client.
func New(o Options) *Client {
	now := o.Now
	if now == nil {
		now = time.Now
	}
	return &Client{http: outbound.New(o.Outbound), outbound: o.Outbound, issuer: o.Issuer, now: now}
}

// Close drops the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Sender returns who sends for the connection. The error is a *delivery.Error
// that says what is wrong with its settings.
func (c *Client) Sender(conn *tenant.Connection) (delivery.Sender, error) {
	account := &conn.Sender
	if account.GatewayURL == "" {
		return nil, incomplete(conn, "lacks the address of its SMS gateway")
	}
	if err := checkURL(account.GatewayURL); err != nil {
		return nil, incomplete(conn, "cannot use the address of its SMS gateway: "+err.Error())
	}
	s := &sender{
		client: c, url: account.GatewayURL, from: account.From, forward: account.ForwardRequestInfo,
		auth: account.GatewayAuth, secret: conn.Secrets[SecretOption],
	}
	if s.auth.Method == "" {
		return s, nil
	}
	if !strings.EqualFold(s.auth.Method, "bearer") {
		return nil, incomplete(conn, `knows one way of authentication at its SMS gateway, "bearer"`)
	}
	if s.secret == "" {
		return nil, incomplete(conn, "lacks the secret for its SMS gateway")
	}
	s.key = []byte(s.secret)
	if s.auth.SecretIsBase64 {
		var err error
		if s.key, err = decode(s.secret); err != nil || len(s.key) == 0 {
			return nil, incomplete(conn, "has a secret for its SMS gateway that is not base64url")
		}
	}
	return s, nil
}

// decode reads base64url with or without its padding, and base64 as well.
func decode(s string) ([]byte, error) {
	s = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(s)
	return base64.RawURLEncoding.DecodeString(s)
}

// checkURL looks at the form only. Whether the address may be called is known
// when its name has been resolved.
func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Hostname() == "":
		return errors.New("it must look like https://gateway.example.com/send")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("it must begin with https://")
	case u.User != nil:
		return errors.New("it must not have a user name or password in it")
	}
	return nil
}

func incomplete(conn *tenant.Connection, what string) error {
	return &delivery.Error{
		Code: delivery.CodeNoAccount, Class: delivery.Configuration,
		Text: fmt.Sprintf("The connection %q %s.", conn.Name, what),
		Fix:  "Complete the SMS gateway settings of the connection.",
	}
}
