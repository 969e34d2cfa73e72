package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The ways into the log. Each reads the newest events below an id, as many as are
// looked at; the last two parameters but one are where it begins and ends.
const (
	wayAll        = ` FROM logs WHERE id > $1 AND id < $2 AND $3 = ''`
	wayUser       = ` FROM logs WHERE id > $1 AND id < $2 AND user_id = $3 AND user_id <> ''`
	wayIdentifier = ` FROM logs WHERE id > $1 AND id < $2 AND identifier = $3 AND identifier <> ''`
	wayType       = ` FROM logs WHERE id > $1 AND id < $2 AND type = $3
		AND type NOT IN ('cs', 'cls', 's', 'ss', 'ssa', 'scoa', 'sepft', 'seacft', 'sertft', 'seccft', 'sede')`
	wayEnd = ` ORDER BY id DESC LIMIT $4`
)

// daily are the types that wayType does not find: those of the index's condition.
const daily = " cs cls s ss ssa scoa sepft seacft sertft seccft sede "

// logMatches picks of what was looked at. Texts are looked for in the whole
// document, which finds all that match and perhaps some more.
const logMatches = ` WHERE ($5 = '' OR $5 LIKE '%,' || type || ',%') AND ($6 = '' OR client_id = $6) AND ($7 = '' OR connection_id = $7)
	AND ($8 = '' OR lower(doc) LIKE $8 ESCAPE '\') AND ($9 = '' OR lower(doc) LIKE $9 ESCAPE '\')
	AND ($10 = '' OR lower(doc) LIKE $10 ESCAPE '\') AND ($11 = '' OR lower(doc) LIKE $11 ESCAPE '\')
	ORDER BY id DESC LIMIT $12`

// A way is one into the log: the texts of its statements, and the value that it
// goes by.
type way struct {
	find  string // the events that match
	reach string // the last id that is looked at, if there are more
	value string
}

const (
	findAll        = `SELECT * FROM (SELECT ` + logColumns + wayAll + wayEnd + `) l` + logMatches
	findUser       = `SELECT * FROM (SELECT ` + logColumns + wayUser + wayEnd + `) l` + logMatches
	findIdentifier = `SELECT * FROM (SELECT ` + logColumns + wayIdentifier + wayEnd + `) l` + logMatches
	findType       = `SELECT * FROM (SELECT ` + logColumns + wayType + wayEnd + `) l` + logMatches

	reachEnd        = ` ORDER BY id DESC LIMIT 1 OFFSET $4`
	reachAll        = `SELECT id` + wayAll + reachEnd
	reachUser       = `SELECT id` + wayUser + reachEnd
	reachIdentifier = `SELECT id` + wayIdentifier + reachEnd
	reachType       = `SELECT id` + wayType + reachEnd
)

// ways are those that lead to all that a search is for.
func ways(q manage.LogSearch) []way {
	if len(q.People) > 0 {
		var list []way
		for _, p := range q.People {
			if p.User != "" {
				list = append(list, way{findUser, reachUser, string(p.User)})
			}
			if p.Identifier != "" {
				list = append(list, way{findIdentifier, reachIdentifier, p.Identifier})
			}
		}
		return list
	}
	rare := len(q.Types) > 0 && !slices.ContainsFunc(q.Types, func(t string) bool { return strings.Contains(daily, " "+t+" ") })
	if !rare {
		return []way{{findAll, reachAll, ""}}
	}
	list := make([]way, len(q.Types))
	for i, t := range q.Types {
		list[i] = way{findType, reachType, t}
	}
	return list
}

// SearchLogs implements manage.Logs.
func (s *Store) SearchLogs(ctx context.Context, q manage.LogSearch) (manage.LogFound, error) {
	if len(q.Texts)+len(q.Words) > logTexts {
		return manage.LogFound{}, fmt.Errorf("search logs: %d texts at once, at most %d", len(q.Texts)+len(q.Words), logTexts)
	}
	low, high := strings.Repeat("0", 56), strings.Repeat("9", 57)
	if !q.From.IsZero() {
		low = idOf(q.From.Add(-time.Millisecond), "9")
	}
	if !q.To.IsZero() {
		high = idOf(q.To, "0")
	}
	if q.Before != "" {
		high = min(high, q.Before)
	}
	var all []tenant.LogEvent
	end := "" // what is older was not looked at everywhere
	for _, w := range ways(q) {
		events, reached, err := s.searchWay(ctx, q, w, low, high)
		if err != nil {
			return manage.LogFound{}, fmt.Errorf("search logs: %w", err)
		}
		all, end = append(all, events...), max(end, reached)
	}
	slices.SortFunc(all, func(a, b tenant.LogEvent) int { return cmp.Compare(b.ID, a.ID) })
	all = slices.CompactFunc(all, func(a, b tenant.LogEvent) bool { return a.ID == b.ID })
	if n := slices.IndexFunc(all, func(e tenant.LogEvent) bool { return e.ID < end }); n >= 0 {
		all = all[:n]
	}
	found := manage.LogFound{Items: all, Next: end}
	if len(all) > q.Limit {
		found.Items = all[:q.Limit]
		found.Next, found.Full = found.Items[q.Limit-1].ID, true
	}
	return found, nil
}

// searchWay returns the newest events that match on a way, and the id at which
// it stopped looking; empty at the end of the log.
func (s *Store) searchWay(ctx context.Context, q manage.LogSearch, w way, low, high string) (events []tenant.LogEvent, reached string, err error) {
	types := ""
	if len(q.Types) > 0 {
		types = "," + strings.Join(q.Types, ",") + ","
	}
	args := []any{low, high, w.value, q.Reach, types, q.Client, q.Connection, "", "", "", "", q.Limit + 1}
	for i, t := range q.Texts {
		args[7+i] = strings.ToLower(like(t))
	}
	for i, word := range q.Words {
		args[7+len(q.Texts)+i] = likeWord(word)
	}
	rows, err := s.read.query(ctx, w.find, args...)
	if err != nil {
		return nil, "", err
	}
	defer rows.Close()
	n, last := 0, ""
	for rows.Next() {
		e, err := scanLog(rows)
		if err != nil {
			return nil, "", err
		}
		n, last = n+1, e.ID
		if hasAll(&e, q.Texts) && hasWords(&e, q.Words) {
			events = append(events, e)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, "", err
	}
	if n > q.Limit {
		return events, last, nil
	}
	err = s.read.row(ctx, w.reach, low, high, w.value, q.Reach-1).Scan(&reached)
	if errors.Is(err, sql.ErrNoRows) {
		return events, "", nil // all were looked at
	}
	return events, reached, err
}

// likeWord is the pattern that a document with the word matches.
func likeWord(word string) string {
	value, err := json.Marshal(strings.ToLower(word))
	if err != nil {
		return "%" // texts always marshal
	}
	return "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(string(value[1:len(value)-1])) + "%"
}

// hasWords reports whether each word is in something that an event says.
func hasWords(e *tenant.LogEvent, words []string) bool {
	if len(words) == 0 {
		return true
	}
	details, err := json.Marshal(e.Details)
	if err != nil {
		details = nil // it came from JSON
	}
	said := strings.ToLower(strings.Join([]string{
		e.Description, e.ClientName, e.Connection, e.UserName, e.IP, e.UserAgent, e.Scope, e.Audience, e.CorrelationID, string(details),
	}, "\n"))
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(said, strings.ToLower(w)) })
}
