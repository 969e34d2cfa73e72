// Package store keeps everything in SQLite or PostgreSQL.
//
// One text of SQL with $n placeholders serves both. SQLite has one writer and
// readers beside it; PostgreSQL has a pool. Every write goes through
// Store.write, which is a transaction on both: on SQLite, writes that wait for
// the one writer are committed together, so that a busy server pays for the
// disk once for many requests; on PostgreSQL, a transaction that the database
// could not serialize is tried again.
//
// What is used once or counted is one conditional statement, so that the
// database decides, not the order in which our goroutines look. The suite in
// storetest holds both databases to the same promises.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
)

// A Store is an open database. It is safe for use by many goroutines.
type Store struct {
	read    querier // reads outside transactions
	writer  writer
	db      *sql.DB // for migrations
	closers []func() error
	dialect dialect
	path    string // of SQLite's file
	secrets *secret.Ring

	// finishes joins the ends of messages on PostgreSQL. SQLite's writer joins
	// all writes by itself.
	finishes *batcher[finish]
	lane     *batcher[statement] // hot operations on PostgreSQL

	uses *useLog // what the message log is told of codes

	version atomic.Int64 // of the settings, as last seen
	cache   cache
}

// dialect is what differs between the databases outside the SQL text.
type dialect string

const (
	sqlite   dialect = "sqlite"
	postgres dialect = "postgres"
)

// A writer runs a transaction and returns when it is durable.
type writer interface {
	write(ctx context.Context, fn func(tx querier) error) error
	close() error
}

// A querier runs statements, prepared once for each text.
type querier interface {
	exec(ctx context.Context, text string, args ...any) (int64, error)
	query(ctx context.Context, text string, args ...any) (*sql.Rows, error)
	row(ctx context.Context, text string, args ...any) scanner
}

// Open opens the database that url names: "sqlite:PATH" or "postgres://…".
// It does not change the schema; Migrate does. Sealed columns are read and
// written with the keys of ring.
func Open(ctx context.Context, url string, ring *secret.Ring) (*Store, error) {
	s := &Store{secrets: ring}
	var err error
	switch {
	case strings.HasPrefix(url, "sqlite:"):
		err = s.openSQLite(ctx, strings.TrimPrefix(url, "sqlite:"))
	case strings.HasPrefix(url, "postgres://"), strings.HasPrefix(url, "postgresql://"):
		err = s.openPostgres(ctx, url)
	default:
		return nil, fault.New(fault.Invalid, "bad_database",
			"The database must be sqlite:PATH or postgres://…")
	}
	if err != nil {
		return nil, err
	}
	s.cache.reset()
	s.startUses()
	return s, nil
}

// Close ends all connections. Writes that wait are refused.
func (s *Store) Close() error {
	s.uses.close()
	errs := []error{s.writer.close()}
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	var one int
	if err := s.read.row(ctx, `SELECT 1`).Scan(&one); err != nil {
		return fmt.Errorf("ping database: %w", err)
	}
	return nil
}

// write runs fn in a transaction. When fn returns an error nothing is kept.
// fn may run more than once and must not touch anything but tx and values it
// sets anew each time.
func (s *Store) write(ctx context.Context, fn func(tx querier) error) error {
	return s.writer.write(ctx, fn)
}

// statements prepares each text once on one handle.
type statements struct {
	writes  bool // on the connection that writes
	mu      sync.RWMutex
	byText  map[string]*sql.Stmt
	prepare func(ctx context.Context, text string) (*sql.Stmt, error)
}

func (s *statements) stmt(ctx context.Context, text string) (*sql.Stmt, error) {
	s.mu.RLock()
	st := s.byText[text]
	s.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st = s.byText[text]; st != nil {
		return st, nil
	}
	// The statement outlives the request that happens to need it first.
	st, err := s.prepare(context.WithoutCancel(ctx), text)
	if err != nil {
		return nil, err
	}
	s.byText[text] = st
	return st, nil
}

// close ends the statements. SQLite keeps a connection, and the files beside
// the database, while there is one left.
func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, st := range s.byText {
		errs = append(errs, st.Close())
	}
	clear(s.byText)
	return errors.Join(errs...)
}

func (s *statements) exec(ctx context.Context, text string, args ...any) (int64, error) {
	st, err := s.stmt(ctx, text)
	if err != nil {
		return 0, err
	}
	res, err := st.ExecContext(s.patient(ctx), args...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// patient is the context that statements on the writer run with. What has
// begun is finished whether or not the request is still there, and drivers
// watch a context that can end from a goroutine of its own, for each statement.
func (s *statements) patient(ctx context.Context) context.Context {
	if s.writes {
		return context.Background()
	}
	return ctx
}

func (s *statements) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	st, err := s.stmt(ctx, text)
	if err != nil {
		return nil, err
	}
	return st.QueryContext(s.patient(ctx), args...)
}

func (s *statements) row(ctx context.Context, text string, args ...any) scanner {
	st, err := s.stmt(ctx, text)
	if err != nil {
		return failed{err}
	}
	return st.QueryRowContext(s.patient(ctx), args...)
}

// failed is the row of a statement that could not be prepared.
type failed struct{ err error }

// Scan returns why there is no row.
func (f failed) Scan(...any) error { return f.err }

// absent turns "no rows" into a fault that says the thing does not exist.
func absent(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return notFound.Because(err)
	}
	return err
}

var notFound = fault.New(fault.NotFound, "not_found", "There is no such thing.")

// toMillis stores a time; the zero time is 0.
func toMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// fromMillis reads a time that toMillis stored.
func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
