package oauth

import (
	"net/url"
	"strings"
)

// Audience returns the API that a request is for: its audience or, where the
// tenant takes it, its resource (RFC 8707; Auth0: resource_parameter_profile).
// The audience wins. The fault is invalid_target for a resource that cannot be
// one.
func Audience(audience, resource string, takesResource bool) (string, error) {
	if audience != "" || resource == "" || !takesResource {
		return audience, nil
	}
	u, err := url.Parse(resource)
	if err != nil || !u.IsAbs() || strings.Contains(resource, "#") {
		return "", InvalidTarget()
	}
	return resource, nil
}
