package attack

import (
	"net/netip"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// A Tally counts up to Max things in a span of the clock that began at Since.
type Tally struct {
	Name  string
	Since time.Time
	Span  time.Duration
	Max   int
}

// Wait is how long until the tally begins anew.
func (t Tally) Wait(now time.Time) time.Duration { return max(0, t.Since.Add(t.Span).Sub(now)) }

func tally(name string, span time.Duration, limit int, now time.Time) Tally {
	return Tally{Name: name, Since: now.UTC().Truncate(span), Span: span, Max: limit}
}

const day = 24 * time.Hour

// Budgets are what the tenant as a whole and a connection of it may send, the
// longer spans first.
func Budgets(whole, own tenant.Budget, c tenant.ConnectionID, now time.Time) []Tally {
	var out []Tally
	for _, b := range []struct {
		tenant.Budget
		of string
	}{{whole, ""}, {own, "/" + string(c)}} {
		if b.Day > 0 {
			out = append(out, tally("sends/day"+b.of, day, b.Day, now))
		}
		if b.Hour > 0 {
			out = append(out, tally("sends/hour"+b.of, time.Hour, b.Hour, now))
		}
	}
	return out
}

// Alerts says of which part of a tally, in per cent, the nth thing is the last,
// or 0: at half, at four fifths and at the end somebody should know.
func (t Tally) Alerts(n int) int {
	for _, percent := range []int{100, 80, 50} {
		if n == (t.Max*percent+99)/100 {
			return percent
		}
	}
	return 0
}

// Spreads are the different numbers that whoever asks may name: a browser in a
// day, an address and its network in an hour. ip is empty for requests that are
// not counted by address, and device for browsers that are not known.
func Spreads(f tenant.Fraud, ip, device string, now time.Time) []Tally {
	var out []Tally
	if ip != "" && f.NumbersAddress > 0 {
		out = append(out, tally("numbers/"+AddressKey(ip), time.Hour, f.NumbersAddress, now))
	}
	if ip != "" && f.NumbersNetwork > 0 {
		out = append(out, tally("numbers/"+networkKey(ip), time.Hour, f.NumbersNetwork, now))
	}
	if device != "" && f.NumbersDevice > 0 {
		out = append(out, tally("numbers/"+device, day, f.NumbersDevice, now))
	}
	return out
}

// networkKey is the network that an address is in: the /16 of an IPv4 address,
// the /32 of an IPv6 one, which is about what one operator has.
func networkKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown network"
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return netip.PrefixFrom(a, 16).Masked().String()
	}
	return netip.PrefixFrom(a, 32).Masked().String()
}
