package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// maxPostgresConns bounds the connections of one process: several processes
// must fit into a server's default of 100.
const maxPostgresConns = 16

// maxRetries bounds how often a transaction that could not be serialized is
// run again.
const maxRetries = 8

func (s *Store) openPostgres(ctx context.Context, url string) error {
	s.dialect = postgres
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		// The error of the parser repeats the address, password and all.
		return fmt.Errorf("open database: %w", ErrAddress)
	}
	cfg.ConnectTimeout = 5 * time.Second
	if _, ok := cfg.RuntimeParams["application_name"]; !ok {
		cfg.RuntimeParams["application_name"] = "doorcode"
	}
	// A hung server must not hold our requests.
	// Our statements find rows by their keys: planning each call anew would cost
	// more than running it, and would find the same plan.
	cfg.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	cfg.RuntimeParams["statement_timeout"] = "5000"
	cfg.RuntimeParams["idle_in_transaction_session_timeout"] = "10000"
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(maxPostgresConns)
	db.SetMaxIdleConns(maxPostgresConns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close()
		return fmt.Errorf("open database: %w", redact(err))
	}
	s.db = db
	s.read = pool{db}
	s.writer = pool{db}
	s.finishes = newBatcher(s.finishPostgres)
	s.lane = newBatcher(runLane(db))
	s.closers = append(s.closers, s.lane.close, s.finishes.close, db.Close)
	return nil
}

// The errors of a server that is not there, and of an address that names none.
var (
	ErrUnreachable = errors.New("PostgreSQL cannot be reached")
	ErrAddress     = errors.New("the postgres:// address cannot be read")
)

// redact keeps of a connection error what an operator needs; pgx's own text may
// name user and host.
func redact(err error) error {
	var (
		pg   *pgconn.PgError
		dns  *net.DNSError
		call *net.OpError
	)
	switch {
	case errors.As(err, &pg):
		return fmt.Errorf("PostgreSQL says %s (SQLSTATE %s)", pg.Message, pg.Code)
	case errors.As(err, &dns):
		return fmt.Errorf("%w: its name cannot be resolved", ErrUnreachable)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: nothing listens there", ErrUnreachable)
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &call) && call.Timeout():
		return fmt.Errorf("%w: it does not answer", ErrUnreachable)
	}
	return ErrUnreachable
}

// A pool runs statements on any connection. pgx prepares each text once on
// each connection by itself.
type pool struct{ db *sql.DB }

func (p pool) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return affected(p.db.ExecContext(ctx, text, args...))
}

func (p pool) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return p.db.QueryContext(ctx, text, args...)
}

func (p pool) row(ctx context.Context, text string, args ...any) scanner {
	return p.db.QueryRowContext(ctx, text, args...)
}

func (p pool) close() error { return nil }

func (p pool) write(ctx context.Context, fn func(tx querier) error) error {
	return retry(ctx, func() error { return p.once(ctx, fn) })
}

// retry runs fn again while PostgreSQL could not serialize it.
func retry(ctx context.Context, fn func() error) error {
	for try := 0; ; try++ {
		err := fn()
		if err == nil || try == maxRetries || !again(err) {
			return err
		}
		// Waiting a random while keeps two transactions that collided from
		// colliding again.
		select {
		case <-time.After(time.Duration(rand.IntN(1000*(try+1))) * time.Microsecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p pool) once(ctx context.Context, fn func(tx querier) error) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	// Whatever fn does, a panic too, the connection is free again afterwards.
	// After the commit this does nothing.
	defer func() { _ = tx.Rollback() }()
	if err := fn(inTx{tx}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// again reports whether a transaction failed only because of another one:
// serialization failure or deadlock.
func again(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}

// inTx runs statements in a transaction.
type inTx struct{ tx *sql.Tx }

func (t inTx) exec(ctx context.Context, text string, args ...any) (int64, error) {
	return affected(t.tx.ExecContext(ctx, text, args...))
}

func (t inTx) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, text, args...)
}

func (t inTx) row(ctx context.Context, text string, args ...any) scanner {
	return t.tx.QueryRowContext(ctx, text, args...)
}

func affected(res sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
