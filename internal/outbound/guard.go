package outbound

import (
	"fmt"
	"net/netip"
	"slices"
	"syscall"
)

// Reason is what about an address is not let through.
type Reason string

// The reasons.
const (
	Network Reason = "network" // the address is not public
	Port    Reason = "port"    // not one of https
	Scheme  Reason = "scheme"  // not https
)

// Refused is the error of a request that is not let through. Nothing was sent,
// and no connection was made.
type Refused struct {
	Reason Reason
	What   string // the address, port or scheme
	Kind   string // of a network that is not public, such as "loopback"
}

// Error is written for the operator's log.
func (r *Refused) Error() string {
	switch r.Reason {
	case Network:
		return fmt.Sprintf("%s is not a public address (%s)", r.What, r.Kind)
	case Port:
		return fmt.Sprintf("port %s is not one that tenants may choose", r.What)
	}
	return fmt.Sprintf("the scheme %q is not https", r.What)
}

// guard judges connections before they are made.
type guard struct {
	allow []netip.Prefix
	ports []uint16
	plain bool // what is connected for is not https
}

// control is a net.Dialer's Control: it is called for every single address that
// a name was resolved to, after the socket is made and before it connects.
func (g guard) control(network, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return &Refused{Reason: Network, What: address, Kind: "unknown"}
	}
	if refused := g.check(to); refused != nil {
		return refused
	}
	return nil
}

func (g guard) check(to netip.AddrPort) *Refused {
	addr := effective(to.Addr())
	if slices.ContainsFunc(g.allow, func(p netip.Prefix) bool { return p.Contains(addr) }) {
		return nil
	}
	if kind := closed(addr); kind != "" {
		return &Refused{Reason: Network, What: to.Addr().String(), Kind: kind}
	}
	if g.plain {
		return &Refused{Reason: Scheme, What: "http"}
	}
	if to.Port() != 443 && to.Port() != 8443 && !slices.Contains(g.ports, to.Port()) {
		return &Refused{Reason: Port, What: fmt.Sprint(to.Port())}
	}
	return nil
}

// nat64 is where translators have the IPv4 internet (RFC 6052). It is how a
// machine without IPv4 reaches public addresses, and might reach others.
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

// effective is the address that packets end up at, as far as its form tells.
func effective(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if nat64.Contains(a) {
		b := a.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	return a
}

// A closedNetwork is one that no public address is in.
type closedNetwork struct {
	prefix netip.Prefix
	kind   string
}

// closedNetworks are IANA's special-purpose registries (RFC 6890), and one
// address that leads into a cloud.
var closedNetworks = []closedNetwork{
	{netip.MustParsePrefix("0.0.0.0/8"), "this machine"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by a carrier"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("168.63.129.16/32"), "the inside of a cloud"}, // Azure's
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("192.31.196.0/24"), "reserved"},
	{netip.MustParsePrefix("192.52.193.0/24"), "reserved"},
	{netip.MustParsePrefix("192.88.99.0/24"), "reserved"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private"},
	{netip.MustParsePrefix("192.175.48.0/24"), "reserved"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarks"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},

	{netip.MustParsePrefix("::/128"), "this machine"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("fc00::/7"), "private"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("2001::/23"), "reserved"}, // Teredo, benchmarks and others
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("2002::/16"), "tunnels"}, // 6to4
	{netip.MustParsePrefix("2620:4f:8000::/48"), "reserved"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
}

// global is all of IPv6 that is given out so far. The rest is refused unseen.
var global = netip.MustParsePrefix("2000::/3")

// Public reports whether the address is one of the public internet.
func Public(a netip.Addr) bool { return closed(effective(a)) == "" }

// closed says what an address is for that is not public, or "".
func closed(a netip.Addr) string {
	for _, n := range closedNetworks {
		if n.prefix.Contains(a) {
			return n.kind
		}
	}
	if a.Is4() || global.Contains(a) {
		return ""
	}
	return "reserved"
}
