package hosted_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/testkit"
)

// SEC-06: once a user is deleted, no row of the database says which number they
// had or where they were, though that they were deleted is in the log.
func TestSEC06DeletedUserLeavesNothing(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		key := t.TempDir() + "/key"
		w := &world{t: t, Server: testkit.Start(t, func(c *config.Config) { c.Ephemeral, c.Database, c.KeyFile = false, address, key })}
		w.browser = w.newBrowser()
		const number, other = "+447700900351", "+447700900352"
		// Before there is such a user, a wrong code; then sign-ins, a link to an
		// API's log, and somebody who stays.
		w.start(number)
		form := url.Values{
			"grant_type": {"http://auth0.com/oauth/grant-type/passwordless/otp"}, "client_id": {w.Ready.ClientID},
			"client_secret": {w.Ready.ClientSecret}, "realm": {"sms"}, "username": {number}, "otp": {"000000"},
		}
		w.Post(t, "/oauth/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
		user := w.sub(w.signIn(w.browser, w.query(), number))
		w.signIn(w.newBrowser(), w.query(), other)
		w.manage(http.MethodPatch, "/api/v2/users/"+url.PathEscape(user), `{"user_metadata":{"nick":"Zaphod of `+number+`"}}`)
		db := storetest.SQL(t, address)
		if found := rowsWith(t, db, number); len(found) == 0 {
			t.Fatal("the number is nowhere before: this test sees nothing")
		}
		w.manage(http.MethodDelete, "/api/v2/users/"+url.PathEscape(user), "")
		for _, secret := range []string{number, number[1:], "Zaphod"} {
			if found := rowsWith(t, db, secret); len(found) > 0 {
				t.Errorf("%s is still in %v", secret, found)
			}
		}
		if found := rowsWith(t, db, other); len(found) == 0 {
			t.Error("somebody else was deleted too")
		}
		if types, _ := w.events(); !strings.Contains(fmt.Sprint(types), "sdu") {
			t.Errorf("the log does not say that a user was deleted: %v", types)
		}
	})
}

// rowsWith lists the tables that have a text in any of their rows.
func rowsWith(t *testing.T, db *sql.DB, text string) []string {
	t.Helper()
	tables, err := db.QueryContext(t.Context(), `SELECT name FROM sqlite_master WHERE type = 'table'`)
	if err != nil {
		tables, err = db.QueryContext(t.Context(), `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tables.Close() }()
	var found []string
	for tables.Next() {
		var name string
		if err := tables.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if tableHas(t, db, name, text) {
			found = append(found, name)
		}
	}
	if err := tables.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func tableHas(t *testing.T, db *sql.DB, table, text string) bool {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT * FROM `+table)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	has := false
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if b, ok := v.([]byte); ok {
				v = string(b)
			}
			has = has || strings.Contains(fmt.Sprint(v), text)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return has
}
