// Package vonage sends text messages through Vonage, with an account stored in
// the connection: by its Messages API, or by the older SMS API for accounts that
// have no other.
package vonage

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/delivery/call"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Provider is the name that messages sent through Vonage carry, and what
// connections call it.
const Provider = "vonage"

// The names of an account's secrets among a connection's Secrets.
const (
	SecretOption  = "doorcode.vonage.api_secret"
	PrivateOption = "doorcode.vonage.private_key"
)

// The names of the APIs.
const (
	messagesAPI = "messages"
	smsAPI      = "sms"
)

// A Client makes senders. It is safe for use by many goroutines.
type Client struct {
	http    *call.Client
	base    string
	reports string // the public URL, or "" if Vonage cannot reach it
}

// Options are what an operator may set.
type Options struct {
	// BaseURL replaces the addresses of both APIs in all regions, for
	// stand-ins; empty for none.
	BaseURL string
	// PublicURL is where this server is reached. Vonage is asked for reports
	// there if it can be.
	PublicURL string
}

// New returns a client. It refuses a base URL over which credentials would
// travel in the clear.
func New(http *call.Client, o Options) (*Client, error) {
	c := &Client{http: http, reports: delivery.CallbackBase(o.PublicURL)}
	if o.BaseURL == "" {
		return c, nil
	}
	var err error
	c.base, err = call.Base("Vonage", o.BaseURL)
	return c, err
}

// endpoint is where an API is in a region.
func (c *Client) endpoint(api, region string) string {
	switch {
	case c.base != "":
		return c.base
	case api == smsAPI:
		return "https://rest.nexmo.com"
	case region == "eu" || region == "us" || region == "ap":
		return "https://api-" + region + ".nexmo.com"
	}
	return "https://api.nexmo.com"
}

// Sender returns who sends for the connection. The error is a *delivery.Error
// that names what its settings lack.
func (c *Client) Sender(conn *tenant.Connection) (delivery.Sender, error) {
	account := conn.Sender.Vonage
	s := &sender{
		client: c, from: conn.Sender.From, api: account.API, key: account.APIKey, secret: conn.Secrets[SecretOption],
		application: account.ApplicationID, pem: conn.Secrets[PrivateOption], connection: conn.ID,
		reports: c.reports != "" && conn.Secrets[SignatureOption] != "",
	}
	if s.api == "" {
		s.api = messagesAPI
	}
	s.base = c.endpoint(s.api, account.Region)
	byApplication := s.api == messagesAPI && s.application != ""
	var missing []string
	switch {
	case byApplication && s.pem == "":
		missing = append(missing, "the private key of the application")
	case byApplication:
		var err error
		if s.private, err = readKey(s.pem); err != nil {
			missing = append(missing, "a private key of the application that can be read ("+err.Error()+")")
		}
	default:
		if s.key == "" {
			missing = append(missing, "the API key")
		}
		if s.secret == "" {
			missing = append(missing, "the API secret")
		}
	}
	if s.from == "" {
		missing = append(missing, "From: a number or a name to send from")
	}
	if missing != nil {
		return nil, &delivery.Error{
			Code: delivery.CodeNoAccount, Class: delivery.Configuration,
			Text: fmt.Sprintf("The connection %q lacks, for Vonage: %s.", conn.Name, strings.Join(missing, "; ")),
			Fix:  "Complete options.doorcode.vonage of the connection.",
		}
	}
	return s, nil
}

// readKey reads an application's private key, which Vonage hands out as PEM. The
// error says nothing of the key itself.
func readKey(text string) (*rsa.PrivateKey, error) {
	// In an environment variable or a line of YAML its line breaks are often
	// two characters each.
	block, _ := pem.Decode([]byte(strings.ReplaceAll(text, `\n`, "\n")))
	if block == nil {
		return nil, errors.New("it is not PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*rsa.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("it is not an RSA key")
	}
	return key, nil
}
