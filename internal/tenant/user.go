package tenant

import "time"

// A UserID is a channel, a bar and 24 hexadecimal digits: "sms|58fa…". Users
// made elsewhere may have other text after the bar.
type UserID string

// A User is a person as the tenant knows them.
type User struct {
	ID            UserID
	Email         string
	EmailVerified bool
	Phone         string
	PhoneVerified bool
	Name          string
	Nickname      string
	Picture       string
	GivenName     string
	FamilyName    string
	Blocked       bool
	Test          bool // a test identity's, and nobody else's
	Identities    []Identity
	UserMetadata  map[string]any
	AppMetadata   map[string]any
	LastIP        string
	LastLogin     time.Time
	LoginsCount   int64
	CreatedAt     time.Time
	UpdatedAt     time.Time
}

// An Identity is one connection a user can sign in through.
type Identity struct {
	Connection ConnectionID
	Name       string // the connection's name
	Channel    Channel
	UserID     string // the part of the user id after the bar
	Identifier string // the number or address
}

// A Recipient is who a code is for: the connection and the identifier in the
// one form it is stored in (a number with its plus, a lower-case address).
type Recipient struct {
	Connection ConnectionID
	Channel    Channel
	Identifier string
}
