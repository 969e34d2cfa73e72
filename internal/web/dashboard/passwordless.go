package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// connectionRoutes are the pages of connections.
func (d *Dashboard) connectionRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathPasswordless, tenant.Viewer, d.methods)
	d.page(mux, "POST "+pathPasswordless, tenant.Editor, d.switchOff)
	d.page(mux, "GET "+pathPasswordless+"/on", tenant.Editor, d.chooseApplications)
	d.page(mux, "POST "+pathPasswordless+"/on", tenant.Editor, d.switchOn)
	const one = pathPasswordless + "/{id}"
	d.page(mux, "GET "+one, tenant.Viewer, func(w http.ResponseWriter, q *request) error {
		return leave(w, q.Request, tabAddress(tenant.ConnectionID(q.PathValue("id")), tabSettings))
	})
	d.page(mux, "GET "+one+"/settings", tenant.Viewer, d.settings)
	d.page(mux, "POST "+one+"/settings", tenant.Editor, d.saveSettings)
	d.page(mux, "GET "+one+"/try", tenant.Viewer, d.try)
	d.page(mux, "POST "+one+"/try", tenant.Editor, d.runTry)
	d.page(mux, "GET "+one+"/preview", tenant.Viewer, d.preview)
	d.page(mux, "POST "+one+"/preview", tenant.Editor, d.previewTyped)
	d.page(mux, "GET "+one+"/deliveries", tenant.Viewer, d.deliveries)
	d.page(mux, "GET "+one+"/code", tenant.Viewer, d.connectionCode)
	d.page(mux, "POST "+one+"/code", tenant.Viewer, d.typedCode)
	d.page(mux, "GET "+one+"/applications", tenant.Viewer, d.connectionApplications)
	d.page(mux, "POST "+one+"/applications", tenant.Editor, d.toggleApplication)
}

// The tabs of a connection.
const (
	tabSettings     = "settings"
	tabApplications = "applications"
	tabTry          = "try"
	tabDeliveries   = "deliveries"
)

func tabAddress(id tenant.ConnectionID, tab string) string {
	return pathPasswordless + "/" + url.PathEscape(string(id)) + "/" + tab
}

// A card is a method of signing in, or one that could be set up.
type card struct {
	Title    string // "SMS"
	What     string
	Strategy tenant.Channel
	ID       tenant.ConnectionID // empty: there is no connection yet
	Name     string
	On       bool // for an application or more
	Apps     int
	Ready    bool
	Managed  bool
	Address  string // of its settings
}

func methodName(c tenant.Channel) string {
	if c == tenant.Email {
		return "Email"
	}
	return "SMS"
}

// methodTitle names a connection as its card does.
func methodTitle(c *tenant.Connection) string {
	if c.Name != string(c.Channel) {
		return methodName(c.Channel) + ": " + c.Name
	}
	return methodName(c.Channel)
}

func methodText(c tenant.Channel) string {
	if c == tenant.Email {
		return "A code or a link by e-mail."
	}
	return "A code by text message."
}

// cards are the methods: every connection, and each kind of which there is
// none.
func (d *Dashboard) cards(ctx context.Context) ([]card, error) {
	list, err := d.Manage.ListConnections(ctx, manage.ConnectionQuery{}, everything())
	if err != nil {
		return nil, err
	}
	var cards []card
	for _, channel := range []tenant.Channel{tenant.SMS, tenant.Email} {
		plain := card{Title: methodName(channel), What: methodText(channel), Strategy: channel}
		found := false
		for _, c := range list.Items {
			if c.Channel != channel {
				continue
			}
			found = true
			one := plain
			one.Title = methodTitle(c)
			one.ID, one.Name, one.Apps, one.On, one.Managed = c.ID, c.Name, len(c.Clients), len(c.Clients) > 0, c.Managed
			one.Address = tabAddress(c.ID, tabSettings)
			if one.Ready, err = d.Ready(ctx, c); err != nil {
				return nil, err
			}
			cards = append(cards, one)
		}
		if !found {
			cards = append(cards, plain)
		}
	}
	return cards, nil
}

// choicePage asks for the applications that a method is switched on for.
type choicePage struct {
	Title    string
	Strategy tenant.Channel
	ID       tenant.ConnectionID
	Clients  []*tenant.Client
	Chosen   tenant.ClientID // one that was made for it just now
	New      string          // address that makes one and leads back here
	Problem  string
}

func (d *Dashboard) chooseApplications(w http.ResponseWriter, q *request) error {
	query := q.URL.Query()
	return d.showChoice(w, q, choicePage{
		Strategy: tenant.Channel(query.Get("strategy")), ID: tenant.ConnectionID(query.Get("connection")), Chosen: tenant.ClientID(query.Get("client")),
	})
}

