package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
)

// The faults of backups.
var (
	// ErrOwnTools says that PostgreSQL saves its databases itself.
	ErrOwnTools = fault.New(fault.Invalid, "own_tools", "This is for SQLite. PostgreSQL saves and restores databases with its own tools.")
	// ErrInUse says that somebody has the database open.
	ErrInUse = fault.New(fault.Conflict, "in_use", "A server or another command uses the database.")
	// ErrDamaged says that a file is no sound database.
	ErrDamaged = fault.New(fault.Invalid, "damaged", "The file is no sound database.")
)

// Backup writes a copy of the database, as it is at one moment, to an empty
// file. Readers and writers go on meanwhile. The copy is durable when Backup
// returns.
func (s *Store) Backup(ctx context.Context, path string) error {
	if s.dialect != sqlite {
		return ErrOwnTools
	}
	if _, err := s.db.ExecContext(ctx, `VACUUM INTO $1`, path); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("copy database: %w", err)
	}
	return nil
}

// A Snapshot is what a backup says of itself.
type Snapshot struct {
	Users int64
	Meta  map[string]string
}

// ReadSnapshot looks whether a file is a sound database of ours, every page of
// it. It changes nothing. The fault is ErrDamaged if it is not.
func ReadSnapshot(ctx context.Context, path string) (Snapshot, error) {
	snap := Snapshot{Meta: map[string]string{}}
	db, err := sql.Open("sqlite", fileURL(path, "mode=ro"))
	if err != nil {
		return snap, fmt.Errorf("open backup: %w", err)
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA integrity_check(1)`).Scan(&verdict); err != nil || verdict != "ok" {
		return snap, ErrDamaged.Because(errors.Join(err, errors.New(verdict)))
	}
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*) FROM users`).Scan(&snap.Users); err != nil {
		return snap, ErrDamaged.Because(err)
	}
	rows, err := db.QueryContext(ctx, `SELECT name, value FROM meta`)
	if err != nil {
		return snap, ErrDamaged.Because(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return snap, ErrDamaged.Because(err)
		}
		snap.Meta[name] = value
	}
	return snap, rows.Err()
}

// fileURL is the name of a SQLite file with the driver's parameters.
func fileURL(path, query string) string {
	u := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query}
	return u.String()
}

// SetAside renames a SQLite database that nobody has open. The fault is
// ErrInUse if somebody has. What waited in the files beside it is in it then.
func SetAside(ctx context.Context, path, to string) error {
	db, err := sql.Open("sqlite", fileURL(path, "_pragma=busy_timeout(0)"))
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer db.Close()
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("open database: %w", err)
	}
	defer conn.Close()
	// Every connection to a database with a write-ahead log holds a lock. Only
	// without any other can the log be given up.
	var mode string
	err = conn.QueryRowContext(ctx, `PRAGMA journal_mode = DELETE`).Scan(&mode)
	if err == nil && mode == "delete" {
		_, err = conn.ExecContext(ctx, `BEGIN EXCLUSIVE`)
	}
	if err != nil && !strings.Contains(err.Error(), "locked") {
		return ErrDamaged.Because(err)
	}
	if err != nil || mode != "delete" {
		return ErrInUse.Because(err)
	}
	if err := os.Rename(path, to); err != nil {
		return fmt.Errorf("set database aside: %w", err)
	}
	return nil
}

// EndOneTime ends what may have been used, or sent, after the database was
// saved: codes, sign-ins under way, messages that were waiting. With sessions,
// everybody has to sign in again too.
func (s *Store) EndOneTime(ctx context.Context, now time.Time, sessions bool) error {
	const restored = "The database was restored from a backup."
	event := fmt.Sprintf(`{"at":%d,"state":"expired","detail":%q}`+"\n", toMillis(now), restored)
	return s.write(ctx, func(tx querier) error {
		for _, text := range oneTimeTexts(sessions) {
			if _, err := tx.exec(ctx, text); err != nil {
				return fmt.Errorf("end what was used once: %w", err)
			}
		}
		if _, err := tx.exec(ctx, `UPDATE messages SET state = 'expired', error_text = $1, events = events || $2
			WHERE state IN ('requested', 'queued')`, restored, event); err != nil {
			return fmt.Errorf("end messages: %w", err)
		}
		if !sessions {
			return nil
		}
		if _, err := tx.exec(ctx, `UPDATE grants SET revoked_at = $1 WHERE revoked_at = 0`, toMillis(now)); err != nil {
			return fmt.Errorf("end grants: %w", err)
		}
		return nil
	})
}

func oneTimeTexts(sessions bool) []string {
	texts := make([]string, 0, 8)
	for _, table := range oneTimeTables() {
		texts = append(texts, `DELETE FROM `+table)
	}
	if sessions {
		for _, table := range sessionTables() {
			texts = append(texts, `DELETE FROM `+table)
		}
	}
	return texts
}

// oneTimeTables hold what works once and not for long, or is soon made again: a
// backup that somebody else has had must not let them into the Dashboard.
func oneTimeTables() []string {
	return []string{
		"codes", "transactions", "authorization_codes", "device_codes", "pushed_requests", "login_tickets",
		"administrator_codes", "administrator_links", "administrator_sessions",
	}
}

// sessionTables hold what keeps people signed in.
func sessionTables() []string {
	return []string{"refresh_tokens", "sessions", "session_clients", "devices"}
}
