package outbound

import (
	"errors"
	"net/netip"
	"testing"
)

func reason(g guard, address string) Reason {
	err := g.control("tcp6", address, nil)
	var refused *Refused
	if errors.As(err, &refused) {
		if refused.Error() == "" || refused.What == "" {
			return "untold"
		}
		return refused.Reason
	}
	if err != nil {
		return "other"
	}
	return ""
}

// SSR-01: the first and the last address of each network, public neighbours of
// some, and forms that have another address inside.
func TestSSR01Networks(t *testing.T) {
	for _, n := range closedNetworks {
		for _, a := range []netip.Addr{n.prefix.Masked().Addr(), last(n.prefix)} {
			if got := reason(guard{}, netip.AddrPortFrom(a, 443).String()); got != Network {
				t.Errorf("%v of %v: %q, want it refused", a, n.prefix, got)
			}
		}
	}
	for _, a := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0",
		"169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700::1111", "2a00::1", "2001:4860:4860::8888", "::ffff:1.1.1.1", "64:ff9b::101:101",
	} {
		if got := reason(guard{}, netip.AddrPortFrom(netip.MustParseAddr(a), 443).String()); got != "" {
			t.Errorf("%s: refused for its %s", a, got)
		}
	}
	for _, a := range []string{
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1",
		"2002:7f00:1::", "::127.0.0.1", "2001::1", "fec0::1", "100::1", "4000::1", "5f00::1", "fe80::1%eth0", "ff02::1", "::ffff:0:127.0.0.1",
	} {
		if got := reason(guard{}, netip.AddrPortFrom(netip.MustParseAddr(a), 443).String()); got != Network {
			t.Errorf("%s: %q, want it refused", a, got)
		}
	}
}

func last(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// SSR-05: https at its ports, unless the operator says otherwise.
func TestSSR05PortsAndSchemes(t *testing.T) {
	inside := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00::/8"), netip.MustParsePrefix("1.1.1.1/32")}
	tests := []struct {
		name    string
		guard   guard
		address string
		want    Reason
	}{
		{"the port of https", guard{}, "8.8.8.8:443", ""},
		{"its other port", guard{}, "[2606:4700::1]:8443", ""},
		{"a port of mail", guard{}, "8.8.8.8:25", Port},
		{"the port of http", guard{}, "8.8.8.8:80", Port},
		{"a port that was named", guard{ports: []uint16{9443}}, "8.8.8.8:9443", ""},
		{"a port that was named does not open networks", guard{ports: []uint16{9443}}, "10.0.0.1:9443", Network},
		{"plain http", guard{plain: true}, "8.8.8.8:443", Scheme},
		{"an allowed network at any port", guard{allow: inside}, "10.1.2.3:8080", ""},
		{"an allowed network of IPv6", guard{allow: inside}, "[fd12::1]:8080", ""},
		{"an allowed network in another form", guard{allow: inside}, "[::ffff:10.1.2.3]:8080", ""},
		{"plain http to an allowed network", guard{allow: inside, plain: true}, "10.1.2.3:80", ""},
		{"plain http to a public address that is allowed", guard{allow: inside, plain: true}, "1.1.1.1:80", ""},
		{"plain http to another one", guard{allow: inside, plain: true}, "1.1.1.2:80", Scheme},
		{"the network next to an allowed one", guard{allow: inside}, "10.2.0.0:443", Network},
		{"no address at all", guard{allow: inside}, "@abstract", Network},
	}
	for _, tt := range tests {
		if got := reason(tt.guard, tt.address); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if err := (guard{}).control("unix", "8.8.8.8:443", nil); err == nil {
		t.Error("another network than TCP is let through")
	}
}