func (d *Dashboard) showChoice(w http.ResponseWriter, q *request, p choicePage) error {
	if p.ID != "" {
		c, err := d.Manage.Connection(q.Context(), p.ID)
		if err != nil {
			return err
		}
		p.Strategy = c.Channel
	}
	if p.Strategy != tenant.SMS && p.Strategy != tenant.Email {
		return errNoPage
	}
	p.Title = methodName(p.Strategy)
	var err error
	if p.Clients, err = d.people(q.Context()); err != nil {
		return err
	}
	here := url.Values{"strategy": {string(p.Strategy)}}
	if p.ID != "" {
		here = url.Values{"connection": {string(p.ID)}}
	}
	p.New = withQuery(pathApplications+"/new", url.Values{"next": {withQuery(pathPasswordless+"/on", here)}})
	return d.show(w, q, "choose", view{Title: "Switch " + p.Title + " on", Failed: p.Problem != "", Body: p})
}

// people are the applications that people sign in to.
func (d *Dashboard) people(ctx context.Context) ([]*tenant.Client, error) {
	all, err := d.Manage.ListClients(ctx, manage.ClientQuery{}, everything())
	if err != nil {
		return nil, err
	}
	var list []*tenant.Client
	for _, c := range all.Items {
		if c.MayUse(tenant.GrantOTP) || c.MayUse(tenant.GrantAuthorizationCode) || c.MayUse(tenant.GrantDeviceCode) {
			list = append(list, c)
		}
	}
	return list, nil
}

// switchOn makes the connection if there is none, and enables it for the
// applications that were chosen.
func (d *Dashboard) switchOn(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := choicePage{Strategy: tenant.Channel(f.Get("strategy")), ID: tenant.ConnectionID(f.Get("connection"))}
	var clients []tenant.ClientID
	for _, id := range f.picked("client.") {
		clients = append(clients, tenant.ClientID(id))
	}
	if len(clients) == 0 {
		p.Problem = "Choose an application: the method is off where none uses it."
		return d.showChoice(w, q, p)
	}
	id := p.ID
	if id == "" {
		if id, err = d.create(q, p.Strategy, clients); err != nil {
			return err
		}
	} else if err := d.enable(q, id, clients, true); err != nil {
		return err
	}
	if f.Get("back") == "cards" {
		return leave(w, q.Request, withQuery(pathPasswordless, switchedTo(string(id), true)))
	}
	return leave(w, q.Request, tabAddress(id, tabSettings)+"?done=method-on")
}

// create makes a connection as people expect one who make it here: with the line
// that phones fill codes in from.
func (d *Dashboard) create(q *request, channel tenant.Channel, clients []tenant.ClientID) (tenant.ConnectionID, error) {
	options := map[string]any{
		"name": string(channel), "brute_force_protection": true, "disable_signup": false,
		"totp": map[string]any{"length": tenant.DefaultDigits, "time_step": int(tenant.DefaultLifetime.Seconds())},
	}
	if channel == tenant.SMS {
		options["doorcode"] = map[string]any{"autofill": true}
	}
	raw, err := json.Marshal(map[string]any{
		"name": string(channel), "strategy": string(channel), "options": options, "enabled_clients": clients,
	})
	if err != nil {
		return "", fmt.Errorf("write connection: %w", err)
	}
	body, err := settings.ParseObject(raw)
	if err != nil {
		return "", fmt.Errorf("write connection: %w", err)
	}
	c, err := d.Manage.CreateConnection(q.Context(), q.actor(raw), body)
	if err != nil {
		return "", err
	}
	return c.ID, nil
}

// A connectionFrame is what the pages of a connection have in common.
type connectionFrame struct {
	ID       tenant.ConnectionID
	Name     string
	SMS      bool
	On       bool
	Ready    bool
	Managed  bool
	Edit     bool // and the administrator may change it
	Provider string
	Tabs     []link
}

// connection reads the connection that a page is about.
func (d *Dashboard) connection(q *request, tab string) (*tenant.Connection, connectionFrame, error) {
	c, err := d.Manage.Connection(q.Context(), tenant.ConnectionID(q.PathValue("id")))
	if err != nil {
		return nil, connectionFrame{}, err
	}
	if c.Channel != tenant.SMS && c.Channel != tenant.Email {
		return nil, connectionFrame{}, errNoPage
	}
	f := connectionFrame{
		ID: c.ID, Name: c.Name, SMS: c.Channel == tenant.SMS, On: len(c.Clients) > 0, Managed: c.Managed,
		Edit: !c.Managed && q.Who.Role.May(tenant.Editor), Provider: c.Sender.Provider,
	}
	if f.Ready, err = d.Ready(q.Context(), c); err != nil {
		return nil, f, err
	}
	for _, t := range tabs() {
		f.Tabs = append(f.Tabs, link{Name: t.name, Address: tabAddress(c.ID, t.path), Here: t.path == tab})
	}
	return c, f, nil
}

func tabs() []struct{ path, name string } {
	return []struct{ path, name string }{
		{tabSettings, "Settings"}, {tabApplications, "Applications"}, {tabTry, "Try"}, {tabDeliveries, "Deliveries"}, {tabCode, "As code"},
	}
}

// title names a connection, and Twilio's as Auth0 does.
func title(c *tenant.Connection) string {
	t := methodName(c.Channel)
	if c.Channel == tenant.SMS && (c.Sender.Provider == "" || c.Sender.Provider == "twilio") {
		t += " (Twilio)"
	}
	if c.Name != string(c.Channel) {
		t += ": " + c.Name
	}
	return t
}
