package grant

import (
	"context"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// otp exchanges a one-time code (Auth0: the passwordless OTP grant). Everything
// that can refuse the request without looking at the code does so first: a
// request that could not succeed costs no try.
func (s *Service) otp(ctx context.Context, w *work) (Answer, error) {
	finish, err := s.otpRequest(w)
	if err != nil {
		return Answer{}, err
	}
	if w.api, err = s.PersonAPI(ctx, w.Audience); err != nil {
		return Answer{}, err
	}
	if err := needsKey(w, w.api); err != nil {
		return Answer{}, err
	}
	w.granted = oauth.ScopeRule{Client: w.client, API: w.api}.Grantable(w.Scope)
	g := tenant.Grant{
		ID: "grt_" + secret.Alphanumeric(24), SessionID: secret.Token(24), Scope: w.granted.String(),
	}
	if w.api != nil {
		g.Audience = w.api.Identifier
	}
	text, stored := s.refreshToken(w, g.ID)
	finish.Grant, finish.Refresh = g, stored
	done, err := s.Passwordless.Finish(ctx, finish)
	if err != nil && w.AuthSession != "" {
		err = sessionFault(err)
	}
	if err != nil {
		return Answer{Event: done.Event}, err
	}
	return s.answer(ctx, w, person{user: &done.User, grant: &done.Grant, refresh: text, event: done.Event})
}

// otpRequest reads who signs in: from the parameters, or from the auth_session
// that the code was asked with.
func (s *Service) otpRequest(w *work) (passwordless.FinishRequest, error) {
	r := passwordless.FinishRequest{
		Client: w.client, Realm: w.Realm, Username: w.Username, OTP: w.OTP,
		IP: w.IP, Server: w.server, UserAgent: w.UserAgent,
	}
	if w.AuthSession != "" {
		a, err := s.readSession(w.client, w.AuthSession)
		if err != nil {
			return r, err
		}
		r.Realm, r.Username, r.Transaction, r.NoSignUp = a.Realm, a.Username, a.Transaction, !a.SignUp
	}
	for _, p := range []struct{ name, value string }{
		{"username", r.Username}, {"otp", r.OTP}, {"realm", r.Realm},
	} {
		if p.value == "" {
			return r, oauth.MissingParameter(p.name)
		}
	}
	return r, nil
}

// person is whom tokens are issued for.
type person struct {
	user    *tenant.User
	grant   *tenant.Grant
	refresh string
	event   string
	nonce   string
	acr     string
}

// answer issues the tokens of a person.
func (s *Service) answer(ctx context.Context, w *work, p person) (Answer, error) {
	var permissions []string
	var err error
	if w.granted, permissions, err = s.Permitted(ctx, p.user.ID, w.api, w.granted); err != nil {
		return Answer{}, err
	}
	if w.form.Attributes && w.granted.Has("identities") {
		if p.user, err = s.Ledger.User(ctx, p.user.ID); err != nil {
			return Answer{}, err
		}
	}
	t, err := s.Tokens.Issue(ctx, token.Request{
		Client: w.client, API: w.api, User: p.user, Grant: p.grant,
		Scope: w.granted.String(), AskedScope: w.Scope.String(),
		Permissions: permissions, Key: w.key,
		AuthTime: p.grant.AuthTime, GrantType: w.GrantType, Form: w.form, Nonce: p.nonce, ACR: p.acr,
	})
	if err != nil {
		return Answer{}, err
	}
	return Answer{
		AccessToken: t.AccessToken, IDToken: t.IDToken, RefreshToken: p.refresh,
		Scope: t.Scope, ExpiresIn: t.ExpiresIn, TokenType: w.tokenType(), Event: p.event,
	}, nil
}
