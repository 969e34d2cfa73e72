package tenant

import "time"

// A Role is a name for permissions that people are given together (Auth0:
// role-based access control).
type Role struct {
	ID          string // "rol_…"
	Name        string
	Description string
	CreatedAt   time.Time
}

// A Permission is one scope of one API.
type Permission struct {
	Audience string
	Name     string
}

// A HeldPermission is a permission of somebody, with where it comes from: a
// role, or neither id nor name for one that was given directly.
type HeldPermission struct {
	Permission
	RoleID   string
	RoleName string
}
