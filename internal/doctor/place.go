package doctor

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// Place is where a server is and how it was started.
type Place struct {
	PublicURL string // without a slash at its end; empty if it is not known
	Dev       bool
	// Limits are "off", "auth0" or "strict".
	Limits string
	// ServesTLS says that the server has a certificate of its own, Proxies
	// that somebody's X-Forwarded-For is believed.
	ServesTLS, Proxies bool
	// PreviousKey says that the root key before the current one is given.
	PreviousKey bool
}

func (e *examination) place() {
	e.publicURL()
	p := e.Place
	if p.Dev {
		e.warn("mode", "This is a development server: every code is shown to whoever asks.", `Run "doorcode serve" for people.`)
		return
	}
	switch p.Limits {
	case "off":
		e.fail("limits", "Requests and sends are not limited: anybody can have messages sent at your cost.", "Start with --limits strict.")
	case "auth0":
		e.warn("limits", "Requests are limited as Auth0 does, and sends to one number or address are not.", "Start with --limits strict.")
	default:
		e.ok("limits", "Requests and sends are limited.")
	}
	if strings.HasPrefix(p.PublicURL, "https://") && !p.ServesTLS && !p.Proxies {
		e.warn("trusted_proxies", "People reach the server through something that speaks https for it, and no proxy is trusted: "+
			"limits take all people for one, and logs have the proxy's address.",
			"Name the proxy's network with --trusted-proxies, such as 127.0.0.1/32.")
	}
}

// rootKey looks whether the root key before the current one is needed. That it
// fits the database is known by now: nothing else could be looked at.
func (e *examination) rootKey(ctx context.Context) {
	const check = "root_key"
	n, err := e.Sealed(ctx)
	switch {
	case err != nil:
		e.unread(check, err)
	case n > 0 && e.Place.PreviousKey:
		e.warn(check, fmt.Sprintf("The root key fits the database, and %d stored values still need the one before it.", n),
			`Start every server with the new key, then run "doorcode keys reseal" with both keys.`)
	case n > 0:
		e.fail(check, fmt.Sprintf("%d stored values are sealed under a root key that is not given: they cannot be read.", n),
			`Give that key as DOORCODE_KEY_PREVIOUS and run "doorcode keys reseal".`)
	case e.Place.PreviousKey:
		e.warn(check, "The root key fits the database. The one before it is given as well, and nothing that is sealed needs it.",
			"Take DOORCODE_KEY_PREVIOUS away a day after the last server was started with the new key. Test identities that were made before have to be made anew then.")
	default:
		e.ok(check, "The root key fits the database, and everything that is sealed is sealed with it.")
	}
}

func (e *examination) publicURL() {
	const check = "public_url"
	raw := e.Place.PublicURL
	u, err := url.Parse(raw)
	switch {
	case raw == "":
		e.fail(check, "The public URL is not known.", "Give it with --public-url, such as https://login.example.com.")
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		e.fail(check, fmt.Sprintf("The public URL %q is no http or https address.", raw), "Give it as https://login.example.com.")
	case strings.TrimRight(raw, "/") != raw || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		e.fail(check, fmt.Sprintf("The public URL %q has more than scheme and host.", raw), "Give it as https://login.example.com: the issuer is that with a slash.")
	case u.Scheme == "http" && isLocal(u.Hostname()):
		e.local(check, raw)
	case u.Scheme == "http":
		e.fail(check, fmt.Sprintf("The public URL %s is plain http: codes and tokens can be read on their way.", raw),
			"Put a reverse proxy with https in front and give its address with --public-url.")
	case isLocal(u.Hostname()):
		e.local(check, raw)
	case net.ParseIP(u.Hostname()) != nil:
		e.warn(check, fmt.Sprintf("The public URL %s has an address for a host.", raw), "Give it a name: tokens carry it as their issuer, and addresses change.")
	default:
		e.ok(check, fmt.Sprintf("The issuer is %s/.", raw))
	}
}

func (e *examination) local(check, raw string) {
	if e.Place.Dev {
		e.ok(check, fmt.Sprintf("The issuer is %s/, which only this machine reaches.", raw))
		return
	}
	e.warn(check, fmt.Sprintf("The public URL %s reaches only this machine.", raw), "Give the one that people use with --public-url.")
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// reach looks whether the server is where it says.
func (e *examination) reach(ctx context.Context) {
	const check = "reachable"
	raw := e.Place.PublicURL
	if raw == "" {
		return
	}
	issuer, err := e.Reach(ctx, raw)
	switch {
	case err != nil:
		e.fail(check, fmt.Sprintf("Nothing answers at %s/.well-known/openid-configuration: %v.", raw, err),
			"Look at the name, the certificate and the reverse proxy, and whether the server runs.")
	case issuer != raw+"/":
		e.fail(check, fmt.Sprintf("At %s answers a server with the issuer %q.", raw, issuer), "Start that server with this public URL, or point the name here.")
	default:
		e.ok(check, fmt.Sprintf("The server answers at %s.", raw))
	}
}
