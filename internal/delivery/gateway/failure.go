package gateway

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/outbound"
)

// codeTimeout is the code that Auth0's text about a timeout ends in.
const codeTimeout = "ETIMEDOUT"

// noAnswer is the error of a request that was not answered.
func (s *sender) noAnswer(m delivery.Outgoing, token string, err error, written bool) error {
	e := &delivery.Error{Code: delivery.CodeUnreachable, Class: delivery.Temporary, Text: "The SMS gateway cannot be reached."}
	var refused *outbound.Refused
	switch {
	case errors.As(err, &refused):
		e.Code, e.Class, e.Text = delivery.CodeForbidden, delivery.Configuration, "The address of the SMS gateway is not one that this server may call."
		e.Fix = refusal(refused)
	case timeout(err):
		e.Code, e.Unanswered, e.Text = codeTimeout, written, "Timeout while calling the SMS gateway: "+codeTimeout
	case written:
		e.Code, e.Unanswered, e.Text = delivery.CodeNoAnswer, true, "The connection to the SMS gateway broke off before the answer."
	case insecure(err) != "":
		e.Class, e.Scope = delivery.Configuration, delivery.OfAccount
		e.Text, e.Fix = "There is no safe connection to the SMS gateway.", insecure(err)
	default:
		e.Fix = "Check the address of the SMS gateway, and that it answers."
	}
	return e.Because(s.scrub(m, token, err))
}

// refusal says what to do about an address that was not called. What it was
// resolved to is not told: tenants do not learn from here what is in the
// operator's network.
func refusal(r *outbound.Refused) string {
	switch r.Reason {
	case outbound.Network:
		return "It is not a public one (" + r.Kind + "). Give the gateway a public https address, or have the operator name its network with --allow-networks."
	case outbound.Port:
		return "Have the gateway answer at port 443 or 8443, or have the operator name its network with --allow-networks."
	}
	return "Give the gateway an address that begins with https://, or have the operator name its network with --allow-networks."
}

func timeout(err error) bool {
	var n net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &n) && n.Timeout()
}

// insecure says why a gateway cannot be spoken to in secret, or "". There is no
// falling back to a connection that is not checked (DEP-07).
func insecure(err error) string {
	var (
		invalid x509.CertificateInvalidError
		name    x509.HostnameError
		unknown x509.UnknownAuthorityError
		other   *tls.CertificateVerificationError
		plain   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "Its certificate has expired, or is not valid yet. Renew it, and check the clocks."
	case errors.As(err, &name):
		return "Its certificate is for another name. Use the name that it is for."
	case errors.As(err, &unknown):
		return "Its certificate comes from an authority that this server does not know. Use one that is publicly trusted, or install the authority on this server."
	case errors.As(err, &other):
		return "Its certificate is not valid. Replace it."
	case errors.As(err, &plain) || errors.Is(err, http.ErrSchemeMismatch):
		return "The gateway does not speak https at this port."
	}
	return ""
}
