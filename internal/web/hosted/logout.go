package hosted

import (
	"net/http"

	"github.com/doorcode/doorcode/internal/logout"
	"github.com/doorcode/doorcode/internal/oauth"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// An endpoint is one of the two that people are sent to. Its name is in the form
// of the page that asks them.
const (
	endpointAuth0 = "v2"
	endpointOIDC  = "oidc"
)

// logoutParameters are what a request to an endpoint may say, and what the page
// that asks gives back.
func logoutParameters(endpoint string) []string {
	if endpoint == endpointAuth0 {
		return []string{"client_id", "returnTo"}
	}
	return []string{"id_token_hint", "logout_hint", "client_id", "post_logout_redirect_uri", "state"}
}

// logoutAuth0 serves /v2/logout.
func (p *Pages) logoutAuth0(w http.ResponseWriter, r *http.Request) error {
	return p.leave(w, r, endpointAuth0, false)
}

// logoutOIDC serves /oidc/logout.
func (p *Pages) logoutOIDC(w http.ResponseWriter, r *http.Request) error {
	return p.leave(w, r, endpointOIDC, false)
}

// confirmLogout takes the answer of somebody who was asked. What they were asked
// about is in the form, and judged again: the form proves only that the page was
// ours, and nobody is sent further by it than without it.
func (p *Pages) confirmLogout(w http.ResponseWriter, r *http.Request) error {
	return p.leave(w, r, "", true)
}

func (p *Pages) leave(w http.ResponseWriter, r *http.Request, endpoint string, confirmed bool) error {
	params, repeated, err := web.ReadForm(w, r, web.AuthLimit)
	if err != nil {
		return err
	}
	rec := web.RecordOf(r.Context())
	if confirmed {
		endpoint = params.Get("endpoint")
		switch {
		case len(repeated) > 0, endpoint != endpointAuth0 && endpoint != endpointOIDC:
			return errForm
		case params.Get("logout") != "confirm":
			return p.showLogout(w, "left", farewell{Title: "You are still signed in", Lang: "en", Dir: "ltr", Text: "You can close this page."})
		}
	}
	b := p.browser(r)
	from := logout.Browser{Session: b.Session, IP: b.IP, UserAgent: b.UserAgent}
	req := logout.Request{Values: params, Repeated: repeated, Confirmed: confirmed}
	end := p.Logout.OIDC
	if endpoint == endpointAuth0 {
		end = p.Logout.Auth0
	}
	step, err := end(r.Context(), req, from)
	rec.Event = step.Event
	if step.Client != nil {
		rec.ClientID = string(step.Client.ID)
	}
	switch {
	case err != nil:
		return err
	case step.Ask:
		return p.askLogout(w, endpoint, params, step.Client)
	}
	if b.Session != "" {
		p.forget(w)
	}
	switch {
	case step.Location != "" && r.Method == http.MethodPost:
		p.redirect(w, step.Location)
		return nil
	case step.Location != "":
		w.Header().Set("Location", step.Location)
		w.WriteHeader(http.StatusFound) // as Auth0
		return nil
	}
	return p.showLogout(w, "left", farewell{
		Title: "You are signed out", Lang: "en", Dir: "ltr", Text: "You can close this page, or go back to the application to sign in again.",
	})
}

// forget takes the session out of the browser, with what it has kept of our
// pages (OWASP ASVS 14.3.1). "cookies" is not cleared: that would be those of
// the whole site, the application's among them. That somebody has signed in here
// before stays known: it keeps others from locking them out (R4).
func (p *Pages) forget(w http.ResponseWriter) {
	c := p.cookie(sessionCookie, "", http.SameSiteLaxMode)
	if p.HTTPS {
		c.SameSite = http.SameSiteNoneMode
	}
	c.MaxAge = -1
	http.SetCookie(w, c)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
}

// farewell is what the pages of a logout show.
type farewell struct {
	Title, Lang, Dir string
	Text             string
	App              string
	Endpoint         string
	Fields           []oauth.Pair
}

// askLogout asks whether to sign out.
func (p *Pages) askLogout(w http.ResponseWriter, endpoint string, params web.Params, client *tenant.Client) error {
	d := farewell{Title: "Sign out?", Lang: "en", Dir: "ltr", Endpoint: endpoint}
	if client != nil {
		d.App = client.Name
	}
	for _, name := range logoutParameters(endpoint) {
		if params.Has(name) {
			d.Fields = append(d.Fields, oauth.Pair{Name: name, Value: params.Get(name)})
		}
	}
	return p.showLogout(w, "logout", d)
}

// showLogout shows a page of a logout. Whoever has opened it has no hold on it.
func (p *Pages) showLogout(w http.ResponseWriter, name string, d farewell) error {
	w.Header().Set("Cross-Origin-Opener-Policy", "same-origin")
	return p.write(w, http.StatusOK, name, d)
}
