package authapi

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// credentialParams are the parameters by which an application says who it is.
func credentialParams() []string {
	return []string{"client_id", "client_secret", "client_assertion", "client_assertion_type"}
}

// credentials reads how the application identifies itself: by Basic
// authentication, by a secret in the body or by an assertion there, and by one
// of them only (RFC 6749 §2.3).
func (a *API) credentials(r *http.Request, p web.Params) (grant.Credentials, error) {
	if err := texts(p, credentialParams()...); err != nil {
		return grant.Credentials{}, err
	}
	if err := noSecretInURL(r.URL); err != nil {
		return grant.Credentials{}, err
	}
	basic, ok, err := web.BasicCredentials(r)
	if err != nil {
		return grant.Credentials{}, err
	}
	c := grant.Credentials{
		ID: tenant.ClientID(p.Get("client_id")), Secret: p.Get("client_secret"), Assertion: p.Get("client_assertion"),
		Endpoint: strings.TrimSuffix(a.Issuer, "/") + r.URL.Path,
	}
	ways := 0
	if p.Has("client_secret") {
		c.Method = tenant.AuthSecretPost
		ways++
	}
	if p.Has("client_assertion") || p.Has("client_assertion_type") {
		if err := readAssertion(&c, p); err != nil {
			return grant.Credentials{}, err
		}
		ways++
	}
	if ok {
		if c.ID != "" && string(c.ID) != basic.ID {
			return grant.Credentials{}, oauth.InvalidRequest("client_id differs from that in the Authorization header")
		}
		c.ID, c.Secret, c.Method = tenant.ClientID(basic.ID), basic.Secret, tenant.AuthSecretBasic
		ways++
	}
	if ways > 1 {
		return grant.Credentials{}, oauth.InvalidRequest("Authenticate the client in one way only")
	}
	return c, nil
}

// readAssertion reads an assertion. It names the application, so that client_id
// may be left out (RFC 7521 §4.2).
func readAssertion(c *grant.Credentials, p web.Params) error {
	if p.Get("client_assertion_type") != grant.AssertionType {
		return oauth.InvalidRequest("client_assertion_type must be " + grant.AssertionType)
	}
	if c.Assertion == "" {
		return oauth.MissingParameter("client_assertion")
	}
	c.Method = tenant.AuthPrivateKeyJWT
	if c.ID != "" {
		return nil
	}
	claimed, err := signing.ParseAssertion(c.Assertion)
	if err != nil {
		return oauth.InvalidClient().Because(err)
	}
	c.ID = tenant.ClientID(claimed.Claims.Text("sub"))
	return nil
}

// noSecretInURL refuses a secret in the address, where proxies and logs keep
// it, even if nobody would have read it there.
func noSecretInURL(u *url.URL) error {
	if u.RawQuery == "" {
		return nil
	}
	for name := range u.Query() {
		if name == "client_secret" || name == "client_assertion" {
			return oauth.InvalidRequest("Send " + name + " in the body, not in the address")
		}
	}
	return nil
}
