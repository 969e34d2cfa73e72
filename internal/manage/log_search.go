package manage

import (
	"context"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// A LogFind is what somebody asks of the log in the Dashboard: words or
// conditions, and conditions that were picked.
type LogFind struct {
	Text       string
	Type       string
	Client     string
	Connection string // id
	IP         string
	User       tenant.UserID
	From, To   time.Time // From is included, To is not
	Regions    []string  // of numbers without a country code
	Before     string    // id; goes on with what is older
	Deep       bool      // looks further back at once
	Limit      int
}

// A LogSearch is a LogFind as the database is asked it. Empty fields pick all.
type LogSearch struct {
	Types      []string // any of them
	People     []LogPerson
	Client     string
	Connection string
	From, To   time.Time
	Before     string
	Texts      []LogText
	Words      []string // each is somewhere in the event
	Limit      int
	// Reach is how many events are looked at on each way into the log.
	Reach int
}

// A LogPerson is somebody whose events are looked for: by their id, and by a
// number or an address where the event is of no user.
type LogPerson struct {
	User       tenant.UserID
	Identifier string
}

// LogFound is a part of the log, newest first. Next is the id that the search
// goes on before, or empty at the end of the log; Full says that there are as many
// as were asked for, and not that the search has looked at enough.
type LogFound struct {
	Items []tenant.LogEvent
	Next  string
	Full  bool
}

// How many events a search without an index looks at: at once, and when somebody
// asks for more. The first keeps a page fast, whatever is looked for.
const (
	nearReach = 4_000
	deepReach = 200_000
)

// FindLogs returns events by words or conditions, newest first. How the words are
// understood is told by LogWords.
func (s *Service) FindLogs(ctx context.Context, f LogFind) (LogFound, error) {
	q := LogSearch{
		Client: f.Client, Connection: f.Connection, From: f.From, To: f.To, Before: f.Before, Limit: f.Limit, Reach: nearReach,
	}
	if f.Deep {
		q.Reach = deepReach
	}
	if f.Before != "" && !isLogID(f.Before) {
		return LogFound{}, ErrLog
	}
	possible, err := s.logText(ctx, f, &q)
	if err != nil || !possible {
		return LogFound{}, err
	}
	if f.Type != "" && !q.narrow([]string{f.Type}) {
		return LogFound{}, nil
	}
	if f.IP != "" {
		q.Texts = append(q.Texts, LogText{"ip", f.IP})
	}
	if f.User != "" {
		for _, p := range q.People {
			if p.User != f.User {
				return LogFound{}, nil
			}
		}
		q.People = []LogPerson{{User: f.User}}
	}
	if len(q.Texts)+len(q.Words) > maxLogTexts {
		return LogFound{}, fault.New(fault.Invalid, "invalid_query_string", "These are too many words. Take a few away, or pick an application, a connection or a date instead.")
	}
	return s.Logs.SearchLogs(ctx, q)
}

// logText adds what is in the box of a search: conditions if it begins with one,
// else words.
func (s *Service) logText(ctx context.Context, f LogFind, q *LogSearch) (possible bool, err error) {
	text := strings.TrimSpace(f.Text)
	if text == "" {
		return true, nil
	}
	if !IsLogQuery(text) {
		return s.logWords(ctx, text, f.Regions, q)
	}
	terms, err := parseQuery(text)
	if err != nil {
		return false, err
	}
	var plain LogQuery
	for _, t := range terms {
		if err := t.inLogs(&plain); err != nil {
			return false, err
		}
	}
	if plain.Client != "" && q.Client != "" && plain.Client != q.Client || plain.Connection != "" && q.Connection != "" && plain.Connection != q.Connection {
		return false, nil
	}
	q.Client, q.Connection = either(plain.Client, q.Client), either(plain.Connection, q.Connection)
	q.between(plain.From, plain.To)
	q.Texts = append(q.Texts, plain.Texts...)
	if plain.User != "" {
		q.People = []LogPerson{{User: tenant.UserID(plain.User)}}
	}
	return plain.Type == "" || q.narrow([]string{plain.Type}), nil
}

// IsLogQuery reports whether a text is meant as conditions: it begins with a field
// and a colon.
func IsLogQuery(text string) bool {
	field, _, ok := strings.Cut(strings.TrimSpace(text), ":")
	if !ok {
		return false
	}
	switch field {
	case "date", "type", "client_id", "connection_id", "user_id", "connection", "ip", "client_name", "user_name",
		"strategy", "strategy_type", "description", "user_agent":
		return true
	}
	return false
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// between narrows the time of a search.
func (q *LogSearch) between(from, to time.Time) {
	if from.After(q.From) {
		q.From = from
	}
	if !to.IsZero() && (q.To.IsZero() || to.Before(q.To)) {
		q.To = to
	}
}

// narrow keeps the types that are in the list, and reports whether any is left.
func (q *LogSearch) narrow(types []string) bool {
	if q.Types == nil {
		q.Types = types
		return len(types) > 0
	}
	var both []string
	for _, t := range q.Types {
		for _, o := range types {
			if t == o {
				both = append(both, t)
			}
		}
	}
	q.Types = both
	return len(both) > 0
}
