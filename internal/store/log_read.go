package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Logs = (*Store)(nil)

const logColumns = `id, at, type, client_id, connection_id, user_id, doc`

func scanLog(row scanner) (tenant.LogEvent, error) {
	var id, typ, doc string
	var at int64
	var client tenant.ClientID
	var conn tenant.ConnectionID
	var user tenant.UserID
	if err := row.Scan(&id, &at, &typ, &client, &conn, &user, &doc); err != nil {
		return tenant.LogEvent{}, err
	}
	var d logDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return tenant.LogEvent{}, fmt.Errorf("log event %s: %w", id, err)
	}
	return d.event(id, at, typ, client, conn, user), nil
}

// Log implements manage.Logs.
func (s *Store) Log(ctx context.Context, id string) (tenant.LogEvent, error) {
	e, err := scanLog(s.read.row(ctx, `SELECT `+logColumns+` FROM logs WHERE id = $1`, id))
	if err != nil {
		return e, fmt.Errorf("read log: %w", absent(err))
	}
	return e, nil
}

// logTexts is how many fields without a column one query can name.
const logTexts = 4

// logsWhere picks log events; what is not asked for is empty. Fields without a
// column are looked for in the text of the document, which finds all that match
// and perhaps some more.
const logsWhere = ` FROM logs WHERE id > $1 AND id < $2 AND ($3 = '' OR type = $3)
	AND ($4 = '' OR client_id = $4) AND ($5 = '' OR connection_id = $5)
	AND ($6 = '' OR doc LIKE $6 ESCAPE '\') AND ($7 = '' OR doc LIKE $7 ESCAPE '\')
	AND ($8 = '' OR doc LIKE $8 ESCAPE '\') AND ($9 = '' OR doc LIKE $9 ESCAPE '\')`

// logBatch is how many events are read at once. Answers that are cut off still
// have to come over the wire from PostgreSQL, so they are asked for in parts.
const logBatch = 500

// ListLogs implements manage.Logs. Ids sort by time, so times are looked for
// through them.
func (s *Store) ListLogs(ctx context.Context, q manage.LogQuery, w manage.Window) (manage.List[tenant.LogEvent], error) {
	g := newGathering[tenant.LogEvent](w)
	if len(q.Texts) > logTexts {
		return g.list, fmt.Errorf("read logs: %d texts at once, at most %d", len(q.Texts), logTexts)
	}
	low, high := strings.Repeat("0", 56), strings.Repeat("9", 57)
	if !q.From.IsZero() {
		low = idOf(q.From.Add(-time.Millisecond), "9")
	}
	if !q.To.IsZero() {
		high = idOf(q.To, "0")
	}
	where, limit, bound := logsWhere, "$10", 0
	args := []any{max(low, q.After), high, q.Type, q.Client, q.Connection, "", "", "", ""}
	for i, t := range q.Texts {
		args[5+i] = like(t)
	}
	if q.User != "" {
		where, limit = where+` AND user_id = $10 AND user_id <> ''`, "$11"
		args = append(args, q.User)
	}
	total := -1
	if w.Count && len(q.Texts) == 0 {
		if err := s.read.row(ctx, `SELECT COUNT(*)`+where, args...).Scan(&total); err != nil {
			return g.list, fmt.Errorf("count logs: %w", err)
		}
		g.w.Count = false
	}
	batch := logBatch
	if len(q.Texts) == 0 {
		batch = min(w.Offset+w.Limit+1, logBatch)
	}
	text := `SELECT ` + logColumns + where + ` ORDER BY id LIMIT ` + limit
	if q.Descending {
		text, bound = `SELECT `+logColumns+where+` ORDER BY id DESC LIMIT `+limit, 1
	}
	for {
		n, full, err := s.gatherLogs(ctx, g, q.Texts, text, append(args, batch))
		if err != nil || full || n < batch {
			g.list.Total = max(g.list.Total, total)
			return g.list, err
		}
		args[bound] = g.seen
	}
}

// gatherLogs reads one batch and returns how many events it had.
func (s *Store) gatherLogs(ctx context.Context, g *gathering[tenant.LogEvent], texts []manage.LogText, text string, args []any) (n int, full bool, err error) {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return 0, false, fmt.Errorf("read logs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		e, err := scanLog(rows)
		if err != nil {
			return n, false, fmt.Errorf("read logs: %w", err)
		}
		n++
		g.seen = e.ID
		if hasAll(&e, texts) && g.add(e, manage.Place{At: e.At, ID: e.ID}) {
			return n, true, nil
		}
	}
	return n, false, rows.Err()
}

func hasAll(e *tenant.LogEvent, texts []manage.LogText) bool {
	for _, t := range texts {
		if textOf(e, t.Field) != t.Value {
			return false
		}
	}
	return true
}

// idOf is the least or the greatest id of a moment, by the digit that fills it.
func idOf(t time.Time, fill string) string {
	t = t.UTC()
	return "900" + t.Format("20060102150405") + fmt.Sprintf("%03d", t.Nanosecond()/1_000_000) + strings.Repeat(fill, 36)
}

// like is the pattern that a document with the text matches.
func like(t manage.LogText) string {
	value, err := json.Marshal(t.Value)
	if err != nil {
		value = []byte(`""`) // texts always marshal
	}
	member := `"` + t.Field + `":` + string(value)
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(member) + "%"
}

// textOf is a field of an event that has no column, by its name in documents.
func textOf(e *tenant.LogEvent, field string) string {
	switch field {
	case "connection":
		return e.Connection
	case "ip":
		return e.IP
	case "client_name":
		return e.ClientName
	case "user_name":
		return e.UserName
	case "strategy":
		return string(e.Strategy)
	case "strategy_type":
		return e.StrategyType
	case "description":
		return e.Description
	case "user_agent":
		return e.UserAgent
	}
	return ""
}
