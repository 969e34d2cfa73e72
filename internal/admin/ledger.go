package admin

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Ledger keeps administrators. Each method that writes is one transaction, in
// which what is counted or used once is one conditional statement.
type Ledger interface {
	// Administrators returns all, in the order of their addresses.
	Administrators(ctx context.Context) ([]tenant.Administrator, error)
	// AddAdministrator stores one and the event. The fault is
	// tenant.ErrAdministratorExists if the address is taken.
	AddAdministrator(ctx context.Context, a tenant.Administrator, e tenant.LogEvent) error
	// ChangeAdministrator gives an administrator another role and ends their
	// sessions. The fault is tenant.ErrLastOwner if no owner would be left.
	ChangeAdministrator(ctx context.Context, id tenant.AdministratorID, role tenant.AdministratorRole, e tenant.LogEvent) error
	// RemoveAdministrator removes one by id, with their sessions and whatever
	// was sent to their address or made for it. Unless anyone is set, the last
	// owner stays, with the fault tenant.ErrLastOwner.
	RemoveAdministrator(ctx context.Context, id tenant.AdministratorID, anyone bool, e tenant.LogEvent) error

	// BeginCode counts a request for a code against its buckets and stores the
	// code. It does the same for every address. known reports whether there is
	// an administrator with it; wait is how long until there is another
	// request, and nothing was stored if it is not zero.
	BeginCode(ctx context.Context, b BeginCode) (known bool, wait time.Duration, err error)
	// RedeemCode judges a guess, and opens the session if it is right or stores
	// the event of a wrong one. Of many right guesses at once one is. The faults are tenant.ErrAdministratorCode
	// and tenant.ErrAdministratorDead.
	RedeemCode(ctx context.Context, g Guess) (tenant.Administrator, error)
	// RedeemEmailed uses a code up for whoever has shown the link beside it, and
	// opens the session. Of many at once, by code or by link, one is let in. The
	// fault is tenant.ErrAdministratorDead.
	RedeemEmailed(ctx context.Context, g Guess) (tenant.Administrator, error)

	// AddLink stores a link.
	AddLink(ctx context.Context, l Link) error
	// RedeemLink uses a link, makes the administrator if there is none with
	// the address, and opens the session. Of many at once one is let in. The
	// fault is tenant.ErrAdministratorLink.
	RedeemLink(ctx context.Context, u UseLink) (tenant.Administrator, error)

	// OpenAdministratorSession signs an administrator in who needs no proof,
	// and makes them if there is none with the address.
	OpenAdministratorSession(ctx context.Context, a tenant.Administrator, s NewSession) (tenant.Administrator, error)
	// AdministratorSession returns a session that has not ended.
	AdministratorSession(ctx context.Context, now time.Time, digests [][]byte) (tenant.AdministratorSession, error)
	// EndAdministratorSession ends a session and stores the event, if there is
	// one.
	EndAdministratorSession(ctx context.Context, digests [][]byte, e tenant.LogEvent) error
}

// BeginCode asks for a code to be stored.
type BeginCode struct {
	Now     time.Time
	Browser []byte // digest of the cookie
	Email   string
	Digest  []byte // of the code
	Expires time.Time
	// Buckets are those that the request is taken out of; none where requests
	// are not limited.
	Buckets []attack.Bucket
}

// A NewSession is one that is to be opened. Replaces are the digests of the one
// that the browser had, if any.
type NewSession struct {
	Now      time.Time
	Digest   []byte
	Expires  time.Time
	Replaces [][]byte
	Event    tenant.LogEvent
}

// A Guess at a code. By the link beside it there are no digests.
type Guess struct {
	Now time.Time
	// Email is what the browser asked for, and Identifier its key in the
	// counters of tries.
	Browsers   [][]byte
	Email      string
	Identifier string
	Digest     []byte // of the guess
	Previous   []byte // the same under the root key before
	Session    NewSession
	Wrong      tenant.LogEvent // if it is
}

// A Link lets whoever has its secret in.
type Link struct {
	Digest  []byte
	Email   string
	Role    tenant.AdministratorRole
	First   bool // good only while there is no administrator
	Expires time.Time
}

// UseLink uses one.
type UseLink struct {
	Digests [][]byte
	// Person is who to make: the address counts if the link has none.
	Person  tenant.Administrator
	Session NewSession
}
