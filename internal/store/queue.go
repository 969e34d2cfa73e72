package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ delivery.Queue = (*Store)(nil)

// Claim implements delivery.Queue. Two processes never claim the same message:
// SQLite has one writer, and PostgreSQL skips rows that another transaction
// has locked.
func (s *Store) Claim(ctx context.Context, c delivery.Claim) ([]delivery.Claimed, error) {
	position, lock := "instr", ""
	if s.dialect == postgres {
		position, lock = "strpos", " FOR UPDATE SKIP LOCKED"
	}
	text := `SELECT ` + messageColumns + ` FROM messages
		WHERE state IN ('requested', 'queued') AND next_at <= $1 AND lease_until <= $1
			AND ` + position + `($2, ',' || connection_id || ',') = 0
		ORDER BY next_at LIMIT $3` + lock
	except := strings.Builder{}
	except.WriteString(",")
	for _, id := range c.Except {
		except.WriteString(string(id) + ",")
	}
	var claimed []delivery.Claimed
	err := s.write(ctx, func(tx querier) error {
		var err error
		claimed, err = dueMessages(ctx, tx, text, toMillis(c.Now), except.String(), c.Limit)
		if err != nil {
			return err
		}
		for i := range claimed {
			claimed[i] = c.TakeOver(claimed[i].Message)
			m, line := &claimed[i].Message, ""
			if e := claimed[i].Line; e != nil {
				line = encodeEvents([]tenant.MessageEvent{*e})
			}
			if _, err := tx.exec(ctx, `UPDATE messages SET lease_until = $2, attempts = $3, error_code = $4, error_text = $5, events = events || $6
				WHERE id = $1`, m.ID, toMillis(c.Until), m.Attempts, m.ErrorCode, m.ErrorText, line); err != nil {
				return fmt.Errorf("lease message: %w", err)
			}
		}
		return nil
	})
	return claimed, err
}

func dueMessages(ctx context.Context, tx querier, text string, args ...any) ([]delivery.Claimed, error) {
	rows, err := tx.query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("find due messages: %w", err)
	}
	defer rows.Close()
	var due []delivery.Claimed
	for rows.Next() {
		var c delivery.Claimed
		if err := scanMessage(rows, &c.Message); err != nil {
			return nil, fmt.Errorf("find due messages: %w", err)
		}
		due = append(due, c)
	}
	return due, rows.Err()
}

// A finish is one call of Finish.
type finish struct {
	id    string
	lease int64
	o     delivery.Outcome
}

// Finish implements delivery.Queue.
func (s *Store) Finish(ctx context.Context, id string, lease time.Time, o delivery.Outcome) error {
	f := finish{id, toMillis(lease), o}
	if s.finishes != nil && o.Event == nil {
		return s.finishes.do(ctx, f)
	}
	end := func(tx querier) error { return finishOne(ctx, tx, f) }
	if w, ok := s.writer.(*groupWriter); ok {
		return w.writeLater(ctx, end) // nobody waits for it
	}
	return s.write(ctx, end)
}

// ours says of a row that its message is still ours. A provider's report may
// come before the end of the attempt is written, and then knows more: the state
// it brought stays, and there is no further attempt.
const ours = `state IN ('requested', 'queued')`

func finishOne(ctx context.Context, tx querier, f finish) error {
	o := &f.o
	n, err := tx.exec(ctx, `
		UPDATE messages SET state = CASE WHEN `+ours+` THEN $3 ELSE state END, next_at = $4, lease_until = $5, attempts = $6,
			provider = $7, provider_id = $8, template_version = $9, encoding = $10, segments = $11,
			error_code = CASE WHEN `+ours+` THEN $12 ELSE error_code END,
			error_text = CASE WHEN `+ours+` THEN $13 ELSE error_text END, events = events || $14,
			exchange = CASE WHEN $15 <> '' AND (traced OR $12 <> '') THEN $15 ELSE exchange END
		WHERE id = $1 AND lease_until = $2 AND lease_until > 0 AND (`+ours+` OR $3 NOT IN ('requested', 'queued'))`,
		f.id, f.lease, o.State, toMillis(o.NextAt), toMillis(o.LeaseUntil), o.Attempts,
		o.Provider, o.ProviderID, o.TemplateVersion, o.Encoding, o.Segments,
		o.ErrorCode, o.ErrorText, encodeEvents(o.Events), encodeExchange(o.Exchange))
	if err != nil {
		return fmt.Errorf("finish message: %w", err)
	}
	if n == 0 {
		return delivery.ErrLease
	}
	if o.Event == nil {
		return nil
	}
	return insertLogs(ctx, tx, *o.Event)
}

// Queue returns how many messages are not over yet, and when the oldest of
// them was asked for: the zero time if there is none.
func (s *Store) Queue(ctx context.Context) (n int, oldest time.Time, err error) {
	var at int64
	err = s.read.row(ctx,
		`SELECT COUNT(*), COALESCE(MIN(created_at), 0) FROM messages WHERE state IN ('requested', 'queued')`).Scan(&n, &at)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("read the queue's length: %w", err)
	}
	return n, fromMillis(at), nil
}
