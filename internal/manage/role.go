package manage

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/secret"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// The faults of roles.
var (
	ErrRole     = fault.New(fault.NotFound, "inexistent_role", "The role does not exist.")
	ErrRoleName = fault.New(fault.Conflict, "conflict", "The role already exists.")
)

// Roles keeps roles, who has them, and what they give.
type Roles interface {
	// AllRoles returns every role in the order of creation.
	AllRoles(ctx context.Context) ([]tenant.Role, error)
	// Role returns a role.
	Role(ctx context.Context, id string) (tenant.Role, error)
	// CreateRole stores a new role. The fault is ErrRoleName if the name is taken.
	CreateRole(ctx context.Context, r tenant.Role, e tenant.LogEvent) error
	// ChangeRole gives a role the name and description that change does. No
	// other change comes between. The function may be called more than once.
	// The fault is ErrRoleName if another one has the name.
	ChangeRole(ctx context.Context, id string, change ChangeRole) error
	// DeleteRole removes a role from everybody.
	DeleteRole(ctx context.Context, id string, e tenant.LogEvent) error
	// RolePermissions returns what a role gives, in order.
	RolePermissions(ctx context.Context, id string) ([]tenant.Permission, error)
	// ChangeRolePermissions adds permissions to a role or removes them.
	ChangeRolePermissions(ctx context.Context, id string, remove bool, list []tenant.Permission, e tenant.LogEvent) error
	// RoleUsers returns who has a role, in the order of their ids.
	RoleUsers(ctx context.Context, id string, w Window) (List[*tenant.User], error)
	// AssignRoles gives each of the users each of the roles, or takes them away.
	// The fault is NotFound if one of them is not there.
	AssignRoles(ctx context.Context, a Assignment, e tenant.LogEvent) error
	// UserRoles returns the roles that a user has.
	UserRoles(ctx context.Context, id tenant.UserID) ([]tenant.Role, error)
	// UserPermissions returns what a user holds, directly and by roles.
	UserPermissions(ctx context.Context, id tenant.UserID) ([]tenant.HeldPermission, error)
	// ChangeUserPermissions adds permissions to those that a user holds
	// directly, or removes them.
	ChangeUserPermissions(ctx context.Context, id tenant.UserID, remove bool, list []tenant.Permission, e tenant.LogEvent) error
}

// A ChangeRole makes the role that takes the place of r, which is its to change.
type ChangeRole func(r *tenant.Role) (tenant.LogEvent, error)

// An Assignment says who gets, or loses, which roles.
type Assignment struct {
	Users  []tenant.UserID
	Roles  []string
	Remove bool
}

// ListRoles returns roles in the order of creation: those whose names have the
// filter in them, in any case.
func (s *Service) ListRoles(ctx context.Context, filter string, w Window) (List[tenant.Role], error) {
	all, err := s.Roles.AllRoles(ctx)
	if err != nil {
		return List[tenant.Role]{}, err
	}
	filter = strings.ToLower(filter)
	all = slices.DeleteFunc(all, func(r tenant.Role) bool { return !strings.Contains(strings.ToLower(r.Name), filter) })
	return cut(all, w, rolePlace), nil
}

func rolePlace(r tenant.Role) Place { return Place{r.CreatedAt, r.ID} }

// Role returns a role. The fault is ErrRole if there is none.
func (s *Service) Role(ctx context.Context, id string) (tenant.Role, error) {
	r, err := s.Roles.Role(ctx, id)
	return r, as(err, ErrRole)
}

// CreateRole creates the role that a body describes.
func (s *Service) CreateRole(ctx context.Context, by Actor, body *settings.Object) (tenant.Role, error) {
	r, err := settings.Role(tenant.Role{ID: "rol_" + secret.Alphanumeric(16), CreatedAt: s.Now()}, body, "name")
	if err != nil {
		return r, err
	}
	e := s.record(by, outcome{what: "Create a role", status: http.StatusOK, body: settings.RoleAnswer(r)})
	return r, s.Roles.CreateRole(ctx, r, e)
}

// ChangeRole changes a role as a body asks.
func (s *Service) ChangeRole(ctx context.Context, by Actor, id string, body *settings.Object) (tenant.Role, error) {
	var after tenant.Role
	err := s.Roles.ChangeRole(ctx, id, func(r *tenant.Role) (tenant.LogEvent, error) {
		before := settings.RoleAnswer(*r)
		var err error
		if after, err = settings.Role(*r, body); err != nil {
			return tenant.LogEvent{}, err
		}
		*r = after
		return s.record(by, outcome{what: "Update a role", status: http.StatusOK, body: settings.RoleAnswer(after), before: before}), nil
	})
	return after, as(err, ErrRole)
}

// DeleteRole deletes a role. The fault is ErrRole if there is none.
func (s *Service) DeleteRole(ctx context.Context, by Actor, id string) error {
	e := s.record(by, outcome{what: "Delete a role", status: http.StatusOK})
	return as(s.Roles.DeleteRole(ctx, id, e), ErrRole)
}

