// Package database gives the suites that run the whole program the databases
// to run it on: a file of SQLite, and a new database of a PostgreSQL server
// where there is one.
package database

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/doorcode/doorcode/internal/testkit/binary"
)

// Variable names the PostgreSQL server: the address of a superuser.
const Variable = "DOORCODE_TEST_POSTGRES"

// A Database is an empty database that servers of a test share.
type Database struct {
	// Name is "SQLite" or "PostgreSQL".
	Name string
	// Flags tell a server to use it. They also name the key file, without
	// which no second process can open it.
	Flags []string

	dir  string
	name string // of a PostgreSQL database
	url  string // of the same
}

// Each runs a test once for each database.
func Each(t *testing.T, fn func(t *testing.T, db *Database)) {
	t.Run("SQLite", func(t *testing.T) { fn(t, SQLite(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { fn(t, Postgres(t)) })
}

// SQLite returns a database in a directory of the test.
func SQLite(t testing.TB) *Database {
	dir := t.TempDir()
	return &Database{
		Name: "SQLite", dir: dir,
		Flags: []string{"--database", "sqlite:" + filepath.Join(dir, "doorcode.db"), "--key-file", filepath.Join(dir, "doorcode.key")},
	}
}

// Postgres makes a database and drops it when the test ends. The test is
// skipped where there is no server.
func Postgres(t testing.TB) *Database {
	t.Helper()
	server := os.Getenv(Variable)
	if server == "" {
		binary.Missing(t, Variable+` is not set (eval "$(test/postgres start)" sets it)`)
	}
	name := fmt.Sprintf("doorcode_test_%d_%08x", os.Getpid(), rand.Uint32())
	admin := open(t, server)
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if _, err := admin.ExecContext(ctx, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Error(err)
		}
		_ = admin.Close()
	})
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is no address of a PostgreSQL server", Variable)
	}
	u.Path = "/" + name
	dir := t.TempDir()
	return &Database{
		Name: "PostgreSQL", dir: dir, name: name, url: u.String(),
		Flags: []string{"--database", u.String(), "--key-file", filepath.Join(dir, "doorcode.key")},
	}
}

func open(t testing.TB, address string) *sql.DB {
	t.Helper()
	cfg, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatalf("%s is no address of a PostgreSQL server", Variable)
	}
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(2)
	return db
}

// Check reports what a killed process has left behind that it should not. No
// process may use the database meanwhile.
func (db *Database) Check(t testing.TB) {
	t.Helper()
	if db.url != "" {
		db.checkPostgres(t)
		return
	}
	db.checkSQLite(t)
}

// checkSQLite opens a copy, so that the next server still has the recovery of
// the database to do, and has SQLite look at all of it.
func (db *Database) checkSQLite(t testing.TB) {
	t.Helper()
	dir, err := os.MkdirTemp(db.dir, "copy-")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	for _, suffix := range []string{"", "-wal"} { // -shm is an index of -wal
		if err := copyFile(filepath.Join(dir, "doorcode.db"+suffix), filepath.Join(db.dir, "doorcode.db"+suffix)); err != nil {
			t.Fatal(err)
		}
	}
	handle, err := sql.Open("sqlite", filepath.Join(dir, "doorcode.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = handle.Close() }()
	for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
		if found := texts(t, handle, "PRAGMA "+pragma); found != "ok" && found != "" {
			t.Errorf("PRAGMA %s found:\n%s", pragma, found)
		}
	}
}

func copyFile(to, from string) error {
	in, err := os.Open(from)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		_ = out.Close()
		return err
	}
	return out.Close()
}

// texts returns the rows of a query as lines.
func texts(t testing.TB, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		line := ""
		for _, v := range values {
			line += fmt.Sprint(" ", *v.(*any))
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}

// checkPostgres waits until the server has let go of what the process held.
func (db *Database) checkPostgres(t testing.TB) {
	t.Helper()
	handle := open(t, db.url)
	defer func() { _ = handle.Close() }()
	const query = `SELECT state, query FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND state <> 'idle'`
	left := ""
	for range 50 {
		if left = texts(t, handle, query); left == "" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("a second after the process was killed, PostgreSQL still has:\n%s", left)
}

// ServerName is the name of the database at the PostgreSQL server.
func (db *Database) ServerName() string { return db.name }

// Postmaster returns the process id of the PostgreSQL server, or 0 when it does
// not run on this machine.
func (db *Database) Postmaster(t testing.TB) int {
	t.Helper()
	if db.url == "" {
		return 0
	}
	handle := open(t, db.url)
	defer func() { _ = handle.Close() }()
	var backend int
	if err := handle.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&backend); err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", backend))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	var state string
	var parent int
	if _, err := fmt.Sscan(rest, &state, &parent); err != nil || !strings.Contains(string(stat), "(postgres)") {
		return 0
	}
	return parent
}
