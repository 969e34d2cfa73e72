package tenant

import "time"

// An AuthorizationCode is what an application exchanges for tokens (RFC 6749
// §4.1). What it stands for is its grant; here is what the exchange has to
// match. The code itself is not stored, only its digest.
type AuthorizationCode struct {
	Digest        []byte
	Grant         string
	Client        ClientID
	RedirectURI   string
	RedirectGiven bool
	Challenge     string // PKCE, S256; empty if the request had none
	AskedScope    string
	Nonce         string
	ACR           string
	Device        string
	DPoPKey       string // the key that the tokens must be bound to (RFC 9449 §10)
	Legacy        bool
	CreatedAt     time.Time
	Expires       time.Time
}

// AuthorizationCodeLifetime is how long an application has to redeem a code.
const AuthorizationCodeLifetime = 60 * time.Second
