package store

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/doorcode/doorcode/internal/tenant"
)

// insertLogs stores log events in one statement.
func insertLogs(ctx context.Context, tx querier, events ...tenant.LogEvent) error {
	if len(events) == 0 {
		return nil
	}
	if len(events) > len(insertLogsTexts) {
		return fmt.Errorf("store log: %d events at once, at most %d", len(events), len(insertLogsTexts))
	}
	args := make([]any, 0, 8*len(events))
	for i := range events {
		e := &events[i]
		doc, err := encodeLog(e)
		if err != nil {
			return err
		}
		args = append(args, e.ID, toMillis(e.At), e.Type, e.Client, e.ConnectionID, e.User, doc, stranger(e))
	}
	if _, err := tx.exec(ctx, insertLogsTexts[len(events)-1], args...); err != nil {
		return fmt.Errorf("store log: %w", err)
	}
	return nil
}

// stranger is the number or address of an event that is of no known user, by
// which it is found. Events of users are found by those.
func stranger(e *tenant.LogEvent) string {
	if e.User != "" {
		return ""
	}
	return e.UserName
}

// encodeLog writes the part of an event that has no columns.
func encodeLog(e *tenant.LogEvent) (string, error) {
	doc, err := json.Marshal(logDoc{
		Description: e.Description, Connection: e.Connection, Strategy: string(e.Strategy),
		StrategyType: e.StrategyType, ClientName: e.ClientName, IP: e.IP, UserAgent: e.UserAgent,
		UserName: e.UserName, Audience: e.Audience, Scope: e.Scope, Details: e.Details,
		IsMobile: e.IsMobile, Auth0Client: e.Auth0Client, CorrelationID: e.CorrelationID, Test: e.Test,
	})
	if err != nil {
		return "", fmt.Errorf("store log: %w", err)
	}
	return string(doc), nil
}

// logDoc is a log event as it is stored, without its columns.
type logDoc struct {
	Description   string         `json:"description,omitempty"`
	Connection    string         `json:"connection,omitempty"`
	Strategy      string         `json:"strategy,omitempty"`
	StrategyType  string         `json:"strategy_type,omitempty"`
	ClientName    string         `json:"client_name,omitempty"`
	IP            string         `json:"ip,omitempty"`
	UserAgent     string         `json:"user_agent,omitempty"`
	UserName      string         `json:"user_name,omitempty"`
	Audience      string         `json:"audience,omitempty"`
	Scope         string         `json:"scope,omitempty"`
	Details       map[string]any `json:"details,omitempty"`
	IsMobile      bool           `json:"isMobile,omitempty"`
	Auth0Client   map[string]any `json:"auth0_client,omitempty"`
	CorrelationID string         `json:"correlation_id,omitempty"`
	Test          bool           `json:"test,omitempty"`
}

// event is the log event of a document and its columns.
func (d *logDoc) event(id string, at int64, typ string, client tenant.ClientID, conn tenant.ConnectionID, user tenant.UserID) tenant.LogEvent {
	return tenant.LogEvent{
		ID: id, At: fromMillis(at), Type: typ, Client: client, ConnectionID: conn, User: user,
		Description: d.Description, Connection: d.Connection, Strategy: tenant.Channel(d.Strategy),
		StrategyType: d.StrategyType, ClientName: d.ClientName, IP: d.IP, UserAgent: d.UserAgent,
		UserName: d.UserName, Audience: d.Audience, Scope: d.Scope, Details: d.Details,
		IsMobile: d.IsMobile, Auth0Client: d.Auth0Client, CorrelationID: d.CorrelationID, Test: d.Test,
	}
}

// insertLogsTexts are the statements that insert one to four events. Their
// number is bounded so that each is prepared once.
var insertLogsTexts = [...]string{insertLogsText(1), insertLogsText(2), insertLogsText(3), insertLogsText(4)}

func insertLogsText(rows int) string {
	var b strings.Builder
	b.WriteString(`INSERT INTO logs (id, at, type, client_id, connection_id, user_id, doc, identifier) VALUES `)
	for r := range rows {
		if r > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "($%d, $%d, $%d, $%d, $%d, $%d, $%d, $%d)", 8*r+1, 8*r+2, 8*r+3, 8*r+4, 8*r+5, 8*r+6, 8*r+7, 8*r+8)
	}
	return b.String()
}

// AddLogs stores events that belong to no other write.
func (s *Store) AddLogs(ctx context.Context, events ...tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error { return insertLogs(ctx, tx, events...) })
}
