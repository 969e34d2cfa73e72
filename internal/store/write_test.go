package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
)

// mark is a transaction that leaves a row with the name.
func mark(ctx context.Context, name string) func(tx store.Querier) error {
	return func(tx store.Querier) error {
		return store.Exec(ctx, tx, `INSERT INTO meta (name, value) VALUES ($1, '')`, name)
	}
}

// marks returns the names of the rows that mark has left.
func marks(t *testing.T, db *sql.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT name FROM meta ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

var errRefused = errors.New("refused")

// Writes that wait for each other share a commit on SQLite. Those among them
// that fail or panic leave nothing behind, and the others everything.
func TestWritesDoNotShareFailures(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		ctx := t.Context()
		const n = 100 // more than one group
		hold, held := make(chan struct{}), make(chan struct{})
		var wg sync.WaitGroup
		wg.Go(func() {
			err := s.Write(ctx, func(tx store.Querier) error {
				close(held)
				<-hold
				return mark(ctx, "first")(tx)
			})
			if err != nil {
				t.Errorf("the first write: %v", err)
			}
		})
		<-held
		want := []string{"first"}
		for i := range n {
			name := fmt.Sprintf("write %03d", i)
			switch i % 4 {
			case 0, 1:
				want = append(want, name)
				wg.Go(func() {
					if err := s.Write(ctx, mark(ctx, name)); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			case 2:
				wg.Go(func() {
					err := s.Write(ctx, func(tx store.Querier) error {
						return errors.Join(mark(ctx, name)(tx), errRefused)
					})
					if !errors.Is(err, errRefused) {
						t.Errorf("%s: %v, want its own error", name, err)
					}
				})
			case 3:
				// A statement that fails, not only a function.
				wg.Go(func() {
					err := s.Write(ctx, func(tx store.Querier) error {
						return errors.Join(mark(ctx, name)(tx), mark(ctx, name)(tx))
					})
					if err == nil {
						t.Errorf("%s has stored one key twice", name)
					}
				})
			}
		}
		time.Sleep(50 * time.Millisecond) // until most of them wait
		close(hold)
		wg.Wait()
		if got := marks(t, db); !slices.Equal(got, want) {
			t.Errorf("%d writes are kept, want %d:\n%q", len(got), len(want), got)
		}
	})
}

// A panic in one transaction is nobody else's trouble: nothing of it is kept,
// and the next writes find the database free.
func TestWriteThatPanics(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		ctx := context.Background() // one that never ends
		for i := range 30 {         // more than there are connections
			err := func() (err error) {
				defer func() {
					if p := recover(); p != nil {
						err = fmt.Errorf("panic: %v", p)
					}
				}()
				return s.Write(ctx, func(tx store.Querier) error {
					if err := mark(ctx, fmt.Sprintf("lost %d", i))(tx); err != nil {
						return err
					}
					panic("a defect")
				})
			}()
			if err == nil || !strings.Contains(err.Error(), "panic") {
				t.Fatalf("a write that panics gave %v", err)
			}
		}
		ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		defer cancel()
		if err := s.Write(ctx, mark(ctx, "kept")); err != nil {
			t.Fatalf("a write after panics: %v", err)
		}
		if got := marks(t, db); !slices.Equal(got, []string{"kept"}) {
			t.Errorf("%q are kept, want only the last write", got)
		}
	})
}

// A caller who has left before its write began gets nothing written.
func TestWriteForSomebodyWhoLeft(t *testing.T) {
	storetest.EachSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		gone, leave := context.WithCancel(t.Context())
		leave()
		for i := range 20 {
			err := s.Write(gone, func(store.Querier) error { t.Error("the function was called"); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("write %d gave %v, want context.Canceled", i, err)
			}
		}
	})
	t.Run("while it waited for another", func(t *testing.T) {
		s := storetest.Open(t, storetest.SQLite(t))
		hold, held := make(chan struct{}), make(chan struct{})
		gone, leave := context.WithCancel(t.Context())
		var called atomic.Bool
		var wg sync.WaitGroup
		wg.Go(func() {
			_ = s.Write(t.Context(), func(store.Querier) error { close(held); <-hold; return nil })
		})
		<-held
		wg.Go(func() {
			err := s.Write(gone, func(store.Querier) error { called.Store(true); return nil })
			if !errors.Is(err, context.Canceled) {
				t.Errorf("gave %v, want context.Canceled", err)
			}
		})
		time.Sleep(20 * time.Millisecond)
		leave()
		close(hold)
		wg.Wait()
		if called.Load() {
			t.Error("the function was called")
		}
	})
}

// Once a write has begun, its caller learns how it ended even if it has left:
// otherwise a code could be used without anybody knowing.
func TestWriteThatHasBegunIsKept(t *testing.T) {
	address := storetest.SQLite(t)
	s := storetest.Open(t, address)
	ctx, leave := context.WithCancel(t.Context())
	err := s.Write(ctx, func(tx store.Querier) error {
		leave()
		return mark(t.Context(), "kept")(tx)
	})
	if got := marks(t, storetest.SQL(t, address)); err != nil || !slices.Equal(got, []string{"kept"}) {
		t.Errorf("Write = %v, kept %q, want it kept", err, got)
	}
}

