package dashboard

import (
	"net/http"
	"slices"
	"strings"

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

// changeAdministrators adds and changes one.
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

// removal is the page that asks whether an administrator is meant to go, as what
// cannot be taken back is asked everywhere. It is an owner's alone, with a fresh
// proof (R20).
func (d *Dashboard) removal(q *request) (*deletionPage, error) {
	all, err := d.Admins.Administrators(q.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(a tenant.Administrator) bool { return string(a.ID) == q.PathValue("id") })
	if at < 0 {
		return nil, errNoPage
	}
	p := &deletionPage{
		What: "administrator", Name: all[at].Email, Back: pathAdministrators,
		Effects: []string{"They are signed out of the Dashboard at once.", "An owner can add them again. What they changed stays, and stays in the log."},
	}
	if all[at].ID == q.Who.ID {
		p.Effects[0] = "That is you: you are signed out at once."
	}
	return p, nil
}

func (d *Dashboard) showRemoval(w http.ResponseWriter, q *request, p *deletionPage) error {
	return d.show(w, q, "administrator-removal", view{Title: "Remove " + p.Name, Failed: p.Problem != "", Body: p})
}

func (d *Dashboard) confirmRemoval(w http.ResponseWriter, q *request) error {
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, q.URL.Path)
	}
	p, err := d.removal(q)
	if err != nil {
		return err
	}
	return d.showRemoval(w, q, p)
}

// removeAdministrator removes one whose address was typed.
func (d *Dashboard) removeAdministrator(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, q.URL.Path)
	}
	p, err := d.removal(q)
	if err != nil {
		return err
	}
	if !strings.EqualFold(f.line("name"), p.Name) {
		p.Problem = "Nobody was removed. Type the address as it stands: " + p.Name
		return d.showRemoval(w, q, p)
	}
	err = d.Admins.Remove(q.Context(), q.caller, tenant.AdministratorID(q.PathValue("id")))
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		p.Problem = told.Message
		return d.showRemoval(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathAdministrators+"?done=removed")
}
