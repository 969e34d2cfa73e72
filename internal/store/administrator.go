package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ admin.Ledger = (*Store)(nil)

const administratorColumns = `a.id, a.email, a.role, a.created_at, a.last_login_at`

func scanAdministrator(row scanner, a *tenant.Administrator, more ...any) error {
	return row.Scan(append([]any{&a.ID, &a.Email, &a.Role, millis{&a.CreatedAt}, millis{&a.LastLogin}}, more...)...)
}

// Administrators implements admin.Ledger.
func (s *Store) Administrators(ctx context.Context) ([]tenant.Administrator, error) {
	rows, err := s.read.query(ctx, `SELECT `+administratorColumns+` FROM administrators a ORDER BY a.email`)
	if err != nil {
		return nil, fmt.Errorf("read administrators: %w", err)
	}
	defer rows.Close()
	var list []tenant.Administrator
	for rows.Next() {
		var a tenant.Administrator
		if err := scanAdministrator(rows, &a); err != nil {
			return nil, fmt.Errorf("read administrators: %w", err)
		}
		list = append(list, a)
	}
	return list, rows.Err()
}

// addAdministratorText stores one unless the address is taken.
const addAdministratorText = `
	INSERT INTO administrators (id, email, role, created_at, last_login_at) VALUES ($1, $2, $3, $4, 0)
	ON CONFLICT (email) DO NOTHING`

// AddAdministrator implements admin.Ledger.
func (s *Store) AddAdministrator(ctx context.Context, a tenant.Administrator, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, addAdministratorText, a.ID, a.Email, a.Role, toMillis(a.CreatedAt))
		if err != nil {
			return fmt.Errorf("store administrator: %w", err)
		}
		if n == 0 {
			return tenant.ErrAdministratorExists
		}
		return insertLogs(ctx, tx, e)
	})
}

// changeOwners makes the changes of who owns the Dashboard wait for each other:
// two owners who remove each other at the same moment would both look before
// either is gone.
func changeOwners(ctx context.Context, tx querier) error {
	if _, err := tx.exec(ctx, `UPDATE settings_version SET version = version WHERE id = 1`); err != nil {
		return fmt.Errorf("change administrators: %w", err)
	}
	return nil
}

// anotherOwner is the condition that an owner is left when $1 is none.
const anotherOwner = `(role <> 'owner' OR EXISTS (SELECT 1 FROM administrators o WHERE o.role = 'owner' AND o.id <> $1))`

// ChangeAdministrator implements admin.Ledger.
func (s *Store) ChangeAdministrator(ctx context.Context, id tenant.AdministratorID, role tenant.AdministratorRole, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		if err := changeOwners(ctx, tx); err != nil {
			return err
		}
		n, err := tx.exec(ctx, `UPDATE administrators SET role = $2 WHERE id = $1 AND ($2 = 'owner' OR `+anotherOwner+`)`, id, role)
		if err != nil {
			return fmt.Errorf("change administrator: %w", err)
		}
		if n == 0 {
			return whyKept(ctx, tx, id)
		}
		if err := endAdministratorSessions(ctx, tx, id); err != nil {
			return err
		}
		return insertLogs(ctx, tx, e)
	})
}

func endAdministratorSessions(ctx context.Context, tx querier, id tenant.AdministratorID) error {
	if _, err := tx.exec(ctx, `DELETE FROM administrator_sessions WHERE administrator_id = $1`, id); err != nil {
		return fmt.Errorf("end sessions of administrator: %w", err)
	}
	return nil
}

