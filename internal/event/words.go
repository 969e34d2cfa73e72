package event

// A Kind is what an event means to somebody who looks through the log.
type Kind string

// The kinds.
const (
	Neutral Kind = ""
	Good    Kind = "good"    // somebody got what they wanted
	Bad     Kind = "bad"     // something failed
	Stopped Kind = "stopped" // a limit or a block held somebody back
)

// Words say what a type of event means.
type Words struct {
	Type string
	Name string // in a few words
	Text string // in a sentence
	Kind Kind
	// Tags are the plain words that a search finds the type by.
	Tags string
	// Step says that the event is a step of somebody's sign-in.
	Step bool
}

// Types are all that this server writes, in the order of a sign-in.
func Types() []Words {
	return []Words{
		{CodeSent, "Code sent", "A code was sent by text message.", Neutral, "code sent sms message", true},
		{CodeLinkSent, "Code or link sent", "A code or a link was sent by e-mail.", Neutral, "code link sent email message", true},
		{NotificationFailed, "Message failed", "A message could not be delivered.", Bad, "message sent", true},
		{NotificationWarning, "Message without a code", "A message was sent that had no code in it.", Neutral, "message warning", true},
		{ExchangeOTPFailed, "Wrong code", "A code was wrong, used before or out of date.", Bad, "code wrong exchange", true},
		{CrossOriginFailed, "Sign-in on a page failed", "A sign-in on a page of the application failed.", Bad, "login page", true},
		{LoginFailed, "Sign-in failed", "Somebody could not sign in.", Bad, "login", true},
		{TooManyTries, "Blocked: too many tries", "There were too many wrong codes for one number or address.", Stopped, "login", true},
		{TooManyFailures, "Blocked: an address failed too often", "Too much went wrong from one IP address.", Stopped, "ip login signup", true},
		{Login, "Signed in", "Somebody has signed in.", Good, "login", true},
		{CrossOrigin, "Signed in on a page", "Somebody has signed in on a page of the application.", Good, "login page", true},
		{SignUp, "New user", "Somebody has signed in for the first time.", Good, "signup new", true},
		{ExchangePasswordless, "Code exchanged for tokens", "An application has got tokens for a code that somebody typed.", Good, "exchange token", true},
		{ExchangeCode, "Application got tokens", "An application has exchanged an authorization code for tokens.", Good, "exchange token", true},
		{ExchangeCodeFailed, "Application got no tokens", "An authorization code was no good.", Bad, "exchange token", true},
		{ExchangeDevice, "Device got tokens", "A device without a keyboard was let in.", Good, "exchange token device", true},
		{DeviceFailed, "Device code failed", "The code that a device showed was no good.", Bad, "device", true},
		{DeviceDenied, "Device refused", "The person did not let a device in.", Bad, "device", true},
		{DeviceAskFailed, "Device could not ask", "A device could not ask for a code.", Bad, "device", false},
		{SilentAuth, "Still signed in", "An application found somebody signed in, without asking them.", Good, "silent login", false},
		{SilentAuthFailed, "Nobody signed in", "An application asked whether somebody is signed in, and nobody was.", Bad, "silent login", false},
		{CrossOriginForeign, "Foreign page", "A page that is not allowed for the application tried to sign somebody in.", Bad, "page origin", false},
		{ExchangeRefresh, "Tokens renewed", "An application has renewed its tokens.", Good, "refresh token exchange", false},
		{ExchangeRefreshFailed, "Tokens not renewed", "A refresh token was no good.", Bad, "refresh token exchange", false},
		{RefreshReused, "Refresh token used twice", "A refresh token was used again; what it stood for has ended.", Bad, "refresh token exchange", false},
		{RefreshRevoked, "Refresh token revoked", "An application has given a refresh token back.", Neutral, "refresh token", false},
		{ExchangeClient, "Application got a token of its own", "An application has got a token in its own name.", Good, "exchange token machine", false},
		{ExchangeClientFailed, "Application got no token of its own", "An application could not get a token in its own name.", Bad, "exchange token machine", false},
		{Logout, "Signed out", "Somebody has signed out.", Neutral, "logout", false},
		{LogoutFailed, "Sign-out failed", "Somebody could not sign out.", Bad, "logout", false},
		{BackchannelLogout, "Application told of a sign-out", "An application was told that a session has ended.", Neutral, "logout backchannel", false},
		{BackchannelFailed, "Application not told of a sign-out", "An application could not be told that a session has ended.", Bad, "logout backchannel", false},
		{Unblocked, "Block lifted", "A block was lifted.", Neutral, "unblocked", false},
		{APILimit, "Too many requests", "Somebody asked too often.", Stopped, "limit", false},
		{PhoneLimit, "Too many text messages", "Text messages to a kind of numbers were held back.", Stopped, "limit sms message", false},
		{Deprecated, "Old way used", "An application did something in a way from before OpenID Connect.", Neutral, "deprecated legacy", false},
		{UserDeleted, "User deleted", "A user was deleted.", Neutral, "deleted user", false},
		{EmailChanged, "Address changed", "A user has another e-mail address.", Neutral, "changed email user", false},
		{PhoneChanged, "Number changed", "A user has another phone number.", Neutral, "changed phone number user", false},
		{ManagementFailed, "Administrator refused", "A wrong code was typed where administrators sign in.", Bad, "admin dashboard wrong", false},
		{ManagementWrite, "Settings changed", "Somebody changed something in the Dashboard, the API or the configuration file.", Neutral, "api admin settings changed dashboard", false},
		{ManagementSecret, "Something secret shown", "Somebody was shown something that is kept from most.", Neutral, "api admin secret revealed dashboard", false},
	}
}

// Tell returns the words for a type. Those of a type that this server does not
// write are the type.
func Tell(typ string) Words {
	for _, w := range Types() {
		if w.Type == typ {
			return w
		}
	}
	return Words{Type: typ, Name: typ}
}
