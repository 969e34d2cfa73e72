package tenant

import "time"

// A Grant is what a person (or, in its own name, an application) was given by
// one sign-in. Access and refresh tokens belong to a grant and die with it.
type Grant struct {
	ID        string
	User      UserID
	Client    ClientID
	SessionID string // the "sid" of its ID tokens
	Audience  string
	Scope     string
	// Claims are asked for one by one, beside what the scopes cover: each as
	// "id_token.<name>" or "userinfo.<name>", with spaces between them.
	Claims string
	// Device is the name of what the refresh token is for, and Pipeline by what
	// rules it was given; both are of the legacy pipeline.
	Device    string
	Pipeline  Pipeline
	AuthTime  time.Time
	CreatedAt time.Time
	RevokedAt time.Time // zero while it holds
}

// A Pipeline is the rules that a grant was given by.
type Pipeline string

// The pipelines. Auth0 had two before OpenID Connect: that of /authorize, and
// that of codes and passwords posted by applications, whose refresh tokens are
// no good at the token endpoint.
const (
	PipelineOIDC   Pipeline = ""
	PipelineLegacy Pipeline = "legacy"
	PipelineOwner  Pipeline = "ro"
)

// Legacy reports whether the grant was given by rules before OpenID Connect.
func (g *Grant) Legacy() bool { return g.Pipeline != PipelineOIDC }

// MaxRefreshTokens is how many grants with a refresh token a user may have for
// one application (Auth0). The oldest end when there are more.
const MaxRefreshTokens = 200

// A RefreshToken is one link of the chain of refresh tokens of a grant. The
// token itself is not stored, only its digest.
type RefreshToken struct {
	Digest     []byte
	Grant      string
	Generation int64 // 1 for the first; grows with each rotation
	Rotating   bool
	IssuedAt   time.Time
	LastUsed   time.Time
	Expires    time.Time // zero: never
	IdleSpan   time.Duration
	IdleEnds   time.Time // zero: never
	ReplacedAt time.Time // zero while it is the newest of its chain
	// Key is the thumbprint of the key it is bound to (RFC 9449 §5), or empty.
	Key string
}
