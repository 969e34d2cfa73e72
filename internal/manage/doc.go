// Package manage is what an administrator may do: connections, applications,
// APIs and what applications may ask of them, and reading users and the log.
// The Management API, the configuration file and the Dashboard use it, so that
// what is allowed, what is added and what is logged is the same for all.
//
// It promises that a change is whole or does not happen, that its entry in the
// tenant's log is part of it, and that no secret and no number is in that
// entry. What the configuration file manages can be changed nowhere else.
//
// Who may do what is decided by the surface, which knows the caller's scopes.
package manage

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/otp"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The faults of things that are not there, in Auth0's words.
var (
	ErrConnection  = fault.New(fault.NotFound, "inexistent_connection", "The connection does not exist")
	ErrClient      = fault.New(fault.NotFound, "inexistent_client", "The client does not exist")
	ErrUser        = fault.New(fault.NotFound, "inexistent_user", "The user does not exist.")
	ErrAPI         = fault.New(fault.NotFound, "inexistent_resource_server", "The resource server does not exist")
	ErrClientGrant = fault.New(fault.NotFound, "inexistent_client_grant", "The grant does not exist.")
	ErrLog         = fault.New(fault.NotFound, "inexistent_log", "The log event does not exist.")
	ErrMessage     = fault.New(fault.NotFound, "inexistent_message", "The message does not exist.")
)

// The faults of changes that clash with what there is.
var (
	ErrConnectionName = fault.New(fault.Conflict, "conflict", "A connection with the same name already exists")
	ErrClientID       = fault.New(fault.Conflict, "conflict", "A client with the same id already exists")
	ErrIdentifier     = fault.New(fault.Conflict, "conflict", "A resource server with the same identifier already exists")
	ErrGrantExists    = fault.New(fault.Conflict, "conflict", "A resource with that client and audience already exists")
	ErrUserExists     = fault.New(fault.Conflict, "auth0_idp_error", "The user already exists.")
	ErrStale          = fault.New(fault.Conflict, "stale", "Somebody else has changed this meanwhile.")
	ErrManaged        = fault.New(fault.Conflict, "managed_by_file",
		"This is managed by the configuration file. Change it there and restart the server.")
)

// Service does what an administrator asks. All fields must be set.
type Service struct {
	Connections Connections
	Clients     Clients
	APIs        APIs
	Grants      Grants
	Roles       Roles
	Tenant      Tenant
	Users       Users
	Sessions    Sessions
	Devices     Devices
	Logs        Logs
	Messages    Messages
	Files       Files
	// EmailProviders keeps the one there is.
	EmailProviders EmailProviders
	Protections    Protections
	Blocks         Blocks
	// Keys turn identifiers into the keys of their counters.
	Keys *secret.Ring
	// TestIdentities keeps numbers and addresses with fixed codes, whose
	// digests Codes makes.
	TestIdentities TestIdentities
	Codes          otp.Maker
	// Management are the audiences of the Management API; the first is the
	// one shown. Client grants for it are kept under ManagementAudience, so
	// that they outlive a change of the public URL.
	Management         []string
	ManagementAudience string
	// Senders returns who would send for a connection in production; nil if
	// nothing is configured. An *delivery.Error says what is missing. Only
	// CheckSender needs it.
	Senders func(ctx context.Context, c *tenant.Connection) (delivery.Sender, error)
	Now     func() time.Time
}

// A Window is the part of a list that is asked for: from an offset, or behind
// the place where an earlier part ended.
type Window struct {
	Offset, Limit int
	Count         bool   // the total is wanted
	After         *Place // nil: from the offset
}

// A Place is where a part of a list ended.
type Place struct {
	At time.Time
	ID string
}

// A List is a part of a list. Next is where it ended, or nil when there is no
// more. Total is set only if it was asked for.
type List[T any] struct {
	Items []T
	Total int
	Next  *Place
}

// cut takes the part of a whole list that is asked for.
func cut[T any](all []T, w Window, place func(T) Place) List[T] {
	out := List[T]{Total: len(all)}
	start := w.Offset
	if w.After != nil {
		start = 0
		for start < len(all) && !behind(place(all[start]), *w.After) {
			start++
		}
	}
	start = min(start, len(all))
	end := min(start+w.Limit, len(all))
	out.Items = all[start:end]
	if end < len(all) && end > start {
		p := place(all[end-1])
		out.Next = &p
	}
	return out
}

// behind reports whether a comes after b in lists, which are in the order of
// creation.
func behind(a, b Place) bool {
	if am, bm := a.At.UnixMilli(), b.At.UnixMilli(); am != bm {
		return am > bm
	}
	return a.ID > b.ID
}

// as gives "there is no such row" the words for the thing in question.
func as(err error, missing *fault.Error) error {
	if fault.Has(err, fault.NotFound) {
		return missing.Because(err)
	}
	return err
}

// gone is the error of a deletion: what is not there any more is no fault.
func gone(err error) error {
	if fault.Has(err, fault.NotFound) {
		return nil
	}
	return err
}

func connectionPlace(c *tenant.Connection) Place { return Place{c.CreatedAt, string(c.ID)} }
