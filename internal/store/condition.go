package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/doorcode/doorcode/internal/doctor"
)

var _ doctor.Database = (*Store)(nil)

// Condition implements doctor.Database. Whether it can be written is tried by
// setting what is set already.
func (s *Store) Condition(ctx context.Context) (doctor.Condition, error) {
	c := doctor.Condition{Kind: "SQLite", Free: -1}
	version := `SELECT sqlite_version()`
	if s.dialect == postgres {
		c.Kind, version = "PostgreSQL", `SELECT current_setting('server_version')`
	}
	if err := s.read.row(ctx, version).Scan(&c.Version); err != nil {
		return c, fmt.Errorf("read version: %w", hide(err))
	}
	var err error
	if c.Pending, c.Unknown, err = s.steps(ctx); err != nil {
		return c, err
	}
	if s.dialect == postgres {
		if err := s.conditionPostgres(ctx, &c); err != nil {
			return c, err
		}
	} else {
		c.Free = freeBytes(filepath.Dir(s.path))
	}
	if c.Pending > 0 {
		return c, nil // there may be nothing yet to look at
	}
	c.WriteError = hide(s.write(ctx, func(tx querier) error {
		_, err := tx.exec(ctx, `UPDATE settings_version SET version = version WHERE id = 1`)
		return err
	}))
	var last int64
	if err := s.read.row(ctx, `SELECT COALESCE((SELECT at FROM logs ORDER BY id DESC LIMIT 1), 0)`).Scan(&last); err != nil {
		return c, fmt.Errorf("read log: %w", hide(err))
	}
	c.LastEvent = fromMillis(last)
	return c, nil
}

func (s *Store) conditionPostgres(ctx context.Context, c *doctor.Condition) error {
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := s.read.row(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return fmt.Errorf("read setting: %w", hide(err))
		}
		if value == "off" {
			c.Unsafe = append(c.Unsafe, name+" = off")
		}
	}
	var ms int64
	if err := s.read.row(ctx, `SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint`).Scan(&ms); err != nil {
		return fmt.Errorf("read clock: %w", hide(err))
	}
	c.Clock = time.UnixMilli(ms)
	return nil
}

// steps counts the steps of the schema that are still to be made, and those
// that this program does not know. Nothing is made by looking.
func (s *Store) steps(ctx context.Context) (pending, unknown int, err error) {
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, 0, fmt.Errorf("read schema: %w", err)
	}
	known := map[int64]bool{0: true} // goose's own first row
	for _, f := range files {
		number, _, _ := strings.Cut(filepath.Base(f), "_")
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("read schema: %w", err)
		}
		known[n] = true
	}
	rows, err := s.read.query(ctx, `SELECT DISTINCT version_id FROM goose_db_version WHERE is_applied`)
	if noTable(err) {
		return len(files), 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("read schema: %w", hide(err))
	}
	defer rows.Close()
	pending = len(known)
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return 0, 0, fmt.Errorf("read schema: %w", err)
		}
		if known[n] {
			pending--
		} else {
			unknown++
		}
	}
	return pending, unknown, rows.Err()
}

// noTable reports whether a statement failed because nothing was made yet.
func noTable(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "42P01"
	}
	return err != nil && strings.Contains(err.Error(), "no such table")
}

// hide keeps of PostgreSQL's errors what an operator needs: pgx's own text may
// name user and host. Those of SQLite name nothing of the kind.
func hide(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return redact(err)
	}
	return err
}
