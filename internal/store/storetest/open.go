// Package storetest holds both databases to what package store promises. Its
// openers serve the tests of other packages as well.
package storetest

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/store"
)

// PostgresVar names the environment variable with the address of a PostgreSQL
// server whose user may make databases.
const PostgresVar = "DOORCODE_TEST_POSTGRES"

// Keys returns a ring with a fixed root key.
func Keys(t testing.TB) *secret.Ring {
	t.Helper()
	r, err := secret.NewRing(bytes.Repeat([]byte{7}, secret.RootSize))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Each runs fn once for each database, with an empty one.
func Each(t *testing.T, fn func(t *testing.T, s *store.Store)) {
	t.Helper()
	t.Run("SQLite", func(t *testing.T) { fn(t, Open(t, SQLite(t))) })
	t.Run("PostgreSQL", func(t *testing.T) { fn(t, Open(t, Postgres(t))) })
}

// Open opens and migrates a database and closes it at the end of the test.
func Open(t testing.TB, address string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// SQLite returns the address of a database in a temporary directory.
func SQLite(t testing.TB) string {
	t.Helper()
	return "sqlite:" + filepath.Join(t.TempDir(), "test.db")
}

// Postgres makes a database that is removed at the end of the test, and
// returns its address. The options end the statement that makes it. Without a
// server the test is skipped, or fails when DOORCODE_TEST_REQUIRE is "all".
func Postgres(t testing.TB, options ...string) string {
	t.Helper()
	server := os.Getenv(PostgresVar)
	if server == "" {
		if os.Getenv("DOORCODE_TEST_REQUIRE") == "all" {
			t.Fatalf("%s is not set", PostgresVar)
		}
		t.Skipf("SKIPPED, not tested on PostgreSQL: set %s to the address of a server", PostgresVar)
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	name := fmt.Sprintf("doorcode_test_%s", secret.Hex(8))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if _, err := db.ExecContext(ctx, "CREATE DATABASE "+name+" "+strings.Join(options, " ")); err != nil {
		t.Fatalf("make test database: %v", err)
	}
	t.Cleanup(func() { drop(t, server, name) })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatalf("%s is not an address", PostgresVar)
	}
	u.Path = "/" + name
	return u.String()
}

func drop(t testing.TB, server, name string) {
	db, err := sql.Open("pgx", server)
	if err != nil {
		t.Error(err)
		return
	}
	defer db.Close()
	if _, err := db.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
		t.Errorf("drop test database: %v", err)
	}
}
