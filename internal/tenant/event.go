package tenant

import "time"

// A LogEvent is one entry of the tenant's log, in Auth0's form.
type LogEvent struct {
	ID            string // 56 digits that sort by time
	At            time.Time
	Type          string // "s", "cs", "fepotpft", …
	Description   string
	Connection    string
	ConnectionID  ConnectionID
	Strategy      Channel
	Client        ClientID
	ClientName    string
	IP            string
	UserAgent     string
	User          UserID
	UserName      string
	Audience      string
	Scope         string
	Details       map[string]any
	IsMobile      bool
	Auth0Client   map[string]any
	StrategyType  string
	CorrelationID string
	// Test says that the event is about a test identity and nobody else.
	Test bool
}
