package dashboard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// switched says beside a switch what it has just done, and offers to take that
// back.
type switched struct {
	Of     string // what the switch is for
	Text   string
	Action string // where the form that takes it back goes
	Fields []hidden
}

// saidBy is what the switch for id has to say, or nil. It serves templates.
func saidBy(s *switched, id string) *switched {
	if s == nil || id == "" || s.Of != id {
		return nil
	}
	return s
}

type hidden struct{ Name, Value string }

// switchedTo are the parameters by which a page knows what was switched.
func switchedTo(id string, on bool) url.Values {
	return url.Values{"switched": {id}, "to": {onOff(on)}}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// switchedText names what was switched.
func switchedText(c *tenant.Connection, on bool, where string) string {
	return methodTitle(c) + " was switched " + onOff(on) + " for " + where + "."
}

// methodsPage lists the methods.
type methodsPage struct {
	Methods  []card
	Edit     bool
	Switched *switched // one of them, just now
}

// maxUndo is for how many applications a method can be switched on again at
// once.
const maxUndo = 20

// methods shows the list.
func (d *Dashboard) methods(w http.ResponseWriter, q *request) error {
	cards, err := d.cards(q.Context())
	if err != nil {
		return err
	}
	p := methodsPage{Methods: cards, Edit: q.Who.Role.May(tenant.Editor)}
	query := q.URL.Query()
	for i := range cards {
		// What another administrator has changed since is not taken back.
		if c := &cards[i]; c.ID != "" && string(c.ID) == query.Get("switched") && onOff(c.On) == query.Get("to") {
			p.Switched = cardSwitched(c, query["client"])
		}
	}
	return d.show(w, q, "passwordless", view{Title: "Passwordless", Body: p})
}

// cardSwitched is what a card says when it was switched on, or off for the
// applications.
func cardSwitched(c *card, clients []string) *switched {
	s := &switched{Of: string(c.ID), Fields: []hidden{{"connection", string(c.ID)}}}
	if c.On {
		s.Text, s.Action = c.Title+" was switched on for "+counted(c.Apps, "application", "applications")+".", pathPasswordless
		return s
	}
	s.Text = c.Title + " was switched off"
	if n := len(clients); n == 0 || n > maxUndo {
		s.Text, s.Fields = s.Text+".", nil
		return s
	}
	s.Text, s.Action = s.Text+" for "+counted(len(clients), "application", "applications")+".", pathPasswordless+"/on"
	s.Fields = append(s.Fields, hidden{"back", "cards"})
	for _, id := range clients {
		s.Fields = append(s.Fields, hidden{"client." + id, "on"})
	}
	return s
}

// switchOff takes a connection off all applications.
func (d *Dashboard) switchOff(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	c, err := d.Manage.Connection(q.Context(), tenant.ConnectionID(f.Get("connection")))
	if err != nil {
		return err
	}
	if err := d.enable(q, c.ID, c.Clients, false); err != nil {
		return err
	}
	query := switchedTo(string(c.ID), false)
	if len(c.Clients) <= maxUndo {
		for _, id := range c.Clients {
			query.Add("client", string(id))
		}
	}
	return leave(w, q.Request, withQuery(pathPasswordless, query))
}

// enableAtOnce is how many applications one change switches.
const enableAtOnce = 50

// enable switches a connection on or off for applications.
func (d *Dashboard) enable(q *request, id tenant.ConnectionID, clients []tenant.ClientID, on bool) error {
	type change struct {
		Client tenant.ClientID `json:"client_id"`
		Status bool            `json:"status"`
	}
	for part := range slices.Chunk(clients, enableAtOnce) {
		list := make([]change, len(part))
		for i, client := range part {
			list[i] = change{client, on}
		}
		body, err := json.Marshal(list)
		if err != nil {
			return fmt.Errorf("write change: %w", err)
		}
		if err := d.Manage.EnableClients(q.Context(), q.actor(body), id, body); err != nil {
			return err
		}
	}
	return nil
}

// applicationsPage switches a connection on and off for applications.
type applicationsPage struct {
	connectionFrame
	List     []clientToggle
	Switched *switched
	At       string // the application whose switch has the focus
	New      string // address that makes an application and leads back here
	Problem  string
}

type clientToggle struct {
	ID, Name, Type string
	On             bool
}

func (d *Dashboard) connectionApplications(w http.ResponseWriter, q *request) error {
	return d.showApplications(w, q, q.URL.Query().Get("switched"), "")
}

func (d *Dashboard) showApplications(w http.ResponseWriter, q *request, at, problem string) error {
	c, f, err := d.connection(q, tabApplications)
	if err != nil {
		return err
	}
	p := applicationsPage{connectionFrame: f, At: at, Problem: problem}
	p.New = withQuery(pathApplications+"/new", url.Values{"next": {tabAddress(c.ID, tabApplications)}})
	all, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return err
	}
	for _, client := range all.Items {
		t := clientToggle{string(client.ID), client.Name, client.AppType, c.Admits(client.ID)}
		p.List = append(p.List, t)
		if t.ID == at && f.Edit && problem == "" && onOff(t.On) == q.URL.Query().Get("to") {
			p.Switched = &switched{
				Of: at, Text: switchedText(c, t.On, client.Name), Action: tabAddress(c.ID, tabApplications),
				Fields: []hidden{{"client", at}, {"to", onOff(!t.On)}},
			}
		}
	}
	return d.show(w, q, "applications", view{Title: title(c), Failed: problem != "", Body: p})
}

// toggleApplication switches one.
func (d *Dashboard) toggleApplication(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	id, client, on := tenant.ConnectionID(q.PathValue("id")), f.Get("client"), f.Get("to") == "on"
	err = d.enable(q, id, []tenant.ClientID{tenant.ClientID(client)}, on)
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal && told.Kind != fault.NotFound {
		return d.showApplications(w, q, client, told.Message)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, withQuery(tabAddress(id, tabApplications), switchedTo(client, on)))
}
