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
	AuthMethod string // token_endpoint_auth_method
	GrantTypes []string
	FirstParty bool
	// SaysLegacy is set for applications that were created with
	// oidc_conformant false, not for those that leave it out.
	SaysLegacy bool

	IDTokenLifetime time.Duration
	IDTokenAlg      string // "RS256", "ES256" or "HS256"
	Refresh         RefreshPolicy

	// TrustsIPHeader allows auth0-forwarded-for from this client when it has
	// authenticated itself (Auth0: is_token_endpoint_ip_header_trusted).
	TrustsIPHeader bool

	Callbacks      []string
	WebOrigins     []string
	AllowedOrigins []string

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
	// GrantImplicit allows answers of /authorize with tokens in them. The token
	// endpoint knows no such type.
	GrantImplicit = "implicit"
)

// Public reports whether the client cannot keep a secret and so authenticates
// by nothing but its id.
func (c *Client) Public() bool { return c.AuthMethod == "none" }

// TakesSecret reports whether the client authenticates with its secret. One
// that is set up for keys or certificates does not, though it may have one.
func (c *Client) TakesSecret() bool {
	switch c.AuthMethod {
	case "", "client_secret_post", "client_secret_basic":
		return true
	}
	return false
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
}

// An API is a resource server: something access tokens are made for.
type API struct {
	ID                 string
	Identifier         string // the audience
	Name               string
	Scopes             []string
	SigningAlg         string // "RS256" or "ES256"
	TokenLifetime      time.Duration
	AllowOfflineAccess bool
	// Profile is the shape of its access tokens (Auth0: token_dialect).
	Profile string

	Doc       []byte
	Managed   bool // written by the configuration file
	CreatedAt time.Time
	UpdatedAt time.Time
}

// A ClientGrant lets an application ask for an API's scopes in its own name.
type ClientGrant struct {
	ID       string
	Client   ClientID
	Audience string
	Scopes   []string
	Managed  bool // written by the configuration file
}
