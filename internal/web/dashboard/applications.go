package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/settings"
	"github.com/doorcode/doorcode/internal/tenant"
)

// applicationRoutes are the pages of applications.
func (d *Dashboard) applicationRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathApplications, tenant.Viewer, d.applications)
	d.page(mux, "GET "+pathApplications+"/new", tenant.Editor, d.newApplication)
	d.page(mux, "POST "+pathApplications+"/new", tenant.Editor, d.createApplication)
	const one = pathApplications + "/{id}"
	d.page(mux, "GET "+one, tenant.Viewer, func(w http.ResponseWriter, q *request) error {
		return leave(w, q.Request, applicationAddress(tenant.ClientID(q.PathValue("id")), tabSettings))
	})
	d.page(mux, "GET "+one+"/quickstart", tenant.Viewer, d.quickstart)
	d.page(mux, "GET "+one+"/settings", tenant.Viewer, d.applicationSettings)
	d.page(mux, "POST "+one+"/settings", tenant.Editor, d.saveApplication)
	d.page(mux, "POST "+one+"/callbacks", tenant.Editor, d.addCallback)
	d.page(mux, "GET "+one+"/connections", tenant.Viewer, d.applicationConnections)
	d.page(mux, "POST "+one+"/connections", tenant.Editor, d.toggleConnection)
	d.page(mux, "GET "+one+"/code", tenant.Viewer, d.applicationCode)
	d.page(mux, "GET "+one+"/secret", tenant.Editor, d.applicationSecret)
	d.page(mux, "POST "+one+"/secret", tenant.Editor, d.changeSecret)
	d.page(mux, "GET "+one+"/delete", tenant.Editor, d.confirmApplicationDeletion)
	d.page(mux, "POST "+one+"/delete", tenant.Editor, d.deleteApplication)
}

// The tabs of an application beside tabSettings.
const (
	tabQuickstart  = "quickstart"
	tabConnections = "connections"
	tabCode        = "code"
)

func applicationAddress(id tenant.ClientID, tab string) string {
	return pathApplications + "/" + url.PathEscape(string(id)) + "/" + tab
}

// An applicationType is a kind of application as people choose it.
type applicationType struct{ Value, Name, What string }

// applicationTypes are those that are offered, under Auth0's names.
func applicationTypes() []applicationType {
	return []applicationType{
		{"native", "Native", "A mobile or desktop app. It keeps no secret."},
		{"spa", "Single Page Application", "A page that runs in the browser, such as one in React. It keeps no secret."},
		{"regular_web", "Regular Web Application", "A site whose server signs people in and keeps a secret."},
		{"non_interactive", "Machine to Machine", "A program that asks for tokens in its own name. Nobody signs in to it."},
	}
}

func typeName(value string) string {
	for _, t := range applicationTypes() {
		if t.Value == value {
			return t.Name
		}
	}
	if value == "" {
		return "No type"
	}
	return value
}

// applicationsList is the list of applications.
type applicationsList struct {
	List   []applicationRow
	Edit   bool
	Newest int // sign-ins that were looked at
}

type applicationRow struct {
	Client      *tenant.Client
	SignedIn    time.Time // zero: none among the newest
	Type        string
	Address     string
	Connections []string // by name
}

// applications lists them.
func (d *Dashboard) applications(w http.ResponseWriter, q *request) error {
	clients, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return err
	}
	connections, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{}, everything())
	if err != nil {
		return err
	}
	signedIn, err := d.lastSignIns(q)
	if err != nil {
		return err
	}
	p := applicationsList{Edit: q.Who.Role.May(tenant.Editor), Newest: newestSignIns}
	for _, c := range clients.Items {
		row := applicationRow{Client: c, SignedIn: signedIn[c.ID], Type: typeName(c.AppType), Address: applicationAddress(c.ID, tabSettings)}
		for _, way := range connections.Items {
			if way.Admits(c.ID) {
				row.Connections = append(row.Connections, way.Name)
			}
		}
		p.List = append(p.List, row)
	}
	return d.show(w, q, "application-list", view{Title: "Applications", Body: p})
}

