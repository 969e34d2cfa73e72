package grant

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A Proof is a DPoP proof with the request it came with (RFC 9449).
type Proof struct {
	Text   string // the DPoP header; empty if there was none
	Method string
	URL    string // of the endpoint, as the public knows it
}

// The faults of proofs (RFC 9449 §5, §8). Their causes are for the log.
var (
	ErrProof = fault.New(fault.Invalid, "invalid_dpop_proof", "The DPoP proof is not valid.")
	ErrNonce = fault.New(fault.Invalid, "use_dpop_nonce", "Use the nonce in the DPoP-Nonce header.")
	ErrNoKey = fault.New(fault.Invalid, "invalid_dpop_proof", "A DPoP proof is required.")
)

var (
	errProofRequest = errors.New("it is for another request")
	errProofTime    = errors.New("it was not made just now")
	errProofID      = errors.New("jti is missing, too long or was used before")
	errProofToken   = errors.New("it is for another access token")
)

// nonceSpan is how long a nonce is given out. It is good for as long again.
const nonceSpan = 5 * time.Minute

// Nonce returns the nonce that proofs should have from now on (RFC 9449 §8).
// It is made from the time, so that every process knows it and none keeps it.
func (s *Service) Nonce() string {
	return s.nonces(s.Now())[0]
}

// nonces are the nonces that are good, the newest first.
func (s *Service) nonces(now time.Time) []string {
	var out []string
	span := now.UnixMilli() / nonceSpan.Milliseconds()
	for _, n := range []int64{span, span - 1} {
		for _, mac := range s.Tokens.Secrets.MACs(secret.Identifiers, "dpop nonce", strconv.FormatInt(n, 10)) {
			out = append(out, base64.RawURLEncoding.EncodeToString(mac[:16]))
		}
	}
	return out
}

// prove checks a proof (RFC 9449 §4.3) and returns the thumbprint of its key, or
// "" if there is no proof. With an access token it must be a proof for that.
// The fault is ErrProof or ErrNonce.
func (s *Service) prove(ctx context.Context, p Proof, accessToken string) (string, error) {
	if p.Text == "" {
		return "", nil
	}
	now := s.Now()
	proof, err := signing.ParseProof(p.Text)
	if err != nil {
		return "", ErrProof.Because(err)
	}
	if err := checkProof(proof.Claims, p, accessToken, now); err != nil {
		return "", ErrProof.Because(err)
	}
	if proof.Claims.Has("nonce") && !s.isNonce(proof.Claims.Text("nonce"), now) {
		return "", ErrNonce
	}
	if err := proof.Verify(proof.Key); err != nil {
		return "", ErrProof.Because(err)
	}
	// Last, so that nobody can use up the proofs of a key they have not.
	key := proof.Key.Thumbprint
	// A proof from a clock that is Skew ahead is good for twice as long, and at
	// the very end of it too.
	first, err := s.Ledger.UseOnce(ctx, now, now.Add(2*signing.Skew+time.Second), "dpop", key, proof.Claims.Text("jti"))
	if err != nil {
		return "", fmt.Errorf("check DPoP proof: %w", err)
	}
	if !first {
		return "", ErrProof.Because(errProofID)
	}
	return key, nil
}

func checkProof(c signing.Claims, p Proof, accessToken string, now time.Time) error {
	if c.Text("htm") != p.Method || !sameURL(c.Text("htu"), p.URL) {
		return errProofRequest
	}
	made, ok := c.Time("iat")
	if !ok || made.After(now.Add(signing.Skew)) || made.Before(now.Add(-signing.Skew)) {
		return errProofTime
	}
	if jti := c.Text("jti"); jti == "" || len(jti) > maxJTI {
		return errProofID
	}
	if accessToken == "" {
		return nil
	}
	sum := sha256.Sum256([]byte(accessToken))
	if !secret.Equal(c.Text("ath"), base64.RawURLEncoding.EncodeToString(sum[:])) {
		return errProofToken
	}
	return nil
}

func (s *Service) isNonce(nonce string, now time.Time) bool {
	for _, n := range s.nonces(now) {
		if secret.Equal(n, nonce) {
			return true
		}
	}
	return false
}

// sameURL compares the addresses of a proof and of an endpoint without query
// and fragment (RFC 9449 §4.3), the scheme and host in any case (RFC 3986
// §6.2.2).
func sameURL(said, asked string) bool {
	u, err := url.Parse(said)
	if err != nil || u.User != nil {
		return false
	}
	v, err := url.Parse(asked)
	if err != nil {
		return false
	}
	return strings.EqualFold(u.Scheme, v.Scheme) && host(u) == host(v) && u.EscapedPath() == v.EscapedPath()
}

// host is a URL's host without a port that says nothing.
func host(u *url.URL) string {
	h := strings.ToLower(u.Host)
	switch strings.ToLower(u.Scheme) {
	case "https":
		return strings.TrimSuffix(h, ":443")
	case "http":
		return strings.TrimSuffix(h, ":80")
	}
	return h
}

// needsKey refuses a request without a proof where the application or the API
// demands one (Auth0: require_proof_of_possession, proof_of_possession).
func needsKey(w *work, api *tenant.API) error {
	switch {
	case w.key != "":
		return nil
	case w.client.NeedsProof, api != nil && api.NeedsProof(w.client):
		return ErrNoKey
	}
	return nil
}

// unproved are the audiences of which a request without a proof gets no token.
// It is asked before a code or a token is used, so that the client has it still
// when it asks again with a proof.
func (s *Service) unproved(ctx context.Context, w *work) ([]string, error) {
	if w.key != "" {
		return nil, nil
	}
	all, err := s.Settings.ProofAPIs(ctx)
	if err != nil {
		return nil, err
	}
	var list []string
	for _, api := range all {
		if api.NeedsProof(w.client) {
			list = append(list, api.Identifier)
		}
	}
	return list, nil
}

// tokenType is the token_type of an answer (RFC 9449 §5).
func (w *work) tokenType() string {
	if w.key != "" {
		return oauth.DPoP
	}
	return oauth.Bearer
}
