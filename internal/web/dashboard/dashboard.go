// Package dashboard serves the pages of administrators.
//
// Every state of a page has an address, every change is a form, and all of it
// works without scripts; the few modules of ours only spare a click. Pages load
// nothing from elsewhere and a policy allows them no more. What may be changed,
// how it is checked and what is logged is decided by package manage, as for the
// Management API; who an administrator is, by package admin.
//
// Forms of other sites are refused, and the cookie is not sent with them either
// (SameSite=Strict). A page that shows or changes what lets somebody in asks for
// a proof that is not older than five minutes.
package dashboard

import (
	"context"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/doorcode/doorcode/internal/admin"
	"github.com/doorcode/doorcode/internal/fault"
	"github.com/doorcode/doorcode/internal/grant"
	"github.com/doorcode/doorcode/internal/manage"
	"github.com/doorcode/doorcode/internal/passwordless"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

//go:embed assets
var files embed.FS

// The paths of the pages. Those of connections go on with an id and a tab.
const (
	pathHome           = "/dashboard"
	pathLogin          = "/dashboard/login"
	pathCode           = "/dashboard/login/code"
	pathEmailed        = "/dashboard/login/link"
	pathSetup          = "/dashboard/setup"
	pathLogout         = "/dashboard/logout"
	pathAdministrators = "/dashboard/administrators"
	pathPasswordless   = "/dashboard/connections/passwordless"
	pathApplications   = "/dashboard/applications"
	pathAPIs           = "/dashboard/apis"
	pathUsers          = "/dashboard/users"
	pathMessages       = "/dashboard/messages"
	pathLogs           = "/dashboard/logs"
	pathSettings       = "/dashboard/settings"
	pathSearch         = "/dashboard/search"
	pathAlive          = "/dashboard/alive"
	pathTheme          = "/dashboard/theme"
)

// A Dashboard serves them. All fields but Outbox must be set.
type Dashboard struct {
	URL         string // the public URL, without a slash at its end
	Origin      string // where the Dashboard is: the same, unless it has a host of its own
	Host        string // its host, which codes are filled in for
	HTTPS       bool
	Outbox      string // address of the dev outbox; empty in serve
	Dev         bool   // whoever is on this machine is let in
	AllowRemote bool   // and whoever is not, too
	// OwnHost reports whether a Host header, without its port, names the
	// Dashboard.
	OwnHost func(host string) bool
	Proxies []netip.Prefix

	Admins  *admin.Service
	Manage  *manage.Service
	SignIns *passwordless.Service
	Grants  *grant.Service
	// Ready reports whether a connection has somebody to send through.
	Ready func(ctx context.Context, c *tenant.Connection) (bool, error)
	// YAML writes a JSON document as the configuration file would have it.
	YAML func(document []byte) ([]byte, error)
	Log  *slog.Logger
	Now  func() time.Time

	pages    *template.Template
	patterns []string // of all routes
}

// Handler returns the handler of /dashboard and what is below it. It fails only
// if an embedded template is broken.
func (d *Dashboard) Handler() (http.Handler, error) {
	var err error
	if d.pages, err = template.New("").Funcs(d.functions()).ParseFS(files, "assets/*.html"); err != nil {
		return nil, fmt.Errorf("parse Dashboard: %w", err)
	}
	mux := http.NewServeMux()
	d.signInRoutes(mux)
	d.homeRoutes(mux)
	d.page(mux, "GET "+pathAdministrators, tenant.Owner, d.administrators)
	d.page(mux, "POST "+pathAdministrators, tenant.Owner, d.changeAdministrators)
	d.page(mux, "GET "+pathAdministrators+"/{id}/remove", tenant.Owner, d.confirmRemoval)
	d.page(mux, "POST "+pathAdministrators+"/{id}/remove", tenant.Owner, d.removeAdministrator)
	d.page(mux, "GET "+pathSearch, tenant.Viewer, d.search)
	d.page(mux, "POST "+pathTheme, tenant.Viewer, d.pickTheme)
	d.page(mux, "GET "+pathAlive, tenant.Viewer, func(w http.ResponseWriter, _ *request) error {
		w.WriteHeader(http.StatusNoContent)
		return nil
	})
	d.connectionRoutes(mux)
	d.applicationRoutes(mux)
	d.apiRoutes(mux)
	d.userRoutes(mux)
	d.messageRoutes(mux)
	d.logRoutes(mux)
	d.settingsRoutes(mux)
	d.route(mux, "GET /dashboard/assets/{name}", d.asset)
	d.route(mux, "/", func(http.ResponseWriter, *http.Request) error { return errNoPage })
	guard := http.NewCrossOriginProtection()
	if err := guard.AddTrustedOrigin(d.Origin); err != nil {
		return nil, fmt.Errorf("trust the Dashboard's own pages: %w", err)
	}
	guard.SetDenyHandler(d.handle(func(http.ResponseWriter, *http.Request) error { return errForeign }))
	return guard.Handler(mux), nil
}

var (
	errForeign = fault.New(fault.Denied, "access_denied", "This form came from another site.")
	errNoPage  = fault.New(fault.NotFound, "not_found", "There is no such page.")
	errRole    = fault.New(fault.Denied, "insufficient_role", "Your role does not allow this. An owner can change it under Administrators.")
)

// handle serves what needs no administrator.
func (d *Dashboard) handle(fn web.HandlerFunc) http.Handler {
	return web.Handle(func(w http.ResponseWriter, r *http.Request) error {
		web.NoStore(w)
		return fn(w, r)
	}, d.writeError)
}

// route serves a pattern, and is how every page is.
func (d *Dashboard) route(mux *http.ServeMux, pattern string, fn web.HandlerFunc) {
	d.patterns = append(d.patterns, pattern)
	mux.Handle(pattern, d.handle(fn))
}

// page serves what an administrator with the role sees.
func (d *Dashboard) page(mux *http.ServeMux, pattern string, need tenant.AdministratorRole, fn func(http.ResponseWriter, *request) error) {
	d.route(mux, pattern, func(w http.ResponseWriter, r *http.Request) error {
		if !isText(r.URL) {
			return errNoPage
		}
		q, err := d.request(r)
		switch {
		case fault.Has(err, fault.NotFound):
			return d.demandSignIn(w, r)
		case err != nil:
			return err
		case !q.Who.Role.May(need):
			return errRole
		}
		return fn(w, q)
	})
}

// asset serves style and scripts.
func (d *Dashboard) asset(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("name")
	if !strings.HasSuffix(name, ".css") && !strings.HasSuffix(name, ".js") {
		return errNoPage // templates are not served
	}
	if _, err := fs.Stat(files, "assets/"+name); err != nil {
		return errNoPage
	}
	w.Header().Del("Pragma")
	w.Header().Set("Cache-Control", "public, max-age=300")
	http.ServeFileFS(w, r, files, "assets/"+name)
	return nil
}
