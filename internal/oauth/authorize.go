package oauth

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Values are the parameters of a request. One without a value counts as not
// sent (RFC 6749 §3.1).
type Values interface {
	// Get returns the value of a parameter, or "".
	Get(name string) string
}

// What is kept of a request until it is answered, for whoever sends one: each
// parameter, and all of them, in bytes as they were sent. A state is as long as
// it is, whatever its characters take where it is kept (OAU-13).
const (
	maxParameter = 4096
	maxRequest   = 8192
)

// The error codes of /authorize beside those of the token endpoint (RFC 6749
// §4.1.2.1, OpenID Connect Core 1.0 §3.1.2.6).
const (
	CodeServerError         = "server_error"
	CodeLoginRequired       = "login_required"
	CodeConsentRequired     = "consent_required"
	CodeInteractionRequired = "interaction_required"
	CodeRequestUnsupported  = "request_not_supported"
	CodeURIUnsupported      = "request_uri_not_supported"
	CodeInvalidRequestURI   = "invalid_request_uri"
)

// LoginRequired is the fault of a silent request for somebody who is not signed
// in.
func LoginRequired() *fault.Error {
	return fault.New(fault.Denied, CodeLoginRequired, "Login required")
}

// ConsentRequired is the fault of a silent request for what the person was not
// asked about.
func ConsentRequired() *fault.Error {
	return fault.New(fault.Denied, CodeConsentRequired, "Consent required")
}

// ReadAuthorize reads a request to /authorize, also one that is pushed or that a
// link will answer, by what the tenant has set. Its application and redirect URI
// are known to be good already; a fault is for the application to hear. The
// order of the checks is that of OpenID's conformance suite: what cannot be
// served by its kind is refused before anything in it is looked at.
func ReadAuthorize(set *tenant.Settings, c *tenant.Client, redirectURI string, v Values) (tenant.AuthorizeRequest, error) {
	r := tenant.AuthorizeRequest{
		Client: c.ID, RedirectURI: redirectURI, RedirectGiven: v.Get("redirect_uri") != "",
		Scope: v.Get("scope"), State: v.Get("state"), Nonce: v.Get("nonce"),
		Challenge: v.Get("code_challenge"), LoginHint: v.Get("login_hint"), Connection: v.Get("connection"),
		ScreenHint: v.Get("screen_hint"), UILocales: v.Get("ui_locales"),
		Device: v.Get("device"), DPoPKey: v.Get("dpop_jkt"),
	}
	// Ignoring an object would lose what is only in it, the state and the
	// nonce, and serve another request than was made (R23).
	switch {
	case v.Get("request") != "":
		return r, fault.New(fault.Invalid, CodeRequestUnsupported, "Request objects are not supported.")
	case v.Get("request_uri") != "":
		return r, fault.New(fault.Invalid, CodeURIUnsupported, "This request_uri is not supported.")
	}
	if err := readResponse(c, &r, v); err != nil {
		return r, err
	}
	// An application that asks for members of an organization must not get
	// somebody of whom nobody knows whether they are (Auth0: organization_usage
	// "deny").
	for _, name := range []string{"organization", "invitation"} {
		if v.Get(name) != "" {
			return r, InvalidRequest("parameter " + name + " is not allowed for this client")
		}
	}
	var err error
	if r.Audience, err = Audience(v.Get("audience"), v.Get("resource"), set.ResourceParameter); err != nil {
		return r, err
	}
	if err := readClaims(&r, v.Get("claims"), v.Get("acr_values")); err != nil {
		return r, err
	}
	if err := checkSize(&r, v); err != nil {
		return r, err
	}
	if r.Audience == "" {
		r.Audience = set.DefaultAudience
	}
	r.Legacy = r.Audience == "" && c.Legacy(set.Flags)
	if err := readPrompt(&r, v); err != nil {
		return r, err
	}
	return r, checkNonce(&r)
}

