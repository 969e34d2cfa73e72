package config

import (
	"reflect"
	"strings"
	"testing"
)

// What is left empty, for each mode and for port 0.
func TestFill(t *testing.T) {
	filled := func(change func(c *Config)) Config {
		c := Config{
			Addr: "127.0.0.1:8787", PrivateAddr: "127.0.0.1:8788", Database: "sqlite:doorcode.db",
			KeyFile: "doorcode.key", LogFormat: "text", KeepDays: "365", TwilioURL: "https://api.twilio.com", Limits: "strict",
		}
		change(&c)
		return c
	}
	tests := []struct {
		name string
		in   Config
		want Config
	}{
		{"serve", Config{Mode: Serve}, filled(func(c *Config) { c.Mode = Serve })},
		{"dev has no limits", Config{Mode: Dev}, filled(func(c *Config) { c.Mode, c.Limits = Dev, "off" })},
		{"a tool has no mode", Config{}, filled(func(*Config) {})},
		{"any port", Config{Mode: Dev, Addr: "127.0.0.1:0"}, filled(func(c *Config) {
			c.Mode, c.Limits, c.Addr, c.PrivateAddr = Dev, "off", "127.0.0.1:0", "127.0.0.1:0"
		})},
		{"any port of all addresses keeps health private", Config{Mode: Serve, Addr: ":0"}, filled(func(c *Config) {
			c.Mode, c.Addr, c.PrivateAddr = Serve, ":0", "127.0.0.1:0"
		})},
		{"any port, but this one for health", Config{Mode: Serve, Addr: "127.0.0.1:0", PrivateAddr: "127.0.0.1:9"}, filled(func(c *Config) {
			c.Mode, c.Addr, c.PrivateAddr = Serve, "127.0.0.1:0", "127.0.0.1:9"
		})},
		{"a port that ends in 0", Config{Mode: Serve, Addr: "127.0.0.1:8080"}, filled(func(c *Config) { c.Mode, c.Addr = Serve, "127.0.0.1:8080" })},
		{"an address that is none", Config{Mode: Serve, Addr: "nonsense"}, filled(func(c *Config) { c.Mode, c.Addr = Serve, "nonsense" })},
		{"nothing that is set is touched", Config{
			Mode: Dev, Addr: "a:1", PrivateAddr: "b:2", PublicURL: "https://x.example", Database: "postgres://x", KeyFile: "k",
			LogFormat: "json", KeepDays: "0", Limits: "strict", TwilioURL: "http://t.example",
		}, Config{
			Mode: Dev, Addr: "a:1", PrivateAddr: "b:2", PublicURL: "https://x.example", Database: "postgres://x", KeyFile: "k",
			LogFormat: "json", KeepDays: "0", Limits: "strict", TwilioURL: "http://t.example",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.in
			got.Fill()
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("Fill gave\n%+v, want\n%+v", got, tt.want)
			}
			again := got
			if again.Fill(); !reflect.DeepEqual(again, got) {
				t.Errorf("Fill twice gave %+v", again)
			}
		})
	}
}

