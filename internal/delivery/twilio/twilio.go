// Package twilio sends text messages through Twilio's Messages resource, with
// the account stored in the connection.
//
// It makes one request for each hand-over and tells apart what the worker must
// know: that nothing was written, that something was and no answer came, or
// what Twilio answered, in its own code and words and with a fix in ours.
package twilio

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
)

// DefaultBaseURL is where Twilio's core API is.
const DefaultBaseURL = "https://api.twilio.com"

// Provider is the name that messages sent through Twilio carry.
const Provider = "twilio"

// Options are what an operator may set.
type Options struct {
	// BaseURL replaces DefaultBaseURL, for Twilio's other regions
	// ("https://api.dublin.ie1.twilio.com") and for stand-ins. A connection may
	// name a region of its own, but only as long as this is Twilio's.
	BaseURL string
	// PublicURL is where this server is reached. Twilio is asked for reports
	// about messages if it can deliver them there.
	PublicURL string
	// Proxy chooses a proxy for a request. Without it none is used: the
	// environment does not get to read credentials.
	Proxy func(*http.Request) (*url.URL, error)
	Now   func() time.Time
}

// A Client holds the connections to Twilio that all accounts share. It is safe
// for use by many goroutines.
type Client struct {
	base    string
	reports string // the public URL, or "" if Twilio cannot reach it
	public  string
	http    *http.Client
	now     func() time.Time
}

// maxConns bounds the connections to Twilio. The worker allows fewer attempts
// at once, so this only guards against its being configured otherwise.
const maxConns = 256

// New returns a client. It refuses a base URL over which credentials would
// travel in the clear.
func New(o Options) (*Client, error) {
	base, err := checkBase(o.BaseURL)
	if err != nil {
		return nil, err
	}
	now := o.Now
	if now == nil {
		now = time.Now
	}
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}
	transport := &http.Transport{
		Proxy:                  o.Proxy,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSHandshakeTimeout:    3 * time.Second,
		MaxConnsPerHost:        maxConns,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    64,
		MaxResponseHeaderBytes: 32 << 10,
		// Shorter than servers keep idle connections: writing to one that was
		// just closed looks like an attempt without an answer.
		IdleConnTimeout: 20 * time.Second,
	}
	public := strings.TrimRight(o.PublicURL, "/")
	return &Client{base: base, reports: delivery.CallbackBase(public), public: public, now: now, http: &http.Client{
		Transport: transport,
		// A redirect would take the credentials to somebody else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

func checkBase(base string) (string, error) {
	if base == "" {
		base = DefaultBaseURL
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the base URL of Twilio must look like " + DefaultBaseURL)
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return "", errors.New("the base URL of Twilio must be https: account credentials are sent to it")
	}
	return strings.TrimRight(base, "/"), nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// Close drops the connections that are idle.
func (c *Client) Close() { c.http.CloseIdleConnections() }
