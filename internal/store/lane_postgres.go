package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// A statement is one hot operation: a single statement that returns at most
// one row.
type statement struct {
	text string
	args []any
	scan func(row scanner) error
}

// laneTime bounds one batch, waiting for locks included.
const laneTime = 10 * time.Second

// hot runs a statement of a hot operation with others that wait at the same
// time: sent at once, in one transaction with one commit. The error is
// sql.ErrNoRows when the statement returns no row.
func (s *Store) hot(ctx context.Context, st statement) error {
	return s.lane.do(ctx, st)
}

// alone runs a statement of a hot operation at once and by itself, for one that
// may wait for a row that many want.
func (s *Store) alone(ctx context.Context, st statement) error {
	// What has begun is finished whether or not the request is still there:
	// breaking it off would cost the connection.
	return s.lane.run(context.WithoutCancel(ctx), []statement{st})[0]
}

// runLane runs a batch of statements. When PostgreSQL refuses one of them,
// nothing of the batch is kept, and each is run by itself, so that everybody
// gets an answer of their own.
func runLane(db *sql.DB) func(ctx context.Context, batch []statement) []error {
	return func(ctx context.Context, batch []statement) []error {
		ctx, cancel := context.WithTimeout(ctx, laneTime)
		defer cancel()
		if len(batch) > 1 {
			errs, err := pipeline(ctx, db, batch)
			if err == nil {
				return errs
			}
			var refused *pgconn.PgError
			if !errors.As(err, &refused) {
				// The connection broke: whether the batch was kept is not
				// known, and running it again could do it twice.
				return all(len(batch), err)
			}
		}
		errs := make([]error, len(batch))
		for i := range batch {
			st := &batch[i]
			errs[i] = retry(ctx, func() error { return st.scan(db.QueryRowContext(ctx, st.text, st.args...)) })
		}
		return errs
	}
}

// pipeline sends the batch at once and reads the answers. Statements between
// two synchronisations are one transaction (PostgreSQL: extended query
// protocol). The error is about the batch as a whole; those of scans and
// missing rows are each statement's own.
func pipeline(ctx context.Context, db *sql.DB, batch []statement) ([]error, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	errs := make([]error, len(batch))
	err = conn.Raw(func(driverConn any) error {
		var b pgx.Batch
		for i := range batch {
			b.Queue(batch[i].text, batch[i].args...)
		}
		results := driverConn.(*stdlib.Conn).Conn().SendBatch(ctx, &b)
		for i := range batch {
			errs[i] = batch[i].scan(results.QueryRow())
			if errors.Is(errs[i], pgx.ErrNoRows) {
				errs[i] = sql.ErrNoRows
			}
			var refused *pgconn.PgError
			if errors.As(errs[i], &refused) {
				return errors.Join(errs[i], results.Close())
			}
		}
		return results.Close()
	})
	return errs, err
}
