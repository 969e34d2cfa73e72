package dashboard

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// apiRoutes are the pages of APIs.
func (d *Dashboard) apiRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathAPIs, tenant.Viewer, d.apis)
	d.page(mux, "GET "+pathAPIs+"/new", tenant.Editor, d.newAPI)
	d.page(mux, "POST "+pathAPIs+"/new", tenant.Editor, d.createAPI)
	const one = pathAPIs + "/{id}"
	d.page(mux, "GET "+one, tenant.Viewer, func(w http.ResponseWriter, q *request) error {
		return leave(w, q.Request, apiAddress(q.PathValue("id"), tabSettings))
	})
	d.page(mux, "GET "+one+"/settings", tenant.Viewer, d.apiSettings)
	d.page(mux, "POST "+one+"/settings", tenant.Editor, d.saveAPI)
	d.page(mux, "GET "+one+"/permissions", tenant.Viewer, d.apiPermissions)
	d.page(mux, "POST "+one+"/permissions", tenant.Editor, d.changePermissions)
	d.page(mux, "GET "+one+"/applications", tenant.Viewer, d.apiApplications)
	d.page(mux, "POST "+one+"/applications", tenant.Editor, d.changeAPIApplications)
	d.page(mux, "GET "+one+"/test", tenant.Viewer, d.apiTest)
	d.page(mux, "GET "+one+"/delete", tenant.Editor, d.confirmAPIDeletion)
	d.page(mux, "POST "+one+"/delete", tenant.Editor, d.deleteAPI)
}

const tabPermissions = "permissions"

// systemAPI is the id under which the pages know the Management API, which is
// no stored one.
const systemAPI = "management"

func apiAddress(id, tab string) string { return pathAPIs + "/" + url.PathEscape(id) + "/" + tab }

// managementAPI is the Management API as if it was stored.
func (d *Dashboard) managementAPI() *tenant.API {
	return &tenant.API{
		ID: systemAPI, Name: "Management API", Identifier: d.Manage.ShownAudience(d.Manage.ManagementAudience),
		Scopes: append(tenant.ManagementScopes(), tenant.SecretsScope),
	}
}

// apiList is the list of APIs.
type apiList struct {
	List []apiRow
	Edit bool
}

type apiRow struct {
	API     *tenant.API
	System  bool
	Address string
}

func (d *Dashboard) apis(w http.ResponseWriter, q *request) error {
	all, err := d.Manage.ListAPIs(q.Context(), nil, everything())
	if err != nil {
		return err
	}
	p := apiList{Edit: q.Who.Role.May(tenant.Editor)}
	p.List = append(p.List, apiRow{d.managementAPI(), true, apiAddress(systemAPI, tabApplications)})
	for _, a := range all.Items {
		p.List = append(p.List, apiRow{a, false, apiAddress(a.ID, tabSettings)})
	}
	return d.show(w, q, "api-list", view{Title: "APIs", Body: p})
}

// newAPIPage asks for what cannot be changed later.
type newAPIPage struct {
	Name, Identifier, Alg string
	Problem               string
	Wrong                 map[string]string
}

func (d *Dashboard) newAPI(w http.ResponseWriter, q *request) error {
	return d.showNewAPI(w, q, newAPIPage{})
}

func (d *Dashboard) showNewAPI(w http.ResponseWriter, q *request, p newAPIPage) error {
	return d.show(w, q, "api-new", view{Title: "Create API", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p})
}

