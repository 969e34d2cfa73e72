package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Messages = (*Store)(nil)

// Ids of messages sort by time: "msg_", the moment in base 36, and letters. The
// bounds are before and after all of them, in whatever order PostgreSQL sorts.
const (
	firstMessage = "msg_0"
	lastMessage  = "msg_zz"
)

// messageIDAt is the least id that a message of the moment can have.
func messageIDAt(t time.Time) string {
	return fmt.Sprintf("msg_%09s", strconv.FormatInt(t.UnixMilli(), 36))
}

// failedStates and arrivedStates are written as in the partial indexes, which
// are not found otherwise.
const (
	failedStates  = `state IN ('failed', 'undelivered', 'expired')`
	arrivedStates = `state IN ('delivered', 'used')`
)

// maxRecipients bounds the numbers and addresses that one search is for.
const maxRecipients = 300

// A messageSearch is the text of a query, as it grows.
type messageSearch struct {
	where []string
	args  []any
	exact bool // an index leads to what is asked for: no need to stop
}

func (m *messageSearch) arg(v any) string {
	m.args = append(m.args, v)
	return "$" + strconv.Itoa(len(m.args))
}

func (m *messageSearch) equal(column, value string) {
	if value != "" {
		m.where = append(m.where, column+" = "+m.arg(value))
	}
}

// indexed adds what an index leads to.
func (m *messageSearch) indexed(q manage.MessageQuery) {
	if q.ID != "" {
		m.equal("id", q.ID)
		m.exact = true
	}
	if q.ProviderID != "" {
		m.where = append(m.where, "provider_id <> ''")
		m.equal("provider_id", q.ProviderID)
		m.exact = true
	}
	if n := len(q.Recipients); n > 0 {
		// Two texts, so that each is prepared once.
		size := 1
		if n > 1 {
			size = maxRecipients
		}
		list := make([]string, size)
		for i := range list {
			list[i] = m.arg(q.Recipients[min(i, n-1)])
		}
		m.where, m.exact = append(m.where, "recipient IN ("+strings.Join(list, ", ")+")"), true
	}
	switch {
	case q.Failed || q.State.Failed():
		m.where, m.exact = append(m.where, failedStates), true
	case q.State.Arrived():
		m.where, m.exact = append(m.where, arrivedStates), true
	}
}

// Messages implements manage.Messages. What no index leads to is looked for in
// the newest messages up to a number, and then in those before them.
func (s *Store) Messages(ctx context.Context, q manage.MessageQuery) (manage.MessagesFound, error) {
	low, high := firstMessage, lastMessage
	if !q.From.IsZero() {
		low = messageIDAt(q.From)
	}
	if !q.To.IsZero() {
		high = messageIDAt(q.To)
	}
	if q.Before != "" {
		high = min(high, q.Before)
	}
	if len(q.Recipients) > maxRecipients {
		q.Recipients = q.Recipients[:maxRecipients]
	}
	m := &messageSearch{}
	span := "id >= " + m.arg(low) + " AND id < " + m.arg(high)
	m.indexed(q)
	for _, c := range [][2]string{
		{"state", string(q.State)}, {"channel", string(q.Channel)}, {"connection_id", string(q.Connection)}, {"client_id", string(q.Client)},
	} {
		m.equal(c[0], c[1])
	}
	from := "messages"
	bounded := !m.exact && len(m.where) > 0 && q.Look > 0
	if bounded {
		from = "(SELECT * FROM messages WHERE " + span + " ORDER BY id DESC LIMIT " + m.arg(q.Look) + ") AS newest"
	} else {
		m.where = append(m.where, span)
	}
	text := `SELECT ` + messageColumns + ` FROM ` + from
	if len(m.where) > 0 {
		text += ` WHERE ` + strings.Join(m.where, " AND ")
	}
	text += ` ORDER BY id DESC LIMIT ` + m.arg(q.Limit+1)
	list, err := s.messages(ctx, text, m.args...)
	found := manage.MessagesFound{Items: list}
	switch {
	case err != nil:
		return found, err
	case len(list) > q.Limit:
		found.Items = list[:q.Limit]
		found.Next = list[q.Limit-1].ID
	case bounded:
		return found, s.lookedBack(ctx, low, high, q.Look, &found)
	}
	return found, nil
}

func (s *Store) messages(ctx context.Context, text string, args ...any) ([]tenant.Message, error) {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read messages: %w", err)
	}
	defer rows.Close()
	var list []tenant.Message
	for rows.Next() {
		var m tenant.Message
		if err := scanMessage(rows, &m); err != nil {
			return nil, fmt.Errorf("read messages: %w", err)
		}
		list = append(list, m)
	}
	return list, rows.Err()
}

// lookedBack says where a search stopped that did not come to the end.
func (s *Store) lookedBack(ctx context.Context, low, high string, look int, found *manage.MessagesFound) error {
	var n int
	var oldest string
	var at int64
	err := s.read.row(ctx, `SELECT COUNT(*), COALESCE(MIN(id), ''), COALESCE(MIN(created_at), 0)
		FROM (SELECT id, created_at FROM messages WHERE id >= $1 AND id < $2 ORDER BY id DESC LIMIT $3) AS newest`, low, high, look).
		Scan(&n, &oldest, &at)
	if err != nil {
		return fmt.Errorf("read messages: %w", err)
	}
	if n == look {
		found.Next, found.Until = oldest, fromMillis(at)
	}
	return nil
}

// Funnel implements manage.Messages: each figure is a range of an index.
func (s *Store) Funnel(ctx context.Context, from time.Time, hours int) ([]manage.FunnelHour, error) {
	var values []string
	var args []any
	list := make([]manage.FunnelHour, hours)
	for i := range list {
		at := from.Add(time.Duration(i) * time.Hour)
		list[i].At = at
		end := at.Add(time.Hour)
		n := len(args)
		values = append(values, fmt.Sprintf("(CAST($%d AS BIGINT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS TEXT), CAST($%d AS TEXT))",
			n+1, n+2, n+3, n+4, n+5))
		args = append(args, i, messageIDAt(at), messageIDAt(end), idOf(at, "0"), idOf(end, "0"))
	}
	events := func(typ string) string {
		return `(SELECT COUNT(*) FROM logs WHERE type = '` + typ + `' AND type IN ('cs', 'cls', 's') AND id >= log_low AND id < log_high)`
	}
	messages := func(states string) string {
		return `(SELECT COUNT(*) FROM messages WHERE ` + states + ` AND id >= low AND id < high)`
	}
	text := `WITH hours (n, low, high, log_low, log_high) AS (VALUES ` + strings.Join(values, ", ") + `)
		SELECT n, ` + events("cs") + ` + ` + events("cls") + `, ` + messages(arrivedStates) + `, ` + messages(failedStates) + `, ` + events("s") + ` FROM hours`
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("count messages: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n int
		var h manage.FunnelHour
		if err := rows.Scan(&n, &h.Asked, &h.Arrived, &h.Failed, &h.SignedIn); err != nil {
			return nil, fmt.Errorf("count messages: %w", err)
		}
		h.At = list[n].At
		list[n] = h
	}
	return list, rows.Err()
}
