// Package token makes the tokens that applications get, and reads the ones they
// bring back.
//
// An access token for an API is a signed JWT. One for nothing but userinfo is
// opaque: a sealed value that only this server can read and for which nothing is
// stored. An ID token tells an application who signed in. A refresh token is
// random, and only its digest is kept. Each kind is refused wherever another is
// expected (RFC 8725 §2.8).
package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// How long tokens live where neither application nor API says it. Tokens that a
// browser gets from /authorize have the shorter life.
const (
	AccessLifetime        = 24 * time.Hour
	BrowserAccessLifetime = 2 * time.Hour
	IDLifetime            = 10 * time.Hour
)

// An Issuer makes and reads tokens. It is safe for use by many goroutines.
type Issuer struct {
	Issuer  string // the public URL with a slash at its end (R15)
	Keys    *signing.Ring
	Secrets *secret.Ring
	Now     func() time.Time
}

// Userinfo returns the audience of tokens that are good for userinfo.
func (i *Issuer) Userinfo() string { return i.Issuer + "userinfo" }

// A Request says what tokens are for. The scopes in it are decided: nothing is
// checked again.
type Request struct {
	Client *tenant.Client
	API    *tenant.API   // nil: an opaque access token
	User   *tenant.User  // nil: the application's own token, which needs an API
	Grant  *tenant.Grant // needed with User

	Scope      string // granted
	AskedScope string

	Nonce       string    // for the ID token, as it was sent
	ACR         string    // for the ID token; empty leaves it out
	Code        string    // the authorization code that an ID token goes with, for "c_hash"
	AuthTime    time.Time // for the ID token; zero leaves it out
	GrantType   string    // as it was sent, for "gty"
	Permissions []string  // for APIs whose profile wants them
	Form        Form
	// Key is the thumbprint of the key that the access token is bound to (RFC
	// 9449 §6.1); empty binds it to none.
	Key string

	// FrontChannel is for tokens that go to a browser from /authorize. The ID
	// token then says which access token it came with (OpenID Connect Core
	// 1.0 §3.2.2.9), so that they cannot be signed side by side.
	FrontChannel bool
	// WithoutAccess and WithoutID are for answers that have only one of the
	// two: what is not asked for is not signed.
	WithoutAccess bool
	WithoutID     bool
	// Lifetime shortens the access token's life if it is not zero.
	Lifetime time.Duration
}

// Tokens are an answer. What was not made is empty.
type Tokens struct {
	AccessToken string
	IDToken     string        // only with the scope openid
	Scope       string        // only if it differs from what was asked for
	ExpiresIn   time.Duration // of the access token
}

// Issue makes the tokens of one answer. Those that are signed are signed side by
// side, as far as there are processors free for it.
func (i *Issuer) Issue(ctx context.Context, req Request) (Tokens, error) {
	m := minting{Request: req, issuer: i, now: i.Now(), scopes: oauth.ParseScopes(req.Scope)}
	if err := m.check(); err != nil {
		return Tokens{}, fmt.Errorf("issue tokens: %w", err)
	}
	t, err := m.mint(ctx)
	if err != nil {
		return Tokens{}, fmt.Errorf("issue tokens: %w", err)
	}
	t.Scope = oauth.Answer(m.scopes, oauth.ParseScopes(req.AskedScope))
	return t, nil
}

// minting is the work on one answer.
type minting struct {
	Request
	issuer *Issuer
	now    time.Time
	scopes oauth.Scopes
}

// check refuses requests that are a defect of the caller.
func (m *minting) check() error {
	switch {
	case m.Client == nil:
		return errors.New("no client")
	case m.User == nil && m.opaque():
		return errors.New("an application's own token needs an API")
	case m.User != nil && m.Grant == nil:
		return errors.New("a person's token needs a grant")
	}
	return nil
}