// checkSize refuses a request that is too long to be kept. What is not counted
// has one length, or a few known values.
func checkSize(r *tenant.AuthorizeRequest, v Values) error {
	all := len(r.RedirectURI) + len(r.HintUser) + len(r.Claims)
	for _, p := range []struct{ name, value string }{
		{"scope", r.Scope},
		{"audience", r.Audience},
		{"state", r.State},
		{"nonce", r.Nonce},
		{"login_hint", r.LoginHint},
		{"connection", r.Connection},
		{"screen_hint", r.ScreenHint},
		{"ui_locales", r.UILocales},
		{"device", r.Device},
		{"dpop_jkt", r.DPoPKey},
	} {
		if len(p.value) > maxParameter {
			return InvalidRequest("Parameter " + p.name + " is too long.")
		}
		all += len(p.value)
	}
	if len(v.Get("acr_values")) > maxParameter {
		return InvalidRequest("Parameter acr_values is too long.")
	}
	if all > maxRequest {
		return InvalidRequest("The request is too long.")
	}
	return nil
}

// readResponse reads what is asked for and how it is to be answered, and
// whether the application may.
func readResponse(c *tenant.Client, r *tenant.AuthorizeRequest, v Values) error {
	asked := v.Get("response_type")
	if asked == "" {
		return MissingParameter("response_type")
	}
	t, ok := ParseResponseType(asked)
	if !ok {
		return fault.New(fault.Invalid, CodeUnsupportedResponse, "Unsupported response type.")
	}
	r.ResponseType = t.String()
	if r.ResponseMode, ok = t.mode(v.Get("response_mode")); !ok {
		return InvalidRequest("This response_mode is not supported for the response_type.")
	}
	if r.ResponseMode == ModeWebMessage && Origin(r.RedirectURI) == "" {
		return InvalidRequest("response_mode web_message needs a redirect_uri with an origin.")
	}
	if err := t.Allowed(c); err != nil {
		return err
	}
	if t.Token && c.NeedsProof {
		return Unbound()
	}
	method := v.Get("code_challenge_method")
	if !t.Code {
		// There is no code to protect.
		r.Challenge, method = "", ""
	}
	if err := checkChallenge(r.Challenge, method, t.Code && c.Public()); err != nil {
		return err
	}
	if t.IDToken && !ParseScopes(r.Scope).Has(OpenID) {
		return InvalidRequest("An id_token needs the scope openid.")
	}
	return nil
}

// checkNonce demands a nonce of requests for an ID token through the browser
// (OpenID Connect Core 1.0 §3.2.2.1). Those of the legacy pipeline had none.
func checkNonce(r *tenant.AuthorizeRequest) error {
	if t, _ := ParseResponseType(r.ResponseType); t.IDToken && r.Nonce == "" && !r.Legacy {
		return MissingParameter("nonce")
	}
	return nil
}

// readPrompt reads how much the person is to be troubled.
func readPrompt(r *tenant.AuthorizeRequest, v Values) error {
	for p := range strings.FieldsSeq(v.Get("prompt")) {
		switch p {
		case tenant.PromptNone, tenant.PromptLogin, tenant.PromptConsent, tenant.PromptSelectAccount, tenant.PromptCreate:
		default:
			return InvalidRequest("Unknown value of prompt.")
		}
		if !slices.Contains(r.Prompt, p) { // what is kept is bounded by it
			r.Prompt = append(r.Prompt, p)
		}
	}
	if len(r.Prompt) > 1 && slices.Contains(r.Prompt, tenant.PromptNone) {
		return InvalidRequest("prompt none cannot be combined with other values.")
	}
	if age := v.Get("max_age"); age != "" {
		n, err := strconv.ParseUint(age, 10, 31)
		if err != nil {
			return InvalidRequest("Parameter max_age must be a number of seconds.")
		}
		r.MaxAge, r.HasMaxAge = time.Duration(n)*time.Second, true
	}
	return nil
}
