package grant

import (
	"context"
	"fmt"
	"slices"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// refresh exchanges a refresh token (RFC 6749 §6, with rotation and reuse
// detection as RFC 9700 §4.14.2 asks).
func (s *Service) refresh(ctx context.Context, w *work) (Answer, error) {
	if w.RefreshToken == "" {
		return Answer{}, oauth.MissingParameter("refresh_token")
	}
	now := s.Now()
	next, digest := s.Tokens.NewRefresh()
	used := event.New(event.ExchangeRefresh, now)
	event.About(&used, nil, w.client)
	used.IP, used.UserAgent, used.Scope = w.IP, w.UserAgent, w.Scope.String()
	failed, reused := used, used
	failed.Type, failed.Description = event.ExchangeRefreshFailed, "Unknown or invalid refresh token."
	reused.Type, reused.Description = event.RefreshReused, "A refresh token was used again: its grant is revoked."

	other, err := s.otherAPI(ctx, w)
	if err != nil {
		return Answer{}, err
	}
	use := Refresh{
		Now: now, Digests: s.Tokens.RefreshDigests(w.RefreshToken), Client: w.client.ID,
		Policy: w.client.Refresh, Next: digest, Used: used, Failed: failed, Reused: reused, Key: w.key,
		Barred: tenant.PipelineOwner,
	}
	if err := needsKey(w, other); err != nil {
		return Answer{}, err
	}
	if other == nil && w.Audience != "" {
		audience := w.Audience
		if audience == s.Tokens.Userinfo() {
			audience = "" // by which people sign in for no API
		}
		use.Audience = &audience
	}
	if err := s.usable(ctx, w, use, other); err != nil {
		return Answer{}, err
	}
	done, err := s.Ledger.UseRefresh(ctx, use)
	if err != nil {
		return Answer{}, fmt.Errorf("use refresh token: %w", err)
	}
	switch done.Outcome {
	case Renewed:
	case OtherAudience:
		return Answer{}, oauth.RefreshNotFor(w.Audience)
	default:
		return Answer{}, oauth.InvalidRefreshToken()
	}
	if err := s.narrow(ctx, w, &done.Grant, other); err != nil {
		return Answer{}, err
	}
	// A replaced token, used again within the leeway, gets here without the look
	// that usable had at the newest of its chain.
	if err := needsKey(w, w.api); err != nil {
		return Answer{}, err
	}
	if !w.client.Refresh.Rotating {
		next = ""
	}
	answer, err := s.answer(ctx, w, person{user: &done.User, grant: &done.Grant, refresh: next, event: event.ExchangeRefresh})
	// The scope of a refresh is always told (Auth0).
	answer.Scope = w.granted.String()
	return answer, err
}

// errNoScope refuses a refresh that asks for nothing but what was not granted
// (RFC 6749 §6). Of several scopes those that were not are passed over, as Auth0
// does.
var errNoScope = fault.New(fault.Invalid, oauth.CodeInvalidScope, "None of these scopes was granted with the refresh token.")

// narrow finds the API and decides the scopes that a refresh gives.
func (s *Service) narrow(ctx context.Context, w *work, g *tenant.Grant, other *tenant.API) error {
	allowed := oauth.ParseScopes(g.Scope)
	if other == nil || other.Identifier == g.Audience {
		var err error
		if w.api, err = s.PersonAPI(ctx, g.Audience); err != nil {
			return err
		}
	} else {
		w.api = other
		allowed = append(allowed.OIDC(), w.client.Refresh.For(other.Identifier)...)
	}
	// What was granted may have been taken back since.
	w.form.Attributes = g.Legacy()
	granted := oauth.ScopeRule{Client: w.client, API: w.api, Attributes: w.form.Attributes}.Grantable(allowed)
	w.granted = oauth.Narrow(granted, w.Scope)
	if len(w.Scope) > 0 && len(w.granted) == 0 {
		return errNoScope
	}
	return nil
}

// usable refuses, before the token is used, what would be refused after it: a
// refresh token whose grant is for an API that takes only tokens that are bound
// to a key, if the request proves none, and scopes none of which was granted.
// It reads the grant only where there is such an API, or where fewer scopes are
// asked for than a refresh token always has. A grant's audience and scopes never
// change, so that what is read holds when the token is used.
func (s *Service) usable(ctx context.Context, w *work, use Refresh, other *tenant.API) error {
	unproved, err := s.unproved(ctx, w)
	narrows := len(w.Scope) > 0 && !w.Scope.Has(oauth.OfflineAccess)
	if err != nil || len(unproved) == 0 && !narrows {
		return err
	}
	_, g, err := s.Ledger.RefreshGrant(ctx, use.Digests, use.Client, use.Now)
	switch {
	case fault.Has(err, fault.NotFound):
		return nil // UseRefresh says what is wrong with it
	case err != nil:
		return fmt.Errorf("read grant: %w", err)
	case slices.Contains(unproved, g.Audience) && (w.Audience == "" || w.Audience == g.Audience):
		return ErrNoKey
	case !use.For(g.Audience):
		return nil // and that its audience is another
	}
	return s.narrow(ctx, w, &g, other)
}

// otherAPI is the API that the application's policies let any of its refresh
// tokens be used for (Auth0: multi-resource refresh tokens), or nil if none is
// asked for or the asked one is not among them: then it must be the grant's
// own. It is found before the token is used, so that a refused request costs
// nothing.
func (s *Service) otherAPI(ctx context.Context, w *work) (*tenant.API, error) {
	if w.Audience == "" || w.client.Refresh.For(w.Audience) == nil {
		return nil, nil
	}
	return s.PersonAPI(ctx, w.Audience)
}
