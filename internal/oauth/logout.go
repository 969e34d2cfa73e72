package oauth

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/doorcode/doorcode/internal/fault"
)

// LogoutMismatch is the fault of an address to go to after a logout that nobody
// has registered. It is shown to the person; nobody is sent anywhere.
func LogoutMismatch(parameter string) *fault.Error {
	return fault.New(fault.Invalid, CodeInvalidRequest,
		"The "+parameter+" is not in the list of allowed logout URLs.")
}

// MayReturn reports whether people may be sent to an address after a logout at
// /v2/logout (Auth0: allowed_logout_urls). Query and fragment may differ from
// what is registered. The leftmost label of a registered host may be "*", which
// stands for one label.
func MayReturn(allowed []string, to string) bool {
	sent, ok := readReturn(to)
	if !ok || strings.Contains(sent.host, "*") {
		return false
	}
	return slices.ContainsFunc(allowed, func(a string) bool {
		registered, ok := readReturn(a)
		return ok && sent.scheme == registered.scheme && sent.path == registered.path && sameHost(registered.host, sent.host)
	})
}

// FirstReturn is where people go after a logout that names no address: the first
// of the list that can be gone to as it is, or "".
func FirstReturn(allowed []string) string {
	for _, a := range allowed {
		if r, ok := readReturn(a); ok && !strings.Contains(r.host, "*") {
			return a
		}
	}
	return ""
}

// MayReturnExactly is MayReturn for a post_logout_redirect_uri, which has to be
// registered letter by letter (OpenID Connect RP-Initiated Logout 1.0 §3).
func MayReturnExactly(allowed []string, to string) bool {
	sent, ok := readReturn(to)
	return ok && !strings.Contains(sent.host, "*") && slices.Contains(allowed, to)
}

// WithState is a post_logout_redirect_uri with the state that the application
// sent. What the address has in its query stays as it is.
func WithState(uri, state string) string {
	if state == "" {
		return uri
	}
	address, fragment, has := strings.Cut(uri, "#")
	address = Response{RedirectURI: address, Mode: ModeQuery, Pairs: []Pair{{"state", state}}}.Location()
	if has {
		address += "#" + fragment
	}
	return address
}

// A returnAddress is what counts of an address to go to after a logout.
type returnAddress struct{ scheme, host, path string }

// readReturn reads one. It reports false for what no browser is to be sent to,
// and for everything that browsers read otherwise than we do.
func readReturn(address string) (returnAddress, bool) {
	odd := func(r rune) bool { return r <= ' ' || r == '\\' || r >= 0x7f || r > unicode.MaxASCII }
	if len(address) > maxParameter || strings.ContainsFunc(address, odd) {
		return returnAddress{}, false
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || u.User != nil || runsHere(u.Scheme) {
		return returnAddress{}, false
	}
	bare := address
	if i := strings.IndexAny(bare, "?#"); i >= 0 {
		bare = bare[:i]
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		// What belongs to an application on the device: compared as it is.
		_, rest, _ := strings.Cut(bare, ":")
		return returnAddress{scheme: u.Scheme, path: rest}, rest != ""
	}
	if u.Host == "" || u.Opaque != "" || strings.Contains(u.Host, "%") {
		return returnAddress{}, false
	}
	r := returnAddress{scheme: u.Scheme, path: u.EscapedPath()}
	_, r.host, _ = strings.Cut(Origin(address), "://")
	if r.path == "" {
		r.path = "/"
	}
	return r, true
}

// sameHost compares a host with a registered one, which may begin with "*.".
func sameHost(registered, sent string) bool {
	suffix, wild := strings.CutPrefix(registered, "*.")
	if !wild {
		return registered == sent
	}
	label, rest, _ := strings.Cut(sent, ".")
	notLabel := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
	return label != "" && !strings.ContainsFunc(label, notLabel) && rest == suffix && strings.Contains(suffix, ".")
}
