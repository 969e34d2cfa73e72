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

// A UserinfoRequest brings an access token to userinfo.
type UserinfoRequest struct {
	Token string
	Proof Proof
	// Rate is told, where requests are limited, how many are left to the user,
	// and when there are more.
	Rate func(left int, wait time.Duration)
}

// Userinfo returns the claims about the person an access token stands for, as
// a JSON object, and the id of the application (OpenID Connect Core §5.3). It
// looks at the grant and the user, so that revoking and blocking take effect
// at once.
func (s *Service) Userinfo(ctx context.Context, r UserinfoRequest) (json.RawMessage, tenant.ClientID, error) {
	access, err := s.Tokens.VerifyUserinfo(ctx, r.Token)
	if err != nil {
		return nil, "", ErrToken.Because(err)
	}
	if err := s.checkKey(ctx, access, r); err != nil {
		return nil, access.Client, err
	}
	if !access.Scopes.Has(oauth.OpenID) {
		return nil, access.Client, ErrToken
	}
	if s.UserinfoLimit != nil {
		left, wait := s.UserinfoLimit.Take(access.Subject, s.Now())
		r.Rate(left, max(wait, s.UserinfoLimit.Rate.Every))
		if wait > 0 {
			return nil, access.Client, errRate.After(wait)
		}
	}
	user, asked, err := s.holder(ctx, access)
	if err != nil {
		return nil, access.Client, err
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return nil, access.Client, err
	}
	form := token.Form{Strict: set.Flags.StandardsStrict}
	claims := token.Claims(&user, access.Scopes, asked, form)
	if set.Flags.LegacyProfile {
		if claims, err = s.legacyProfile(ctx, access.Client, &user, claims, set); err != nil {
			return nil, access.Client, err
		}
	}
	doc, err := token.AppendClaims(nil, claims)
	return doc, access.Client, err
}

// checkKey demands a proof of the key that a token is bound to, and none with
// one that is not: whoever brings one thinks that it is (RFC 9449 §7.1).
func (s *Service) checkKey(ctx context.Context, access token.Access, r UserinfoRequest) error {
	if access.Key == "" {
		if r.Proof.Text != "" {
			return ErrToken
		}
		return nil
	}
	key, err := s.prove(ctx, r.Proof, r.Token)
	if err == nil && key != access.Key {
		err = ErrToken
	}
	return err
}

// holder reads the person of an access token, who must still be there, and what
// was asked about them beside the scopes.
func (s *Service) holder(ctx context.Context, access token.Access) (user tenant.User, asked []string, err error) {
	if access.Grant != "" {
		var g tenant.Grant
		g, user, err = s.Ledger.GrantUser(ctx, access.Grant)
		asked = oauth.ClaimsAt(g.Claims, oauth.ClaimsOfUserinfo)
	} else {
		// A JWT from before they named their grant: it holds until it expires,
		// if the user does.
		user, err = s.Ledger.ActiveUser(ctx, access.User)
		asked = access.Claims
	}
	if fault.Has(err, fault.NotFound) {
		return user, nil, ErrToken.Because(err)
	}
	return user, asked, err
}
