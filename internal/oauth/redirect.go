package oauth

import (
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// ErrCallback is the fault of a redirect URI that is not the application's. It is
// shown to the person and never sent anywhere.
var ErrCallback = fault.New(fault.Denied, CodeUnauthorizedClient,
	"Callback URL mismatch. The redirect_uri is not in the list of allowed callback URLs of the application.")

// badRedirect is the fault of a redirect URI that no application may have.
func badRedirect(why string) *fault.Error { return InvalidRequest("The redirect_uri " + why) }

// Redirect returns where a request is answered. A redirect URI that is sent must
// be one of the application's callbacks, compared as plain text (RFC 9700 §2.1);
// only the port of a native application's loopback address is free (RFC 8252
// §7.3). One that is not sent stands for the only callback there is.
//
// The faults must never be sent to any redirect URI. https says that the
// server itself is reached by https: then plain http is for loopback only.
func Redirect(c *tenant.Client, sent string, https bool) (uri string, err error) {
	uri = sent
	if sent == "" {
		if len(c.Callbacks) != 1 {
			return "", MissingParameter("redirect_uri")
		}
		uri = c.Callbacks[0]
	}
	if err := CheckRedirect(uri, https); err != nil {
		return "", err
	}
	for _, callback := range c.Callbacks {
		if uri == callback || c.AppType == "native" && sameButPort(uri, callback) {
			return uri, nil
		}
	}
	return "", ErrCallback
}

// CheckRedirect refuses what must not be a redirect URI, whoever has registered
// it: addresses that run in our pages, hide where they lead, or carry what the
// answer adds itself.
func CheckRedirect(uri string, https bool) error {
	if len(uri) > maxParameter {
		return badRedirect("is too long.")
	}
	if strings.ContainsFunc(uri, func(r rune) bool { return r <= ' ' || r == '\\' || r > unicode.MaxASCII || r == 0x7f }) {
		return badRedirect("has characters that an address cannot have.")
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" {
		return badRedirect("is not an absolute address.")
	}
	if strings.Contains(uri, "#") {
		return badRedirect("must not have a fragment.") // RFC 6749 §3.1.2
	}
	if strings.Contains(uri, "*") {
		return badRedirect("must not have wildcards.")
	}
	switch u.Scheme { // url.Parse makes it lower case
	case "https", "http":
		if u.Host == "" || u.User != nil {
			return badRedirect("must name a host and no user.")
		}
		if u.Scheme == "http" && https && !IsLoopback(u.Hostname()) {
			return badRedirect("must use https.")
		}
	}
	if runsHere(u.Scheme) {
		return badRedirect("must not use this scheme.")
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return badRedirect("has a query that cannot be read.")
	}
	for name := range query {
		if isResponseParameter(name) {
			return badRedirect("must not have a parameter that the answer has.")
		}
	}
	return nil
}

// runsHere reports whether addresses of a scheme run in our pages, or lead to
// what is no application.
func runsHere(scheme string) bool {
	switch scheme {
	case "javascript", "data", "vbscript", "blob", "about", "file", "filesystem", "view-source", "ws", "wss", "ftp", "mailto", "tel", "sms":
		return true
	}
	return false
}

// isResponseParameter reports whether an answer of /authorize may have the
// parameter. In a redirect URI it would make the answer mean two things.
func isResponseParameter(name string) bool {
	switch name {
	case "code", "state", "iss", "error", "error_description", "error_uri", "access_token", "id_token",
		"token_type", "expires_in", "scope", "response", "session_state", "refresh_token":
		return true
	}
	return false
}

// IsLoopback reports whether a host is this machine as seen from itself.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// IsVerifiable reports whether nobody but the application can receive what is
// sent to the address: true for https, not for custom schemes and loopback,
// which any program on the same device may claim (RFC 8252 §8.6).
func IsVerifiable(uri string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Scheme == "https" && !IsLoopback(u.Hostname())
}

// sameButPort reports whether both are http on the same loopback address, and
// equal but for the port. Names are not taken: what localhost is, the hosts
// file decides (RFC 8252 §8.3).
func sameButPort(sent, callback string) bool {
	a, ok := cutPort(sent)
	b, also := cutPort(callback)
	return ok && also && a == b
}

// cutPort takes the port out of an http address on a loopback IP.
func cutPort(uri string) (string, bool) {
	rest, ok := strings.CutPrefix(uri, "http://")
	if !ok {
		return "", false
	}
	for _, host := range []string{"127.0.0.1", "[::1]"} {
		after, ok := strings.CutPrefix(rest, host)
		if !ok {
			continue
		}
		// Without the colon the digits would belong to the host: 127.0.0.12.
		if port, ok := strings.CutPrefix(after, ":"); ok {
			after = strings.TrimLeft(port, "0123456789")
		}
		if after != "" && after[0] != '/' && after[0] != '?' {
			return "", false
		}
		return host + after, true
	}
	return "", false
}

// Origin returns the origin of an address, as browsers write it, or "" if it has
// none.
func Origin(uri string) string {
	u, err := url.Parse(uri)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	} else {
		host = strings.TrimSuffix(host, ":80")
	}
	return u.Scheme + "://" + host
}
