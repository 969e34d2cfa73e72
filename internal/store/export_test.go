package store

import "context"

// Querier is what a transaction is given.
type Querier = querier

// Write runs a transaction.
func (s *Store) Write(ctx context.Context, fn func(tx Querier) error) error { return s.write(ctx, fn) }

// Exec runs a statement in a transaction.
func Exec(ctx context.Context, tx Querier, text string, args ...any) error {
	_, err := tx.exec(ctx, text, args...)
	return err
}
