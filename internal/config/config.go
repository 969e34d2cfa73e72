// Package config is what the operator decides before the server starts: the
// flags with their defaults and rules, and the configuration file.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Mode is how the server was started.
type Mode string

// The modes.
const (
	Dev   Mode = "dev"   // for developers: nothing is sent to phones or inboxes
	Serve Mode = "serve" // for people
)

// Config are the settings of a start. Each has a flag of the same name and an
// environment variable DOORCODE_NAME.
type Config struct {
	Mode Mode

	Addr           string   // HOST:PORT of the public server; port 0 picks one
	PublicURL      string   // where people and applications find it
	DashboardURL   string   // where the Dashboard is, if not there
	Database       string   // sqlite:PATH or postgres://…
	Key            string   // root key, 32 bytes in base64
	KeyPrevious    string   // root key before it
	KeyFile        string   // file with the root key, used when Key is empty
	File           string   // configuration file
	PrivateAddr    string   // HOST:PORT for health, metrics and profiles
	ReadyFile      string   // written once the server answers
	TrustedProxies []string // networks whose X-Forwarded-For is believed
	AllowNetworks  []string // networks that SMS gateways may be in though they are not public
	Limits         string   // off, auth0 or strict
	TLSCert        string   // certificate file
	TLSKey         string   // its key
	LogFormat      string   // text or json
	KeepDays       string   // how many days log events and messages are kept; 0: until they are deleted
	TwilioURL      string   // base URL of Twilio's API
	ProviderURLs   []string // NAME=URL: base URLs of the other providers, for stand-ins

	Ephemeral   bool // dev: a temporary database, removed at exit
	TLS         bool // dev: https with a certificate authority of our own
	AllowRemote bool // dev: listen beyond loopback
	NoOpen      bool // dev: open no browser
}

// Defaults of the flags.
const (
	DefaultAddr        = "127.0.0.1:8787"
	DefaultPrivateAddr = "127.0.0.1:8788"
	DefaultDatabase    = "sqlite:doorcode.db"
	DefaultKeyFile     = "doorcode.key"
	DefaultKeepDays    = "365"
	DefaultTwilioURL   = "https://api.twilio.com"
)

// Fill sets what was left empty. It does not touch PublicURL, which in dev
// depends on the port that is found.
func (c *Config) Fill() {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&c.Addr, DefaultAddr)
	set(&c.Database, DefaultDatabase)
	set(&c.KeyFile, DefaultKeyFile)
	set(&c.LogFormat, "text")
	set(&c.KeepDays, DefaultKeepDays)
	set(&c.TwilioURL, DefaultTwilioURL)
	private, limits := DefaultPrivateAddr, "strict"
	if _, port, err := net.SplitHostPort(c.Addr); err == nil && port == "0" {
		private = "127.0.0.1:0"
	}
	if c.Mode == Dev {
		limits = "off"
	}
	set(&c.PrivateAddr, private)
	set(&c.Limits, limits)
}

// FillFrom sets what was left empty from the server section of a configuration
// file. Flags that only dev has, and the file itself, are not set there.
func (c *Config) FillFrom(f *File) error {
	texts := map[string]*string{
		"addr": &c.Addr, "public-url": &c.PublicURL, "dashboard-url": &c.DashboardURL, "database": &c.Database,
		"key-file": &c.KeyFile, "private-addr": &c.PrivateAddr, "ready-file": &c.ReadyFile, "limits": &c.Limits,
		"tls-cert": &c.TLSCert, "tls-key": &c.TLSKey, "log-format": &c.LogFormat, "keep-days": &c.KeepDays, "twilio-url": &c.TwilioURL,
	}
	for name, value := range f.Server {
		switch field, known := texts[name]; {
		case known && *field == "":
			*field = value
		case known:
		case name == "trusted-proxies":
			setList(&c.TrustedProxies, value)
		case name == "allow-networks":
			setList(&c.AllowNetworks, value)
		case name == "provider-urls":
			setList(&c.ProviderURLs, value)
		default:
			return fmt.Errorf("%s: server: there is no setting %q", f.Path, strings.ReplaceAll(name, "-", "_"))
		}
	}
	return nil
}

// maxKeepDays bounds KeepDays.
const maxKeepDays = 36500

// Keep is how many days log events and messages are kept; 0 is for ever.
func (c *Config) Keep() int {
	days, _ := strconv.Atoi(c.KeepDays) // Validate has looked
	return days
}

// setList sets what was left empty from a text with commas.
func setList(field *[]string, value string) {
	if len(*field) == 0 {
		*field = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	}
}

// A Mistake is a setting that the operator has to correct: wrong use, and no
// failure of the program.
type Mistake struct{ Err error }

// Error says what is wrong, and what to set instead.
func (m *Mistake) Error() string { return m.Err.Error() }

// Unwrap returns the error.
func (m *Mistake) Unwrap() error { return m.Err }

// mistakes are one error, one line each.
func mistakes(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return &Mistake{errors.Join(errs...)}
}

