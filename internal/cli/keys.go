package cli

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/doorcode/doorcode/internal/app"
	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/signing"
)

type keysVerb struct {
	List   keysListVerb   `cmd:"" help:"List the keys that tokens are signed with."`
	New    keysNewVerb    `cmd:"" help:"Make the file with the key that seals stored secrets."`
	Rotate keysRotateVerb `cmd:"" help:"Start signing with the next key."`
	Revoke keysRevokeVerb `cmd:"" help:"Refuse everything a key has signed."`
	Reseal keysResealVerb `cmd:"" help:"Seal stored secrets with the current root key, after it was changed."`
}

type keysListVerb struct{ databaseFlags }

// Run prints a line for each key.
func (v *keysListVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		list, err := t.Keys.List(ctx)
		if err != nil {
			return err
		}
		w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "KEY\tALG\tSTATE\tMADE\tSIGNS SINCE")
		for _, k := range list {
			since := "-"
			if !k.CurrentSince.IsZero() {
				since = k.CurrentSince.Format(time.RFC3339)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, k.Alg, k.State, k.CreatedAt.Format(time.RFC3339), since)
		}
		return w.Flush()
	})
}

type keysNewVerb struct {
	KeyFile string `help:"Where to write it (default doorcode.key)." env:"DOORCODE_KEY_FILE" placeholder:"FILE"`
}

// Run makes the key file. It never replaces one.
func (v *keysNewVerb) Run(s *streams) error {
	path := v.KeyFile
	if path == "" {
		path = config.DefaultKeyFile
	}
	if _, err := app.NewKeyFile(path); err != nil {
		return err
	}
	_, err := fmt.Fprintf(s.out, "%s holds a new key. Keep a copy of it apart from the database: "+
		"without it, nothing that is sealed in there can be read again.\n", path)
	return err
}

type keysRotateVerb struct {
	databaseFlags
	Alg string `help:"Algorithm of the keys to rotate: RS256 or ES256." default:"RS256" enum:"RS256,ES256"`
	Now bool   `help:"Rotate even if applications may not have seen the next key yet. For a key that has leaked."`
}

// Run makes the next key the current one. Running servers notice by
// themselves; clients have known the key since it became the next one, for which
// a rotation that comes too soon is refused.
func (v *keysRotateVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		rotate := t.Keys.Rotate
		if v.Now {
			rotate = t.Keys.RotateNow
		}
		k, err := rotate(ctx, v.Alg)
		if fault.Has(err, fault.Unavailable) {
			return fmt.Errorf("%w For a key that has leaked: --now, then \"keys revoke\"", err)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s signs from now on.\n", k.ID)
		return err
	})
}

type keysRevokeVerb struct {
	databaseFlags
	Key string `arg:"" help:"Id of the key, as \"keys list\" shows it."`
}

// Run revokes a key.
func (v *keysRevokeVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		k, err := t.Keys.Revoke(ctx, v.Key)
		if errors.Is(err, signing.ErrNoKey) {
			return fmt.Errorf("there is no key %q: \"doorcode keys list\" shows those there are", v.Key)
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "%s is revoked: nothing it signed is accepted any more.\n", k.ID)
		return err
	})
}

type keysResealVerb struct{ databaseFlags }

// Run needs the key before the current one in DOORCODE_KEY_PREVIOUS unless
// there is nothing to do.
func (v *keysResealVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(t *app.Tools) error {
		n, err := t.Reseal(ctx)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.out, "Values sealed anew: %d. Everything that is kept is under the current root key now.\n", n)
		return err
	})
}

// withTools runs fn on an opened database and closes it.
func withTools(ctx context.Context, f databaseFlags, fn func(t *app.Tools) error) error {
	cfg, err := f.config("")
	if err != nil {
		return err
	}
	t, err := app.OpenTools(ctx, cfg)
	if err != nil {
		return err
	}
	if err := fn(t); err != nil {
		_ = t.Close()
		return err
	}
	return t.Close()
}

type migrateVerb struct{ databaseFlags }

// Run migrates the database.
func (v *migrateVerb) Run(ctx context.Context, s *streams) error {
	return withTools(ctx, v.databaseFlags, func(*app.Tools) error {
		_, err := fmt.Fprintln(s.out, "The schema is up to date.")
		return err
	})
}
