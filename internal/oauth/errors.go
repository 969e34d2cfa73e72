package oauth

import (
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The types of access tokens (RFC 6750, RFC 9449).
const (
	Bearer = "Bearer"
	DPoP   = "DPoP"
)

// The error codes of the token endpoint (RFC 6749 §5.2, RFC 8628 §3.5) and
// Auth0's additions.
const (
	CodeInvalidRequest       = "invalid_request"
	CodeInvalidClient        = "invalid_client"
	CodeInvalidToken         = "invalid_token" // RFC 6750 §3.1
	CodeInvalidGrant         = "invalid_grant"
	CodeInvalidScope         = "invalid_scope"
	CodeUnauthorizedClient   = "unauthorized_client"
	CodeUnsupportedGrantType = "unsupported_grant_type"
	CodeAccessDenied         = "access_denied"
	CodeUnauthorized         = "unauthorized"
	CodeTooManyAttempts      = "too_many_attempts"
	CodeTooManyRequests      = "too_many_requests"
	CodeAuthorizationPending = "authorization_pending"
	CodeSlowDown             = "slow_down"
	CodeExpiredToken         = "expired_token"
	CodeMFARequired          = "mfa_required"
	CodeEndpointDisabled     = "endpoint_disabled"
	CodeMethodNotAllowed     = "method_not_allowed"
	CodeUnsupportedResponse  = "unsupported_response_type"
	CodeUnavailable          = "temporarily_unavailable"
	CodeInvalidTarget        = "invalid_target" // RFC 8707 §2
)

// InvalidRequest is the fault of a request that is not as it should be.
func InvalidRequest(message string) *fault.Error {
	return fault.New(fault.Invalid, CodeInvalidRequest, message)
}

// MissingParameter is the fault of a request that lacks a parameter.
func MissingParameter(name string) *fault.Error {
	return InvalidRequest("Missing required parameter: " + name)
}

// RepeatedParameter is the fault of a request that has a parameter more than
// once (RFC 6749 §3.1).
func RepeatedParameter(name string) *fault.Error {
	return InvalidRequest("Parameter sent more than once: " + name)
}

// InvalidClient is the fault of an application that did not prove who it is. It
// says nothing of whether there is such an application.
func InvalidClient() *fault.Error {
	return fault.New(fault.Denied, CodeInvalidClient, "Client authentication failed.")
}

// GrantNotAllowed is the fault of an application that may not use a grant type.
func GrantNotAllowed(grantType string) *fault.Error {
	return fault.New(fault.Denied, CodeUnauthorizedClient,
		"Grant type '"+grantType+"' not allowed for the client.")
}

// UnsupportedGrantType is the fault of a grant type that nobody may use.
func UnsupportedGrantType(grantType string) *fault.Error {
	return fault.New(fault.Denied, CodeUnsupportedGrantType, "Unsupported grant type: "+grantType)
}

// InvalidScope is the fault of a scope parameter that is neither a string nor a
// list.
func InvalidScope() *fault.Error {
	return fault.New(fault.Invalid, CodeInvalidScope, "Scope must be an array or a string")
}

// ServiceNotFound is the fault of an audience that there is no API for.
func ServiceNotFound(audience string) *fault.Error {
	return fault.New(fault.Denied, CodeAccessDenied, "Service not found: "+audience)
}

// InvalidTarget is the fault of a resource parameter that names nothing (RFC
// 8707 §2).
func InvalidTarget() *fault.Error {
	return fault.New(fault.Invalid, CodeInvalidTarget, "resource must be an absolute URI without a fragment.")
}

// TargetNotGranted is the fault of a resource parameter that names another API
// than was granted (RFC 8707 §2.2).
func TargetNotGranted() *fault.Error {
	return fault.New(fault.Invalid, CodeInvalidTarget, "This was not granted for the resource.")
}

// Unbound is the fault of a request to be given through the browser what is
// given only with a proof of a key (RFC 9449), which cannot be sent there.
func Unbound() *fault.Error {
	return InvalidRequest("Access tokens are bound to a key here (DPoP) and are not given to browsers: ask for a code.")
}

// AudienceNotGranted is the fault of an application that asks in its own name
// for an API it has no grant for.
func AudienceNotGranted(audience string) *fault.Error {
	return fault.New(fault.Denied, CodeAccessDenied,
		"The client has no grant for "+audience+". Create a client grant for this API first.")
}

// ScopesNotGranted is the fault of an application that asks in its own name for
// scopes it was not granted.
func ScopesNotGranted(scopes Scopes) *fault.Error {
	return fault.New(fault.Denied, CodeAccessDenied, "The client was not granted: "+scopes.String())
}

// AccessDenied is the fault of a person or a rule that said no.
func AccessDenied(message string) *fault.Error {
	return fault.New(fault.Denied, CodeAccessDenied, message)
}

// InvalidGrant is the fault of a code or token that is wrong, used or too old.
func InvalidGrant(message string) *fault.Error {
	return fault.New(fault.Denied, CodeInvalidGrant, message)
}

// InvalidCode is the fault of an authorization code that cannot be redeemed.
func InvalidCode() *fault.Error { return InvalidGrant("Invalid authorization code") }

// InvalidVerifier is the fault of a PKCE verifier that does not match.
func InvalidVerifier() *fault.Error { return InvalidGrant("Failed to verify code verifier") }

// InvalidRefreshToken is the fault of a refresh token that gives nothing.
func InvalidRefreshToken() *fault.Error {
	return InvalidGrant("Unknown or invalid refresh token.")
}

// RefreshNotFor is the fault of a refresh token that is used for an API it is
// not good for.
func RefreshNotFor(audience string) *fault.Error {
	return AccessDenied("The refresh token is not good for " + audience + ".")
}

// WrongCode is the fault of a one-time code that lets nobody in, whatever the
// reason. The channel tells what it was sent to.
func WrongCode(channel tenant.Channel) *fault.Error {
	if channel == tenant.SMS {
		return InvalidGrant("Wrong phone number or verification code.")
	}
	return InvalidGrant("Wrong email or verification code.")
}

// TooManyTries is the fault of a one-time code that was guessed at too often.
func TooManyTries() *fault.Error {
	return InvalidGrant("You've reached the maximum number of attempts. Please try to login again.")
}

// CodeExpired is the fault of a one-time code that came too late.
func CodeExpired() *fault.Error {
	return InvalidGrant("The verification code has expired. Please try to login again.")
}

// Status returns the HTTP status an error of the Authentication API is answered
// with. Auth0 refuses with 403 what RFC 6749 §5.2 refuses with 400; strict
// chooses the standard (R23).
func Status(err *fault.Error, strict bool) int {
	if err == nil {
		return 200
	}
	auth0, standard := statuses(err.Code)
	switch {
	case auth0 == 0:
		return kindStatus(err)
	case strict:
		return standard
	}
	return auth0
}

// statuses returns both forms of a code's status, or zero for codes whose kind
// decides.
func statuses(code string) (auth0, standard int) {
	switch code {
	case CodeInvalidRequest, CodeInvalidScope, CodeInvalidTarget:
		return 400, 400
	case CodeInvalidClient, CodeInvalidToken:
		return 401, 401
	case CodeInvalidGrant, CodeUnauthorizedClient, CodeUnsupportedGrantType, CodeAccessDenied,
		CodeAuthorizationPending, CodeExpiredToken:
		return 403, 400
	case CodeMFARequired:
		return 403, 403
	case CodeSlowDown:
		return 429, 400 // RFC 8628 §3.5
	case CodeTooManyAttempts, CodeTooManyRequests:
		return 429, 429
	case CodeEndpointDisabled:
		return 404, 404
	case CodeMethodNotAllowed:
		return 405, 405
	case CodeUnsupportedResponse:
		return 501, 400
	case CodeUnavailable:
		return 503, 503
	}
	return 0, 0
}

func kindStatus(err *fault.Error) int {
	switch err.Kind {
	case fault.Invalid:
		return 400
	case fault.Denied, fault.Gone:
		return 403
	case fault.NotFound:
		return 404
	case fault.Conflict:
		return 409
	case fault.TooMany:
		return 429
	case fault.Unavailable:
		return 503
	}
	return 500
}
