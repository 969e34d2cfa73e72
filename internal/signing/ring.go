// Package signing keeps the keys that tokens are signed with, signs with them,
// and checks what was signed.
//
// For each algorithm there is one current key, which signs, and one next key,
// which is published so that others know it before it is used. Rotating makes
// the next key current; the one before goes on verifying what it signed until
// it is revoked. Private keys are stored sealed.
//
// A Ring answers from memory. Load fills it at start and makes the first keys
// of a new database; Reload is for whenever the store says that something has
// changed. RSA signatures cost a hundred times what everything else does, so
// no more of them are made at once than leaves one processor free.
package signing

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The algorithms (RFC 7518 §3.1). Keys are kept for RS256 and ES256. PS256 is for
// applications and APIs that ask for it, and signs with the keys of RS256. HS256
// is for ID tokens of applications that ask for it, and signs with the
// application's own secret.
const (
	RS256 = "RS256"
	ES256 = "ES256"
	PS256 = "PS256"
	HS256 = "HS256"
)

// ErrNoKey is the fault of asking for a key that does not exist.
var ErrNoKey = fault.New(fault.NotFound, "inexistent_signing_key", "Signing key not found.")

// ErrInUse is the fault of revoking a key that signs now or will next.
var ErrInUse = fault.New(fault.Conflict, "signing_key_in_use", "The key is in use: rotate the keys first, then revoke it.")

// Store is the storage a Ring needs. Each method is atomic.
type Store interface {
	// SigningKeys returns all keys, revoked ones too, in any order.
	SigningKeys(ctx context.Context) ([]tenant.SigningKey, error)

	// AddSigningKeys stores those keys for whose algorithm there is no key yet,
	// and leaves out the others. Of two processes that call it on an empty
	// database, one stores both its keys of an algorithm and the other none.
	AddSigningKeys(ctx context.Context, keys []tenant.SigningKey) error

	// RotateSigningKeys makes the current key of alg previous, the next key
	// current (active at now), and stores next as the next key. The fault is
	// Conflict if expectCurrent is not the current key.
	RotateSigningKeys(ctx context.Context, alg, expectCurrent string, next tenant.SigningKey, now time.Time) error

	// RevokeSigningKey revokes a key. The fault is NotFound if there is none.
	RevokeSigningKey(ctx context.Context, kid string, now time.Time) error
}

// A Ring holds the tenant's signing keys. Fill in the exported fields and call
// Load before anything else. It is safe for use by many goroutines.
type Ring struct {
	Store   Store
	Secrets *secret.Ring
	Now     func() time.Time
	Name    string // the host that certificates are made out to

	keys  atomic.Pointer[keySet]
	slots chan struct{} // see workers
	once  sync.Once

	missing  sync.Mutex
	lastMiss time.Time // when an unknown key id last made us look again
}

// Load reads the keys, making the first ones where there are none.
func (r *Ring) Load(ctx context.Context) error {
	stored, err := r.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}
	var absent []string
	for _, alg := range []string{RS256, ES256} {
		if !slices.ContainsFunc(stored, func(k tenant.SigningKey) bool { return k.Alg == alg }) {
			absent = append(absent, alg)
		}
	}
	if len(absent) == 0 {
		return r.use(stored)
	}
	made, err := r.first(absent)
	if err != nil {
		return fmt.Errorf("make signing keys: %w", err)
	}
	if err := r.Store.AddSigningKeys(ctx, made); err != nil {
		return fmt.Errorf("add signing keys: %w", err)
	}
	// Another process may have been first: what counts is what is stored.
	return r.Reload(ctx)
}

// Reload reads the keys again.
func (r *Ring) Reload(ctx context.Context) error {
	stored, err := r.Store.SigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("load signing keys: %w", err)
	}
	return r.use(stored)
}

func (r *Ring) use(stored []tenant.SigningKey) error {
	set, err := r.open(stored)
	if err != nil {
		return err
	}
	r.keys.Store(set)
	return nil
}

// first makes a current and a next key for each algorithm, all at once: an RSA
// key takes 40 to 250 ms, and a new server should be ready within a second.
func (r *Ring) first(algs []string) ([]tenant.SigningKey, error) {
	now := r.Now()
	made := make([]tenant.SigningKey, 2*len(algs))
	failed := make([]error, len(made))
	var wg sync.WaitGroup
	for i := range made {
		wg.Go(func() {
			made[i], failed[i] = r.generate(algs[i/2], now)
			if made[i].State = tenant.KeyNext; i%2 == 0 {
				made[i].State, made[i].ActiveAt = tenant.KeyCurrent, now
			}
		})
	}
	wg.Wait()
	return made, errors.Join(failed...)
}

// The times that keep verifiers from meeting a key they have not seen.
const (
	// CacheLife is how long those who verify may keep the published keys before
	// they ask again; for as long after that they may use what they have while
	// they ask (RFC 5861 §3).
	CacheLife = 5 * time.Minute
	// PublishedFirst is how long a key is published before it signs: both of
	// those times, and one minute for other processes to notice the key.
	PublishedFirst = 2*CacheLife + time.Minute
)

