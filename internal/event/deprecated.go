package event

import (
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A Feature is something that works as it did before OpenID Connect, for
// applications that still need it.
type Feature struct{ ID, Name, Description string }

// The features whose use is logged.
var (
	LegacyAuthorize = Feature{
		"legacy_pipeline", "Legacy authentication pipeline",
		"/authorize was asked without an audience by an application that is not OIDC-conformant.",
	}
	LegacyOwner = Feature{
		"legacy_ro", "Resource owner endpoint",
		"A code was brought to /oauth/ro or /passwordless/verify. Use /oauth/token.",
	}
	LegacyVerify = Feature{
		"legacy_passwordless_verify", "Passwordless verify endpoint",
		"A code was brought to /passwordless/verify, to be checked. Use /authorize or /co/authenticate.",
	}
	LegacyVerifyRedirect = Feature{
		"legacy_passwordless_verify_redirect", "Passwordless verify redirect",
		"A code was brought to /passwordless/verify_redirect. Use /authorize or /co/authenticate.",
	}
	LegacyDelegation = Feature{
		"legacy_delegation", "Delegation endpoint",
		"A refresh token was brought to /delegation. Use /oauth/token.",
	}
	LegacySSOData = Feature{
		"legacy_ssodata", "SSO data endpoint",
		"A page asked at /user/ssodata whether somebody is signed in. Use /authorize with prompt=none.",
	}
	LegacyTokenInfo = Feature{
		"legacy_tokeninfo", "Token info endpoint",
		"A profile was asked for with an ID token at /tokeninfo. Use /userinfo.",
	}
)

// deprecations is where the features are described.
const deprecations = "https://github.com/doorcode/doorcode/blob/main/docs/compatibility.md#before-openid-connect"

// Deprecation returns the event of such a use (Auth0: depnote).
func Deprecation(f Feature, client *tenant.Client, now time.Time) tenant.LogEvent {
	e := New(Deprecated, now)
	About(&e, nil, client)
	e.Description = f.Name
	e.Details = map[string]any{"feature": map[string]any{
		"id": f.ID, "name": f.Name, "description": f.Description, "documentation": deprecations,
	}}
	return e
}
