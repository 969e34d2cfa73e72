package settings

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/tenant"
)

// protectionDefault is a part of attack protection that nobody has changed
// (Auth0: the defaults of attack-protection). What concerns passwords is off:
// there are none.
func protectionDefault(part tenant.ProtectionPart) []byte {
	switch part {
	case tenant.BruteForcePart:
		return []byte(`{"enabled":true,"shields":["block","user_notification"],"mode":"count_per_identifier_and_ip","allowlist":[],"max_attempts":10}`)
	case tenant.SuspiciousIPPart:
		return []byte(`{"enabled":true,"shields":["admin_notification","block"],"allowlist":[],"stage":{` +
			`"pre-login":{"max_attempts":100,"rate":864000},` +
			`"pre-user-registration":{"max_attempts":50,"rate":1728000},` +
			`"pre-custom-token-exchange":{"max_attempts":10,"rate":600000}}}`)
	case tenant.BreachedPasswordPart:
		return []byte(`{"enabled":false,"shields":[],"admin_notification_frequency":[],"method":"standard",` +
			`"stage":{"pre-user-registration":{"shields":[]},"pre-change-password":{"shields":[]}}}`)
	}
	return []byte(`{"challenge_password_policy":"never","challenge_passwordless_policy":"never",` +
		`"challenge_password_reset_policy":"never","allowlist":[],"bot_detection_level":"medium","monitoring_mode_enabled":false}`)
}

// maxAllowed is how many addresses may be exempt (Auth0: 100).
const maxAllowed = 100

// protectionRule is what a body may say of a part (Auth0: attack-protection).
func protectionRule(part tenant.ProtectionPart) rule {
	network := text(1, 64)
	network.format = &format{name: "ipv4, ipv6 or cidr", ok: func(s string) bool { _, ok := parseNetwork(s); return ok }}
	allowlist := listOf(network, maxAllowed)
	shields := func(names ...string) rule { return listOf(oneOf(names...), 10) }
	record := func(members map[string]rule) rule { return rule{kinds: []string{"object"}, members: members} }
	throttle := func(attempts, fastest int) rule {
		return record(map[string]rule{"max_attempts": whole(1, attempts), "rate": whole(fastest, 86400000)})
	}
	policy := oneOf("never", "when_risky", "always")
	switch part {
	case tenant.BruteForcePart:
		return record(map[string]rule{
			"enabled": flag, "shields": shields("block", "user_notification"), "allowlist": allowlist,
			"mode": oneOf("count_per_identifier_and_ip", "count_per_identifier"), "max_attempts": whole(1, 100),
		})
	case tenant.SuspiciousIPPart:
		return record(map[string]rule{
			"enabled": flag, "shields": shields("block", "admin_notification"), "allowlist": allowlist,
			"stage": record(map[string]rule{
				"pre-login": throttle(2500, 34560), "pre-user-registration": throttle(72000, 1200),
				"pre-custom-token-exchange": throttle(72000, 1200),
			}),
		})
	case tenant.BreachedPasswordPart:
		stage := record(map[string]rule{"shields": shields("block", "admin_notification")})
		return record(map[string]rule{
			"enabled": flag, "shields": shields("block", "user_notification", "admin_notification"),
			"admin_notification_frequency": listOf(oneOf("immediately", "daily", "weekly", "monthly"), 4),
			"method":                       oneOf("standard", "enhanced"),
			"stage":                        record(map[string]rule{"pre-user-registration": stage, "pre-change-password": stage}),
		})
	}
	return record(map[string]rule{
		"bot_detection_level": oneOf("low", "medium", "high"), "challenge_password_policy": policy,
		"challenge_passwordless_policy": policy, "challenge_password_reset_policy": policy,
		"allowlist": allowlist, "monitoring_mode_enabled": flag,
	})
}

// parseNetwork reads an address or a CIDR prefix. A range written with an
// address inside it means the whole range.
func parseNetwork(s string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, false
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, false
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), true
}

// ChangeProtection makes of a part's document what a body asks for: what the
// body does not name stays, also inside of its stages; lists are replaced. A
// nil document is the default.
func ChangeProtection(part tenant.ProtectionPart, doc []byte, body *Object) ([]byte, error) {
	if err := protectionRule(part).checkMembers("", body); err != nil {
		return nil, err
	}
	if doc == nil {
		doc = protectionDefault(part)
	}
	before, err := ParseObject(doc)
	if err != nil {
		return nil, fmt.Errorf("read attack protection: %w", err)
	}
	return mergeDeep(before, body).Bytes(), nil
}

// mergeDeep sets the members of change in o; objects are merged in turn.
func mergeDeep(o, change *Object) *Object {
	for _, m := range change.members {
		if inner, outer := change.Object(m.name), o.Object(m.name); inner != nil && outer != nil {
			o.SetRaw(m.name, mergeDeep(outer, inner).Bytes())
			continue
		}
		o.SetRaw(m.name, m.value)
	}
	return o
}

// Protection is the view of what is stored of attack protection. Parts that
// are not stored are as by default.
func Protection(stored map[tenant.ProtectionPart]tenant.ProtectionSetting) (tenant.Protection, error) {
	out := tenant.Protection{Settings: map[tenant.ProtectionPart]tenant.ProtectionSetting{}}
	for _, part := range tenant.ProtectionParts() {
		s := stored[part]
		if s.Doc == nil {
			s.Doc = protectionDefault(part)
		}
		out.Settings[part] = s
	}
	type throttle struct {
		Max  int   `json:"max_attempts"`
		Rate int64 `json:"rate"`
	}
	var d struct {
		Enabled   bool     `json:"enabled"`
		Shields   []string `json:"shields"`
		Allowlist []string `json:"allowlist"`
		Mode      string   `json:"mode"`
		Max       int      `json:"max_attempts"`
		Stage     struct {
			Login  throttle `json:"pre-login"`
			SignUp throttle `json:"pre-user-registration"`
		} `json:"stage"`
	}
	if err := json.Unmarshal(out.Settings[tenant.BruteForcePart].Doc, &d); err != nil {
		return out, fmt.Errorf("read brute-force protection: %w", err)
	}
	out.BruteForce = tenant.BruteForce{
		Blocks: d.Enabled && slices.Contains(d.Shields, "block"), Allow: networks(d.Allowlist),
		PerAddress: d.Mode != "count_per_identifier", MaxAttempts: d.Max,
	}
	d.Shields, d.Allowlist = nil, nil
	if err := json.Unmarshal(out.Settings[tenant.SuspiciousIPPart].Doc, &d); err != nil {
		return out, fmt.Errorf("read suspicious IP throttling: %w", err)
	}
	rate := func(t throttle) tenant.Throttle {
		return tenant.Throttle{Burst: t.Max, Every: time.Duration(t.Rate) * time.Millisecond}
	}
	out.SuspiciousIP = tenant.SuspiciousIP{
		Blocks: d.Enabled && slices.Contains(d.Shields, "block"), Allow: networks(d.Allowlist),
		Login: rate(d.Stage.Login), SignUp: rate(d.Stage.SignUp),
	}
	return out, nil
}

func networks(list []string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		if p, ok := parseNetwork(s); ok { // they were checked when they were stored
			out = append(out, p)
		}
	}
	return out
}
