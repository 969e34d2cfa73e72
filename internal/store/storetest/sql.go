package storetest

import (
	"database/sql"
	"net/url"
	"strings"
	"testing"

	"github.com/doorcode/doorcode/internal/store"
)

// EachAt runs fn once for each database, with the address of an empty one, for
// tests that open it more than once.
func EachAt(t *testing.T, fn func(t *testing.T, address string)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { fn(t, Postgres(t)) })
}

// EachSQL is Each for tests that look at the tables, or make rows that no
// method of the store would.
func EachSQL(t *testing.T, fn func(t *testing.T, s *store.Store, db *sql.DB)) {
	t.Helper()
	EachAt(t, func(t *testing.T, address string) {
		s := Open(t, address)
		fn(t, s, SQL(t, address))
	})
}

// SQL opens a database beside the store. $1 and so on are the placeholders of
// both.
func SQL(t testing.TB, address string) *sql.DB {
	t.Helper()
	driver, source := "pgx", address
	if path, ok := strings.CutPrefix(address, "sqlite:"); ok {
		u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: "_pragma=busy_timeout(10000)"}
		driver, source = "sqlite", u.String()
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close database: %v", err)
		}
	})
	return db
}

// Exec runs a statement and returns how many rows it changed.
func Exec(t testing.TB, db *sql.DB, text string, args ...any) int64 {
	t.Helper()
	res, err := db.ExecContext(t.Context(), text, args...)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Value returns the one value that a query finds, as text.
func Value(t testing.TB, db *sql.DB, text string, args ...any) string {
	t.Helper()
	var v sql.NullString
	if err := db.QueryRowContext(t.Context(), text, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v.String
}
