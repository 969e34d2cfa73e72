package tenant

import (
	"net/netip"
	"time"
)

// A ProtectionPart names one of the documents that attack protection is set
// by (Auth0: attack-protection).
type ProtectionPart string

// The parts. Their values are those of the Management API's paths.
const (
	BruteForcePart       ProtectionPart = "brute-force-protection"
	SuspiciousIPPart     ProtectionPart = "suspicious-ip-throttling"
	BreachedPasswordPart ProtectionPart = "breached-password-detection"
	BotDetectionPart     ProtectionPart = "bot-detection"
)

// ProtectionParts lists all parts.
func ProtectionParts() []ProtectionPart {
	return []ProtectionPart{BruteForcePart, SuspiciousIPPart, BreachedPasswordPart, BotDetectionPart}
}

// Protection is what stands between an attacker and the tenant beyond the
// limits that nobody can lift.
type Protection struct {
	BruteForce   BruteForce
	SuspiciousIP SuspiciousIP
	// Settings are the documents as the Management API shows them, of every
	// part.
	Settings map[ProtectionPart]ProtectionSetting
}

// A ProtectionSetting is one part's document.
type ProtectionSetting struct {
	Doc     []byte
	Managed bool // by the configuration file
}

// BruteForce limits the wrong tries at one identifier.
type BruteForce struct {
	// Blocks is false where violations are to have no consequence.
	Blocks bool
	// PerAddress counts the tries from each address by themselves (Auth0: mode
	// count_per_identifier_and_ip).
	PerAddress  bool
	MaxAttempts int
	Allow       []netip.Prefix // addresses it is not for
}

// SuspiciousIP limits what comes from one address, whoever it is about.
type SuspiciousIP struct {
	Blocks bool
	Allow  []netip.Prefix // addresses it is not for
	Login  Throttle       // failed sign-ins
	SignUp Throttle       // sign-ups
}

// A Throttle lets so many through at once, and one more after each Every.
type Throttle struct {
	Burst int
	Every time.Duration
}
