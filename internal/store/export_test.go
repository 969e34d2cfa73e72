package store

import "context"

// Querier is what a transaction is given.
type Querier = querier

// Write runs a transaction.
func (s *Store) Write(ctx context.Context, fn func(tx Querier) error) error { return s.write(ctx, fn) }

// MaxGroup is how many writes share one commit of SQLite.
const MaxGroup = maxGroup
