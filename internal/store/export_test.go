package store

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"

	"github.com/doorcode/doorcode/internal/passwordless"
)

// Querier is what a transaction is given.
type Querier = querier

// Write runs a transaction.
func (s *Store) Write(ctx context.Context, fn func(tx Querier) error) error { return s.write(ctx, fn) }

// Exec runs a statement in a transaction.
func Exec(ctx context.Context, tx Querier, text string, args ...any) error {
	_, err := tx.exec(ctx, text, args...)
	return err
}

// Count counts from now on the statements of hot operations on PostgreSQL, and
// the transactions of several steps.
func (s *Store) Count() (statements, transactions *atomic.Int64) {
	statements, transactions = new(atomic.Int64), new(atomic.Int64)
	if s.lane != nil {
		run := s.lane.run
		s.lane.run = func(ctx context.Context, batch []statement) []error {
			statements.Add(int64(len(batch)))
			return run(ctx, batch)
		}
	}
	s.writer = counted{s.writer, transactions}
	return statements, transactions
}

// Record notes from now on the texts of all statements that are run, of hot
// operations on PostgreSQL too. What it returns takes those noted so far.
func (s *Store) Record() (take func() []string) {
	var mu sync.Mutex
	var texts []string
	note := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		texts = append(texts, text)
	}
	s.read, s.writer = recording{s.read, note}, recordingWriter{s.writer, note}
	if s.lane != nil {
		run := s.lane.run
		s.lane.run = func(ctx context.Context, batch []statement) []error {
			for _, st := range batch {
				note(st.text)
			}
			return run(ctx, batch)
		}
	}
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		taken := texts
		texts = nil
		return taken
	}
}

type recordingWriter struct {
	writer
	note func(text string)
}

func (w recordingWriter) write(ctx context.Context, fn func(tx querier) error) error {
	return w.writer.write(ctx, func(tx querier) error { return fn(recording{tx, w.note}) })
}

type recording struct {
	querier
	note func(text string)
}

func (r recording) exec(ctx context.Context, text string, args ...any) (int64, error) {
	r.note(text)
	return r.querier.exec(ctx, text, args...)
}

func (r recording) query(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	r.note(text)
	return r.querier.query(ctx, text, args...)
}

func (r recording) row(ctx context.Context, text string, args ...any) scanner {
	r.note(text)
	return r.querier.row(ctx, text, args...)
}

type counted struct {
	writer
	n *atomic.Int64
}

func (c counted) write(ctx context.Context, fn func(tx querier) error) error {
	c.n.Add(1)
	return c.writer.write(ctx, fn)
}

// PlainBegin reports whether a start is one statement on PostgreSQL.
func PlainBegin(b passwordless.Begin) bool { return plainBegin(b) }

// OneTimeTables and SessionTables are what a restore empties.
func OneTimeTables() []string { return oneTimeTables() }

// SessionTables are emptied when it is asked to end sessions.
func SessionTables() []string { return sessionTables() }

// SealedColumns are the columns that Reseal looks at, as "table.column".
func SealedColumns() []string {
	var all []string
	for _, c := range sealedColumns() {
		all = append(all, c.table+"."+c.column)
	}
	return all
}

// SearchTexts are the statements that a search of many rows must have an index
// for, by what they look for, with what they are given. How many parameters they
// have tells how.
func (s *Store) SearchTexts() map[string]string {
	return map[string]string{
		"a beginning of an identifier": identityRangeText[s.dialect],
		"a beginning of a name":        nameRangeText[s.dialect],
		"whole identifiers":            exactText,
		"ids":                          idsText,
		"users by ids":                 usersText,
		"identities of users":          identitiesText,
		"the newest users":             newestText,
		"blocked users":                newestBlockedText,
		"the newest events":            findAll,
		"events of a user":             findUser,
		"events of a stranger":         findIdentifier,
		"events of a rare type":        findType,
	}
}

// StopUses has codes that are used noted no more, which happens aside.
func (s *Store) StopUses() {
	s.uses.close()
	s.uses = nil
}
