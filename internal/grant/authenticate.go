package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// Credentials are what an application shows of itself.
type Credentials struct {
	ID tenant.ClientID
	// Method is how it proves who it is: tenant.AuthSecretBasic,
	// tenant.AuthSecretPost or tenant.AuthPrivateKeyJWT; empty if it does not.
	Method    string
	Secret    string
	Assertion string
	// Endpoint is the address that was asked, which an assertion may be for.
	Endpoint string
}

// AssertionType is the one type of client assertion there is (RFC 7523 §2.2).
const AssertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	// maxAssertion is how long an assertion may be good for. Auth0's own
	// libraries make them for two or three minutes.
	maxAssertion = 5 * time.Minute
	// maxJTI is the size of the longest id of an assertion or a proof.
	maxJTI = 255
)

// Authenticate finds the application and checks that it is who it says, by the
// one way it is set up for. Public applications have nothing to check. The
// fault is the same for an unknown application and a wrong proof.
func (s *Service) Authenticate(ctx context.Context, c Credentials) (*tenant.Client, error) {
	client, err := s.identify(ctx, c)
	if err != nil {
		return nil, err
	}
	switch {
	case client.Public():
		// An application without a secret that sends one is set up wrongly, or
		// is not that application.
		if c.Secret != "" || c.Assertion != "" {
			return nil, oauth.InvalidClient()
		}
		return client, nil
	case !client.Takes(c.Method):
		return nil, oauth.InvalidClient()
	case c.Method == tenant.AuthPrivateKeyJWT:
		return client, s.checkAssertion(ctx, client, c)
	case client.Secret == "" || !secret.Equal(c.Secret, client.Secret):
		return nil, oauth.InvalidClient()
	}
	return client, nil
}

// Identify finds the application and reports whether it proved who it is. What
// it sends as a proof must be right.
func (s *Service) Identify(ctx context.Context, c Credentials) (client *tenant.Client, proved bool, err error) {
	if c.Method == "" {
		client, err = s.identify(ctx, c)
		return client, false, err
	}
	client, err = s.Authenticate(ctx, c)
	return client, err == nil && !client.Public(), err
}

func (s *Service) identify(ctx context.Context, c Credentials) (*tenant.Client, error) {
	if c.ID == "" {
		return nil, oauth.MissingParameter("client_id")
	}
	client, err := s.Settings.Client(ctx, c.ID)
	if fault.Has(err, fault.NotFound) {
		return nil, oauth.InvalidClient()
	}
	return client, err
}

// The reasons an assertion is refused, beside those of package signing. They
// are for the log.
var (
	errAssertionIssuer = errors.New("iss and sub are not the application")
	errAssertionID     = errors.New("jti is missing, too long or was used before")
	errAssertionKey    = errors.New("no key of the application has made it")
)

// checkAssertion checks an assertion of an application (RFC 7523 §3): signed by
// one of its keys, about itself, for this server, for a short time, and used
// once. The signature comes before the id: nobody else can use up ids.
func (s *Service) checkAssertion(ctx context.Context, client *tenant.Client, c Credentials) error {
	now := s.Now()
	a, err := signing.ParseAssertion(c.Assertion)
	if err != nil {
		return oauth.InvalidClient().Because(err)
	}
	id := string(client.ID)
	if a.Claims.Text("iss") != id || a.Claims.Text("sub") != id {
		return oauth.InvalidClient().Because(errAssertionIssuer)
	}
	if !s.isMe(a.Claims.Texts("aud"), c.Endpoint) {
		return oauth.InvalidClient().Because(signing.ErrAudience)
	}
	if err := a.Within(now, maxAssertion); err != nil {
		return oauth.InvalidClient().Because(err)
	}
	jti := a.Claims.Text("jti")
	if jti == "" || len(jti) > maxJTI {
		return oauth.InvalidClient().Because(errAssertionID)
	}
	if err := verifyByKeys(client, a, now); err != nil {
		return oauth.InvalidClient().Because(err)
	}
	expires, _ := a.Claims.Time("exp")
	first, err := s.Ledger.UseOnce(ctx, now, expires.Add(signing.Skew), "client_assertion", id, jti)
	if err != nil {
		return fmt.Errorf("authenticate client: %w", err)
	}
	if !first {
		return oauth.InvalidClient().Because(errAssertionID)
	}
	return nil
}

// isMe reports whether an audience is this server and nobody else: its issuer,
// its token endpoint, or the endpoint that was asked (RFC 7523 §3, RFC 9126
// §2). One that names others too could be handed on by them.
func (s *Service) isMe(audience []string, endpoint string) bool {
	mine := []string{s.Tokens.Issuer, s.Tokens.Issuer[:len(s.Tokens.Issuer)-1], s.Tokens.Issuer + "oauth/token", endpoint}
	for _, a := range audience {
		if a == "" || !slices.Contains(mine, a) {
			return false
		}
	}
	return len(audience) > 0
}

// verifyByKeys checks a signature by the keys that the application proves itself
// by: the one that the token names, or each in turn.
func verifyByKeys(client *tenant.Client, a signing.Signed, now time.Time) error {
	for _, id := range client.AssertionKeys {
		k := client.Credential(id)
		if k == nil || k.Alg != a.Alg || a.KeyID != "" && a.KeyID != k.KeyID || !k.Expires.IsZero() && !now.Before(k.Expires) {
			continue
		}
		public, err := signing.ParsePEM(k.PEM)
		if err != nil {
			return fmt.Errorf("read credential %s: %w", k.ID, err)
		}
		if a.Verify(public) == nil {
			return nil
		}
	}
	return errAssertionKey
}