// What comes after Close is an error, never a panic and never a wait without
// end.
func TestClosedStore(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		s, err := store.Open(t.Context(), address, storetest.Keys(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() { _ = s.Write(t.Context(), mark(t.Context(), fmt.Sprint(i))) })
		}
		if err := s.Close(); err != nil {
			t.Errorf("Close = %v", err)
		}
		wg.Wait()
		if err := s.Write(t.Context(), mark(t.Context(), "late")); err == nil {
			t.Error("a write after Close gave no error")
		}
		if err := s.Ping(t.Context()); err == nil {
			t.Error("Ping after Close gave no error")
		}
		if _, err := s.Meta(t.Context(), "x"); err == nil {
			t.Error("a read after Close gave no error")
		}
		if _, err := s.SigningKeys(t.Context()); err == nil {
			t.Error("a list after Close gave no error")
		}
	})
}

func TestOpenRefusesOtherAddresses(t *testing.T) {
	for _, address := range []string{"", "mysql://x", "sqlite", "test.db", "/tmp/test.db", "postgres:x", "http://x"} {
		if s, err := store.Open(t.Context(), address, storetest.Keys(t)); err == nil {
			_ = s.Close()
			t.Errorf("Open(%q) gave no error", address)
		}
	}
	// SEC-01: neither the password nor the host is in the error.
	for _, address := range []string{
		"postgres://user:hunter2@127.0.0.1:1/db", "postgres://user:hunter2@127.0.0.1:1/db?sslmode=nonsense",
		"postgres://user:hunter2@[::1", "postgres://user:hunter2@127.0.0.1:99999999/db",
	} {
		s, err := store.Open(t.Context(), address, storetest.Keys(t))
		if err == nil {
			_ = s.Close()
			t.Errorf("Open(%q) gave no error", address)
			continue
		}
		for _, hidden := range []string{"hunter2", "user", "127.0.0.1"} {
			if strings.Contains(err.Error(), hidden) {
				t.Errorf("Open(%q) = %q, which shows %q", address, err, hidden)
			}
		}
	}
}

// SEC-03: the files of the database are its owner's alone, wherever they lie.
func TestSEC03SQLiteFiles(t *testing.T) {
	for _, name := range []string{"plain.db", "with space.db", "what?x=1&y.db", "per%20cent.db", "ha#sh.db", "größe.db", "semi;colon+plus.db"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, name)
			s := storetest.Open(t, "sqlite:"+path)
			if err := s.Write(t.Context(), mark(t.Context(), "x")); err != nil {
				t.Fatal(err)
			}
			files, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) != 3 {
				t.Errorf("there are %v, want the database and the two files beside it", files)
			}
			for _, f := range files {
				info, err := f.Info()
				if err != nil {
					t.Fatal(err)
				}
				if info.Mode().Perm() != 0o600 || !strings.HasPrefix(f.Name(), name) {
					t.Errorf("%s has mode %v, want 0600", f.Name(), info.Mode().Perm())
				}
			}
		})
	}
}

// Tables that say so are kept in the order of their key: one tree, not two.
func TestSQLiteKeepsTablesByKey(t *testing.T) {
	address := storetest.SQLite(t)
	storetest.Open(t, address)
	db := storetest.SQL(t, address)
	for table, want := range map[string]bool{"codes": true, "messages": true, "logs": true, "users": false} {
		byKey := storetest.Value(t, db, `SELECT wr FROM pragma_table_list WHERE name = $1`, table) == "1"
		if byKey != want {
			t.Errorf("%s WITHOUT ROWID: %v, want %v", table, byKey, want)
		}
	}
}

// Several processes may start on one new database.
func TestMigrateAtOnce(t *testing.T) {
	storetest.EachAt(t, func(t *testing.T, address string) {
		var wg sync.WaitGroup
		for range 4 {
			s, err := store.Open(t.Context(), address, storetest.Keys(t))
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			wg.Go(func() {
				if err := s.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate = %v", err)
				}
			})
		}
		wg.Wait()
		db := storetest.SQL(t, address)
		if n := storetest.Value(t, db, `SELECT COUNT(*) FROM settings_version`); n != "1" {
			t.Errorf("the schema was made %s times", n)
		}
	})
}

// A fact is set once, whoever comes first.
func TestSetMetaOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var mu sync.Mutex
		answers := map[string]int{}
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				v, err := s.SetMetaOnce(t.Context(), "key_check", fmt.Sprint(i))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				answers[v]++
			})
		}
		wg.Wait()
		if len(answers) != 1 {
			t.Errorf("the answers were %v, want all the same", answers)
		}
		if v, err := s.Meta(t.Context(), "unset"); v != "" || err != nil {
			t.Errorf("Meta of what is not set = %q, %v", v, err)
		}
	})
}
