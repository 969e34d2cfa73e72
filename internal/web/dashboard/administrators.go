package dashboard

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/tenant"
)

// administratorsPage lists who may use the Dashboard.
type administratorsPage struct {
	List    []tenant.Administrator
	Me      tenant.AdministratorID
	Roles   []tenant.AdministratorRole
	Fresh   bool // changes can be made
	Email   string
	Role    tenant.AdministratorRole
	Problem string
}

// administrators shows the list.
func (d *Dashboard) administrators(w http.ResponseWriter, q *request) error {
	return d.showAdministrators(w, q, administratorsPage{Role: tenant.Editor})
}

func (d *Dashboard) showAdministrators(w http.ResponseWriter, q *request, p administratorsPage) error {
	var err error
	if p.List, err = d.Admins.Administrators(q.Context()); err != nil {
		return err
	}
	p.Fresh = d.Admins.Fresh(q.Session)
	p.Me, p.Roles = q.Who.ID, []tenant.AdministratorRole{tenant.Owner, tenant.Editor, tenant.Viewer}
	return d.show(w, q, "administrators", view{Title: "Administrators", Failed: p.Problem != "", Body: p})
}

// changeAdministrators adds, changes and removes one.
func (d *Dashboard) changeAdministrators(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, pathAdministrators)
	}
	id, role, done := tenant.AdministratorID(f.Get("id")), tenant.AdministratorRole(f.Get("role")), ""
	switch f.Get("action") {
	case "add":
		done = "added"
		_, err = d.Admins.Add(q.Context(), q.caller, f.line("email"), role)
	case "role":
		done = "role"
		err = d.Admins.SetRole(q.Context(), q.caller, id, role)
	case "remove":
		done = "removed"
		err = d.Admins.Remove(q.Context(), q.caller, id)
	default:
		return errNoPage
	}
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		return d.showAdministrators(w, q, administratorsPage{Email: f.line("email"), Role: role, Problem: told.Message})
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathAdministrators+"?done="+done)
}
