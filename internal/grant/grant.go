// Package grant is the token endpoint without HTTP: it turns a code, a refresh
// token or an application's own secret into tokens.
//
// Every grant type goes through one pipeline, so that none can forget a step:
// the application is authenticated, the grant type checked against what it is
// allowed, the audience found, the scopes decided; then the grant type's own
// part runs; then tokens are issued. Adding a grant type is one file and one
// line in Token.
package grant

import (
	"context"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/token"
)

// Service answers the token endpoint and those around it.
type Service struct {
	Settings     Settings
	Ledger       Ledger
	Passwordless *passwordless.Service
	Tokens       *token.Issuer
	Devices      Devices
	// Management are the audiences of the Management API: the public one and
	// the https form of it that tools compute from the domain.
	Management []string
	Counts     Counter // nil counts nothing
	Now        func() time.Time
	// UserinfoLimit counts the requests about each user, DelegationLimit those
	// from each address for each user, and TokenInfoLimit those from each
	// address; nil limits none.
	UserinfoLimit   *attack.Meter
	DelegationLimit *attack.Meter
	TokenInfoLimit  *attack.Meter
}

// A Counter is told what was issued, for metrics. Its method returns at once.
type Counter interface {
	// Issued is called when a token request of that grant type got its tokens.
	Issued(grantType string)
}

// Request is a token request. Fields that a grant type does not use are
// ignored (RFC 6749 §3.2).
type Request struct {
	Credentials Credentials
	GrantType   string
	Scope       oauth.Scopes
	Audience    string
	Resource    string // RFC 8707
	DeviceCode  string
	// AuthSession stands in for Realm and Username (Auth0: /otp/challenge).
	AuthSession  string
	Proof        Proof
	Realm        string
	Username     string
	OTP          string
	RefreshToken string
	Code         string // authorization code
	CodeVerifier string // PKCE
	RedirectURI  string
	// ForwardedFor is the address an application says the person has.
	ForwardedFor func() (string, bool)
	IP           string
	UserAgent    string
}

// Answer is a token answer. Empty members are left out of it.
type Answer struct {
	AccessToken  string
	RefreshToken string
	IDToken      string
	Scope        string
	ExpiresIn    time.Duration
	TokenType    string
	// Event is the type of the log event that was recorded, with a fault too.
	Event string
}

// work is one request on its way through the pipeline.
type work struct {
	Request
	client  *tenant.Client
	api     *tenant.API // nil: userinfo alone
	granted oauth.Scopes
	key     string // thumbprint of the key that the request proves, or empty
	server  bool   // the address is that of the application's server
	form    token.Form
}

// Token answers a token request (RFC 6749 §3.2).
func (s *Service) Token(ctx context.Context, r Request) (Answer, error) {
	if r.GrantType == "" {
		return Answer{}, oauth.MissingParameter("grant_type")
	}
	client, err := s.Authenticate(ctx, r.Credentials)
	if err != nil {
		return Answer{}, err
	}
	run, ok := s.types()[r.GrantType]
	if !ok {
		return Answer{}, oauth.UnsupportedGrantType(r.GrantType)
	}
	if !client.MayUse(r.GrantType) {
		return Answer{}, oauth.GrantNotAllowed(r.GrantType)
	}
	set, err := s.Settings.Settings(ctx)
	if err != nil {
		return Answer{}, err
	}
	server := !client.Public()
	if client.TrustsIPHeader && server && r.ForwardedFor != nil {
		if ip, ok := r.ForwardedFor(); ok {
			r.IP, server = ip, false
		}
	}
	w := &work{Request: r, client: client, server: server, form: token.Form{Strict: set.Flags.StandardsStrict}}
	if w.key, err = s.prove(ctx, r.Proof, ""); err != nil {
		return Answer{}, err
	}
	if w.Audience, err = oauth.Audience(w.Audience, w.Resource, set.ResourceParameter); err != nil {
		return Answer{}, err
	}
	if w.Audience == "" && r.GrantType != tenant.GrantRefreshToken {
		w.Audience = set.DefaultAudience
	}
	answer, err := run(ctx, w)
	if err == nil && s.Counts != nil {
		s.Counts.Issued(r.GrantType)
	}
	return answer, err
}

// types are the grant types there are.
func (s *Service) types() map[string]func(context.Context, *work) (Answer, error) {
	return map[string]func(context.Context, *work) (Answer, error){
		tenant.GrantOTP:               s.otp,
		tenant.GrantAuthorizationCode: s.authorizationCode,
		tenant.GrantRefreshToken:      s.refresh,
		tenant.GrantClientCredentials: s.clientCredentials,
		tenant.GrantDeviceCode:        s.deviceCode,
	}
}

// PersonAPI finds the API a person asks a token for. Nobody gets a token for
// the Management API by signing in: its scopes are granted to applications.
func (s *Service) PersonAPI(ctx context.Context, audience string) (*tenant.API, error) {
	if audience == "" || audience == s.Tokens.Userinfo() {
		return nil, nil
	}
	if s.isManagement(audience) {
		return nil, oauth.AccessDenied("The Management API is not available to people who sign in.")
	}
	return s.api(ctx, audience)
}

func (s *Service) api(ctx context.Context, audience string) (*tenant.API, error) {
	api, err := s.Settings.API(ctx, audience)
	if fault.Has(err, fault.NotFound) {
		return nil, oauth.ServiceNotFound(audience)
	}
	return api, err
}

func (s *Service) isManagement(audience string) bool {
	for _, m := range s.Management {
		if audience == m {
			return true
		}
	}
	return false
}

// refreshToken makes a refresh token for a new grant when the person asked for
// one and it is granted.
func (s *Service) refreshToken(w *work, grantID string) (string, *tenant.RefreshToken) {
	if !w.granted.Has(oauth.OfflineAccess) {
		return "", nil
	}
	return s.NewRefresh(w.client, grantID, w.key)
}

// NewRefresh makes the first refresh token of a grant, by the application's
// policy. The key is the thumbprint of the one that was proved, or empty.
func (s *Service) NewRefresh(client *tenant.Client, grantID, key string) (string, *tenant.RefreshToken) {
	now := s.Now()
	text, digest := s.Tokens.NewRefresh()
	p := client.Refresh
	t := &tenant.RefreshToken{
		Digest: digest, Grant: grantID, Generation: 1, Rotating: p.Rotating,
		IssuedAt: now, LastUsed: now, IdleSpan: p.Idle,
	}
	if client.Public() {
		// RFC 9449 §5: that of an application with a proof of its own is bound
		// to that already.
		t.Key = key
	}
	if p.Lifetime > 0 {
		t.Expires = now.Add(p.Lifetime)
	}
	if p.Idle > 0 {
		t.IdleEnds = now.Add(p.Idle)
	}
	return text, t
}
