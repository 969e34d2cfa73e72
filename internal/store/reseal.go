package store

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/signing"
)

const (
	// resealRows bounds one transaction of Reseal, so that nobody waits long
	// for the writer.
	resealRows = 100
	// resealPasses bounds how often Reseal looks again. The second pass finds
	// nothing unless another process has written meanwhile.
	resealPasses = 10
)

// A sealedColumn has values that are kept until somebody changes them, each
// sealed to its place.
type sealedColumn struct {
	table, id, column string
	place             func(id string) string
}

// sealedColumns are all of them. Parameters of pushed requests are sealed too,
// but live for moments.
func sealedColumns() []sealedColumn {
	return []sealedColumn{
		{"clients", "id", "secret", secretPlace},
		{"connections", "id", "secrets", secretsPlace},
		{"email_provider", "CAST(id AS TEXT)", "credentials", func(string) string { return credentialsPlace }},
		{"signing_keys", "kid", "private", signing.Place},
	}
}

// under is the condition of values that another root key has sealed: the first
// byte names it.
func (c sealedColumn) under() string {
	return `length(` + c.column + `) > 0 AND substr(` + c.column + `, 1, 1) <> $1`
}

// Resealed is what came of Reseal.
type Resealed struct {
	Done       int // values that are under the current root key now
	Unreadable int // values under a key that is not at hand: left as they are
}

// Reseal seals every stored value that is under an earlier root key under the
// current one. Meta has the places of the sealed facts by their names. Several
// processes may do it at once, and one that was cut off may begin anew: a value
// is replaced only where it is still the one that was read. Facts come first: a
// server without the current key then stops at them, not at a value it happens
// to need. The error tells when values under an earlier key keep coming.
func (s *Store) Reseal(ctx context.Context, meta map[string]string) (Resealed, error) {
	var all Resealed
	for range resealPasses {
		var pass resealing
		for name, place := range meta {
			if err := s.resealMeta(ctx, name, place, &pass); err != nil {
				return all, fmt.Errorf("reseal %s: %w", name, err)
			}
		}
		for _, c := range sealedColumns() {
			if err := s.resealColumn(ctx, c, &pass); err != nil {
				return all, fmt.Errorf("reseal %s: %w", c.table, err)
			}
		}
		all.Done, all.Unreadable = all.Done+pass.done, pass.unreadable
		if pass.found == pass.unreadable {
			return all, nil
		}
	}
	return all, errors.New("a process that still runs with another root key keeps sealing values under it: stop it first")
}

// resealing counts in one pass.
type resealing struct{ found, done, unreadable int }

// A sealedRow is a value under another key.
type sealedRow struct {
	id          string
	old, sealed []byte
}

func (s *Store) resealColumn(ctx context.Context, c sealedColumn, pass *resealing) error {
	for last := ""; ; {
		rows, err := s.sealedRows(ctx, c, last)
		if err != nil || len(rows) == 0 {
			return err
		}
		pass.found += len(rows)
		last = rows[len(rows)-1].id
		renewed := rows[:0:0]
		for _, r := range rows {
			var err error
			if r.sealed, _, err = s.secrets.Reseal(secret.AtRest, r.old, c.place(r.id)); err != nil {
				pass.unreadable++
				continue
			}
			renewed = append(renewed, r)
		}
		done := 0
		err = s.write(ctx, func(tx querier) error {
			done = 0
			for _, r := range renewed {
				n, err := tx.exec(ctx, `UPDATE `+c.table+` SET `+c.column+` = $3 WHERE `+c.id+` = $1 AND `+c.column+` = $2`,
					r.id, r.old, r.sealed)
				if err != nil {
					return err
				}
				done += int(n)
			}
			return nil
		})
		if err != nil {
			return err
		}
		pass.done += done
	}
}

// sealedRows returns some of the column's values under other keys, by id.
func (s *Store) sealedRows(ctx context.Context, c sealedColumn, after string) ([]sealedRow, error) {
	rows, err := s.read.query(ctx, `SELECT `+c.id+`, `+c.column+` FROM `+c.table+`
		WHERE `+c.under()+` AND `+c.id+` > $2 ORDER BY `+c.id+` LIMIT $3`, []byte{s.secrets.KeyID()}, after, resealRows)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []sealedRow
	for rows.Next() {
		var r sealedRow
		if err := rows.Scan(&r.id, &r.old); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

func (s *Store) resealMeta(ctx context.Context, name, place string, pass *resealing) error {
	old, sealed, err := s.sealedMeta(ctx, name)
	if err != nil || sealed == nil {
		return err
	}
	pass.found++
	renewed, _, err := s.secrets.Reseal(secret.AtRest, sealed, place)
	if err != nil {
		pass.unreadable++
		return nil
	}
	replaced, err := s.ReplaceMeta(ctx, name, old, base64.StdEncoding.EncodeToString(renewed))
	if replaced {
		pass.done++
	}
	return err
}

// sealedMeta returns a sealed fact as it is stored and as bytes, which are nil
// unless it is under another key than the current one.
func (s *Store) sealedMeta(ctx context.Context, name string) (stored string, sealed []byte, err error) {
	if stored, err = s.Meta(ctx, name); err != nil || stored == "" {
		return stored, nil, err
	}
	if sealed, err = base64.StdEncoding.DecodeString(stored); err != nil {
		return stored, nil, fmt.Errorf("read %s: %w", name, err)
	}
	if len(sealed) > 0 && sealed[0] == s.secrets.KeyID() {
		sealed = nil
	}
	return stored, sealed, nil
}

// SealedElsewhere counts the stored values that another root key than the
// current one has sealed. Meta is that of Reseal.
func (s *Store) SealedElsewhere(ctx context.Context, meta map[string]string) (int, error) {
	all := 0
	for _, c := range sealedColumns() {
		n := 0
		if err := s.read.row(ctx, `SELECT COUNT(*) FROM `+c.table+` WHERE `+c.under(), []byte{s.secrets.KeyID()}).Scan(&n); err != nil {
			return 0, fmt.Errorf("count sealed values: %w", err)
		}
		all += n
	}
	for name := range meta {
		_, sealed, err := s.sealedMeta(ctx, name)
		if err != nil {
			return 0, err
		}
		if sealed != nil {
			all++
		}
	}
	return all, nil
}

// ReplaceMeta sets a fact if it is still the old one, and reports whether it
// was.
func (s *Store) ReplaceMeta(ctx context.Context, name, old, value string) (bool, error) {
	var n int64
	err := s.write(ctx, func(tx querier) (err error) {
		n, err = tx.exec(ctx, `UPDATE meta SET value = $3 WHERE name = $1 AND value = $2`, name, old, value)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("write meta: %w", err)
	}
	return n > 0, nil
}