// newApplicationPage asks for a name and a type.
type newApplicationPage struct {
	Name, Type string
	Types      []applicationType
	Next       string // the page of ours that wants an application; may be empty
	Problem    string
}

func (d *Dashboard) newApplication(w http.ResponseWriter, q *request) error {
	return d.showNewApplication(w, q, newApplicationPage{Type: "regular_web", Next: wanting(q.URL.Query().Get("next"))})
}

// wanting is a page of ours that leads to the making of an application and is
// returned to, or empty.
func wanting(address string) string {
	if address == "" {
		return ""
	}
	return next(address)
}

func (d *Dashboard) showNewApplication(w http.ResponseWriter, q *request, p newApplicationPage) error {
	p.Types = applicationTypes()
	return d.show(w, q, "application-new", view{Title: "Create Application", Failed: p.Problem != "", Body: p})
}

// createApplication makes one that people sign in to by a code too, unless no
// people sign in to it at all.
func (d *Dashboard) createApplication(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := newApplicationPage{Name: f.line("name"), Type: f.Get("app_type"), Next: wanting(f.Get("next"))}
	if p.Name == "" {
		p.Problem = "Give the application a name: people see it in messages and when they sign in."
		return d.showNewApplication(w, q, p)
	}
	raw, body, err := document(map[string]any{
		"name": p.Name, "app_type": p.Type, "oidc_conformant": true, "grant_types": firstGrants(p.Type),
		"jwt_configuration": map[string]any{"alg": "RS256"},
		"refresh_token":     firstRefresh(p.Type),
	})
	if err != nil {
		return err
	}
	c, err := d.Manage.CreateClient(q.Context(), q.actor(raw), body)
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		p.Problem = told.Message
		return d.showNewApplication(w, q, p)
	}
	if err != nil {
		return err
	}
	if back, err := url.Parse(p.Next); err == nil && p.Next != "" {
		query := back.Query()
		query.Set("client", string(c.ID))
		query.Set("done", "added")
		return leave(w, q.Request, withQuery(back.Path, query))
	}
	return leave(w, q.Request, applicationAddress(c.ID, tabQuickstart)+"?done=added")
}

// firstGrants are the grant types that an application of the type starts with:
// none by which tokens come through the address bar (RFC 9700 §2.1.2).
func firstGrants(appType string) []string {
	switch appType {
	case "non_interactive":
		return []string{tenant.GrantClientCredentials}
	case "native", "spa":
		return []string{tenant.GrantAuthorizationCode, tenant.GrantRefreshToken, tenant.GrantOTP}
	}
	return []string{tenant.GrantAuthorizationCode, tenant.GrantRefreshToken, tenant.GrantOTP, tenant.GrantClientCredentials}
}

// firstRefresh has refresh tokens that nothing but the browser or the device
// keeps replaced at each use (RFC 9700 §4.14.2).
func firstRefresh(appType string) map[string]any {
	if appType != "native" && appType != "spa" {
		return map[string]any{"rotation_type": "non-rotating", "expiration_type": "non-expiring"}
	}
	return map[string]any{"rotation_type": "rotating", "expiration_type": "expiring", "leeway": 0}
}

// document writes a body as the Management API would get it.
func document(v any) ([]byte, *settings.Object, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, nil, fmt.Errorf("write body: %w", err)
	}
	body, err := settings.ParseObject(raw)
	return raw, body, err
}

// An applicationFrame is what the pages of an application have in common.
type applicationFrame struct {
	Client  *tenant.Client
	Type    string
	Managed bool
	Edit    bool
	Tabs    []link
}

// domain is what applications call the server: its host, and its port if that is
// not the usual one.
func (d *Dashboard) domain() string {
	_, domain, _ := strings.Cut(d.URL, "://")
	return domain
}

// application reads the application that a page is about.
func (d *Dashboard) application(q *request, tab string) (*tenant.Client, applicationFrame, error) {
	c, err := d.Manage.Client(q.Context(), tenant.ClientID(q.PathValue("id")))
	if err != nil {
		return nil, applicationFrame{}, err
	}
	f := applicationFrame{Client: c, Type: typeName(c.AppType), Managed: c.Managed, Edit: !c.Managed && q.Who.Role.May(tenant.Editor)}
	for _, t := range []link{
		{Name: "Quickstart", Address: tabQuickstart},
		{Name: "Settings", Address: tabSettings},
		{Name: "Connections", Address: tabConnections},
		{Name: "As code", Address: tabCode},
	} {
		f.Tabs = append(f.Tabs, link{Name: t.Name, Address: applicationAddress(c.ID, t.Address), Here: t.Address == tab})
	}
	return c, f, nil
}