// RolePermissions returns a part of what a role gives.
func (s *Service) RolePermissions(ctx context.Context, id string, w Window) (List[tenant.Permission], error) {
	if _, err := s.Role(ctx, id); err != nil {
		return List[tenant.Permission]{}, err
	}
	all, err := s.Roles.RolePermissions(ctx, id)
	return cut(all, w, func(p tenant.Permission) Place { return Place{ID: p.Audience + "\n" + p.Name} }), err
}

// ChangeRolePermissions adds the permissions in a body to a role, or removes
// them from it.
func (s *Service) ChangeRolePermissions(ctx context.Context, by Actor, id string, remove bool, body *settings.Object) error {
	list, err := s.permissions(ctx, body, remove)
	if err != nil {
		return err
	}
	e := s.record(by, outcome{what: word(remove, "Remove permissions from a role", "Add permissions to a role"), status: http.StatusOK})
	return as(s.Roles.ChangeRolePermissions(ctx, id, remove, list, e), ErrRole)
}

// permissions reads permissions from a body. Only such as there are can be
// given; any can be taken away.
func (s *Service) permissions(ctx context.Context, body *settings.Object, remove bool) ([]tenant.Permission, error) {
	list, err := settings.Permissions(body)
	if err != nil || remove {
		return list, err
	}
	apis, err := s.APIs.AllAPIs(ctx)
	if err != nil {
		return nil, err
	}
	for i, p := range list {
		if !slices.ContainsFunc(apis, func(a *tenant.API) bool { return a.Identifier == p.Audience && slices.Contains(a.Scopes, p.Name) }) {
			return nil, settings.NoPermission(i)
		}
	}
	return list, nil
}

func word(remove bool, removing, adding string) string {
	if remove {
		return removing
	}
	return adding
}

// RoleUsers returns a part of who has a role.
func (s *Service) RoleUsers(ctx context.Context, id string, w Window) (List[*tenant.User], error) {
	if _, err := s.Role(ctx, id); err != nil {
		return List[*tenant.User]{}, err
	}
	return s.Roles.RoleUsers(ctx, id, w)
}

// AssignRole gives a role to the users in a body.
func (s *Service) AssignRole(ctx context.Context, by Actor, id string, body *settings.Object) error {
	names, err := settings.Names(body, "users")
	if err != nil {
		return err
	}
	a := Assignment{Roles: []string{id}}
	for _, n := range names {
		a.Users = append(a.Users, tenant.UserID(n))
	}
	if _, err := s.Role(ctx, id); err != nil {
		return err
	}
	e := s.record(by, outcome{what: "Assign users to a role", status: http.StatusOK})
	return as(s.Roles.AssignRoles(ctx, a, e), ErrUser)
}

// UserRoles returns a part of the roles that a user has.
func (s *Service) UserRoles(ctx context.Context, id tenant.UserID, w Window) (List[tenant.Role], error) {
	if _, err := s.User(ctx, id); err != nil {
		return List[tenant.Role]{}, err
	}
	all, err := s.Roles.UserRoles(ctx, id)
	return cut(all, w, rolePlace), err
}

// ChangeUserRoles gives a user the roles in a body, or takes them away.
func (s *Service) ChangeUserRoles(ctx context.Context, by Actor, id tenant.UserID, remove bool, body *settings.Object) error {
	roles, err := settings.Names(body, "roles")
	if err != nil {
		return err
	}
	if _, err := s.User(ctx, id); err != nil {
		return err
	}
	e := s.record(by, outcome{what: word(remove, "Remove roles from a user", "Assign roles to a user"), status: http.StatusNoContent})
	return as(s.Roles.AssignRoles(ctx, Assignment{Users: []tenant.UserID{id}, Roles: roles, Remove: remove}, e), ErrRole)
}

// UserPermissions returns what a user holds, each permission with where it
// comes from.
func (s *Service) UserPermissions(ctx context.Context, id tenant.UserID) ([]tenant.HeldPermission, error) {
	if _, err := s.User(ctx, id); err != nil {
		return nil, err
	}
	return s.Roles.UserPermissions(ctx, id)
}

// ChangeUserPermissions gives a user the permissions in a body, or takes them
// away.
func (s *Service) ChangeUserPermissions(ctx context.Context, by Actor, id tenant.UserID, remove bool, body *settings.Object) error {
	list, err := s.permissions(ctx, body, remove)
	if err != nil {
		return err
	}
	if _, err := s.User(ctx, id); err != nil {
		return err
	}
	e := s.record(by, outcome{what: word(remove, "Remove permissions from a user", "Assign permissions to a user"), status: http.StatusOK})
	return as(s.Roles.ChangeUserPermissions(ctx, id, remove, list, e), ErrUser)
}

// A Description says what a permission is for.
type Description struct {
	API  string // the API's name
	Text string
}

// Descriptions returns what is said of every permission there is.
func (s *Service) Descriptions(ctx context.Context) (map[tenant.Permission]Description, error) {
	apis, err := s.APIs.AllAPIs(ctx)
	if err != nil {
		return nil, err
	}
	out := map[tenant.Permission]Description{}
	for _, a := range apis {
		for name, text := range settings.ScopeDescriptions(a.Doc) {
			out[tenant.Permission{Audience: a.Identifier, Name: name}] = Description{API: a.Name, Text: text}
		}
	}
	return out, nil
}
