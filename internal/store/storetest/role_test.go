package storetest_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorcode/doorcode/internal/event"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/store"
	"github.com/doorcode/doorcode/internal/store/storetest"
	"github.com/doorcode/doorcode/internal/tenant"
)

func TestRoles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		done := func() tenant.LogEvent { return event.New(event.ManagementWrite, start) }
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		renamed := func(name, description string) manage.ChangeRole {
			return func(r *tenant.Role) (tenant.LogEvent, error) {
				r.Name, r.Description = name, description
				return done(), nil
			}
		}
		user := mustComplete(t, s, someone{"+447700900160", "app"}.completion(start, "g", "")).User.ID
		for i, name := range []string{"one", "two"} {
			must(s.CreateRole(ctx, tenant.Role{ID: "rol_" + name, Name: name, CreatedAt: start.AddDate(0, 0, i)}, done()))
		}
		if err := s.CreateRole(ctx, tenant.Role{ID: "rol_x", Name: "one", CreatedAt: start}, done()); !errors.Is(err, manage.ErrRoleName) {
			t.Errorf("a name that is taken: %v", err)
		}
		if err := s.ChangeRole(ctx, "rol_two", renamed("one", "")); !errors.Is(err, manage.ErrRoleName) {
			t.Errorf("a change to a name that is taken: %v", err)
		}
		must(s.ChangeRole(ctx, "rol_two", renamed("second", "d")))
		for _, err := range []error{
			s.ChangeRole(ctx, "rol_none", renamed("none", "")), s.DeleteRole(ctx, "rol_none", done()),
			s.ChangeRolePermissions(ctx, "rol_none", false, []tenant.Permission{{Audience: "api", Name: "a"}}, done()),
			s.ChangeUserPermissions(ctx, "sms|none", false, []tenant.Permission{{Audience: "api", Name: "a"}}, done()),
			s.AssignRoles(ctx, manage.Assignment{Users: []tenant.UserID{"sms|none"}, Roles: []string{"rol_one"}}, done()),
			s.AssignRoles(ctx, manage.Assignment{Users: []tenant.UserID{user}, Roles: []string{"rol_one", "rol_none"}}, done()),
		} {
			if !fault.Has(err, fault.NotFound) {
				t.Errorf("something that is not there: %v", err)
			}
		}
		if roles, err := s.UserRoles(ctx, user); err != nil || len(roles) != 0 {
			t.Errorf("half an assignment was kept: %v, %v", roles, err)
		}
		must(s.ChangeRolePermissions(ctx, "rol_one", false, []tenant.Permission{{Audience: "api", Name: "a"}, {Audience: "api", Name: "b"}, {Audience: "other", Name: "c"}}, done()))
		must(s.ChangeRolePermissions(ctx, "rol_two", false, []tenant.Permission{{Audience: "api", Name: "b"}}, done()))
		must(s.ChangeUserPermissions(ctx, user, false, []tenant.Permission{{Audience: "api", Name: "a"}}, done()))
		var wg sync.WaitGroup
		for range 20 { // the same thing at once is the same as once
			wg.Go(func() {
				if err := s.AssignRoles(ctx, manage.Assignment{Users: []tenant.UserID{user}, Roles: []string{"rol_one", "rol_two"}}, done()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		held, err := s.UserPermissions(ctx, user)
		must(err)
		var got []string
		for _, h := range held {
			got = append(got, fmt.Sprint(h.Audience, " ", h.Name, " ", h.RoleName))
		}
		if diff := cmp.Diff([]string{"api a ", "api a one", "api b one", "api b second", "other c one"}, got); diff != "" {
			t.Errorf("held (-want +got):\n%s", diff)
		}
		names, err := s.Permissions(ctx, user, "api")
		must(err)
		if diff := cmp.Diff([]string{"a", "b"}, names); diff != "" {
			t.Errorf("permissions (-want +got):\n%s", diff)
		}
		list, err := s.RoleUsers(ctx, "rol_one", manage.Window{Limit: 10, Count: true})
		must(err)
		if list.Total != 1 || list.Items[0].ID != user {
			t.Errorf("users of the role: %+v", list)
		}
		must(s.ChangeUserPermissions(ctx, user, true, []tenant.Permission{{Audience: "api", Name: "a"}}, done()))
		must(s.DeleteRole(ctx, "rol_one", done()))
		if names, err = s.Permissions(ctx, user, "api"); err != nil || len(names) != 1 || names[0] != "b" {
			t.Errorf("after a role was deleted: %v, %v", names, err)
		}
	})
}

// Changes to a role at the same moment all count, and of those who want one name
// a single one gets it.
func TestRolesAtOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		ctx := t.Context()
		done := func() tenant.LogEvent { return event.New(event.ManagementWrite, start) }
		const many = 12
		var wg sync.WaitGroup
		var got atomic.Int32
		for i := range many {
			id := fmt.Sprintf("rol_%d", i)
			if err := s.CreateRole(ctx, tenant.Role{ID: id, Name: id, CreatedAt: start}, done()); err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				err := s.ChangeRole(ctx, id, func(r *tenant.Role) (tenant.LogEvent, error) {
					r.Name = "wanted"
					return done(), nil
				})
				switch {
				case err == nil:
					got.Add(1)
				case !errors.Is(err, manage.ErrRoleName):
					t.Errorf("a name that is taken: %v", err)
				}
			})
			wg.Go(func() {
				if err := s.ChangeRole(ctx, "rol_0", func(r *tenant.Role) (tenant.LogEvent, error) {
					r.Description += "x"
					return done(), nil
				}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if r, err := s.Role(ctx, "rol_0"); err != nil || len(r.Description) != many || got.Load() != 1 {
			t.Errorf("%d got the name; the role is %+v, %v", got.Load(), r, err)
		}
	})
}
