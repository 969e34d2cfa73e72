package storetest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

func TestCondition(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, err := store.Open(t.Context(), address, storetest.Keys(t))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		empty, err := s.Condition(t.Context())
		if err != nil || empty.Pending < 5 || empty.Unknown != 0 {
			t.Fatalf("an empty database: %+v, %v", empty, err)
		}
		db := storetest.SQL(t, address)
		if _, err := db.ExecContext(t.Context(), `SELECT 1 FROM goose_db_version`); err == nil {
			t.Error("looking has made a table")
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		at := time.Now().Truncate(time.Millisecond)
		if err := s.AddLogs(t.Context(), event.New(event.ManagementWrite, at.Add(-time.Hour)), event.New(event.ManagementWrite, at)); err != nil {
			t.Fatal(err)
		}
		c, err := s.Condition(t.Context())
		if err != nil || c.Pending != 0 || c.Unknown != 0 || c.WriteError != nil || !c.LastEvent.Equal(at) || c.Version == "" {
			t.Errorf("a good database: %+v, %v", c, err)
		}
		if strings.HasPrefix(address, "sqlite:") {
			if c.Kind != "SQLite" || c.Free <= 0 || !c.Clock.IsZero() || c.Unsafe != nil {
				t.Errorf("SQLite: %+v", c)
			}
		} else if c.Kind != "PostgreSQL" || time.Since(c.Clock).Abs() > time.Minute {
			t.Errorf("PostgreSQL: %+v", c)
		}
		storetest.Exec(t, db, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, TRUE)`)
		if c, err = s.Condition(t.Context()); err != nil || c.Unknown != 1 || c.Pending != 0 {
			t.Errorf("a newer database: %+v, %v", c, err)
		}
	})
}

// Settings of PostgreSQL with which acknowledged writes are lost are named, and
// a database that takes no writes is.
func TestConditionOfUnsafePostgreSQL(t *testing.T) {
	address := storetest.Postgres(t)
	storetest.Open(t, address)
	s, err := store.Open(t.Context(), address+"&synchronous_commit=off", storetest.Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	c, err := s.Condition(t.Context())
	if err != nil || !strings.Contains(strings.Join(c.Unsafe, ","), "synchronous_commit = off") {
		t.Errorf("%+v, %v", c, err)
	}
	r, err := store.Open(t.Context(), address+"&default_transaction_read_only=on", storetest.Keys(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if c, err = r.Condition(t.Context()); err != nil || c.WriteError == nil {
		t.Errorf("read-only: %+v, %v", c, err)
	}
}
