package dashboard

import (
	"errors"
	"net/http"
	"slices"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// permissionsPage lists the scopes of an API.
type permissionsPage struct {
	apiFrame
	Scopes             []scope
	Value, Description string
	Problem            string
	Seen               int64
}

func (d *Dashboard) apiPermissions(w http.ResponseWriter, q *request) error {
	return d.showPermissions(w, q, permissionsPage{})
}

func (d *Dashboard) showPermissions(w http.ResponseWriter, q *request, p permissionsPage) error {
	a, f, err := d.api(q, tabPermissions)
	if err != nil {
		return err
	}
	doc, err := readAPIDoc(a)
	if err != nil {
		return err
	}
	p.apiFrame, p.Scopes, p.Seen = f, doc.Scopes, a.UpdatedAt.UnixMilli()
	return d.show(w, q, "api-permissions", view{Title: a.Name, Failed: p.Problem != "", Body: p})
}

// changePermissions adds a scope or takes one away.
func (d *Dashboard) changePermissions(w http.ResponseWriter, q *request) error {
	a, _, err := d.api(q, tabPermissions)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	doc, err := readAPIDoc(a)
	if err != nil {
		return err
	}
	p, done := permissionsPage{}, "removed"
	value := f.line("value")
	named := func(s scope) bool { return s.Value == value }
	switch f.Get("action") {
	case "add":
		done, p.Value, p.Description = "added", value, f.line("description")
		switch {
		case value == "":
			p.Problem = "Enter the permission, such as read:appointments."
		case slices.ContainsFunc(doc.Scopes, named):
			p.Problem = "The API has that permission already."
		}
		doc.Scopes = append(doc.Scopes, scope{value, p.Description})
	case "remove":
		doc.Scopes = slices.DeleteFunc(doc.Scopes, named)
	default:
		return errNoPage
	}
	if p.Problem != "" {
		return d.showPermissions(w, q, p)
	}
	if doc.Scopes == nil {
		doc.Scopes = []scope{}
	}
	err = d.patchAPI(q, a.ID, f.Get("seen"), map[string]any{"scopes": doc.Scopes})
	if errors.Is(err, manage.ErrStale) {
		p.Problem = "Somebody else has changed this API since you opened the page. Look at the list and try again."
		return d.showPermissions(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showPermissions(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, apiAddress(a.ID, tabPermissions)+"?done="+done)
}

// accessPage says which applications may ask for tokens of an API in their own
// name.
type accessPage struct {
	apiFrame
	List    []access
	Problem string
}

// access is what one application may.
type access struct {
	Client  *tenant.Client
	Grant   string // id; empty: nothing
	Managed bool
	All     bool // every scope, also those to come
	Count   int
	Scopes  []choice
}

func (d *Dashboard) apiApplications(w http.ResponseWriter, q *request) error {
	return d.showAccess(w, q, "")
}

func (d *Dashboard) showAccess(w http.ResponseWriter, q *request, problem string) error {
	a, f, err := d.api(q, tabApplications)
	if err != nil {
		return err
	}
	f.Edit = q.Who.Role.May(tenant.Editor) // grants are things of their own
	clients, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return err
	}
	grants, err := d.Manage.ListClientGrants(q.Context(), manage.GrantQuery{Audience: a.Identifier}, everything())
	if err != nil {
		return err
	}
	p := accessPage{apiFrame: f, Problem: problem}
	for _, c := range clients.Items {
		if c.Public() || !c.MayUse(tenant.GrantClientCredentials) {
			continue
		}
		one := access{Client: c}
		for _, g := range grants.Items {
			if g.Client == c.ID {
				one.Grant, one.Managed, one.All, one.Count = g.ID, g.Managed, g.AllScopes, len(g.Scopes)
				one.Scopes = scopeChoices(a.Scopes, g.Scopes)
			}
		}
		p.List = append(p.List, one)
	}
	return d.show(w, q, "api-applications", view{Title: a.Name, Failed: problem != "", Body: p})
}

// scopeChoices are the scopes of an API, and those that were granted and that it
// has no more.
func scopeChoices(all, granted []string) []choice {
	var list []choice
	for _, s := range all {
		list = append(list, choice{Value: s, Name: s, On: slices.Contains(granted, s)})
	}
	for _, s := range granted {
		if !slices.Contains(all, s) {
			list = append(list, choice{Value: s, Name: s, On: true})
		}
	}
	return list
}

// changeAPIApplications grants an API to an application, takes it away, or says
// which scopes are granted. The scope that gives stored secrets out needs a
// fresh proof (R2, R20).
func (d *Dashboard) changeAPIApplications(w http.ResponseWriter, q *request) error {
	a, _, err := d.api(q, tabApplications)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	here := apiAddress(a.ID, tabApplications)
	scopes := f.picked("scope.")
	if slices.Contains(scopes, tenant.SecretsScope) && !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, here)
	}
	if scopes == nil {
		scopes = []string{}
	}
	done := "saved"
	switch f.Get("action") {
	case "authorize":
		done = "on"
		raw, body, berr := document(map[string]any{"client_id": f.Get("client"), "audience": a.Identifier, "scope": []string{}})
		if berr != nil {
			return berr
		}
		_, err = d.Manage.CreateClientGrant(q.Context(), q.actor(raw), body)
	case "revoke":
		done = "off"
		err = d.Manage.DeleteClientGrant(q.Context(), q.actor(nil), f.Get("grant"))
	case "scopes":
		raw, body, berr := document(map[string]any{"scope": scopes})
		if berr != nil {
			return berr
		}
		_, err = d.Manage.ChangeClientGrant(q.Context(), q.actor(raw), f.Get("grant"), body)
	default:
		return errNoPage
	}
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal && told.Kind != fault.NotFound {
		return d.showAccess(w, q, told.Message)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, here+"?done="+done)
}
