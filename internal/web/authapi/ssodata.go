package authapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/doorcode/doorcode/internal/authorize"
	"github.com/doorcode/doorcode/internal/tenant"
	"github.com/doorcode/doorcode/internal/web"
)

// ssoReply is what auth0.js's getSSOData gives its caller.
type ssoReply struct {
	SSO        bool              `json:"sso"`
	Connection *connectionInfo   `json:"lastUsedConnection,omitempty"`
	User       tenant.UserID     `json:"lastUsedUserID,omitempty"`
	Username   string            `json:"lastUsedUsername,omitempty"`
	Client     tenant.ClientID   `json:"lastUsedClientID,omitempty"`
	Clients    []tenant.ClientID `json:"sessionClients,omitempty"`
}

// ssoData says whether somebody is signed in, without a redirect: GET
// /user/ssodata. A page of another origin that may not know is told that nobody
// is, as if it were so.
func (a *API) ssoData(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	origins, err := a.Origins(r.Context())
	if err != nil {
		return err
	}
	q := authorize.SSOQuery{Origin: a.foreign(r)}
	if id := r.URL.Query().Get("client_id"); id != "" {
		q.Client = a.remember(r, tenant.ClientID(id), "")
	}
	web.CORSWithCookies(w, r, func(origin string) bool {
		if q.Client != nil {
			return slices.Contains(q.Client.WebOrigins, origin)
		}
		return origins[origin] // which is told nothing
	})
	b := a.browser(r)
	if cookies := r.CookiesNamed(web.CookieName(web.SessionName, a.https())); len(cookies) == 1 {
		b.Session = cookies[0].Value
	}
	sso, err := a.Authorize.SSO(r.Context(), q, b)
	if err != nil {
		return err
	}
	if sso == nil {
		return web.WriteJSON(w, http.StatusOK, ssoReply{})
	}
	out := ssoReply{SSO: true, User: sso.User.ID, Username: sso.User.Email}
	if out.Username == "" {
		out.Username = sso.User.Name
	}
	if c := sso.Connection; c != nil {
		out.Connection = &connectionInfo{Name: c.Name, Strategy: c.Channel}
	}
	if sso.Used {
		out.Client, out.Clients = q.Client.ID, []tenant.ClientID{q.Client.ID}
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// foreign is the origin of the page that asks, empty if it is one of ours.
// Browsers name none where a page could not read the answer anyway, and then
// say whether it is of another site.
func (a *API) foreign(r *http.Request) string {
	origin := r.Header.Get("Origin")
	switch site := r.Header.Get("Sec-Fetch-Site"); {
	case origin == strings.TrimSuffix(a.Issuer, "/"):
		return ""
	case origin == "" && (site == "" || site == "same-origin" || site == "none"):
		return ""
	case origin == "":
		return "null"
	}
	return origin
}
