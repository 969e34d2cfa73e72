package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

const messageColumns = `id, state, channel, recipient, connection_id, client_id, user_id, language, send,
	transaction_id, salt, digits, code_expires_at, request_ip, user_agent, provider, provider_id,
	template_version, encoding, segments, error_code, error_text, attempts, next_at, lease_until, events, created_at, auth_params, traced, exchange`

func insertMessage(ctx context.Context, tx querier, m *tenant.Message) error {
	_, err := tx.exec(ctx, `INSERT INTO messages (`+messageColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, '', '', $16, '', 0, '', '', 0, $17, $18, $19, $20, $21, $22, '')`,
		m.ID, m.State, m.Channel, m.To, m.Connection, m.Client, m.User, m.Language, m.Send,
		m.Code.Transaction, m.Salt, m.Digits, toMillis(m.CodeExpires), m.RequestIP, m.UserAgent,
		m.TemplateVersion, toMillis(m.NextAt), toMillis(m.LeaseUntil), encodeEvents(m.Events), toMillis(m.CreatedAt), m.AuthParams, m.Traced)
	if err != nil {
		return fmt.Errorf("store message: %w", err)
	}
	return nil
}

func scanMessage(row scanner, m *tenant.Message) error {
	var events, exchange string
	if err := row.Scan(&m.ID, &m.State, &m.Channel, &m.To, &m.Connection, &m.Client, &m.User,
		&m.Language, &m.Send, &m.Code.Transaction, &m.Salt, &m.Digits, millis{&m.CodeExpires},
		&m.RequestIP, &m.UserAgent, &m.Provider, &m.ProviderID, &m.TemplateVersion, &m.Encoding, &m.Segments,
		&m.ErrorCode, &m.ErrorText, &m.Attempts, millis{&m.NextAt}, millis{&m.LeaseUntil}, &events, millis{&m.CreatedAt}, &m.AuthParams,
		&m.Traced, &exchange); err != nil {
		return err
	}
	m.Code.Connection, m.Code.Identifier, m.Code.Client = m.Connection, m.To, m.Client
	var err error
	if m.Exchange, err = decodeExchange(exchange); err != nil {
		return err
	}
	m.Events, err = decodeEvents(events)
	return err
}

// eventDoc is a line of a message's timeline as it is stored.
type eventDoc struct {
	At        int64  `json:"at"`
	State     string `json:"state"`
	Detail    string `json:"detail,omitempty"`
	Fix       string `json:"fix,omitempty"`
	Duplicate bool   `json:"duplicate,omitempty"`
}

// encodeEvents writes one JSON object a line, so that a line can be appended
// without reading the others.
func encodeEvents(events []tenant.MessageEvent) string {
	var b strings.Builder
	for _, e := range events {
		line, err := json.Marshal(eventDoc{At: toMillis(e.At), State: string(e.State), Detail: e.Detail, Fix: e.Fix, Duplicate: e.Duplicate})
		if err != nil {
			continue // strings and numbers always marshal
		}
		b.Write(line)
		b.WriteByte('\n')
	}
	return b.String()
}

func decodeEvents(lines string) ([]tenant.MessageEvent, error) {
	var events []tenant.MessageEvent
	for line := range strings.Lines(lines) {
		var d eventDoc
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			return nil, fmt.Errorf("read timeline: %w", err)
		}
		events = append(events, tenant.MessageEvent{
			At: fromMillis(d.At), State: tenant.MessageState(d.State), Detail: d.Detail, Fix: d.Fix, Duplicate: d.Duplicate,
		})
	}
	return events, nil
}

// exchangeDoc is what was said between this server and a provider, as it is
// stored.
type exchangeDoc struct {
	Request string `json:"request"`
	Answer  string `json:"answer"`
}

// encodeExchange writes an exchange, which is nothing if nothing was said.
func encodeExchange(e tenant.Exchange) string {
	if e == (tenant.Exchange{}) {
		return ""
	}
	doc, err := json.Marshal(exchangeDoc(e))
	if err != nil {
		return "" // texts always marshal
	}
	return string(doc)
}

func decodeExchange(doc string) (tenant.Exchange, error) {
	if doc == "" {
		return tenant.Exchange{}, nil
	}
	var d exchangeDoc
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		return tenant.Exchange{}, fmt.Errorf("read exchange: %w", err)
	}
	return tenant.Exchange(d), nil
}

// Message returns a message. The fault is NotFound when there is none.
func (s *Store) Message(ctx context.Context, id string) (tenant.Message, error) {
	var m tenant.Message
	err := scanMessage(s.read.row(ctx, `SELECT `+messageColumns+` FROM messages WHERE id = $1`, id), &m)
	if err != nil {
		return m, fmt.Errorf("read message: %w", absent(err))
	}
	return m, nil
}
