package outbound

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
)

// Judge says why no request to u could ever be let through, as far as u alone
// tells: nothing is asked and nothing connected. Whatever it has nothing against
// is judged again when the connection is made.
func (o Options) Judge(u *url.URL) *Refused {
	if u.Scheme != "https" && (u.Scheme != "http" || !o.PlainHTTP) {
		return &Refused{Reason: Scheme, What: u.Scheme}
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return o.guard(u).check(netip.AddrPortFrom(addr, port(u)))
	}
	if len(o.Allow) > 0 {
		return nil // what the name leads to may be in one of them
	}
	return o.guard(u).check(netip.AddrPortFrom(somewherePublic, port(u)))
}

// somewherePublic stands for what a name leads to, in the best case.
var somewherePublic = netip.AddrFrom4([4]byte{1, 1, 1, 1})

// Resolve asks the name server where u leads now, and judges that. The error is
// a *Refused if no address of its may be called, or else the resolver's.
func (o Options) Resolve(ctx context.Context, u *url.URL) error {
	if refused := o.Judge(u); refused != nil {
		return refused
	}
	resolver := o.Resolver
	if resolver == nil {
		resolver = net.DefaultResolver
	}
	addrs, err := resolver.LookupNetIP(ctx, "ip", u.Hostname())
	if err != nil {
		return err
	}
	var refused *Refused
	if slices.ContainsFunc(addrs, func(a netip.Addr) bool {
		r := o.guard(u).check(netip.AddrPortFrom(a, port(u)))
		if refused == nil {
			refused = r
		}
		return r == nil
	}) {
		return nil // the others are passed over
	}
	if refused == nil {
		return &net.DNSError{Err: "no addresses", Name: u.Hostname(), IsNotFound: true}
	}
	return refused
}

// guard is what judges connections for u.
func (o Options) guard(u *url.URL) guard {
	return guard{allow: o.Allow, ports: o.Ports, plain: u.Scheme == "http"}
}

func port(u *url.URL) uint16 {
	if n, err := strconv.ParseUint(u.Port(), 10, 16); err == nil {
		return uint16(n)
	}
	if u.Scheme == "http" {
		return 80
	}
	return 443
}
