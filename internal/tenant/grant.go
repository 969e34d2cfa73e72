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
	AuthTime  time.Time
	CreatedAt time.Time
	RevokedAt time.Time // zero while it holds
}

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
