package dashboard

import (
	"fmt"
	"net/http"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// applicationWays switches connections on and off for an application.
type applicationWays struct {
	applicationFrame
	List     []connectionToggle
	Switched *switched
	At       string // the connection whose switch has the focus
	Problem  string
}

type connectionToggle struct {
	ID            tenant.ConnectionID
	Name, Address string
	On, Managed   bool
}

func (d *Dashboard) applicationConnections(w http.ResponseWriter, q *request) error {
	return d.showApplicationConnections(w, q, q.URL.Query().Get("switched"), "")
}

func (d *Dashboard) showApplicationConnections(w http.ResponseWriter, q *request, at, problem string) error {
	c, f, err := d.application(q, tabConnections)
	if err != nil {
		return err
	}
	// A connection says whom it is for, also to an application that the file
	// manages.
	f.Edit = q.Who.Role.May(tenant.Editor)
	all, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{}, everything())
	if err != nil {
		return err
	}
	p := applicationWays{applicationFrame: f, At: at, Problem: problem}
	for _, way := range all.Items {
		t := connectionToggle{way.ID, title(way), tabAddress(way.ID, tabSettings), way.Admits(c.ID), way.Managed}
		p.List = append(p.List, t)
		if string(t.ID) == at && f.Edit && !t.Managed && problem == "" && onOff(t.On) == q.URL.Query().Get("to") {
			p.Switched = &switched{
				Of: at, Text: switchedText(way, t.On, c.Name), Action: applicationAddress(c.ID, tabConnections),
				Fields: []hidden{{"connection", at}, {"to", onOff(!t.On)}},
			}
		}
	}
	return d.show(w, q, "application-connections", view{Title: c.Name, Failed: problem != "", Body: p})
}

// toggleConnection switches one.
func (d *Dashboard) toggleConnection(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	client, id, on := tenant.ClientID(q.PathValue("id")), f.Get("connection"), f.Get("to") == "on"
	err = d.enable(q, tenant.ConnectionID(id), []tenant.ClientID{client}, on)
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal && told.Kind != fault.NotFound {
		return d.showApplicationConnections(w, q, id, told.Message)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, withQuery(applicationAddress(client, tabConnections), switchedTo(id, on)))
}

// secretPage shows or replaces the secret of an application.
type secretPage struct {
	applicationFrame
	Secret  string // shown now, once
	Rotated bool
	Problem string
}

func (d *Dashboard) applicationSecret(w http.ResponseWriter, q *request) error {
	c, f, err := d.application(q, "")
	if err != nil {
		return err
	}
	return d.show(w, q, "application-secret", view{Title: c.Name, Body: secretPage{applicationFrame: f}})
}

// changeSecret asks for a fresh proof: a secret lets its holder in (R20).
func (d *Dashboard) changeSecret(w http.ResponseWriter, q *request) error {
	c, frame, err := d.application(q, "")
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, applicationAddress(c.ID, "secret"))
	}
	p := secretPage{applicationFrame: frame}
	switch f.Get("action") {
	case "show":
		p.Secret, err = d.Manage.ShowSecret(q.Context(), q.actor(nil), c.ID)
	case "rotate":
		if !f.on("sure") {
			p.Problem = "Tick the box: from then on the old secret is refused, wherever it is still used."
			break
		}
		p.Rotated = true
		var after *tenant.Client
		if after, err = d.Manage.RotateSecret(q.Context(), q.actor(nil), c.ID); err == nil {
			p.Secret = after.Secret
		}
	default:
		return errNoPage
	}
	if err != nil {
		return err
	}
	return d.show(w, q, "application-secret", view{Title: c.Name, Failed: p.Problem != "", Body: p})
}

// A deletionPage asks for the name of what is deleted, and says what ends with
// it.
type deletionPage struct {
	What, Name string // "application", "My app"
	Back       string
	Effects    []string
	Problem    string
}

func (d *Dashboard) showDeletion(w http.ResponseWriter, q *request, p deletionPage) error {
	return d.show(w, q, "deletion", view{Title: "Delete " + p.Name, Failed: p.Problem != "", Body: p})
}

// confirmed reports whether the name was typed.
func (p *deletionPage) confirmed(f form) bool {
	if f.line("name") == p.Name {
		return true
	}
	p.Problem = fmt.Sprintf("Nothing was deleted. Type the name as it stands: %s", p.Name)
	return false
}

func (d *Dashboard) applicationDeletion(q *request) (deletionPage, error) {
	c, _, err := d.application(q, "")
	if err != nil {
		return deletionPage{}, err
	}
	grants, err := d.Manage.Clients.CountGrants(q.Context(), c.ID)
	if err != nil {
		return deletionPage{}, err
	}
	return deletionPage{
		What: "application", Name: c.Name, Back: applicationAddress(c.ID, tabSettings),
		Effects: []string{
			counted(grants, "sign-in", "sign-ins") + " with refresh tokens end.",
			"Its client id and its secret are refused from then on. This cannot be undone.",
		},
	}, nil
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func (d *Dashboard) confirmApplicationDeletion(w http.ResponseWriter, q *request) error {
	p, err := d.applicationDeletion(q)
	if err != nil {
		return err
	}
	return d.showDeletion(w, q, p)
}

func (d *Dashboard) deleteApplication(w http.ResponseWriter, q *request) error {
	p, err := d.applicationDeletion(q)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	if !p.confirmed(f) {
		return d.showDeletion(w, q, p)
	}
	err = d.Manage.DeleteClient(q.Context(), q.actor(nil), tenant.ClientID(q.PathValue("id")))
	if told := fault.Of(err); err != nil && told.Kind == fault.Conflict {
		p.Problem = told.Message
		return d.showDeletion(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathApplications+"?done=deleted")
}
