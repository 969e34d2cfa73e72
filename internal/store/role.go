package store

import (
	"context"
	"fmt"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

var _ manage.Roles = (*Store)(nil)

const roleColumns = `id, name, description, created_at`

func scanRole(row scanner) (r tenant.Role, err error) {
	err = row.Scan(&r.ID, &r.Name, &r.Description, millis{&r.CreatedAt})
	return r, err
}

func (s *Store) roles(ctx context.Context, text string, args ...any) ([]tenant.Role, error) {
	rows, err := s.read.query(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read roles: %w", err)
	}
	defer rows.Close()
	list := []tenant.Role{}
	for rows.Next() {
		r, err := scanRole(rows)
		if err != nil {
			return nil, fmt.Errorf("read roles: %w", err)
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// AllRoles implements manage.Roles.
func (s *Store) AllRoles(ctx context.Context) ([]tenant.Role, error) {
	return s.roles(ctx, `SELECT `+roleColumns+` FROM roles ORDER BY created_at, id`)
}

// UserRoles implements manage.Roles.
func (s *Store) UserRoles(ctx context.Context, id tenant.UserID) ([]tenant.Role, error) {
	return s.roles(ctx, `SELECT `+roleColumns+` FROM roles
		WHERE id IN (SELECT role_id FROM user_roles WHERE user_id = $1) ORDER BY created_at, id`, id)
}

// Role implements manage.Roles.
func (s *Store) Role(ctx context.Context, id string) (tenant.Role, error) {
	r, err := scanRole(s.read.row(ctx, `SELECT `+roleColumns+` FROM roles WHERE id = $1`, id))
	if err != nil {
		return r, fmt.Errorf("read role: %w", absent(err))
	}
	return r, nil
}

// CreateRole implements manage.Roles.
func (s *Store) CreateRole(ctx context.Context, r tenant.Role, e tenant.LogEvent) error {
	return s.edit(ctx, func(tx querier) error {
		n, err := tx.exec(ctx, `INSERT INTO roles (id, name, description, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (name) DO NOTHING`, r.ID, r.Name, r.Description, toMillis(r.CreatedAt))
		if err != nil {
			return fmt.Errorf("store role: %w", err)
		}
		if n == 0 {
			return manage.ErrRoleName
		}
		return insertLogs(ctx, tx, e)
	})
}

// ChangeRole implements manage.Roles.
func (s *Store) ChangeRole(ctx context.Context, id string, change manage.ChangeRole) error {
	return s.edit(ctx, func(tx querier) error {
		r, err := scanRole(tx.row(ctx, `SELECT `+roleColumns+` FROM roles WHERE id = $1`, id))
		if err != nil {
			return fmt.Errorf("read role: %w", absent(err))
		}
		e, err := change(&r)
		if err != nil {
			return err
		}
		var taken bool
		if err := tx.row(ctx, `SELECT EXISTS (SELECT 1 FROM roles WHERE name = $1 AND id <> $2)`, r.Name, id).Scan(&taken); err != nil {
			return fmt.Errorf("store role: %w", err)
		}
		if taken {
			return manage.ErrRoleName
		}
		return changed(ctx, tx, e, `UPDATE roles SET name = $2, description = $3 WHERE id = $1`, id, r.Name, r.Description)
	})
}

// changed runs a statement that must find its row, and stores the event.
func changed(ctx context.Context, tx querier, e tenant.LogEvent, text string, args ...any) error {
	n, err := tx.exec(ctx, text, args...)
	if err != nil {
		return fmt.Errorf("store change: %w", err)
	}
	if n == 0 {
		return notFound
	}
	return insertLogs(ctx, tx, e)
}

// DeleteRole implements manage.Roles.
func (s *Store) DeleteRole(ctx context.Context, id string, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		for _, text := range []string{`DELETE FROM role_permissions WHERE role_id = $1`, `DELETE FROM user_roles WHERE role_id = $1`} {
			if _, err := tx.exec(ctx, text, id); err != nil {
				return fmt.Errorf("delete role: %w", err)
			}
		}
		return changed(ctx, tx, e, `DELETE FROM roles WHERE id = $1`, id)
	})
}

// RolePermissions implements manage.Roles.
func (s *Store) RolePermissions(ctx context.Context, id string) ([]tenant.Permission, error) {
	rows, err := s.read.query(ctx, `SELECT audience, permission FROM role_permissions WHERE role_id = $1 ORDER BY audience, permission`, id)
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	defer rows.Close()
	list := []tenant.Permission{}
	for rows.Next() {
		var p tenant.Permission
		if err := rows.Scan(&p.Audience, &p.Name); err != nil {
			return nil, fmt.Errorf("read permissions: %w", err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// lockRole holds on to a role, so that it is not deleted meanwhile.
const lockRole = `UPDATE roles SET name = name WHERE id = $1`

// lockUser does the same for a user.
const lockUser = `UPDATE users SET blocked = blocked WHERE id = $1`

// ChangeRolePermissions implements manage.Roles.
func (s *Store) ChangeRolePermissions(ctx context.Context, id string, remove bool, list []tenant.Permission, e tenant.LogEvent) error {
	text := `INSERT INTO role_permissions (role_id, audience, permission) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if remove {
		text = `DELETE FROM role_permissions WHERE role_id = $1 AND audience = $2 AND permission = $3`
	}
	return s.changePermissions(ctx, lockRole, text, id, list, e)
}

// ChangeUserPermissions implements manage.Roles.
func (s *Store) ChangeUserPermissions(ctx context.Context, id tenant.UserID, remove bool, list []tenant.Permission, e tenant.LogEvent) error {
	text := `INSERT INTO user_permissions (user_id, audience, permission) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`
	if remove {
		text = `DELETE FROM user_permissions WHERE user_id = $1 AND audience = $2 AND permission = $3`
	}
	return s.changePermissions(ctx, lockUser, text, string(id), list, e)
}

func (s *Store) changePermissions(ctx context.Context, lock, text, holder string, list []tenant.Permission, e tenant.LogEvent) error {
	return s.write(ctx, func(tx querier) error {
		if err := changed(ctx, tx, e, lock, holder); err != nil {
			return err
		}
		for _, p := range list {
			if _, err := tx.exec(ctx, text, holder, p.Audience, p.Name); err != nil {
				return fmt.Errorf("change permissions: %w", err)
			}
		}
		return nil
	})
}

// RoleUsers implements manage.Roles.
func (s *Store) RoleUsers(ctx context.Context, id string, w manage.Window) (manage.List[*tenant.User], error) {
	after := ""
	if w.After != nil {
		after = w.After.ID
	}
	rows, err := s.read.query(ctx, `SELECT `+userColumns+` FROM users
		WHERE id IN (SELECT user_id FROM user_roles WHERE role_id = $1 AND user_id > $2) ORDER BY id`, id, after)
	if err != nil {
		return manage.List[*tenant.User]{}, fmt.Errorf("read users: %w", err)
	}
	defer rows.Close()
	g := newGathering[*tenant.User](w)
	for rows.Next() {
		u := &tenant.User{}
		if err := scanUser(rows, u); err != nil {
			return g.list, fmt.Errorf("read users: %w", err)
		}
		if g.add(u, manage.Place{ID: string(u.ID)}) {
			return g.list, nil
		}
	}
	return g.list, rows.Err()
}

// AssignRoles implements manage.Roles.
func (s *Store) AssignRoles(ctx context.Context, a manage.Assignment, e tenant.LogEvent) error {
	text := `INSERT INTO user_roles (user_id, role_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`
	if a.Remove {
		text = `DELETE FROM user_roles WHERE user_id = $1 AND role_id = $2`
	}
	return s.write(ctx, func(tx querier) error {
		for _, role := range a.Roles {
			if n, err := tx.exec(ctx, lockRole, role); err != nil || n == 0 && !a.Remove {
				return missing(err)
			}
		}
		for _, user := range a.Users {
			if n, err := tx.exec(ctx, lockUser, user); err != nil || n == 0 {
				return missing(err)
			}
			for _, role := range a.Roles {
				if _, err := tx.exec(ctx, text, string(user), role); err != nil {
					return fmt.Errorf("assign roles: %w", err)
				}
			}
		}
		return insertLogs(ctx, tx, e)
	})
}

// missing is the error of a statement, or that it found no row.
func missing(err error) error {
	if err != nil {
		return fmt.Errorf("assign roles: %w", err)
	}
	return notFound
}

// UserPermissions implements manage.Roles.
func (s *Store) UserPermissions(ctx context.Context, id tenant.UserID) ([]tenant.HeldPermission, error) {
	rows, err := s.read.query(ctx, `
		SELECT audience, permission, '' AS role_id, '' AS role_name FROM user_permissions WHERE user_id = $1
		UNION ALL
		SELECT p.audience, p.permission, r.id, r.name
		FROM user_roles u JOIN roles r ON r.id = u.role_id JOIN role_permissions p ON p.role_id = r.id
		WHERE u.user_id = $1
		ORDER BY 1, 2, 4, 3`, id)
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	defer rows.Close()
	list := []tenant.HeldPermission{}
	for rows.Next() {
		var h tenant.HeldPermission
		if err := rows.Scan(&h.Audience, &h.Name, &h.RoleID, &h.RoleName); err != nil {
			return nil, fmt.Errorf("read permissions: %w", err)
		}
		list = append(list, h)
	}
	return list, rows.Err()
}

// Permissions implements grant.Ledger.
func (s *Store) Permissions(ctx context.Context, id tenant.UserID, audience string) ([]string, error) {
	rows, err := s.read.query(ctx, `
		SELECT permission FROM user_permissions WHERE user_id = $1 AND audience = $2
		UNION
		SELECT p.permission FROM user_roles u JOIN role_permissions p ON p.role_id = u.role_id
		WHERE u.user_id = $1 AND p.audience = $2
		ORDER BY 1`, string(id), audience)
	if err != nil {
		return nil, fmt.Errorf("read permissions: %w", err)
	}
	defer rows.Close()
	list := []string{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("read permissions: %w", err)
		}
		list = append(list, name)
	}
	return list, rows.Err()
}
