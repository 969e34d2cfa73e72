package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/doorcode/doorcode/internal/config"
)

// databaseFlags are those of every verb that opens the database.
type databaseFlags struct {
	Database string `help:"Database: sqlite:PATH or postgres://… (default sqlite:doorcode.db)." env:"DOORCODE_DATABASE" placeholder:"URL"`
	KeyFile  string `help:"File with the key that seals stored secrets (default doorcode.key), unless DOORCODE_KEY is set." env:"DOORCODE_KEY_FILE" placeholder:"FILE"`
}

// serverFlags are those of dev and serve.
type serverFlags struct {
	databaseFlags
	providerFlags
	Addr           string   `help:"Address of the server (default 127.0.0.1:8787). Port 0 picks one." env:"DOORCODE_ADDR" placeholder:"HOST:PORT"`
	PublicURL      string   `help:"Where people and applications reach the server, such as https://login.example.com." env:"DOORCODE_PUBLIC_URL" placeholder:"URL"`
	DashboardURL   string   `help:"Where the Dashboard is reached, if it has a host of its own, such as https://dashboard.example.com." env:"DOORCODE_DASHBOARD_URL" placeholder:"URL"`
	Config         string   `help:"Configuration file in YAML." env:"DOORCODE_CONFIG" placeholder:"FILE"`
	PrivateAddr    string   `help:"Address for health, metrics and profiles (default 127.0.0.1:8788)." env:"DOORCODE_PRIVATE_ADDR" placeholder:"HOST:PORT"`
	ReadyFile      string   `help:"Write addresses and ready-made credentials here once the server answers." env:"DOORCODE_READY_FILE" placeholder:"FILE"`
	TrustedProxies []string `help:"Networks whose X-Forwarded-For is believed." env:"DOORCODE_TRUSTED_PROXIES" placeholder:"CIDR"`
	Limits         string   `help:"Limits on requests and sends: off, auth0 or strict (dev: off, serve: strict)." env:"DOORCODE_LIMITS" placeholder:"MODE"`
	TLSCert        string   `help:"Certificate file, to serve https." env:"DOORCODE_TLS_CERT" placeholder:"FILE"`
	TLSKey         string   `help:"Key file of the certificate." env:"DOORCODE_TLS_KEY" placeholder:"FILE"`
	KeepDays       string   `help:"Delete log events and messages after as many days (default 365; 0 keeps them)." env:"DOORCODE_KEEP_DAYS" placeholder:"DAYS"`
	LogFormat      string   `help:"Log lines as text or json." env:"DOORCODE_LOG_FORMAT" placeholder:"FORMAT"`
}

// providerFlags are those of every verb that speaks to providers.
type providerFlags struct {
	AllowNetworks []string `help:"Networks that SMS gateways may be in though they are not public, such as 10.1.0.0/16. There they may use any port, and plain http." env:"DOORCODE_ALLOW_NETWORKS" placeholder:"CIDR"`
	TwilioURL     string   `help:"Base URL of Twilio's API (default https://api.twilio.com)." env:"DOORCODE_TWILIO_URL" placeholder:"URL"`
	ProviderURLs  []string `name:"provider-urls" help:"Base URLs of the other providers (vonage, sns, ses, sendgrid), for stand-ins." env:"DOORCODE_PROVIDER_URLS" placeholder:"NAME=URL"`
}

func (f providerFlags) fill(c *config.Config) {
	c.AllowNetworks, c.TwilioURL, c.ProviderURLs = f.AllowNetworks, f.TwilioURL, f.ProviderURLs
}

func (f databaseFlags) config(mode config.Mode) (config.Config, error) {
	c := config.Config{Mode: mode, Database: f.Database, KeyFile: f.KeyFile}
	if c.Database != "" {
		if err := config.CheckDatabase(c.Database); err != nil {
			return c, err
		}
	}
	var err error
	if c.Key, err = secretEnv("DOORCODE_KEY", false); err != nil {
		return c, err
	}
	c.KeyPrevious, err = secretEnv("DOORCODE_KEY_PREVIOUS", true)
	return c, err
}

func (f serverFlags) config(mode config.Mode) (config.Config, error) {
	c, err := f.databaseFlags.config(mode)
	c.Addr, c.PublicURL, c.DashboardURL, c.File = f.Addr, f.PublicURL, f.DashboardURL, f.Config
	c.PrivateAddr, c.ReadyFile = f.PrivateAddr, f.ReadyFile
	c.TrustedProxies = f.TrustedProxies
	c.Limits, c.TLSCert, c.TLSKey, c.LogFormat = f.Limits, f.TLSCert, f.TLSKey, f.LogFormat
	c.KeepDays = f.KeepDays
	f.fill(&c)
	return c, err
}

// secretEnv reads a secret from the environment, or from the file that the
// variable with _FILE at its end names. DOORCODE_KEY_FILE is the flag
// --key-file and is read as such.
func secretEnv(name string, file bool) (string, error) {
	if v := os.Getenv(name); v != "" || !file {
		return v, nil
	}
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return "", nil
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read %s_FILE: %w: name a file with it that can be read", name, err)
	}
	return strings.TrimSpace(string(b)), nil
}
