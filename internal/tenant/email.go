package tenant

// An EmailProvider is whom the tenant's e-mail is sent through (Auth0: email
// provider). There is one at most, for all connections.
type EmailProvider struct {
	Name    string // "smtp", or another of Auth0's names
	Enabled bool
	From    string // the sender where a connection names none
	Server  MailServer
	Headers map[string]string // additional ones, on every message
	Region  string            // of those that have several places
	// ConfigurationSet is what Amazon SES applies to messages.
	ConfigurationSet string

	Doc     []byte            // the document as the Management API shows it, without Secrets
	Secrets map[string]string // credentials that are stored sealed, by name
	Managed bool              // written by the configuration file
}

// A MailServer is where an SMTP provider takes messages. The password is among
// the provider's Secrets.
type MailServer struct {
	Host string
	Port int
	User string // empty: nobody signs in
	// Security is SecurityTLS, SecurityStartTLS or SecurityNone; if it is
	// empty, host and port decide.
	Security string
}

// How the way to a mail server is protected.
const (
	SecurityTLS      = "tls"      // from the first byte on (RFC 8314)
	SecurityStartTLS = "starttls" // before anything of worth is said (RFC 3207)
	SecurityNone     = "none"
)

// DefaultMailPort is where messages are handed in (RFC 6409).
const DefaultMailPort = 587
