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
	return generalForm{
		FriendlyName: set.FriendlyName, Picture: set.PictureURL, SupportEmail: set.SupportEmail, SupportURL: set.SupportURL, Audience: set.DefaultAudience,
		Locales: strings.Join(set.EnabledLocales, " "), ErrorPage: set.ErrorPage, LoginURI: set.LoginURI, LogoutURLs: lines(set.LogoutURLs),
		Lifetime: hours(set.Sessions.Lifetime, tenant.DefaultSessionLifetime), Idle: hours(set.Sessions.Idle, tenant.DefaultSessionIdle),
		SMSHour: strconv.Itoa(set.SMSBudget.Hour), SMSDay: strconv.Itoa(set.SMSBudget.Day),
		Standards: set.Flags.StandardsStrict, Legacy: set.Flags.LegacyPipeline, Connections: set.Flags.ClientConnections,
	}
}

func readGeneralForm(f form) generalForm {
	return generalForm{
		FriendlyName: f.line("friendly_name"), Picture: f.line("picture_url"), SupportEmail: f.line("support_email"), SupportURL: f.line("support_url"), Audience: f.line("default_audience"),
		Locales: f.line("enabled_locales"), ErrorPage: f.line("error_page"), LoginURI: f.line("default_redirection_uri"), LogoutURLs: f.Get("allowed_logout_urls"),
		Lifetime: f.line("session_lifetime"), Idle: f.line("idle_session_lifetime"), SMSHour: f.line("sms_per_hour"), SMSDay: f.line("sms_per_day"),
		Standards: f.on("standards_strict"), Legacy: f.on("enable_legacy_pipeline"), Connections: f.on("enable_client_connections"),
	}
}

// patch is the change that the form asks for; what is wrong with it is put
// beside.
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
	patch := map[string]any{
		"friendly_name": unless(f.FriendlyName, ""), "picture_url": unless(f.Picture, ""), "support_email": unless(f.SupportEmail, ""), "support_url": unless(f.SupportURL, ""),
		"default_audience": unless(f.Audience, ""), "default_redirection_uri": unless(f.LoginURI, ""), "allowed_logout_urls": entries(f.LogoutURLs),
		"session_lifetime": life, "idle_session_lifetime": idle,
		"doorcode": map[string]any{"sms_per_hour": count("sms_per_hour", f.SMSHour), "sms_per_day": count("sms_per_day", f.SMSDay)},
		"flags": map[string]any{
			"standards_strict": f.Standards, "enable_legacy_pipeline": f.Legacy, "enable_client_connections": f.Connections,
		},
	}
	if locales := strings.FieldsFunc(f.Locales, func(r rune) bool { return r == ' ' || r == ',' }); len(locales) > 0 {
		patch["enabled_locales"] = locales
	}
	for name, address := range map[string]string{"default_redirection_uri": f.LoginURI, "picture_url": f.Picture} {
		if address != "" && !strings.HasPrefix(address, "https://") {
			wrong[name] = "Enter a whole address that begins with https://."
		}
	}
	patch["error_page"] = nil
	if f.ErrorPage != "" {
		patch["error_page"] = map[string]any{"url": f.ErrorPage, "show_log_link": false}
		if problem := addressProblem("error_page", f.ErrorPage); problem != "" {
			wrong["error_page"] = "Here, " + problem
		}
	}
	return patch
}

// generalPage is the tenant's settings.
type generalPage struct {
	Form    generalForm
	Wrong   map[string]string
	Problem string
	Seen    string
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
	p.Seen, p.Address, p.Tabs, p.Issuer = manage.SettingsState(set), pathSettings, settingsTabs(pathSettings), d.URL+"/"
	p.Managed, p.Edit = set.Managed, !set.Managed && q.Who.Role.May(tenant.Editor)
	return d.show(w, q, "general", view{Title: "Settings", Script: "form.js", Failed: p.Problem != "" || len(p.Wrong) > 0, Body: p})
}

// saveGeneral stores what was typed, or says what is wrong with it.
func (d *Dashboard) saveGeneral(w http.ResponseWriter, q *request) error {
	f, err := readForm(w, q.Request)
	if err != nil {
		return err
	}
	p := generalPage{Form: readGeneralForm(f), Wrong: map[string]string{}}
	again := func() error {
		set, err := d.Manage.Settings(q.Context())
		if err != nil {
			return err
		}
		return d.showGeneral(w, q, set, p)
	}
	patch := p.Form.patch(p.Wrong)
	if len(p.Wrong) > 0 {
		return again()
	}
	if f.Get("seen") == "" {
		return errNoVersion
	}
	raw, body, err := document(patch)
	if err != nil {
		return err
	}
	_, err = d.Manage.ChangeSettings(q.Context(), q.actor(raw), body, f.Get("seen"))
	if errors.Is(err, manage.ErrStale) {
		p.Problem = "Somebody else has saved the settings since you opened them. Save again to keep what you typed, or discard it."
		return again()
	}
	if told := fault.Of(err); err != nil && (told.Kind == fault.Invalid || told.Kind == fault.Conflict) {
		p.Problem = told.Message
		return again()
	}
	if err != nil {
		return err
	}
	return leave(w, q.Request, pathSettings+"?done=saved")
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