// applicationPage is the settings of an application.
type applicationPage struct {
	applicationFrame
	edit
	Form applicationForm
	// Warnings are about addresses that are taken and may not be meant, by
	// field.
	Warnings map[string][]string
	Rejected *rejected
	Domain   string
	Address  string
	Types    []choice
	Methods  []choice
	Grants   []choice
	Algs     []choice
}

// A choice is an entry of a list in a form.
type choice struct {
	Value, Name string
	On          bool
}

func (d *Dashboard) applicationSettings(w http.ResponseWriter, q *request) error {
	c, f, err := d.application(q, tabSettings)
	if err != nil {
		return err
	}
	form, err := applicationFormOf(c)
	if err != nil {
		return err
	}
	return d.showApplication(w, q, applicationPage{applicationFrame: f, Form: form})
}

func (d *Dashboard) showApplication(w http.ResponseWriter, q *request, p applicationPage) error {
	p.Domain, p.Types, p.Address = d.domain(), p.Form.types(), applicationAddress(p.Client.ID, tabSettings)
	stored, err := applicationFormOf(p.Client)
	if err != nil {
		return err
	}
	p.about(strconv.FormatInt(p.Client.UpdatedAt.UnixMilli(), 10), stored.fields())
	p.Methods, p.Algs, p.Grants = p.Form.methods(), p.Form.algs(), p.Form.grantChoices()
	p.Warnings = p.Form.warnings(d.Dev)
	if p.Rejected, err = d.rejectedCallback(q, p.Client); err != nil {
		return err
	}
	v := view{Title: p.Client.Name, Script: "form.js", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p}
	return d.show(w, q, "application-settings", v)
}

// saveApplication stores what was typed, or says what is wrong with it.
func (d *Dashboard) saveApplication(w http.ResponseWriter, q *request) error {
	c, frame, err := d.application(q, tabSettings)
	if err != nil {
		return err
	}
	sent, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	form, err := applicationFormOf(c)
	if err != nil {
		return err
	}
	read(sent, form.fields())
	p := applicationPage{applicationFrame: frame, edit: edited(sent, "seen"), Form: form}
	seen, err := strconv.ParseInt(p.Seen, 10, 64)
	switch {
	case c.Managed:
		return manage.ErrManaged
	case err != nil || seen <= 0:
		return errNoVersion
	case seen != c.UpdatedAt.UnixMilli():
		return d.showStaleApplication(w, q, p)
	}
	change, err := p.Form.change(c)
	if err != nil {
		return err
	}
	if len(change) == 0 {
		return leave(w, q.Request, applicationAddress(c.ID, tabSettings)+"?done=saved")
	}
	if p.Wrong = p.Form.check(); len(p.Wrong) > 0 {
		return d.showApplication(w, q, p)
	}
	raw, body, err := document(change)
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeClient(q.Context(), q.actor(raw), c.ID, manage.Patch{Body: body, Seen: time.UnixMilli(seen)})
	if errors.Is(err, manage.ErrStale) {
		return d.showStaleApplication(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showApplication(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, applicationAddress(c.ID, tabSettings)+"?done=saved")
}

// showStaleApplication shows what was typed on top of what somebody else stored
// meanwhile.
func (d *Dashboard) showStaleApplication(w http.ResponseWriter, q *request, p applicationPage) error {
	c, frame, err := d.application(q, tabSettings)
	if err != nil {
		return err
	}
	stored, err := applicationFormOf(c)
	if err != nil {
		return err
	}
	p.applicationFrame = frame
	p.Form.KeyMethod, p.Form.SaidConformant = stored.KeyMethod, stored.SaidConformant
	p.stale("this application since you opened it", p.Form.fields(), stored.fields())
	p.Wrong = p.Form.check()
	return d.showApplication(w, q, p)
}