// R14: what is wrong, with which setting, and what to set instead.
func TestValidate(t *testing.T) {
	serve := func(change func(c *Config)) Config {
		c := Config{Mode: Serve, PublicURL: "https://login.example.com"}
		change(&c)
		c.Fill()
		return c
	}
	dev := func(change func(c *Config)) Config {
		c := Config{Mode: Dev}
		change(&c)
		c.Fill()
		return c
	}
	tests := []struct {
		name string
		in   Config
		want []string // a line each, which has these words
	}{
		{"serve with a public URL", serve(func(*Config) {}), nil},
		{"serve on all addresses", serve(func(c *Config) { c.Addr = ":8787" }), nil},
		{"serve without a public URL", serve(func(c *Config) { c.PublicURL = "" }), []string{"--public-url (DOORCODE_PUBLIC_URL) is missing"}},
		{"dev needs nothing", dev(func(*Config) {}), nil},
		{"dev on any port", dev(func(c *Config) { c.Addr = "127.0.0.1:0" }), nil},
		{"dev on the loopback address of IPv6", dev(func(c *Config) { c.Addr = "[::1]:8787" }), nil},
		{"dev on localhost", dev(func(c *Config) { c.Addr = "localhost:8787" }), nil},
		{"dev elsewhere in loopback", dev(func(c *Config) { c.Addr = "127.9.9.9:1" }), nil},
		{"dev on all addresses", dev(func(c *Config) { c.Addr = ":8787" }), []string{`must be a loopback address, not ":8787"; --allow-remote`}},
		{"dev on all addresses of IPv4", dev(func(c *Config) { c.Addr = "0.0.0.0:8787" }), []string{"--allow-remote"}},
		{"dev on all addresses of IPv6", dev(func(c *Config) { c.Addr = "[::]:8787" }), []string{"--allow-remote"}},
		{"dev on an address others see", dev(func(c *Config) { c.Addr = "192.168.1.2:8787" }), []string{"--allow-remote"}},
		{"dev on a name that may be anybody's", dev(func(c *Config) { c.Addr = "localhost.evil.example:8787" }), []string{"--allow-remote"}},
		{"dev on all addresses, asked for", dev(func(c *Config) { c.Addr, c.AllowRemote = ":8787", true }), nil},
		{"an address without a port", serve(func(c *Config) { c.Addr = "127.0.0.1" }), []string{`--addr must be HOST:PORT`}},
		{"a private address without a port", serve(func(c *Config) { c.PrivateAddr = "x" }), []string{`--private-addr must be HOST:PORT`}},
		{"limits nobody knows", serve(func(c *Config) { c.Limits = "on" }), []string{`--limits must be off, auth0 or strict, not "on"`}},
		{"days that are no number", serve(func(c *Config) { c.KeepDays = "a year" }), []string{`--keep-days must be a number of days up to 36500, or 0 to delete nothing, not "a year"`}},
		{"days before today", serve(func(c *Config) { c.KeepDays = "-1" }), []string{"--keep-days"}},
		{"a log format nobody knows", serve(func(c *Config) { c.LogFormat = "xml" }), []string{`--log-format must be text or json, not "xml"`}},
		{"a certificate without its key", serve(func(c *Config) { c.TLSCert = "c" }), []string{"--tls-cert and --tls-key belong together"}},
		{"a key without its certificate", serve(func(c *Config) { c.TLSKey = "k" }), []string{"--tls-cert and --tls-key belong together"}},
		{"both", serve(func(c *Config) { c.TLSCert, c.TLSKey = "c", "k" }), nil},
		{"a Dashboard with a host of its own", serve(func(c *Config) { c.DashboardURL = "https://dashboard.example.com" }), nil},
		{"a Dashboard at the public host", serve(func(c *Config) { c.DashboardURL = "https://LOGIN.example.com" }), []string{"--dashboard-url must have a host name of its own"}},
		{"a Dashboard at another port of it", serve(func(c *Config) { c.DashboardURL = "https://login.example.com:8443" }), []string{"host name of its own"}},
		{"a Dashboard without https", serve(func(c *Config) { c.DashboardURL = "http://dashboard.example.com" }), []string{"and https as --public-url has"}},
		{"a Dashboard in dev", dev(func(c *Config) { c.DashboardURL = "http://dashboard.localhost:8787" }), nil},
		{"a Dashboard in dev that is where all is", dev(func(c *Config) { c.DashboardURL = "http://localhost:8787" }), []string{"host name of its own"}},
		{"a Dashboard in dev with --tls", dev(func(c *Config) { c.DashboardURL, c.TLS = "http://dashboard.localhost", true }), []string{"and https"}},
		{"everything at once, in the order of the flags", serve(func(c *Config) {
			c.Addr, c.PrivateAddr, c.PublicURL, c.DashboardURL, c.TwilioURL = "a", "b", "c", "d", "e"
			c.Limits, c.LogFormat, c.TLSCert = "x", "y", "z"
		}), []string{"--addr", "--private-addr", "--limits", "--log-format", "--tls-cert", "--public-url", "--dashboard-url", "--twilio-url"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var lines []string
			err := tt.in.Validate()
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(tt.want) {
				t.Fatalf("Validate = %q, want %d lines", lines, len(tt.want))
			}
			for i, want := range tt.want {
				if !strings.Contains(lines[i], want) {
					t.Errorf("line %d is %q, want %q in it", i+1, lines[i], want)
				}
			}
		})
	}
}

