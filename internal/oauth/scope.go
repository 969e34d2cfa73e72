// Package oauth holds the words of the protocol: scopes and who may have them,
// and error codes and how they are answered. It is made of pure functions over
// values and keeps nothing.
package oauth

import (
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

// The scopes of OpenID Connect (Core 1.0 §5.4, §11). They are about the person
// and never belong to an API.
const (
	OpenID        = "openid"
	Profile       = "profile"
	Email         = "email"
	Phone         = "phone"
	Address       = "address"
	OfflineAccess = "offline_access"
)

// Scopes are the parts of a scope parameter: each once, in the order they were
// first named.
type Scopes []string

// ParseScopes splits scope parameters at white space (RFC 6749 §3.3 has single
// spaces; applications send more). Several arguments are for requests that send
// a list.
func ParseScopes(parameters ...string) Scopes {
	var s Scopes
	seen := map[string]bool{}
	for _, p := range parameters {
		for name := range strings.FieldsFuncSeq(p, isSpace) {
			if !seen[name] {
				seen[name] = true
				s = append(s, name)
			}
		}
	}
	return s
}

func isSpace(r rune) bool { return r == ' ' || r == '\t' || r == '\r' || r == '\n' }

// String joins the scopes with single spaces.
func (s Scopes) String() string { return strings.Join(s, " ") }

// Has reports whether the scope is among them.
func (s Scopes) Has(name string) bool { return slices.Contains(s, name) }

// HasAll reports whether all of the others are among them.
func (s Scopes) HasAll(others Scopes) bool { return len(others.Without(s)) == 0 }

// Without returns the scopes that are not among the others.
func (s Scopes) Without(others Scopes) Scopes {
	return s.pick(others, false)
}

// Intersect returns the scopes that are among the others too, in the order of s.
func (s Scopes) Intersect(others Scopes) Scopes {
	return s.pick(others, true)
}

func (s Scopes) pick(others Scopes, among bool) Scopes {
	in := make(map[string]bool, len(others))
	for _, name := range others {
		in[name] = true
	}
	var picked Scopes
	for _, name := range s {
		if in[name] == among {
			picked = append(picked, name)
		}
	}
	return picked
}

// Same reports whether both have the same scopes, in whatever order.
func (s Scopes) Same(others Scopes) bool {
	return len(s) == len(others) && s.HasAll(others)
}

// IsOIDC reports whether the scope is one of OpenID Connect's.
func IsOIDC(name string) bool {
	switch name {
	case OpenID, Profile, Email, Phone, Address, OfflineAccess:
		return true
	}
	return false
}

// OIDC returns the scopes that are OpenID Connect's.
func (s Scopes) OIDC() Scopes {
	var picked Scopes
	for _, name := range s {
		if IsOIDC(name) {
			picked = append(picked, name)
		}
	}
	return picked
}

// A ScopeRule says what scopes a person may give an application.
type ScopeRule struct {
	Client *tenant.Client
	API    *tenant.API // nil when no API is asked for
	// Attributes lets names of profile attributes be scopes, as they are for
	// applications of the legacy pipeline (F12).
	Attributes bool
}

// Grantable returns those of the asked scopes that are granted. The others are
// dropped without an error; Answer tells the application so (RFC 6749 §3.3).
func (r ScopeRule) Grantable(asked Scopes) Scopes {
	var granted Scopes
	for _, name := range asked {
		if r.grants(name) {
			granted = append(granted, name)
		}
	}
	return granted
}

func (r ScopeRule) grants(name string) bool {
	switch {
	case name == OfflineAccess:
		return r.offline()
	case IsOIDC(name):
		return true
	case r.API != nil && slices.Contains(r.API.Scopes, name):
		return true
	}
	return r.Attributes
}

// offline reports whether a refresh token may be given: the application must be
// able to use it, and the API must allow access while nobody is there.
func (r ScopeRule) offline() bool {
	return r.Client.MayUse(tenant.GrantRefreshToken) && (r.API == nil || r.API.AllowOfflineAccess)
}

// ClientScopes returns what an application gets in its own name: of the scopes
// it was granted for the API and the API still has, those it asks for, or all if
// it asks for none. The fault is access_denied if it asks for more.
func ClientScopes(asked Scopes, api *tenant.API, grant tenant.ClientGrant) (Scopes, error) {
	has := Scopes(grant.Scopes).Intersect(api.Scopes)
	if grant.AllScopes {
		has = Scopes(api.Scopes)
	}
	if len(asked) == 0 {
		return has, nil
	}
	if more := asked.Without(has); len(more) > 0 {
		return nil, ScopesNotGranted(more)
	}
	return asked, nil
}

// Narrow returns what a refresh token gives: the granted scopes, or those of
// them that are asked for. A scope can never be added (RFC 6749 §6).
func Narrow(granted, asked Scopes) Scopes {
	if len(asked) == 0 {
		return granted
	}
	return asked.Intersect(granted)
}

// Answer returns the scope of a token response: what was granted if it differs
// from what was asked for, else nothing (RFC 6749 §5.1).
func Answer(granted, asked Scopes) string {
	if granted.Same(asked) {
		return ""
	}
	return granted.String()
}
