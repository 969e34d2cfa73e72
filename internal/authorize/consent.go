package authorize

import (
	"context"
	"slices"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/session"
	"github.com/doorcode/doorcode/internal/tenant"
)

// asksConsent reports whether somebody has to be asked what the application may
// have. They are asked on behalf of applications of others, once for each scope;
// and before an application of one's own gets a token for an API, unless the API
// says that they need not be and nobody else can be the one that is answered:
// any program on a device can, at a loopback address or a scheme of its own (RFC
// 8252 §8.6).
func (s *Service) asksConsent(ctx context.Context, client *tenant.Client, t *tenant.Transaction, user tenant.UserID) (bool, error) {
	r := &t.Request
	if slices.Contains(r.Prompt, tenant.PromptConsent) {
		return true, nil
	}
	api, granted, err := s.grantable(ctx, client, r)
	if err != nil {
		return false, err
	}
	if client.FirstParty && (api == nil || api.SkipConsent && oauth.IsVerifiable(r.RedirectURI)) {
		return false, nil
	}
	before, found, err := s.Ledger.Consent(ctx, user, client.ID, r.Audience)
	if err != nil {
		return false, err
	}
	return !found || !oauth.ParseScopes(before).HasAll(told(granted, r)), nil
}

// told are the scopes that people are asked about: those that are granted, and
// those that cover what is asked for claim by claim.
func told(granted oauth.Scopes, r *tenant.AuthorizeRequest) oauth.Scopes {
	return oauth.ParseScopes(granted.String(), oauth.ClaimScopes(r.Claims).String())
}

// Consent takes the answer of somebody who was asked.
func (s *Service) Consent(ctx context.Context, id string, allow bool, b Browser) (Step, error) {
	t, client, err := s.pending(ctx, id, b)
	if err != nil {
		return Step{}, err
	}
	if pageOf(&t) != PageConsent {
		return at(t), ErrStep
	}
	if _, err := s.asked(ctx, &t, client, b); err != nil {
		return Step{}, err
	}
	if !allow {
		return s.abandon(ctx, &t, client, b, oauth.AccessDenied("User did not authorize the request"))
	}
	var step Step
	_, granted, err := s.grantable(ctx, client, &t.Request)
	if err == nil {
		step, err = s.issue(ctx, issuing{client: client, transaction: &t, browser: b, consent: &tenant.Consent{
			Client: client.ID, Audience: t.Request.Audience, Scope: told(granted, &t.Request).String(),
		}})
	}
	if err != nil && !IsTransaction(err) && !fault.Has(err, fault.Internal) {
		return s.abandon(ctx, &t, client, b, fault.Of(err))
	}
	return step, err
}

// asked is the session of whom the browser is signed in as, who must be the one
// the sign-in is for: a session that ended meanwhile, that is another, or whose
// connection was switched off for the application, answers for nobody.
func (s *Service) asked(ctx context.Context, t *tenant.Transaction, client *tenant.Client, b Browser) (*tenant.Session, error) {
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return nil, err
	}
	have, err := s.session(ctx, b, set)
	if err != nil {
		return nil, err
	}
	if have == nil || have.ID != t.Session {
		return nil, tenant.ErrTransaction
	}
	offered, _, err := s.offered(ctx, client, &t.Request)
	switch {
	case fault.Has(err, fault.Internal):
		return nil, err
	case err != nil || !session.Through(have, offered):
		return nil, tenant.ErrTransaction.Because(err)
	}
	return have, nil
}

// viewConsent fills in what is asked for.
func (s *Service) viewConsent(ctx context.Context, v *View, b Browser) error {
	if _, err := s.asked(ctx, &v.Transaction, v.Client, b); err != nil {
		return err
	}
	_, user, err := s.Ledger.LiveSessionUser(ctx, s.Now(), v.Transaction.Session)
	if fault.Has(err, fault.NotFound) {
		return tenant.ErrTransaction.Because(err)
	}
	if err != nil {
		return err
	}
	v.User = &user
	api, granted, err := s.grantable(ctx, v.Client, &v.Transaction.Request)
	v.API, v.Scopes = api, told(granted, &v.Transaction.Request)
	return err
}
