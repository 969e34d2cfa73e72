package attack

import (
	"net/netip"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// R4: a tenant can grant fewer tries than ten, and never more.
func TestTriesFor(t *testing.T) {
	allow := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("2001:db8::1/128")}
	tests := []struct {
		name string
		p    tenant.BruteForce
		ip   string
		want Tries
	}{
		{"nothing is set", tenant.BruteForce{}, "198.51.100.1", Tries{}},
		{"three for everybody", tenant.BruteForce{Blocks: true, MaxAttempts: 3}, "198.51.100.1", Tries{Max: 3}},
		{"three for each address", tenant.BruteForce{Blocks: true, PerAddress: true, MaxAttempts: 3}, "198.51.100.1", Tries{Address: "198.51.100.1", MaxAddress: 3}},
		{"of each customer", tenant.BruteForce{Blocks: true, PerAddress: true, MaxAttempts: 3}, "2001:db8:1:2:3::4", Tries{Address: "2001:db8:1:2::/64", MaxAddress: 3}},
		{"nine", tenant.BruteForce{Blocks: true, MaxAttempts: 9}, "198.51.100.1", Tries{Max: 9}},
		{"ten", tenant.BruteForce{Blocks: true, MaxAttempts: 10}, "198.51.100.1", Tries{}},
		{"a hundred", tenant.BruteForce{Blocks: true, MaxAttempts: 100}, "198.51.100.1", Tries{}},
		{"nonsense", tenant.BruteForce{Blocks: true, MaxAttempts: -1}, "198.51.100.1", Tries{}},
		{"switched off", tenant.BruteForce{MaxAttempts: 3}, "198.51.100.1", Tries{}},
		{"an address that is exempt", tenant.BruteForce{Blocks: true, MaxAttempts: 3, Allow: allow}, "192.0.2.77", Tries{}},
		{"as version 6", tenant.BruteForce{Blocks: true, MaxAttempts: 3, Allow: allow}, "::ffff:192.0.2.77", Tries{}},
		{"its neighbour", tenant.BruteForce{Blocks: true, MaxAttempts: 3, Allow: allow}, "2001:db8::2", Tries{Max: 3}},
		{"no address", tenant.BruteForce{Blocks: true, MaxAttempts: 3, Allow: allow}, "invalid IP", Tries{Max: 3}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := TriesFor(tt.p, tt.ip); got != tt.want {
				t.Errorf("TriesFor = %+v, want %+v", got, tt.want)
			}
		})
	}
	for most, want := range map[int]int{-1: 10, 0: 10, 1: 1, 9: 9, 10: 10, 11: 10, 1 << 40: 10} {
		if got := (Tries{Max: most}).Day(); got != want {
			t.Errorf("of a maximum of %d there are %d tries a day, want %d", most, got, want)
		}
	}
}

func TestFewerTries(t *testing.T) {
	hist := at(time.Hour, 2*time.Hour, 3*time.Hour)
	for most, want := range map[int]time.Duration{1: 23 * time.Hour, 3: 21 * time.Hour, 4: 0, 10: 0} {
		if got := (Tries{Max: most}).Wait(hist, 3, now); got != want {
			t.Errorf("of %d tries a day, after three Wait = %v, want %v", most, got, want)
		}
		if got := (Tries{Address: "a", MaxAddress: most}).WaitAddress(hist, now); got != want {
			t.Errorf("of %d tries of an address, after three WaitAddress = %v, want %v", most, got, want)
		}
	}
	if got := (Tries{}).WaitAddress(at(repeat(10, 0)...), now); got != 0 {
		t.Errorf("where addresses are not counted WaitAddress = %v", got)
	}
	if got := (Tries{Max: 3}).Wait(NoTimes, MaxWrongStreak, now); got != TriesWindow {
		t.Errorf("after a hundred in a row Wait = %v", got)
	}
}

func TestBuckets(t *testing.T) {
	p := tenant.SuspiciousIP{
		Blocks: true, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")},
		Login: tenant.Throttle{Burst: 100, Every: time.Minute}, SignUp: tenant.Throttle{Burst: 50, Every: time.Hour},
	}
	if got, want := Failures(p, "198.51.100.1"), (Bucket{"login/198.51.100.1", Rate{100, time.Minute}}); got != want {
		t.Errorf("Failures = %+v, want %+v", got, want)
	}
	if got, want := SignUps(p, "2001:db8::1"), (Bucket{"signup/2001:db8::/64", Rate{50, time.Hour}}); got != want {
		t.Errorf("SignUps = %+v, want %+v", got, want)
	}
	if got := Failures(p, "192.0.2.1"); got != (Bucket{}) {
		t.Errorf("the failures of an address that is exempt are %+v", got)
	}
	if got := Failures(p, ""); got.Name != "login/unknown" {
		t.Errorf("without an address the bucket is %+v", got)
	}
	names := SuspiciousNames("2001:db8::77")
	if len(names) != 2 || names[0] != Failures(p, "2001:db8::1").Name || names[1] != SignUps(p, "2001:db8::1").Name {
		t.Errorf("SuspiciousNames = %v", names)
	}
	p.Blocks = false
	if got := SignUps(p, "198.51.100.1"); got != (Bucket{}) {
		t.Errorf("while nothing is blocked the bucket is %+v", got)
	}
}
