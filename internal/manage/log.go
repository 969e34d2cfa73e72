package manage

import (
	"context"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// maxReach is how far pages reach into users and the log (Auth0: the first
// 1,000 results).
const maxReach = 1000

func checkReach(w Window) error {
	if w.After == nil && w.Offset+w.Limit > maxReach {
		return fault.New(fault.Invalid, "invalid_paging",
			"Pages reach no further than the first 1000 records. Narrow the search, or read on with from and take.")
	}
	return nil
}

// maxLogTexts is how many fields that are not indexed one search may name.
const maxLogTexts = 4

// A LogRequest asks for log events by a search.
type LogRequest struct {
	Query string
	Sort  string // "date:1" or "date:-1"; newest first if empty
	User  tenant.UserID
}

// ListLogs returns events that match a search.
func (s *Service) ListLogs(ctx context.Context, r LogRequest, w Window) (List[tenant.LogEvent], error) {
	none := List[tenant.LogEvent]{}
	if err := checkReach(w); err != nil {
		return none, err
	}
	q := LogQuery{Descending: true}
	switch r.Sort {
	case "", "date:-1":
	case "date:1":
		q.Descending = false
	default:
		return none, fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'Logs are sorted by date:1 or date:-1' on property sort.")
	}
	terms, err := parseQuery(r.Query)
	if err != nil {
		return none, err
	}
	for _, t := range terms {
		if err := t.inLogs(&q); err != nil {
			return none, err
		}
	}
	if len(q.Texts) > maxLogTexts {
		return none, badQuery("Too many conditions")
	}
	if r.User != "" {
		if q.User != "" && q.User != string(r.User) {
			return List[tenant.LogEvent]{Items: []tenant.LogEvent{}}, nil
		}
		q.User = string(r.User)
	}
	return s.Logs.ListLogs(ctx, q, w)
}

// inLogs adds the term to a search of the log.
func (t term) inLogs(q *LogQuery) error {
	if t.ranged != (t.field == "date") {
		return badQuery("Ranges are for date, and date is a range")
	}
	if !t.ranged && t.value == "" {
		return badQuery("A value is missing")
	}
	switch t.field {
	case "date":
		q.From, q.To = t.from, t.to
	case "type":
		q.Type = t.value
	case "client_id":
		q.Client = t.value
	case "connection_id":
		q.Connection = t.value
	case "user_id":
		q.User = t.value
	case "connection", "ip", "client_name", "user_name", "strategy", "strategy_type", "description", "user_agent":
		q.Texts = append(q.Texts, LogText{t.field, t.value})
	default:
		return badQuery("The field cannot be searched")
	}
	return nil
}

// LogsFrom returns up to take events that came after the one with the id from,
// oldest first.
func (s *Service) LogsFrom(ctx context.Context, from string, take int) ([]tenant.LogEvent, error) {
	if from != "" && !isLogID(from) {
		return nil, fault.New(fault.Invalid, "invalid_query_string", "Query validation error: 'Object didn't pass validation for format log-id' on property from.")
	}
	list, err := s.Logs.ListLogs(ctx, LogQuery{After: from}, Window{Limit: take})
	return list.Items, err
}

// Log returns an event. The fault is ErrLog if there is none.
func (s *Service) Log(ctx context.Context, id string) (tenant.LogEvent, error) {
	if !isLogID(id) {
		return tenant.LogEvent{}, ErrLog
	}
	e, err := s.Logs.Log(ctx, id)
	return e, as(err, ErrLog)
}

func isLogID(id string) bool {
	return id != "" && len(id) <= 64 && strings.Trim(id, "0123456789") == ""
}