func (d *Dashboard) createAPI(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := newAPIPage{Name: f.line("name"), Identifier: f.line("identifier"), Alg: f.Get("alg"), Wrong: map[string]string{}}
	if p.Name == "" {
		p.Wrong["name"] = "Give the API a name."
	}
	if p.Identifier == "" {
		p.Wrong["identifier"] = "Enter what applications send as audience, such as https://api.example.com."
	}
	if len(p.Wrong) > 0 {
		return d.showNewAPI(w, q, p)
	}
	raw, body, err := document(map[string]any{"name": p.Name, "identifier": p.Identifier, "signing_alg": p.Alg})
	if err != nil {
		return err
	}
	a, err := d.Manage.CreateAPI(q.Context(), q.actor(raw), body)
	if told := fault.Of(err); err != nil && told.Kind != fault.Internal {
		p.Problem = told.Message
		return d.showNewAPI(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, apiAddress(a.ID, tabPermissions)+"?done=added")
}

// An apiFrame is what the pages of an API have in common.
type apiFrame struct {
	API     *tenant.API
	System  bool
	Managed bool
	Edit    bool
	Tabs    []link
}

// api reads the API that a page is about.
func (d *Dashboard) api(q *request, tab string) (*tenant.API, apiFrame, error) {
	f := apiFrame{Edit: q.Who.Role.May(tenant.Editor)}
	tabs := []link{
		{Name: "Settings", Address: tabSettings},
		{Name: "Permissions", Address: tabPermissions},
		{Name: "Machine to Machine", Address: tabApplications},
		{Name: "Test", Address: tabTest},
	}
	if q.PathValue("id") == systemAPI {
		if tab != tabApplications && tab != tabTest {
			return nil, f, errNoPage
		}
		f.API, f.System, tabs = d.managementAPI(), true, tabs[2:]
	} else {
		a, err := d.Manage.API(q.Context(), q.PathValue("id"))
		if err != nil {
			return nil, f, err
		}
		f.API, f.Managed, f.Edit = a, a.Managed, f.Edit && !a.Managed
	}
	for _, t := range tabs {
		f.Tabs = append(f.Tabs, link{Name: t.Name, Address: apiAddress(f.API.ID, t.Address), Here: t.Address == tab})
	}
	return f.API, f, nil
}

// apiForm is the settings of an API as people type them.
type apiForm struct {
	Name, Lifetime, Alg   string
	Offline, SkipConsent  bool
	Policies, Permissions bool
}

// apiDoc is what the pages read of an API's document.
type apiDoc struct {
	SkipConsent bool    `json:"skip_consent_for_verifiable_first_party_clients"`
	Scopes      []scope `json:"scopes"`
}

type scope struct {
	Value       string `json:"value"`
	Description string `json:"description"`
}

func readAPIDoc(a *tenant.API) (apiDoc, error) {
	var doc apiDoc
	if err := json.Unmarshal(a.Doc, &doc); err != nil {
		return doc, fmt.Errorf("read API: %w", err)
	}
	return doc, nil
}

func apiFormOf(a *tenant.API) (apiForm, error) {
	doc, err := readAPIDoc(a)
	f := apiForm{
		Name: a.Name, Lifetime: strconv.Itoa(int(a.TokenLifetime.Seconds())), Alg: a.SigningAlg,
		Offline: a.AllowOfflineAccess, SkipConsent: doc.SkipConsent, Policies: a.Policies, Permissions: a.Profile == dialectPermissions,
	}
	tidy(f.fields())
	return f, err
}

// fields are those of the page, in its order.
func (f *apiForm) fields() []formField {
	return []formField{
		line("name", "Name", &f.Name), pick("signing_alg", "Signing Algorithm", &f.Alg),
		line("token_lifetime", "Maximum Access Token Lifetime", &f.Lifetime), box("allow_offline_access", "Allow Offline Access", &f.Offline),
		box("skip_consent", "Allow Skipping User Consent", &f.SkipConsent), box("enforce_policies", "Enable RBAC", &f.Policies),
		box("permissions", "Add Permissions in the Access Token", &f.Permissions),
	}
}

// The dialects of access tokens that the page switches between. Others are left
// alone.
const (
	dialectPlain       = "access_token"
	dialectPermissions = "access_token_authz"
)

// apiPage is the settings of an API.
type apiPage struct {
	apiFrame
	edit
	Form    apiForm
	Address string
	Algs    []choice
}

func (d *Dashboard) apiSettings(w http.ResponseWriter, q *request) error {
	a, f, err := d.api(q, tabSettings)
	if err != nil {
		return err
	}
	form, err := apiFormOf(a)
	if err != nil {
		return err
	}
	return d.showAPI(w, q, apiPage{apiFrame: f, Form: form})
}

func (d *Dashboard) showAPI(w http.ResponseWriter, q *request, p apiPage) error {
	stored, err := apiFormOf(p.API)
	if err != nil {
		return err
	}
	p.about(apiState(p.API), stored.fields())
	p.Address = apiAddress(p.API.ID, tabSettings)
	p.Algs = chosen(p.Form.Alg, choice{Value: "RS256", Name: "RS256"}, choice{Value: "ES256", Name: "ES256"})
	v := view{Title: p.API.Name, Script: "form.js", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p}
	return d.show(w, q, "api-settings", v)
}

func (d *Dashboard) saveAPI(w http.ResponseWriter, q *request) error {
	a, frame, err := d.api(q, tabSettings)
	if err != nil {
		return err
	}
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	stored, err := apiFormOf(a)
	if err != nil {
		return err
	}
	p := apiPage{apiFrame: frame, edit: edited(f, "seen"), Form: stored}
	read(f, p.Form.fields())
	switch {
	case a.Managed:
		return manage.ErrManaged
	case p.Seen == "":
		return errNoVersion
	case p.Seen != apiState(a):
		return d.showStaleAPI(w, q, p)
	}
	change := changes(p.Form.patch(a, p.Wrong), stored.patch(a, map[string]string{}))
	if len(change) == 0 {
		return leave(w, q.Request, apiAddress(a.ID, tabSettings)+"?done=saved")
	}
	if len(p.Wrong) > 0 {
		return d.showAPI(w, q, p)
	}
	err = d.patchAPI(q, a.ID, p.Seen, change)
	if errors.Is(err, manage.ErrStale) {
		return d.showStaleAPI(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showAPI(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, apiAddress(a.ID, tabSettings)+"?done=saved")
}

// apiState names a state of an API: no two have the same.
func apiState(a *tenant.API) string { return strconv.FormatInt(a.UpdatedAt.UnixMilli(), 10) }

// showStaleAPI shows what was typed on top of what somebody else stored
// meanwhile.
func (d *Dashboard) showStaleAPI(w http.ResponseWriter, q *request, p apiPage) error {
	a, frame, err := d.api(q, tabSettings)
	if err != nil {
		return err
	}
	stored, err := apiFormOf(a)
	if err != nil {
		return err
	}
	p.apiFrame = frame
	p.stale("this API since you opened it", p.Form.fields(), stored.fields())
	p.Form.patch(a, p.Wrong)
	return d.showAPI(w, q, p)
}

// patch is all that the form says; what is wrong with it is put beside.
func (f *apiForm) patch(a *tenant.API, wrong map[string]string) map[string]any {
	const month = 2592000
	number, err := strconv.Atoi(f.Lifetime)
	if err != nil || number < 1 || number > month {
		wrong["token_lifetime"] = fmt.Sprintf("Enter seconds, up to %d (thirty days).", month)
	}
	patch := map[string]any{
		"name": f.Name, "signing_alg": f.Alg, "allow_offline_access": f.Offline, "enforce_policies": f.Policies,
		"token_lifetime": number,
		"skip_consent_for_verifiable_first_party_clients": f.SkipConsent,
	}
	if f.Name == "" {
		wrong["name"] = "Give the API a name."
	}
	switch {
	case f.Permissions:
		patch["token_dialect"] = dialectPermissions
	case a.Profile == dialectPermissions:
		patch["token_dialect"] = dialectPlain
	}
	return patch
}

// patchAPI changes an API as it was when the page was made.
func (d *Dashboard) patchAPI(q *request, id, seen string, change map[string]any) error {
	at, err := strconv.ParseInt(seen, 10, 64)
	if err != nil || at <= 0 {
		return errNoVersion
	}
	raw, body, err := document(change)
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeAPI(q.Context(), q.actor(raw), id, manage.Patch{Body: body, Seen: time.UnixMilli(at)})
	return err
}

func (d *Dashboard) apiDeletion(q *request) (deletionPage, error) {
	a, _, err := d.api(q, tabSettings)
	if err != nil {
		return deletionPage{}, err
	}
	grants, err := d.Manage.ListClientGrants(q.Context(), manage.GrantQuery{Audience: a.Identifier}, everything())
	if err != nil {
		return deletionPage{}, err
	}
	return deletionPage{
		What: "API", Name: a.Name, Back: apiAddress(a.ID, tabSettings), Effects: []string{
			"No new tokens are made for " + a.Identifier + ". Those that are out are good until they expire.",
			counted(len(grants.Items), "application loses", "applications lose") + " the right to ask for it in its own name.",
		},
	}, nil
}

func (d *Dashboard) confirmAPIDeletion(w http.ResponseWriter, q *request) error {
	p, err := d.apiDeletion(q)
	if err != nil {
		return err
	}
	return d.showDeletion(w, q, p)
}

func (d *Dashboard) deleteAPI(w http.ResponseWriter, q *request) error {
	p, err := d.apiDeletion(q)
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
	err = d.Manage.DeleteAPI(q.Context(), q.actor(nil), q.PathValue("id"))
	if told := fault.Of(err); err != nil && told.Kind == fault.Conflict {
		p.Problem = told.Message
		return d.showDeletion(w, q, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathAPIs+"?done=deleted")
}
