package grant

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// Settings finds applications and APIs. What it returns is shared and not to
// be changed. The fault is NotFound where there is none.
type Settings interface {
	// Client returns an application.
	Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	// API returns an API by its identifier.
	API(ctx context.Context, audience string) (*tenant.API, error)
	// ProofAPIs returns the APIs that take tokens of some applications only if
	// they are bound to a key.
	ProofAPIs(ctx context.Context) ([]*tenant.API, error)
	// ClientGrant returns what a client may ask of an API in its own name.
	ClientGrant(ctx context.Context, client tenant.ClientID, audience string) (*tenant.ClientGrant, error)
	// Settings returns the tenant's settings.
	Settings(ctx context.Context) (*tenant.Settings, error)
}

// Ledger is the storage of grants. Each method is one transaction and holds
// under any concurrency.
type Ledger interface {
	// UseRefresh uses a refresh token: at most one call ever replaces it. Using
	// a token that was replaced before revokes its grant, unless it happens
	// within the client's leeway.
	UseRefresh(ctx context.Context, r Refresh) (Refreshed, error)

	// UseCode redeems an authorization code: at most one call ever does, and
	// only one that matches everything the code is bound to. The same exchange
	// for the second time revokes the grant. The fault is ErrNoKey, and the code
	// as it was, if its audience is one of u.Unproved; and so it is
	// oauth.TargetNotGranted if there are u.Targets and its audience is none.
	UseCode(ctx context.Context, u CodeUse) (CodeUsed, error)

	// RevokeTokens ends a grant of the client, and, if all, every grant of the
	// same user, client and audience. It reports the grant's user, or "" if
	// there was nothing to revoke.
	RevokeTokens(ctx context.Context, r Revoke) (tenant.UserID, error)

	// GrantUser returns a grant with its user. The fault is NotFound when
	// either is gone, the grant is revoked, or the user is blocked.
	GrantUser(ctx context.Context, id string) (tenant.Grant, tenant.User, error)

	// Permissions returns the scopes of an API that a user holds as permissions,
	// directly and by roles, in order.
	Permissions(ctx context.Context, id tenant.UserID, audience string) ([]string, error)

	// User returns a user with all identities, blocked or not. The fault is
	// NotFound when there is none.
	User(ctx context.Context, id tenant.UserID) (*tenant.User, error)

	// ActiveUser returns a user. The fault is NotFound when there is none, or
	// they are blocked.
	ActiveUser(ctx context.Context, id tenant.UserID) (tenant.User, error)

	// UseOnce takes a name that nobody may use twice before it expires. Of any
	// number of calls with a name, one is told true.
	UseOnce(ctx context.Context, now, expires time.Time, name ...string) (bool, error)

	// RefreshGrant returns a refresh token of a client that could be used now,
	// with its grant. The fault is NotFound for any other.
	RefreshGrant(ctx context.Context, digests [][]byte, client tenant.ClientID, now time.Time) (tenant.RefreshToken, tenant.Grant, error)

	// AddPushed keeps an authorization request that was pushed by a client.
	AddPushed(ctx context.Context, digest []byte, client tenant.ClientID, params []byte, expires time.Time) error
	// TakePushed returns what AddPushed keeps, once, to the client that pushed
	// it. The fault is NotFound when it was taken, has expired, or is another's.
	TakePushed(ctx context.Context, digests [][]byte, client tenant.ClientID, now time.Time) ([]byte, error)

	// AddLogs stores log events that belong to no other write.
	AddLogs(ctx context.Context, events ...tenant.LogEvent) error
}

// Refresh is what Ledger.UseRefresh is given.
type Refresh struct {
	Now     time.Time
	Digests [][]byte // of the token, under the current and previous keys
	Client  tenant.ClientID
	Policy  tenant.RefreshPolicy
	// Key is the thumbprint of the key that was proved, if any: a token that is
	// bound to one needs it.
	Key string
	// Audience, unless it is nil, must be the grant's. That of a grant for no API
	// is empty.
	Audience *string
	// Barred are the rules whose tokens are not taken, BarOIDC for those of
	// OpenID Connect; none if it is empty.
	Barred tenant.Pipeline
	Next   []byte // digest of the token that replaces it, when rotating
	// Used, Failed and Reused are the log events of the three outcomes.
	Used, Failed, Reused tenant.LogEvent
}

// For reports whether the token of a grant with that audience is to be used.
func (r *Refresh) For(audience string) bool { return r.Audience == nil || *r.Audience == audience }

// BarOIDC is the value of Refresh.Barred that takes tokens of the legacy
// pipeline alone.
const BarOIDC tenant.Pipeline = "oidc"

// Refreshed is what became of a Refresh.
type Refreshed struct {
	Outcome RefreshOutcome
	Grant   tenant.Grant
	User    tenant.User
}

// RefreshOutcome says what a refresh token was good for.
type RefreshOutcome uint8

// The outcomes. Unknown and Reused look the same from outside.
const (
	UnknownToken  RefreshOutcome = iota // no such token, not this client's, expired or revoked
	Renewed                             // good; replaced by Next if the policy rotates
	ReusedToken                         // replaced before: the grant is revoked now
	OtherAudience                       // good, but for another API; the token is as it was
)

// Revoke is what Ledger.RevokeTokens is given. The grant is the one that is named,
// or else that of the refresh token.
type Revoke struct {
	Now     time.Time
	Grant   string
	Digests [][]byte // of the refresh token, under the current and previous keys
	Client  tenant.ClientID
	All     bool
	Event   tenant.LogEvent // stored when something was revoked
}
