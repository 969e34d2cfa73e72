package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// What is here works as it did before OpenID Connect, for applications that say
// that they need it (R9), as far as the tenant lets them. Each use is logged, also
// one whose code or token was refused, beside the event of that refusal. What a
// limit refuses is not: it is refused so that it costs nothing.

// The refusals of these endpoints.
var (
	errEndpoint    = fault.New(fault.NotFound, oauth.CodeEndpointDisabled, "This endpoint is disabled for the tenant.")
	errConformant  = fault.New(fault.Denied, oauth.CodeUnauthorizedClient, "OIDC-conformant clients cannot use this endpoint.")
	errNeedsClient = oauth.AccessDenied("Client authentication is required")
	errConnection  = oauth.InvalidRequest("the connection was disabled")
	errIDToken     = fault.New(fault.Denied, oauth.CodeInvalidToken, "The ID token is not valid.")
)

// legacyClient finds the application of a request and checks that it may use an
// endpoint that is closed to all others.
func (s *Service) legacyClient(ctx context.Context, c Credentials, closed func(tenant.Flags) bool, grantType string) (*tenant.Client, *tenant.Settings, error) {
	client, proved, err := s.Identify(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	set, err := s.Settings.Settings(ctx)
	switch {
	case err != nil:
		return nil, nil, err
	case closed(set.Flags):
		return nil, nil, errEndpoint
	case !client.Legacy(set.Flags):
		return nil, nil, errConformant
	case !client.MayUse(grantType):
		return nil, nil, oauth.GrantNotAllowed(grantType)
	case set.Flags.ClientAuthOnStart && !client.Public() && !proved:
		return nil, nil, errNeedsClient
	case client.NeedsProof:
		return nil, nil, ErrNoKey // nothing here is bound to a key
	}
	return client, set, nil
}

// OwnerRequest brings a code to an endpoint for passwords (Auth0: /oauth/ro and
// /passwordless/verify).
type OwnerRequest struct {
	Credentials Credentials
	Connection  string
	Username    string
	Password    string // the code
	Scope       oauth.Scopes
	Device      string
	IP          string
	UserAgent   string
}

// maxDevice bounds the name of a device.
const maxDevice = 256

// Owner exchanges a code as applications did before the token endpoint knew
// codes. The access token is opaque, whatever audience the tenant prefers, and
// the refresh token, for a device that has a name, is no good at /oauth/token.
func (s *Service) Owner(ctx context.Context, r OwnerRequest) (Answer, error) {
	client, set, err := s.legacyClient(ctx, r.Credentials, func(f tenant.Flags) bool { return f.NoLegacyOwner }, tenant.GrantOwner)
	if err != nil {
		return Answer{}, err
	}
	if len(r.Device) > maxDevice {
		return Answer{}, oauth.InvalidRequest("Parameter device is too long.")
	}
	if err := s.enabled(ctx, r.Connection, client); err != nil {
		return Answer{}, err
	}
	w := &work{
		Request: Request{Scope: r.Scope}, client: client,
		form: token.Form{Strict: set.Flags.StandardsStrict, Attributes: true},
	}
	w.granted = oauth.ScopeRule{Client: client, Attributes: true}.Grantable(r.Scope)
	if r.Device == "" {
		w.granted = w.granted.Without(oauth.Scopes{oauth.OfflineAccess})
	}
	g := tenant.Grant{
		ID: "grt_" + secret.Alphanumeric(24), SessionID: secret.Token(24), Scope: w.granted.String(),
		Device: r.Device, Pipeline: tenant.PipelineOwner,
	}
	text, stored := s.refreshToken(w, g.ID)
	note := event.Deprecation(event.LegacyOwner, client, s.Now())
	done, err := s.Passwordless.Finish(ctx, passwordless.FinishRequest{
		Client: client, Realm: r.Connection, Username: r.Username, OTP: r.Password, Server: !client.Public(),
		IP: r.IP, UserAgent: r.UserAgent, Grant: g, Refresh: stored, Deprecated: &note,
	})
	if err != nil {
		return Answer{Event: done.Event}, s.refused(ctx, event.LegacyOwner, client, r.IP, done.Event, err)
	}
	return s.answer(ctx, w, person{user: &done.User, grant: &done.Grant, refresh: text, event: done.Event})
}

// enabled refuses a connection that there is, and that is not enabled for the
// application. One that there is not is refused where its code is judged.
func (s *Service) enabled(ctx context.Context, name string, client *tenant.Client) error {
	c, err := s.Passwordless.Connections.Connection(ctx, name)
	switch {
	case fault.Has(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !c.Admits(client.ID):
		return errConnection
	}
	return nil
}

// Verify checks a code for a page that then leads to
// /passwordless/verify_redirect with it, where it is used.
func (s *Service) Verify(ctx context.Context, r OwnerRequest) (logged string, err error) {
	client, _, err := s.Identify(ctx, r.Credentials)
	if err != nil {
		return "", err
	}
	set, err := s.Settings.Settings(ctx)
	switch {
	case err != nil:
		return "", err
	case set.Flags.NoVerify:
		return "", errEndpoint
	}
	if err := s.enabled(ctx, r.Connection, client); err != nil {
		return "", err
	}
	logged, err = s.Passwordless.Check(ctx, passwordless.FinishRequest{
		Client: client, Realm: r.Connection, Username: r.Username, OTP: r.Password, IP: r.IP, UserAgent: r.UserAgent,
	})
	if err != nil {
		return logged, s.refused(ctx, event.LegacyVerify, client, r.IP, logged, err)
	}
	return event.Deprecated, s.deprecated(ctx, event.LegacyVerify, client, nil, r.IP)
}

// deprecated logs a use that belongs to no other write.
func (s *Service) deprecated(ctx context.Context, f event.Feature, client *tenant.Client, user *tenant.User, ip string) error {
	e := event.Deprecation(f, client, s.Now())
	e.IP = ip
	if user != nil {
		e.User, e.Test = user.ID, user.Test
	}
	if err := s.Ledger.AddLogs(ctx, e); err != nil {
		return fmt.Errorf("log deprecated use: %w", err)
	}
	return nil
}

// refused logs a use that was refused, if there is a record of the refusal, and
// returns the refusal.
func (s *Service) refused(ctx context.Context, f event.Feature, client *tenant.Client, ip, record string, refusal error) error {
	if record == "" || fault.Has(refusal, fault.TooMany) {
		return refusal
	}
	if err := s.deprecated(ctx, f, client, nil, ip); err != nil {
		return err
	}
	return refusal
}

// DelegationRequest brings a refresh token for an ID token (Auth0: /delegation).
type DelegationRequest struct {
	Credentials  Credentials
	RefreshToken string
	Target       string // empty, or the application itself
	Scope        oauth.Scopes
	IP           string
	IPKey        string // the address as limits know it
	UserAgent    string
}

// Delegate exchanges a refresh token of the legacy pipeline for a new ID token.
// The refresh token stays as it is. Where exchanges are limited, rate is told how
// many are left to the address and the user, and when there are more. What is
// over the limit uses no token, and leaves nothing in the log.
func (s *Service) Delegate(ctx context.Context, r DelegationRequest, rate func(left int, wait time.Duration)) (Answer, error) {
	client, set, err := s.legacyClient(ctx, r.Credentials, func(f tenant.Flags) bool { return f.NoLegacyDelegation }, tenant.GrantDelegation)
	if err != nil {
		return Answer{}, err
	}
	if r.Target != "" && r.Target != string(client.ID) {
		return Answer{}, oauth.InvalidRequest("The only target of a refresh token is its own application.")
	}
	if err := s.delegable(ctx, client, r, rate); err != nil {
		return Answer{}, err
	}
	now := s.Now()
	used := event.New(event.ExchangeRefresh, now)
	event.About(&used, nil, client)
	used.IP, used.UserAgent, used.Scope = r.IP, r.UserAgent, r.Scope.String()
	failed := used
	failed.Type, failed.Description = event.ExchangeRefreshFailed, "Unknown or invalid refresh token."
	done, err := s.Ledger.UseRefresh(ctx, Refresh{
		Now: now, Digests: s.Tokens.RefreshDigests(r.RefreshToken), Client: client.ID, Barred: BarOIDC,
		Used: used, Failed: failed, Reused: failed,
	})
	if err != nil {
		return Answer{}, fmt.Errorf("use refresh token: %w", err)
	}
	if done.Outcome != Renewed {
		return Answer{Event: failed.Type}, s.refused(ctx, event.LegacyDelegation, client, r.IP, failed.Type, oauth.InvalidRefreshToken())
	}
	w := &work{client: client, form: token.Form{Strict: set.Flags.StandardsStrict, Attributes: true}}
	w.granted = oauth.Narrow(oauth.ParseScopes(done.Grant.Scope), r.Scope)
	answer, err := s.answer(ctx, w, person{user: &done.User, grant: &done.Grant, event: event.ExchangeRefresh})
	if err != nil {
		return Answer{}, err
	}
	// What is given is the ID token.
	if answer.ExpiresIn = client.IDTokenLifetime; answer.ExpiresIn == 0 {
		answer.ExpiresIn = token.IDLifetime
	}
	return answer, s.deprecated(ctx, event.LegacyDelegation, client, &done.User, r.IP)
}

// delegable refuses, before the refresh token is used, what is over the limit and
// what would give no ID token. A token that is not good here takes nothing from
// any limit; what is wrong with it is said, and recorded, where it is used. A
// grant's scopes never change, so that what is read holds there.
func (s *Service) delegable(ctx context.Context, client *tenant.Client, r DelegationRequest, rate func(left int, wait time.Duration)) error {
	now := s.Now()
	_, g, err := s.Ledger.RefreshGrant(ctx, s.Tokens.RefreshDigests(r.RefreshToken), client.ID, now)
	if err != nil && !fault.Has(err, fault.NotFound) {
		return fmt.Errorf("read grant: %w", err)
	}
	good := err == nil && g.Legacy()
	if limit := s.DelegationLimit; limit != nil {
		left, wait := limit.Rate.Burst, time.Duration(0)
		if good {
			left, wait = limit.Take(r.IPKey+" "+string(g.User), now)
		}
		rate(left, max(wait, limit.Rate.Every))
		if wait > 0 {
			return errRate.After(wait)
		}
	}
	if good && !oauth.Narrow(oauth.ParseScopes(g.Scope), r.Scope).Has(oauth.OpenID) {
		return oauth.InvalidRequest("The refresh token was not given for the scope openid, or it was not asked for.")
	}
	return nil
}

// TokenInfo returns the whole profile of the person whom an ID token of a legacy
// application is about, as a JSON object (Auth0: /tokeninfo). Where requests are
// limited, rate is told how many are left to the address, and when there are more.
func (s *Service) TokenInfo(ctx context.Context, idToken, ip, ipKey string, rate func(left int, wait time.Duration)) (json.RawMessage, tenant.ClientID, error) {
	if limit := s.TokenInfoLimit; limit != nil {
		left, wait := limit.Take(ipKey, s.Now())
		rate(left, max(wait, limit.Rate.Every))
		if wait > 0 {
			return nil, "", errRate.After(wait)
		}
	}
	id, err := s.Tokens.VerifyIDToken(ctx, idToken, s.Settings.Client)
	if fault.Has(err, fault.Internal) {
		return nil, "", err
	}
	if err != nil {
		return nil, "", errIDToken.Because(err)
	}
	client, set, err := s.tokenInfoClient(ctx, id.Client)
	if err != nil {
		return nil, id.Client, err
	}
	user, err := s.Ledger.User(ctx, id.User)
	if fault.Has(err, fault.NotFound) || err == nil && user.Blocked {
		if err := s.deprecated(ctx, event.LegacyTokenInfo, client, user, ip); err != nil {
			return nil, client.ID, err
		}
		return nil, client.ID, errIDToken.Because(err)
	}
	if err != nil {
		return nil, client.ID, err
	}
	doc, err := token.AppendClaims(nil, token.Profile(user, client.ID, token.Form{Strict: set.Flags.StandardsStrict}))
	if err != nil {
		return nil, client.ID, err
	}
	return doc, client.ID, s.deprecated(ctx, event.LegacyTokenInfo, client, user, ip)
}

func (s *Service) tokenInfoClient(ctx context.Context, id tenant.ClientID) (*tenant.Client, *tenant.Settings, error) {
	client, err := s.identify(ctx, Credentials{ID: id})
	if err != nil {
		return nil, nil, err
	}
	set, err := s.Settings.Settings(ctx)
	switch {
	case err != nil:
		return nil, nil, err
	case set.Flags.NoLegacyTokenInfo:
		return nil, nil, errEndpoint
	case !client.Legacy(set.Flags):
		return nil, nil, errConformant
	}
	return client, set, nil
}

// legacyProfile is what /userinfo tells a legacy application of a tenant that
// wants it to see whole profiles: all of it. Others get the claims.
func (s *Service) legacyProfile(ctx context.Context, id tenant.ClientID, user *tenant.User, claims []token.Claim, set *tenant.Settings) ([]token.Claim, error) {
	client, err := s.Settings.Client(ctx, id)
	if fault.Has(err, fault.NotFound) || err == nil && !client.Legacy(set.Flags) {
		return claims, nil
	}
	if err != nil {
		return nil, err
	}
	whole, err := s.Ledger.User(ctx, user.ID)
	if err != nil {
		return nil, err
	}
	return token.Profile(whole, id, token.Form{Strict: set.Flags.StandardsStrict}), nil
}
