package store

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"regexp"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date. It may be run by several processes at
// once: PostgreSQL makes the later ones wait, and on SQLite, where a step that
// another process has made meanwhile fails and leaves nothing behind, they look
// again what is left to do.
func (s *Store) Migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	kind := goose.DialectSQLite3
	opts := []goose.ProviderOption{goose.WithSlog(slog.New(slog.DiscardHandler))}
	if s.dialect == sqlite {
		files = sqliteFiles{files}
	} else {
		kind = goose.DialectPostgres
		locker, err := lock.NewPostgresSessionLocker(
			lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 60)) // seconds, tries
		if err != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		opts = append(opts, goose.WithSessionLocker(locker))
	}
	p, err := goose.NewProvider(kind, s.db, files, opts...)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	for tries := 5; ; tries-- {
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		if s.dialect != sqlite || tries == 0 || ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", err)
		}
	}
}

// sqliteFiles are the migrations as SQLite reads them: what is a comment to
// PostgreSQL is part of the statement, and what PostgreSQL alone needs is not
// there.
type sqliteFiles struct{ fs.FS }

// onlyPostgres are the lines for PostgreSQL alone.
var onlyPostgres = regexp.MustCompile(`(?m)^.*; -- PostgreSQL$`)

// Open opens a file with the comments taken away from around their text. Text is
// in the order of bytes without being asked, and JSON needs no type.
func (s sqliteFiles) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		return f, err
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	text = bytes.ReplaceAll(text, []byte("/* WITHOUT ROWID */;"), []byte("WITHOUT ROWID;"))
	text = bytes.ReplaceAll(text, []byte(` COLLATE "C"`), nil)
	text = bytes.ReplaceAll(text, []byte("::json"), nil)
	text = onlyPostgres.ReplaceAll(text, nil)
	return migration{bytes.NewReader(text), info}, nil
}

// migration is an open file of sqliteFiles.
type migration struct {
	*bytes.Reader
	info fs.FileInfo
}

func (m migration) Stat() (fs.FileInfo, error) { return m.info, nil }
func (m migration) Close() error               { return nil }