// RemoveAdministrator implements admin.Ledger.
func (s *Store) RemoveAdministrator(ctx context.Context, id tenant.AdministratorID, anyone bool, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		if err := changeOwners(ctx, tx); err != nil {
			return err
		}
		var email string
		err := tx.row(ctx, `DELETE FROM administrators WHERE id = $1 AND ($2 OR `+anotherOwner+`) RETURNING email`, id, anyone).Scan(&email)
		if errors.Is(err, sql.ErrNoRows) {
			return whyKept(ctx, tx, id)
		}
		if err != nil {
			return fmt.Errorf("remove administrator: %w", err)
		}
		if err := endAdministratorSessions(ctx, tx, id); err != nil {
			return err
		}
		// What waits for them would make them one again.
		for _, text := range []string{`DELETE FROM administrator_links WHERE email = $1`, `DELETE FROM administrator_codes WHERE email = $1`} {
			if _, err := tx.exec(ctx, text, email); err != nil {
				return fmt.Errorf("end links and codes of administrator: %w", err)
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// whyKept is the fault of a change that found nothing to change.
func whyKept(ctx context.Context, tx querier, id tenant.AdministratorID) error {
	var there bool
	if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM administrators WHERE id = $1)`, id).Scan(&there); err != nil {
		return fmt.Errorf("read administrator: %w", err)
	}
	if there {
		return tenant.ErrLastOwner
	}
	return tenant.ErrAdministrator
}

// AdministratorSession implements admin.Ledger.
func (s *Store) AdministratorSession(ctx context.Context, now time.Time, digests [][]byte) (tenant.AdministratorSession, error) {
	var out tenant.AdministratorSession
	first, last := ends(digests)
	err := scanAdministrator(s.read.row(ctx, `
		SELECT `+administratorColumns+`, s.created_at, s.proved_at, s.expires_at
		FROM administrator_sessions s JOIN administrators a ON a.id = s.administrator_id
		WHERE (s.digest = $1 OR s.digest = $2) AND s.expires_at > $3`, first, last, toMillis(now)),
		&out.Administrator, millis{&out.CreatedAt}, millis{&out.ProvedAt}, millis{&out.Expires})
	if err != nil {
		return out, fmt.Errorf("read session of administrator: %w", absent(err))
	}
	return out, nil
}

// EndAdministratorSession implements admin.Ledger.
func (s *Store) EndAdministratorSession(ctx context.Context, digests [][]byte, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		id, err := endAdministratorSession(ctx, tx, digests)
		if err != nil || id == "" {
			return err
		}
		e := e
		e.Details = with(e.Details, "before", map[string]any{"id": string(id)})
		return insertLogs(ctx, tx, e)
	})
}

// endAdministratorSession ends a session and returns whose it was, or "".
func endAdministratorSession(ctx context.Context, tx querier, digests [][]byte) (id tenant.AdministratorID, err error) {
	if len(digests) == 0 {
		return "", nil
	}
	first, last := ends(digests)
	err = tx.row(ctx, `DELETE FROM administrator_sessions WHERE digest = $1 OR digest = $2 RETURNING administrator_id`, first, last).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("end session of administrator: %w", err)
	}
	return id, nil
}

// openAdministratorSession opens a session for whoever has the address.
func openAdministratorSession(ctx context.Context, tx querier, email string, n admin.NewSession) (tenant.Administrator, error) {
	var a tenant.Administrator
	err := scanAdministrator(tx.row(ctx, `
		UPDATE administrators SET last_login_at = $2 WHERE email = $1 RETURNING id, email, role, created_at, last_login_at`,
		email, toMillis(n.Now)), &a)
	if errors.Is(err, sql.ErrNoRows) {
		return a, tenant.ErrAdministrator
	}
	if err != nil {
		return a, fmt.Errorf("sign administrator in: %w", err)
	}
	if _, err := endAdministratorSession(ctx, tx, n.Replaces); err != nil {
		return a, err
	}
	_, err = tx.exec(ctx, `
		INSERT INTO administrator_sessions (digest, administrator_id, created_at, proved_at, expires_at) VALUES ($1, $2, $3, $3, $4)`,
		n.Digest, a.ID, toMillis(n.Now), toMillis(n.Expires))
	if err != nil {
		return a, fmt.Errorf("store session of administrator: %w", err)
	}
	e := n.Event
	e.Details = with(e.Details, "after", map[string]any{"id": string(a.ID), "role": string(a.Role)})
	return a, insertLogs(ctx, tx, e)
}

// with is a copy of details with a member more: a transaction may run twice.
func with(details map[string]any, name string, value any) map[string]any {
	out := map[string]any{name: value}
	for k, v := range details {
		out[k] = v
	}
	return out
}

// OpenAdministratorSession implements admin.Ledger.
func (s *Store) OpenAdministratorSession(ctx context.Context, a tenant.Administrator, n admin.NewSession) (tenant.Administrator, error) {
	var out tenant.Administrator
	err := s.write(ctx, func(tx querier) error {
		if _, err := tx.exec(ctx, addAdministratorText, a.ID, a.Email, a.Role, toMillis(a.CreatedAt)); err != nil {
			return fmt.Errorf("store administrator: %w", err)
		}
		var err error
		out, err = openAdministratorSession(ctx, tx, a.Email, n)
		return err
	})
	return out, err
}
