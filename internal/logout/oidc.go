package logout

import (
	"context"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// OIDC answers a request to /oidc/logout (OpenID Connect RP-Initiated Logout
// 1.0 §2). A hint that is no ID token of ours ends nothing; one whose time is
// over still says who sent the person and whom they mean.
func (s *Service) OIDC(ctx context.Context, r Request, b Browser) (Step, error) {
	if len(r.Repeated) > 0 {
		return Step{}, oauth.RepeatedParameter(r.Repeated[0])
	}
	hint, err := s.hint(ctx, r.Values.Get("id_token_hint"))
	if err != nil && fault.Has(err, fault.Internal) {
		return Step{}, err
	}
	id := tenant.ClientID(r.Values.Get("client_id"))
	if id == "" && err == nil {
		id = hint.Client
	}
	l, berr := s.begin(ctx, id, b)
	if err == nil {
		err = berr
	}
	if err == nil {
		err = consistent(r.Values, &hint, l)
	}
	if err != nil {
		if l == nil {
			return Step{}, err
		}
		return s.refuse(ctx, l, err)
	}
	named, proved, err := s.proof(ctx, r.Values, &hint, l)
	if err != nil {
		return Step{}, err
	}
	if l.have != nil && !named && !r.Confirmed && !l.set.SilentLogout {
		return Step{Ask: true, Client: l.client}, nil
	}
	location := ""
	if to := r.Values.Get("post_logout_redirect_uri"); to != "" && proved {
		location = oauth.WithState(to, r.Values.Get("state"))
	}
	return s.end(ctx, l, location)
}

// hint reads the ID token of a request; without one there is no client in it.
func (s *Service) hint(ctx context.Context, text string) (token.IDToken, error) {
	if text == "" {
		return token.IDToken{}, nil
	}
	id, err := s.Tokens.VerifyHint(ctx, text, s.Settings.Client)
	if err != nil && !fault.Has(err, fault.Internal) {
		err = oauth.InvalidRequest("The id_token_hint is not an ID token of this server.").Because(err)
	}
	return id, err
}

// consistent refuses a request whose parameters do not fit each other, or that
// names an address that is not registered.
func consistent(v oauth.Values, hint *token.IDToken, l *leaving) error {
	uri, logoutHint := v.Get("post_logout_redirect_uri"), v.Get("logout_hint")
	switch {
	case hint.Client != "" && l.client != nil && hint.Client != l.client.ID:
		return oauth.InvalidRequest("The client_id is not the audience of the id_token_hint.")
	case hint.Client != "" && logoutHint != "" && hint.SessionID != logoutHint:
		return oauth.InvalidRequest("The logout_hint is not the session of the id_token_hint.")
	case len(v.Get("state")) > maxState:
		return oauth.InvalidRequest("The state is too long.")
	case uri != "" && !oauth.MayReturnExactly(l.allowed(), uri):
		return oauth.LogoutMismatch("post_logout_redirect_uri")
	}
	return nil
}

// maxState is the longest state that is sent back, in bytes.
const maxState = 4096

// proof reports what a request proves. It names the browser's session if it is
// by an ID token of the same person or by the session's id: then nobody else
// can have made it, and the person is not asked. It is proved to come from an
// application by the ID token, or by that id if the application knows it by
// tokens of its own: then the person may be sent back there.
func (s *Service) proof(ctx context.Context, v oauth.Values, hint *token.IDToken, l *leaving) (named, proved bool, err error) {
	if hint.Client != "" {
		return l.have != nil && l.have.User == hint.User, true, nil
	}
	logoutHint := v.Get("logout_hint")
	if l.have == nil || logoutHint == "" || logoutHint != l.have.ID {
		return false, false, nil
	}
	if l.client != nil {
		proved, err = s.Ledger.UsesSession(ctx, l.have.ID, l.client.ID)
	}
	return true, proved, err
}
