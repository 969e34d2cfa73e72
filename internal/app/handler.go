package app

import (
	"net/http"
	"strings"

	"github.com/doorcode/doorcode/internal/config"
	"github.com/doorcode/doorcode/internal/web"
	"github.com/doorcode/doorcode/internal/web/authapi"
	"github.com/doorcode/doorcode/internal/web/dashboard"
	"github.com/doorcode/doorcode/internal/web/hooks"
	"github.com/doorcode/doorcode/internal/web/hosted"
	outboxweb "github.com/doorcode/doorcode/internal/web/outbox"
)

// handler mounts the surfaces.
func (a *App) handler(send *senders) (http.Handler, error) {
	mux := http.NewServeMux()
	auth := &authapi.API{
		Grants: a.grants, Passwordless: a.signIns, Authorize: a.authorize, Keys: a.Keys, Settings: a.Store.Settings,
		Origins: a.Store.Origins, Issuer: a.issuer(), Tenant: a.tenantName(), Proxies: a.proxies, Log: a.Log, Now: a.now,
	}
	mux.Handle("/", a.home(auth.Handler()))
	reports := &hooks.Hooks{
		Listeners: send.listeners(), Connection: a.Store.ConnectionByID, Reports: a.Store,
		URL: a.url, Log: a.Log, Now: a.now,
	}
	mux.Handle("/hooks/", reports.Handler())
	mux.Handle("/api/", a.management(send))
	for _, root := range []string{"/api", "/hooks", "/u"} {
		// ServeMux would lead there with 307, which sends a form a second time.
		mux.Handle(root, http.NotFoundHandler())
	}
	health(mux)
	login := &hosted.Pages{Authorize: a.authorize, Logout: a.logout, URL: a.url, HTTPS: strings.HasPrefix(a.url, "https://"), Proxies: a.proxies, Log: a.Log}
	loginPages, err := login.Handler()
	if err != nil {
		return nil, err
	}
	mux.Handle("/authorize", loginPages)
	mux.Handle("/u/", loginPages)
	mux.Handle("/passwordless/verify_redirect", loginPages)
	mux.Handle("/passwordless/verify-redirect", loginPages)
	mux.Handle("/activate", loginPages)
	mux.Handle("/v2/logout", loginPages)
	mux.Handle("/oidc/logout", loginPages)
	pages, err := a.dashboard().Handler()
	if err != nil {
		return nil, err
	}
	apart := a.dashboardURL != a.url
	if apart {
		mux.Handle("/dashboard", a.toDashboard())
		mux.Handle("/dashboard/", a.toDashboard())
	} else {
		mux.Handle("/dashboard", pages)
		mux.Handle("/dashboard/", pages)
	}
	if a.Outbox != nil {
		box := outboxweb.Handler(a.Outbox, outboxweb.Options{
			AllowedHosts: a.ownHost, AllowRemote: a.cfg.AllowRemote, Done: a.stopping,
		})
		mux.Handle("/outbox", box)
		mux.Handle("/outbox/", box)
		if apart {
			// The outbox has the Dashboard's style.
			mux.Handle("GET /dashboard/assets/", pages)
		}
	}
	var all http.Handler = mux
	if apart {
		all = a.dashboardApart(mux, pages)
	}
	https := strings.HasPrefix(a.url, "https://")
	return web.Logged(web.Secure(a.ownHosts(all), https), a.Log, web.NewMetrics(a.registry)), nil
}

// health serves what says that the process answers.
func health(mux *http.ServeMux) {
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		_ = web.WriteJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("/health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "Method not allowed.", http.StatusMethodNotAllowed)
	})
}

// dashboardApart serves the Dashboard, and nothing else, under its own host, and
// all else under any other that is ours: no page that a tenant writes has the
// Dashboard's origin.
func (a *App) dashboardApart(public, dashboard http.Handler) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/{$}", http.RedirectHandler("/dashboard", http.StatusFound))
	health(mux)
	mux.Handle("/", dashboard)
	own := a.dashboardHost()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if web.HostName(r) == own {
			mux.ServeHTTP(w, r)
			return
		}
		public.ServeHTTP(w, r)
	})
}

// toDashboard leads from the public host to the Dashboard's. The fragment, which
// the secret of a link may be in, goes along in the browser. A form has no
// business here.
func (a *App) toDashboard() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		web.NoStore(w)
		http.Redirect(w, r, a.dashboardURL+r.URL.RequestURI(), http.StatusFound)
	})
}

// ownHosts refuses requests under another server's name, except for health,
// which monitors ask for by address. Development that other machines may reach
// has whatever names they know it by.
func (a *App) ownHosts(next http.Handler) http.Handler {
	if a.cfg.AllowRemote {
		return next
	}
	known := web.Hosts(next, a.ownHost)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/health" {
			next.ServeHTTP(w, r)
			return
		}
		known.ServeHTTP(w, r)
	})
}

// home serves / and everything that no other surface has.
func (a *App) home(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Method != http.MethodGet {
			next.ServeHTTP(w, r)
			return
		}
		if a.cfg.Mode == config.Dev {
			to := "/dashboard"
			if a.dashboardURL != a.url {
				to = a.Ready.DashboardURL
			}
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		set, err := a.Store.Settings(r.Context())
		if err != nil {
			a.Log.ErrorContext(r.Context(), "read where people should go", "err", err)
		} else if set.LoginURI != "" {
			http.Redirect(w, r, set.LoginURI, http.StatusFound)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("This is a login server. Go to the application you want to sign in to.\n"))
	})
}

// ownHost reports whether a Host header names this server: anything else is
// another site's name made to lead here.
func (a *App) ownHost(host string) bool {
	switch host {
	case "localhost", "127.0.0.1", "::1", a.hostname(), a.dashboardHost():
		return true
	}
	return false
}

// dashboardsHost reports whether a Host header names the Dashboard.
func (a *App) dashboardsHost(host string) bool {
	if a.dashboardURL != a.url {
		return host == a.dashboardHost()
	}
	return a.ownHost(host)
}

// dashboard serves the pages of administrators.
func (a *App) dashboard() *dashboard.Dashboard {
	return &dashboard.Dashboard{
		URL: a.url, Origin: a.dashboardURL, HTTPS: strings.HasPrefix(a.url, "https://"), Outbox: a.Ready.OutboxURL, Dev: a.cfg.Mode == config.Dev,
		AllowRemote: a.cfg.AllowRemote, OwnHost: a.dashboardsHost, Host: a.hostname(), Proxies: a.proxies,
		Admins: a.admins, Manage: a.manager(), SignIns: a.signIns, Grants: a.grants, Ready: a.senders.ready,
		YAML: config.YAML, Log: a.Log, Now: a.now,
	}
}
