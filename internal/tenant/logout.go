package tenant

import "slices"

// An Initiator is why a session ended (Auth0: backchannel_logout_initiators).
type Initiator string

// The initiators.
const (
	LogoutByPerson     Initiator = "rp-logout"
	SessionRevoked     Initiator = "session-revoked"
	AccountDeleted     Initiator = "account-deleted"
	AccountDeactivated Initiator = "account-deactivated" // blocked
)

// Backchannel is how an application is told that a session has ended (OpenID
// Connect Back-Channel Logout 1.0). It is not told while URL is empty.
type Backchannel struct {
	URL string
	// Chosen says that it is told only of the ends that Initiators names, and
	// of those that people have asked for.
	Chosen     bool
	Initiators []Initiator
}

// Wants reports whether the application is to be told.
func (b *Backchannel) Wants(i Initiator) bool {
	return b.URL != "" && (!b.Chosen || i == LogoutByPerson || slices.Contains(b.Initiators, i))
}

// A LogoutNotice is an application that has yet to be told that a session has
// ended.
type LogoutNotice struct {
	Session   string
	Client    ClientID
	User      UserID
	Initiator Initiator
	Attempts  int // before this one
	// Lease says which claim it is of: only who made that may settle it.
	Lease int64
}
