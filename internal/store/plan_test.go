package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// plan is how a database means to run a statement.
func plan(t *testing.T, db *sql.DB, address, text string) string {
	t.Helper()
	args := planArgs(text)
	explain := "EXPLAIN QUERY PLAN "
	if strings.HasPrefix(address, "postgres") {
		explain = "EXPLAIN "
	}
	rows, err := db.QueryContext(t.Context(), explain+text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(sql.NullString)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		lines = append(lines, values[len(values)-1].(*sql.NullString).String)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// planArgs are values for a statement: numbers behind LIMIT, OFFSET and
// created_at, else text.
func planArgs(text string) []any {
	most := 0
	for _, m := range regexp.MustCompile(`\$(\d+)`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			most = max(most, n)
		}
	}
	args := make([]any, most)
	for i := range args {
		args[i] = ""
	}
	for _, m := range regexp.MustCompile(`(?:LIMIT|OFFSET|created_at <=|created_at <) \$(\d+)`).FindAllStringSubmatch(text, -1) {
		n, err := strconv.Atoi(m[1])
		if err == nil {
			args[n-1] = 10
		}
	}
	return args
}

// whole matches a step that reads a table from end to end.
var whole = regexp.MustCompile(`(?m)\bSeq Scan on (users|identities|logs)\b|SCAN (users|identities|logs|i)\b(?:$| *$)|USE TEMP B-TREE FOR ORDER BY|Sort Key`)

// D13, D26: with 100,000 users every search is by an index, in 100 ms or less, on
// both databases.
func TestD13SearchOfManyUsers(t *testing.T) {
	// Under the race detector SQLite itself is many times slower, and a plan is the
	// same.
	if testing.Short() || binary.Race() {
		t.Skip("makes 100,000 users")
	}
	storetest.EachAt(t, func(t *testing.T, address string) {
		s := storetest.Open(t, address)
		db := storetest.SQL(t, address)
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		storetest.Fill(t, db, storetest.Volume{SMS: "con_sms", Email: "con_email", Client: "app", Users: 100_000, Logs: 20_000, Now: now})
		for what, text := range s.SearchTexts() {
			if p := plan(t, db, address, text); whole.MatchString(p) {
				t.Errorf("%s is not by an index alone:\n%s", what, p)
			}
		}
		both := []tenant.ConnectionID{"con_sms", "con_email"}
		var exact []string
		for i := range 60 {
			exact = append(exact, fmt.Sprintf("+4477%08d", i*7))
		}
		for what, q := range map[string]manage.UserSearch{
			"one number": {Connections: both, Identifiers: []string{"+447700000123"}}, "all numbers": {Connections: both, Identifiers: []string{"+44"}},
			"an address": {Connections: both, Identifiers: []string{"person0"}}, "a name": {Connections: both, Names: []string{"person n"}},
			"far into a list": {Connections: both, Identifiers: []string{"+44"}, Offset: 900},
			"many numbers":    {Connections: both, Exact: exact}, "everybody": {All: true}, "the blocked": {All: true, Blocked: true},
			"everybody, from the middle": {All: true, Before: &manage.Place{At: now.Add(-50_000 * time.Minute), ID: "sms|"}},
			"nobody":                     {Connections: both, Identifiers: []string{"zz"}, Names: []string{"zz"}},
		} {
			q.Limit = 50
			best := time.Hour // of a few: other tests run beside this one
			for range 5 {
				began := time.Now()
				found, err := s.SearchUsers(t.Context(), q)
				if err != nil {
					t.Fatal(err)
				}
				if (len(found.Items) == 0) != (what == "nobody") {
					t.Errorf("%s: %d found", what, len(found.Items))
				}
				best = min(best, time.Since(began))
			}
			if best > 100*time.Millisecond {
				t.Errorf("%s took %v", what, best)
			}
			t.Logf("%s: %v", what, best)
		}
	})
}