func TestValidateURLs(t *testing.T) {
	tests := map[string]bool{
		"https://login.example.com":      true,
		"https://login.example.com/":     true,
		"http://localhost:8787":          true,
		"https://login.example.com:8443": true,
		"http://[::1]:8787":              true,
		"HTTPS://login.example.com":      true,
		"login.example.com":              false,
		"//login.example.com":            false,
		"https://":                       false,
		"https:///":                      false,
		"https://:443":                   false,
		"https:login.example.com":        false,
		"ftp://login.example.com":        false,
		"javascript:alert(1)":            false,
		"https://login.example.com/auth": false,
		"https://login.example.com/?x=1": false,
		"https://login.example.com#x":    false,
		"https://user@login.example.com": false,
		"https://u:p@login.example.com":  false,
		"https://me:hidden@example.com":  false,
		"me:hidden@example.com":          false,
		"https://login example.com":      false,
		" https://login.example.com":     false,
		"https://login.example.com\n":    false,
	}
	for _, flag := range []struct {
		name string
		set  func(c *Config, u string)
	}{
		{"--public-url", func(c *Config, u string) { c.PublicURL = u }},
		{"--dashboard-url", func(c *Config, u string) {
			scheme, _, _ := strings.Cut(u, ":")
			if c.DashboardURL = u; scheme == "http" {
				c.PublicURL = "http://public.example.com"
			} else {
				c.PublicURL = "https://public.example.com"
			}
		}},
		{"--twilio-url", func(c *Config, u string) { c.TwilioURL = u }},
	} {
		for u, ok := range tests {
			c := Config{Mode: Serve, PublicURL: "https://login.example.com"}
			flag.set(&c, u)
			c.Fill()
			err := c.Validate()
			if (err == nil) != ok || err != nil && (!strings.Contains(err.Error(), flag.name+" must be an http or https address") || strings.Contains(err.Error(), "hidden")) {
				t.Errorf("Validate with %s %q = %v, want ok = %v", flag.name, u, err, ok)
			}
		}
	}
}

// Base URLs of providers are named, and credentials are sent there.
func TestProviderURLs(t *testing.T) {
	for entry, ok := range map[string]bool{
		"sns=http://127.0.0.1:4566": true, "vonage=https://api.example.com": true, "ses=https://x/": true, "sendgrid=http://localhost:1": true,
		"twilio=https://x": false, "sns": false, "sns=": false, "sns=x": false, "=https://x": false, "sns=https://u:hidden@x": false, "sns=https://x/?a=b": false,
	} {
		c := Config{Mode: Serve, PublicURL: "https://login.example.com", ProviderURLs: []string{entry}}
		c.Fill()
		if err := c.Validate(); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("--provider-urls %q: %v, want ok = %v", entry, err, ok)
		}
	}
	f, err := ParseFile("dc.yaml", []byte("server:\n  provider_urls: [sns=http://127.0.0.1:1, ses=http://127.0.0.1:2]\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Mode: Serve}
	if err := c.FillFrom(f); err != nil {
		t.Fatal(err)
	}
	if c.ProviderURL("ses") != "http://127.0.0.1:2" || c.ProviderURL("sns") != "http://127.0.0.1:1" || c.ProviderURL("vonage") != "" {
		t.Errorf("the URLs are %v", c.ProviderURLs)
	}
}

// Lists in the file are what flags with commas are, and flags win.
func TestFillFromLists(t *testing.T) {
	f, err := ParseFile("dc.yaml", []byte("server:\n  trusted_proxies: [10.0.0.0/8, 192.168.0.1]\n  allow_networks: 10.1.0.0/16, fd00::/8\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var c Config
	if err := c.FillFrom(f); err != nil {
		t.Fatal(err)
	}
	want := Config{TrustedProxies: []string{"10.0.0.0/8", "192.168.0.1"}, AllowNetworks: []string{"10.1.0.0/16", "fd00::/8"}}
	if !reflect.DeepEqual(c, want) {
		t.Errorf("FillFrom gave %+v", c)
	}
	c = Config{AllowNetworks: []string{"127.0.0.1"}}
	if err := c.FillFrom(f); err != nil || c.AllowNetworks[0] != "127.0.0.1" || len(c.AllowNetworks) != 1 {
		t.Errorf("with a flag FillFrom gave %+v, %v", c, err)
	}
}
