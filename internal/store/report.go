package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/doorcode/doorcode/internal/delivery"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ delivery.Reports = (*Store)(nil)

// maxEvents is how long a timeline may grow by reports, in bytes. A provider
// sends a handful.
const maxEvents = 16 << 10

// progress is how far on its way a message in the state of the row is. What
// this server gave up without an answer may have been taken all the same, so
// that any report is news about it.
const progress = `(CASE
	WHEN state IN ('requested', 'queued') THEN 0
	WHEN state IN ('failed', 'expired') AND error_code IN ('` + delivery.CodeNoAnswer + `', '` + delivery.CodeBadAnswer + `') THEN 0
	WHEN state = 'accepted' THEN 1
	WHEN state = 'sent' THEN 2
	WHEN state IN ('undelivered', 'failed') THEN 3
	WHEN state = 'delivered' THEN 4
	ELSE 5 END)`

// reach is how far a report says that the message has come. Of two copies of
// one message the one that arrived counts, so delivered is further than lost.
func reach(s tenant.MessageState) int {
	switch s {
	case tenant.MessageAccepted:
		return 1
	case tenant.MessageSent:
		return 2
	case tenant.MessageUndelivered, tenant.MessageFailed:
		return 3
	case tenant.MessageDelivered:
		return 4
	}
	return 0
}

// Report implements delivery.Reports. A report is news if its line is the last
// one now and the state is the one it brought. The lease is left as it is: whoever has
// the message finishes it, and Finish keeps the state that a report brought.
func (s *Store) Report(ctx context.Context, r delivery.Reported) error {
	// The mark is how a repetition is known. Text in the timeline cannot be
	// taken for it, since a quotation mark in there is escaped.
	mark, err := json.Marshal(r.Report.ProviderID + " " + r.Report.Status + " " + r.Report.ErrorCode)
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	line := encodeEvents([]tenant.MessageEvent{r.Line()})
	line = line[:len(line)-len("}\n")] + `,"report":` + string(mark)
	if r.Event != nil {
		// No two lines are the same then, whatever their moments.
		line += `,"log":"` + r.Event.ID + `"`
	}
	line += "}\n"
	position := "instr"
	if s.dialect == postgres {
		position = "strpos"
	}
	text := `UPDATE messages SET
			state = CASE WHEN $4 > ` + progress + ` THEN $5 ELSE state END,
			error_code = CASE WHEN $4 > ` + progress + ` THEN $6 ELSE error_code END,
			error_text = CASE WHEN $4 > ` + progress + ` THEN $7 ELSE error_text END,
			provider = $3,
			provider_id = CASE WHEN provider_id = '' THEN $8 ELSE provider_id END,
			events = CASE WHEN ` + position + `(events, $9) = 0 AND length(events) < $10 THEN events || $11 ELSE events END
		WHERE id = $1 AND connection_id = $2 AND provider IN ('', $3)
		RETURNING client_id, user_id, CASE WHEN state = $5 AND substr(events, length(events) - length($11) + 1) = $11 THEN 1 ELSE 0 END`
	err = s.write(ctx, func(tx querier) error {
		var client tenant.ClientID
		var user tenant.UserID
		var news int
		row := tx.row(ctx, text, r.Message, r.Connection, r.Provider, reach(r.Report.State), r.Report.State,
			r.Report.ErrorCode, r.Report.Text, r.Report.ProviderID, `"report":`+string(mark), maxEvents, line)
		if err := row.Scan(&client, &user, &news); err != nil {
			return absent(err)
		}
		if r.Event == nil || news == 0 {
			return nil
		}
		e := *r.Event
		e.Client, e.User = client, user
		return insertLogs(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("store report: %w", err)
	}
	return nil
}
