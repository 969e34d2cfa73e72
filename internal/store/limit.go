package store

import (
	"context"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A note says which limit was reached: the type of the log event, for whom,
// and in words.
type note struct{ typ, name, words string }

// noteLimit logs that a limit was reached, once an hour for each name: who is
// refused a thousand times a second must not fill the log.
func noteLimit(ctx context.Context, tx querier, n note, e tenant.LogEvent, now time.Time) error {
	once := attack.Bucket{Name: "note/" + n.typ + "/" + n.name, Rate: attack.Rate{Burst: 1, Every: time.Hour}}
	_, ok, err := takeRequest(ctx, tx, once, now)
	if err != nil || !ok {
		return err
	}
	e.Type, e.Description = n.typ, n.words
	return insertLogs(ctx, tx, e)
}

// Note implements authorize.Ledger.
func (s *Store) Note(ctx context.Context, b attack.Bucket, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		if b.Name != "" {
			if _, ok, err := takeRequest(ctx, tx, b, e.At); err != nil || !ok {
				return err
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// budget is the SQL for whether there is a wrong try left in a row of tries or
// devices: the tries since a day ago are fewer than there are, which the oldest
// of as many tells, and the streak is short.
func budget(row, from, dayAgo, streak string) string {
	return fmt.Sprintf("(substr(%s.wrong_at, %s, 13) <= %s AND %s.streak < %s)", row, from, dayAgo, row, streak)
}

// nthFrom is where the nth moment from the newest begins in a column of
// attack.Times.
func nthFrom(n int) int { return 130 - 13*n + 1 }