func (m *minting) mint(ctx context.Context) (Tokens, error) {
	var t Tokens
	var drafts []signing.Draft
	var into []*string
	wantID := m.User != nil && m.scopes.Has(oauth.OpenID) && !m.WithoutID
	if !m.WithoutAccess {
		life := m.accessLifetime()
		t.ExpiresIn = life
		if m.opaque() {
			t.AccessToken = m.issuer.seal(m.access(life))
		} else {
			d, err := m.accessDraft(life)
			if err != nil {
				return Tokens{}, err
			}
			drafts, into = append(drafts, d), append(into, &t.AccessToken)
		}
	}
	if m.FrontChannel && wantID && len(drafts) > 0 {
		var err error
		if t.AccessToken, err = m.issuer.Keys.Sign(ctx, drafts[0]); err != nil {
			return Tokens{}, err
		}
		drafts, into = nil, nil
	}
	if wantID {
		d, err := m.idDraft(t.AccessToken)
		if err != nil {
			return Tokens{}, err
		}
		drafts, into = append(drafts, d), append(into, &t.IDToken)
	}
	signed, err := m.issuer.Keys.SignAll(ctx, drafts...)
	if err != nil {
		return Tokens{}, err
	}
	for n, s := range signed {
		*into[n] = s
	}
	return t, nil
}

// opaque reports whether the access token is for nothing but userinfo.
func (m *minting) opaque() bool {
	return m.API == nil || m.API.Identifier == m.issuer.Userinfo()
}

func (m *minting) accessLifetime() time.Duration {
	life, web := AccessLifetime, BrowserAccessLifetime
	if !m.opaque() && m.API.TokenLifetime > 0 {
		life = m.API.TokenLifetime
	}
	if !m.opaque() && m.API.WebTokenLifetime > 0 {
		web = m.API.WebTokenLifetime
	}
	if m.FrontChannel {
		life = min(life, web)
	}
	if m.Lifetime > 0 {
		life = min(life, m.Lifetime)
	}
	return life
}

// subject is who an access token speaks for.
func (m *minting) subject() string {
	if m.User == nil {
		return string(m.Client.ID) + ofClients
	}
	return string(m.User.ID)
}

// ofClients ends the subject of an application's own tokens. Ids of users have
// a bar in them and ids of applications have none, so the two never meet.
const ofClients = "@clients"

// accessDraft writes an access token in the API's profile: Auth0's own or that
// of RFC 9068.
func (m *minting) accessDraft(life time.Duration) (signing.Draft, error) {
	var audience any = m.API.Identifier
	if m.User != nil && m.scopes.Has(oauth.OpenID) {
		audience = []string{m.API.Identifier, m.issuer.Userinfo()}
	}
	claims := make([]Claim, 0, 12)
	claims = append(claims,
		Claim{"iss", m.issuer.Issuer}, Claim{"sub", m.subject()}, Claim{"aud", audience},
		Claim{"iat", m.now.Unix()}, Claim{"exp", m.now.Add(life).Unix()})
	claims = appendText(claims, "scope", m.scopes.String())
	if m.Key != "" {
		claims = append(claims, Claim{"cnf", map[string]string{"jkt": m.Key}})
	}
	typ := signing.TypJWT
	if strings.HasPrefix(m.API.Profile, profile9068) {
		typ = signing.TypAccess // RFC 9068 §2.1
		claims = append(claims, Claim{"jti", secret.Token(16)}, Claim{"client_id", string(m.Client.ID)})
	} else {
		claims = appendText(claims, "gty", gty(m.GrantType))
		claims = append(claims, Claim{"azp", string(m.Client.ID)})
	}
	if strings.HasSuffix(m.API.Profile, withPermissions) {
		if m.Permissions == nil {
			m.Permissions = []string{}
		}
		claims = append(claims, Claim{"permissions", m.Permissions})
	}
	if m.User != nil {
		claims = append(claims, Claim{grantClaim, m.Grant.ID})
	}
	if m.User != nil && m.scopes.Has(oauth.OpenID) {
		if asked := oauth.ClaimsAt(m.Grant.Claims, oauth.ClaimsOfUserinfo); asked != nil {
			claims = append(claims, Claim{userinfoClaims, asked})
		}
	}
	doc, err := AppendClaims(make([]byte, 0, 512), claims)
	return signing.Draft{Alg: accessTokenAlg(m.API), Typ: typ, Claims: doc}, err
}

