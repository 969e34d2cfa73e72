package grant

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
)

// CodeUse is what Ledger.UseCode is given. The client, the redirect URI and the
// challenge must be those of the code.
type CodeUse struct {
	Now         time.Time
	Digests     [][]byte // of the code, under the current and previous keys
	Client      tenant.ClientID
	RedirectURI string
	Challenge   string // of the verifier; empty without one
	// Key is the thumbprint of the key that was proved, if any. It must be the
	// code's, if that has one (RFC 9449 §10).
	Key string
	// Unproved are the audiences that the code must not be for.
	Unproved []string
	// Targets are audiences of which it must be for one; without any, it may be
	// for every other.
	Targets []string
	// Refresh makes the refresh token that is stored with the redemption, or
	// nil. It is pure.
	Refresh func(tenant.Grant, tenant.AuthorizationCode) *tenant.RefreshToken
	// Used, Failed and Reused are the log events of the outcomes.
	Used, Failed, Reused tenant.LogEvent
}

// CodeUsed is what became of a CodeUse.
type CodeUsed struct {
	Outcome CodeOutcome
	Code    tenant.AuthorizationCode
	Grant   tenant.Grant
	User    tenant.User
}

// CodeOutcome says what an authorization code was good for.
type CodeOutcome uint8

// The outcomes. Unknown and Reused look the same from outside.
const (
	CodeUnknown    CodeOutcome = iota // no such code, not this client's, for another address, expired or revoked
	CodeRedeemed                      // good
	CodeUnverified                    // the verifier is not that of the challenge; the code is as it was
	CodeReused                        // redeemed before: the grant is revoked now
)

// authorizationCode exchanges what /authorize gave (RFC 6749 §4.1.3, RFC 7636
// §4.6).
func (s *Service) authorizationCode(ctx context.Context, w *work) (Answer, error) {
	if w.Code == "" {
		return Answer{}, oauth.MissingParameter("code")
	}
	challenge, ok := oauth.Challenge(w.CodeVerifier)
	if !ok {
		return Answer{}, oauth.InvalidVerifier()
	}
	if err := needsKey(w, nil); err != nil {
		return Answer{}, err
	}
	unproved, err := s.unproved(ctx, w)
	if err != nil {
		return Answer{}, err
	}
	targets, err := s.targets(ctx, w)
	if err != nil {
		return Answer{}, err
	}
	now := s.Now()
	used := event.New(event.ExchangeCode, now)
	event.About(&used, nil, w.client)
	used.IP, used.UserAgent = w.IP, w.UserAgent
	failed, reused := used, used
	failed.Type, failed.Description = event.ExchangeCodeFailed, "Invalid authorization code"
	reused.Type, reused.Description = event.ExchangeCodeFailed, "An authorization code was used again: its grant is revoked."

	text, refresh := "", (*tenant.RefreshToken)(nil)
	done, err := s.Ledger.UseCode(ctx, CodeUse{
		Now: now, Digests: s.Tokens.CodeDigests(w.Code), Client: w.client.ID, RedirectURI: w.RedirectURI,
		Challenge: challenge, Key: w.key, Unproved: unproved, Targets: targets, Used: used, Failed: failed, Reused: reused,
		Refresh: func(g tenant.Grant, _ tenant.AuthorizationCode) *tenant.RefreshToken {
			w.granted = oauth.ParseScopes(g.Scope)
			text, refresh = s.refreshToken(w, g.ID)
			return refresh
		},
	})
	if err != nil {
		return Answer{}, fmt.Errorf("redeem authorization code: %w", err)
	}
	switch done.Outcome {
	case CodeRedeemed:
	case CodeUnverified:
		return Answer{}, oauth.InvalidVerifier()
	default:
		return Answer{}, oauth.InvalidCode()
	}
	if w.api, err = s.PersonAPI(ctx, done.Grant.Audience); err != nil {
		return Answer{}, err
	}
	w.form.Attributes = done.Code.Legacy
	w.Scope = oauth.ParseScopes(done.Code.AskedScope)
	return s.answer(ctx, w, person{
		user: &done.User, grant: &done.Grant, refresh: text, event: event.ExchangeCode, nonce: done.Code.Nonce, acr: done.Code.ACR,
	})
}

// targets are the audiences of which a code must be for one, if the request
// names a resource (RFC 8707 §2.2), or the request of a device. What they are for
// is settled where they are given: here the resource can only be the same.
func (s *Service) targets(ctx context.Context, w *work) ([]string, error) {
	if w.Resource == "" || w.Audience != w.Resource {
		return nil, nil // none is named, or an audience that goes before it
	}
	set, err := s.Settings.Settings(ctx)
	switch {
	case err != nil || !set.ResourceParameter:
		return nil, err
	case w.Resource == s.Tokens.Userinfo():
		return []string{"", w.Resource}, nil // which is what a code without an API is for
	}
	return []string{w.Resource}, nil
}
