package app

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
)

// A Saved is a backup that was made or restored.
type Saved struct {
	Users int64
	Bytes int64
	// Aside is where the database that was replaced is now.
	Aside string
}

// ownTools says how PostgreSQL does it. The address is not repeated: it may
// have a password in it.
const ownTools = `PostgreSQL saves its databases with its own tools, which work while servers run:
  pg_dump --format=custom --file=FILE "$DOORCODE_DATABASE"
and, with no server running, brings them back with
  pg_restore --clean --if-exists --single-transaction --dbname="$DOORCODE_DATABASE" FILE
See docs/operate/backup.md`

// Backup saves the SQLite database that cfg names to a file that must not be
// there yet, also beside a running server. It returns when the file is durable,
// sound in every page, and opens with the root key, which is not in it.
func Backup(ctx context.Context, cfg config.Config, path string) (Saved, error) {
	cfg.Fill()
	if !strings.HasPrefix(cfg.Database, "sqlite:") {
		return Saved{}, errors.New(ownTools)
	}
	t, err := OpenTools(ctx, cfg)
	if err != nil {
		return Saved{}, err
	}
	saved, err := backup(ctx, t, path)
	return saved, errors.Join(err, t.Close())
}

func backup(ctx context.Context, t *Tools, path string) (saved Saved, err error) {
	if exists(path) {
		return saved, fmt.Errorf("%s is there already: backups replace nothing, so name a file that is not", path)
	}
	part, err := private(path + ".partial")
	if err != nil {
		return saved, fmt.Errorf("make backup: %w", err)
	}
	defer func() { err = errors.Join(err, discard(part)) }()
	if err := t.Store.Backup(ctx, part); err != nil {
		return saved, err
	}
	snap, err := store.ReadSnapshot(ctx, part)
	if err != nil {
		return saved, fmt.Errorf("the copy is not good: %s", why(err))
	}
	if err := opens(snap, t.Secrets); err != nil {
		return saved, fmt.Errorf("check backup: %w", err)
	}
	saved.Users, saved.Bytes = snap.Users, size(part)
	return saved, place(part, path)
}

// Restore makes a backup the SQLite database that cfg names. A database that is
// there is kept beside it under another name, and only replaced if that is
// asked for and nobody uses it. What works once does not work again; with
// sessions, everybody has to sign in again.
func Restore(ctx context.Context, cfg config.Config, from string, replace, sessions bool) (saved Saved, err error) {
	cfg.Mode = config.Serve // never make a key file
	cfg.Fill()
	to, ok := strings.CutPrefix(cfg.Database, "sqlite:")
	if !ok {
		return saved, errors.New(ownTools)
	}
	ring, err := keys(cfg)
	if err != nil {
		return saved, err
	}
	if saved, err = sound(ctx, from, ring); err != nil {
		return saved, err
	}
	if exists(to) && !replace {
		return saved, fmt.Errorf("there is a database at %s: stop the server, and give --replace, which keeps it under another name", to)
	}
	part, err := private(to + ".partial")
	if err != nil {
		return saved, fmt.Errorf("restore backup: %w", err)
	}
	defer func() { err = errors.Join(err, discard(part)) }()
	if err := copyFile(from, part); err != nil {
		return saved, fmt.Errorf("restore backup: %w", err)
	}
	if err := renew(ctx, part, ring, sessions); err != nil {
		return saved, fmt.Errorf("restore backup: %w", err)
	}
	if exists(to) {
		saved.Aside = to + ".before-restore-" + time.Now().UTC().Format("20060102T150405Z")
		if err := store.SetAside(ctx, to, saved.Aside); err != nil {
			return saved, fmt.Errorf("%s is not replaced: %s", to, why(err))
		}
	}
	if err := place(part, to); err != nil {
		return saved, fmt.Errorf("%w (what was there before is %s)", err, cmp.Or(saved.Aside, "nothing"))
	}
	return saved, nil
}

// why is an error without its causes, which are SQLite's words for it.
func why(err error) string {
	var f *fault.Error
	if errors.As(err, &f) {
		return strings.TrimSuffix(f.Message, ".")
	}
	return err.Error()
}

// sound looks whether a backup is whole and belongs to the keys.
func sound(ctx context.Context, from string, ring *secret.Ring) (Saved, error) {
	if !exists(from) {
		return Saved{}, fmt.Errorf("there is no file %s", from)
	}
	if size(from+"-wal") > 0 {
		return Saved{}, fmt.Errorf("%s is a database with a log of its own beside it, not a backup: make one with \"doorcode backup\"", from)
	}
	snap, err := store.ReadSnapshot(ctx, from)
	if err != nil {
		return Saved{}, fmt.Errorf("%s is not used: %s", from, why(err))
	}
	return Saved{Users: snap.Users, Bytes: size(from)}, opens(snap, ring)
}

// opens makes sure that the keys at hand open a backup: that they are those it
// names, and that what is sealed in it can be read.
func opens(snap store.Snapshot, ring *secret.Ring) error {
	fits := which(checks(ring), snap.Meta[metaCheck]) >= 0
	if text := snap.Meta[metaCounters]; fits && text != "" {
		sealed, err := base64.StdEncoding.DecodeString(text)
		if err == nil {
			_, err = ring.Open(secret.AtRest, sealed, metaCounters)
		}
		fits = err == nil
	}
	if !fits {
		return errors.New("the backup was made with another root key: give that one, as DOORCODE_KEY or with --key-file")
	}
	return nil
}

// renew brings a restored database up to date and ends what works once.
func renew(ctx context.Context, path string, ring *secret.Ring, sessions bool) (err error) {
	s, err := store.Open(ctx, "sqlite:"+path, ring)
	if err != nil {
		return err
	}
	// The last to close it empties the log beside it.
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	return s.EndOneTime(ctx, time.Now(), sessions)
}

// private makes an empty file that only its owner can read.
func private(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("%s is there: another backup or restore is running, or one was cut off; delete the file in that case", path)
	}
	if err != nil {
		return "", err
	}
	return path, f.Close()
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Sync(), out.Close())
}

// place gives a finished file its name, unless something has it, and makes that
// durable.
func place(part, path string) error {
	err := os.Link(part, path)
	if err != nil && !errors.Is(err, fs.ErrExist) && !exists(path) {
		err = os.Rename(part, path) // a file system without links
	}
	if err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	if runtime.GOOS == "windows" {
		return nil // there directories cannot be synced
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("name the file: %w", err)
	}
	return nil
}

// discard removes what is left of an unfinished file.
func discard(part string) error {
	var errs []error
	for _, name := range []string{part, part + "-wal", part + "-shm", part + "-journal"} {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func size(path string) int64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return info.Size()
}