// Validate reports everything that is wrong, one line each: what, and what to
// set instead. The error is a *Mistake.
func (c *Config) Validate() error {
	errs := c.values()
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.Mode == Serve && c.PublicURL == "" {
		bad("--public-url (DOORCODE_PUBLIC_URL) is missing: set the address people reach this server at, such as https://login.example.com")
	}
	if c.Mode == Dev && !c.AllowRemote && !loopback(c.Addr) {
		bad("dev shows every code to whoever can reach it, so --addr must be a loopback address, not %q; --allow-remote lifts that", c.Addr)
	}
	return mistakes(errs)
}

// CheckValues is Validate for programs that start no server, for which nothing
// is missing. It takes empty URLs.
func (c *Config) CheckValues() error { return mistakes(c.values()) }

// values says which settings cannot be what they are.
func (c *Config) values() (errs []error) {
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if err := CheckDatabase(c.Database); err != nil {
		errs = append(errs, err)
	}
	for _, f := range []flag{{"--addr", c.Addr}, {"--private-addr", c.PrivateAddr}} {
		_, port, err := net.SplitHostPort(f.value)
		if err == nil {
			_, err = net.LookupPort("tcp", port) // of names, what this machine has for them
		}
		if err != nil {
			bad("%s must be HOST:PORT, such as 127.0.0.1:8787, not %q", f.name, f.value)
		}
	}
	if !slices.Contains([]string{"off", "auth0", "strict"}, c.Limits) {
		bad("--limits must be off, auth0 or strict, not %q", c.Limits)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("--log-format must be text or json, not %q", c.LogFormat)
	}
	if days, err := strconv.Atoi(c.KeepDays); err != nil || days < 0 || days > maxKeepDays {
		bad("--keep-days must be a number of days up to %d, or 0 to delete nothing, not %q", maxKeepDays, c.KeepDays)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("--tls-cert and --tls-key belong together: set both or neither")
	}
	for _, f := range []flag{
		{"--public-url", c.PublicURL}, {"--dashboard-url", c.DashboardURL}, {"--twilio-url", c.TwilioURL},
	} {
		if f.value != "" && !plainURL(f.value) {
			bad("%s must be an http or https address without path, query or user, such as https://login.example.com, not %q", f.name, withoutUser(f.value))
		}
	}
	if c.DashboardURL != "" && plainURL(c.DashboardURL) && !c.dashboardApart() {
		bad("--dashboard-url must have a host name of its own, and %s as --public-url has, not %q", c.publicScheme(), c.DashboardURL)
	}
	for _, entry := range c.ProviderURLs {
		name, address, ok := strings.Cut(entry, "=")
		if !ok || !slices.Contains(providers(), name) || !plainURL(address) {
			bad("--provider-urls must be NAME=URL, such as sns=http://localhost:4566, with one of %s as the name, not %q", strings.Join(providers(), ", "), withoutUser(entry))
		}
	}
	return errs
}

// withoutUser is an address that was given as it can be shown: who writes a user
// into one writes a password there too.
func withoutUser(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 0 {
		return address
	}
	scheme := ""
	if before, _, ok := strings.Cut(address[:at], "//"); ok {
		scheme = before + "//"
	}
	return scheme + "…@" + address[at+1:]
}

// CheckDatabase looks at the form of a database's address. It does not repeat
// it: there may be a password in it. The error is a *Mistake.
func CheckDatabase(address string) error {
	for _, scheme := range []string{"sqlite:", "postgres://", "postgresql://"} {
		if rest, ok := strings.CutPrefix(address, scheme); ok && rest != "" {
			return nil
		}
	}
	return &Mistake{errors.New("--database must be sqlite:PATH, such as sqlite:doorcode.db, or postgres://USER:PASSWORD@HOST:5432/NAME")}
}

// providers are those whose base URL can be set, besides Twilio's.
func providers() []string { return []string{"vonage", "sns", "ses", "sendgrid"} }

// ProviderURL is the base URL that is set for a provider, or "".
func (c *Config) ProviderURL(name string) string {
	for _, entry := range c.ProviderURLs {
		if address, ok := strings.CutPrefix(entry, name+"="); ok {
			return address
		}
	}
	return ""
}

// dashboardApart reports whether the Dashboard's URL can stand beside the public
// one. Requests are told apart by the name of the host: cookies do not know
// ports. One listener speaks for both, so both are https or neither is.
func (c *Config) dashboardApart() bool {
	public, host := c.PublicURL, "localhost"
	if u, err := url.Parse(public); err == nil && public != "" {
		host = u.Hostname()
	}
	u, err := url.Parse(c.DashboardURL)
	return err == nil && u.Scheme == c.publicScheme() && !strings.EqualFold(u.Hostname(), host)
}

// publicScheme is that of the public URL, which dev need not be given.
func (c *Config) publicScheme() string {
	if u, err := url.Parse(c.PublicURL); err == nil && c.PublicURL != "" {
		return u.Scheme
	}
	if c.TLS || c.TLSCert != "" {
		return "https"
	}
	return "http"
}

// A flag is one setting by name.
type flag struct{ name, value string }

func plainURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" &&
		u.User == nil && strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && u.Fragment == ""
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // reported as such already
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
