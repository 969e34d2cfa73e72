package authapi

import (
	"net/http"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// metadata tells clients about this server (OpenID Connect Discovery 1.0 §3,
// RFC 8414 §2). It names what there is and nothing else, but for objectAlgs.
type metadata struct {
	Issuer             string   `json:"issuer"`
	Authorization      string   `json:"authorization_endpoint"`
	TokenEndpoint      string   `json:"token_endpoint"`
	UserinfoEndpoint   string   `json:"userinfo_endpoint"`
	JWKSURI            string   `json:"jwks_uri"`
	RevocationEndpoint string   `json:"revocation_endpoint"`
	Introspection      string   `json:"introspection_endpoint"`
	PushEndpoint       string   `json:"pushed_authorization_request_endpoint"`
	DeviceEndpoint     string   `json:"device_authorization_endpoint"`
	EndSession         string   `json:"end_session_endpoint,omitempty"`
	Scopes             []string `json:"scopes_supported"`
	ResponseTypes      []string `json:"response_types_supported"`
	ResponseModes      []string `json:"response_modes_supported"`
	ChallengeMethods   []string `json:"code_challenge_methods_supported"`
	Prompts            []string `json:"prompt_values_supported"`
	GrantTypes         []string `json:"grant_types_supported"`
	SubjectTypes       []string `json:"subject_types_supported"`
	AuthMethods        []string `json:"token_endpoint_auth_methods_supported"`
	AuthAlgs           []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	ProofAlgs          []string `json:"dpop_signing_alg_values_supported"`
	IDTokenAlgs        []string `json:"id_token_signing_alg_values_supported"`
	RequestObjectAlgs  []string `json:"request_object_signing_alg_values_supported"`
	Claims             []string `json:"claims_supported"`
	Classes            []string `json:"acr_values_supported"`
	RequestURI         bool     `json:"request_uri_parameter_supported"`
	Request            bool     `json:"request_parameter_supported"`
	ClaimsParameter    bool     `json:"claims_parameter_supported"`
	Backchannel        bool     `json:"backchannel_logout_supported"`
	BackchannelSession bool     `json:"backchannel_logout_session_supported"`
	ResponseIssuer     bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
}

// objectAlgs is in the metadata for what is not in it. No request object is
// taken, whatever signs it, and request_parameter_supported says so; but where
// the list is missing, unsigned ones may be tried, by the OpenID conformance
// suite too, which then reads the answer as the object would have it (R23). An
// empty list is forbidden (RFC 8414 §3.2). These are Auth0's, also of tenants
// that take none.
func objectAlgs() []string { return []string{"RS256", "RS384", "PS256"} }

// discovery serves the metadata. Everything in it comes from the configured
// public URL, nothing from the request: a Host header cannot change it.
func (a *API) discovery(w http.ResponseWriter, r *http.Request) error {
	set, err := a.Settings(r.Context())
	if err != nil {
		return err
	}
	endSession := a.Issuer + "oidc/logout"
	if set.HiddenLogout {
		endSession = ""
	}
	w.Header().Set("Cache-Control", "public, max-age=15, stale-while-revalidate=15")
	w.Header().Set("Access-Control-Allow-Origin", "*") // public facts, no credentials
	return web.WriteJSON(w, http.StatusOK, metadata{
		Issuer:             a.Issuer,
		Authorization:      a.Issuer + "authorize",
		TokenEndpoint:      a.Issuer + "oauth/token",
		UserinfoEndpoint:   a.Issuer + "userinfo",
		JWKSURI:            a.Issuer + ".well-known/jwks.json",
		RevocationEndpoint: a.Issuer + "oauth/revoke",
		Introspection:      a.Issuer + "oauth/introspect",
		PushEndpoint:       a.Issuer + "oauth/par",
		DeviceEndpoint:     a.Issuer + "oauth/device/code",
		EndSession:         endSession,
		Backchannel:        true,
		BackchannelSession: true,
		Scopes:             []string{oauth.OpenID, oauth.Profile, oauth.Email, oauth.Phone, oauth.OfflineAccess},
		ResponseTypes:      oauth.ResponseTypes(),
		ResponseModes:      oauth.ResponseModes(),
		ChallengeMethods:   []string{oauth.MethodS256},
		Prompts: []string{
			tenant.PromptNone, tenant.PromptLogin, tenant.PromptConsent, tenant.PromptSelectAccount, tenant.PromptCreate,
		},
		ResponseIssuer:    true,
		GrantTypes:        []string{tenant.GrantOTP, tenant.GrantAuthorizationCode, tenant.GrantImplicit, tenant.GrantClientCredentials, tenant.GrantRefreshToken, tenant.GrantDeviceCode},
		SubjectTypes:      []string{"public"},
		AuthMethods:       []string{"client_secret_basic", "client_secret_post", "private_key_jwt", "none"},
		AuthAlgs:          signing.AssertionAlgs(),
		ProofAlgs:         signing.ProofAlgs(),
		IDTokenAlgs:       tenant.IDTokenAlgs(),
		RequestObjectAlgs: objectAlgs(),
		ClaimsParameter:   true,
		Classes:           []string{oauth.ACR},
		Claims: []string{
			"acr", "aud", "auth_time", "at_hash", "c_hash", "email", "email_verified", "exp", "family_name", "given_name", "iat", "iss",
			"name", "nickname", "nonce", "phone_number", "phone_number_verified", "picture", "sid", "sub", "updated_at",
		},
	})
}

// jwks serves the public keys: current, next and previous.
func (a *API) jwks(w http.ResponseWriter, _ *http.Request) error {
	h := w.Header()
	// Keys are published long before they sign, so a client may hold on to
	// what it has for a while.
	life := strconv.Itoa(int(signing.CacheLife / time.Second))
	h.Set("Cache-Control", "public, max-age="+life+", stale-while-revalidate="+life)
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a.Keys.JWKS())
	return err
}
