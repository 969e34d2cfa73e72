package manage

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// What readers return through pointers is shared and not to be changed. Where
// there is nothing by a name, the fault is NotFound. Each method that writes is
// one transaction: all of it is kept, or nothing.

// Connections keeps connections.
type Connections interface {
	// AllConnections returns every connection in the order of creation.
	AllConnections(ctx context.Context) ([]*tenant.Connection, error)
	// ConnectionByID returns a connection.
	ConnectionByID(ctx context.Context, id tenant.ConnectionID) (*tenant.Connection, error)
	// CreateConnection stores a new connection, enabled for its Clients, and
	// the event. The fault is ErrConnectionName if the name is taken and
	// ErrClient if a client is not there.
	CreateConnection(ctx context.Context, c tenant.Connection, e tenant.LogEvent) error
	// ChangeConnection replaces a connection by what change makes of it. No
	// other change comes between. The function may be called more than once.
	ChangeConnection(ctx context.Context, id tenant.ConnectionID, change ChangeConnection) error
	// DeleteConnection removes a connection with its codes, its identities,
	// and the users who have no other identity.
	DeleteConnection(ctx context.Context, id tenant.ConnectionID, e tenant.LogEvent) error
}

// A ChangeConnection makes the connection that takes the place of c, which is
// its to change.
type ChangeConnection func(c *tenant.Connection) (tenant.LogEvent, error)

// Clients keeps applications.
type Clients interface {
	// Client returns an application.
	Client(ctx context.Context, id tenant.ClientID) (*tenant.Client, error)
	// ListClients returns those that keep wants; all if it is nil.
	ListClients(ctx context.Context, w Window, keep func(*tenant.Client) bool) (List[*tenant.Client], error)
	// CreateClient stores a new application and the event, and enables it for
	// every connection whose applications the configuration file does not name
	// if everywhere is set. The fault is ErrClientID if the id is taken.
	CreateClient(ctx context.Context, c tenant.Client, everywhere bool, e tenant.LogEvent) error
	// ChangeClient replaces an application by what change makes of it. No
	// other change comes between. The function may be called more than once.
	ChangeClient(ctx context.Context, id tenant.ClientID, change ChangeClient) error
	// DeleteClient removes an application, ends its grants and takes it off
	// its connections, unless last refuses that.
	DeleteClient(ctx context.Context, id tenant.ClientID, last ChangeClient) error
	// CountGrants returns how many grants of an application live.
	CountGrants(ctx context.Context, id tenant.ClientID) (int, error)
	// Settings returns the tenant's settings.
	Settings(ctx context.Context) (*tenant.Settings, error)
}

// A ChangeClient makes the application that takes the place of c, which is its
// to change, or sees it for the last time.
type ChangeClient func(c *tenant.Client) (tenant.LogEvent, error)

// APIs keeps APIs.
type APIs interface {
	// AllAPIs returns every API in the order of creation.
	AllAPIs(ctx context.Context) ([]*tenant.API, error)
	// CreateAPI stores a new API and the event. The fault is ErrIdentifier if
	// the identifier is taken.
	CreateAPI(ctx context.Context, a tenant.API, e tenant.LogEvent) error
	// ChangeAPI replaces an API by what change makes of it. No other change
	// comes between. The function may be called more than once.
	ChangeAPI(ctx context.Context, id string, change ChangeAPI) error
	// DeleteAPI removes an API with the client grants and the permissions for
	// it, unless last refuses that.
	DeleteAPI(ctx context.Context, id string, last ChangeAPI) error
}

// A ChangeAPI makes the API that takes the place of a, which is its to change,
// or sees it for the last time.
type ChangeAPI func(a *tenant.API) (tenant.LogEvent, error)

// Grants keeps what applications may ask of APIs in their own name.
type Grants interface {
	// AllClientGrants returns every client grant in the order of its ids.
	AllClientGrants(ctx context.Context) ([]tenant.ClientGrant, error)
	// CreateClientGrant stores a new grant and the event. The fault is
	// ErrGrantExists if the application has one for the audience, and
	// ErrClient if the application is not there.
	CreateClientGrant(ctx context.Context, g tenant.ClientGrant, e tenant.LogEvent) error
	// ChangeClientGrant replaces a grant by what change makes of it.
	ChangeClientGrant(ctx context.Context, id string, change ChangeClientGrant) error
	// DeleteClientGrant removes a grant, unless last refuses that.
	DeleteClientGrant(ctx context.Context, id string, last ChangeClientGrant) error
}

// A ChangeClientGrant makes the grant that takes the place of g, which is its
// to change, or sees it for the last time.
type ChangeClientGrant func(g *tenant.ClientGrant) (tenant.LogEvent, error)

// Tenant keeps the tenant's settings.
type Tenant interface {
	// ChangeSettings replaces the tenant's document by what change makes of it.
	// No other change comes between. The fault is ErrManaged if the
	// configuration file manages it.
	ChangeSettings(ctx context.Context, change ChangeSettings) error
}

// A ChangeSettings makes the document that takes the place of doc.
type ChangeSettings func(doc []byte) ([]byte, tenant.LogEvent, error)

