package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"

	"github.com/doorcode/doorcode/internal/attack"
)

// maxHops bounds how far a chain of proxies is followed.
const maxHops = 32

// ParseProxies reads the addresses of trusted proxies: CIDR prefixes, or single
// addresses.
func ParseProxies(list []string) ([]netip.Prefix, error) {
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		s = strings.TrimSpace(s)
		p, err := netip.ParsePrefix(s)
		if err != nil {
			a, aerr := netip.ParseAddr(s)
			if aerr != nil || a.Zone() != "" {
				return nil, fmt.Errorf("%q is neither an address nor a CIDR prefix", s)
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		if p.Addr().Is4In6() {
			// Addresses are compared as IPv4 where they can be.
			if p.Bits() < 96 {
				return nil, fmt.Errorf("%q spans more than IPv4", s)
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		prefixes = append(prefixes, p.Masked())
	}
	return prefixes, nil
}

// ClientIP is the address a request comes from: that of the TCP peer, unless
// the peer is a trusted proxy. Then it is the right-most address in
// X-Forwarded-For that is not itself trusted, since everything further left was
// written by somebody we do not know. X-Real-IP and Forwarded are not looked
// at: proxies that do not set them pass on what the client made up.
//
// Where the chain cannot be read, the last hop that could be stands for the
// client. The result is invalid only if the connection has no address, as on a
// Unix socket; IPKey gives those a key too, so no limit is ever skipped.
func ClientIP(r *http.Request, trusted []netip.Prefix) netip.Addr {
	at, ok := ParseIP(r.RemoteAddr)
	if !ok || !contains(trusted, at) {
		return at
	}
	// Several lines mean the same as one that joins them (RFC 9110 §5.2).
	lines := r.Header["X-Forwarded-For"]
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; hops++ {
			comma := strings.LastIndexByte(rest, ',')
			hop, ok := ParseIP(strings.Trim(rest[comma+1:], " \t"))
			if !ok || hops == maxHops {
				return at
			}
			at = hop
			if !contains(trusted, at) {
				return at
			}
			more = comma >= 0
			rest = rest[:max(comma, 0)]
		}
	}
	return at
}

// ParseIP reads an address as proxies write them: bare, in brackets, or with a
// port. Zones are dropped and IPv4 addresses in IPv6 form become IPv4. It
// refuses addresses that nobody can have.
func ParseIP(s string) (netip.Addr, bool) {
	if len(s) > 64 {
		return netip.Addr{}, false
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		if ap, perr := netip.ParseAddrPort(s); perr == nil {
			a = ap.Addr()
		} else if len(s) > 2 && s[0] == '[' && s[len(s)-1] == ']' {
			if a, err = netip.ParseAddr(s[1 : len(s)-1]); err != nil || !a.Is6() {
				return netip.Addr{}, false
			}
		} else {
			return netip.Addr{}, false
		}
	}
	a = a.Unmap().WithZone("")
	if a.IsUnspecified() || a.IsMulticast() {
		return netip.Addr{}, false
	}
	return a, true
}

func contains(prefixes []netip.Prefix, a netip.Addr) bool {
	for _, p := range prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// IPKey is what limits are counted by.
func IPKey(a netip.Addr) string { return attack.AddressKey(a.String()) }
