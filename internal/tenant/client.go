package tenant

import (
	"slices"
	"time"
)

// A ClientID names an application: 32 letters and digits.
type ClientID string

// A Client is an application that asks for people to be signed in.
type Client struct {
	ID         ClientID
	Name       string
	Secret     string // empty for clients that cannot keep one
	AppType    string // "native", "spa", "regular_web", "non_interactive" or empty
	AuthMethod string // token_endpoint_auth_method; empty: with its secret, either way
	GrantTypes []string
	FirstParty bool
	// SaysLegacy is set for applications that were created with
	// oidc_conformant false, not for those that leave it out, and
	// SaysConformant for those that were with true.
	SaysLegacy     bool
	SaysConformant bool

	// ResourceServer is the API that the client stands for, if any (Auth0:
	// resource_server_identifier).
	ResourceServer string
	// NeedsPushed demands that authorization requests are pushed, and PushedLife
	// is how long one is kept; zero is the default (RFC 9126).
	NeedsPushed bool
	PushedLife  time.Duration
	// NeedsProof demands that every token is bound to a key (Auth0:
	// require_proof_of_possession).
	NeedsProof bool

	// Credentials are its public keys. AssertionKeys are the ids of those that
	// it may prove itself by.
	Credentials   []Credential
	AssertionKeys []string

	IDTokenLifetime time.Duration
	IDTokenAlg      string // one of IDTokenAlgs
	Refresh         RefreshPolicy

	// TrustsIPHeader allows auth0-forwarded-for from this client when it has
	// authenticated itself (Auth0: is_token_endpoint_ip_header_trusted).
	TrustsIPHeader bool

	// LogoURI is a picture for the pages of its sign-ins (Auth0: logo_uri).
	LogoURI string
	// LoginURI is where a sign-in to it begins (Auth0: initiate_login_uri).
	LoginURI   string
	Callbacks  []string
	WebOrigins []string
	// CrossOrigin lets its pages sign people in by themselves (Auth0:
	// cross_origin_authentication).
	CrossOrigin    bool
	AllowedOrigins []string
	// LogoutURLs are where people may be sent after a logout (Auth0:
	// allowed_logout_urls).
	LogoutURLs  []string
	Backchannel Backchannel

	Doc       []byte // the document as the Management API shows it, without the secret
	Managed   bool   // written by the configuration file
	CreatedAt time.Time
	UpdatedAt time.Time
}

// The grant types this server knows. The first is Auth0's own.
const (
	GrantOTP               = "http://auth0.com/oauth/grant-type/passwordless/otp"
	GrantClientCredentials = "client_credentials"
	GrantRefreshToken      = "refresh_token"
	GrantAuthorizationCode = "authorization_code"
	GrantDeviceCode        = "urn:ietf:params:oauth:grant-type:device_code" // RFC 8628
	// GrantImplicit allows answers of /authorize with tokens in them. The token
	// endpoint knows no such type.
	GrantImplicit = "implicit"
	// GrantOwner and GrantDelegation open the endpoints before OpenID Connect
	// to an application (Auth0: /oauth/ro, /delegation). The token endpoint
	// knows no such types.
	GrantOwner      = "http://auth0.com/oauth/legacy/grant-type/ro"
	GrantDelegation = "http://auth0.com/oauth/legacy/grant-type/delegation/refresh_token"
)

// Public reports whether the client cannot keep a secret and so authenticates
// by nothing but its id.
func (c *Client) Public() bool { return c.AuthMethod == AuthNone }

// The ways a client may authenticate (OpenID Connect Core 1.0 §9).
const (
	AuthNone          = "none"
	AuthSecretBasic   = "client_secret_basic"
	AuthSecretPost    = "client_secret_post"
	AuthPrivateKeyJWT = "private_key_jwt"
	AuthTLS           = "tls_client_auth" // known, and never enough here
)

// Takes reports whether the client may authenticate in that way. One that is
// set up for keys or certificates does not do so with its secret, though it may
// have one; one that does not say how may send its secret either way.
func (c *Client) Takes(method string) bool {
	if c.AuthMethod == "" {
		return method == AuthSecretBasic || method == AuthSecretPost
	}
	return c.AuthMethod == method
}

// Legacy reports whether the application may behave as before OpenID Connect: it
// says so itself, or says nothing and the tenant does (R9).
func (c *Client) Legacy(f Flags) bool {
	return c.SaysLegacy || f.LegacyPipeline && !c.SaysConformant
}

// MayUse reports whether the client is allowed the grant type.
func (c *Client) MayUse(grant string) bool { return slices.Contains(c.GrantTypes, grant) }

// RefreshPolicy says how long refresh tokens of a client live and whether each
// use replaces them.
type RefreshPolicy struct {
	Rotating bool
	// Leeway is how long the token just replaced is still taken, for clients
	// whose answer was lost on the way.
	Leeway time.Duration
	// Lifetime and Idle end a token after its first issue and after its last
	// use. Zero means never.
	Lifetime time.Duration
	Idle     time.Duration
	// Resources are the APIs that every refresh token of the client is good for
	// beside the one it was given for (Auth0: multi-resource refresh tokens).
	Resources []RefreshResource
}

// A RefreshResource is an API with the scopes that a refresh token gives there.
type RefreshResource struct {
	Audience string
	Scopes   []string
}

// For returns the scopes that refresh tokens give for the API, and nil if they
// give none.
func (p *RefreshPolicy) For(audience string) []string {
	for _, r := range p.Resources {
		if r.Audience == audience {
			return r.Scopes
		}
	}
	return nil
}

// An API is a resource server: something access tokens are made for.
type API struct {
	ID                 string
	Identifier         string // the audience
	Name               string
	Scopes             []string
	SigningAlg         string // one of AccessTokenAlgs
	TokenLifetime      time.Duration
	WebTokenLifetime   time.Duration // of tokens that go through the browser
	AllowOfflineAccess bool
	// SkipConsent lets applications of the tenant's own have what people would
	// be asked for (Auth0: skip_consent_for_verifiable_first_party_clients).
	SkipConsent bool
	// Policies says that people get only those scopes that they hold as
	// permissions (Auth0: enforce_policies).
	Policies bool
	// Profile is the shape of its access tokens (Auth0: token_dialect).
	Profile string

	// Proof says whose tokens have to be bound to a key by DPoP (Auth0:
	// proof_of_possession).
	Proof ProofPolicy

	Doc       []byte
	Managed   bool // written by the configuration file
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A ProofPolicy says which applications have to bind their tokens to a key.
type ProofPolicy string

// The policies. The zero value asks nobody.
const (
	ProofOfPublic ProofPolicy = "public_clients"
	ProofOfAll    ProofPolicy = "all_clients"
)

// NeedsProof reports whether the API takes only tokens of the application that
// are bound to a key.
func (a *API) NeedsProof(c *Client) bool {
	return a.Proof == ProofOfAll || a.Proof == ProofOfPublic && c.Public()
}

// A ClientGrant lets an application ask for an API's scopes in its own name.
type ClientGrant struct {
	ID       string
	Client   ClientID
	Audience string
	Scopes   []string
	// AllScopes grants whatever scopes the API has.
	AllScopes bool

	Doc     []byte // what was sent beside these
	Managed bool   // written by the configuration file
}
