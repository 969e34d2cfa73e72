package attack

import (
	"net/netip"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// SpareDigits is the length of a code that is sent when an identifier's tries
// are used up: three tries at it are one chance in three thousand million, so
// that nobody can lock anybody out by guessing.
const SpareDigits = 10

// KeepDevice is how long a browser is known after its last sign-in.
const KeepDevice = 400 * 24 * time.Hour

// Tries are the wrong tries at one identifier that a request is measured
// against. The zero value is MaxWrongDay, which no tenant can lift.
type Tries struct {
	// Max is how many there are in any 24 hours; anything but 1 to MaxWrongDay
	// stands for MaxWrongDay.
	Max int
	// Address is the address whose tries are counted by themselves as well, and
	// MaxAddress how many it has; empty if they are not.
	Address    string
	MaxAddress int
}

// TriesFor are the tries that a tenant grants at an identifier to a request
// from ip. A tenant can grant fewer than MaxWrongDay, never more: those are
// what keeps the chance of a lucky guess small (NIST SP 800-63B §5.2.2).
func TriesFor(p tenant.BruteForce, ip string) Tries {
	if !p.Blocks || p.MaxAttempts < 1 || p.MaxAttempts >= MaxWrongDay || Contains(p.Allow, ip) {
		return Tries{}
	}
	if p.PerAddress {
		return Tries{Address: AddressKey(ip), MaxAddress: p.MaxAttempts}
	}
	return Tries{Max: p.MaxAttempts}
}

// Day is how many wrong tries there are in any 24 hours.
func (t Tries) Day() int {
	if t.Max < 1 || t.Max > MaxWrongDay {
		return MaxWrongDay
	}
	return t.Max
}

// Wait is how long an identifier must wait for its next try at a code: zero
// when it may try now.
func (t Tries) Wait(wrong Times, streak int, now time.Time) time.Duration {
	if streak >= MaxWrongStreak {
		// Nothing but an administrator, or a sign-in by other means, ends
		// this; a day is when asking again makes sense.
		return TriesWindow
	}
	return max(0, wrong.Last(t.Day()).Add(TriesWindow).Sub(now))
}

// WaitAddress is Wait for what the address has tried.
func (t Tries) WaitAddress(wrong Times, now time.Time) time.Duration {
	if t.Address == "" {
		return 0
	}
	return max(0, wrong.Last(t.MaxAddress).Add(TriesWindow).Sub(now))
}

// A Bucket is a token bucket with a name. The zero value limits nothing.
type Bucket struct {
	Name string
	Rate
}

// Starts is the bucket of the starts that an address, as AddressKey knows it,
// asks for.
func Starts(key string) Bucket { return Bucket{"start/" + key, StartRate} }

// Activations are the buckets of the codes of devices that are typed at an
// address, as AddressKey knows it, and in a session; each may be empty.
func Activations(key, session string) []Bucket {
	var list []Bucket
	if key != "" {
		list = append(list, Bucket{"activate/" + key, ActivationRate})
	}
	if session != "" {
		list = append(list, Bucket{"activate/session/" + session, SessionActivationRate})
	}
	return list
}

// SignIns is the bucket of the sign-ins that an address leaves pending.
func SignIns(key string) Bucket { return Bucket{"signin/" + key, SignInRate} }

// Silent is the bucket of the refused silent sign-ins of an address that are
// logged.
func Silent(key string) Bucket { return Bucket{"silent/" + key, SignInRate} }

// Failures is the bucket of an address's failed sign-ins.
func Failures(p tenant.SuspiciousIP, ip string) Bucket {
	return throttled(p, failures, p.Login, ip)
}

// SignUps is the bucket of an address's sign-ups.
func SignUps(p tenant.SuspiciousIP, ip string) Bucket {
	return throttled(p, signUps, p.SignUp, ip)
}

// SuspiciousNames are the names of the buckets of Failures and SignUps.
func SuspiciousNames(ip string) []string {
	key := AddressKey(ip)
	return []string{failures + key, signUps + key}
}

const failures, signUps = "login/", "signup/"

func throttled(p tenant.SuspiciousIP, name string, t tenant.Throttle, ip string) Bucket {
	if !p.Blocks || t.Burst < 1 || Contains(p.Allow, ip) {
		return Bucket{}
	}
	return Bucket{name + AddressKey(ip), Rate{Burst: t.Burst, Every: t.Every}}
}

// Contains reports whether an address is in one of the networks.
func Contains(networks []netip.Prefix, ip string) bool {
	if len(networks) == 0 {
		return false
	}
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// IsAddress reports whether a text is one IP address.
func IsAddress(ip string) bool {
	_, err := netip.ParseAddr(ip)
	return err == nil
}

// AddressKey is what limits are counted by: an IPv4 address, or the /64 of an
// IPv6 one, since that is what one customer gets at least. Requests without an
// address share a key, so that no limit is ever skipped.
func AddressKey(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