// grantClaim names in a JWT the grant that it was issued for, so that userinfo
// and introspection refuse it when that is revoked (RFC 6749 §4.1.2). The name
// is random, says nothing of the person and opens nothing by itself.
const grantClaim = "grant_id"

// userinfoClaims says in a JWT what userinfo tells beside what the scopes cover.
const userinfoClaims = "userinfo_claims"

// The parts of an API's profile (Auth0: token_dialect) that decide its tokens.
const (
	profile9068     = "rfc9068_profile"
	withPermissions = "_authz"
)

// gty is Auth0's name of a grant type in its access tokens. Only some have one.
func gty(grantType string) string {
	switch grantType {
	case tenant.GrantClientCredentials:
		return "client-credentials"
	case tenant.GrantRefreshToken, "urn:ietf:params:oauth:grant-type:device_code":
		return grantType
	}
	return ""
}

// accessTokenAlg returns what an API's access tokens are signed with. What is
// stored may be from a version that took more: no setting keeps people out.
func accessTokenAlg(api *tenant.API) string {
	if !slices.Contains(tenant.AccessTokenAlgs(), api.SigningAlg) {
		return signing.RS256
	}
	return api.SigningAlg
}

// idDraft writes an ID token (OpenID Connect Core 1.0 §2). It says which access
// token it belongs to if there is one already: always for opaque ones, and from
// /authorize.
func (m *minting) idDraft(access string) (signing.Draft, error) {
	life := IDLifetime
	if m.Client.IDTokenLifetime > 0 {
		life = m.Client.IDTokenLifetime
	}
	claims := make([]Claim, 0, 24)
	claims = append(claims,
		Claim{"iss", m.issuer.Issuer}, Claim{"sub", string(m.User.ID)}, Claim{"aud", string(m.Client.ID)},
		Claim{"iat", m.now.Unix()}, Claim{"exp", m.now.Add(life).Unix()})
	if !m.AuthTime.IsZero() {
		claims = append(claims, Claim{"auth_time", m.AuthTime.Unix()})
	}
	claims = appendText(claims, "sid", m.Grant.SessionID)
	claims = appendText(claims, "nonce", m.Nonce)
	claims = appendText(claims, "acr", m.ACR)
	if access != "" {
		claims = append(claims, Claim{"at_hash", halfHash(access)})
	}
	if m.Code != "" { // OpenID Connect Core 1.0 §3.3.2.11
		claims = append(claims, Claim{"c_hash", halfHash(m.Code)})
	}
	claims = appendProfile(claims, m.User, m.scopes, m.Form)
	claims = appendAsked(claims, m.User, oauth.ClaimsAt(m.Grant.Claims, oauth.ClaimsOfID), m.Form)
	doc, err := AppendClaims(make([]byte, 0, 768), claims)
	d := signing.Draft{Alg: IDTokenAlg(m.Client), Typ: signing.TypJWT, Claims: doc}
	if d.Alg == signing.HS256 {
		d.Secret = []byte(m.Client.Secret)
	}
	return d, err
}

// IDTokenAlg returns what an application's ID tokens are signed with. HS256 is
// for those alone that ask for it and can keep a secret, and have one that is
// long enough: otherwise anybody could sign. PS256 is not for public ones
// either, whose libraries know RS256 alone (TOK-01). Everybody else gets RS256.
func IDTokenAlg(client *tenant.Client) string {
	alg := client.IDTokenAlg
	switch {
	case !slices.Contains(tenant.IDTokenAlgs(), alg),
		alg == signing.HS256 && (client.Public() || len(client.Secret) < signing.MinSecret),
		alg == signing.PS256 && client.Public():
		return signing.RS256
	}
	return alg
}

// halfHash is the left half of a SHA-256 (OpenID Connect Core 1.0 §3.1.3.6).
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
