package dashboard

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/tenant"
)

// settingsRoutes are the pages of the tenant's settings.
func (d *Dashboard) settingsRoutes(mux *http.ServeMux) {
	d.page(mux, "GET "+pathSettings, tenant.Viewer, d.general)
	d.page(mux, "POST "+pathSettings, tenant.Editor, d.saveGeneral)
	d.page(mux, "GET "+pathSettings+"/code", tenant.Viewer, d.configAsCode)
	d.page(mux, "POST "+pathSettings+"/code", tenant.Editor, d.export)
}

// generalForm is the tenant's settings as people type them.
type generalForm struct {
	FriendlyName, SupportEmail, SupportURL string
	Picture                                string
	Audience, Locales, ErrorPage, LoginURI string
	LogoutURLs                             string
	Lifetime, Idle                         string // hours
	SMSHour, SMSDay                        string
	Standards, Legacy, Connections         bool
}

func generalFormOf(set *tenant.Settings) generalForm {
	hours := func(life, otherwise time.Duration) string {
		if life <= 0 {
			life = otherwise
		}
		return strconv.FormatFloat(life.Hours(), 'f', -1, 64)
	}
	f := generalForm{
		FriendlyName: set.FriendlyName, Picture: set.PictureURL, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL, Audience: set.DefaultAudience,
		Locales: or(strings.Join(set.EnabledLocales, " "), "en"), ErrorPage: set.ErrorPage, LoginURI: set.LoginURI, LogoutURLs: lines(set.LogoutURLs),
		Lifetime: hours(set.Sessions.Lifetime, tenant.DefaultSessionLifetime), Idle: hours(set.Sessions.Idle, tenant.DefaultSessionIdle),
		SMSHour: strconv.Itoa(set.SMSBudget.Hour), SMSDay: strconv.Itoa(set.SMSBudget.Day),
		Standards: set.Flags.StandardsStrict, Legacy: set.Flags.LegacyPipeline, Connections: set.Flags.ClientConnections,
	}
	tidy(f.fields())
	return f
}

// fields are those of the page, in its order.
func (f *generalForm) fields() []formField {
	return []formField{
		line("friendly_name", "Friendly Name", &f.FriendlyName), line("picture_url", "Logo URL", &f.Picture),
		line("support_email", "Support Email", &f.SupportEmail), line("support_url", "Support URL", &f.SupportURL),
		line("enabled_locales", "Enabled languages", &f.Locales),
		line("session_lifetime", "Require log in after", &f.Lifetime), line("idle_session_lifetime", "Inactivity timeout", &f.Idle),
		line("default_audience", "Default Audience", &f.Audience),
		line("default_redirection_uri", "Tenant Login URI", &f.LoginURI), line("error_page", "Error page", &f.ErrorPage),
		area("allowed_logout_urls", "Allowed Logout URLs", &f.LogoutURLs),
		line("sms_per_hour", "Messages in an hour", &f.SMSHour), line("sms_per_day", "Messages in a day", &f.SMSDay),
		box("enable_client_connections", "Enable Application Connections", &f.Connections),
		box("standards_strict", "Answer in the standards’ form where Auth0’s differs", &f.Standards),
		box("enable_legacy_pipeline", "Applications from before OpenID Connect", &f.Legacy),
	}
}

// change is what the form asks for and the settings have not; what is wrong with
// the form is put beside.
func (f *generalForm) change(set *tenant.Settings, wrong map[string]string) (map[string]any, error) {
	stored := generalFormOf(set)
	change := changes(f.patch(wrong), stored.patch(map[string]string{}))
	return change, overlay(change, set.Doc, "error_page", "doorcode")
}

// patch is all that the form says; what is wrong with it is put beside.
func (f *generalForm) patch(wrong map[string]string) map[string]any {
	hours := func(field, text string) float64 {
		h, err := strconv.ParseFloat(text, 64)
		if err != nil || !(h > 0 && h <= 8760) {
			wrong[field] = "Enter hours, more than 0 and at most 8760 (a year)."
		}
		return h
	}
	count := func(field, text string) int {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 || n > 100_000_000 {
			wrong[field] = "Enter a number of messages, 0 for no bound."
		}
		return n
	}
	for _, line := range entries(f.LogoutURLs) {
		if problem := addressProblem("allowed_logout_urls", line); problem != "" {
			wrong["allowed_logout_urls"] = fmt.Sprintf("%s: %s", line, problem)
		}
	}
	life, idle := hours("session_lifetime", f.Lifetime), hours("idle_session_lifetime", f.Idle)
	if len(wrong) == 0 && idle > life {
		wrong["idle_session_lifetime"] = "A session cannot be idle for longer than it lives: make this at most the lifetime."
	}
	locales := strings.FieldsFunc(f.Locales, func(r rune) bool { return r == ' ' || r == ',' })
	patch := map[string]any{
		"friendly_name": unless(f.FriendlyName, ""), "picture_url": unless(f.Picture, ""), "support_email": unless(f.SupportEmail, ""), "support_url": unless(f.SupportURL, ""),
		"default_audience": unless(f.Audience, ""), "default_redirection_uri": unless(f.LoginURI, ""), "allowed_logout_urls": entries(f.LogoutURLs),
		"session_lifetime": life, "idle_session_lifetime": idle,
		"doorcode": map[string]any{"sms_per_hour": count("sms_per_hour", f.SMSHour), "sms_per_day": count("sms_per_day", f.SMSDay)},
		"flags": map[string]any{
			"standards_strict": f.Standards, "enable_legacy_pipeline": f.Legacy, "enable_client_connections": f.Connections,
		},
	}
	if len(locales) == 0 {
		locales = []string{"en"} // there is always one
	}
	patch["enabled_locales"] = locales
	for name, address := range map[string]string{"default_redirection_uri": f.LoginURI, "picture_url": f.Picture} {
		if address != "" && !strings.HasPrefix(address, "https://") {
			wrong[name] = "Enter a whole address that begins with https://."
		}
	}
	patch["error_page"] = map[string]any{"url": unless(f.ErrorPage, "")}
	if problem := addressProblem("error_page", f.ErrorPage); f.ErrorPage != "" && problem != "" {
		wrong["error_page"] = "Here, " + problem
	}
	return patch
}

