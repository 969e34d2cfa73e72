package grant

import (
	"context"
	"encoding/json"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// ErrToken refuses an access token (RFC 6750 §3.1). It says no more, whatever
// the reason.
var ErrToken = fault.New(fault.Denied, "invalid_token", "The access token is not valid.")

// errRate refuses a request about a user who was asked about too often.
var errRate = fault.New(fault.TooMany, oauth.CodeTooManyRequests, "Too many requests. Wait for the time in the Retry-After header.")

// Userinfo returns the claims about the person an access token stands for, as
// a JSON object, and the id of the application (OpenID Connect Core §5.3). It
// looks at the grant and the user, so that revoking and blocking take effect
// at once. Where requests are limited, rate is told how many are left to the
// user, and when there are more.
func (s *Service) Userinfo(ctx context.Context, accessToken string, rate func(left int, wait time.Duration)) (json.RawMessage, tenant.ClientID, error) {
	access, err := s.Tokens.VerifyUserinfo(ctx, accessToken)
	if err != nil {
		return nil, "", ErrToken.Because(err)
	}
	if !access.Scopes.Has(oauth.OpenID) {
		return nil, access.Client, ErrToken
	}
	if s.UserinfoLimit != nil {
		left, wait := s.UserinfoLimit.Take(access.Subject, s.Now())
		rate(left, max(wait, s.UserinfoLimit.Rate.Every))
		if wait > 0 {
			return nil, access.Client, errRate.After(wait)
		}
	}
	user, err := s.holder(ctx, access)
	if err != nil {
		return nil, access.Client, err
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return nil, access.Client, err
	}
	claims := token.Claims(&user, access.Scopes, token.Form{Strict: set.Flags.StandardsStrict})
	doc, err := token.AppendClaims(nil, claims)
	return doc, access.Client, err
}

// holder reads the person of an access token, who must still be there.
func (s *Service) holder(ctx context.Context, access token.Access) (tenant.User, error) {
	var user tenant.User
	var err error
	if access.Grant != "" {
		_, user, err = s.Ledger.GrantUser(ctx, access.Grant)
	} else {
		// A JWT names no grant: it holds until it expires, if the user does.
		user, err = s.Ledger.ActiveUser(ctx, access.User)
	}
	if fault.Has(err, fault.NotFound) {
		return user, ErrToken.Because(err)
	}
	return user, err
}
