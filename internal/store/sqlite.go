package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite", in Go alone
)

// maxLater is how long a write that nobody waits for is kept back, to be
// committed together with one that somebody does.
const maxLater = 5 * time.Millisecond

// maxGroup bounds how many waiting writes share one commit, and so how long
// the first of them waits for the others.
const maxGroup = 64

// openSQLite opens one connection that writes and a few that read.
//
// synchronous=FULL makes a commit durable before it is acknowledged: a code
// that was accepted stays used after a power cut.
func (s *Store) openSQLite(ctx context.Context, path string) error {
	s.dialect, s.path = sqlite, path
	if err := createPrivate(path); err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	dsn := func(extra string) string {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
		u.RawQuery = "_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)&_pragma=journal_mode(WAL)" +
			"&_pragma=wal_autocheckpoint(4000)&_pragma=journal_size_limit(67108864)&_pragma=temp_store(MEMORY)" + extra
		return u.String()
	}
	wdb, err := sql.Open("sqlite", dsn("&_pragma=cache_size(-8000)&_txlock=immediate"))
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	wdb.SetMaxOpenConns(1)
	conn, err := wdb.Conn(ctx)
	if err != nil {
		_ = wdb.Close()
		return fmt.Errorf("open database: %w", unlike(path, err))
	}
	rdb, err := sql.Open("sqlite", dsn("&_pragma=cache_size(-1000)&_pragma=query_only(true)"))
	if err != nil {
		_ = wdb.Close()
		return fmt.Errorf("open database: %w", err)
	}
	rdb.SetMaxOpenConns(4)
	rdb.SetMaxIdleConns(4)
	// Migrations get a connection of their own; it is closed when they are done.
	if s.db, err = sql.Open("sqlite", dsn("&_txlock=immediate")); err != nil {
		return errors.Join(fmt.Errorf("open database: %w", err), wdb.Close(), rdb.Close())
	}
	s.db.SetMaxIdleConns(0)
	reads := &statements{byText: map[string]*sql.Stmt{}, prepare: rdb.PrepareContext}
	s.read = reads
	s.writer = newGroupWriter(conn)
	s.closers = append(s.closers, s.db.Close, reads.close, rdb.Close, wdb.Close)
	return nil
}

// ErrNoDatabase is the error of a file that holds something else.
var ErrNoDatabase = errors.New("no SQLite database")

// notDatabase is SQLite's code for such a file (SQLITE_NOTADB).
const notDatabase = 26

// unlike says of a file that SQLite cannot read that it is none of its.
func unlike(path string, err error) error {
	var coded interface{ Code() int }
	if errors.As(err, &coded) && coded.Code() == notDatabase {
		return fmt.Errorf("%s is %w", path, ErrNoDatabase)
	}
	return err
}

// createPrivate makes an empty database file that only its owner can read.
// SQLite gives the files beside it the same mode.
func createPrivate(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

// A groupWriter owns the one connection that writes. Requests hand it
// functions; it runs all that wait and commits them together.
type groupWriter struct {
	conn  *sql.Conn
	stmts *statements
	jobs  chan *job
	later chan *job
	stop  chan struct{}
	ended chan struct{}
}

type job struct {
	ctx  context.Context
	fn   func(tx querier) error
	err  error
	done chan struct{}
}

var errClosed = errors.New("the database is closed")

func newGroupWriter(conn *sql.Conn) *groupWriter {
	w := &groupWriter{
		conn:  conn,
		stmts: &statements{writes: true, byText: map[string]*sql.Stmt{}, prepare: conn.PrepareContext},
		jobs:  make(chan *job, 4*maxGroup),
		later: make(chan *job, 4*maxGroup),
		stop:  make(chan struct{}),
		ended: make(chan struct{}),
	}
	go w.run()
	return w
}

func (w *groupWriter) write(ctx context.Context, fn func(tx querier) error) error {
	return w.hand(ctx, w.jobs, fn)
}

// writeLater is write for what nobody waits for: it lets a short while pass
// for a write that somebody waits for, and shares its commit.
func (w *groupWriter) writeLater(ctx context.Context, fn func(tx querier) error) error {
	return w.hand(ctx, w.later, fn)
}

func (w *groupWriter) hand(ctx context.Context, jobs chan<- *job, fn func(tx querier) error) error {
	j := &job{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case jobs <- j:
	case <-w.stop:
		return errClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	// From here on the outcome is the database's to tell: a caller that left
	// early would not know whether its write was kept.
	select {
	case <-j.done:
		return j.err
	case <-w.ended:
		select {
		case <-j.done:
			return j.err
		default:
			return errClosed
		}
	}
}

func (w *groupWriter) close() error {
	close(w.stop)
	<-w.ended
	return errors.Join(w.stmts.close(), w.conn.Close())
}

func (w *groupWriter) run() {
	defer close(w.ended)
	var group []*job // those gathered for the next commit
	patience := time.NewTimer(maxLater)
	defer patience.Stop()
	for {
		urgent := false
		select {
		case j := <-w.jobs:
			group, urgent = append(group, j), true
		case j := <-w.later:
			if len(group) == 0 {
				patience.Reset(maxLater)
			}
			group = append(group, j)
		case <-patience.C:
			urgent = true
		case <-w.stop:
			w.end(group)
			return
		}
		if !urgent && len(group) < maxGroup {
			continue
		}
		group = gather(group, w.jobs)
		group = gather(group, w.later)
		w.end(group)
		group = nil
	}
}

// gather appends the jobs that wait, up to a full group.
func gather(group []*job, jobs <-chan *job) []*job {
	for len(group) < maxGroup {
		select {
		case j := <-jobs:
			group = append(group, j)
		default:
			return group
		}
	}
	return group
}

// end commits the group and tells whoever waits for it.
func (w *groupWriter) end(group []*job) {
	w.commit(group)
	for _, j := range group {
		close(j.done)
	}
}

// commit runs the group in one transaction. A job that fails takes the
// transaction with it: the others are run again without it, which is rare and
// cheaper than a savepoint for each. Every job ends with its own error, or
// with that of the commit.
func (w *groupWriter) commit(group []*job) {
	for len(group) > 0 {
		failed, err := w.try(group)
		if failed < 0 {
			for _, j := range group {
				j.err = err
			}
			return
		}
		group[failed].err = err
		group = slices.Delete(slices.Clone(group), failed, failed+1)
	}
}

// try runs the jobs in one transaction. When one of them fails, nothing is
// kept and its number is returned with its error; when all succeed, or the
// transaction itself fails, the number is negative.
func (w *groupWriter) try(group []*job) (failed int, err error) {
	ctx := context.Background()
	if _, err := w.stmts.exec(ctx, `BEGIN IMMEDIATE`); err != nil {
		return -1, fmt.Errorf("write database: %w", err)
	}
	for i, j := range group {
		if err = j.ctx.Err(); err == nil {
			err = w.guarded(j)
		}
		if err != nil {
			if _, rerr := w.stmts.exec(ctx, `ROLLBACK`); rerr != nil {
				err = errors.Join(err, rerr)
			}
			return i, err
		}
	}
	if _, err := w.stmts.exec(ctx, `COMMIT`); err != nil {
		_, _ = w.stmts.exec(ctx, `ROLLBACK`) // SQLite may have done so already
		return -1, fmt.Errorf("write database: %w", err)
	}
	return -1, nil
}

// guarded turns a panic in a job into its error: the writer serves everybody.
func (w *groupWriter) guarded(j *job) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return j.fn(w.stmts)
}
