package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
)

// What the database keeps about root keys.
const (
	metaCheck    = "key_check"    // proof that it belongs to a root key
	metaCounters = "counter_key"  // sealed; its place is its name
	metaRefresh  = "refresh_key"  // the same
	metaBrowsers = "browsers_key" // the same
)

// pinned are the keys that stay when the root key changes; stored they are
// sealed under the root key in use. Tries must not begin anew, and refresh
// tokens and sessions live longer than two root keys are kept side by side.
// Keeping these keys gives nothing away: refresh tokens and cookies cannot be
// guessed, with or without the key of their digests. Codes can, so theirs
// changes with the root key.
func pinned() map[secret.Purpose]string {
	return map[secret.Purpose]string{
		secret.Identifiers: metaCounters, secret.Refresh: metaRefresh, secret.Browsers: metaBrowsers,
	}
}

// sealedMeta are the sealed facts by name, with their places.
func sealedMeta() map[string]string {
	places := map[string]string{metaDevApps: "meta/" + metaDevApps}
	for _, name := range pinned() {
		places[name] = name
	}
	return places
}

// checkKey makes sure that the database belongs to one of the keys, and gives
// the ring the keys that stay.
func checkKey(ctx context.Context, s *store.Store, ring *secret.Ring) error {
	sums := checks(ring)
	stored, err := s.SetMetaOnce(ctx, metaCheck, sums[0])
	if err != nil {
		return err
	}
	nth := which(sums, stored)
	if nth < 0 {
		return errors.New("this database was made with another key: start with the DOORCODE_KEY or key file it was made with, " +
			"or give that one as DOORCODE_KEY_PREVIOUS")
	}
	for purpose, name := range pinned() {
		err := pin(ctx, s, ring, pinning{purpose, name, nth})
		if errors.Is(err, secret.ErrSealed) {
			return errors.New("the root key of this database is being changed: give the new key as DOORCODE_KEY " +
				"and the one before it as DOORCODE_KEY_PREVIOUS")
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}

// checks are the proofs of the root keys, the current one's first.
func checks(ring *secret.Ring) []string {
	var sums []string
	for _, sum := range ring.MACs(secret.Check, "doorcode") {
		sums = append(sums, hex.EncodeToString(sum))
	}
	return sums
}

// which is the place of stored in sums; negative if it has none.
func which(sums []string, stored string) int {
	for n, sum := range sums {
		if sum == stored {
			return n
		}
	}
	return -1
}

// A pinning is a key that stays.
type pinning struct {
	purpose secret.Purpose
	name    string // in meta
	nth     int    // the root key that it is made from if there is none yet
}

func pin(ctx context.Context, s *store.Store, ring *secret.Ring, p pinning) error {
	first, err := ring.Pinnable(p.purpose, p.nth)
	if err != nil {
		return err
	}
	text, err := s.SetMetaOnce(ctx, p.name, base64.StdEncoding.EncodeToString(ring.Seal(secret.AtRest, first, p.name)))
	if err != nil {
		return err
	}
	sealed, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	key, err := ring.Open(secret.AtRest, sealed, p.name)
	if err != nil {
		return err
	}
	ring.Pin(p.purpose, key)
	return nil
}

// reseal brings everything that is kept under the current root key and says
// last that the database belongs to it. Cut off before that, it is begun anew
// at the next start, for which both keys are needed.
func reseal(ctx context.Context, s *store.Store, ring *secret.Ring) (store.Resealed, error) {
	done, err := s.Reseal(ctx, sealedMeta())
	if err != nil {
		return done, err
	}
	sums := checks(ring)
	for _, before := range sums[1:] {
		if _, err := s.ReplaceMeta(ctx, metaCheck, before, sums[0]); err != nil {
			return done, err
		}
	}
	return done, nil
}

// changeKey is reseal when a server starts.
func (a *App) changeKey(ctx context.Context) error {
	var unreadable int
	if a.Secrets.HasPrevious() {
		done, err := reseal(ctx, a.Store, a.Secrets)
		if err != nil {
			return err
		}
		unreadable = done.Unreadable
		a.Log.InfoContext(ctx, "nothing that is kept needs the previous root key any more; codes and access tokens made with it do, for a day at most",
			"resealed", done.Done, "unreadable", unreadable)
	} else {
		var err error
		if unreadable, err = a.Store.SealedElsewhere(ctx, sealedMeta()); err != nil {
			return err
		}
	}
	if unreadable > 0 {
		a.Log.WarnContext(ctx, "stored secrets are sealed under a root key that is not given: start with it as DOORCODE_KEY_PREVIOUS",
			"values", unreadable)
	}
	return nil
}

// underOtherKeys counts what still needs another root key than the current
// one, the proof that the database belongs to a key among it.
func underOtherKeys(ctx context.Context, s *store.Store, ring *secret.Ring) (int, error) {
	n, err := s.SealedElsewhere(ctx, sealedMeta())
	if err != nil {
		return 0, err
	}
	stored, err := s.Meta(ctx, metaCheck)
	if stored != "" && which(checks(ring), stored) != 0 {
		n++
	}
	return n, err
}

// Reseal seals everything that is kept under the current root key. Without a
// previous one the error says what cannot be read.
func (t *Tools) Reseal(ctx context.Context) (done int, err error) {
	if !t.Secrets.HasPrevious() {
		n, err := underOtherKeys(ctx, t.Store, t.Secrets)
		if err == nil && n > 0 {
			err = fmt.Errorf("%d stored values are sealed under another root key: give it as DOORCODE_KEY_PREVIOUS", n)
		}
		return 0, err
	}
	r, err := reseal(ctx, t.Store, t.Secrets)
	if err == nil && r.Unreadable > 0 {
		err = fmt.Errorf("%d values were sealed anew, and %d are under neither of the two keys: give the one they were sealed with as DOORCODE_KEY_PREVIOUS",
			r.Done, r.Unreadable)
	}
	return r.Done, err
}