// generalPage is the tenant's settings.
type generalPage struct {
	edit
	Form    generalForm
	Address string
	Managed bool
	Edit    bool
	Tabs    []link
	Issuer  string
}

func settingsTabs(here string) []link {
	tabs := []link{{Name: "General", Address: pathSettings}, {Name: "Config as code", Address: pathSettings + "/code"}}
	for i := range tabs {
		tabs[i].Here = tabs[i].Address == here
	}
	return tabs
}

func (d *Dashboard) general(w http.ResponseWriter, q *request) error {
	set, err := d.Manage.Settings(q.Context())
	if err != nil {
		return err
	}
	return d.showGeneral(w, q, set, generalPage{Form: generalFormOf(set)})
}

func (d *Dashboard) showGeneral(w http.ResponseWriter, q *request, set *tenant.Settings, p generalPage) error {
	stored := generalFormOf(set)
	p.about(manage.SettingsState(set), stored.fields())
	p.Address, p.Tabs, p.Issuer = pathSettings, settingsTabs(pathSettings), d.URL+"/"
	p.Managed, p.Edit = set.Managed, !set.Managed && q.Who.Role.May(tenant.Editor)
	return d.show(w, q, "general", view{Title: "Settings", Script: "form.js", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p})
}

// saveGeneral stores what was typed, or says what is wrong with it.
func (d *Dashboard) saveGeneral(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	set, err := d.Manage.Settings(q.Context())
	if err != nil {
		return err
	}
	p := generalPage{edit: edited(f, "seen"), Form: generalFormOf(set)}
	read(f, p.Form.fields())
	switch {
	case set.Managed:
		return manage.ErrManaged
	case p.Seen == "":
		return errNoVersion
	case p.Seen != manage.SettingsState(set):
		return d.showStaleGeneral(w, q, p)
	}
	change, err := p.Form.change(set, p.Wrong)
	if err != nil {
		return err
	}
	if len(change) == 0 {
		return leave(w, q.Request, pathSettings+"?done=saved")
	}
	if len(p.Wrong) > 0 {
		return d.showGeneral(w, q, set, p)
	}
	raw, body, err := document(change)
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeSettings(q.Context(), q.actor(raw), body, p.Seen)
	if errors.Is(err, manage.ErrStale) {
		return d.showStaleGeneral(w, q, p)
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return d.showGeneral(w, q, set, p)
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathSettings+"?done=saved")
}

// showStaleGeneral shows what was typed on top of what somebody else stored
// meanwhile.
func (d *Dashboard) showStaleGeneral(w http.ResponseWriter, q *request, p generalPage) error {
	set, err := d.Manage.Settings(q.Context())
	if err != nil {
		return err
	}
	stored := generalFormOf(set)
	p.stale("the settings since you opened them", p.Form.fields(), stored.fields())
	p.Form.patch(p.Wrong)
	return d.showGeneral(w, q, set, p)
}

// codeOfAll is the page about the whole configuration.
type codeOfAll struct {
	Tabs    []link
	Managed []string // what the configuration file manages, in words
	Edit    bool
}

// configAsCode says what the configuration file manages, and offers everything
// else for one.
func (d *Dashboard) configAsCode(w http.ResponseWriter, q *request) error {
	p := codeOfAll{Tabs: settingsTabs(pathSettings + "/code"), Edit: q.Who.Role.May(tenant.Editor)}
	set, err := d.Manage.Settings(q.Context())
	if err != nil {
		return err
	}
	if set.Managed {
		p.Managed = append(p.Managed, "the settings")
	}
	clients, err := d.Manage.ListClients(q.Context(), manage.ClientQuery{}, everything())
	if err != nil {
		return err
	}
	for _, c := range clients.Items {
		if c.Managed {
			p.Managed = append(p.Managed, "the application "+c.Name)
		}
	}
	apis, err := d.Manage.ListAPIs(q.Context(), nil, everything())
	if err != nil {
		return err
	}
	for _, a := range apis.Items {
		if a.Managed {
			p.Managed = append(p.Managed, "the API "+a.Name)
		}
	}
	connections, err := d.Manage.ListConnections(q.Context(), manage.ConnectionQuery{}, everything())
	if err != nil {
		return err
	}
	for _, c := range connections.Items {
		if c.Managed {
			p.Managed = append(p.Managed, "the connection "+c.Name)
		}
	}
	return d.show(w, q, "config-as-code", view{Title: "Settings", Body: p})
}

// export sends the configuration as a file. It says how sign-ins are set up, so
// it asks for a fresh proof (R20).
func (d *Dashboard) export(w http.ResponseWriter, q *request) error {
	if !d.Admins.Fresh(q.Session) {
		return d.demandProof(w, q, pathSettings+"/code")
	}
	all, err := d.Manage.Export(q.Context(), q.actor(nil))
	if err != nil {
		return err
	}
	text, err := d.YAML(all.Bytes())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/yaml; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="doorcode.yaml"`)
	_, err = w.Write(text)
	return err
}