// Users keeps users.
type Users interface {
	// User returns a user with identities, blocked or not.
	User(ctx context.Context, id tenant.UserID) (*tenant.User, error)
	// ListUsers returns users in the order of creation.
	ListUsers(ctx context.Context, q UserQuery, w Window) (List[*tenant.User], error)
	// CreateUser stores a new user with their one identity, and the event, and
	// returns them with their id. The fault is ErrUserExists if somebody has
	// the id or the identifier, or if it is a test identity's; and ErrConnection
	// if the connection is not there.
	CreateUser(ctx context.Context, n NewUser) (*tenant.User, error)
	// ChangeUser replaces a user by what change makes of them. No other change
	// comes between. The function may be called more than once.
	//
	// Of somebody who is blocked after it nothing lives on: sessions have ended,
	// applications are to be told of it, grants are revoked, and codes and
	// devices are forgotten. Being unblocked brings nothing back.
	ChangeUser(ctx context.Context, c UserChange) (*tenant.User, error)
	// DeleteUser removes a user and all that was given to them, in the way of
	// ChangeUser, and stores the events, of which Deleted only if there was
	// such a user. Whoever gets their identifiers next is somebody else.
	DeleteUser(ctx context.Context, d DeleteUser) error
	// SearchUsers returns users who have a number, an address or a name that
	// begins like what is searched for.
	SearchUsers(ctx context.Context, q UserSearch) (UserFound, error)
	// SignOutUser ends all sessions of a user and all that was granted to them,
	// and stores the event.
	SignOutUser(ctx context.Context, o SignOutUser) (Holdings, error)
}

// NewUser is what Users.CreateUser is given.
type NewUser struct {
	User  tenant.User
	Named bool // the id is the caller's, else one is made
	Event func(u *tenant.User) tenant.LogEvent
}

// UserChange is what Users.ChangeUser is given.
type UserChange struct {
	ID     tenant.UserID
	Now    time.Time
	Ends   bool // somebody is blocked by it, or an identifier changes
	Change ChangeUser
}

// A ChangeUser makes the user who takes the place of u, who is its to change.
// One that moves an identity to another identifier returns which: codes for the
// old one and the new one are forgotten, and the fault of ChangeUser is
// ErrUserExists if the new one is somebody's.
type ChangeUser func(u *tenant.User) (*Move, []tenant.LogEvent, error)

// A Move gives an identity another identifier.
type Move struct {
	Identity tenant.Identity // as it is
	To       string
}

// DeleteUser is what Users.DeleteUser is given.
type DeleteUser struct {
	ID             tenant.UserID
	Now            time.Time
	Event, Deleted tenant.LogEvent
}

// Logs reads and adds to the tenant's log.
type Logs interface {
	// Log returns an event.
	Log(ctx context.Context, id string) (tenant.LogEvent, error)
	// ListLogs returns events that match.
	ListLogs(ctx context.Context, q LogQuery, w Window) (List[tenant.LogEvent], error)
	// SearchLogs returns the newest events that match, and looks at no more than
	// it is told to.
	SearchLogs(ctx context.Context, q LogSearch) (LogFound, error)
	// AddLogs stores events that belong to no other write.
	AddLogs(ctx context.Context, events ...tenant.LogEvent) error
}

// Messages reads the message log.
type Messages interface {
	// Message returns a message.
	Message(ctx context.Context, id string) (tenant.Message, error)
	// Messages returns the newest messages that match, newest first.
	Messages(ctx context.Context, q MessageQuery) (MessagesFound, error)
	// Funnel counts what became of sign-ins, for each of so many hours.
	Funnel(ctx context.Context, from time.Time, hours int) ([]FunnelHour, error)
}

// Files applies the configuration file.
type Files interface {
	// Apply writes what plan makes of everything there is. It marks that as
	// managed by the file, and all else as not. The function may be called
	// more than once and must not change what it is given.
	Apply(ctx context.Context, plan func(Everything) (Plan, error)) error
}

// Everything is all that a configuration file can speak of.
type Everything struct {
	Clients     []*tenant.Client
	Connections []*tenant.Connection
	APIs        []*tenant.API
	Grants      []tenant.ClientGrant
	Settings    *tenant.Settings
	// EmailProvider is nil if there is none.
	EmailProvider *tenant.EmailProvider
}

// A Plan is what a configuration file wants to be so. What has the id of
// something that exists takes its place; connections are enabled for exactly
// their Clients. Tenant is the tenant's document, or nil to leave it; so is
// EmailProvider.
type Plan struct {
	Clients     []tenant.Client
	Connections []tenant.Connection
	APIs        []tenant.API
	Grants      []tenant.ClientGrant
	Tenant      []byte
	// EmailProvider takes the place of the one there is.
	EmailProvider *tenant.EmailProvider
	// Protection are the parts of attack protection that take the place of
	// those there are.
	Protection map[tenant.ProtectionPart][]byte
	// TestIdentities take the places of those for the same identifiers.
	TestIdentities []tenant.TestIdentity
	Events         []tenant.LogEvent
}

// A UserQuery picks users. Empty fields pick all.
type UserQuery struct {
	ID         string
	Email      string
	Phone      string
	Name       string
	Nickname   string
	Connection tenant.ConnectionID
	Blocked    *bool
	Descending bool // newest first
}

// A LogQuery picks log events. Empty fields pick all.
type LogQuery struct {
	Type       string
	Client     string
	Connection string // id
	User       string
	After      string    // events with a greater id
	From, To   time.Time // From is included, To is not
	// Texts are fields without a column, with the value each must have.
	Texts      []LogText
	Descending bool // newest first
}

// A LogText is a field of a log event that must have a value.
type LogText struct{ Field, Value string }
