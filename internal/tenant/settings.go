package tenant

// Settings are what holds for the whole tenant.
type Settings struct {
	FriendlyName    string
	SupportEmail    string
	SupportURL      string
	DefaultAudience string
	EnabledLocales  []string
	Sessions        SessionPolicy
	// ErrorPage is a page of the tenant's own that shows errors of /authorize;
	// empty means ours (Auth0: error_page.url).
	ErrorPage string
	// PictureURL is a picture for the pages of sign-ins to applications that have
	// none (Auth0: picture_url).
	PictureURL string
	// LoginURI is where people are sent who come to this server by no
	// application's request, and empty nowhere (Auth0: default_redirection_uri).
	LoginURI string
	// LogoutURLs are where people may be sent after a logout that names no
	// application (Auth0: allowed_logout_urls).
	LogoutURLs []string
	// SilentLogout ends sessions at /oidc/logout without asking, whoever has
	// sent the person there (Auth0: sessions.oidc_logout_prompt_enabled false).
	SilentLogout bool
	// LinksNeedBrowser lets a link sign in only the browser that asked for it
	// (Auth0: universal_login.passwordless.allow_magiclink_verify_without_session
	// false).
	LinksNeedBrowser bool
	// HiddenLogout leaves the logout endpoint out of discovery (Auth0:
	// oidc_logout.rp_logout_end_session_endpoint_discovery false).
	HiddenLogout bool
	// ResourceParameter takes "resource" for an audience where there is none
	// (RFC 8707; Auth0: resource_parameter_profile).
	ResourceParameter bool
	// DeviceFlow is the form of the codes that people type for a device.
	DeviceFlow UserCodeForm
	// Countries says where text messages go to, for connections that do not
	// say it themselves (Auth0: country_codes).
	Countries Countries
	// SMSBudget is what all connections together may send by text message.
	SMSBudget Budget
	Flags     Flags
	Doc       []byte // the document as the Management API shows it
	Managed   bool   // written by the configuration file
}

// Flags are the tenant's switches that engines read. The zero value is what a
// new tenant gets, except ClientAuthOnStart and ClientConnections.
type Flags struct {
	// ClientAuthOnStart demands that confidential applications authenticate
	// at /passwordless/start (Auth0:
	// enforce_client_authentication_on_passwordless_start; on for new tenants).
	ClientAuthOnStart bool
	// RevealSignUpDisabled answers "Public signup is disabled" to unknown
	// people, as Auth0 does, instead of treating everybody alike.
	RevealSignUpDisabled bool
	// StandardsStrict answers in the standards' form where Auth0's differs.
	StandardsStrict bool
	// LegacyPipeline lets clients that are not OIDC-conformant behave so.
	LegacyPipeline bool
	// NoLegacyOwner, NoLegacyDelegation and NoLegacyTokenInfo close endpoints
	// to applications that behave as before OpenID Connect (Auth0:
	// allow_legacy_ro_grant_types, allow_legacy_delegation_grant_types,
	// allow_legacy_tokeninfo_endpoint, as false).
	NoLegacyOwner      bool
	NoLegacyDelegation bool
	NoLegacyTokenInfo  bool
	// NoVerify closes /passwordless/verify without a grant type, and
	// /passwordless/verify_redirect (allow_passwordless_verify as false).
	NoVerify bool
	// LegacyProfile shows them the whole profile at /userinfo (Auth0:
	// enable_legacy_profile).
	LegacyProfile bool
	// RevokeDeletesGrant makes revoking one refresh token revoke all of the
	// same user, application and audience (Auth0: revoke_refresh_token_grant).
	RevokeDeletesGrant bool
	// ConfirmLogout asks people at /v2/logout, which any page can send them to.
	ConfirmLogout bool
	// ClientConnections enables every connection for new applications (Auth0:
	// enable_client_connections; on for new tenants).
	ClientConnections bool
}
