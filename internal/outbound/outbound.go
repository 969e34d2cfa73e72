// Package outbound makes HTTP clients for addresses that tenants choose, such
// as that of an SMS gateway.
//
// Whoever may enter an address could otherwise have the server fetch what only
// the server can reach: its neighbours, its cloud's metadata, itself. So every
// connection is judged at the moment it is made, by the address that the name
// was resolved to: no spelling of a host, no answer of a name server that
// changes between two questions, no redirect and no proxy leads past that.
package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// MaxAnswer is how much of an answer can be read, in bytes.
const MaxAnswer = 64 << 10

// ErrTooLong ends the reading of an answer that is longer than MaxAnswer.
var ErrTooLong = errors.New("the answer is too long")

// The bounds of connections. How long a request may take in all is its
// context's business.
const (
	connectTime = 3 * time.Second
	maxHeader   = 32 << 10
	maxConns    = 128
)

// Options are what an operator may set. The zero value lets through https to
// public addresses, at the usual ports.
type Options struct {
	// Allow are networks that may be called though they are not public, at any
	// port.
	Allow []netip.Prefix
	// PlainHTTP has http let through too, within Allow only: over the internet
	// anybody could read along.
	PlainHTTP bool
	// Ports of public addresses that may be called besides 443 and 8443.
	Ports []uint16

	Resolver *net.Resolver  // the system's if nil
	RootCAs  *x509.CertPool // whose certificates are believed; the system's if nil
}

// New returns a client. It follows no redirects, uses no proxy and reads no
// more than MaxAnswer of an answer. What it does not let through fails with a
// *Refused somewhere in the error.
func New(o Options) *http.Client {
	return &http.Client{
		Transport: &transport{
			plain:     o.transport(guard{allow: o.Allow, ports: o.Ports, plain: true}),
			secure:    o.transport(guard{allow: o.Allow, ports: o.Ports}),
			plainHTTP: o.PlainHTTP,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func (o Options) transport(g guard) *http.Transport {
	dialer := &net.Dialer{Timeout: connectTime, KeepAlive: 15 * time.Second, Resolver: o.Resolver, Control: g.control}
	return &http.Transport{
		// Without a proxy from the environment: it would be the one to connect,
		// where nobody judges.
		Proxy:                  nil,
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: o.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    connectTime,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true, // else a short answer could become a long one
		MaxResponseHeaderBytes: maxHeader,
		MaxConnsPerHost:        maxConns,
		MaxIdleConns:           maxConns,
		MaxIdleConnsPerHost:    16,
		// Shorter than servers keep idle connections: writing to one that was
		// just closed looks like a request without an answer.
		IdleConnTimeout: 20 * time.Second,
	}
}

// transport sends each scheme through a transport of its own, so that the guard
// knows what it lets through.
type transport struct {
	plain, secure *http.Transport
	plainHTTP     bool
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	next := t.secure
	if r.URL.Scheme == "http" {
		next = t.plain
	}
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !t.plainHTTP) {
		if r.Body != nil {
			_ = r.Body.Close() // the contract of RoundTrip
		}
		return nil, &Refused{Reason: Scheme, What: r.URL.Scheme}
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: MaxAnswer}
	return resp, nil
}

// CloseIdleConnections is what http.Client's method of that name calls.
func (t *transport) CloseIdleConnections() {
	t.plain.CloseIdleConnections()
	t.secure.CloseIdleConnections()
}

// limited ends an answer that goes on for too long.
type limited struct {
	io.ReadCloser
	left int
}

// Read reads up to what is left, and one byte more to know whether that was all.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrTooLong
	}
	if len(p) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if n <= l.left {
		l.left -= n
		return n, err
	}
	n, l.left = l.left, -1
	return n, ErrTooLong
}
