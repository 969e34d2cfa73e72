package tenant

import "time"

// A SigningKey is a key that tokens are signed with. Private is sealed.
type SigningKey struct {
	ID        string // "kid"
	Alg       string // "RS256" or "ES256"
	State     KeyState
	Private   []byte // sealed PKCS #8
	Cert      []byte // self-signed certificate, DER
	CreatedAt time.Time
	ActiveAt  time.Time // when it became the current key
	RevokedAt time.Time
}

// KeyState is where a signing key is in its life.
type KeyState string

// The states. There is one current and one next key for each algorithm.
const (
	KeyNext     KeyState = "next"     // published, not used yet
	KeyCurrent  KeyState = "current"  // signs
	KeyPrevious KeyState = "previous" // verifies what it signed
	KeyRevoked  KeyState = "revoked"  // verifies nothing
)

// IDTokenAlgs are the algorithms (RFC 7518 §3.1) that ID tokens may be signed
// with. An application that asks for none gets the first.
func IDTokenAlgs() []string { return []string{"RS256", "ES256", "PS256", "HS256"} }

// AccessTokenAlgs are the same for the access tokens of an API. HS256 is not
// among them: everybody who checked such tokens could make them, too.
func AccessTokenAlgs() []string { return []string{"RS256", "ES256", "PS256"} }
