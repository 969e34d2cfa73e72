package storetest_test

import (
	"errors"
	"fmt"
	"sync"
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
		user := mustComplete(t, s, someone{"+447700900160", "app"}.completion(start, "g", "")).User.ID
		for i, name := range []string{"one", "two"} {
			must(s.CreateRole(ctx, tenant.Role{ID: "rol_" + name, Name: name, CreatedAt: start.AddDate(0, 0, i)}, done()))
		}
		if err := s.CreateRole(ctx, tenant.Role{ID: "rol_x", Name: "one", CreatedAt: start}, done()); !errors.Is(err, manage.ErrRoleName) {
			t.Errorf("a name that is taken: %v", err)
		}
		if err := s.ChangeRole(ctx, tenant.Role{ID: "rol_two", Name: "one"}, done()); !errors.Is(err, manage.ErrRoleName) {
			t.Errorf("a change to a name that is taken: %v", err)
		}
		must(s.ChangeRole(ctx, tenant.Role{ID: "rol_two", Name: "second", Description: "d"}, done()))
		for _, err := range []error{
			s.ChangeRole(ctx, tenant.Role{ID: "rol_none", Name: "none"}, done()), s.DeleteRole(ctx, "rol_none", done()),
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
