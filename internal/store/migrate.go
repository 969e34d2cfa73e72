package store

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"

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
	if s.dialect == postgres {
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
