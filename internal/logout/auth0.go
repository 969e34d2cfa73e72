package logout

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Request is a request to one of the logout endpoints.
type Request struct {
	Values oauth.Values
	// Repeated are the parameters that came more than once. Values has none of
	// them.
	Repeated []string
	// Confirmed says that the person has been asked, on a page of ours.
	Confirmed bool
}

// Auth0 answers a request to /v2/logout. An address that is not on the list of
// the application that client_id names, or without one of the tenant, ends
// nothing. Without an address the first of the list is the one to go to.
func (s *Service) Auth0(ctx context.Context, r Request, b Browser) (Step, error) {
	for _, name := range []string{"client_id", "returnTo"} {
		if slices.Contains(r.Repeated, name) {
			return Step{}, oauth.RepeatedParameter(name)
		}
	}
	l, err := s.begin(ctx, tenant.ClientID(r.Values.Get("client_id")), b)
	if err != nil {
		return s.refuse(ctx, l, err)
	}
	to := r.Values.Get("returnTo")
	switch {
	case to == "":
		to = oauth.FirstReturn(l.allowed())
	case !oauth.MayReturn(l.allowed(), to):
		return s.refuse(ctx, l, oauth.LogoutMismatch("returnTo"))
	}
	if l.have != nil && l.set.Flags.ConfirmLogout && !r.Confirmed {
		return Step{Ask: true, Client: l.client}, nil
	}
	return s.end(ctx, l, to)
}
