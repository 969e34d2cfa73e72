package tenant

import (
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// An AdministratorID names an administrator, such as "adm_4wZ1kQ…".
type AdministratorID string

// An Administrator may use the Dashboard. Administrators are not users: they
// have a table and a way in of their own, and no API of the tenant's shows or
// makes one.
type Administrator struct {
	ID        AdministratorID
	Email     string // in its canonical form
	Role      AdministratorRole
	CreatedAt time.Time
	LastLogin time.Time // zero if they have not signed in yet
}

// AdministratorRole is what an administrator may do.
type AdministratorRole string

// The roles. Each may do what the one after it may.
const (
	Owner  AdministratorRole = "owner"  // also says who the administrators are
	Editor AdministratorRole = "editor" // changes settings
	Viewer AdministratorRole = "viewer" // looks
)

// May reports whether the role covers what is for need.
func (r AdministratorRole) May(need AdministratorRole) bool {
	rank := func(r AdministratorRole) int {
		switch r {
		case Owner:
			return 3
		case Editor:
			return 2
		case Viewer:
			return 1
		}
		return 0
	}
	return rank(r) > 0 && rank(r) >= rank(need)
}

// Valid reports whether there is such a role.
func (r AdministratorRole) Valid() bool { return r == Owner || r == Editor || r == Viewer }

// An AdministratorSession is a browser in which an administrator is signed in.
type AdministratorSession struct {
	Administrator Administrator
	CreatedAt     time.Time
	// ProvedAt is when they last showed who they are.
	ProvedAt time.Time
	Expires  time.Time
}

// How long what lets administrators in is good for.
const (
	AdministratorSessionLife = 12 * time.Hour
	AdministratorCodeLife    = 10 * time.Minute
	AdministratorLinkLife    = 30 * time.Minute
	// FreshProof is how recently an administrator must have shown who they are
	// for secrets, administrators, keys and exports.
	FreshProof = 5 * time.Minute
)

// The faults of administrators. They are shown as they are.
var (
	ErrAdministrator        = fault.New(fault.NotFound, "inexistent_administrator", "There is no such administrator.")
	ErrAdministratorExists  = fault.New(fault.Conflict, "conflict", "There is an administrator with that e-mail address already.")
	ErrLastOwner            = fault.New(fault.Conflict, "last_owner", "This is the last owner. Make somebody else an owner first.")
	ErrAdministratorLink    = fault.New(fault.Gone, "expired_link", "This link was used already or is too old. Run \"doorcode admin link\" on the server for another.")
	ErrAdministratorCode    = fault.New(fault.Denied, "wrong_code", "That code is not right, or it is too old.")
	ErrAdministratorBrowser = fault.New(fault.Denied, "other_browser", "This link works in the browser that asked for it, until that asks again. Go back to that browser and type the code from the e-mail, or ask for another here.")
	ErrAdministratorEmailed = fault.New(fault.Gone, "dead_link", "This link, and the code beside it, cannot be used any more. Ask for another.")
	ErrAdministratorDead    = fault.New(fault.Gone, "dead_code", "That code cannot be used any more. Ask for another.")
)
