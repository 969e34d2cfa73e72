package signing

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync"
)

// The types of tokens, as the "typ" of their headers says them (RFC 7519 §5.1,
// RFC 9068 §2.1, OpenID Connect Back-Channel Logout 1.0 §2.4). Auth0's own
// access tokens share TypJWT with ID tokens.
const (
	TypJWT    = "JWT"
	TypAccess = "at+jwt"
	TypLogout = "logout+jwt"
)

// MinSecret is the size in bytes of the shortest secret that HS256 is done with
// (RFC 7518 §3.2).
const MinSecret = 32

// A Draft is a token that is still to be signed.
type Draft struct {
	Alg    string
	Typ    string // one of TypJWT, TypAccess, TypLogout
	Claims []byte // a JSON object
	Secret []byte // HS256 only: what to sign with
}

// Sign signs one token in the compact form (RFC 7515 §7.1) with the current key
// of the draft's algorithm. RSA signatures wait their turn for as long as ctx
// lets them.
func (r *Ring) Sign(ctx context.Context, d Draft) (string, error) {
	if d.Alg == HS256 {
		return signHS256(d)
	}
	k := r.keys.Load().current[d.Alg]
	if k == nil {
		return "", fmt.Errorf("sign token: there is no %q key", d.Alg)
	}
	head := k.heads[d.Typ]
	if head == "" {
		return "", fmt.Errorf("sign token: %q is no type of ours", d.Typ)
	}
	buf, sum := prepare(head, d.Claims, k.signatureSize())
	signature, err := r.signature(ctx, k, sum)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return finish(buf, signature), nil
}

// SignAll signs the tokens of one answer. Each is signed as soon as there is a
// processor for it, so that two take no longer than one where two are free.
func (r *Ring) SignAll(ctx context.Context, drafts ...Draft) ([]string, error) {
	signed := make([]string, len(drafts))
	failed := make([]error, len(drafts))
	var wg sync.WaitGroup
	for i := 1; i < len(drafts); i++ {
		wg.Go(func() { signed[i], failed[i] = r.Sign(ctx, drafts[i]) })
	}
	if len(drafts) > 0 {
		signed[0], failed[0] = r.Sign(ctx, drafts[0])
	}
	wg.Wait()
	if err := errors.Join(failed...); err != nil {
		return nil, err
	}
	return signed, nil
}

// signHS256 signs with the application's secret (RFC 7518 §3.2).
func signHS256(d Draft) (string, error) {
	if len(d.Secret) < MinSecret {
		return "", fmt.Errorf("sign token: HS256 needs a secret of %d bytes", MinSecret)
	}
	if d.Typ != TypJWT && d.Typ != TypLogout {
		return "", fmt.Errorf("sign token: %q is no type for HS256", d.Typ)
	}
	head := header(HS256, d.Typ, "")
	buf := encode(head, d.Claims, sha256.Size)
	mac := hmac.New(sha256.New, d.Secret)
	mac.Write(buf)
	return finish(buf, mac.Sum(nil)), nil
}

func prepare(head string, claims []byte, size int) ([]byte, [sha256.Size]byte) {
	buf := encode(head, claims, size)
	return buf, sha256.Sum256(buf)
}

// encode writes header and claims into a buffer that the signature fits in too.
func encode(head string, claims []byte, size int) []byte {
	enc := base64.RawURLEncoding
	buf := make([]byte, 0, len(head)+enc.EncodedLen(len(claims))+1+enc.EncodedLen(size))
	buf = append(buf, head...)
	return enc.AppendEncode(buf, claims)
}

func finish(buf, signature []byte) string {
	buf = append(buf, '.')
	return string(base64.RawURLEncoding.AppendEncode(buf, signature))
}

func (k *key) signatureSize() int {
	if k.rsa != nil {
		return k.rsa.Size()
	}
	return 64
}

func (r *Ring) signature(ctx context.Context, k *key, sum [sha256.Size]byte) ([]byte, error) {
	if k.ec != nil {
		// RFC 7518 §3.4: both numbers at full length, not ASN.1.
		x, y, err := ecdsa.Sign(rand.Reader, k.ec, sum[:])
		if err != nil {
			return nil, err
		}
		out := make([]byte, 64)
		x.FillBytes(out[:32])
		y.FillBytes(out[32:])
		return out, nil
	}
	slots := r.workers()
	select {
	case slots <- struct{}{}:
		defer func() { <-slots }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if k.alg == PS256 {
		return rsa.SignPSS(rand.Reader, k.rsa, crypto.SHA256, sum[:], pssOptions())
	}
	return rsa.SignPKCS1v15(nil, k.rsa, crypto.SHA256, sum[:])
}

// pssOptions are those of PS256: the salt is as long as the hash (RFC 7518 §3.5).
func pssOptions() *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
}

// workers bounds the RSA signatures made at once, in the order they were asked
// for. One processor stays free for requests that sign nothing: without that, a
// rush of sign-ins starves everybody who asks for a code.
func (r *Ring) workers() chan struct{} {
	r.once.Do(func() { r.slots = make(chan struct{}, max(1, runtime.GOMAXPROCS(0)-1)) })
	return r.slots
}
