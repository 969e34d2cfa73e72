package authorize

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// SSOQuery asks who is signed in in a browser (Auth0: /user/ssodata).
type SSOQuery struct {
	Client *tenant.Client // whose page asks; nil is a page of our own
	Origin string         // of the page; empty is our own
}

// SSO is who is signed in, and by what.
type SSO struct {
	User       tenant.User
	Connection *tenant.Connection // nil if it is gone
	Used       bool               // by the application that asks
}

// SSO says who is signed in in a browser; nil is nobody, or nobody of whom this
// page may know. Auth0 has answered no page of another origin since 2018. Here
// pages of an application are answered that needs what is old, may sign people
// in across origins, and would be told the same at /authorize without anybody
// being asked. It is no use of the session.
func (s *Service) SSO(ctx context.Context, q SSOQuery, b Browser) (*SSO, error) {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if c := q.Client; q.Origin != "" && (c == nil || !c.Legacy(set.Flags) || !c.FirstParty || !c.CrossOrigin || !slices.Contains(c.WebOrigins, q.Origin)) {
		return nil, nil
	}
	have, err := s.session(ctx, b, set)
	if err != nil || have == nil {
		return nil, err
	}
	session, user, err := s.Ledger.LiveSessionUser(ctx, s.Now(), have.ID)
	if fault.Has(err, fault.NotFound) {
		return nil, nil // it has ended since it was read
	}
	if err != nil {
		return nil, err
	}
	out := &SSO{User: user}
	if out.Connection, err = s.Settings.ConnectionByID(ctx, session.Connection); err != nil && !fault.Has(err, fault.NotFound) {
		return nil, err
	}
	if q.Client == nil {
		return out, nil
	}
	if out.Connection == nil || !out.Connection.Admits(q.Client.ID) {
		return nil, nil // nor would they be signed in there
	}
	if out.Used, err = s.Ledger.UsesSession(ctx, session.ID, q.Client.ID); err != nil {
		return nil, err
	}
	e := event.Deprecation(event.LegacySSOData, q.Client, s.Now())
	e.User, e.Test, e.IP, e.UserAgent = user.ID, user.Test, b.IP, b.UserAgent
	return out, s.Ledger.Note(ctx, s.limited(attack.Silent, b), e)
}
