package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// PushedPrefix begins the names of pushed requests (RFC 9126 §2.2).
const PushedPrefix = "urn:ietf:params:oauth:request_uri:"

// The life of a pushed request: what an application gets that says nothing, and
// the most it can say (Auth0: par_request_expiry).
const (
	pushedLife    = 30 * time.Second
	maxPushedLife = 60 * time.Second
)

// ErrRequestURI is the fault of a request URI that names no request of the
// application, or not any more (RFC 9126 §4, RFC 9101 §7).
var ErrRequestURI = fault.New(fault.Invalid, oauth.CodeInvalidRequestURI, "The request_uri is not valid.")

// Parameters are those of a pushed request.
type Parameters map[string]string

// Get implements oauth.Values.
func (p Parameters) Get(name string) string { return p[name] }

// KeepPushed implements authorize.Pushed.
func (s *Service) KeepPushed(ctx context.Context, client *tenant.Client, p Parameters) (uri string, life time.Duration, err error) {
	doc, err := json.Marshal(p)
	if err != nil {
		return "", 0, fmt.Errorf("push request: %w", err)
	}
	life = pushedLife
	if client.PushedLife > 0 {
		life = min(client.PushedLife, maxPushedLife)
	}
	name := secret.Token(32)
	err = s.Ledger.AddPushed(ctx, s.pushedDigests(name)[0], client.ID, doc, s.Now().Add(life))
	if err != nil {
		return "", 0, fmt.Errorf("push request: %w", err)
	}
	return PushedPrefix + name, life, nil
}

// ProveKey checks a proof that does not come with a token, and returns the
// thumbprint of its key, or "" if there is no proof. The fault is ErrProof or
// ErrNonce.
func (s *Service) ProveKey(ctx context.Context, p Proof) (string, error) { return s.prove(ctx, p, "") }

func (s *Service) pushedDigests(name string) [][]byte {
	return s.Tokens.Secrets.MACs(secret.Identifiers, "pushed request", name)
}

// TakePushed implements authorize.Pushed. The name of another application's request
// finds nothing and leaves that as it is.
func (s *Service) TakePushed(ctx context.Context, client *tenant.Client, requestURI string) (oauth.Values, error) {
	name := strings.TrimPrefix(requestURI, PushedPrefix)
	doc, err := s.Ledger.TakePushed(ctx, s.pushedDigests(name), client.ID, s.Now())
	if fault.Has(err, fault.NotFound) {
		return nil, ErrRequestURI.Because(err)
	}
	if err != nil {
		return nil, fmt.Errorf("take pushed request: %w", err)
	}
	p := Parameters{}
	if err := json.Unmarshal(doc, &p); err != nil {
		return nil, fmt.Errorf("take pushed request: %w", err)
	}
	return p, nil
}
