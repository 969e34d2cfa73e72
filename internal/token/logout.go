package token

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// LogoutLife is how long a logout token is good for (OpenID Connect
// Back-Channel Logout 1.0 §2.4: two minutes at most).
const LogoutLife = 2 * time.Minute

// logoutEvent is what a logout token says has happened (§2.4).
const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Logout makes a logout token: that the session of the user has ended. It is
// signed as the application's ID tokens are, and has no nonce, so that neither
// can be taken for the other.
func (i *Issuer) Logout(ctx context.Context, client *tenant.Client, user tenant.UserID, session string) (string, error) {
	now := i.Now()
	claims, err := AppendClaims(nil, []Claim{
		{"iss", i.Issuer},
		{"sub", string(user)},
		{"aud", string(client.ID)},
		{"iat", now.Unix()},
		{"exp", now.Add(LogoutLife).Unix()},
		{"jti", secret.Token(16)},
		{"events", map[string]any{logoutEvent: struct{}{}}},
		{"sid", session},
	})
	if err != nil {
		return "", fmt.Errorf("make logout token: %w", err)
	}
	d := signing.Draft{Alg: IDTokenAlg(client), Typ: signing.TypLogout, Claims: claims}
	if d.Alg == signing.HS256 {
		d.Secret = []byte(client.Secret)
	}
	return i.Keys.Sign(ctx, d)
}
