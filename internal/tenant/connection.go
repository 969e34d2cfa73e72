package tenant

import (
	"fmt"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// A ConnectionID names a connection, such as "con_4wZ1kQ…".
type ConnectionID string

// Channel is how a code travels. Its value is the strategy of a connection and
// the prefix of its users' ids.
type Channel string

// The channels.
const (
	SMS   Channel = "sms"
	Email Channel = "email"
)

// A Connection is one way in: a channel over which people can be sent a code
// or link, together with everything a tenant may decide about it.
//
// An application may use a connection only if it is listed in Clients. That
// rule, and who may sign up, hold for every route into the system, so they are
// fields here rather than checks in handlers.
type Connection struct {
	ID      ConnectionID
	Name    string // the name applications send, such as "sms"
	Channel Channel
	Realms  []string // further names it answers to; by default its own
	Clients []ClientID
	Code    CodePolicy

	// NoSignUp refuses people who have no user yet. The zero value lets
	// anybody who can receive a code become a user.
	NoSignUp bool
	// BruteForce is stored for Auth0's tools; tries are limited either way.
	BruteForce bool

	RequestLanguage string // language of messages when the request names none
	Text            MessageText
	Sender          SenderAccount
	AuthParams      map[string]any

	// HostedLinks has the login pages send links, which come with a code.
	HostedLinks bool
	// Autofill appends the line that browsers read codes from.
	Autofill bool
	// Resend is "new" when asking again makes a new code; else it repeats the
	// code still open.
	Resend string
	// DefaultCountry is the country whose numbers are typed without a country
	// code, such as "GB", or empty.
	DefaultCountry string
	// Numbers says which phone numbers are taken: "" any that look like one,
	// "possible", or "valid".
	Numbers string
	// Fraud is what it does against people who send messages for their own gain.
	Fraud Fraud
	// WaitForProvider is how long a start waits for the provider's refusal.
	WaitForProvider time.Duration

	Doc       []byte               // the document as the Management API shows it, without Secrets
	Secrets   map[string]string    // options that are stored sealed, by name
	SecretsAt map[string]time.Time // when each was last changed, where that is known
	Version   int64                // grows with each change
	Managed   bool                 // written by the configuration file
	// ClientsManaged says that the file names Clients too: they are what it
	// says, and a new application is not among them.
	ClientsManaged bool
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// MessageText is what a connection's messages are made from. SMS uses Template
// and Syntax; e-mail uses From, Subject and Body.
type MessageText struct {
	Template string
	Syntax   string
	From     string
	Subject  string
	Body     string
}

// SenderAccount names the account that a connection's messages are sent from.
// The credentials are in the connection's Secrets.
type SenderAccount struct {
	Provider            string // "twilio", "sms_gateway", "vonage", "sns"; empty means Twilio for SMS
	TwilioSID           string
	From                string
	MessagingServiceSID string
	// TwilioAPIKey is the SID of an API key, which signs in in the place of
	// the Auth Token; its secret is among the connection's Secrets.
	TwilioAPIKey string
	// TwilioRegion and TwilioEdge choose where Twilio keeps and takes messages,
	// such as "ie1" and "dublin"; empty means its first region.
	TwilioRegion string
	TwilioEdge   string

	GatewayURL  string
	GatewayAuth GatewayAuth
	// ForwardRequestInfo tells the gateway who asked for the message: address
	// and program.
	ForwardRequestInfo bool

	Vonage VonageAccount
	SNS    SNSAccount
}

// VonageAccount names an account at Vonage, by its API key or by an application
// of it.
type VonageAccount struct {
	APIKey        string
	ApplicationID string
	API           string // "sms" for the older of its two APIs, else Messages
	Region        string // "eu", "us", "ap"; empty: the nearest
}

// SNSAccount names an account at Amazon that sends through SNS.
type SNSAccount struct {
	AccessKey string
	Region    string
	MaxPrice  string // the most that one message may cost, in US dollars
}

// GatewayAuth says how messages to a gateway of the tenant's own are
// authenticated. With an empty Method they are not.
type GatewayAuth struct {
	Method         string // "bearer"
	Audience       string
	Subject        string
	SecretIsBase64 bool
}

// CodePolicy bounds the codes a connection hands out.
type CodePolicy struct {
	Digits   int           // length of a code
	Lifetime time.Duration // from sending to the last moment it is accepted
}

// The limits of codes. Auth0 takes 4 to 40 digits and 60 s or more; a code of
// ours never lives longer than MaxLifetime after it was first sent
// (NIST SP 800-63B §5.1.3.2), whatever its connection says.
const (
	DefaultDigits   = 6
	DefaultLifetime = 180 * time.Second
	MinDigits       = 4
	MaxDigits       = 40
	MinLifetime     = 60 * time.Second
	MaxLifetime     = 10 * time.Minute
	// MaxAttempts wrong tries end a code. Auth0 has the same three, and no
	// setting for it.
	MaxAttempts = 3
)

// Validate reports the first thing wrong with the policy.
func (p CodePolicy) Validate() error {
	switch {
	case p.Digits < MinDigits || p.Digits > MaxDigits:
		return invalid("code length must be %d to %d digits, not %d", MinDigits, MaxDigits, p.Digits)
	case p.Lifetime < MinLifetime:
		return invalid("code lifetime must be at least %v, not %v", MinLifetime, p.Lifetime)
	}
	return nil
}

// Life is how long a code is accepted after it was sent.
func (p CodePolicy) Life() time.Duration { return min(p.Lifetime, MaxLifetime) }

// Admits reports whether the application may use the connection.
func (c *Connection) Admits(id ClientID) bool { return slices.Contains(c.Clients, id) }

// AnswersTo reports whether name is the connection's name or one of its realms.
func (c *Connection) AnswersTo(name string) bool {
	return c.Name == name || slices.Contains(c.Realms, name)
}

func invalid(format string, args ...any) error {
	return fault.New(fault.Invalid, "invalid_body", fmt.Sprintf(format, args...))
}
