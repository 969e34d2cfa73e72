package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Access is what an access token says.
type Access struct {
	Client      tenant.ClientID
	Subject     string        // "sub"
	User        tenant.UserID // empty for an application's own token
	Grant       string        // empty for an application's own token, and for JWTs from before they named it
	ID          string        // "jti", where the API's profile has it
	Scopes      oauth.Scopes
	Permissions []string
	Claims      []string // what userinfo tells beside the scopes; JWTs only
	Audience    []string
	Key         string // thumbprint of the key it is bound to (RFC 9449), or empty
	IssuedAt    time.Time
	Expires     time.Time
}

// errKind refuses a token of one kind where another is expected.
var errKind = fmt.Errorf("%w: it is not for this", signing.ErrType)

// VerifyAccess checks a JWT access token for one of the audiences. Other tokens
// of ours are refused though their signature holds: ID tokens and logout tokens
// name no authorized party, and access tokens always do. The fault is
// signing.ErrToken unless the store failed.
func (i *Issuer) VerifyAccess(ctx context.Context, token string, audience ...string) (Access, error) {
	c, err := i.Keys.Verify(ctx, token, signing.VerifyOptions{
		Issuer:   i.Issuer,
		Audience: audience,
		Typ:      []string{signing.TypJWT, signing.TypAccess},
	})
	if err != nil {
		return Access{}, err
	}
	a := readAccess(c)
	if a.Client == "" || a.Subject == "" || hasAny(c, onlyID) || c.Typ == signing.TypAccess && a.ID == "" {
		return Access{}, signing.ErrToken.Because(errKind)
	}
	return a, nil
}

// The claims that only ID tokens, or only access tokens, have.
const (
	onlyID     = "nonce at_hash auth_time sid events"
	onlyAccess = "azp client_id scope gty permissions jti events"
)

func hasAny(c signing.Claims, names string) bool {
	return slices.ContainsFunc(strings.Fields(names), c.Has)
}

func readAccess(c signing.Claims) Access {
	party := "azp"
	if c.Typ == signing.TypAccess {
		party = "client_id" // RFC 9068 §2.2
	}
	a := Access{
		Client:      tenant.ClientID(c.Text(party)),
		Subject:     c.Text("sub"),
		Grant:       c.Text(grantClaim),
		ID:          c.Text("jti"),
		Scopes:      oauth.ParseScopes(c.Text("scope")),
		Permissions: c.Texts("permissions"),
		Claims:      c.Texts(userinfoClaims),
		Audience:    c.Texts("aud"),
	}
	a.Key = c.Inner("cnf", "jkt")
	a.IssuedAt, _ = c.Time("iat")
	a.Expires, _ = c.Time("exp")
	if a.Subject != string(a.Client)+ofClients {
		a.User = tenant.UserID(a.Subject)
	}
	return a
}

// VerifyUserinfo reads an access token that is brought to userinfo: an opaque
// one, or a JWT that has userinfo among its audiences. The fault is
// signing.ErrToken unless the store failed.
func (i *Issuer) VerifyUserinfo(ctx context.Context, token string) (Access, error) {
	if strings.Contains(token, ".") {
		return i.VerifyAccess(ctx, token, i.Userinfo())
	}
	return i.OpenAccess(token)
}

// IDToken is what an ID token says.
type IDToken struct {
	Client    tenant.ClientID
	User      tenant.UserID
	SessionID string
	AuthTime  time.Time // zero if it does not say
	IssuedAt  time.Time
	Expires   time.Time
}

// FindClient finds an application. The fault is NotFound if there is none.
type FindClient func(context.Context, tenant.ClientID) (*tenant.Client, error)

// VerifyIDToken checks an ID token of any application of ours. The fault is
// signing.ErrToken unless the store failed.
func (i *Issuer) VerifyIDToken(ctx context.Context, token string, find FindClient) (IDToken, error) {
	return i.verifyID(ctx, token, find, false)
}

// VerifyHint checks an ID token that is sent as a hint of who somebody is. Its
// time may be over (OpenID Connect RP-Initiated Logout 1.0 §2): it proves that
// we once said so, and lets nobody in.
func (i *Issuer) VerifyHint(ctx context.Context, token string, find FindClient) (IDToken, error) {
	return i.verifyID(ctx, token, find, true)
}

func (i *Issuer) verifyID(ctx context.Context, token string, find FindClient, expired bool) (IDToken, error) {
	// The audience says which application's rules hold, so it is read before
	// it can be believed.
	claimed, err := signing.Unverified(token)
	if err != nil {
		return IDToken{}, err
	}
	audience := claimed.Text("aud")
	if audience == "" {
		return IDToken{}, signing.ErrToken.Because(signing.ErrAudience)
	}
	client, err := find(ctx, tenant.ClientID(audience))
	if fault.Has(err, fault.NotFound) || err == nil && client == nil {
		return IDToken{}, signing.ErrToken.Because(errors.Join(signing.ErrAudience, err))
	}
	if err != nil {
		return IDToken{}, fmt.Errorf("verify ID token: %w", err)
	}
	want := signing.VerifyOptions{
		Issuer: i.Issuer, Audience: []string{audience}, Typ: []string{signing.TypJWT}, Expired: expired,
	}
	if claimed.Alg == signing.HS256 && IDTokenAlg(client) == signing.HS256 {
		want.Secret = []byte(client.Secret)
	}
	c, err := i.Keys.Verify(ctx, token, want)
	if err != nil {
		return IDToken{}, err
	}
	if c.Text("sub") == "" || hasAny(c, onlyAccess) {
		return IDToken{}, signing.ErrToken.Because(errKind)
	}
	return readID(c), nil
}

func readID(c signing.Claims) IDToken {
	id := IDToken{
		Client:    tenant.ClientID(c.Text("aud")),
		User:      tenant.UserID(c.Text("sub")),
		SessionID: c.Text("sid"),
	}
	id.AuthTime, _ = c.Time("auth_time")
	id.IssuedAt, _ = c.Time("iat")
	id.Expires, _ = c.Time("exp")
	return id
}
