package tenant

import "time"

// A DeviceCredential is a refresh token as the Management API shows it: what it
// is for, and never the token (Auth0: device credential). It is one grant,
// however often its token was replaced.
type DeviceCredential struct {
	ID        string // that of the grant
	Device    string // the name that the application gave it; often none
	User      UserID
	Client    ClientID
	Rotating  bool
	CreatedAt time.Time
	LastUsed  time.Time
}
