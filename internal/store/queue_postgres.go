package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/delivery"
)

// finishPostgresText ends many messages in one statement: what finishOne does
// for each, without log events.
const finishPostgresText = `
	UPDATE messages m SET state = CASE WHEN m.` + ours + ` THEN v.state ELSE m.state END, next_at = v.next_at, lease_until = v.lease_until, attempts = v.attempts,
		provider = v.provider, provider_id = v.provider_id, template_version = v.template_version,
		encoding = v.encoding, segments = v.segments,
		error_code = CASE WHEN m.` + ours + ` THEN v.error_code ELSE m.error_code END,
		error_text = CASE WHEN m.` + ours + ` THEN v.error_text ELSE m.error_text END,
		events = m.events || v.events,
		exchange = CASE WHEN v.exchange <> '' AND (m.traced OR v.error_code <> '') THEN v.exchange ELSE m.exchange END
	FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[], $7::text[], $8::text[],
		$9::bigint[], $10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::text[])
		AS v (id, lease, state, next_at, lease_until, attempts, provider, provider_id,
			template_version, encoding, segments, error_code, error_text, events, exchange)
	WHERE m.id = v.id AND m.lease_until = v.lease AND m.lease_until > 0
		AND (m.` + ours + ` OR v.state NOT IN ('requested', 'queued'))
	RETURNING m.id`

// finishPostgres ends a batch of messages.
func (s *Store) finishPostgres(ctx context.Context, batch []finish) []error {
	numbers := make([][]int64, 6)
	texts := make([][]string, 9)
	for i := range batch {
		f := &batch[i]
		o := &f.o
		for n, v := range []int64{
			f.lease, toMillis(o.NextAt), toMillis(o.LeaseUntil), int64(o.Attempts), o.TemplateVersion, int64(o.Segments),
		} {
			numbers[n] = append(numbers[n], v)
		}
		for n, v := range []string{
			f.id, string(o.State), o.Provider, o.ProviderID, o.Encoding, o.ErrorCode, o.ErrorText, encodeEvents(o.Events),
			encodeExchange(o.Exchange),
		} {
			texts[n] = append(texts[n], v)
		}
	}
	var ended map[string]bool
	err := retry(ctx, func() error {
		ended = map[string]bool{}
		rows, err := s.read.query(ctx, finishPostgresText,
			texts[0], numbers[0], texts[1], numbers[1], numbers[2], numbers[3], texts[2], texts[3],
			numbers[4], texts[4], numbers[5], texts[5], texts[6], texts[7], texts[8])
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			ended[id] = true
		}
		return rows.Err()
	})
	if err != nil {
		return all(len(batch), fmt.Errorf("finish messages: %w", err))
	}
	errs := make([]error, len(batch))
	for i := range batch {
		if !ended[batch[i].id] {
			errs[i] = delivery.ErrLease
		}
	}
	return errs
}
