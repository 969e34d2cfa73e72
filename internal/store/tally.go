package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/attack"
	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/passwordless"
)

// takeTallyText adds to a tally unless it is full. Adding nothing tells whether
// there is room.
const takeTallyText = `
	INSERT INTO tallies (name, since, n) VALUES ($1, $2, $3)
	ON CONFLICT (name, since) DO UPDATE SET n = tallies.n + $3 WHERE tallies.n < $4
	RETURNING n`

// takeTally adds to a tally and returns what it counts then, or false if it is
// full.
func takeTally(ctx context.Context, tx querier, t attack.Tally, add int) (n int, ok bool, err error) {
	err = tx.row(ctx, takeTallyText, t.Name, toMillis(t.Since), add, t.Max).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("take tally: %w", err)
	}
	return n, true, nil
}

// untakeTally takes back what takeTally added in the same transaction.
func untakeTally(ctx context.Context, tx querier, t attack.Tally, added int) error {
	if _, err := tx.exec(ctx, `UPDATE tallies SET n = n - $3 WHERE name = $1 AND since = $2`, t.Name, toMillis(t.Since), added); err != nil {
		return fmt.Errorf("take back from tally: %w", err)
	}
	return nil
}

// takeSpreads counts the number for whoever asks for it. It reports true when
// they have asked for too many others.
func takeSpreads(ctx context.Context, tx querier, b passwordless.Begin, out *passwordless.Begun) (bool, error) {
	for _, t := range b.Spreads {
		member := t
		member.Name, member.Max = t.Name+"/"+b.Identifier, int(^uint32(0)>>1)
		n, _, err := takeTally(ctx, tx, member, 1)
		if err != nil {
			return true, err
		}
		if n > 1 {
			continue // counted before
		}
		_, ok, err := takeTally(ctx, tx, t, 1)
		if err != nil {
			return true, err
		}
		if ok {
			continue
		}
		out.Outcome, out.Wait, out.Limit = passwordless.TooManyNumbers, t.Wait(b.Now), t.Max
		if err := untakeTally(ctx, tx, member, 1); err != nil {
			return true, err
		}
		return true, noteLimit(ctx, tx, note{event.PhoneLimit, t.Name, "Codes to too many different numbers were asked for from one place"}, b.Limited, b.Now)
	}
	return false, nil
}

// takeBudgets counts the message against what the connection may send, if one is
// due. It reports true when there is no budget left, due or not: who is told that
// learns nothing about the number.
func takeBudgets(ctx context.Context, tx querier, b passwordless.Begin, due bool, out *passwordless.Begun) (bool, error) {
	add := 0
	if due {
		add = 1
	}
	for i, t := range b.Budgets {
		n, ok, err := takeTally(ctx, tx, t, add)
		if err != nil {
			return true, err
		}
		if !ok {
			for _, taken := range b.Budgets[:i] {
				if err := untakeTally(ctx, tx, taken, add); err != nil {
					return true, err
				}
			}
			out.Outcome, out.Wait, out.Limit = passwordless.BudgetSpent, t.Wait(b.Now), t.Max
			return true, noteLimit(ctx, tx, note{event.PhoneLimit, t.Name, budgetOf(t) + " has sent all the messages of its budget for " + spanWords(t.Span)}, b.Limited, b.Now)
		}
		if percent := t.Alerts(n); due && percent > 0 {
			e := b.Limited
			e.ID, e.Type = event.NewID(b.Now), event.NotificationWarning
			e.Description = fmt.Sprintf("%d %% of %s's budget of %d messages for %s is used", percent, strings.ToLower(budgetOf(t)), t.Max, spanWords(t.Span))
			e.UserName, e.IP, e.UserAgent = "", "", ""
			if err := insertLogs(ctx, tx, e); err != nil {
				return true, err
			}
		}
	}
	return false, nil
}

func spanWords(d time.Duration) string {
	if d == time.Hour {
		return "this hour"
	}
	return "today"
}

// budgetOf says whose budget a tally is.
func budgetOf(t attack.Tally) string {
	if strings.Count(t.Name, "/") == 1 {
		return "The tenant"
	}
	return "The connection"
}