// Rotate makes the next key of the algorithm current, makes a new next one, and
// returns the key that signs from now on. The key it replaces goes on verifying
// until it is revoked. The fault is Unavailable, with the time to wait, if the
// next key has not been published for PublishedFirst: verifiers that keep the
// keys would refuse what it signs. It is Conflict if another process has rotated
// at the same moment.
func (r *Ring) Rotate(ctx context.Context, alg string) (Key, error) {
	return r.rotate(ctx, alg, PublishedFirst)
}

// RotateNow is Rotate for emergencies: it does not wait until verifiers know the
// next key.
func (r *Ring) RotateNow(ctx context.Context, alg string) (Key, error) {
	return r.rotate(ctx, alg, 0)
}

// early is the fault of rotating before the next key may be known everywhere.
func early(alg string, at time.Time, wait time.Duration) error {
	return fault.New(fault.Unavailable, "key_too_new", fmt.Sprintf(
		"The next %s key has not been published for %d minutes: those who keep the keys would refuse what it signs. Rotate after %s.",
		alg, int(PublishedFirst/time.Minute), at.UTC().Format(time.RFC3339))).After(wait)
}

// rotate makes the next key current if it was published that long ago. That it
// is the same key when the keys change follows from the current one being the
// same: both change at once.
func (r *Ring) rotate(ctx context.Context, alg string, published time.Duration) (Key, error) {
	if alg != RS256 && alg != ES256 {
		return Key{}, fault.New(fault.Invalid, "invalid_alg", "Keys are kept for RS256 and ES256.")
	}
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	now := r.Now()
	for _, k := range r.keys.Load().all {
		due := k.CreatedAt.Add(published)
		if published > 0 && k.Alg == alg && k.State == tenant.KeyNext && now.Before(due) {
			return Key{}, early(alg, due, due.Sub(now))
		}
	}
	next, err := r.generate(alg, now)
	if err != nil {
		return Key{}, fmt.Errorf("make signing key: %w", err)
	}
	next.State = tenant.KeyNext
	if err := r.Store.RotateSigningKeys(ctx, alg, r.keys.Load().current[alg].id, next, now); err != nil {
		return Key{}, fmt.Errorf("rotate signing keys: %w", err)
	}
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	set := r.keys.Load()
	return set.describe(set.current[alg].id)
}

// Revoke ends the life of a previous key: nothing it signed is valid any more.
// A key that is in use has to be rotated away first, or nothing could be signed.
func (r *Ring) Revoke(ctx context.Context, kid string) (Key, error) {
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	k, err := r.keys.Load().describe(kid)
	if err != nil {
		return Key{}, err
	}
	switch k.State {
	case tenant.KeyRevoked:
		return k, nil
	case tenant.KeyCurrent, tenant.KeyNext:
		return Key{}, ErrInUse
	}
	if err := r.Store.RevokeSigningKey(ctx, kid, r.Now()); err != nil {
		return Key{}, fmt.Errorf("revoke signing key: %w", err)
	}
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	return r.keys.Load().describe(kid)
}

// List returns all keys as they are stored now: RS256 before ES256, and of each
// the current one, the next, the previous ones and the revoked ones.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	return slices.Clone(r.keys.Load().all), nil
}

// Key returns one key as it is stored now.
func (r *Ring) Key(ctx context.Context, kid string) (Key, error) {
	if err := r.Reload(ctx); err != nil {
		return Key{}, err
	}
	return r.keys.Load().describe(kid)
}

// JWKS returns the public keys as a JSON Web Key Set (RFC 7517 §5) in Auth0's
// shape: every key that is not revoked. The caller must not change it.
func (r *Ring) JWKS() []byte { return r.keys.Load().jwks }

// Published returns the keys of the JWKS document, for the other forms they are
// served in.
func (r *Ring) Published() []Key {
	all := r.keys.Load().all
	return slices.DeleteFunc(slices.Clone(all), func(k Key) bool { return k.State == tenant.KeyRevoked })
}

// lookUp finds the key a token names. An unknown one may be new from another
// process, so the store is asked; but only once a second, so that made-up ids
// cost nothing.
func (r *Ring) lookUp(ctx context.Context, kid string) (*key, error) {
	if k := r.keys.Load().verify[kid]; k != nil {
		return k, nil
	}
	if !r.mayLook() {
		return nil, errUnknownKey
	}
	if err := r.Reload(ctx); err != nil {
		return nil, err
	}
	if k := r.keys.Load().verify[kid]; k != nil {
		return k, nil
	}
	return nil, errUnknownKey
}

func (r *Ring) mayLook() bool {
	r.missing.Lock()
	defer r.missing.Unlock()
	now := r.Now()
	// A clock that was set back must not keep us from looking.
	if since := now.Sub(r.lastMiss); since >= 0 && since < time.Second {
		return false
	}
	r.lastMiss = now
	return true
}

// order sorts keys the way List promises.
func order(a, b tenant.SigningKey) int {
	states := []tenant.KeyState{tenant.KeyCurrent, tenant.KeyNext, tenant.KeyPrevious, tenant.KeyRevoked}
	return cmp.Or(
		-cmp.Compare(a.Alg, b.Alg), // "RS256" before "ES256"
		cmp.Compare(slices.Index(states, a.State), slices.Index(states, b.State)),
		b.ActiveAt.Compare(a.ActiveAt),
		cmp.Compare(a.ID, b.ID),
	)
}
